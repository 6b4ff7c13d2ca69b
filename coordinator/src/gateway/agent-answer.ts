// An agent as a model: the last message is its task, the messages before it are the conversation, and what the agent recalls, its tools and
// its own instructions are the agent's. In: a request for `agent/<name>`. Out: the same answer that a model gives. The task is stored like
// any other; when nobody reads on, it is cancelled.
import {
  type Exchange,
  FleetError,
  lengthOf,
  maxPromptBytes,
  maxTaskImageChars,
  maxTaskImages,
  type Principal,
  type TaskChunk,
  type TaskRequest,
  type TaskStreamEvent,
  type TaskView,
} from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { type Random, sortableId } from '@blackroad/std/random';
import { originOf } from '../fleet/principals.ts';
import type { Coordinator } from '../road/coordinator.ts';
import { agentIdOf } from '../state/view.ts';
import { lastExchanges } from '../tasks/exchanges.ts';
import { type AnswerSink, type Ask, noUsage } from './ask.ts';

const prefix = 'agent/';
/** The agent that the name of a model means; null: it means a model. */
export function agentNamed(model: string): string | null {
  return model.startsWith(prefix) ? model.slice(prefix.length) : null;
}
export const modelOfAgent = (name: string) => `${prefix}${name}`;

/** Behind everybody else's tasks. */
const idlePriority = 0;

interface AgentAnswerParts {
  coordinator: Coordinator;
  clock: Clock;
  random: Random;
  log: Log;
  ask: Ask;
  agent: string;
  by: Principal;
  /** The agents that have a task of a batch. */
  idleAt: Set<string>;
  sink: AnswerSink;
}

export class AgentAnswer {
  readonly #parts: AgentAnswerParts;
  readonly #id: string;
  readonly #beganMs: number;
  #unfollow = () => {};
  #freeIdle: () => void = () => {};
  #isOver = false;
  #begun = false;
  /** What the reader has of the answer. */
  #told = '';
  #attempt = 0;
  /** The coordinator's own share of the time: until the task was stored. */
  #overheadMs: number | null = null;
  /** The id of the agent, and the node that its answer came from: a task that has ended is not in the view any more. */
  #agent = '';
  #node: string | null = null;

  constructor(parts: AgentAnswerParts) {
    this.#parts = parts;
    const { clock, random } = parts;
    this.#beganMs = clock.monotonicMs();
    this.#id = sortableId(clock.nowMs(), random);
    this.#ask().catch((error) => this.#fail(error));
  }

  stop(): void {
    if (this.#isOver) return;
    this.#over();
    const { coordinator, by } = this.#parts;
    coordinator.submit('task-cancel', { by, id: this.#id }).catch(() => {}); // it has ended, or the coordinator stops
  }

  async #ask(): Promise<void> {
    const { coordinator, agent, by, ask } = this.#parts;
    const id = agentIdOf(coordinator.view, by.space, agent);
    if (id === undefined) throw new FleetError('no-such-model', { detail: `There is no agent "${agent}".` });
    this.#agent = id;
    if (ask.idle) this.#takeIdle(id, agent);
    const request = { ...taskOf(ask), ...(ask.idle ? { priority: idlePriority } : {}) };
    // It is followed before it is submitted, so that not even the first words can be missed.
    this.#unfollow = coordinator.follow(this.#id, (event) => this.#hear(event));
    const outcome = await coordinator.submit('task-submit', {
      id: this.#id,
      agent: id,
      request,
      by,
      origin: originOf(by),
    });
    if (!outcome.ok) throw new FleetError(outcome.code, outcome.details);
    this.#overheadMs = this.#elapsedMs();
  }

  #elapsedMs(): number {
    return this.#parts.clock.monotonicMs() - this.#beganMs;
  }

  /** What has time is submitted one by one, and where nobody waits: it never fills the queue of people. @throws FleetError `model-busy` */
  #takeIdle(id: string, name: string): void {
    const { coordinator, idleAt } = this.#parts;
    const work = coordinator.view.work.get(id);
    const mostAtWork = coordinator.view.agents.get(id)?.spec.concurrency ?? 1;
    const isFree = !work || (work.waiting.length === 0 && work.leased.size < mostAtWork);
    if (!isFree || idleAt.has(id))
      throw new FleetError('model-busy', { detail: `${name} has other tasks.`, retryAfterSeconds: 2 });
    idleAt.add(id);
    this.#freeIdle = () => idleAt.delete(id);
  }

  #hear(event: TaskStreamEvent): void {
    if (this.#isOver) return;
    if (event.event === 'end') this.#end(event.data);
    else if (event.event === 'chunk') this.#take(event.data);
  }

  #take({ attempt, offset, text, retract }: TaskChunk): void {
    if (attempt !== this.#attempt) {
      // Another attempt begins its answer anew; two answers do not fit together.
      if (this.#told !== '') {
        this.#fail(new FleetError('model-failed', { detail: 'The node was lost within its answer.' }));
        return;
      }
      this.#attempt = attempt;
    }
    if (retract) {
      this.#told = this.#told.slice(0, offset);
      this.#parts.sink.event(0, { retract: true });
      return;
    }
    // After a chunk that was lost the end has the rest.
    if (text === '' || offset !== this.#told.length) return;
    this.#tell(text);
  }

  #tell(text: string): void {
    this.#begin();
    this.#told += text;
    this.#parts.sink.event(0, { text });
  }

  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    const { coordinator, agent, clock, sink } = this.#parts;
    const placement = coordinator.view.agents.get(this.#agent)?.placement;
    const node = this.#node ?? coordinator.view.tasks.get(this.#id)?.node ?? placement?.node ?? '';
    const model = modelOfAgent(agent);
    // It may have moved meanwhile.
    const its = placement?.node === node ? placement.model : 'its model';
    const why = `${agent} runs on ${node} with ${its}`;
    const overheadMs = this.#overheadMs ?? this.#elapsedMs();
    sink.begin({ id: this.#id, asked: model, model, node, why, overheadMs, createdMs: clock.nowMs() });
  }

  #end(task: TaskView): void {
    const whole = task.result ?? '';
    this.#node = task.node;
    const isSame = whole.startsWith(this.#told);
    if (task.state !== 'done') this.#fail(endError(task));
    else if (!isSame) this.#fail(new FleetError('model-failed', { detail: 'A part of the answer was lost.' }));
    else this.#finish(whole, task);
  }

  #finish(whole: string, { usage, truncated }: TaskView): void {
    const { sink } = this.#parts;
    if (whole.length > this.#told.length) this.#tell(whole.slice(this.#told.length));
    this.#begin();
    this.#over();
    const totalMs = this.#elapsedMs();
    const { promptTokens = 0, completionTokens = 0, firstTokenMs = 0, decodeMs = totalMs } = usage ?? {};
    const told = { ...noUsage, promptTokens, completionTokens, prefillMs: firstTokenMs, decodeMs };
    sink.end(0, truncated ? 'length' : 'stop', told);
    sink.done();
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.stop();
    if (!(error instanceof FleetError)) this.#parts.log.error({ err: error }, 'an agent could not be asked');
    this.#parts.sink.fail(error instanceof FleetError ? error : new FleetError('internal'));
  }

  #over(): void {
    this.#isOver = true;
    this.#freeIdle();
    this.#unfollow();
  }
}

function endError({ state, problem }: TaskView): FleetError {
  const detail = problem?.text ?? `The task of the agent ended ${state}.`;
  const code = state === 'expired' ? 'deadline-passed' : state === 'cancelled' ? 'task-cancelled' : 'task-failed';
  return new FleetError(code, { detail });
}

/** @throws FleetError `not-supported` for what an agent decides itself */
function taskOf({ request, answers }: Ask): TaskRequest {
  const { kind, messages = [], tools, schema, json, logprobs } = request;
  const own = (what: string) => {
    throw new FleetError('not-supported', { detail: `An agent ${what}; ask a model instead.` });
  };
  if (kind !== 'chat') own('only chats');
  if (tools?.length) own('has its own tools');
  if (schema || json) own('answers in words');
  if (logprobs !== undefined) own('has no log probabilities');
  if (answers !== 1) own('gives one answer');
  const said = messages.filter(({ role }) => role === 'user' || role === 'assistant');
  const last = said.at(-1);
  if (said.some((message) => message !== last && message.images?.length))
    own('takes pictures with the last message alone');
  if (last?.role !== 'user')
    throw new FleetError('invalid-request', { detail: 'messages: expected a message of the user last' });
  if (last.content.length > maxPromptBytes) {
    const detail = `The prompt of an agent has at most ${maxPromptBytes} characters; this one has ${last.content.length}.`;
    throw new FleetError('prompt-too-long', { detail });
  }
  const { images = [] } = last;
  if (images.length > maxTaskImages || lengthOf(images) > maxTaskImageChars) {
    const detail = `An agent takes ${maxTaskImages} pictures of at most ${maxTaskImageChars} characters of base64 together; these are ${images.length} of ${lengthOf(images)}.`;
    throw new FleetError('too-large', { detail });
  }
  const turns = exchangesOf(said.slice(0, -1));
  return {
    prompt: last.content,
    ...(turns.length > 0 ? { turns } : {}),
    ...(images.length > 0 ? { images } : {}),
  };
}

/** Pairs of what was said and answered, the last ones; an answer without a question has none to go with. */
function exchangesOf(messages: readonly { role: string; content: string }[]): Exchange[] {
  const exchanges: Exchange[] = [];
  let asked: string | null = null;
  for (const { role, content } of messages) {
    if (role === 'user') asked = asked === null ? content : `${asked}\n\n${content}`;
    else if (asked !== null && content.trim() !== '') {
      exchanges.push({ said: asked, answered: content });
      asked = null;
    }
  }
  return lastExchanges(exchanges);
}
