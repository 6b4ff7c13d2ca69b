// The filters as a whole: whether one agent may go to one node, and what speaks against it. Their order is the order of the
// answer "why not there": first what the agent's spec rules out, then what the node's state rules out, then what it lacks.
// A node counts under the first filter that refuses it.
import {
  type AgentSpec,
  type FixStep,
  listInWords,
  maxAgentsPerNode,
  type Refusal,
  roughly,
} from '@blackroad/protocol';
import { type ClosedReason, closedNames, closedRow, joinMachine } from '../model/closed.ts';
import type { Offer, Room, Use } from '../model/room.ts';
import type { SupplyNode } from '../model/supply.ts';
import { editAgent } from '../why/edit-agent.ts';
import type { Candidate, Filter, Ruled, Shortage } from './filter.ts';
import { hasModelRoom, modelFilterOf, modelFilters } from './model-filters.ts';
import { price, rules } from './rules.ts';

interface RoomFilter extends Filter {
  allows: (candidate: Candidate) => boolean;
}
type Conflict = Pick<Candidate, 'room' | 'conflicts'>;
const countFilters: readonly (RoomFilter & Shortage)[] = [
  {
    name: 'agents',
    text: 'a node takes a bounded number of agents (the limit of one assignment)',
    allows: ({ room }) => room.agents < maxAgentsPerNode,
    words: ({ room }) => `${room.agents} agents are the most a node takes`,
    only: (subject) => `every ${subject} is full`,
    lacking: 'full of agents',
    fix: { cost: () => 5, ways: ({ spec }) => [{ ...joinMachine(spec), why: 'full' }] },
  },
];
/** The only filter that depends on the agent's name: agents that ask the same are judged together, without it. */
export const avoidAgents = {
  name: 'avoidAgents',
  text: 'no agent shares a node with one it avoids, whichever of the two says so',
  allows: ({ room, conflicts }) => !conflicts.has(room.node.id),
  words: ({ room, conflicts }: Conflict) =>
    `${conflicts.get(room.node.id)} is there, and one of the two avoids the other`,
  /** Where it alone keeps the agent from every node that would take it. */
  only: (nodes: readonly string[], others: readonly string[]): string =>
    nodes.length === 1
      ? `the only node that could take it (${nodes[0]}) holds ${others[0]}, and one of the two avoids the other`
      : `all ${roughly(nodes.length)} nodes that could take it hold an agent it must not share one with: ${listInWords(others)}`,
  fix: {
    cost: () => 6,
    ways: ({ spec, room, conflicts }: Conflict & Pick<Candidate, 'spec'>): FixStep => [
      editAgent('placement.avoidAgents', 'remove', [conflicts.get(room.node.id) ?? '']),
      { ...joinMachine(spec), why: 'avoided' },
    ],
  },
} satisfies RoomFilter & { only: unknown };
const roomFilters: readonly RoomFilter[] = [...countFilters, avoidAgents];
const closedFilters: ReadonlyMap<ClosedReason, Filter> = new Map(closedNames.map((name) => [name, closedFilter(name)]));
function closedFilter(name: ClosedReason): Filter {
  const { text, fix } = closedRow(name);
  return {
    name,
    text,
    words: ({ room: { node } }) => node.closed?.text ?? text,
    fix: { cost: () => fix.cost, ways: ({ spec, room: { node } }) => fix.ways(node.id, spec) },
  };
}

/** Of what an open node may lack; said of the fleet by `headline` (why.ts). */
export const shortages: readonly (Filter & Shortage)[] = [price, ...modelFilters, ...countFilters];
/** All filters, in order. */
export const filters: readonly Filter[] = [...rules, ...closedFilters.values(), ...shortages, avoidAgents];

/** Whether the spec's own rules let it onto the node; its state and load are not looked at. */
export function isRuled(spec: AgentSpec, node: SupplyNode): boolean {
  for (const rule of rules) if (!rule.allows(spec, node)) return false;
  return price.allows(spec, node);
}
/** Which of the spec's own rules speak against the node; its state and load are not looked at. */
export function brokenRule(ruled: Ruled): Refusal | null {
  for (const rule of rules) {
    if (!rule.allows(ruled.spec, ruled.room.node)) return { filter: rule.name, text: rule.words(ruled) };
  }
  return null;
}
/** Whether one more agent has room on this model of the node. */
export function hasRoom(room: Room, offer: Offer, use: Use): boolean {
  return room.agents < maxAgentsPerNode && hasModelRoom(room, offer, use);
}

/** The first filter that refuses, or null: the agent may go there. Costs no words. */
export function firstFilter(candidate: Candidate): Filter | null {
  const { spec, room } = candidate;
  const { node } = room;
  for (const rule of rules) if (!rule.allows(spec, node)) return rule;
  // [INV-closed]
  if (node.closed) return closedFilters.get(node.closed.filter)!;
  if (!price.allows(spec, node)) return price;
  const model = modelFilterOf(candidate);
  if (model) return model;
  for (const filter of roomFilters) if (!filter.allows(candidate)) return filter;
  return null;
}
/** Every filter that refuses: what would all have to change. Of models that lack several things, the first. */
export function allFilters(candidate: Candidate): Filter[] {
  const { spec, room } = candidate;
  const { node } = room;
  const found: Filter[] = rules.filter(({ allows }) => !allows(spec, node));
  if (node.closed) found.push(closedFilters.get(node.closed.filter)!);
  // Of a node that has not said what it can carry, nothing is known to be missing.
  if (node.closed && node.memoryTotalBytes === 0 && node.models.length === 0) return found;
  if (!price.allows(spec, node)) found.push(price);
  const model = modelFilterOf(candidate);
  if (model) found.push(model);
  for (const filter of roomFilters) if (!filter.allows(candidate)) found.push(filter);
  return found;
}
