// What a move must gain to be worth it, as a table from kind to rule, in the order in which one outweighs the next. All thresholds of
// rebalancing stand here, each with its reason. Pure figures in; the gain in words out, or null.
import { counted, type NodeModel, numberInWords } from '@blackroad/protocol';
import type { Policy } from '../../state/input.ts';
import type { Party, Placed, SupplyNode } from '../model/supply.ts';

/** An agent where it is: its node and model, the model's place in its list, and how many agents share it there, itself included. */
export interface Standing {
  node: SupplyNode;
  model: NodeModel;
  rank: number;
  agents: number;
}
export interface Candidate extends Party {
  now: Standing;
  /** What it might gain. */
  kind: GainKind;
}
/** Where placement would put it; `agents`: how many share the model there without it. */
interface Offered {
  node: SupplyNode;
  placed: Placed;
  agents: number;
}
export interface Gain {
  kind: GainKind;
  text: string;
}
export const gainKinds = ['queue', 'model', 'price', 'health', 'crowd', 'pack'] as const;
export type GainKind = (typeof gainKinds)[number];

/** A queue this long is felt: half a minute until an answer begins. */
const longQueueS = 30;
/** A typical answer, for turning tasks into seconds. */
const answerTokens = 150;
/** Half speed, or soon to be (the signs in fleet/health.ts). */
export const poorHealth = 0.5;
/** One sign less, not one shade. */
export const healthGain = 0.3;
/** A better model or price is worth a slightly worse machine, not a failing one. */
const healthLoss = 0.25;
/** A fifth less of a crowd after the move, or it is not worth the loading: two nodes never change places. */
export const crowdFactor = 1.25;
/** What is nearly empty: so few agents, or a quarter of the slots. */
const fewAgents = 2;
const fewShare = 0.25;

const slotsOf = ({ slots }: Pick<NodeModel, 'slots'>) => Math.max(1, slots);
/** Agents a slot. */
export function loadOf(model: Pick<NodeModel, 'slots'>, agents: number): number {
  return agents / slotsOf(model);
}
/** Seconds until all that waits has begun; unknown speed counts as a token a second. */
function queueS(tasks: number, slots: number, decodeTps: number): number {
  return (tasks * answerTokens) / (Math.max(1, slots) * Math.max(1, decodeTps));
}
function queueOf({ node, model }: Pick<Standing, 'node' | 'model'>): number {
  return queueS(node.waiting.get(model.name) ?? 0, model.slots, model.speed.decodeTps);
}
export function queueIsLong(now: Standing): boolean {
  return queueOf(now) >= longQueueS;
}
export function isNearlyEmpty({ agents, model }: Standing): boolean {
  return agents <= Math.max(fewAgents, slotsOf(model) * fewShare);
}

/** Kind by kind: a gain counts only while nothing before it gets worse. `sooner` is apart: a queue is of the moment. */
export function gainOf(now: Standing, offered: Offered, policy: Policy): Gain | null {
  const { placed, node } = offered;
  const { facts } = placed;
  if (node.id === now.node.id && placed.model === now.model.name) return null;
  if (facts.rank > now.rank) return null;
  const from = now.node.id;
  if (facts.rank < now.rank) {
    if (node.health < now.node.health - healthLoss) return null;
    return { kind: 'model', text: `${placed.model} on ${node.id} comes before ${now.model.name} in its list` };
  }
  const price = now.node.pricePerMillionTokens;
  const newPrice = node.pricePerMillionTokens;
  if (newPrice > price) return null;
  if (newPrice <= price / 2 && price > 0) {
    if (node.health < now.node.health - healthLoss) return null;
    const text =
      newPrice === 0
        ? `${node.id} costs nothing, ${from}`
        : `${node.id} costs $${numberInWords(newPrice)} a million tokens, ${from}`;
    return { kind: 'price', text: `${text} $${numberInWords(price)}${newPrice === 0 ? ' a million tokens' : ''}` };
  }
  if (node.health < now.node.health) return null;
  if (now.node.health <= poorHealth && node.health >= now.node.health + healthGain)
    return { kind: 'health', text: `${from} is in poor health (${now.node.healthText})` };
  const slots = Math.max(1, facts.slots);
  if (queueIsLong(now)) {
    const waitS = queueOf(now);
    const newWaitS = queueS(facts.waiting, slots, facts.decodeTps);
    if (newWaitS <= waitS / 2)
      return {
        kind: 'queue',
        text: `tasks wait ${Math.round(waitS)} s on ${from}, ${Math.round(newWaitS)} s on ${node.id}`,
      };
  }
  // A model to be fetched, or half the speed, is no gain for more room.
  if (facts.presence === 'pull' || facts.decodeTps * 2 < now.model.speed.decodeTps) return null;
  if (policy.placement === 'pack') {
    if (!isNearlyEmpty(now) || offered.agents <= now.agents || facts.waiting > 0) return null;
    return {
      kind: 'pack',
      text: `${from} has ${counted(now.agents, 'agent')} on ${now.model.name}, ${node.id} has ${offered.agents}: one of them can rest`,
    };
  }
  const load = loadOf(now.model, now.agents);
  const newLoad = (offered.agents + 1) / slots;
  if (load < crowdFactor * newLoad) return null;
  return { kind: 'crowd', text: `${now.agents} share ${now.model.name} on ${from}, ${offered.agents} on ${node.id}` };
}
