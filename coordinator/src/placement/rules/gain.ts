// The gains that justify a move, as a table from kind to rule, in the order in which one outweighs the next. All thresholds of rebalancing
// are here, each with its reason. In: figures. Out: the gain in words, or null. Pure.
import { counted, type NodeModel, numberInWords } from '@blackroad/protocol';
import type { Policy } from '../../state/input.ts';
import { comfortOf } from '../model/comfort.ts';
import type { Party, Placed, SupplyNode } from '../model/supply.ts';
import { sizeValue } from './size.ts';

/**
 * An agent on its present node: the node and model, the model's place in its list, and the number of agents that share it there, itself
 * included.
 */
export interface Standing {
  node: SupplyNode;
  model: NodeModel;
  rank: number;
  agents: number;
}
export interface Candidate extends Party {
  now: Standing;
  /** The kind of gain that seems possible. */
  kind: GainKind;
}
/** The node that placement chose; `agents`: the number that share the model there without this agent. */
interface Offered {
  node: SupplyNode;
  placed: Placed;
  agents: number;
}
export interface Gain {
  kind: GainKind;
  text: string;
}
export const gainKinds = ['queue', 'model', 'price', 'health', 'size', 'crowd', 'pack'] as const;
export type GainKind = (typeof gainKinds)[number];

/** People notice a queue of this length: half a minute until an answer begins. */
const longQueueS = 30;
/** The length of a typical answer, to convert tasks into seconds. */
const answerTokens = 150;
/** The health of a machine at half speed, or about to be (the signs in fleet/health.ts). */
export const poorHealth = 0.5;
/** The difference of health that is at least one sign less, not a small variation. */
export const healthGain = 0.3;
/** The loss of health that a better model or price may cost: a slightly worse machine, not a failing one. */
const healthLoss = 0.25;
/**
 * With less than a fifth fewer agents after the move, the load of the model costs more than it gains, and two nodes could exchange agents.
 */
export const crowdFactor = 1.25;
/** A model counts as nearly empty with this number of agents, or with agents for a quarter of its slots. */
const fewAgents = 2;
const fewShare = 0.25;

const slotsOf = ({ slots }: Pick<NodeModel, 'slots'>) => Math.max(1, slots);
/** The number of agents for each slot. */
export function loadOf(model: Pick<NodeModel, 'slots'>, agents: number): number {
  return agents / slotsOf(model);
}
/** The seconds until all waiting tasks have begun; an unknown speed counts as one token a second. */
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

/**
 * The first kind of gain, in the order of kinds: a gain counts only while nothing before it gets worse. `sooner` is separate, as a queue is
 * temporary.
 */
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
  if (facts.presence === 'pull') return null;
  if (!facts.isNamed) {
    const hardware = sizeValue(now.node, now.model);
    // More hardware is right only for agents that wait for each other.
    if (facts.hardware < hardware && now.agents <= comfortOf(now.node, now.model)) return null;
    if (facts.hardware > hardware && !facts.isCrowded)
      return {
        kind: 'size',
        text: `class ${node.class} is enough for it, and ${from} keeps its room for larger models`,
      };
  }
  // Half the speed is no gain in exchange for more room, and neither is a model that must be fetched.
  if (facts.decodeTps * 2 < now.model.speed.decodeTps) return null;
  if (policy.placement === 'pack') {
    if (!isNearlyEmpty(now) || offered.agents <= now.agents || facts.waiting > 0) return null;
    return {
      kind: 'pack',
      text: `${from} has ${counted(now.agents, 'agent')} on ${now.model.name}, ${node.id} has ${offered.agents}: ${from} becomes free`,
    };
  }
  const load = loadOf(now.model, now.agents);
  const newLoad = (offered.agents + 1) / slots;
  if (load < crowdFactor * newLoad) return null;
  return { kind: 'crowd', text: `${now.agents} share ${now.model.name} on ${from}, ${offered.agents} on ${node.id}` };
}
