// The settings of a world, drawn from its seed: the policy of the coordinator, the limits of messages and outboxes, the length of a turn of
// its event loop, and the kinds of faults and of people's actions that occur. Limits that only a large fleet would reach are small here.
// In: chance. Out: plain data. Some kinds are off in each world, as a bug may need one fault and the absence of another.
import { maxMemoryBatchEntries, maxOutboxMessages } from '@blackroad/protocol';
import type { Random } from '@blackroad/std/random';
import { readConfig } from '../../coordinator/src/config.ts';
import { policyOf } from '../../coordinator/src/policy.ts';
import type { Cuts } from '../../coordinator/src/state/cuts.ts';
import type { Policy } from '../../coordinator/src/state/input.ts';
import { type Version, versions } from './versions.ts';

export interface Knobs {
  policy: Policy;
  /** Undefined: the limits of the protocol. */
  cuts: Cuts | undefined;
  outboxMessages: number;
  /** A turn of the coordinator's event loop takes up to this long, so that a plan and its steps happen at different times. */
  turnMs: number;
  /** A commit takes up to this much longer: a worn card of a Pi. 0 in most worlds. */
  slowDiskMs: number;
  /** The share of the kinds of faults that is left out. */
  quietShare: number;
  /** The versions in which nodes start. */
  versions: readonly Version[];
}

export function drawKnobs(random: Random): Knobs {
  const between = (low: number, high: number) => low + random.next() * (high - low);
  const whole = (low: number, high: number) => Math.round(between(low, high));
  const chance = (share: number) => random.next() < share;
  const pick = <T>(...items: readonly T[]) => items[Math.floor(random.next() * items.length)] as T;
  const policy: Policy = {
    ...policyOf(readConfig([], {})),
    heartbeatMs: whole(4, 10) * 1000,
    maxHeartbeatsPerS: chance(0.2) ? 1 : 1000,
    lostAfterMs: whole(5, 20) * 1000,
    restartGraceMs: whole(20, 60) * 1000,
    reconnectWindowMs: whole(1, 15) * 1000,
    valveShare: pick(0.5, 0.5, 0.35, 0.7),
    valveMinNodes: pick(2, 3, 4, 4),
    valveWindowMs: whole(20, 90) * 1000,
    placement: chance(0.25) ? 'pack' : 'spread',
    modelIdleMs: chance(0.4) ? whole(15, 60) * 1000 : 0,
    rebalanceEveryMs: chance(0.2) ? 0 : whole(8, 60) * 1000,
    rebalanceRestMs: whole(20, 180) * 1000,
    rebalanceShare: pick(0.01, 0.1, 0.5),
    // Certificates that are renewed within a world, or valid for all of it unless the coordinator's clock is set far ahead.
    certificateMs: (chance(0.4) ? whole(60, 400) : whole(1_000, 100_000)) * 1000,
    retryMs: pick(200, 1000, 3000),
    reclaim: chance(0.2) ? 'ask' : 'auto',
  };
  const isSmall = chance(0.5);
  return {
    policy,
    cuts: isSmall
      ? {
          memoryBatchEntries: pick(1, 2, 3, maxMemoryBatchEntries),
          assignmentPartBytes: pick(700, 2 * 1024, 4 * 1024),
          budgets: { events: { burst: 1, perMinute: 3 }, records: { burst: 6, perMinute: 60 } },
        }
      : undefined,
    outboxMessages: isSmall ? pick(3, 8, 20, maxOutboxMessages) : maxOutboxMessages,
    turnMs: chance(0.4) ? pick(5, 20, 80) : 0,
    quietShare: chance(0.5) ? 0 : between(0.2, 0.9),
    versions: chance(0.5) ? ['this'] : versions,
    slowDiskMs: chance(0.2) ? between(20, 300) : 0,
  };
}

/** Some rows of a table, at least one: the others do not occur in this world. */
export function someOf<T>(random: Random, rows: readonly T[], quietShare: number): readonly T[] {
  const kept = rows.filter(() => random.next() >= quietShare);
  return kept.length > 0 ? kept : rows.slice(0, 1);
}
