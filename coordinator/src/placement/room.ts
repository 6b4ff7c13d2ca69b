// What one node has left while a plan is made: free memory, models, and how many agents share each of them.
// A plan only ever takes room. Agents share a model: the first pays for the weights, the next ones for their context alone.
// [INV-capacity] what a plan puts on a node never needs more than the node said was free.
import type { AgentSpec, NodeModel } from '@blackroad/protocol';
import type { SupplyNode } from './supply.ts';

/** What one agent asks of a model: that many sequences of that many tokens at once. */
export interface Use {
  contextTokens: number;
  concurrency: number;
}
/** A chat model on a node, and what this plan and the agents that stay make of it. */
export interface Offer {
  model: NodeModel;
  kvBytesPerToken: number;
  agents: number;
  /** Key-value memory of every sequence the agents here may run, and of the largest one. */
  kvSumBytes: number;
  kvMaxBytes: number;
  /** Already taken from the node's free memory. */
  chargedBytes: number;
}
export interface Room {
  node: SupplyNode;
  freeBytes: number;
  agents: number;
  /** By name, then by alias. Chat models only: an embedding model cannot carry an agent. */
  offers: Map<string, Offer>;
}

/** Ollama loads a model only while it needs at most this share of free memory (measured; docs of the project's facts). */
const ollamaShare = 0.8;

// Key-value bytes a token for common sizes, measured on models with grouped-query attention: 0.5B, 3B, 8B, 70B.
// A node reports no such figure, so placement estimates it from the parameter count, log-linear in between.
const kvPoints: readonly (readonly [number, number])[] = [
  [0.5, 12 * 1024],
  [3, 112 * 1024],
  [8, 128 * 1024],
  [70, 320 * 1024],
];
/** About four-bit weights: 0.6 bytes a parameter, where a runtime names the size of the file but not the parameters. */
const bytesPerParameter = 0.6;

/** Estimated key-value memory of one token of context; 0 when neither parameters nor size are known. */
export function kvBytesPerToken(model: Pick<NodeModel, 'parametersB' | 'sizeBytes'>): number {
  const billions = model.parametersB > 0 ? model.parametersB : model.sizeBytes / bytesPerParameter / 1e9;
  if (!(billions > 0)) return 0;
  const [smallest, largest] = [kvPoints[0]!, kvPoints[kvPoints.length - 1]!];
  if (billions <= smallest[0]) return smallest[1];
  if (billions >= largest[0]) return Math.round((largest[1] * billions) / largest[0]);
  const above = kvPoints.findIndex(([size]) => size >= billions);
  const [low, high] = [kvPoints[above - 1]!, kvPoints[above]!];
  const share = Math.log(billions / low[0]) / Math.log(high[0] / low[0]);
  return Math.round(low[1] * (high[1] / low[1]) ** share);
}

export function openRoom(node: SupplyNode): Room {
  const offers = new Map<string, Offer>();
  const chat = node.models.filter((model) => model.kind === 'chat');
  for (const model of chat) {
    offers.set(model.name, {
      model,
      kvBytesPerToken: kvBytesPerToken(model),
      agents: 0,
      kvSumBytes: 0,
      kvMaxBytes: 0,
      chargedBytes: 0,
    });
  }
  for (const model of chat) {
    for (const alias of model.aliases) if (!offers.has(alias)) offers.set(alias, offers.get(model.name)!);
  }
  const room: Room = { node, freeBytes: node.memoryFreeBytes, agents: 0, offers };
  for (const staying of node.agents) {
    const offer = offers.get(staying.model);
    if (offer) take(room, offer, staying);
    else room.agents++;
  }
  return room;
}

/** What a wanted model means on this node; `auto` is the node's own default. */
export function findOffer(room: Room, wanted: string): Offer | null {
  const name = wanted === 'auto' ? room.node.defaultChat : wanted;
  return name === null ? null : (room.offers.get(name) ?? null);
}

/** Free memory that one more agent on this model would take. */
export function extraBytes(room: Room, offer: Offer, use: Use): number {
  if (!isCharged(room, offer)) return 0;
  const kv = kvOf(offer, use);
  const total = neededBytes(offer, offer.kvSumBytes + kv.sum, Math.max(offer.kvMaxBytes, kv.each));
  return Math.max(0, total - offer.chargedBytes);
}

/** Free memory this model may still take here. */
export function usableBytes(room: Room, offer: Offer): number {
  return isLoading(offer) && offer.model.runtime === 'ollama' ? room.freeBytes * ollamaShare : room.freeBytes;
}

export function isFitting(room: Room, offer: Offer, use: Use): boolean {
  const extra = extraBytes(room, offer, use);
  return extra === 0 || extra <= usableBytes(room, offer);
}

/** Puts one agent on the model: the only function that changes a room. */
export function take(room: Room, offer: Offer, use: Use): void {
  const extra = extraBytes(room, offer, use);
  const kv = kvOf(offer, use);
  offer.kvSumBytes += kv.sum;
  offer.kvMaxBytes = Math.max(offer.kvMaxBytes, kv.each);
  offer.chargedBytes += extra;
  offer.agents++;
  room.freeBytes -= extra;
  room.agents++;
}

export function useOf(spec: AgentSpec): Use {
  return { contextTokens: spec.limits.contextTokens, concurrency: spec.concurrency };
}

/** On disk, and nobody on this node has asked for it yet. */
function isLoading(offer: Offer): boolean {
  return !offer.model.resident && offer.agents === 0;
}
function slotsOf(model: NodeModel): number {
  return Math.max(1, model.slots);
}
/**
 * A server in the OpenAI dialect took its memory when it started and a cloud API has none here: nothing to charge.
 * Figures of 0 mean that the node cannot tell: then the model counts as fitting, and the runtime's own admission is the guard.
 */
function isCharged(room: Room, { model }: Offer): boolean {
  if (model.runtime === 'openai' || model.runtime === 'cloud') return false;
  return room.node.memoryTotalBytes > 0 && model.sizeBytes > 0;
}
function kvOf({ model, kvBytesPerToken: perToken }: Offer, use: Use): { each: number; sum: number } {
  const tokens = model.contextTokens > 0 ? Math.min(use.contextTokens, model.contextTokens) : use.contextTokens;
  const each = perToken * tokens;
  return { each, sum: each * Math.min(use.concurrency, slotsOf(model)) };
}
/**
 * Beyond what the model holds already. Admission lets no more sequences run at once than the model has slots, so a
 * thousand agents on four slots hold four contexts, not a thousand. What a resident model holds above its weights is
 * context memory the runtime has set aside: agents use that first.
 */
function neededBytes({ model }: Offer, kvSum: number, kvMax: number): number {
  const whole = model.sizeBytes + Math.min(kvSum, slotsOf(model) * kvMax);
  return model.resident ? Math.max(0, whole - Math.max(model.residentBytes, model.sizeBytes)) : whole;
}
