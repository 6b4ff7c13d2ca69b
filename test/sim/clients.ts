// Programs that ask models through the real gateway: streams, several answers at once, agents, vectors, batches that have time; some leave
// before the end. In: chance, and the coordinator that runs. Out: what each of them heard, and the runs of models on machines, for the
// checkers. Every run of a model for a request marks its words, so that the words of two runs in one answer are seen.
import { defaultSpace, type FleetError, type Principal } from '@blackroad/protocol';
import type { Log } from '@blackroad/std/log';
import { type Random, seededRandom } from '@blackroad/std/random';
import type { AnswerSink, Ask } from '../../coordinator/src/gateway/ask.ts';
import { Gateway } from '../../coordinator/src/gateway/gateway.ts';
import type { Coordinator } from '../../coordinator/src/road/coordinator.ts';
import type { Machine } from './machine.ts';
import type { Happening } from './people.ts';
import type { ProcessClock } from './timeline.ts';
import type { World } from './world.ts';

/** A request, with what its client heard. */
export interface Asked {
  readonly number: number;
  readonly ask: Ask;
  /** What a model answers to it. */
  readonly expected: string;
  /** The clock of the coordinator that it was asked of, and the time then. */
  readonly clock: ProcessClock;
  readonly askedMs: number;
  /** The node of the answer, once it began. */
  node: string | null;
  /** The words of each answer, marked. */
  readonly texts: string[];
  readonly reasons: (string | undefined)[];
  /** How it ended, each time that it did. */
  readonly ends: string[];
  /** Something that came in a wrong order, in words. */
  disorder: string | null;
  /** The time since which nobody waits for it. */
  goneMs: number;
}
/** A model at work on a machine. */
export interface Run {
  readonly machine: Machine;
  readonly model: string;
  readonly slots: number;
  /** The number of the request; null: a turn of an agent. */
  readonly request: number | null;
  readonly clock: ProcessClock;
  /** A load that began is not broken off. */
  readonly loadedMs: number;
}

/** The prompt of a request; agents get another one, so that their models do not mark what is remembered. */
const promptOf = (number: number) => `Request ${number} of a program?`;
export function requestOf(prompt: string): number | null {
  const found = /^Request (\d+) of a program\?$/.exec(prompt);
  return found ? Number(found[1]) : null;
}
export const marked = (mark: string, text: string) => `<${mark}>${text}`;
/** The marks of a text in their order, each once, and the text without them. */
export function unmarked(text: string): { marks: Set<string>; words: string } {
  const marks = new Set<string>();
  const words = text.replace(/<([^>]+)>/g, (_, mark: string) => {
    marks.add(mark);
    return '';
  });
  return { marks, words };
}
const principalOf = (name: string): Principal => ({
  ...{ kind: 'key', id: name, name, space: defaultSpace, roles: ['client'] },
});

export class Clients {
  readonly asked = new Map<number, Asked>();
  readonly runs = new Set<Run>();
  gateway: Gateway | null = null;
  #clock: ProcessClock | null = null;
  #next = 1;
  readonly #world: World;
  readonly #ended: (asked: Asked) => void;
  readonly #began: (run: Run) => void;
  readonly #log: Log;

  constructor(world: World, parts: { ended: (asked: Asked) => void; began: (run: Run) => void; log: Log }) {
    this.#world = world;
    this.#ended = parts.ended;
    this.#began = parts.began;
    this.#log = parts.log;
  }

  get open(): Asked[] {
    return [...this.asked.values()].filter(({ ends }) => ends.length === 0);
  }

  /** A coordinator has started: it serves the gateway. */
  serve(coordinator: Coordinator, clock: ProcessClock): void {
    const random = seededRandom(this.#world.seed * 7 + this.#world.host.starts);
    const gateway = new Gateway({ coordinator, clock, random, log: this.#log, answered: () => {} });
    coordinator.watch((touched) => clock.alive && gateway.note(touched));
    this.gateway = gateway;
    this.#clock = clock;
  }
  /** It has ended, and with it the connections of its clients. */
  cut(): void {
    this.gateway = null;
    this.#clock = null;
    for (const asked of this.open) this.#end(asked, 'the coordinator died');
  }

  /** False: no coordinator answers. */
  ask(given: Pick<Ask, 'models'> & Partial<Ask>, who: string, leavesAfterMs: number | null): boolean {
    const { gateway } = this;
    const clock = this.#clock;
    if (!gateway || !clock || clock.paused) return false;
    const number = this.#next++;
    const isAgent = given.models[0]?.startsWith('agent/') === true;
    const content = isAgent ? `A program asks for the ${number}. time.` : promptOf(number);
    const ask: Ask = {
      ...{ answers: 1, stream: true, session: null },
      ...given,
      request: given.request ?? { kind: 'chat', messages: [{ role: 'user', content }] },
    };
    const { nowMs } = this.#world.timeline;
    const asked: Asked = {
      ...{ number, ask, clock, expected: `Simulated answer to: ${content}`, askedMs: clock.monotonicMs() },
      ...{ node: null, texts: [], reasons: [], ends: [], disorder: null, goneMs: Number.POSITIVE_INFINITY },
    };
    this.asked.set(number, asked);
    this.#world.trace(who, `asks ${ask.models.join(',')} (${number})`);
    const stop = gateway.answer(ask, principalOf(who), this.#sinkOf(asked));
    if (leavesAfterMs !== null)
      this.#world.timeline.at(nowMs + leavesAfterMs, () => {
        if (asked.ends.length > 0 || !clock.alive || clock.paused) return;
        this.#end(asked, 'it left');
        stop();
      });
    return true;
  }

  #sinkOf(asked: Asked): AnswerSink {
    const wrong = (what: string) => {
      asked.disorder ??= what;
    };
    const isOver = () => asked.ends.length > 0 && asked.ends[0] !== 'it left';
    return {
      begin: ({ node }) => {
        if (asked.node !== null || isOver()) wrong('it began twice, or after its end');
        asked.node = node;
      },
      event: (answer, { text = '' }) => {
        if (asked.node === null || isOver() || asked.reasons[answer] !== undefined)
          wrong('words came before its beginning or after its end');
        asked.texts[answer] = (asked.texts[answer] ?? '') + text;
      },
      end: (answer, reason) => {
        if (asked.reasons[answer] !== undefined) wrong('an answer of it ended twice');
        asked.reasons[answer] = reason;
      },
      done: () => this.#end(asked, 'answered'),
      fail: ({ code }: FleetError) => this.#end(asked, code),
    };
  }

  #end(asked: Asked, how: string): void {
    // A process that died tells nobody anything, and whoever left hears nothing.
    if (!asked.clock.alive && asked.ends.length > 0) return;
    if (asked.ends[0] === 'it left' && how === 'the coordinator died') return;
    asked.ends.push(how);
    asked.goneMs = Math.min(asked.goneMs, this.#world.timeline.nowMs);
    this.#world.trace('programs', `request ${asked.number}: ${how}`);
    this.#ended(asked);
  }

  /** A model begins its work; returns the end of it. */
  work(run: Run): () => void {
    this.runs.add(run);
    this.#began(run);
    return () => this.runs.delete(run);
  }
  /** The runs of processes that live. */
  atWork(): Run[] {
    for (const run of this.runs) if (!run.clock.alive) this.runs.delete(run);
    return [...this.runs];
  }
}

const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random.next() * items.length)] as T;
const wishes: readonly (readonly string[])[] = [
  ['auto'],
  ['auto'],
  ['small'],
  ['medium'],
  ['sim-1b'],
  ['sim-1b'],
  ['sim-3b'],
  ['sim-7b', 'sim-1b'],
  ['sim-8b', 'small'],
  ['sim-none', 'auto'],
  ['sim-none'],
];
function ask(world: World, random: Random, given: Partial<Ask> & { models?: readonly string[] } = {}): boolean {
  const leaves = random.next() < 0.3 ? random.next() ** 2 * 20_000 : null;
  const who = pick(random, ['editor', 'editor', 'house']);
  return world.clients?.ask({ models: pick(random, wishes), ...given }, who, leaves) ?? false;
}

/** What programs do, in the worlds that have some. */
export const requests: readonly Happening[] = [
  { name: 'request', weight: 10, run: (world, random) => ask(world, random) },
  {
    name: 'requests in a burst',
    weight: 2,
    run(world, random) {
      const models = pick(random, wishes);
      const count = 4 + Math.floor(random.next() * 20);
      for (let i = 0; i < count; i++) if (!ask(world, random, { models })) return false;
      return true;
    },
  },
  { name: 'request for two answers', weight: 1, run: (world, random) => ask(world, random, { answers: 2 }) },
  {
    name: 'request of a conversation',
    weight: 2,
    run: (world, random) => ask(world, random, { session: `talk-${Math.floor(random.next() * 3)}` }),
  },
  {
    name: 'request that has time',
    weight: 2,
    run(world, random) {
      const count = 1 + Math.floor(random.next() * 6);
      for (let i = 0; i < count; i++) if (!ask(world, random, { idle: true })) return false;
      return true;
    },
  },
  {
    name: 'request for vectors',
    weight: 1,
    run: (world, random) =>
      ask(world, random, { models: ['sim-embed'], request: { kind: 'embed', texts: ['one', 'two'] } }),
  },
  {
    name: 'request of an agent',
    weight: 1,
    run(world, random) {
      const agents = [...world.stored.agents.values()];
      if (agents.length === 0) return false;
      return ask(world, random, { models: [`agent/${pick(random, agents).spec.name}`] });
    },
  },
];
