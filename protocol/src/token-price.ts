// What tokens cost: the price of a model, the cost of an answer at it, and one figure by which prices are compared. Pure.
import type { NodeCapacity } from './node.ts';
import { type Static, Type } from './typebox.ts';

const usd = (description: string) => Type.Number({ minimum: 0, maximum: 1e6, description });
/** US dollars for a million tokens. */
export const TokenPrice = Type.Object({
  read: usd('Tokens of the prompt.'),
  written: usd('Tokens of the answer, thoughts included.'),
  cached: Type.Optional(
    usd('Tokens of the prompt that the provider had from an earlier request. Missing: as those that it reads.'),
  ),
});
export type TokenPrice = Static<typeof TokenPrice>;

interface Tokens {
  promptTokens: number;
  /** Of the prompt; missing: none, or not known. */
  cachedTokens?: number;
  completionTokens: number;
}

/** The cost of an answer, US dollars. */
export function costOf(price: TokenPrice, { promptTokens, cachedTokens = 0, completionTokens }: Tokens): number {
  const cached = Math.min(cachedTokens, promptTokens);
  const { read, written } = price;
  return ((promptTokens - cached) * read + cached * (price.cached ?? read) + completionTokens * written) / 1e6;
}

/** Of the tokens of an answer and its prompt, those that are read: prompts with memories and a conversation are longer than answers. */
const readShare = 0.75;
/** One figure for a price: US dollars for a million tokens, of which three quarters are read. */
export function mixedPrice({ read, written }: TokenPrice): number {
  return readShare * read + (1 - readShare) * written;
}

/** The price of a model on a node: its own, else that of the node for every token; null where it costs nothing. */
export function priceOn(
  capacity: Pick<NodeCapacity, 'models' | 'pricePerMillionTokens'> | null | undefined,
  model: string,
): TokenPrice | null {
  const own = capacity?.models.find(({ name }) => name === model)?.price;
  if (own) return own;
  const price = capacity?.pricePerMillionTokens ?? 0;
  // A model without a price of its own beside ones that have it is the machine's own.
  return price > 0 && !capacity?.models.some((each) => each.price) ? { read: price, written: price } : null;
}
