// Everything that an agent was asked, by whomever, and its answers: conversations, programs, automations.
import type { AgentView } from '@blackroad/protocol';
import { ChevronUp, MessageCircle } from 'lucide-react';
import { useTaskPages } from '../../data/task-pages.ts';
import { Button } from '../../kit/button.tsx';
import { Empty, Failure, Loading } from '../../kit/states.tsx';
import { useEnd } from '../chat/use-end.ts';
import { isOpen } from '../tasks/task-states.ts';
import { Exchange } from './chat-exchange.tsx';

const perPage = 20;
/** A browser allows six connections to one host, and the page needs some of them. */
const followedAtOnce = 3;

export function AllAsked({ agent }: { agent: AgentView }) {
  const { rows, whole, error, retry, older, busy } = useTaskPages({ agent: agent.name }, perPage);
  const exchanges = [...rows].reverse();
  const open = rows.filter(isOpen).slice(0, followedAtOnce);
  const { list, onScroll } = useEnd(exchanges.length);
  return (
    <div className="chat-main">
      <div
        ref={list}
        className="chat-list"
        role="log"
        aria-label={`All that ${agent.name} was asked`}
        aria-live="off"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with keys
        tabIndex={0}
        onScroll={onScroll}
      >
        {error && <Failure error={error} retry={retry} />}
        {!whole && !error && <Loading lines={4} label="Loading earlier messages" />}
        {older && (
          <div className="chat-older">
            <Button look="quiet" icon={<ChevronUp />} busy={busy} onClick={older}>
              Earlier
            </Button>
          </div>
        )}
        {whole && exchanges.length === 0 && (
          <Empty title="Nobody has asked it anything yet" icon={<MessageCircle />}>
            <p>What people, programs and its own triggers ask it stands here.</p>
          </Empty>
        )}
        {exchanges.map((task) => (
          <Exchange key={task.id} agent={agent} task={task} follow={open.includes(task)} />
        ))}
      </div>
    </div>
  );
}
