// Why an answer is as it is: where it was made and how long that took, what went into the prompt, the tools that were called.
import type { TaskTrace, TaskUsage, TaskView } from '@blackroad/protocol';
import { writingSpeed } from '@blackroad/protocol/writing-speed';
import { Link } from '@tanstack/react-router';
import { useRoute } from '../../data/query.ts';
import { DocumentLink } from '../../fleet/document-link.tsx';
import { Time } from '../../fleet/time.tsx';
import { Facts } from '../../kit/layout.tsx';
import { Dialog } from '../../kit/overlay.tsx';
import { Loaded } from '../../kit/states.tsx';
import { duration, partInWords, plural } from '../../kit/words.ts';
import { TaskTimeline } from '../task/task-timeline.tsx';

export function WhyAnswer({ task, said, close }: { task: string | null; said: number; close(): void }) {
  return (
    <Dialog open={task !== null} onOpenChange={(open) => !open && close()} title="Why this answer" place="side">
      {task !== null && <Why task={task} said={said} />}
    </Dialog>
  );
}

/** `said`: the messages before it on the way to it. */
function Why({ task, said }: { task: string; said: number }) {
  const read = useRoute('task', { params: { task } });
  return (
    <Loaded of={read} lines={8}>
      {(view) => (
        <div className="page-stack why-answer">
          <Where task={view} />
          <Made trace={view.trace} task={view} said={said} />
          <section>
            <h3>Its way</h3>
            <TaskTimeline task={view} />
          </section>
        </div>
      )}
    </Loaded>
  );
}

function Where({ task: { usage, node, agent, attempt, attempts } }: { task: TaskView }) {
  const speed = usage && writingSpeed(usage);
  return (
    <Facts
      rows={[
        node !== null && [
          'Node',
          <span key="node">
            <Link to="/nodes/$node" params={{ node }}>
              {node}
            </Link>{' '}
            (
            <Link to="/agents/$agent" params={{ agent }} search={{ tab: 'why' }}>
              why there
            </Link>
            )
          </span>,
        ],
        usage && ['Model', usage.model],
        attempt > 1 && ['Attempts', `${attempt} of ${attempts}`],
        usage && ['Read', plural(usage.promptTokens, 'token')],
        usage && ['Wrote', plural(usage.completionTokens, 'token') + (speed ? `, ${speed.toFixed(1)} a second` : '')],
        usage && ['First token', `after ${duration(usage.firstTokenMs)}`],
        usage && ['In all', duration(usage.totalMs)],
      ]}
    />
  );
}

function Made({ trace, task, said }: { trace: TaskTrace | undefined; task: TaskView; said: number }) {
  if (!trace) {
    return (
      <p className="dim">
        {task.usage === null
          ? 'It was not answered, so there is nothing to tell.'
          : 'Its node did not tell what went into it: its node-agent is older than that.'}
      </p>
    );
  }
  return (
    <>
      <Recalled agent={task.agent} trace={trace} usage={task.usage} />
      <Calls calls={trace.calls} />
      <section>
        <h3>The prompt as sent</h3>
        <p className="dim small">
          {said > 0
            ? `It is message ${said + 1} of this conversation; of those before it, the last ones that fit went along.`
            : 'It is the first message of the conversation: nothing was said before.'}
          {trace.isCut && ' Long texts are cut here.'}
        </p>
        {trace.messages.map(({ role, content }, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: messages have no names, and none is ever moved
          <details key={i} className="why-message" open={i === trace.messages.length - 1}>
            <summary>{role}</summary>
            <pre>{content}</pre>
          </details>
        ))}
      </section>
    </>
  );
}

const unshared = {
  searched: null,
  away: 'What other agents share with it was not looked through: its node had no coordinator.',
  late: 'What other agents share with it was not looked through: the coordinator did not answer in time.',
  busy: 'What other agents share with it was not looked through: the coordinator had too many such questions.',
} as const;

function Recalled({
  agent,
  trace: { recalled, shared },
  usage,
}: {
  agent: string;
  trace: TaskTrace;
  usage: TaskUsage | null;
}) {
  const part = usage?.partialMemory;
  return (
    <section>
      <h3>What it recalled</h3>
      {part && (
        <p className="small">
          It had {partInWords(part)} entries of its memory, the newest and the most important ones: the rest was still
          on its way to the node.
        </p>
      )}
      {shared && unshared[shared] && <p className="small">{unshared[shared]}</p>}
      {recalled.length === 0 ? (
        <p className="dim small">Nothing in its memory fits the question.</p>
      ) : (
        <>
          <p className="dim small">
            {plural(recalled.length, 'memory')}, the best first; the prompt had room and use for {usage?.recalled ?? 0}.
          </p>
          <ol className="why-list">
            {recalled.map(({ seq, text, createdAt, kind, document, agent: of }, i) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: memories without a number yet are alike, and none is ever moved
              <li key={i}>
                <p className="said-text">{text}</p>
                <p className="dim small">
                  {of !== undefined && (
                    <>
                      of{' '}
                      <Link to="/agents/$agent" params={{ agent: of }} search={{ tab: 'memory' }}>
                        {of}
                      </Link>
                      {': '}
                    </>
                  )}
                  {kind}
                  {seq > 0 && ` ${seq}`}, <Time at={createdAt} />
                  {document && (
                    <>
                      {' · '}
                      <DocumentLink agent={of ?? agent} place={document} />
                    </>
                  )}
                </p>
              </li>
            ))}
          </ol>
        </>
      )}
    </section>
  );
}

function Calls({ calls }: { calls: TaskTrace['calls'] }) {
  if (calls.length === 0) return null;
  return (
    <section>
      <h3>Tools that it called</h3>
      <ol className="why-list">
        {calls.map(({ name, arguments: given, answer, tookMs }, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the same tool may be called again
          <li key={i}>
            <p>
              <code>{name}</code> <span className="dim small">in {duration(tookMs)}</span>
            </p>
            <pre>{given}</pre>
            <pre>{answer}</pre>
          </li>
        ))}
      </ol>
    </section>
  );
}
