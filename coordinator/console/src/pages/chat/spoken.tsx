// What an agent says: as it arrives, and after its end, with its cost.
import type { AgentView, TaskLine, TaskView } from '@blackroad/protocol';
import { RotateCcw, Square, Wrench } from 'lucide-react';
import type { Followed, Part } from '../../data/followed.ts';
import { useAct } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { DocumentLinks } from '../../fleet/document-link.tsx';
import { Button } from '../../kit/button.tsx';
import { Markdown } from '../../kit/markdown.tsx';
import { Status } from '../../kit/status.tsx';
import { plural } from '../../kit/words.ts';
import { CutNote } from '../task/cut-note.tsx';
import { UsageLine } from '../task/usage-line.tsx';
import { isDeadLetter } from '../tasks/task-states.ts';

interface SpeakingProps {
  task: TaskLine;
  followed: Followed | null;
  /** Whether it may be stopped from here; a conversation has a button beside its message. */
  mayStop?: boolean;
}
export function Speaking({ task, followed, mayStop = true }: SpeakingProps) {
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
        {mayStop && may('taskCancel') && (
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

interface SaidProps {
  /** Null where it is gone, or where only its answer is shown. */
  agent: AgentView | null;
  task: TaskLine;
  /** Null where the line has all of it. */
  whole: Pick<TaskView, 'result' | 'truncated' | 'problem'> | null;
  parts: readonly Part[];
  /** Whether a task that failed may be sent round again from here; in a conversation the message is asked again instead. */
  mayRetry?: boolean;
}
export function Said({ agent, task, whole, parts, mayRetry = true }: SaidProps) {
  const may = useMay();
  const retry = useAct('taskRetry', { done: () => 'Asked again.' });
  const result = whole?.result ?? task.result;
  const { usage } = task;
  const tools = parts.filter((part) => part.kind === 'tool');
  const isStopped = task.state === 'cancelled' && parts.length > 0;
  return (
    <>
      {isStopped && (
        <>
          <Parts parts={parts} />
          <p className="dim small">What it had said until then; it is not kept.</p>
        </>
      )}
      {isStopped ? null : tools.length > 0 ? (
        <p className="row wrap">
          {tools.map(({ name }, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the same tool may be called again
            <ToolChip key={i} text={name} />
          ))}
        </p>
      ) : (
        usage !== null && usage.toolCalls > 0 && <ToolChip text={plural(usage.toolCalls, 'tool call')} />
      )}
      {result !== null && (result ? <Markdown text={result} /> : <p className="dim">It said nothing.</p>)}
      {whole?.truncated && agent && <CutNote agent={agent.name} limits={agent.spec.limits} />}
      {task.state !== 'done' && (
        <p className="row wrap">
          <Status of={task.state} />
          {task.problem && <span>{whole?.problem?.text ?? task.problem}</span>}
          {mayRetry && isDeadLetter(task) && may('taskRetry') && (
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
      <DocumentLinks agent={task.agent} places={usage?.documents} />
      <UsageLine usage={usage} node={task.node} />
    </>
  );
}

function Parts({ parts }: { parts: readonly Part[] }) {
  return (
    <div className="said-parts">
      {parts.map((part, i) =>
        part.kind === 'text' ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: parts only ever follow one another
          <Markdown key={i} text={part.text} />
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
