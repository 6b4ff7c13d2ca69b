// Demands that ask the same, together: a group wants the same models of the same nodes, a kind in it also the same amounts.
// And the order in which agents are placed: higher priority first, then what the fewest nodes have a model for, then the
// larger need, which needs the larger hole.
import type { AgentSpec } from '@blackroad/protocol';
import { compareText } from './pace.ts';
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
  /** Of any of its agents: they agree in all that the group is about. */
  spec: AgentSpec;
  /** The least that any of its agents asks: where that finds no room, none does. */
  least: Use;
  /** Some of them want to be near others. */
  isNear: boolean;
  /** Open nodes within its rules that have a wanted model, full or not; null: not counted yet. */
  scarcity: number | null;
  /** These nodes for each of its models, once they were looked for. */
  having: Int32Array[];
}
/** Agents of one priority, by group, then by amounts. */
type Wave = Map<Group, Map<string, Kind>>;

export class Demands {
  readonly groups = new Map<string, Group>();
  readonly waves = new Map<number, Wave>();

  /** Returns its group. */
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
  /** The highest priority that has demands, taken out; null: all done. */
  next(): Wave | null {
    let highest: number | null = null;
    for (const priority of this.waves.keys()) if (highest === null || priority > highest) highest = priority;
    if (highest === null) return null;
    const wave = this.waves.get(highest)!;
    this.waves.delete(highest);
    return wave;
  }
}

function groupKeyOf({ space, spec: { model, placement } }: Demand): string {
  const { class: classes, site, labels, nodes, spread, maxPricePerMillionTokens, simulated } = placement;
  const keys = Object.keys(labels);
  if (keys.length > 1) keys.sort();
  let wanted = '';
  for (const key of keys) wanted += `${key}=${labels[key]},`;
  const spreads = spread ? `${spread.group} ${spread.over}` : '';
  return `${space}|${model.join('\n')}|${classes.join()}|${site.join('\n')}|${wanted}|${nodes.join()}|${spreads}|${maxPricePerMillionTokens ?? ''}|${simulated === true}`;
}

/** Orders: groups of one priority, kinds of one group, agents of one kind. */
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
