// The tool ask_agent: a task like any other, followed to its end. What the agent says is told while it says it; a request that the client
// takes back cancels the task. A client that is only away does not: the task goes on, and is found among the tasks [MCP 2025-11-25, transports].
import {
  AgentName,
  FleetError,
  maxDeadlineSeconds,
  maxPromptBytes,
  notFoundText,
  type TaskChunk,
  TaskState,
  type TaskStreamEvent,
  type TaskView,
  Type,
} from '@blackroad/protocol';
import { sortableId } from '@blackroad/std/random';
import { originOf } from '../../fleet/principals.ts';
import { agentIdOf } from '../../state/view.ts';
import { closed, type ToolCall, tool } from '../tool.ts';

/** The least time between two pieces that are told: a client draws each. */
const pieceMs = 80;

export const askAgent = tool({
  name: 'ask_agent',
  title: 'Ask an agent',
  text: "Asks one of the fleet's AI agents and waits for its answer. It runs on the owner's hardware, remembers, and may use the tools it was given.",
  input: Type.Object(
    {
      agent: AgentName,
      prompt: Type.String({ minLength: 1, maxLength: maxPromptBytes }),
      deadlineSeconds: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: maxDeadlineSeconds,
          description: 'The task expires then; missing: as the agent has it.',
        }),
      ),
    },
    closed,
  ),
  output: Type.Object({
    task: Type.String({ description: 'Its id: the task stays in the history.' }),
    state: TaskState,
    answer: Type.String(),
    isCut: Type.Boolean({ description: 'The model stopped at its limit of tokens.' }),
    node: Type.Nullable(Type.String(), { description: 'Where it was answered.' }),
    seconds: Type.Number(),
  }),
  needs: ['tasks:ask'],
  readOnly: false,
  destructive: false,
  idempotent: false,
  openWorld: true,
  async call({ agent, prompt, deadlineSeconds }, call) {
    const task = await follow(agent, { prompt, ...(deadlineSeconds === undefined ? {} : { deadlineSeconds }) }, call);
    if (task.state !== 'done')
      throw new FleetError(task.state === 'expired' ? 'deadline-passed' : 'task-failed', {
        detail: `${agent} did not answer: ${task.problem?.text ?? `its task ended ${task.state}`} (task ${task.id}).`,
      });
    const endedMs = task.endedMs ?? call.clock.nowMs();
    return {
      task: task.id,
      state: task.state,
      answer: task.result ?? '',
      isCut: task.truncated,
      node: task.node,
      seconds: Math.max(0, endedMs - task.createdMs) / 1000,
    };
  },
});

async function follow(
  agent: string,
  request: { prompt: string; deadlineSeconds?: number },
  { coordinator, clock, random, by, signal, isCancelled, progress }: ToolCall,
): Promise<TaskView> {
  const { view } = coordinator;
  const agentId = agentIdOf(view, by.space, agent);
  if (agentId === undefined) {
    const others = [...view.agents.values()].flatMap((row) => (row.space === by.space ? [row.spec.name] : []));
    throw new FleetError('no-such-agent', { detail: notFoundText('agent', agent, others) });
  }
  const id = sortableId(clock.nowMs(), random);
  const pieces = new Pieces(clock, progress);
  const { promise, resolve, reject } = Promise.withResolvers<TaskView>();
  promise.catch(() => {}); // It may be rejected before it is waited for.
  // It is followed before it is submitted, so that not even the first words can be missed.
  const unfollow = coordinator.follow(id, (event: TaskStreamEvent) => {
    if (event.event === 'end') resolve(event.data);
    else if (event.event === 'chunk') pieces.take(event.data);
  });
  const onAbort = () => {
    // It has ended, or the coordinator stops.
    if (isCancelled()) coordinator.submit('task-cancel', { by, id }).catch(() => {});
    reject(new FleetError('task-cancelled', { detail: 'The request was taken back.' }));
  };
  try {
    const outcome = await coordinator.submit('task-submit', { id, agent: agentId, request, by, origin: originOf(by) });
    if (!outcome.ok) throw new FleetError(outcome.code, outcome.details);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    return await promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
    unfollow();
    pieces.end();
  }
}

/** The words of an attempt as they come, told together some times a second. */
class Pieces {
  readonly #clock: ToolCall['clock'];
  readonly #tell: ToolCall['progress'];
  #attempt = 0;
  #offset = 0;
  #waiting = '';
  #timer: { cancel(): void } | null = null;

  constructor(clock: ToolCall['clock'], tell: ToolCall['progress']) {
    this.#clock = clock;
    this.#tell = tell;
  }
  take({ attempt, offset, text, tool: name, retract }: TaskChunk): void {
    if (!this.#tell) return;
    if (attempt !== this.#attempt) {
      if (this.#offset > 0) this.#add('\n[the answer begins anew on another node]\n');
      this.#attempt = attempt;
      this.#offset = 0;
    }
    if (name !== undefined) this.#add(`\n[uses the tool ${name}]\n`);
    if (retract) {
      this.#add('\n[what was said so far was thought, and no answer]\n');
      this.#offset = offset;
      return;
    }
    // Chunks are perishable; the answer of the tool has the whole text.
    this.#offset = offset + text.length;
    if (text !== '') this.#add(text);
  }
  end(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#waiting = '';
  }
  #add(text: string): void {
    this.#waiting += text;
    this.#timer ??= this.#clock.after(pieceMs, () => {
      this.#timer = null;
      this.#tell?.(this.#waiting);
      this.#waiting = '';
    });
  }
}
