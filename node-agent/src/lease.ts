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
  /** `askedMs`: when the hello went out that it answers, by this machine's uptime; null: it answers none. */
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
  let untilMs = Number.NEGATIVE_INFINITY;
  const awake = createLocalTime(clock);

  function word(coordinatorMs: number): number {
    if (aheadMs === null) return 0;
    const nowMs = awake.nowMs();
    // Word from the future: the coordinator's clock was set forward. Set back, all its word looks old until the next hello.
    aheadMs = Math.max(aheadMs, coordinatorMs - nowMs);
    const at = coordinatorMs - aheadMs;
    sentMs = Math.max(sentMs, at);
    renew();
    return nowMs - at;
  }
  function renew(): void {
    if (holds < generation) return;
    untilMs = Math.max(untilMs, sentMs + leaseMs);
  }
  return {
    get holds() {
      return awake.nowMs() < untilMs;
    },
    connected() {
      generation = Number.POSITIVE_INFINITY;
      sentMs = Number.NEGATIVE_INFINITY;
    },
    welcomed(message, askedMs) {
      ({ leaseMs, generation } = message);
      awake.nowMs();
      if (askedMs !== null) aheadMs = message.nowMs - awake.atMs(askedMs);
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

/** Less than this is how clocks are read one after the other, and not a sleep. */
const readingMs = 500;
const maxSleeps = 32;

/**
 * Time on this machine since its start, sleep included: what was sent to a machine that slept would else look as if it came from the
 * future. The uptime of the kernel counts the sleep of the machine, also one in which somebody sets the wall clock. A virtual machine
 * that its host suspends does not count it: there the wall clock tells, once it is set right. A wall clock that is set forward looks
 * like such a sleep: word then counts as older than it is, until an answer to the next hello tells.
 */
function createLocalTime(clock: Clock) {
  let baseMs = clock.nowMs() - clock.uptimeMs();
  let sleptMs = 0;
  /** Since when how much was slept, oldest first. */
  const sleeps = [{ fromMs: Number.NEGATIVE_INFINITY, sleptMs }];
  function look(): number {
    const upMs = clock.uptimeMs();
    const apartMs = clock.nowMs() - upMs;
    if (apartMs > baseMs + readingMs) {
      sleptMs += apartMs - baseMs;
      sleeps.push({ fromMs: upMs, sleptMs });
      // The first stays: what is asked for before the others is before any sleep that is known.
      if (sleeps.length > maxSleeps) sleeps.splice(1, 1);
      baseMs = apartMs;
    } else baseMs = Math.min(baseMs, apartMs);
    return upMs;
  }
  return {
    nowMs: () => look() + sleptMs,
    /** Of a moment of the uptime; a sleep that was found later than that counts as later. */
    atMs: (upMs: number) => upMs + (sleeps.findLast(({ fromMs }) => fromMs < upMs) ?? sleeps[0]!).sleptMs,
  };
}
