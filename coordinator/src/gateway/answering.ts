// One request to models: its answers, each with its attempts. Before the first piece of any answer an attempt that failed is followed by one
// elsewhere; after it never. [INV-request]
import {
  FleetError,
  type ModelAnswerEnd,
  type ModelProblem,
  type ModelRequest,
  modelProblems,
} from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { type Random, sortableId } from '@blackroad/std/random';
import type { Stop } from '../budgets/books.ts';
import type { Coordinator } from '../road/coordinator.ts';
import { type AnswerSink, type Ask, charsOf, noUsage, type Told, type Usage, usageOfPart } from './ask.ts';
import { attempt } from './attempt.ts';
import { keyOf, type Place } from './directory.ts';
import type { Hold, Purse } from './purse.ts';
import { refusalOf } from './refusal.ts';
import type { Router, Tried, Turn } from './router.ts';

/** The whole answer. Large models on small machines write for minutes. */
const answerMs = 600_000;
/** Waiting for a slot, in the lane and again on the node. */
const waitMs = 120_000;
/** Beyond four times what is expected until the first token. */
const patienceMs = 60_000;
const maxAttempts = 4;

/** One answer so far. */
interface Try {
  answer: number;
  attempts: number;
  /** Places that failed it. */
  avoid: Set<string>;
  /** Those among them whose server was full of other requests of the gateway: where nobody else can answer, it waits for them. */
  full: Set<string>;
  last: FleetError | null;
}

interface AnsweringParts {
  coordinator: Coordinator;
  router: Router;
  /** Counts the attempts after the first. */
  figures: { retried: number };
  ask: Ask;
  who: string;
  purse: Purse;
  /** An answer that had begun has no end. */
  brokeOff: (told: Told, usage: Usage) => void;
  sink: AnswerSink;
  clock: Clock;
  random: Random;
  log: Log;
}

export class Answering {
  readonly #parts: AnsweringParts;
  readonly #beganMs: number;
  readonly #stopped = new AbortController();
  readonly #id: string;
  #open: number;
  #begun = false;

  constructor(parts: AnsweringParts) {
    this.#parts = parts;
    const { ask, clock, random } = parts;
    this.#beganMs = clock.monotonicMs();
    this.#id = sortableId(clock.nowMs(), random);
    this.#open = ask.answers;
    for (let answer = 0; answer < ask.answers; answer++)
      this.#answer({ answer, attempts: 0, avoid: new Set(), full: new Set(), last: null }).catch((error) =>
        this.#fail(error),
      );
  }

  stop(): void {
    this.#stopped.abort();
  }

  get #leftMs(): number {
    return answerMs - (this.#parts.clock.monotonicMs() - this.#beganMs);
  }

  async #answer(one: Try): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      if (this.#leftMs <= 0) throw new FleetError('deadline-passed', { detail: 'The answer took too long.' });
      if (one.last) this.#parts.figures.retried++;
      const error = await this.#try(one);
      if (!error || this.#stopped.signal.aborted) return;
      one.last = error;
      if (one.attempts >= maxAttempts) throw error;
    }
  }

  /** Null: it is answered, or nobody waits any more. An error that is returned may be followed by another attempt, one thrown not. */
  async #try(one: Try): Promise<FleetError | null> {
    const { coordinator, clock, router, ask, who, sink, purse } = this.#parts;
    const refused = purse.refusal();
    if (refused) throw refused;
    const unpaidNow = () => (ask.idle ? idleStop : purse.unpaid());
    const unpaid = unpaidNow();
    const tried = this.#routes(one, unpaid);
    const found = tried.at(-1);
    if (!found?.place) throw one.last ?? refusalOf(ask, tried, coordinator.view, unpaid);
    const aside = new AbortController();
    const signal = ask.idle ? AbortSignal.any([this.#stopped.signal, aside.signal]) : this.#stopped.signal;
    const overheadMs = clock.monotonicMs() - this.#beganMs;
    let turn: Turn;
    try {
      turn = await router.enter(tried, found.place, {
        ...{ ask, who, avoid: one.avoid, unpaid: () => unpaidNow()?.text ?? null },
        signal: this.#stopped.signal,
        deadlineMs: Math.min(waitMs, this.#leftMs),
        ...(ask.idle ? { stepAside: () => aside.abort() } : {}),
      });
    } catch (error) {
      one.avoid.add(keyOf(found.place));
      one.attempts++;
      return error as FleetError;
    }
    const { place, route, leave } = turn;
    one.avoid.add(keyOf(place));
    let hold: Hold;
    const turnMs = clock.monotonicMs();
    try {
      hold = await purse.hold(place, ask.request);
    } catch (error) {
      leave();
      one.attempts++;
      return error as FleetError;
    }
    if (signal.aborted) {
      hold.used(noUsage);
      leave();
      if (this.#stopped.signal.aborted) return null;
      throw madeRoom();
    }
    const told = this.#toldOf(place, route.why, overheadMs + clock.monotonicMs() - turnMs);
    let chars = 0;
    const askedMs = clock.monotonicMs();
    const end = await attempt({
      coordinator,
      clock,
      node: told.node,
      request: this.#orderFor(told.model, hold.maxTokens),
      signal,
      firstMs: (route.chosen?.expected.firstMs ?? 0) * 4 + patienceMs,
      heard: (events) => {
        this.#begin(told);
        for (const event of events) {
          chars += charsOf(event);
          sink.event(one.answer, event);
        }
      },
    });
    const isFull = end.problem?.code === 'overloaded' && router.lanes.refused(told.node, told.model);
    leave();
    const usage = this.#count(told, hold, end, signal.aborted, chars);
    if (this.#stopped.signal.aborted) return null;
    if (aside.signal.aborted) throw madeRoom();
    if (end.problem) {
      if (isFull) one.full.add(keyOf(place));
      else one.attempts++;
      return this.#failed(end.problem, place, askedMs);
    }
    router.worked(ask, who, place, askedMs);
    this.#begin(told);
    sink.end(one.answer, end.reason ?? 'stop', usage);
    if (--this.#open === 0) sink.done();
    return null;
  }

  /** Elsewhere first; where there is no elsewhere it waits for a place that was full. */
  #routes({ avoid, full }: Try, unpaid: Stop | null): Tried[] {
    const { router, ask, who, clock } = this.#parts;
    const routes = () => router.routes(ask, who, unpaid?.text ?? null, avoid);
    const tried = routes();
    if (tried.at(-1)?.place || full.size === 0 || clock.monotonicMs() - this.#beganMs >= waitMs) return tried;
    for (const place of full) avoid.delete(place);
    full.clear();
    return routes();
  }

  #toldOf({ row, model }: Place, why: string, overheadMs: number): Told {
    const { clock, ask } = this.#parts;
    return {
      id: this.#id,
      asked: ask.models.join(','),
      model: model.name,
      node: row.id,
      why,
      overheadMs,
      createdMs: clock.nowMs(),
    };
  }

  #failed(problem: ModelProblem, { row, model }: Place, askedMs: number): FleetError {
    const error = errorOf(problem, model.name, row.id);
    this.#parts.router.failing.failed(row.id, model, problem, askedMs);
    // [INV-one-voice]
    if (this.#begun || !modelProblems[problem.code].elsewhere) throw error;
    return error;
  }

  /** Counts what the attempt used: by the word of its node, else by what was heard of it. */
  #count(told: Told, hold: Hold, end: ModelAnswerEnd, isStopped: boolean, chars: number): Usage {
    const hasBegun = chars > 0 || isStopped;
    const usage = end.usage ?? (hasBegun ? usageOfPart(this.#parts.ask.request, chars) : noUsage);
    hold.used(usage);
    // A whole answer is counted by the sink, which is told its end.
    if (end.problem && usage !== noUsage) this.#parts.brokeOff(told, usage);
    return usage;
  }

  #orderFor(model: string, maxTokens: number | null): ModelRequest {
    const leftMs = Math.max(1, this.#leftMs);
    return {
      ...this.#parts.ask.request,
      ...(maxTokens === null ? {} : { maxTokens }),
      model,
      leftMs,
      waitMs: Math.min(waitMs, leftMs),
    };
  }

  #begin(told: Told): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#parts.sink.begin(told);
  }

  #fail(error: unknown): void {
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort();
    const isKnown = error instanceof FleetError;
    if (!isKnown) this.#parts.log.error({ err: error }, 'a request of the gateway broke');
    this.#parts.sink.fail(isKnown ? error : new FleetError('internal'));
  }
}

/** What has all the time there is need not be paid for. */
const idleStop: Stop = { text: 'a batch takes what is idle and pays for nothing', why: 'no-money', renewsMs: null };
const madeRoom = () => new FleetError('model-busy', { detail: 'It made room for another request.' });

function errorOf({ code, text, retryAfterS }: ModelProblem, model: string, node: string): FleetError {
  const detail = `${model} on ${node}: ${text}`;
  switch (code) {
    case 'too-long':
      return new FleetError('prompt-too-long', { detail });
    case 'unsupported':
    case 'wrong-kind':
      return new FleetError('not-supported', { detail });
    case 'bad-request':
      return new FleetError('invalid-request', { detail });
    case 'filtered':
      return new FleetError('content-refused', { detail });
    case 'rate-limited':
    case 'provider-overloaded':
      return new FleetError('model-busy', { detail, retryAfterSeconds: Math.ceil(retryAfterS || 5) });
    case 'overloaded':
      return new FleetError('model-busy', { detail, retryAfterSeconds: 2 });
    case 'unknown-model':
      return new FleetError('model-away', { detail, retryAfterSeconds: 5 });
    case 'deadline-passed':
      return new FleetError('deadline-passed', { detail });
    default:
      return new FleetError('model-failed', { detail });
  }
}
