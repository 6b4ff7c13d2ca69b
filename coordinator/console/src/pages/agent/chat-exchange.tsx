// One exchange: the question and the answer, as it arrives or after its end, with its cost.
import type { AgentView, TaskLine, TaskView } from '@blackroad/protocol';
import { askerWords } from '@blackroad/protocol/asker-words';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Pencil, RotateCcw, Square, Wrench } from 'lucide-react';
import { memo, useRef } from 'react';
import { call } from '../../data/api.ts';
import { useFollowed } from '../../data/follow.ts';
import type { Followed, Part } from '../../data/followed.ts';
import { keyOf, useAct } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Time } from '../../fleet/time.tsx';
import { Button, IconButton } from '../../kit/button.tsx';
import { CopyButton } from '../../kit/copy-button.tsx';
import { Markdown } from '../../kit/markdown.tsx';
import { Status } from '../../kit/status.tsx';
import { plural } from '../../kit/words.ts';
import { CutNote } from '../task/cut-note.tsx';
import { UsageLine } from '../task/usage-line.tsx';
import { isDeadLetter, isOpen } from '../tasks/task-states.ts';

interface ExchangeProps {
  agent: AgentView;
  task: TaskLine;
  follow: boolean;
  /** Null without the permission to ask. */
  ask: Asking | null;
}
/** The ways to use a message again. */
export interface Asking {
  edit(prompt: string): void;
  again(prompt: string): void;
}

export const Exchange = memo(function Exchange({ agent, task, follow, ask }: ExchangeProps) {
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
          {ask && isWhole && (
            <IconButton label="Edit and ask anew" onClick={() => ask.edit(prompt)}>
              <Pencil />
            </IconButton>
          )}
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
        {!open && isWhole && (
          <div className="row said-foot">
            {result && <CopyButton text={result} label="Copy the answer" />}
            {ask && !isDeadLetter(task) && (
              <IconButton label="Ask again" onClick={() => ask.again(prompt)}>
                <RotateCcw />
              </IconButton>
            )}
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
    before.ask === now.ask &&
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

interface SaidProps {
  agent: AgentView;
  task: TaskLine;
  whole: TaskView | null;
  parts: readonly Part[];
}
function Said({ agent, task, whole, parts }: SaidProps) {
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
      {result !== null && (result ? <Markdown text={result} /> : <p className="dim">It said nothing.</p>)}
      {whole?.truncated && <CutNote agent={agent.name} limits={agent.spec.limits} />}
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
