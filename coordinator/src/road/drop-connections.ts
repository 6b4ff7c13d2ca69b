// What a committed batch means for connections: a node that was sent away is disconnected a moment after the farewell, and one that is not
// online answers no request any more.
import type { Clock } from '@blackroad/std/clock';
import type { Bus } from '../bus/bus.ts';
import type { Touched } from '../state/touched.ts';
import type { View } from '../state/view.ts';
import type { ModelRequests } from './model-requests.ts';

const farewellMs = 500;

export function dropConnections(
  { nodes }: Pick<Touched, 'nodes'>,
  { view, requests, bus, clock }: { view: View; requests: ModelRequests; bus: Pick<Bus, 'disconnect'>; clock: Clock },
): void {
  for (const id of nodes) {
    requests.presenceOf(id);
    const row = view.nodes.get(id);
    if (!row || row.status === 'quarantined') clock.after(farewellMs, () => bus.disconnect(id));
  }
}
