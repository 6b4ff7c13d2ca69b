// [INV-presence] A loss is noticed within its bound and no sooner: a node that was reachable all the time is never lost, an absent one
// becomes lost in time, and one that returned becomes online in time.
import type { MakeChecker } from '../checker.ts';
import type { Machine } from '../machine.ts';

/** The time from a connection to a welcome: the hello may be repeated, with growing pauses, for this long. */
const helloMs = 40_000;

export const presence: MakeChecker = ({ world, stored, broke }) => {
  /** The time since which the machine has been connected, or not. */
  const since = new Map<Machine, { connected: boolean; atMs: number }>();
  let troubledMs = 0;
  /** The time at which a node became suspect, in time that truly passes. */
  const suspectMs = new Map<string, number>();
  /**
   * The heartbeat interval: all nodes together send no more than the coordinator can process, and a node that was told a longer interval
   * earlier may still use it.
   */
  const beatMs = () => {
    const { heartbeatMs, maxHeartbeatsPerS } = world.host.policy;
    return Math.max(heartbeatMs, ((stored.nodes.size + 2) * 1000) / maxHeartbeatsPerS);
  };
  const machineOf = (node: string) =>
    world.machines.find(({ identity, isClone }) => identity?.node === node && !isClone);
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-presence',
    exercised: 0,
    started() {
      troubledMs = world.timeline.nowMs;
    },
    committing(change) {
      if (change.type !== 'node' || change.row.status !== 'active') return;
      const before = stored.nodes.get(change.row.id);
      if (before?.presence !== 'suspect' && change.row.presence === 'suspect')
        suspectMs.set(change.row.id, world.timeline.nowMs);
      if (before?.presence === change.row.presence || change.row.presence !== 'lost' || !before) return;
      const { nowMs } = world.timeline;
      checker.exercised++;
      if (before.presence !== 'suspect')
        broke(checker.name, `${change.row.id} goes from ${before.presence} to lost at once`);
      // The commit of the suspicion may have been slow.
      const sinceMs = suspectMs.get(change.row.id) ?? 0;
      const awayMs = Math.round(nowMs - sinceMs);
      if (awayMs < world.host.policy.lostAfterMs - 250 && sinceMs > world.host.clockLostMs)
        broke(checker.name, `${change.row.id} is lost after ${awayMs} ms`);
      const machine = machineOf(change.row.id);
      const state = machine && since.get(machine);
      const { lostAfterMs } = world.host.policy;
      const heartbeatMs = beatMs();
      const provenMs = 3 * heartbeatMs + 1000 + lostAfterMs + helloMs;
      if (
        machine &&
        state?.connected &&
        nowMs - state.atMs > provenMs &&
        nowMs - troubledMs > provenMs &&
        !world.isStormy &&
        // So many lost heartbeats in a row are faults of the network.
        world.network.lostBeats(machine.name, 3 * heartbeatMs + 1000 + lostAfterMs) < 3
      )
        broke(
          checker.name,
          `${change.row.id} is lost, though it has been connected for ${Math.round((nowMs - state.atMs) / 1000)} s`,
        );
    },
    looked() {
      const { nowMs } = world.timeline;
      const { clock, coordinator } = world.host;
      const { isClockTroubled, storesNothing, clockSetMs } = world.host;
      if (!coordinator || clock?.paused || world.isStormy || storesNothing || isClockTroubled) troubledMs = nowMs;
      // After a set clock nodes send a new hello, and a clock that was set forward may be a paused machine.
      troubledMs = Math.max(troubledMs, clockSetMs);
      const { lostAfterMs, restartGraceMs } = world.host.policy;
      const heartbeatMs = beatMs();
      for (const machine of world.machines) {
        // A copy of its card connects under its name: which of the two the coordinator receives is not determined.
        const { identity } = machine;
        const hasClone = world.machines.some((other) => other.isClone && other.identity?.node === identity?.node);
        if (hasClone || !identity) {
          since.delete(machine);
          continue;
        }
        const connected =
          world.network.isConnected(machine.name) && machine.process !== null && !machine.process.clock.paused;
        const state = since.get(machine);
        if (state?.connected !== connected) {
          since.set(machine, { connected, atMs: nowMs });
          continue;
        }
        const row = stored.nodes.get(identity.node);
        if (row?.status !== 'active' || row.presence === 'never') continue;
        const fromMs = connected ? state.atMs : Math.max(state.atMs, world.network.heardMs.get(machine.name) ?? 0);
        const forMs = Math.min(nowMs - fromMs, nowMs - troubledMs);
        const graceMs = restartGraceMs;
        const noticeMs = Math.max(1.5 * machine.options.keepaliveS * 1000, 3 * heartbeatMs + 1000) + lostAfterMs + 2000;
        if (!connected && nowMs - troubledMs > graceMs + noticeMs && forMs > noticeMs) {
          checker.exercised++;
          if (row.presence !== 'lost')
            broke(checker.name, `${row.id} has been away for ${Math.round(forMs / 1000)} s and is ${row.presence}`);
        }
        // Heartbeats that the network drops make the node suspect, and the next ones make it online again.
        if (connected && Math.min(forMs, world.host.wallMs() - row.presenceSinceMs) > helloMs) {
          checker.exercised++;
          if (row.presence !== 'online')
            broke(
              checker.name,
              `${row.id} has been connected for ${Math.round(forMs / 1000)} s and is ${row.presence}`,
            );
        }
      }
    },
  };
  return checker;
};
