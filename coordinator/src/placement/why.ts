// Why an agent is nowhere, in a sentence a person can act on, and how many nodes each filter refused first.
// The sentence speaks of the filter that the most promising nodes failed; the fix names the smallest change (fix.ts).
// Looks at every node, so the planner asks only for kinds of agents that found none, and in slices.
import type { AgentSpec, UnplacedWhy } from '@blackroad/protocol';
import { bestChoice, type OpenFleet, roomAt } from './choose.ts';
import { type ClosedReason, closedReasons, filters, firstFilter, firstRefusal, ruleNames } from './feasible.ts';
import { CheapestFix, joinMachine } from './fix.ts';
import { Pace, whole } from './pace.ts';
import { type Use, useOf } from './room.ts';
import type { Demand } from './supply.ts';
import { listInWords, roughly } from './words.ts';

type Counts = UnplacedWhy['refused'];

/** What speaks against all nodes, the same for every agent that asks the same. */
export interface Nowhere {
  use: Use;
  why: UnplacedWhy;
}
/** A node that would do, were it not for an agent on it. */
interface Blocked {
  node: string;
  other: string;
}

const closedNames = Object.keys(closedReasons) as ClosedReason[];
const order = [
  ...ruleNames,
  ...closedNames,
  ...filters.map(({ name }) => name).filter((name) => !ruleNames.includes(name)),
];

export function* explaining(fleet: OpenFleet, spec: AgentSpec, use: Use, pace: Pace): Generator<void, Nowhere> {
  const counts = new Map<string, { nodes: number; first: number }>();
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
  for (const filter of order) {
    const count = counts.get(filter);
    if (!count) continue;
    const room = roomAt(fleet, count.first);
    const { text } = firstRefusal({ spec, use, room, conflicts: noConflicts })!;
    const more = count.nodes > 1 ? ` (and ${count.nodes - 1} more)` : '';
    refused.set(filter, { nodes: count.nodes, text: `${room.node.id}: ${text}${more}` });
  }
  const why =
    fleet.nodes.length === 0
      ? { text: 'no node has joined the fleet', fix: joinMachine(spec), refused: [] }
      : {
          text: headline(spec, fleet.nodes.length, (name) => refused.get(name)?.nodes ?? 0),
          fix: fix.inWords(),
          refused: [...refused].map(([filter, count]) => ({ filter, ...count })),
        };
  return { use, why };
}
const noConflicts: ReadonlyMap<string, string> = new Map();

/** The same for one agent, which may also be kept from a node by another agent there. */
export function whyNowhere(fleet: OpenFleet, { spec, last }: Demand, nowhere: Nowhere): UnplacedWhy {
  const conflicts = fleet.company.conflictsOf(spec.name);
  if (conflicts.size === 0) return nowhere.why;
  const alone = { spec: { ...spec, name: '' }, last };
  const blocked = [...conflicts]
    .map(([node, other]) => ({ node, other }))
    .filter(({ node }) => bestChoice(fleet, alone, roomAt(fleet, fleet.indexOf.get(node)!)) !== null)
    .sort((a, b) => (a.node < b.node ? -1 : 1));
  return blocked.length === 0 ? nowhere.why : explainBlocked(blocked, nowhere.why.refused);
}
/** For one agent that no node takes as the fleet stands. */
export function explainUnplaced(fleet: OpenFleet, demand: Demand): UnplacedWhy {
  return whyNowhere(fleet, demand, whole(explaining(fleet, demand.spec, useOf(demand.spec), new Pace())));
}

/** Every node that would take it holds an agent it must not share one with. */
function explainBlocked(blocked: readonly Blocked[], refused: Counts): UnplacedWhy {
  const [{ node, other }] = blocked as [Blocked, ...Blocked[]];
  const others = [...new Set(blocked.map((each) => each.other))];
  const more = blocked.length > 1 ? ` (and ${blocked.length - 1} more)` : '';
  const words = `${node}: ${other} is there, and one of the two avoids the other${more}`;
  return {
    text:
      blocked.length === 1
        ? `the only node that could take it (${node}) holds ${other}, and one of the two avoids the other`
        : `all ${roughly(blocked.length)} nodes that could take it hold an agent it must not share one with: ${listInWords(others)}`,
    fix: `take the other's name out of placement.avoidAgents (of this agent and of ${other}), or add a node that could take it`,
    refused: [...refused, { filter: 'avoidAgents', nodes: blocked.length, text: words }],
  };
}

function headline(spec: AgentSpec, total: number, refused: (filter: string) => number): string {
  const sum = (names: readonly string[]) => names.reduce((all, name) => all + refused(name), 0);
  const meets = total - sum(ruleNames);
  if (meets === 0) {
    if (spec.placement.class.length === 0 && refused('class') === total)
      return 'only cloud nodes are there, and the agent does not name class cloud';
    return `there is no ${nodeWith(spec)} (${roughly(total)} looked at)`;
  }
  const closed = closedNames.filter((name) => refused(name) > 0);
  const open = meets - sum(closed);
  if (open === 0) {
    const [only] = closed;
    if (closed.length === 1 && only) {
      if (only === 'away') return `no ${nodeWith(spec)} is online`;
      if (meets === 1) return `the only ${nodeWith(spec)} ${closedVerb[only][0]}`;
      return `all ${roughly(meets)} ${nodeWith(spec, 's')} ${closedVerb[only][1]}`;
    }
    const parts = closed.map((name) => `${roughly(refused(name))} ${closedWord[name]}`);
    return `none of the ${roughly(meets)} ${nodeWith(spec, 's')} takes agents now: ${parts.join(', ')}`;
  }
  const subject = `${sum(closed) > 0 ? 'open ' : ''}${nodeWith(spec)}`;
  const models = listInWords(spec.model, 'or', 8);
  const only: Record<string, string> = {
    price: `no ${subject} is cheap enough`,
    model: spec.model.every((name) => name === 'auto')
      ? `no ${subject} has a chat model`
      : `no ${subject} has a model named ${listInWords(
          spec.model.filter((name) => name !== 'auto'),
          'or',
          8,
        )}`,
    failing: `${models} fails on every ${subject} that has it`,
    pool: `no ${subject} has a pool free for ${models}`,
    memory: `no ${subject} has memory free for ${models}`,
    throughput: `no ${subject} has compute left for ${models}`,
    agents: `every ${subject} is full`,
  };
  for (const [filter, words] of Object.entries(only)) if (refused(filter) === open) return words;
  const parts = Object.keys(lacking)
    .filter((filter) => refused(filter) > 0)
    .map((filter) => `${roughly(refused(filter))} ${lacking[filter]}`);
  return `no ${subject} can take it: ${parts.join(', ')}`;
}
const lacking: Record<string, string> = {
  price: 'too dear',
  model: 'without a wanted model',
  failing: 'where its model fails',
  pool: 'with a dedicated model in the way',
  memory: 'without enough free memory',
  throughput: 'booked out',
  agents: 'full of agents',
};

/** `node of class pi at site attic with room=kitchen`: what the spec's rules leave. */
function nodeWith({ placement }: AgentSpec, plural = ''): string {
  const labels = Object.keys(placement.labels)
    .sort()
    .map((key) => `${key}=${placement.labels[key]}`);
  return [
    `node${plural}`,
    ...(placement.nodes.length > 0 ? [`named ${listInWords(placement.nodes, 'or')}`] : []),
    ...(placement.class.length > 0 ? [`of class ${listInWords(placement.class, 'or')}`] : []),
    ...(placement.site.length > 0 ? [`at site ${listInWords(placement.site, 'or')}`] : []),
    ...(placement.simulated ? ['simulated or not'] : []),
    ...(labels.length > 0 ? [`with ${listInWords(labels)}`] : []),
  ].join(' ');
}
const closedVerb: Record<ClosedReason, readonly [one: string, many: string]> = {
  quarantined: ['is quarantined', 'are quarantined'],
  away: ['is not online', 'are not online'],
  unheard: [
    'has not been heard of since the coordinator started',
    'have not been heard of since the coordinator started',
  ],
  cordoned: ['is cordoned', 'are cordoned'],
  draining: ['is draining', 'are draining'],
  capacity: ['has not reported its capacity yet', 'have not reported their capacity yet'],
  disk: ['has a read-only disk', 'have a read-only disk'],
  gpu: ['has no GPU that works', 'have no GPU that works'],
};
const closedWord: Record<ClosedReason, string> = {
  quarantined: 'quarantined',
  away: 'not online',
  unheard: 'not heard of since the coordinator started',
  cordoned: 'cordoned',
  draining: 'draining',
  capacity: 'without a capacity report yet',
  disk: 'with a read-only disk',
  gpu: 'without a GPU that works',
};
