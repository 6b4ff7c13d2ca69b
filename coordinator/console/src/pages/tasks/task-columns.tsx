// The columns of the table of tasks.
import type { TaskLine } from '@blackroad/protocol';
import { Link } from '@tanstack/react-router';
import type { Column } from '../../kit/columns.ts';
import { lookOf } from '../../kit/looks.ts';
import { Status } from '../../kit/status.tsx';
import { Time } from '../../kit/time.tsx';
import { duration } from '../../kit/words.ts';
import { isOpen } from './task-states.ts';

const tookMs = ({ createdMs, endedMs }: TaskLine) => (endedMs === null ? null : endedMs - createdMs);

export const taskColumns: Column<TaskLine>[] = [
  {
    id: 'task',
    title: 'What was asked',
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
    width: 120,
    grow: 2,
    phone: true,
    value: ({ state }) => lookOf(state).word ?? state,
    cell: ({ state, problem, attempt, attempts }) => (
      <>
        <Status of={state} />
        {problem ? (
          <span className="dim cut" title={problem}>
            {problem}
          </span>
        ) : (
          attempt > 1 && (
            <span className="dim small">
              {attempt} of {attempts}
            </span>
          )
        )}
      </>
    ),
  },
  {
    id: 'agent',
    title: 'Agent',
    width: 110,
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
    width: 110,
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
  { id: 'result', title: 'Answer', width: 140, grow: 3, value: ({ result }) => result, cell: Answer },
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
  { id: 'origin', title: 'From', width: 86, spare: true, value: ({ origin }) => origin },
  {
    id: 'created',
    title: 'Asked',
    width: 96,
    largestFirst: true,
    value: ({ createdMs }) => createdMs,
    cell: ({ createdMs }) => <Time at={createdMs} />,
  },
];
function Answer(task: TaskLine) {
  if (isOpen(task)) return <span className="dim">not yet</span>;
  return task.result === null ? (
    <span className="dim">–</span>
  ) : (
    <span className="cut" title={task.result}>
      {task.result}
    </span>
  );
}
