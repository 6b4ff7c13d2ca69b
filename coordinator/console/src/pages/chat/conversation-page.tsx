// A conversation by its link: to be read by everyone whom its owner lets, without a way to go on with it.
import type { ConversationWhole } from '@blackroad/protocol';
import { Link, useParams } from '@tanstack/react-router';
import { MessageCircle } from 'lucide-react';
import { useMemo, useState } from 'react';
import { useConversation } from '../../data/conversations.ts';
import { Time } from '../../fleet/time.tsx';
import { LinkButton } from '../../kit/button.tsx';
import { PageHead, Panel } from '../../kit/layout.tsx';
import { Empty, Loading } from '../../kit/states.tsx';
import { Tag } from '../../kit/status.tsx';
import { pathTo } from './turn-tree.ts';
import { Turns } from './turns.tsx';

export default function ConversationPage() {
  const { conversation: id } = useParams({ from: '/conversations/$conversation' });
  const { data, error } = useConversation(id);
  if (data) return <One key={id} whole={data} />;
  return (
    <>
      <PageHead title="Conversation" />
      {error ? (
        <Empty title="There is nothing to read here" icon={<MessageCircle />}>
          <p>{error.message}</p>
        </Empty>
      ) : (
        <Loading lines={8} label="Loading the conversation" />
      )}
    </>
  );
}

function One({ whole }: { whole: ConversationWhole }) {
  const [leaf, setLeaf] = useState<string | null>(null);
  const path = useMemo(() => pathTo(whole.turns, leaf), [whole, leaf]);
  const { agent, title, isOwn, isShared, by, updatedMs } = whole;
  return (
    <div className="page-stack">
      <PageHead
        title={title || 'Conversation'}
        mark={isShared && <Tag>shared</Tag>}
        text={
          <>
            With{' '}
            <Link to="/agents/$agent" params={{ agent }}>
              {agent}
            </Link>
            , by {by.name}, last <Time at={updatedMs} />
          </>
        }
        actions={
          isOwn && (
            <LinkButton to="/agents/$agent" params={{ agent }} search={{ conversation: whole.id }}>
              Go on with it
            </LinkButton>
          )
        }
      />
      <Panel bare className="chat chat-read">
        <Turns
          conversation={whole.id}
          label={`Conversation with ${agent}`}
          agent={null}
          turns={whole.turns}
          path={path}
          acts={null}
          setLeaf={setLeaf}
        >
          {path.length === 0 && <p className="dim">Nothing was said yet.</p>}
        </Turns>
      </Panel>
    </div>
  );
}
