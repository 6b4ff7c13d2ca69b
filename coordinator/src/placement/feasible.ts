// The filters: hard rules on one agent and one node. Each is a named function that returns null, or in words why not.
// Their order is the order of the answer "why not there": first what the agent's spec rules out, then what the node's
// state rules out, then what it lacks. A node counts under the first filter that refuses it.
import { type AgentSpec, maxAgentsPerNode, type Refusal } from '@blackroad/protocol';
import { extraBytes, findOffer, isFitting, type Offer, type Room, type Use, usableBytes } from './room.ts';
import type { SupplyNode } from './supply.ts';
import { bytesInWords, listInWords } from './words.ts';

/** All that the spec's own rules look at: they can be judged of a node nothing else is known of. */
export interface Ruled {
  spec: AgentSpec;
  room: { node: Pick<SupplyNode, 'id' | 'class' | 'site' | 'labels'> };
}
/** And this also knows its models, but not yet how full it is. */
export interface Suited {
  spec: AgentSpec;
  room: Room;
}
export interface Candidate {
  spec: AgentSpec;
  use: Use;
  room: Room;
  /** Nodes that hold an agent which must not share one with this agent, and which agent that is. */
  conflicts: ReadonlyMap<string, string>;
}
export interface Filter<C = Candidate> {
  name: string;
  /** One line for the documentation. */
  text: string;
  refuses: (candidate: C) => string | null;
}

/** Reasons for which a node takes nothing new, whoever asks; `snapshotOf` finds them. */
export const closedReasons = {
  quarantined: 'two machines claim to be this node; a person decides',
  away: 'not online',
  unheard: 'not heard of since the coordinator started; nothing is assumed of it',
  cordoned: 'a person wants nothing new here',
  draining: 'its agents are being moved off',
  capacity: 'online, but its capacity has not been reported yet',
  disk: 'its disk is read-only, so an agent could remember nothing',
} as const;
export type ClosedReason = keyof typeof closedReasons;

export const named: Filter<Ruled> = {
  name: 'nodes',
  text: 'the spec names the nodes it may run on',
  refuses: ({ spec, room }) =>
    spec.placement.nodes.length === 0 || spec.placement.nodes.includes(room.node.id)
      ? null
      : `only ${listInWords(spec.placement.nodes, 'or')} will do`,
};
export const classRule: Filter<Ruled> = {
  name: 'class',
  text: 'the spec names the classes it may run on; an empty list is any class but cloud',
  refuses: ({ spec, room }) => {
    const wanted = spec.placement.class;
    if (wanted.length === 0) return room.node.class === 'cloud' ? 'class cloud costs money and must be named' : null;
    return wanted.includes(room.node.class) ? null : `class ${room.node.class} is not ${listInWords(wanted, 'or')}`;
  },
};
export const site: Filter<Ruled> = {
  name: 'site',
  text: 'the spec names the sites it may run at',
  refuses: ({ spec, room }) =>
    spec.placement.site.length === 0 || spec.placement.site.includes(room.node.site)
      ? null
      : `site ${room.node.site || '(none)'} is not ${listInWords(spec.placement.site, 'or')}`,
};
export const labels: Filter<Ruled> = {
  name: 'labels',
  text: 'every label of the spec is on the node, with the same value',
  refuses: ({ spec, room }) => {
    for (const key in spec.placement.labels) {
      const [wanted, has] = [spec.placement.labels[key], room.node.labels[key]];
      if (wanted !== has)
        return has === undefined ? `no label ${key}=${wanted}` : `label ${key} is ${has}, not ${wanted}`;
    }
    return null;
  },
};
export const model: Filter<Suited> = {
  name: 'model',
  text: 'one of the wanted models is on the node, by name or alias; `auto` is its default chat model',
  refuses: ({ spec, room }) => {
    for (const wanted of spec.model) if (findOffer(room, wanted)) return null;
    return spec.model.every((wanted) => wanted === 'auto')
      ? 'it has no chat model'
      : `it has no model named ${listInWords(spec.model, 'or')}`;
  },
};
export const memory: Filter = {
  name: 'memory',
  text: 'weights (unless loaded) and the context of the agent fit in free memory; unknown figures count as fitting',
  refuses: ({ spec, use, room }) => {
    let smallest: { offer: Offer; extra: number } | null = null;
    for (const wanted of spec.model) {
      const offer = findOffer(room, wanted);
      if (!offer) continue;
      if (isFitting(room, offer, use)) return null;
      const extra = extraBytes(room, offer, use);
      if (!smallest || extra < smallest.extra) smallest = { offer, extra };
    }
    if (!smallest) return null;
    const { offer, extra } = smallest;
    const usable = bytesInWords(Math.max(0, usableBytes(room, offer)));
    return `${offer.model.name} would take ${bytesInWords(extra)} more, ${usable} can be had`;
  },
};
export const agentsPerNode: Filter = {
  name: 'agents',
  text: 'a node takes a bounded number of agents (the limit of one assignment)',
  refuses: ({ room }) => (room.agents < maxAgentsPerNode ? null : `${room.agents} agents are the most a node takes`),
};
export const avoidAgents: Filter = {
  name: 'avoidAgents',
  text: 'no agent shares a node with one it avoids, whichever of the two says so',
  refuses: ({ room, conflicts }) => {
    const other = conflicts.get(room.node.id);
    return other === undefined ? null : `${other} is there, and one of the two avoids the other`;
  },
};

const rules: readonly Filter<Ruled>[] = [named, classRule, site, labels];
const needs: readonly Filter[] = [model, memory, agentsPerNode, avoidAgents];
/** All filters but the closed reasons, in order; a closed node is refused between the rules and the needs. */
export const filters: readonly Filter[] = [...rules, ...needs];

/** Which of the spec's own rules speak against the node; its state and load are not looked at. */
export function brokenRule(candidate: Ruled): Refusal | null {
  return firstOf(rules, candidate);
}
/** Open, within the rules, with a wanted model; whether there is room is another question. */
export function isSuited(candidate: Suited): boolean {
  return candidate.room.node.closed === null && !brokenRule(candidate) && model.refuses(candidate) === null;
}
/** The first reason against, or null: the agent may go there. */
export function firstRefusal(candidate: Candidate): Refusal | null {
  return firstOf(rules, candidate) ?? candidate.room.node.closed ?? firstOf(needs, candidate);
}
/** Every reason against: what would all have to change. */
export function allRefusals(candidate: Candidate): Refusal[] {
  const { closed } = candidate.room.node;
  const of = (filter: Filter | Filter<Ruled>): Refusal[] => {
    const text = filter.refuses(candidate);
    return text === null ? [] : [{ filter: filter.name, text }];
  };
  // Of a node that has not said what it can carry, nothing is known to be missing.
  const isUnknown = candidate.room.node.memoryTotalBytes === 0 && candidate.room.node.models.length === 0 && closed;
  return [...rules.flatMap(of), ...(closed ? [closed] : []), ...(isUnknown ? [avoidAgents] : needs).flatMap(of)];
}

function firstOf<C>(list: readonly Filter<C>[], candidate: C): Refusal | null {
  for (const filter of list) {
    const text = filter.refuses(candidate);
    if (text !== null) return { filter: filter.name, text };
  }
  return null;
}
