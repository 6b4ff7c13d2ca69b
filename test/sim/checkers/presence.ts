// [INV-presence] A loss is noticed within its bound and no sooner: a node that was reachable all along is never lost, one that is
// gone is lost in time, one that is back is online in time.
import type { MakeChecker } from '../checker.ts';
import type { Machine } from '../machine.ts';

/** From a connection to a welcome: the coordinator may be asked again, with growing pauses, up to this long. */
const helloMs = 40_000;

export const presence: MakeChecker = ({ world, stored, broke }) => {
  /** Since when the machine has been connected, or not. */
  const since = new Map<Machine, { connected: boolean; atMs: number }>();
  let troubledMs = 0;
  /** When it became suspect, by what truly passes. */
  const suspectMs = new Map<string, number>();
  /** All nodes together beat no faster than the coordinator bears; one that was told a slower beat earlier may keep to it. */
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
      // The commit of when it became suspect may have taken its time.
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
        // So many in a row are the network's doing.
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
      // Nodes say hello anew, and a clock that went forward may be a machine that stood still.
      troubledMs = Math.max(troubledMs, clockSetMs);
      const { lostAfterMs, restartGraceMs } = world.host.policy;
      const heartbeatMs = beatMs();
      for (const machine of world.machines) {
        // A copy of its card speaks under its name: whom the coordinator hears is nobody's to say.
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
        // Heartbeats that the network dropped make it suspect; the next ones put that right.
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
