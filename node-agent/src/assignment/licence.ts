// The node's licence for outside effects: whether it may still act outside for its agents. In: messages of the coordinator that carry their
// sending time, and the generation of the assignment. Out: yes or no, now. A message renews the licence from the time it was sent, not from
// its arrival: one that waited in a buffer while this machine was suspended proves nothing about now. A message to a node whose assignment
// is behind renews nothing: its agents may be on another node by then. [INV-one-hand]
import type { Welcome } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';

export interface Licence {
  readonly holds: boolean;
  /** A connection begins: the node's assignment counts as behind until the welcome. */
  connected(): void;
  /** `askedMs`: when the hello that it answers was sent, by this machine's uptime; null: it answers none. */
  welcomed(message: Pick<Welcome, 'nowMs' | 'leaseMs' | 'generation'>, askedMs: number | null): void;
  /** A dated message that answers no hello. Returns its age as far as it can be computed. */
  heard(sentMs: number): number;
  /** Generation `generation` of the assignment exists; the node has generation `have`. */
  told(generation: number, have: number): void;
}

export function createLicence(clock: Clock, have: number): Licence {
  let licenceMs = 0;
  /** The offset from our clock to the coordinator's, biased high, so that a message counts as older than it is, never as younger. */
  let aheadMs: number | null = null;
  let generation = Number.POSITIVE_INFINITY;
  let holds = have;
  let sentMs = Number.NEGATIVE_INFINITY;
  let untilMs = Number.NEGATIVE_INFINITY;
  const awake = createLocalTime(clock);

  function heard(coordinatorMs: number): number {
    if (aheadMs === null) return 0;
    const nowMs = awake.nowMs();
    // A date in the future: the coordinator's clock was set forward. After it is set back, all its messages look old until the next hello.
    aheadMs = Math.max(aheadMs, coordinatorMs - nowMs);
    const at = coordinatorMs - aheadMs;
    sentMs = Math.max(sentMs, at);
    renew();
    return nowMs - at;
  }
  function renew(): void {
    if (holds < generation) return;
    untilMs = Math.max(untilMs, sentMs + licenceMs);
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
      ({ leaseMs: licenceMs, generation } = message);
      awake.nowMs();
      if (askedMs !== null) aheadMs = message.nowMs - awake.atMs(askedMs);
      heard(message.nowMs);
    },
    heard,
    told(known, now) {
      generation = Math.max(generation, known);
      holds = now;
      renew();
    },
  };
}

/** A difference below this comes from reading the clocks one after the other, not from a sleep. */
const readingMs = 500;
const maxSleeps = 32;

/**
 * Time on this machine since its start, sleep included: otherwise a message sent during a sleep would seem to come from the future. The
 * kernel's uptime includes the sleep of the machine, even when the wall clock is set during it. It does not include the time that a host
 * suspends a virtual machine: there the wall clock shows it, once it is set right. A wall clock that is set forward looks like such a
 * sleep: messages then count as older than they are, until the answer to the next hello.
 */
function createLocalTime(clock: Clock) {
  let baseMs = clock.nowMs() - clock.uptimeMs();
  let sleptMs = 0;
  /** The total sleep from each moment on, oldest first. */
  const sleeps = [{ fromMs: Number.NEGATIVE_INFINITY, sleptMs }];
  function look(): number {
    const upMs = clock.uptimeMs();
    const apartMs = clock.nowMs() - upMs;
    if (apartMs > baseMs + readingMs) {
      sleptMs += apartMs - baseMs;
      sleeps.push({ fromMs: upMs, sleptMs });
      // The first one stays: a moment before the others is before every known sleep.
      if (sleeps.length > maxSleeps) sleeps.splice(1, 1);
      baseMs = apartMs;
    } else baseMs = Math.min(baseMs, apartMs);
    return upMs;
  }
  return {
    nowMs: () => look() + sleptMs,
    /** The time at a moment of the uptime; a sleep that was detected after it counts as later. */
    atMs: (upMs: number) => upMs + (sleeps.findLast(({ fromMs }) => fromMs < upMs) ?? sleeps[0]!).sleptMs,
  };
}
