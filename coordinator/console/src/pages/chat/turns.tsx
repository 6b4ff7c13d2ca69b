// The messages of a conversation and their answers, along one way through its tries, with what tells why an answer is as it is.
import type { AgentView, ConversationTask } from '@blackroad/protocol';
import { type ReactNode, useCallback, useState } from 'react';
import { isOpen } from '../tasks/task-states.ts';
import { type Acts, Turn } from './turn.tsx';
import { newestBelow, type Placed } from './turn-tree.ts';
import { useEnd } from './use-end.ts';
import { WhyAnswer } from './why-answer.tsx';

/** A browser allows six connections to one host, and the page needs some of them. */
const followedAtOnce = 3;

interface TurnsProps {
  conversation: string;
  label: string;
  agent: AgentView | null;
  turns: readonly ConversationTask[];
  path: readonly Placed<ConversationTask>[];
  acts: Acts | null;
  setLeaf(id: string): void;
  /** Where there is no message yet. */
  children?: ReactNode;
}
export function Turns({ conversation, label, agent, turns, path, acts, setLeaf, children }: TurnsProps) {
  const { list, onScroll } = useEnd(path.length);
  const [why, setWhy] = useState<string | null>(null);
  const choose = useCallback((id: string) => setLeaf(newestBelow(turns, id)), [turns, setLeaf]);
  const open = path.filter(({ turn }) => isOpen(turn)).slice(-followedAtOnce);
  const newest = path.at(-1)?.turn;
  return (
    <>
      <div
        ref={list}
        className="chat-list"
        role="log"
        aria-label={label}
        aria-live="off"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with keys
        tabIndex={0}
        onScroll={onScroll}
      >
        {children}
        {path.map((placed) => (
          <Turn
            key={placed.turn.id}
            {...{ conversation, agent, placed, acts, choose }}
            follow={open.includes(placed)}
            why={setWhy}
          />
        ))}
      </div>
      <p className="sr-only" role="status">
        {newest && !isOpen(newest) && `${newest.agent}: ${newest.result ?? newest.problem?.text ?? newest.state}`}
      </p>
      <WhyAnswer
        task={why}
        said={Math.max(
          0,
          path.findIndex(({ turn }) => turn.id === why),
        )}
        close={() => setWhy(null)}
      />
    </>
  );
}
