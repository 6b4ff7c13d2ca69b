// How often nodes are asked to speak, and how long silence may last. The interval grows with the fleet so that all heartbeats
// together stay below a rate the coordinator bears.
import type { Policy } from '../state/input.ts';
import type { NodeLive } from '../state/rows.ts';
import type { View } from '../state/view.ts';

export function heartbeatIntervalMs(view: View, policy: Policy): number {
  return Math.max(policy.heartbeatMs, Math.ceil((view.nodes.size * 1000) / policy.maxHeartbeatsPerS));
}
/** Three beats and a second. A node told a longer interval earlier may still keep to it. */
export function silenceMs(live: Pick<NodeLive, 'heartbeatMs'> | undefined, intervalMs: number): number {
  return 3 * Math.max(intervalMs, live?.heartbeatMs ?? 0) + 1000;
}
/** Whether nodes should be told the interval anew: not for every node that joins. */
export function isOffInterval(told: number | undefined, intervalMs: number): boolean {
  return told !== undefined && (intervalMs > told * 1.5 || intervalMs < told / 1.5);
}
