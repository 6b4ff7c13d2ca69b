// What Node-RED loads: four kinds of nodes, and a route of the editor.
import { registerAskNode } from './ask-node.ts';
import { registerControlNode } from './control-node.ts';
import { registerEventNode } from './event-node.ts';
import { registerFleetNode } from './fleet-node.ts';
import { registerNamesRoute } from './names-route.ts';
import type { Red } from './red.ts';

export default function blackroadFleet(red: Red): void {
  registerFleetNode(red);
  registerAskNode(red);
  registerEventNode(red);
  registerControlNode(red);
  registerNamesRoute(red);
}
