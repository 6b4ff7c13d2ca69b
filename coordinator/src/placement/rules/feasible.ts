// All filters together: whether one agent may run on one node, and the reasons why not. Their order is the order of the reasons: first the
// rules of the agent's spec, then the state of the node, then its shortages. A node is counted under the first filter that refuses it.
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
import { board, price, rules } from './rules.ts';

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
    lacking: 'with the most agents a node can have',
    fix: { cost: () => 5, ways: ({ spec }) => [{ ...joinMachine(spec), why: 'full' }] },
  },
];
/** The only filter that depends on the agent's name: agents with equal requirements are judged together, without it. */
export const avoidAgents = {
  name: 'avoidAgents',
  text: 'no agent shares a node with one it avoids, whichever of the two says so',
  allows: ({ room, conflicts }) => !conflicts.has(room.node.id),
  words: ({ room, conflicts }: Conflict) =>
    `${conflicts.get(room.node.id)} is there, and one of the two avoids the other`,
  /** The headline where this filter alone refuses every node that would otherwise take the agent. */
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

/** The shortages of an open node; `headline` (why.ts) puts them into words for the fleet. */
export const shortages: readonly (Filter & Shortage)[] = [price, board, ...modelFilters, ...countFilters];
export const filters: readonly Filter[] = [...rules, ...closedFilters.values(), ...shortages, avoidAgents];

/** Whether the spec's own rules allow the node; its state and load are not examined. */
export function isRuled(spec: AgentSpec, node: SupplyNode): boolean {
  for (const rule of rules) if (!rule.allows(spec, node)) return false;
  return price.allows(spec, node) && board.allows(spec, node);
}
/** The first rule of the spec that excludes the node; its state and load are not examined. */
export function brokenRule(ruled: Ruled): Refusal | null {
  for (const rule of rules) {
    if (!rule.allows(ruled.spec, ruled.room.node)) return { filter: rule.name, text: rule.words(ruled) };
  }
  return null;
}
/** Whether this model of the node has room for one more agent. */
export function hasRoom(room: Room, offer: Offer, use: Use): boolean {
  return room.agents < maxAgentsPerNode && hasModelRoom(room, offer, use);
}

/** The first filter that refuses, or null: the agent may run there. Makes no text. */
export function firstFilter(candidate: Candidate): Filter | null {
  const { spec, room } = candidate;
  const { node } = room;
  for (const rule of rules) if (!rule.allows(spec, node)) return rule;
  // A closed node is refused before its room is examined. [INV-closed]
  if (node.closed) return closedFilters.get(node.closed.filter)!;
  if (!price.allows(spec, node)) return price;
  if (!board.allows(spec, node)) return board;
  const model = modelFilterOf(candidate);
  if (model) return model;
  for (const filter of roomFilters) if (!filter.allows(candidate)) return filter;
  return null;
}
/** Every filter that refuses, since all of these would have to change. Of the shortages of models, only the first. */
export function allFilters(candidate: Candidate): Filter[] {
  const { spec, room } = candidate;
  const { node } = room;
  const found: Filter[] = rules.filter(({ allows }) => !allows(spec, node));
  if (node.closed) found.push(closedFilters.get(node.closed.filter)!);
  // A node without a reported capacity has no known shortage.
  if (node.closed && node.memoryTotalBytes === 0 && node.models.length === 0) return found;
  if (!price.allows(spec, node)) found.push(price);
  if (!board.allows(spec, node)) found.push(board);
  const model = modelFilterOf(candidate);
  if (model) found.push(model);
  for (const filter of roomFilters) if (!filter.allows(candidate)) found.push(filter);
  return found;
}
