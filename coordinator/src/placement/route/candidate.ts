// The nouns of routing: a request that needs a model, and the models on nodes that could answer it. Only plain data.
import type { NodeModel, TierWish } from '@blackroad/protocol';
import type { ClosedReason } from '../model/closed.ts';

/** What a request asks of a model. */
export interface RouteAsk {
  /** A tier, or the name of a model. */
  want: { tier: TierWish } | { model: string };
  kind: 'chat' | 'embed';
  promptTokens: number;
  /** Tokens of the answer as far as they can be foreseen. */
  answerTokens: number;
  tools: boolean;
  /** It has pictures. */
  sees: boolean;
  /** The node that answered the conversation so far, with the tokens that its model server may still have. */
  sticky: { node: string; model: string; tokens: number } | null;
  /** Why no node that costs money may answer, as a clause; null: one may. */
  unpaid: string | null;
}

/** One model on one node. */
export interface RouteCandidate {
  node: string;
  class: string;
  /** Its answers are made up, and nobody said that they may be mixed with real ones. */
  isApart: boolean;
  /** Why the node takes nothing new; null: it does. */
  closed: { filter: ClosedReason; text: string } | null;
  model: NodeModel;
  /** Why its last answer or load failed here, while it is avoided. */
  failing: string | null;
  /** Requests at work on it, from anybody, and those that wait for it. */
  busy: number;
  waiting: number;
  /** Requests that it works on at once; at least 1. */
  slots: number;
  /** The most that may wait for it. */
  queue: number;
  /** From 0 to 1, 1 is healthy. */
  health: number;
  pricePerMillionTokens: number;
  /** The slots for requests that name no model and no large one; null: all of them, and its queue. */
  slotsForLess: number | null;
}

/** What is expected of a candidate, milliseconds. */
export interface Expected {
  waitMs: number;
  loadMs: number;
  /** Of the part of the prompt that it has not read before. */
  prefillMs: number;
  /** Until the first token: the sum of these. */
  firstMs: number;
  finishMs: number;
  /** Of this answer, beside the others that run. */
  tokensPerS: number;
}
export interface Estimated {
  candidate: RouteCandidate;
  expected: Expected;
}
export interface RouteRefused {
  node: string;
  model: string;
  filter: string;
  text: string;
}
export interface Route {
  chosen: Estimated | null;
  /** Why it is this one, in words. */
  why: string;
  /** The other candidates, the better ones first. */
  others: Estimated[];
  refused: RouteRefused[];
}
