// One task: its timeline, prompt, result and details.
import type { TaskView } from '@blackroad/protocol';
import { askerWords } from '@blackroad/protocol/asker-words';
import { writingSpeed } from '@blackroad/protocol/writing-speed';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { MailX, RotateCcw, Square } from 'lucide-react';
import { call } from '../../data/api.ts';
import { useFollowed } from '../../data/follow.ts';
import { useAgent, useTask } from '../../data/live.ts';
import { useAct } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { DocumentLinks } from '../../fleet/document-link.tsx';
import { Time } from '../../fleet/time.tsx';
import { Button } from '../../kit/button.tsx';
import { Facts, PageHead, Panel } from '../../kit/layout.tsx';
import { Markdown } from '../../kit/markdown.tsx';
import { Empty, Loading } from '../../kit/states.tsx';
import { Glyph, Status } from '../../kit/status.tsx';
import { duration, exact, partInWords, plural } from '../../kit/words.ts';
import { isDeadLetter, isOpen } from '../tasks/task-states.ts';
import { CutNote } from './cut-note.tsx';
import { TaskTimeline } from './task-timeline.tsx';

export default function TaskPage() {
  const { task: id } = useParams({ from: '/tasks/$task' });
  const { row: task, refused } = useTask(id);
  if (refused !== null) {
    return (
      <>
        <PageHead title="Task" />
        <Empty title="No such task">
          <p>It ended too long ago, or the address is wrong: {refused}</p>
          <p>
            <Link to="/tasks">All tasks</Link>
          </p>
        </Empty>
      </>
    );
  }
  if (task === null) {
    return (
      <>
        <PageHead title="Task" />
        <Loading lines={8} label="Loading the task" />
      </>
    );
  }
  return <OneTask key={id} task={task} />;
}

function OneTask({ task }: { task: TaskView }) {
  return (
    <div className="page-stack">
      <PageHead
        title={`Task for ${task.agent}`}
        mark={<Status of={task.state} />}
        text={
          <>
            Of{' '}
            <Link to="/agents/$agent" params={{ agent: task.agent }}>
              {task.agent}
            </Link>
            , asked <Time at={task.createdMs} /> <code>{task.id}</code>
          </>
        }
        actions={<TaskActions task={task} />}
      />
      {task.problem && <Problem task={task} />}
      <Panel title="Timeline">
        <TaskTimeline task={task} />
      </Panel>
      <div className="columns">
        <div className="page-stack">
          <Panel title="Prompt">
            <p className="said-text">{task.prompt}</p>
          </Panel>
          <Answer task={task} />
        </div>
        <Panel title="Details">
          <Took task={task} />
        </Panel>
      </div>
    </div>
  );
}

function TaskActions({ task }: { task: TaskView }) {
  const may = useMay();
  const navigate = useNavigate();
  const cancel = useAct('taskCancel', { done: () => 'The task is cancelled.' });
  const retry = useAct('taskRetry', {
    done: () => 'Queued again, as a new task.',
    undo: (now) => () => call('taskCancel', { params: { task: now.id } }),
    stales: ['tasks'],
  });
  const dismiss = useAct('taskDismiss', { done: () => 'Dismissed: it needs nobody any more.', stales: ['tasks'] });
  const params = { task: task.id };
  if (isOpen(task) && may('taskCancel')) {
    return (
      <Button look="danger" icon={<Square />} busy={cancel.isPending} onClick={() => cancel.mutate({ params })}>
        Cancel
      </Button>
    );
  }
  if (isDeadLetter(task) && may('taskRetry')) {
    return (
      <>
        {may('taskDismiss') && task.dismissedMs === undefined && (
          <Button icon={<MailX />} busy={dismiss.isPending} onClick={() => dismiss.mutate({ params })}>
            Dismiss
          </Button>
        )}
        <Button
          look="primary"
          icon={<RotateCcw />}
          busy={retry.isPending}
          onClick={() =>
            retry.mutate(
              { params },
              { onSuccess: ({ id }) => void navigate({ to: '/tasks/$task', params: { task: id } }) },
            )
          }
        >
          Retry
        </Button>
      </>
    );
  }
  return null;
}

function Problem({ task }: { task: TaskView }) {
  const { problem, state } = task;
  if (!problem) return null;
  return (
    <div className={isDeadLetter(task) ? 'failure' : 'task-note'} role="note">
      <p className="row">
        <Glyph shape={state === 'cancelled' ? 'bar' : 'cross'} tone={state === 'cancelled' ? 'dim' : 'bad'} />
        <strong>{problem.text}</strong>
      </p>
      {isDeadLetter(task) && (
        <p className="small">
          <code>{problem.code}</code>:{' '}
          {problem.retryable ? 'asking again may work.' : 'asking again as it is will likely end the same.'}
        </p>
      )}
    </div>
  );
}

function Answer({ task }: { task: TaskView }) {
  const open = isOpen(task);
  const followed = useFollowed(open ? task.id : null);
  if (open) {
    const said = (followed?.parts ?? []).map((part) =>
      part.kind === 'text' ? part.text : part.kind === 'tool' ? ` [${part.name}] ` : ' … ',
    );
    return (
      <Panel title="Result so far">
        {said.length > 0 ? (
          <p className="said-text">{said.join('')}</p>
        ) : (
          <p className="dim row">
            <span className="speaking" aria-hidden="true" />
            {task.state === 'queued' ? 'It waits for its turn.' : 'Nothing yet.'}
          </p>
        )}
      </Panel>
    );
  }
  return (
    <Panel title="Result">
      {task.result === null ? (
        <p className="dim">No answer.</p>
      ) : task.result ? (
        <Markdown text={task.result} />
      ) : (
        <p className="dim">It said nothing.</p>
      )}
      {task.truncated && <Cut agent={task.agent} />}
    </Panel>
  );
}

function Cut({ agent }: { agent: string }) {
  const { row } = useAgent(agent);
  return <CutNote agent={agent} limits={row?.spec.limits ?? null} />;
}

function Took({ task }: { task: TaskView }) {
  const { usage, node, epoch } = task;
  const speed = usage && writingSpeed(usage);
  return (
    <Facts
      rows={[
        ['Attempts', `${task.attempt} of ${task.attempts}`],
        node !== null && [
          'Node',
          <Link key="node" to="/nodes/$node" params={{ node }}>
            {node}
          </Link>,
        ],
        usage && ['Model', usage.model],
        usage && ['Read', plural(usage.promptTokens, 'token')],
        usage && ['Wrote', plural(usage.completionTokens, 'token') + (speed ? `, ${speed.toFixed(1)} a second` : '')],
        usage && ['First token', `after ${duration(usage.firstTokenMs)}`],
        usage && ['On the node', duration(usage.totalMs)],
        usage && usage.toolCalls > 0 && ['Tool calls', String(usage.toolCalls)],
        usage && usage.recalled > 0 && ['Recalled', plural(usage.recalled, 'memory')],
        usage?.partialMemory && [
          'Of its memory',
          `${partInWords(usage.partialMemory)} entries: the rest was on its way to the node`,
        ],
        usage?.notRemembered && ['Remembered', 'no: the agent has as many memories as its spec allows'],
        usage?.documents && [
          'Of documents',
          <DocumentLinks key="documents" agent={task.agent} places={usage.documents} />,
        ],
        ['Priority', String(task.priority)],
        isOpen(task)
          ? ['Deadline', <Time key="deadline" at={task.deadlineMs} />]
          : ['Deadline was', exact(task.deadlineMs)],
        epoch !== null && ['Epoch of the agent', String(epoch)],
        ['Asked by', askerWords(task.by)],
        ['From', task.origin],
        task.idempotencyKey !== null && ['Idempotency key', task.idempotencyKey],
      ]}
    />
  );
}
