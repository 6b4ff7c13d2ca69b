// Why an agent is nowhere, in a sentence a person can act on, and how many nodes each filter refused first.
// The sentence speaks of the filter that the most promising nodes failed; the fix names the smallest change (fix.ts).
import type { AgentSpec, Refusal, UnplacedWhy } from '@blackroad/protocol';
import { type ClosedReason, closedReasons, filters } from './feasible.ts';
import { cheapestFix, joinMachine } from './fix.ts';
import type { Room, Use } from './room.ts';
import { listInWords, roughly } from './words.ts';

type Counts = UnplacedWhy['refused'];

/** How many nodes each filter refused first, with the words of one of them. A plan only takes room: counts only grow. */
export class RefusalCount {
  readonly #counts = new Map<string, { nodes: number; node: string; text: string }>();
  #list: Counts | null = null;

  add({ filter, text }: Refusal, node: string, nodes = 1): void {
    this.#list = null;
    const count = this.#counts.get(filter);
    if (count) count.nodes += nodes;
    else this.#counts.set(filter, { nodes, node, text });
  }
  of(filter: string): number {
    return this.#counts.get(filter)?.nodes ?? 0;
  }
  /** One list for all agents that see the same counts: a plan for 30,000 agents holds few of them. */
  list(): Counts {
    this.#list ??= order
      .filter((filter) => this.#counts.has(filter))
      .map((filter) => {
        const { nodes, node, text } = this.#counts.get(filter)!;
        return { filter, nodes, text: `${node}: ${text}${nodes > 1 ? ` (and ${nodes - 1} more)` : ''}` };
      });
    return this.#list;
  }
  /** The same, and the nodes out of the question for their company alone. */
  withCompany(blocked: readonly Blocked[]): Counts {
    const first = blocked[0];
    if (!first) return this.list();
    const more = blocked.length > 1 ? ` (and ${blocked.length - 1} more)` : '';
    const text = `${first.node}: ${first.other} is there, and one of the two avoids the other${more}`;
    return [...this.list(), { filter: 'avoidAgents', nodes: blocked.length, text }];
  }
}
/** A node that would do, were it not for an agent on it. */
export interface Blocked {
  node: string;
  other: string;
}

const ruleNames = ['nodes', 'class', 'site', 'labels'];
const closedNames = Object.keys(closedReasons) as ClosedReason[];
const order = [...ruleNames, ...closedNames, ...filters.map(({ name }) => name).filter((n) => !ruleNames.includes(n))];

/** No node would take it. The same for every agent that asks the same. */
export function explainUnplaced(
  spec: AgentSpec,
  use: Use,
  rooms: readonly Room[],
  eligible: readonly number[],
  refused: RefusalCount,
): UnplacedWhy {
  if (rooms.length === 0) {
    return { text: 'no node has joined the fleet', fix: joinMachine(spec), refused: [] };
  }
  return {
    text: headline(spec, rooms.length, refused),
    fix: cheapestFix(
      spec,
      use,
      eligible.map((index) => rooms[index]!),
    ),
    refused: refused.list(),
  };
}

/** Every node that would take it holds an agent it must not share one with. */
export function explainBlocked(blocked: readonly Blocked[], refused: RefusalCount): UnplacedWhy {
  const [{ node, other }] = blocked as [Blocked, ...Blocked[]];
  const others = [...new Set(blocked.map((each) => each.other))];
  return {
    text:
      blocked.length === 1
        ? `the only node that could take it (${node}) holds ${other}, and one of the two avoids the other`
        : `all ${roughly(blocked.length)} nodes that could take it hold an agent it must not share one with: ${listInWords(others)}`,
    fix: `take the other's name out of placement.avoidAgents (of this agent and of ${other}), or add a node that could take it`,
    refused: refused.withCompany(blocked),
  };
}

function headline(spec: AgentSpec, total: number, refused: RefusalCount): string {
  const sum = (names: readonly string[]) => names.reduce((all, name) => all + refused.of(name), 0);
  const meets = total - sum(ruleNames);
  if (meets === 0) {
    if (spec.placement.class.length === 0 && refused.of('class') === total)
      return 'only cloud nodes are there, and the agent does not name class cloud';
    return `there is no ${nodeWith(spec)} (${roughly(total)} looked at)`;
  }
  const closed = closedNames.filter((name) => refused.of(name) > 0);
  const open = meets - sum(closed);
  if (open === 0) {
    const [only] = closed;
    if (closed.length === 1 && only) {
      if (only === 'away') return `no ${nodeWith(spec)} is online`;
      if (meets === 1) return `the only ${nodeWith(spec)} ${closedVerb[only][0]}`;
      return `all ${roughly(meets)} ${nodeWith(spec, 's')} ${closedVerb[only][1]}`;
    }
    const parts = closed.map((name) => `${roughly(refused.of(name))} ${closedWord[name]}`);
    return `none of the ${roughly(meets)} ${nodeWith(spec, 's')} takes agents now: ${parts.join(', ')}`;
  }
  const subject = `${sum(closed) > 0 ? 'open ' : ''}${nodeWith(spec)}`;
  if (refused.of('model') === open) {
    const names = spec.model.filter((name) => name !== 'auto');
    return names.length === 0
      ? `no ${subject} has a chat model`
      : `no ${subject} has a model named ${listInWords(names, 'or', 8)}`;
  }
  if (refused.of('memory') === open) return `no ${subject} has memory free for ${listInWords(spec.model, 'or', 8)}`;
  if (refused.of('agents') === open) return `every ${subject} is full`;
  const parts = [
    ...(refused.of('model') > 0 ? [`${roughly(refused.of('model'))} without a wanted model`] : []),
    ...(refused.of('memory') > 0 ? [`${roughly(refused.of('memory'))} without enough free memory`] : []),
    ...(refused.of('agents') > 0 ? [`${roughly(refused.of('agents'))} full of agents`] : []),
  ];
  return `no ${subject} can take it: ${parts.join(', ')}`;
}

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
};
const closedWord: Record<ClosedReason, string> = {
  quarantined: 'quarantined',
  away: 'not online',
  unheard: 'not heard of since the coordinator started',
  cordoned: 'cordoned',
  draining: 'draining',
  capacity: 'without a capacity report yet',
  disk: 'with a read-only disk',
};
