// A fleet that is not: the view with some rows supposed to be otherwise, as a layer over it. The view goes on underneath: what is not
// supposed is read as it is at that moment.
import { LayerMap } from '../../state/layer.ts';
import type { AgentRow, NodeLive, NodeRow } from '../../state/rows.ts';
import type { View } from '../../state/view.ts';

type Rows<V> = ReadonlyMap<string, V>;
type Work = View['work'] extends Rows<infer W> ? W : never;

export interface Supposed {
  agents?: Rows<AgentRow>;
  nodes?: Rows<NodeRow>;
  live?: Rows<Readonly<NodeLive>>;
  work?: Rows<Work>;
}
/** Moves are never frozen in it: the valve is about what is feared to be an error, not about what is supposed. */
export function suppose(view: View, { agents, nodes, live, work }: Supposed): View {
  return {
    ...view,
    frozen: [],
    agents: over(view.agents, agents),
    nodes: over(view.nodes, nodes),
    live: over(view.live, live),
    work: over(view.work, work),
  };
}
/** It is never written through. */
function over<V>(rows: Rows<V>, supposed: Rows<V> = new Map()): Rows<V> {
  if (supposed.size === 0) return rows;
  const layer = new LayerMap(rows as Map<string, V>);
  for (const [key, row] of supposed) layer.set(key, row);
  return layer;
}
