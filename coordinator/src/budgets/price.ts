// The price of an answer: the one place where a budget meets what a node asks for. Pure.
import { cloudClass, costOf, type NodeCapacity, priceOn } from '@blackroad/protocol';
import type { NodeLive, NodeRow } from '../state/rows.ts';

interface AnswerTokens {
  model: string;
  promptTokens: number;
  /** Of the prompt, what the provider had from earlier requests. */
  cachedTokens?: number;
  completionTokens: number;
}
/** In US dollars; 0 where the node names no price. */
export function costOfAnswer(
  capacity: Pick<NodeCapacity, 'models' | 'pricePerMillionTokens'> | null | undefined,
  { model, ...tokens }: AnswerTokens,
): number {
  const price = priceOn(capacity, model);
  return price ? costOf(price, tokens) : 0;
}

interface Nodes {
  readonly nodes: ReadonlyMap<string, Pick<NodeRow, 'class'>>;
  readonly live: ReadonlyMap<string, Readonly<Pick<NodeLive, 'capacity'>>>;
}
/** Whether answers of this model on this node cost money. */
export function costsMoney(view: Nodes, node: string, model: string): boolean {
  return view.nodes.get(node)?.class === cloudClass.name || namesPrice(view, node, model);
}
/** Whether what they cost is known. */
export function namesPrice({ live }: Nodes, node: string, model: string): boolean {
  return costOfAnswer(live.get(node)?.capacity, { model, promptTokens: 1e6, completionTokens: 1e6 }) > 0;
}
