// The filters: hard rules on one agent and one node. Each says whether it allows, and in words why not; words are made
// only for what is shown. Their order is the order of the answer "why not there": first what the agent's spec rules out,
// then what the node's state rules out, then what it lacks. A node counts under the first filter that refuses it.
// Filters on models narrow: each judges only the wanted models that those before it left.
import { type AgentSpec, isApart, maxAgentsPerNode, type Refusal } from '@blackroad/protocol';
import { diskKeptFreeBytes, makesEmbeddings, pullBytes } from './catalogue.ts';
import { heldBytes } from './memory-fit.ts';
import {
  bookedBy,
  extraBytes,
  findOffer,
  hasDisk,
  hasMemory,
  hasThroughput,
  isPoolFree,
  type Offer,
  type Room,
  type Use,
  usableBytes,
} from './room.ts';
import type { SupplyNode } from './supply.ts';
import { bytesInWords, listInWords, numberInWords } from './words.ts';

/** All that the spec's own rules look at: they can be judged of a node nothing else is known of. */
export type RuledNode = Pick<SupplyNode, 'id' | 'class' | 'site' | 'labels' | 'simulated'>;
export interface Ruled {
  spec: AgentSpec;
  room: { node: RuledNode };
}
export interface Candidate {
  spec: AgentSpec;
  use: Use;
  room: Room;
  /** Nodes that hold an agent which must not share one with this agent, and which agent that is. */
  conflicts: ReadonlyMap<string, string>;
}
interface Named {
  name: string;
  /** One line for the documentation. */
  text: string;
}
interface RuleFilter<N = RuledNode> extends Named {
  allows: (spec: AgentSpec, node: N) => boolean;
  words: (spec: AgentSpec, node: N) => string;
}
interface ModelFilter extends Named {
  allows: (room: Room, offer: Offer, use: Use) => boolean;
  /** `offers`: what the filters before left. */
  words: (room: Room, offers: readonly Offer[], use: Use, spec: AgentSpec) => string;
}
interface RoomFilter extends Named {
  allows: (candidate: Candidate) => boolean;
  words: (candidate: Candidate) => string;
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
  gpu: 'its GPU is lost or does not answer',
} as const;
export type ClosedReason = keyof typeof closedReasons;

/** What the spec itself says about nodes. */
const rules: readonly RuleFilter[] = [
  {
    name: 'nodes',
    text: 'the spec names the nodes it may run on',
    allows: ({ placement }, { id }) => placement.nodes.length === 0 || placement.nodes.includes(id),
    words: ({ placement }) => `only ${listInWords(placement.nodes, 'or')} will do`,
  },
  {
    name: 'class',
    text: 'the spec names the classes it may run on; an empty list is any class but cloud',
    allows: ({ placement }, node) =>
      placement.class.length === 0 ? node.class !== 'cloud' : placement.class.includes(node.class),
    words: ({ placement }, node) =>
      placement.class.length === 0
        ? 'class cloud costs money and must be named'
        : `class ${node.class} is not ${listInWords(placement.class, 'or')}`,
  },
  {
    name: 'site',
    text: 'the spec names the sites it may run at',
    allows: ({ placement }, { site }) => placement.site.length === 0 || placement.site.includes(site),
    words: ({ placement }, { site }) => `site ${site || '(none)'} is not ${listInWords(placement.site, 'or')}`,
  },
  {
    name: 'labels',
    text: 'every label of the spec is on the node, with the same value',
    allows: ({ placement }, node) => {
      for (const key in placement.labels) if (placement.labels[key] !== node.labels[key]) return false;
      return true;
    },
    words: ({ placement }, node) => {
      const key = Object.keys(placement.labels).find((each) => placement.labels[each] !== node.labels[each]) as string;
      const [wanted, has] = [placement.labels[key], node.labels[key]];
      return has === undefined ? `no label ${key}=${wanted}` : `label ${key} is ${has}, not ${wanted}`;
    },
  },
  {
    name: 'simulated',
    text: 'a simulated node takes only agents whose spec says `placement.simulated`, unless it has the label `simulated=mix`',
    allows: ({ placement }, node) => !isApart(node) || placement.simulated === true,
    words: () => 'it is simulated: its answers are made up',
  },
];
/** Also of the spec, but the node must have reported its capacity. */
const price: RuleFilter<SupplyNode> = {
  name: 'price',
  text: 'the node costs no more than `maxPricePerMillionTokens`',
  allows: ({ placement }, node) =>
    placement.maxPricePerMillionTokens === undefined ||
    node.pricePerMillionTokens <= placement.maxPricePerMillionTokens,
  words: ({ placement }, node) =>
    `costs $${numberInWords(node.pricePerMillionTokens)} a million tokens, ` +
    `$${numberInWords(placement.maxPricePerMillionTokens ?? 0)} is the most allowed`,
};
const models: readonly ModelFilter[] = [
  {
    name: 'model',
    text:
      'one of the wanted models is on the node, by name or alias, or the node can fetch it and has the disk for it; ' +
      '`auto` is its default chat model',
    allows: (room, offer) => hasDisk(room, offer),
    words: (room, offers, _, { model }) => {
      const [first] = offers;
      if (first) {
        const needed = bytesInWords(pullBytes(first.model) + diskKeptFreeBytes);
        return `it could fetch ${first.model.name}, but that takes ${needed} of disk, ${bytesInWords(room.diskFreeBytes)} are free`;
      }
      // `auto` is no name: it means any chat model.
      const named = model.filter((wanted) => wanted !== 'auto');
      const [embeds] = named.filter((wanted) => makesEmbeddings(room.node, wanted));
      if (embeds !== undefined && model.length === 1) return `${embeds} makes embeddings there, it cannot chat`;
      if (named.length < model.length) return 'it has no chat model';
      return `it has no model named ${listInWords(named, 'or')}`;
    },
  },
  {
    name: 'failing',
    text:
      'the model could be fetched and loaded here the last time that was tried; a failure counts for ten minutes, ' +
      'for twice as long each time it comes again',
    allows: ({ node }, { model }) => !node.failing.has(model.name),
    words: ({ node }, offers) => node.failing.get(offers[0]?.model.name ?? '') ?? 'it failed',
  },
  {
    name: 'pool',
    text: 'a dedicated agent shares its node with agents of its own model only, whichever of them came first',
    allows: isPoolFree,
    words: (room, _, use) =>
      use.isDedicated && room.dedicated === null
        ? 'agents with another model are there, and it wants the node for its own'
        : `${room.dedicated === 'many' || room.dedicated === null ? 'another model' : room.dedicated.model.name} has the node to itself`,
  },
  {
    name: 'memory',
    text:
      'weights (unless loaded) and the context of the agent fit in free memory, unloading what nobody uses; ' +
      'unknown figures count as fitting',
    allows: hasMemory,
    words: (room, offers, use) => {
      const { offer, extra } = leastExtra(offers, use);
      // What the model holds already is neither more nor to be had.
      const held = offer.agents === 0 && offer.creditBytes === 0 ? heldBytes(offer.model) : 0;
      const usable = bytesInWords(Math.max(0, usableBytes(room, offer) - held));
      return `${offer.model.name} would take ${bytesInWords(extra - held)} more, ${usable} can be had`;
    },
  },
  {
    name: 'throughput',
    text: 'the expected tokens a minute of all its agents fit the measured speed; an unknown speed counts as fitting',
    allows: hasThroughput,
    words: (room, [offer], use) => {
      const { model, tokensPerMinute } = offer as Offer;
      const share = Math.round(bookedBy(offer as Offer, use) * 100);
      return (
        `its models are booked to ${Math.round(room.booked * 100)} %: ${numberInWords(use.tokensPerMinute)} tokens a minute ` +
        `of the ${numberInWords(tokensPerMinute)} that ${model.name} makes here are ${share} % more`
      );
    },
  },
];
const agentsPerNode: RoomFilter = {
  name: 'agents',
  text: 'a node takes a bounded number of agents (the limit of one assignment)',
  allows: ({ room }) => room.agents < maxAgentsPerNode,
  words: ({ room }) => `${room.agents} agents are the most a node takes`,
};
const avoidAgents: RoomFilter = {
  name: 'avoidAgents',
  text: 'no agent shares a node with one it avoids, whichever of the two says so',
  allows: ({ room, conflicts }) => !conflicts.has(room.node.id),
  words: ({ room, conflicts }) => `${conflicts.get(room.node.id)} is there, and one of the two avoids the other`,
};
/** All filters but the closed reasons, in order; a closed node is refused between the rules and the rest. */
export const filters: readonly Named[] = [...rules, price, ...models, agentsPerNode, avoidAgents];
export const ruleNames: readonly string[] = rules.map(({ name }) => name);

/** Whether the spec's own rules let it onto the node; its state and load are not looked at. */
export function isRuled(spec: AgentSpec, node: SupplyNode): boolean {
  for (const rule of rules) if (!rule.allows(spec, node)) return false;
  return price.allows(spec, node);
}
/** Which of the spec's own rules speak against the node; its state and load are not looked at. */
export function brokenRule({ spec, room: { node } }: Ruled): Refusal | null {
  for (const rule of rules) if (!rule.allows(spec, node)) return refusal(rule.name, rule.words(spec, node));
  return null;
}
/** Whether one more agent has room on this model of the node. */
export function hasRoom(room: Room, offer: Offer, use: Use): boolean {
  if (room.agents >= maxAgentsPerNode) return false;
  for (const filter of models) if (!filter.allows(room, offer, use)) return false;
  return true;
}

/** The name of the first filter that refuses, or null. Costs no words. */
export function firstFilter(candidate: Candidate): string | null {
  const found = firstOf(candidate);
  return found === null ? null : found.name;
}
/** The first reason against, or null: the agent may go there. */
export function firstRefusal(candidate: Candidate): Refusal | null {
  const found = firstOf(candidate);
  return found === null ? null : refusal(found.name, found.words());
}
/** Every reason against: what would all have to change. Of models that lack several things, the first. */
export function allRefusals(candidate: Candidate): Refusal[] {
  return refusing(candidate).map(({ name, words }) => refusal(name, words()));
}
/** The same without their words. */
export function allFilters(candidate: Candidate): string[] {
  return refusing(candidate).map(({ name }) => name);
}

interface Refusing {
  name: string;
  words: () => string;
}
function firstOf(candidate: Candidate): Refusing | null {
  const { spec, room } = candidate;
  const { node } = room;
  for (const rule of rules) {
    if (!rule.allows(spec, node)) return { name: rule.name, words: () => rule.words(spec, node) };
  }
  const { closed } = node;
  if (closed) return { name: closed.filter, words: () => closed.text };
  if (!price.allows(spec, node)) return { name: price.name, words: () => price.words(spec, node) };
  const model = modelRefusing(candidate);
  if (model) return model;
  for (const filter of [agentsPerNode, avoidAgents]) {
    if (!filter.allows(candidate)) return { name: filter.name, words: () => filter.words(candidate) };
  }
  return null;
}
function refusing(candidate: Candidate): Refusing[] {
  const { spec, room } = candidate;
  const { node } = room;
  const found: Refusing[] = [];
  for (const { name, allows, words } of rules) {
    if (!allows(spec, node)) found.push({ name, words: () => words(spec, node) });
  }
  const { closed } = node;
  if (closed) found.push({ name: closed.filter, words: () => closed.text });
  // Of a node that has not said what it can carry, nothing is known to be missing.
  if (closed && node.memoryTotalBytes === 0 && node.models.length === 0) return found;
  if (!price.allows(spec, node)) found.push({ name: price.name, words: () => price.words(spec, node) });
  const model = modelRefusing(candidate);
  if (model) found.push(model);
  for (const { name, allows, words } of [agentsPerNode, avoidAgents]) {
    if (!allows(candidate)) found.push({ name, words: () => words(candidate) });
  }
  return found;
}
function modelRefusing({ spec, use, room }: Candidate): Refusing | null {
  let left: Offer[] = [];
  for (const wanted of spec.model) {
    const offer = findOffer(room, wanted);
    if (offer) left.push(offer);
  }
  for (const { name, allows, words } of models) {
    const before = left;
    left = left.filter((offer) => allows(room, offer, use));
    if (left.length === 0) return { name, words: () => words(room, before, use, spec) };
  }
  return null;
}
function leastExtra(offers: readonly Offer[], use: Use): { offer: Offer; extra: number } {
  let least: { offer: Offer; extra: number } | null = null;
  for (const offer of offers) {
    const extra = extraBytes(offer, use);
    if (!least || extra < least.extra) least = { offer, extra };
  }
  return least!;
}
function refusal(filter: string, text: string): Refusal {
  return { filter, text };
}
