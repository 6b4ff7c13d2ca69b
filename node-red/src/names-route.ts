// What the dialogs of the editor propose: names of agents and nodes, of a fleet that is deployed. Whoever may see flows in Node-RED may ask.
import { systemClock } from '@blackroad/std/clock';
import { fleetOf } from './fleet-node.ts';
import type { Red } from './red.ts';

const answerMs = 5_000;
const none = { agents: [], nodes: [] };

export function registerNamesRoute(red: Red): void {
  const mayRead = red.auth.needsPermission('flows.read');
  red.httpAdmin.get('/blackroad-fleet/:id/names', mayRead, (request, response) => {
    const fleet = fleetOf(red, request.params.id);
    if ('trouble' in fleet) return response.json(none);
    const late = new AbortController();
    const timer = systemClock.after(answerMs, () => late.abort(), true);
    fleet.door
      .names(late.signal)
      // A dialog without proposals is one to type into.
      .catch(() => none)
      .then((names) => response.json(names))
      .finally(() => timer.cancel());
  });
}
