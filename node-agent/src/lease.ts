// Whether this node may still act outside for its agents. In: word of the coordinator that says when it was sent, and which assignment
// it holds this node to. Out: yes or no, now. Word renews the lease from when it was sent, not from when it came: what waited in a
// buffer while this machine stood still says nothing of now. Word to a node whose assignment is behind renews nothing: an agent may
// be elsewhere by then. [INV-one-hand]
import type { Welcome } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';

export interface Lease {
  readonly holds: boolean;
  /** A connection begins: nothing is known of the assignment until its welcome. */
  connected(): void;
  /** `askedMs`: when the hello went out that it answers, by our monotonic clock; null: it answers none. */
  welcomed(message: Pick<Welcome, 'nowMs' | 'leaseMs' | 'generation'>, askedMs: number | null): void;
  /** Word without an answer to a hello; how old it is, as far as can be told. */
  heard(sentMs: number): number;
  /** This generation of the assignment exists; what we have is `have`. */
  told(generation: number, have: number): void;
}

export function createLease(clock: Clock, have: number): Lease {
  let leaseMs = 0;
  /** The coordinator's clock less ours, rather too large: word then counts as older than it is, never as younger. */
  let aheadMs: number | null = null;
  let generation = Number.POSITIVE_INFINITY;
  let holds = have;
  let sentMs = Number.NEGATIVE_INFINITY;
  let until = { monotonicMs: Number.NEGATIVE_INFINITY, wallMs: Number.NEGATIVE_INFINITY };

  function word(coordinatorMs: number): number {
    if (aheadMs === null) return 0;
    const nowMs = clock.monotonicMs();
    // Word from the future: the coordinator's clock was set forward. Set back, all its word looks old until the next hello.
    aheadMs = Math.max(aheadMs, coordinatorMs - nowMs);
    const at = coordinatorMs - aheadMs;
    sentMs = Math.max(sentMs, at);
    renew();
    return nowMs - at;
  }
  function renew(): void {
    if (holds < generation) return;
    const monotonicMs = sentMs + leaseMs;
    if (monotonicMs <= until.monotonicMs) return;
    until = { monotonicMs, wallMs: clock.nowMs() + monotonicMs - clock.monotonicMs() };
  }
  return {
    get holds() {
      // A monotonic clock stands still while the machine sleeps; its wall clock does not.
      return clock.monotonicMs() < until.monotonicMs && clock.nowMs() < until.wallMs;
    },
    connected() {
      generation = Number.POSITIVE_INFINITY;
      sentMs = Number.NEGATIVE_INFINITY;
    },
    welcomed(message, askedMs) {
      ({ leaseMs, generation } = message);
      if (askedMs !== null) aheadMs = message.nowMs - askedMs;
      word(message.nowMs);
    },
    heard: word,
    told(known, now) {
      generation = Math.max(generation, known);
      holds = now;
      renew();
    },
  };
}
