// What decisions read of the configuration, with the constants that nobody sets.
import { isTimeZone, timeZoneFault } from '@blackroad/protocol/cron';
import { OptionError } from '@blackroad/std/options';
import type { CoordinatorConfig } from './config.ts';
import type { Policy } from './state/input.ts';

/** @throws OptionError */
function timeZoneOf(given: string): string {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  // A machine whose TZ names nothing says Etc/Unknown.
  if (given === '') return isTimeZone(own) ? own : 'UTC';
  const fault = timeZoneFault(given);
  if (fault) throw new OptionError(`--time-zone: expected ${fault.expected}, got ${fault.got}`);
  return given;
}

export function policyOf(config: CoordinatorConfig): Policy {
  return {
    fleetName: config.name,
    timeZone: timeZoneOf(config.timeZone),
    // Nodes take whole milliseconds.
    heartbeatMs: Math.round(config.heartbeat * 1000),
    maxHeartbeatsPerS: 1000,
    lostAfterMs: config.lostAfter * 1000,
    restartGraceMs: config.restartGrace * 1000,
    reconnectWindowMs: config.reconnectWindow * 1000,
    // Half of the fleet at once is a switch, a router or the coordinator, not that many dead machines. Below four nodes shares mean nothing.
    valveShare: 0.5,
    valveMinNodes: 4,
    valveWindowMs: 60_000,
    placement: config.placement,
    reserve: config.reserve,
    modelIdleMs: config.modelIdleMinutes * 60_000,
    // Slow on purpose: a difference that lasts a minute is a state, not a moment. A moved agent stays for ten minutes at least.
    rebalanceEveryMs: 60_000,
    rebalanceRestMs: 600_000,
    rebalanceShare: 0.01,
    certificateMs: config.certificateDays * 86_400_000,
    retryMs: 1000,
    reclaim: config.reclaim,
  };
}
