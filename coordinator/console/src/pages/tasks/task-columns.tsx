// The columns of the table of tasks.
import type { TaskLine } from '@blackroad/protocol';
import { askerWords } from '@blackroad/protocol/asker-words';
import { Link } from '@tanstack/react-router';
import { Time } from '../../fleet/time.tsx';
import type { Column } from '../../kit/columns.ts';
import { wordOf } from '../../kit/looks.ts';
import { Status } from '../../kit/status.tsx';
import { duration } from '../../kit/words.ts';
import { isOpen } from './task-states.ts';

const tookMs = ({ createdMs, endedMs }: TaskLine) => (endedMs === null ? null : endedMs - createdMs);

export const taskColumns: Column<TaskLine>[] = [
  {
    id: 'task',
    title: 'Prompt',
    width: 160,
    grow: 4,
    value: ({ prompt }) => prompt,
    cell: ({ id, prompt }) => (
      <Link to="/tasks/$task" params={{ task: id }} className="task-asked" title={prompt}>
        {prompt}
      </Link>
    ),
  },
  {
    id: 'state',
    title: 'State',
    width: 108,
    phone: true,
    value: ({ state }) => wordOf(state),
    cell: ({ state, attempt, attempts }) => (
      <>
        <Status of={state} />
        {attempt > 1 && (
          <span className="dim small">
            {attempt} of {attempts}
          </span>
        )}
      </>
    ),
  },
  {
    id: 'agent',
    title: 'Agent',
    width: 96,
    value: ({ agent }) => agent,
    cell: ({ agent }) => (
      <Link to="/agents/$agent" params={{ agent }}>
        {agent}
      </Link>
    ),
  },
  {
    id: 'node',
    title: 'Node',
    width: 96,
    value: ({ node }) => node,
    cell: ({ node }) =>
      node ? (
        <Link to="/nodes/$node" params={{ node }}>
          {node}
        </Link>
      ) : (
        <span className="dim">–</span>
      ),
  },
  {
    id: 'result',
    title: 'Result',
    width: 140,
    grow: 5,
    value: ({ result, problem }) => problem ?? result,
    cell: Outcome,
  },
  {
    id: 'tokens',
    title: 'Tokens',
    width: 78,
    align: 'end',
    largestFirst: true,
    value: ({ usage }) => usage?.completionTokens ?? null,
  },
  {
    id: 'took',
    title: 'Took',
    width: 78,
    align: 'end',
    largestFirst: true,
    value: tookMs,
    cell: (task) => {
      const ms = tookMs(task);
      return ms === null ? '–' : duration(ms);
    },
  },
  {
    id: 'priority',
    title: 'Priority',
    width: 86,
    align: 'end',
    largestFirst: true,
    spare: true,
    value: ({ priority }) => priority,
  },
  {
    id: 'by',
    title: 'Asked by',
    width: 120,
    spare: true,
    value: ({ by }) => (by ? askerWords(by) : null),
  },
  { id: 'origin', title: 'From', width: 86, spare: true, value: ({ origin }) => origin },
  {
    id: 'created',
    title: 'Asked',
    width: 100,
    largestFirst: true,
    value: ({ createdMs }) => createdMs,
    cell: ({ createdMs }) => <Time at={createdMs} />,
  },
];
/** On a phone, below what was asked. */
export const taskNote = ({ agent, node, createdMs }: TaskLine) => (
  <>
    {agent}
    {node && ` on ${node}`} · <Time at={createdMs} />
  </>
);
function Outcome(task: TaskLine) {
  if (isOpen(task)) return <span className="dim">{task.node ? '' : 'waits for its turn'}</span>;
  const text = task.problem ?? task.result;
  if (!text) return <span className="dim">–</span>;
  return (
    <span className={task.problem ? 'cut dim' : 'cut'} title={text}>
      {text}
    </span>
  );
}
