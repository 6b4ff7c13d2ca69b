// Groups of demands with equal requirements: the agents of a group accept the same models on the same nodes, and the agents of a kind in it
// also need the same amounts. The order of placement: higher priority first, then the groups with the fewest suitable nodes, then the
// larger need, which fits fewer nodes.
import { type AgentSpec, lacksOfBoard } from '@blackroad/protocol';
import { compareText } from '@blackroad/std/pace';
import { type Use, useOf } from './room.ts';
import type { Demand } from './supply.ts';

export interface Kind {
  spec: AgentSpec;
  use: Use;
  demands: Demand[];
}
export interface Group {
  key: string;
  space: string;
  /** The spec of any of its agents: they agree in everything that the group depends on. */
  spec: AgentSpec;
  /** The smallest amounts that any of its agents needs: a node without room for them has none for the group. */
  least: Use;
  /** Whether some of its agents have `nearAgents`. */
  isNear: boolean;
  /** The number of open nodes within its rules that have a wanted model, full or not; null: not counted yet. */
  scarcity: number | null;
  /** These nodes for each of its models, after the first search for them. */
  having: Int32Array[];
}
/** The agents of one priority, by group, then by amounts. */
type Wave = Map<Group, Map<string, Kind>>;

export class Demands {
  readonly groups = new Map<string, Group>();
  readonly waves = new Map<number, Wave>();

  /** Adds a demand and returns its group. */
  add(demand: Demand): Group {
    const { space, spec } = demand;
    const use = useOf(spec);
    const key = groupKeyOf(demand);
    let group = this.groups.get(key);
    if (!group) {
      group = { key, space, spec, least: { ...use, isDedicated: false }, isNear: false, scarcity: null, having: [] };
      this.groups.set(key, group);
    }
    const { least } = group;
    least.contextTokens = Math.min(least.contextTokens, use.contextTokens);
    least.concurrency = Math.min(least.concurrency, use.concurrency);
    least.tokensPerMinute = Math.min(least.tokensPerMinute, use.tokensPerMinute);
    if (spec.placement.nearAgents?.length) group.isNear = true;
    let wave = this.waves.get(spec.priority);
    if (!wave) {
      wave = new Map();
      this.waves.set(spec.priority, wave);
    }
    let kinds = wave.get(group);
    if (!kinds) {
      kinds = new Map();
      wave.set(group, kinds);
    }
    const amounts = `${use.contextTokens} ${use.concurrency} ${use.tokensPerMinute} ${use.isDedicated}`;
    const kind = kinds.get(amounts);
    if (kind) kind.demands.push(demand);
    else kinds.set(amounts, { spec, use, demands: [demand] });
    return group;
  }
  /** Removes and returns the demands of the highest priority; null: none are left. */
  next(): Wave | null {
    let highest: number | null = null;
    for (const priority of this.waves.keys()) if (highest === null || priority > highest) highest = priority;
    if (highest === null) return null;
    const wave = this.waves.get(highest)!;
    this.waves.delete(highest);
    return wave;
  }
}

function groupKeyOf({ space, spec }: Demand): string {
  const { model, placement } = spec;
  const { class: classes, site, labels, nodes, spread, maxPricePerMillionTokens, simulated } = placement;
  const keys = Object.keys(labels);
  if (keys.length > 1) keys.sort();
  let wanted = '';
  for (const key of keys) wanted += `${key}=${labels[key]},`;
  const spreads = spread ? `${spread.group} ${spread.over}` : '';
  return `${space}|${model.join('\n')}|${classes.join()}|${site.join('\n')}|${wanted}|${nodes.join()}|${spreads}|${maxPricePerMillionTokens ?? ''}|${simulated === true}|${lacksOfBoard(spec, null).join()}`;
}

/** The order of groups within one priority, of kinds within one group, and of agents within one kind. */
export function byScarcity(a: Group, b: Group): number {
  return (a.scarcity ?? 0) - (b.scarcity ?? 0) || compareText(a.key, b.key);
}
export function byNeed({ use: a }: Kind, { use: b }: Kind): number {
  return (
    b.contextTokens * b.concurrency - a.contextTokens * a.concurrency ||
    b.contextTokens - a.contextTokens ||
    Number(b.isDedicated) - Number(a.isDedicated) ||
    b.tokensPerMinute - a.tokensPerMinute
  );
}
export function byId(a: Demand, b: Demand): number {
  return compareText(a.id, b.id);
}
