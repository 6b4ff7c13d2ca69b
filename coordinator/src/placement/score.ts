// The scores: soft, named, weighted, each between 0 and 1 and each with its words. The sum of weight times value decides
// between nodes that all filters let through. Two weights are ranks rather than tastes: the order of models in the spec
// outweighs everything else together, and after it a node without a price outweighs everything but that order.
import type { PlacementWhy } from '@blackroad/protocol';
import { extraBytes, type Offer, type Room, type Use } from './room.ts';
import { bytesInWords, counted, numberInWords } from './words.ts';

/** One agent on one model of one node. */
export interface Choice {
  room: Room;
  offer: Offer;
  use: Use;
  /** Place of the model in the spec's list, from 0. */
  rank: number;
  /** Where the agent's memory is. */
  last: string | null;
}
export interface Scorer {
  name: string;
  weight: number;
  /** One line for the documentation. */
  about: string;
  value: (choice: Choice) => number;
  text: (choice: Choice) => string;
}

/** A spec names at most this many models: one rank is worth an eighth of the weight. */
const maxRanks = 8;
/** Single-stream tokens a second at which more speed is no reason any more. */
const fastTps = 200;
/** Sharing is scored on a log scale, so that "twice as crowded" costs the same at every size; 2^14 exceeds agents per node. */
const crowdedLog = 14;

const slots = ({ offer }: Choice) => Math.max(1, offer.model.slots);
const clamp = (value: number) => Math.max(0, Math.min(1, value));

export const scorers: readonly Scorer[] = [
  {
    name: 'preference',
    weight: 400,
    about: "place of the model in the spec's list; one place outweighs all other scores together",
    value: ({ rank }) => (maxRanks - rank) / maxRanks,
    text: ({ rank, offer }) => `${offer.model.name} is choice ${rank + 1} of the agent`,
  },
  {
    name: 'price',
    weight: 25,
    about: 'a node without a price comes before every node with one; cheap before dear',
    value: ({ room }) => (room.node.pricePerMillionTokens > 0 ? 0.25 / (1 + room.node.pricePerMillionTokens) : 1),
    text: ({ room }) =>
      room.node.pricePerMillionTokens > 0
        ? `costs $${numberInWords(room.node.pricePerMillionTokens)} a million tokens`
        : 'costs nothing a token',
  },
  {
    name: 'load',
    weight: 8,
    about: 'agents that share a slot of the model: nodes with the same model share agents by their slots',
    value: (choice) => clamp(1 - Math.log2(1 + choice.offer.agents / slots(choice)) / crowdedLog),
    text: (choice) => `${counted(choice.offer.agents, 'other agent')} on ${counted(slots(choice), 'slot')}`,
  },
  {
    name: 'health',
    weight: 3,
    about: 'a hot, throttled, undervolted or nearly full machine is worth less',
    value: ({ room }) => clamp(room.node.health),
    text: ({ room }) => room.node.healthText || 'healthy',
  },
  {
    name: 'residency',
    weight: 2,
    about: 'the model is loaded > this plan loads it anyway > on disk (one that would have to be pulled is refused)',
    value: ({ offer }) => (offer.model.resident ? 1 : offer.agents > 0 ? 0.6 : 0.5),
    text: ({ offer }) =>
      offer.model.resident ? 'loaded' : offer.agents > 0 ? 'on disk, loaded for other agents too' : 'on disk',
  },
  {
    name: 'speed',
    weight: 2,
    about: 'answer tokens a second of one stream, learned or estimated by the node, on a log scale',
    value: ({ offer }) => clamp(Math.log2(1 + offer.model.speed.decodeTps) / Math.log2(1 + fastTps)),
    text: ({ offer }) =>
      offer.model.speed.decodeTps > 0
        ? `${numberInWords(offer.model.speed.decodeTps)} tokens/s ${offer.model.speed.samples > 0 ? 'measured' : 'estimated'}`
        : 'speed not known',
  },
  {
    name: 'locality',
    weight: 2,
    about: "the agent's memory is there already",
    value: ({ room, last }) => (last === room.node.id ? 1 : 0),
    text: ({ room, last }) =>
      last === null
        ? 'no node to return to'
        : last === room.node.id
          ? 'its memory is here'
          : `its memory is on ${last}`,
  },
  {
    name: 'fit',
    weight: 0.5,
    about: 'the tighter fit first, so that large rooms stay free for large models',
    value: ({ room, offer, use }) =>
      room.node.memoryTotalBytes > 0
        ? 1 - clamp((room.freeBytes - extraBytes(room, offer, use)) / room.node.memoryTotalBytes)
        : 0.5,
    text: ({ room, offer, use }) =>
      room.node.memoryTotalBytes > 0
        ? `leaves ${bytesInWords(Math.max(0, room.freeBytes - extraBytes(room, offer, use)))} free`
        : 'memory not known',
  },
];
export const localityWeight = scorers.find((scorer) => scorer.name === 'locality')!.weight;

export function scoreOf(choice: Choice): number {
  let sum = 0;
  for (const scorer of scorers) sum += scorer.weight * scorer.value(choice);
  return sum;
}
/** The same sum with every part named: what a person sees under "why here". */
export function explainScores(choice: Choice): PlacementWhy['scores'] {
  return scorers.map((scorer) => ({
    name: scorer.name,
    value: round(scorer.value(choice)),
    weight: scorer.weight,
    text: scorer.text(choice),
  }));
}
export function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
