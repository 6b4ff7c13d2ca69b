// Talking with an agent: one's own conversations beside the one that is open, or all that it was asked.
import type { AgentView } from '@blackroad/protocol';
import { ChevronDown, MessagesSquare } from 'lucide-react';
import { useState } from 'react';
import { useMay } from '../../data/session.tsx';
import { useAddress } from '../../kit/address.ts';
import { Button } from '../../kit/button.tsx';
import { Panel } from '../../kit/layout.tsx';
import { useIsPhone } from '../../kit/use-phone.ts';
import { ConversationChat, NewChat } from '../chat/conversation-chat.tsx';
import { ConversationList } from '../chat/conversation-list.tsx';
import { everything } from '../chat/everything.ts';
import { AllAsked } from './all-asked.tsx';

export default function AgentChat({ agent }: { agent: AgentView }) {
  const may = useMay();
  const isPhone = useIsPhone();
  const [isListOpen, openList] = useState(false);
  const [chosen, choose] = useAddress('/agents/$agent', 'conversation');
  const mayTalk = may('ask') && may('conversationOpen');
  if (!mayTalk && chosen === '') {
    return (
      <Panel bare className="chat">
        <AllAsked agent={agent} />
      </Panel>
    );
  }
  const list = (
    <ConversationList
      agent={agent.name}
      chosen={chosen}
      choose={(id) => {
        choose(id);
        openList(false);
      }}
    />
  );
  return (
    <Panel bare className="chat">
      <div className="chat-frame">
        {mayTalk && !isPhone && list}
        {mayTalk && isPhone && (
          <>
            <Button
              look="quiet"
              icon={<MessagesSquare />}
              className="chat-side-opener"
              aria-expanded={isListOpen}
              onClick={() => openList((was) => !was)}
            >
              Conversations <ChevronDown aria-hidden="true" />
            </Button>
            {isListOpen && list}
          </>
        )}
        {chosen === everything ? (
          <AllAsked agent={agent} />
        ) : chosen === '' ? (
          <NewChat agent={agent} begun={choose} />
        ) : (
          <ConversationChat key={chosen} id={chosen} agent={agent} begun={choose} />
        )}
      </div>
    </Panel>
  );
}
