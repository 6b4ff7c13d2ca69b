// One question to an agent by whomever, and the answer, as it arrives or after its end, with its cost.
import type { AgentView, TaskLine, TaskView } from '@blackroad/protocol';
import { askerWords } from '@blackroad/protocol/asker-words';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { memo, useRef } from 'react';
import { call } from '../../data/api.ts';
import { useFollowed } from '../../data/follow.ts';
import type { Followed } from '../../data/followed.ts';
import { keyOf } from '../../data/query.ts';
import { Time } from '../../fleet/time.tsx';
import { CopyButton } from '../../kit/copy-button.tsx';
import { Said, Speaking } from '../chat/spoken.tsx';
import { isOpen } from '../tasks/task-states.ts';

interface ExchangeProps {
  agent: AgentView;
  task: TaskLine;
  follow: boolean;
}

export const Exchange = memo(function Exchange({ agent, task, follow }: ExchangeProps) {
  // What was followed keeps its tool calls when it has ended.
  const begun = useRef(false);
  begun.current ||= follow;
  const followed = useFollowed(begun.current ? task.id : null);
  const { whole, isWhole } = useWhole(task, followed);
  const open = isOpen(task);
  const prompt = whole?.prompt ?? task.prompt;
  const result = whole?.result ?? task.result;
  return (
    <article className="exchange" aria-label={`Exchange ${task.id}`}>
      <div className="said by-person">
        <p className="said-text">{prompt}</p>
        <div className="row said-foot dim small">
          <span>
            {task.origin === 'console' ? '' : `by ${task.by ? askerWords(task.by) : task.origin}, `}
            <Link to="/tasks/$task" params={{ task: task.id }} className="quiet-link">
              <Time at={task.createdMs} />
            </Link>
          </span>
        </div>
      </div>
      <div className="said by-agent">
        <p className="said-name small">{agent.name}</p>
        {open ? (
          <Speaking task={task} followed={followed} />
        ) : (
          <Said agent={agent} task={task} whole={whole} parts={followed?.parts ?? []} />
        )}
        {!open && isWhole && result && (
          <div className="row said-foot">
            <CopyButton text={result} label="Copy the answer" />
          </div>
        )}
      </div>
    </article>
  );
}, sameExchange);
function sameExchange(before: ExchangeProps, now: ExchangeProps) {
  return (
    before.task === now.task &&
    before.follow === now.follow &&
    before.agent.name === now.agent.name &&
    before.agent.version === now.agent.version
  );
}

/** The whole task: as it is followed, or asked for where the list has cut it; `isWhole` is false while it is still on its way. */
function useWhole(task: TaskLine, followed: Followed | null): { whole: TaskView | null; isWhole: boolean } {
  const open = isOpen(task);
  const known = followed?.task && (open || followed.line === 'ended') ? followed.task : null;
  const isShort = task.isCut === true;
  const params = { task: task.id };
  const asked = useQuery<TaskView>({
    // One that was asked for while it was open is asked for again when it has ended.
    queryKey: [...keyOf('task', { params }), open],
    queryFn: ({ signal }) => call('task', { params, signal }),
    enabled: known === null && isShort,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const whole = known ?? asked.data ?? null;
  return { whole, isWhole: whole !== null || !isShort };
}
