// One exchange: what was asked, and what the agent says, as it comes or as it ended, with what it took.
import type { AgentView, TaskLine, TaskView } from '@blackroad/protocol';
import { Link } from '@tanstack/react-router';
import { RotateCcw, Square, Wrench } from 'lucide-react';
import { memo, useRef } from 'react';
import { type Followed, type Part, useFollowed } from '../../data/follow.ts';
import { useAct, useRoute } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Button } from '../../kit/button.tsx';
import { Status } from '../../kit/status.tsx';
import { Time } from '../../kit/time.tsx';
import { plural } from '../../kit/words.ts';
import { UsageLine } from '../task/usage-line.tsx';
import { isCut, isDeadLetter, isOpen } from '../tasks/task-states.ts';

export const Exchange = memo(function Exchange({
  agent,
  task,
  follow,
}: {
  agent: AgentView;
  task: TaskLine;
  follow: boolean;
}) {
  // What was followed keeps its tool calls when it has ended.
  const begun = useRef(false);
  begun.current ||= follow;
  const followed = useFollowed(begun.current ? task.id : null);
  const whole = useWhole(task, followed);
  const open = isOpen(task);
  return (
    <article className="exchange" aria-label={`Exchange ${task.id}`}>
      <div className="said by-person">
        <p className="said-text">{whole?.prompt ?? task.prompt}</p>
        <p className="dim small">
          {task.origin === 'console' ? '' : `by ${task.origin}, `}
          <Link to="/tasks/$task" params={{ task: task.id }} className="quiet-link">
            <Time at={task.createdMs} />
          </Link>
        </p>
      </div>
      <div className="said by-agent">
        <p className="said-name small">{agent.name}</p>
        {open ? (
          <Speaking task={task} followed={followed} />
        ) : (
          <Said task={task} whole={whole} parts={followed?.parts ?? []} />
        )}
      </div>
    </article>
  );
}, sameExchange);
function sameExchange(
  before: { agent: AgentView; task: TaskLine; follow: boolean },
  now: { agent: AgentView; task: TaskLine; follow: boolean },
) {
  return before.task === now.task && before.follow === now.follow && before.agent.name === now.agent.name;
}

/** The whole task: as it was followed, or asked for where the list has cut it. */
function useWhole(task: TaskLine, followed: Followed | null): TaskView | null {
  const ended = followed?.line === 'ended' ? followed.task : null;
  const asked = useRoute(
    'task',
    { params: { task: task.id } },
    { enabled: !isOpen(task) && ended === null && isCut(task), staleTime: Number.POSITIVE_INFINITY },
  );
  return ended ?? asked.data ?? null;
}

function Speaking({ task, followed }: { task: TaskLine; followed: Followed | null }) {
  const may = useMay();
  const cancel = useAct('taskCancel', { done: () => 'Stopped.' });
  const parts = followed?.parts ?? [];
  return (
    <>
      <Parts parts={parts} />
      <p className="row wrap small dim" role="status">
        <span className="speaking" aria-hidden="true" />
        <span>{inWords(task, followed)}</span>
        {followed?.line === 'away' && <Status of="warning" word="the line broke; trying again" />}
        {may('taskCancel') && (
          <Button
            look="quiet"
            icon={<Square />}
            busy={cancel.isPending}
            onClick={() => cancel.mutate({ params: { task: task.id } })}
          >
            Stop
          </Button>
        )}
      </p>
    </>
  );
}
function inWords(task: TaskLine, followed: Followed | null): string {
  if (followed && followed.parts.length > 0) return 'writing';
  const where = task.node ? ` on ${task.node}` : '';
  if (task.state === 'running') return `thinking${where}`;
  if (task.state === 'leased') return `handed to ${task.node}`;
  return task.attempt > 0 ? `waiting for attempt ${task.attempt + 1} of ${task.attempts}` : 'waiting for its turn';
}

function Said({ task, whole, parts }: { task: TaskLine; whole: TaskView | null; parts: readonly Part[] }) {
  const may = useMay();
  const retry = useAct('taskRetry', { done: () => 'Asked again.' });
  const result = whole?.result ?? task.result;
  const { usage } = task;
  const tools = parts.filter((part) => part.kind === 'tool');
  return (
    <>
      {tools.length > 0 ? (
        <p className="row wrap">
          {tools.map(({ name }, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the same tool may be called again
            <ToolChip key={i} text={name} />
          ))}
        </p>
      ) : (
        usage !== null && usage.toolCalls > 0 && <ToolChip text={plural(usage.toolCalls, 'tool call')} />
      )}
      {result !== null && <p className="said-text">{result || <span className="dim">It said nothing.</span>}</p>}
      {whole?.truncated && <p className="warn small">The answer was too long and has been cut.</p>}
      {task.state !== 'done' && (
        <p className="row wrap">
          <Status of={task.state} />
          {task.problem && <span>{whole?.problem?.text ?? task.problem}</span>}
          {isDeadLetter(task) && may('taskRetry') && (
            <Button
              icon={<RotateCcw />}
              busy={retry.isPending}
              onClick={() => retry.mutate({ params: { task: task.id } })}
            >
              Ask again
            </Button>
          )}
        </p>
      )}
      <UsageLine usage={usage} node={task.node} />
    </>
  );
}

function Parts({ parts }: { parts: readonly Part[] }) {
  return (
    <div className="said-text">
      {parts.map((part, i) =>
        part.kind === 'text' ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: parts only ever follow one another
          <span key={i}>{part.text}</span>
        ) : part.kind === 'tool' ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: parts only ever follow one another
          <ToolChip key={i} text={part.name} />
        ) : (
          // biome-ignore lint/suspicious/noArrayIndexKey: parts only ever follow one another
          <span key={i} className="dim small">
            {' '}
            … some words came while nobody listened; the end brings all of them …{' '}
          </span>
        ),
      )}
    </div>
  );
}
function ToolChip({ text }: { text: string }) {
  return (
    <span className="tool-chip">
      <Wrench aria-hidden="true" />
      {text}
    </span>
  );
}
