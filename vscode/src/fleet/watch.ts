// Looks at nodes and agents again and again while somebody sees them: quickly while the coordinator answers, with growing, jittered pauses
// while it does not, and not at all with a key that is refused. In: a client. Out: the state, whenever it changes.
import type { AgentView, NodeView } from '@blackroad/protocol';
import { backoffMs } from '@blackroad/std/backoff';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import type { Client } from '../../../coordinator/cli/src/client.ts';
import { faultWords, needsPerson } from './fault-words.ts';

/** Nodes that a tree shows; a person looks for one of more on the console. */
export const maxNodes = 500;
export const lookMs = 3_000;
/** A large fleet is looked at less often: looking takes at most this part of the time. */
const share = 1 / 20;
const away = { firstMs: 1_000, maxMs: 30_000 };

export interface Seen {
  nodes: readonly NodeView[];
  agents: readonly AgentView[];
  atMs: number;
}
export type FleetState =
  | { kind: 'signed-out' }
  | { kind: 'asking' }
  | { kind: 'live'; seen: Seen }
  /** `isRefused`: it is not asked again by itself. */
  | { kind: 'away'; why: string; isRefused: boolean; seen: Seen | null };

interface WatchParts {
  clock: Clock;
  random: Random;
  onChange(state: FleetState): void;
}

export class FleetWatch {
  readonly #parts: WatchParts;
  #client: Client | null = null;
  #state: FleetState = { kind: 'signed-out' };
  #isShown = false;
  #isLooking = false;
  #timer: Timer | null = null;
  #failures = 0;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  get state(): FleetState {
    return this.#state;
  }

  /** Another fleet, another key, or null: nobody is signed in. */
  use(client: Client | null): void {
    this.#client = client;
    this.#failures = 0;
    this.#become(client === null ? { kind: 'signed-out' } : { kind: 'asking' });
    this.refresh();
  }
  /** Nobody looks: the coordinator is left in peace. */
  show(isShown: boolean): void {
    if (this.#isShown === isShown) return;
    this.#isShown = isShown;
    if (isShown) this.refresh();
    else this.#timer?.cancel();
  }
  refresh(): void {
    this.#timer?.cancel();
    void this.#look();
  }
  stop(): void {
    this.#isShown = false;
    this.#timer?.cancel();
    this.#client = null;
  }

  async #look(): Promise<void> {
    const client = this.#client;
    if (client === null || !this.#isShown || this.#isLooking) return;
    const { clock, random } = this.#parts;
    this.#isLooking = true;
    const begunMs = clock.monotonicMs();
    let next: FleetState;
    try {
      const [nodes, agents] = await Promise.all([
        client.call('nodes', { query: { limit: maxNodes } }),
        client.call('agents'),
      ]);
      next = { kind: 'live', seen: { nodes, agents, atMs: clock.nowMs() } };
    } catch (error) {
      const seen = 'seen' in this.#state ? this.#state.seen : null;
      next = { kind: 'away', why: faultWords(error), isRefused: needsPerson(error), seen };
    } finally {
      this.#isLooking = false;
    }
    // What another fleet was asked is no answer of this one.
    if (client !== this.#client) return void this.#look();
    this.#failures = next.kind === 'away' ? this.#failures + 1 : 0;
    this.#become(next);
    if (!this.#isShown || (next.kind === 'away' && next.isRefused)) return;
    const pauseMs =
      next.kind === 'away'
        ? backoffMs(away, this.#failures - 1, random)
        : Math.max(lookMs, (clock.monotonicMs() - begunMs) / share);
    this.#timer?.cancel();
    this.#timer = clock.after(pauseMs, () => void this.#look());
  }

  #become(state: FleetState): void {
    this.#state = state;
    this.#parts.onChange(state);
  }
}
