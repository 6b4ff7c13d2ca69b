// The reason why an agent is on no node, in a sentence that a person can act on, and the number of nodes that each filter refused first.
// The sentence is about the filter that the most promising nodes failed; the fix is the smallest change (fix.ts). Every node is examined,
// so the planner calls this only for kinds of agents without a node, and in slices.
import { type AgentSpec, roughly, type UnplacedWhy } from '@blackroad/protocol';
import type { Pace } from '@blackroad/std/pace';
import { closedNames, closedRow, joinMachine } from '../model/closed.ts';
import { noConflicts } from '../model/company.ts';
import type { Use } from '../model/room.ts';
import type { Demand } from '../model/supply.ts';
import { bestChoice, type OpenFleet, roomAt } from '../plan/choose.ts';
import { avoidAgents, filters, firstFilter, shortages } from '../rules/feasible.ts';
import type { Filter } from '../rules/filter.ts';
import { nodeWith, rules } from '../rules/rules.ts';
import { CheapestFix } from './fix.ts';

/** The reasons against all nodes, equal for all agents with the same requirements. */
export interface Nowhere {
  use: Use;
  why: UnplacedWhy;
}

export function* explaining(fleet: OpenFleet, spec: AgentSpec, use: Use, pace: Pace): Generator<void, Nowhere> {
  const counts = new Map<Filter, { nodes: number; first: number }>();
  const fix = new CheapestFix(spec, use);
  const named = new Set(spec.placement.nodes);
  for (let index = 0; index < fleet.nodes.length; index++) {
    const room = roomAt(fleet, index);
    const filter = firstFilter({ spec, use, room, conflicts: noConflicts });
    if (pace.spends(0.7)) yield;
    if (filter === null) continue;
    const count = counts.get(filter);
    if (count) count.nodes++;
    else counts.set(filter, { nodes: 1, first: index });
    if (named.size === 0 || named.has(room.node.id)) fix.consider(room, filter);
  }
  const refused = new Map<string, { nodes: number; text: string }>();
  for (const filter of filters) {
    const count = counts.get(filter);
    if (!count) continue;
    const room = roomAt(fleet, count.first);
    const text = filter.words({ spec, use, room, conflicts: noConflicts });
    const more = count.nodes > 1 ? ` (and ${count.nodes - 1} more)` : '';
    refused.set(filter.name, { nodes: count.nodes, text: `${room.node.id}: ${text}${more}` });
  }
  const why =
    fleet.nodes.length === 0
      ? { text: 'no node has joined the fleet', fix: [[joinMachine(spec)]], refused: [] }
      : {
          text: headline(spec, fleet.nodes.length, (name) => refused.get(name)?.nodes ?? 0),
          fix: fix.steps(),
          refused: [...refused].map(([filter, count]) => ({ filter, ...count })),
        };
  return { use, why };
}

/** The reasons for one agent, which may also be refused because of another agent on a node. */
export function whyNowhere(fleet: OpenFleet, demand: Demand, nowhere: Nowhere): UnplacedWhy {
  const { spec } = demand;
  const conflicts = fleet.companies.conflictsOf(demand);
  if (conflicts.size === 0) return nowhere.why;
  const alone = { ...demand, spec: { ...spec, name: '' } };
  const nodes = [...conflicts.keys()]
    .filter((node) => bestChoice(fleet, alone, roomAt(fleet, fleet.indexOf.get(node)!)) !== null)
    .sort();
  const [first] = nodes;
  if (first === undefined) return nowhere.why;
  // Every node that would take the agent has another one that it must not share a node with.
  const refused = { spec, room: roomAt(fleet, fleet.indexOf.get(first)!), conflicts };
  const more = nodes.length > 1 ? ` (and ${nodes.length - 1} more)` : '';
  const words = `${first}: ${avoidAgents.words(refused)}${more}`;
  return {
    text: avoidAgents.only(nodes, [...new Set(nodes.map((node) => conflicts.get(node)!))]),
    fix: [avoidAgents.fix.ways(refused)],
    refused: [...nowhere.why.refused, { filter: avoidAgents.name, nodes: nodes.length, text: words }],
  };
}

function headline(spec: AgentSpec, total: number, refused: (filter: string) => number): string {
  const sum = (of: readonly { name: string }[]) => of.reduce((all, { name }) => all + refused(name), 0);
  const meets = total - sum(rules);
  if (meets === 0) {
    if (spec.placement.class.length === 0 && refused('class') === total)
      return 'only cloud nodes are there, and the agent does not name class cloud';
    return `there is no ${nodeWith(spec)} (${roughly(total)} looked at)`;
  }
  const closed = closedNames.filter((name) => refused(name) > 0);
  const closedSum = closed.reduce((all, name) => all + refused(name), 0);
  const open = meets - closedSum;
  if (open === 0) {
    const [only] = closed;
    if (closed.length === 1 && only) return onlyClosed(spec, meets, closedRow(only).only);
    const parts = closed.map((name) => `${roughly(refused(name))} ${closedRow(name).lacking}`);
    return `none of the ${roughly(meets)} ${nodeWith(spec, 's')} takes agents now: ${parts.join(', ')}`;
  }
  const subject = `${closedSum > 0 ? 'open ' : ''}${nodeWith(spec)}`;
  for (const { name, only } of shortages) if (refused(name) === open) return only(subject, spec);
  const parts = shortages
    .filter(({ name }) => refused(name) > 0)
    .map(({ name, lacking }) => `${roughly(refused(name))} ${lacking}`);
  return `no ${subject} can take it: ${parts.join(', ')}`;
}
function onlyClosed(spec: AgentSpec, nodes: number, only: ReturnType<typeof closedRow>['only']): string {
  if ('none' in only) return `no ${nodeWith(spec)} ${only.none}`;
  if (nodes === 1) return `the only ${nodeWith(spec)} ${only.one}`;
  return `all ${roughly(nodes)} ${nodeWith(spec, 's')} ${only.many}`;
}
