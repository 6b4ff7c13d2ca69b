// The life of a task as a picture: a line of time with waiting and attempts, and the same in words below.
import type { TaskView } from '@blackroad/protocol';
import { askerWords } from '@blackroad/protocol/asker-words';
import { writingSpeed } from '@blackroad/protocol/writing-speed';
import { Link } from '@tanstack/react-router';
import { useNow } from '../../data/clock.ts';
import { Status } from '../../kit/status.tsx';
import { clockTime, duration } from '../../kit/words.ts';
import { isOpen } from '../tasks/task-states.ts';
import { type Phase, phasesOf } from './task-life.ts';

export function TaskTimeline({ task }: { task: TaskView }) {
  const now = useNow();
  const phases = phasesOf(task, isOpen(task) ? now : 0);
  const startMs = task.createdMs;
  const wholeMs = Math.max(1, (phases.at(-1)?.toMs ?? startMs) - startMs);
  return (
    <div className="stack">
      <div className="life" aria-hidden="true">
        {phases.map(({ kind, fromMs, toMs, open, node, outcome, firstTokenMs }) => (
          <span
            key={`${kind} ${fromMs}`}
            className={`phase ${kind} ${outcome ?? ''} ${open ? 'open' : ''}`}
            style={{ flexGrow: Math.max(toMs - fromMs, wholeMs / 200) }}
          >
            {firstTokenMs !== null && toMs > fromMs && (
              <span className="first-token" style={{ left: `${((firstTokenMs - fromMs) / (toMs - fromMs)) * 100}%` }} />
            )}
            <span className="cut">{node ?? ''}</span>
          </span>
        ))}
      </div>
      <div className="life-scale small dim figure" aria-hidden="true">
        <span>{clockTime(startMs)}</span>
        <span>{duration(wholeMs)}</span>
        <span>{isOpen(task) ? 'now' : clockTime(startMs + wholeMs)}</span>
      </div>
      <ol className="life-steps" aria-label="The life of the task">
        <li>
          <span className="figure small dim">{clockTime(startMs)}</span>
          <span>
            asked{task.by ? ` by ${askerWords(task.by)}` : ''}, from {task.origin}
          </span>
        </li>
        {phases.map((phase) => (
          <Step key={`${phase.kind} ${phase.fromMs}`} phase={phase} task={task} />
        ))}
        {task.endedMs !== null && (
          <li>
            <span className="figure small dim">{clockTime(task.endedMs)}</span>
            <span>
              <Status of={task.state} /> <span className="dim">after {duration(wholeMs)}</span>
            </span>
          </li>
        )}
      </ol>
    </div>
  );
}

function Step({ phase, task }: { phase: Phase; task: TaskView }) {
  const { kind, fromMs, toMs, open, attempt, node, outcome, text, firstTokenMs } = phase;
  const took = duration(toMs - fromMs);
  return (
    <li>
      <span className="figure small dim">{clockTime(fromMs)}</span>
      {kind === 'wait' ? (
        <span className="dim">
          {text} {open ? `for ${took} so far` : `for ${took}`}
        </span>
      ) : (
        <div>
          <p>
            Attempt {attempt}
            {node && (
              <>
                {' '}
                on{' '}
                <Link to="/nodes/$node" params={{ node }}>
                  {node}
                </Link>
              </>
            )}
            {(open || text) && outcome && (
              <>
                {' '}
                <Status of={outcome} />
              </>
            )}{' '}
            <span className="dim">{open ? `for ${took} so far` : `after ${took}`}</span>
          </p>
          {text && <p className="small">{text}</p>}
          {firstTokenMs !== null && task.usage && <FirstToken usage={task.usage} />}
        </div>
      )}
    </li>
  );
}
function FirstToken({ usage }: { usage: NonNullable<TaskView['usage']> }) {
  const speed = writingSpeed(usage);
  return (
    <p className="small dim">
      first token after {duration(usage.firstTokenMs)}, {usage.completionTokens} tokens
      {speed !== null && ` at ${speed.toFixed(1)} a second`}
    </p>
  );
}
