// The interval of heartbeats, and the longest silence of a node. The interval grows with the number of nodes, so that all heartbeats
// together stay below a rate that the coordinator can process.
import type { Policy } from '../state/input.ts';
import type { NodeLive } from '../state/rows.ts';
import type { View } from '../state/view.ts';

export function heartbeatIntervalMs(view: View, policy: Policy): number {
  return Math.max(policy.heartbeatMs, Math.ceil((view.nodes.size * 1000) / policy.maxHeartbeatsPerS));
}
/** Three intervals and a second. A node that was told a longer interval may still use it. */
export function silenceMs(live: Pick<NodeLive, 'heartbeatMs'> | undefined, intervalMs: number): number {
  return 3 * Math.max(intervalMs, live?.heartbeatMs ?? 0) + 1000;
}
/** Whether nodes should be sent the new interval: not at every node that joins. */
export function isOffInterval(told: number | undefined, intervalMs: number): boolean {
  return told !== undefined && (intervalMs > told * 1.5 || intervalMs < told / 1.5);
}
