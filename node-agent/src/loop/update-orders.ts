// Orders to update the node-agent or its operating system: passed on to the part that does it, or refused in words where this node has none.
import type { UpdateNode, UpdateOs } from '@blackroad/protocol';
import type { NodeOsUpdates } from '../os-update/os-updates.ts';
import type { TellEvent } from '../transport/node-event.ts';
import type { Updates } from '../update/updates.ts';

export function takeUpdate(updates: Updates | null, order: UpdateNode, tell: TellEvent): void {
  const { rollout, version } = order;
  const text = 'this node-agent was not installed as a release that updates itself';
  if (updates) updates.receive(order);
  else tell('update', { rollout, version, state: 'refused', text });
}

export function takeOsUpdate(osUpdates: NodeOsUpdates | null, order: UpdateOs, tell: TellEvent): void {
  const { rollout, job } = order;
  const text = 'this node-agent was installed without the part that updates the system';
  if (osUpdates) osUpdates.receive(order);
  else tell('os-update', { rollout, job, state: 'refused', text });
}
