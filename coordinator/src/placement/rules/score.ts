// The scores: soft, named, weighted, each between 0 and 1 and each with its words. The sum of weight times value decides between the nodes
// that pass all filters. Four weights are ranks, not preferences: the order of models in the spec outweighs everything else together;
// after it a node without a price outweighs everything but that order; after it a node that has the model outweighs every node that would
// have to fetch it; after it a class of less hardware outweighs one of more, for an agent that names no model. No score depends on the need of the agent, so agents of all kinds have the same order of nodes.
import { bytesInWords, counted, numberInWords, type PlacementWhy } from '@blackroad/protocol';
import type { Offer, Room } from '../model/room.ts';
import type { Placed, PlacedFacts, Strategy } from '../model/supply.ts';
import { setSize } from './size.ts';

interface Scorer {
  name: string;
  /** A preference may have a weight for each strategy, a rank has one. */
  weights: Readonly<Record<Strategy, number>>;
  /** One line for the documentation. */
  about: string;
  value: (facts: PlacedFacts) => number;
  text: (facts: PlacedFacts, placed: Pick<Placed, 'node' | 'model'>) => string;
}

/** A spec names at most this many models: one rank is worth an eighth of the weight. */
const maxRanks = 8;
/** Single-stream tokens a second above which more speed adds no score. */
const fastTps = 200;
/** Sharing is scored on a log scale, so that twice as many agents cost the same at every size; 2^14 exceeds agents per node. */
const crowdedLog = 14;
/** A waiting task is work now, an agent only at times, so a task counts more. */
const agentsPerWaitingTask = 4;

const always = (weight: number) => ({ spread: weight, pack: weight });
const clamp = (value: number) => Math.max(0, Math.min(1, value));
const presenceValue = { loaded: 1, shared: 0.6, disk: 0.5, pull: 0.2 } as const;

/** Scores that depend on the node and, of the agent, only on its list of models: equal for all agents that want this model of this node. */
const ofNode: readonly Scorer[] = [
  {
    name: 'preference',
    weights: always(6200),
    about: "place of the model in the spec's list; one place outweighs all other scores together",
    value: ({ rank }) => (maxRanks - rank) / maxRanks,
    text: ({ rank }, { model }) => `${model} is choice ${rank + 1} of the agent`,
  },
  {
    name: 'price',
    weights: always(440),
    about: 'a node without a price comes before every node with one; cheap before dear',
    value: ({ pricePerMillionTokens: price }) => (price > 0 ? 0.25 / (1 + price) : 1),
    text: ({ pricePerMillionTokens: price }) =>
      price > 0 ? `costs $${numberInWords(price)} a million tokens` : 'costs nothing a token',
  },
  {
    name: 'present',
    weights: always(165),
    about:
      'a node that has the model, or fetches it in this plan anyway, comes before every node that would have to fetch it',
    value: ({ presence }) => (presence === 'pull' ? 0 : 1),
    text: ({ presence }) => (presence === 'pull' ? 'has to be fetched' : 'nothing to fetch'),
  },
  {
    name: 'size',
    weights: always(135),
    about:
      'for an agent that names no model (small, medium, large, auto): the least hardware that writes as fast as people read and is not crowded, so that larger machines keep their room; for others it is 1 everywhere',
    value: ({ isNamed, isCrowded, hardware }) => (isNamed ? 1 : isCrowded ? 0 : hardware),
    text: ({ isNamed, isFast, isCrowded, class: of, decodeTps, agents }) => {
      if (isNamed) return 'its model is named';
      if (isFast && isCrowded) return `${counted(agents, 'other agent')} use it: they wait for each other`;
      if (!isFast) return `${numberInWords(decodeTps)} tokens/s are less than people read`;
      return `class ${of} is fast enough; the less hardware, the more points`;
    },
  },
  {
    name: 'load',
    weights: { spread: 8, pack: 1 },
    about: 'agents, and four times the waiting tasks, that share a slot of the model: few before many',
    value: ({ agents, waiting, slots }) =>
      clamp(1 - Math.log2(1 + (agents + agentsPerWaitingTask * waiting) / slots) / crowdedLog),
    text: ({ agents, waiting, slots }) =>
      `${counted(agents, 'other agent')}${waiting > 0 ? ` and ${counted(waiting, 'waiting task')}` : ''} on ${counted(slots, 'slot')}`,
  },
  {
    name: 'health',
    weights: always(3),
    about: 'a hot, throttled, undervolted or nearly full machine is worth less',
    value: ({ health }) => clamp(health),
    text: ({ healthText }) => healthText || 'healthy',
  },
  {
    name: 'residency',
    weights: always(2),
    about: 'the model is loaded > this plan loads or fetches it anyway > on disk > to be fetched',
    value: ({ presence }) => presenceValue[presence],
    text: ({ presence }) => presenceText[presence],
  },
  {
    name: 'speed',
    weights: always(2),
    about: 'answer tokens a second of one stream, learned or estimated by the node, on a log scale',
    value: ({ decodeTps }) => clamp(Math.log2(1 + decodeTps) / Math.log2(1 + fastTps)),
    text: ({ decodeTps, isMeasured }) =>
      decodeTps > 0
        ? `${numberInWords(decodeTps)} tokens/s ${isMeasured ? 'measured' : 'estimated'}`
        : 'speed not known',
  },
  {
    name: 'fit',
    weights: { spread: 0.5, pack: 7.5 },
    about: 'the less of its memory is free the better, so that large rooms stay free for large models',
    value: ({ freeBytes, totalBytes }) => (totalBytes > 0 ? 1 - clamp(freeBytes / totalBytes) : 0.5),
    text: ({ freeBytes, totalBytes }) =>
      totalBytes > 0
        ? `${bytesInWords(Math.max(0, freeBytes))} of ${bytesInWords(totalBytes)} are free`
        : 'memory not known',
  },
];
/** Scores that depend on this agent and this node together. */
const ofPair: readonly Scorer[] = [
  {
    name: 'locality',
    weights: always(2),
    about: "the agent's memory is there already",
    value: ({ isHome }) => (isHome ? 1 : 0),
    text: ({ last, isHome }) =>
      last === null ? 'no node to return to' : isHome ? 'its memory is here' : `its memory is on ${last}`,
  },
  {
    name: 'near',
    weights: always(3),
    about: 'an agent of `nearAgents` is on the node; at the same site it counts half',
    value: ({ nearness }) => nearness,
    text: ({ near, nearness }) =>
      near === null
        ? 'its list of near agents is empty'
        : `${near} is ${nearness === 1 ? 'on this node' : nearness > 0 ? 'at this site' : 'elsewhere'}`,
  },
  {
    name: 'spread',
    weights: always(6),
    about: 'few of its `spread` group are on the node, or at the site',
    value: ({ group, together }) => (group === null ? 0 : 1 / (1 + together)),
    text: ({ group, over, together }) =>
      group === null
        ? 'in no spread group'
        : `${together === 0 ? 'none' : together} of group ${group} ${over === 'node' ? 'on this node' : 'at this site'}`,
  },
];
const [near, spread] = ['near', 'spread'].map((name) => ofPair.find((scorer) => scorer.name === name)!) as [
  Scorer,
  Scorer,
];
export const scorers: readonly Scorer[] = [...ofNode, ...ofPair];
const presenceText = {
  loaded: 'loaded',
  shared: 'needed by other agents here too',
  disk: 'on disk',
  pull: 'not on the node',
} as const;

/** Scores are rounded to this grid, on which sums are exact in any order: two ways to the same sum give equal results. */
const grid = 2 ** 20;
const onGrid = (value: number) => Math.round(value * grid) / grid;

/** Empty facts, filled for one model of one node by `setNode`. */
export function factsFor(strategy: Strategy): PlacedFacts {
  return {
    strategy,
    rank: 0,
    hardware: 1,
    isCrowded: false,
    isNamed: true,
    isFast: true,
    class: '',
    pricePerMillionTokens: 0,
    presence: 'disk',
    agents: 0,
    waiting: 0,
    slots: 1,
    health: 1,
    healthText: '',
    decodeTps: 0,
    isMeasured: false,
    freeBytes: 0,
    totalBytes: 0,
    last: null,
    isHome: false,
    near: null,
    nearness: 0,
    group: null,
    over: 'node',
    together: 0,
  };
}
/** `wanted`: the entry of the list at this rank. */
export function setNode(
  facts: PlacedFacts,
  { node, freeBytes }: Room,
  offer: Offer,
  { rank, wanted }: { rank: number; wanted: string },
): void {
  const { model } = offer;
  facts.rank = rank;
  setSize(facts, node, offer, wanted);
  facts.pricePerMillionTokens = node.pricePerMillionTokens;
  facts.presence = model.resident ? 'loaded' : offer.agents > 0 ? 'shared' : offer.isPull ? 'pull' : 'disk';
  facts.agents = offer.agents;
  facts.waiting = offer.waiting;
  facts.slots = offer.slots;
  facts.health = node.health;
  facts.healthText = node.healthText;
  facts.decodeTps = model.speed.decodeTps;
  facts.isMeasured = model.speed.samples > 0;
  facts.freeBytes = freeBytes;
  facts.totalBytes = node.memoryTotalBytes;
}
/** The score of a node, equal for all agents that want this model of it. */
export function nodeScore(facts: PlacedFacts): number {
  return sumOf(ofNode, facts);
}
/** The score of this agent on this node beyond that of the node. */
export function pairScore(facts: PlacedFacts): number {
  return sumOf(ofPair, facts);
}
function sumOf(list: readonly Scorer[], facts: PlacedFacts): number {
  let sum = 0;
  for (const scorer of list) sum += onGrid(scorer.weights[facts.strategy] * scorer.value(facts));
  return sum;
}
/** The highest possible score of a node whose model has this rank, and has to be fetched or not. */
export function boundOf(strategy: Strategy, rank: number, isPull: boolean): number {
  const best = { ...factsFor(strategy), rank, presence: isPull ? ('pull' as const) : ('loaded' as const) };
  let sum = 0;
  for (const { name, weights, value } of ofNode) {
    const isKnown = name === 'preference' || name === 'present' || name === 'residency';
    sum += onGrid(weights[strategy] * (isKnown ? value(best) : 1));
  }
  return sum;
}
/** The score of one scorer of the pair for these facts. */
export function partOf(name: 'near' | 'spread', facts: PlacedFacts): number {
  const { weights, value } = name === 'near' ? near : spread;
  return onGrid(weights[facts.strategy] * value(facts));
}
/** The highest possible score of one scorer of the pair. */
export function mostOf(name: 'near' | 'spread', strategy: Strategy): number {
  return (name === 'near' ? near : spread).weights[strategy];
}

/** The facts of a placement in words: each score by name. People see it under "why here". */
export function whyOf(placed: Placed): PlacementWhy {
  const { node, model, score, facts } = placed;
  return {
    node,
    model,
    score: round(score),
    scores: scorers.map(({ name, weights, value, text }) => ({
      name,
      value: round(value(facts)),
      weight: weights[facts.strategy],
      text: text(facts, placed),
    })),
  };
}
export function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
