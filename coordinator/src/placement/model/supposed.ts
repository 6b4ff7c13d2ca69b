// A supposed fleet: the view with some rows replaced, as a layer over it. The view may change underneath: a row that is not replaced is
// read in its present state.
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
/** The copy has no freeze: the valve protects against errors of the network, not against a question. */
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
/** The layer is never written to the view. */
function over<V>(rows: Rows<V>, supposed: Rows<V> = new Map()): Rows<V> {
  if (supposed.size === 0) return rows;
  const layer = new LayerMap(rows as Map<string, V>);
  for (const [key, row] of supposed) layer.set(key, row);
  return layer;
}
