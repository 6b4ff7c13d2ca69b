// The room of one node while a plan is made: its remaining memory, compute and disk, and the number of agents that share each of its
// models. Agents share a model: the first agent needs memory for the weights, the next ones only for their contexts. A resident model
// without agents counts as free memory, because it can be unloaded. Except for preemption a plan only takes: an agent that does not fit
// once never fits later in the same plan, and search.ts depends on that.
// [INV-capacity] A plan never needs more of a node than the node reported as free.
import { type AgentSpec, isTierWish, meansModel, modelKey, type NodeModel } from '@blackroad/protocol';
import { batchGainOf, type Catalogue, diskKeptFreeBytes, emptyCatalogue, pullable, pullBytes } from './catalogue.ts';
import { comfortOf } from './comfort.ts';
import { expectedKvBytesPerToken, heldBytes, wholeBytes } from './memory-fit.ts';
import type { Party, SupplyNode } from './supply.ts';
import { isOfWish } from './wish.ts';

/** The need of one agent of a model: the number of sequences at once, the tokens of each, and the answer tokens a minute. */
export interface Use {
  contextTokens: number;
  concurrency: number;
  tokensPerMinute: number;
  /** Whether its model must be the only one in use on the node. */
  isDedicated: boolean;
}
/** A chat model on a node, or one that it could fetch, with the needs of its agents there. */
export interface Offer {
  model: NodeModel;
  /** Whether the node would have to fetch it first. */
  isPull: boolean;
  slots: number;
  kvBytesPerToken: number;
  /** Whether its memory is known and is memory of the node. */
  isCharged: boolean;
  /** Answer tokens a minute with all slots busy; 0: not known. */
  tokensPerMinute: number;
  /** The number of tasks that wait for it. */
  waiting: number;
  /** The number of agents that share it without waiting for each other. */
  comfort: number;
  agents: number;
  /** Key-value memory of all sequences that its agents may run, and of the largest one. */
  kvSumBytes: number;
  kvMaxBytes: number;
  /** The part of the node's free memory that it has taken. */
  chargedBytes: number;
  /** The memory of a resident model that is not counted as free: tasks wait for it, so it cannot be unloaded. */
  creditBytes: number;
}
/** An agent on the node, staying or newly placed. */
export interface Guest extends Party {
  model: string;
  mayYield: boolean;
}
export interface Room {
  node: SupplyNode;
  catalogue: Catalogue;
  freeBytes: number;
  diskFreeBytes: number;
  /** The share of the node's compute that its agents are expected to use. */
  booked: number;
  agents: number;
  guests: Guest[];
  /** The model of the dedicated agents here; `many`: several, or one that is gone. */
  dedicated: Offer | 'many' | null;
  /** Chat models only: an agent cannot run on an embedding model. */
  offers: readonly Offer[];
  /** Models that the node could fetch, by the wanted name, found at the first search; null: it cannot. */
  pulls: Map<string, Offer | null> | null;
}

/** Ollama loads a model only if it needs at most this share of free memory (measured; docs of the project's facts). */
export const ollamaShare = 0.8;
const defaultTokensPerMinute = 1;

export function useOf(spec: AgentSpec): Use {
  return {
    contextTokens: spec.limits.contextTokens,
    concurrency: spec.concurrency,
    tokensPerMinute: spec.load?.tokensPerMinute ?? defaultTokensPerMinute,
    isDedicated: spec.placement.pool === 'dedicated',
  };
}

/** `guests`: the agents on the node; by default those that stay. */
export function openRoom(
  node: SupplyNode,
  catalogue: Catalogue = emptyCatalogue(),
  guests: readonly Guest[] = node.agents.toSorted(byId),
): Room {
  const offers: Offer[] = [];
  for (const model of node.models) if (model.kind === 'chat') offers.push(offerOf(node, model, false));
  const room: Room = {
    node,
    catalogue,
    freeBytes: 0,
    diskFreeBytes: 0,
    booked: 0,
    agents: 0,
    guests: [],
    dedicated: null,
    offers,
    pulls: null,
  };
  fill(room, guests);
  return room;
}
/** The order in which shares are added, so that the sum does not depend on the caller's order of agents. */
function byId(a: Guest, b: Guest): number {
  return a.id < b.id ? -1 : 1;
}
/** Resets the room to these agents; its offers stay the same objects. */
export function fill(room: Room, guests: readonly Guest[]): void {
  const { node, offers, pulls } = room;
  room.freeBytes = node.memoryFreeBytes;
  room.diskFreeBytes = node.diskFreeBytes;
  room.booked = 0;
  room.agents = 0;
  room.guests = [];
  room.dedicated = null;
  const empty = (offer: Offer) => {
    offer.agents = 0;
    offer.kvSumBytes = 0;
    offer.kvMaxBytes = 0;
    offer.chargedBytes = 0;
    const held = offer.isCharged ? heldBytes(offer.model) : 0;
    offer.creditBytes = offer.waiting > 0 ? held : 0;
    room.freeBytes += held - offer.creditBytes;
  };
  for (const offer of offers) empty(offer);
  for (const offer of pulls?.values() ?? []) if (offer) empty(offer);
  // The kernel counts a mapped file as free although a model uses it, so the reported free memory may include it already.
  if (node.memoryTotalBytes > 0) room.freeBytes = Math.min(room.freeBytes, node.memoryTotalBytes);
  for (const guest of guests) admit(room, guest);
}
/** The room of the same node without these agents. */
export function roomWithout({ node, catalogue, guests }: Room, leaving: ReadonlySet<Guest>): Room {
  return openRoom(
    node,
    catalogue,
    guests.filter((guest) => !leaving.has(guest)),
  );
}
function admit(room: Room, guest: Guest): void {
  const offer = findOffer(room, guest.model);
  if (offer) {
    take(room, offer, useOf(guest.spec), guest);
    return;
  }
  room.guests.push(guest);
  room.agents++;
  if (guest.spec.placement.pool === 'dedicated') room.dedicated = 'many';
}
function offerOf(node: SupplyNode, model: NodeModel, isPull: boolean): Offer {
  const slots = Math.max(1, model.slots);
  return {
    model,
    isPull,
    slots,
    kvBytesPerToken: expectedKvBytesPerToken(model),
    isCharged: isCharged(node, model),
    tokensPerMinute: 60 * model.speed.decodeTps * (1 + (slots - 1) * batchGainOf(node.class)),
    waiting: node.waiting.get(model.name) ?? 0,
    comfort: comfortOf(node, model),
    agents: 0,
    kvSumBytes: 0,
    kvMaxBytes: 0,
    chargedBytes: 0,
    creditBytes: 0,
  };
}
/**
 * Whether a model takes memory of the node. A server in the OpenAI dialect took its memory when it started, or is a paid API that needs
 * none here. Figures of 0 mean that the node cannot measure: then the model counts as fitting, and the admission of the runtime refuses
 * what does not fit.
 */
function isCharged(node: SupplyNode, model: NodeModel): boolean {
  if (model.runtime === 'openai' || model.runtime === 'cloud') return false;
  return node.memoryTotalBytes > 0 && model.sizeBytes > 0;
}

/** The model that an entry in a list of models means on this node. A model that could be fetched is the last choice. */
export function findOffer(room: Room, wanted: string): Offer | null {
  const { offers } = room;
  for (const offer of offers) if (offer.model.name === wanted) return offer;
  for (const offer of offers) if (offer.model.aliases.includes(wanted)) return offer;
  for (const offer of offers) if (meansModel(wanted, offer.model)) return offer;
  if (isTierWish(wanted)) return offerOfWish(room, wanted);
  return room.node.pulls.length > 0 ? pullOffer(room, wanted) : null;
}
/** Of the models of a tier, the one that is loaded, else the largest. */
function offerOfWish({ offers, node }: Room, wanted: string): Offer | null {
  let best: Offer | null = null;
  for (const offer of offers) {
    if (!isOfWish(wanted, offer.model, node.defaultChat)) continue;
    if (!best || isFitter(offer.model, best.model)) best = offer;
  }
  return best;
}
function isFitter(model: NodeModel, than: NodeModel): boolean {
  return model.resident === than.resident ? model.sizeBytes > than.sizeBytes : model.resident;
}
function pullOffer(room: Room, wanted: string): Offer | null {
  room.pulls ??= new Map();
  const known = room.pulls.get(wanted);
  if (known !== undefined) return known;
  const model = pullable(room.catalogue, room.node, wanted);
  // Two wanted names may refer to one model, which is fetched once.
  let offer: Offer | null = null;
  if (model) {
    for (const each of room.pulls.values())
      if (each && modelKey(each.model.name) === modelKey(model.name)) offer = each;
    offer ??= offerOf(room.node, model, true);
  }
  room.pulls.set(wanted, offer);
  return offer;
}

/** The free memory that one more agent on this model would take. */
export function extraBytes(offer: Offer, use: Use): number {
  if (!offer.isCharged) return 0;
  const each = kvEach(offer, use);
  const sum = offer.kvSumBytes + each * Math.min(use.concurrency, offer.slots);
  const whole = wholeBytes(offer.model, offer.slots, sum, Math.max(offer.kvMaxBytes, each));
  return Math.max(0, whole - offer.creditBytes - offer.chargedBytes);
}
function kvEach({ model, kvBytesPerToken: perToken }: Offer, use: Use): number {
  return perToken * (model.contextTokens > 0 ? Math.min(use.contextTokens, model.contextTokens) : use.contextTokens);
}
/** The free memory that this model may still take here. Ollama's share is of the free memory at the moment it loads the whole model. */
export function usableBytes(room: Room, offer: Offer): number {
  if (offer.model.runtime !== 'ollama' || offer.model.resident) return room.freeBytes;
  return ollamaShare * (room.freeBytes + offer.chargedBytes) - offer.chargedBytes;
}
export function hasMemory(room: Room, offer: Offer, use: Use): boolean {
  const extra = extraBytes(offer, use);
  return extra === 0 ? !isCrowdedOut(room, offer) : extra <= usableBytes(room, offer);
}
/**
 * Whether its agents wait for its weights until others have left: while an agent changes its model on a node, the node needs memory for both,
 * and may not have it.
 */
export function isCrowdedOut(room: Room, offer: Offer): boolean {
  return offer.isCharged && !offer.model.resident && room.freeBytes < 0;
}

/** The share of the node's compute that one more agent would use; 0 where the speed is not known. */
export function bookedBy(offer: Offer, use: Use): number {
  return offer.tokensPerMinute > 0 ? use.tokensPerMinute / offer.tokensPerMinute : 0;
}
export function hasThroughput(room: Room, offer: Offer, use: Use): boolean {
  const share = bookedBy(offer, use);
  return share === 0 || room.booked + share <= 1;
}
export function hasDisk(room: Room, offer: Offer): boolean {
  return !offer.isPull || offer.agents > 0 || room.diskFreeBytes >= pullBytes(offer.model) + diskKeptFreeBytes;
}
/** Whether the agent keeps to the rule of dedicated agents, whose model is the only one in use on its node. */
export function isPoolFree(room: Room, offer: Offer, use: Use): boolean {
  if (room.dedicated !== null && room.dedicated !== offer) return false;
  return !use.isDedicated || room.agents === offer.agents;
}

/** Adds one agent to the model: with `admit` the only function that changes a room. */
export function take(room: Room, offer: Offer, use: Use, guest: Guest): void {
  const extra = extraBytes(offer, use);
  const each = kvEach(offer, use);
  if (offer.isPull && offer.agents === 0) room.diskFreeBytes -= pullBytes(offer.model);
  offer.kvSumBytes += each * Math.min(use.concurrency, offer.slots);
  offer.kvMaxBytes = Math.max(offer.kvMaxBytes, each);
  offer.chargedBytes += extra;
  offer.agents++;
  room.freeBytes -= extra;
  room.booked += bookedBy(offer, use);
  room.agents++;
  room.guests.push(guest);
  if (use.isDedicated) room.dedicated = room.dedicated === null || room.dedicated === offer ? offer : 'many';
}

/** The use of a node, by the figures of the plan. */
interface Filling {
  agents: number;
  /** The memory of models in use and their contexts. */
  memoryBytes: number;
  models: string[];
}
export function utilisationOf(room: Room): Filling {
  const used = offersInUse(room);
  return {
    agents: room.agents,
    memoryBytes: used.reduce((sum, { chargedBytes, creditBytes }) => sum + chargedBytes + creditBytes, 0),
    models: used.map(({ model }) => model.name),
  };
}
/** The models in use, sorted by name. */
export function offersInUse({ offers, pulls }: Room): Offer[] {
  const used = offers.filter(({ agents }) => agents > 0);
  // Several wanted names may refer to one fetched model.
  for (const offer of new Set(pulls?.values())) if (offer && offer.agents > 0) used.push(offer);
  return used.sort((a, b) => (a.model.name < b.model.name ? -1 : 1));
}
