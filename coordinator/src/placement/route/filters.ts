// The hard rules of routing: the candidates that cannot answer a request, each with its reason. The first rule that refuses counts.
import { cloudClass, numberInWords } from '@blackroad/protocol';
import type { RouteAsk, RouteCandidate } from './candidate.ts';

interface RouteFilter {
  name: string;
  /** One line for the documentation. */
  text: string;
  refuses: (ask: RouteAsk, candidate: RouteCandidate) => boolean;
  words: (ask: RouteAsk, candidate: RouteCandidate) => string;
  /** Whether the reason passes by itself: then the request may be tried again later. */
  passes?: true;
}

/** Tokens that an answer needs at least. */
const leastAnswerTokens = 16;

/** Whether its answers cost money. */
export function costs({ class: of, pricePerMillionTokens }: RouteCandidate): boolean {
  return of === cloudClass.name || pricePerMillionTokens > 0;
}
export function priceWords({ pricePerMillionTokens }: RouteCandidate): string {
  if (pricePerMillionTokens === 0) return 'costs money and names no price';
  return `costs $${numberInWords(pricePerMillionTokens)} a million tokens`;
}

export const routeFilters: readonly RouteFilter[] = [
  {
    name: 'kind',
    text: 'the model is of the kind that the request needs: one that chats, or one that makes vectors',
    refuses: ({ kind }, { model }) => model.kind !== kind,
    words: (_, { model }) =>
      model.kind === 'embed' ? 'it makes vectors, it cannot chat' : 'it chats, it makes no vectors',
  },
  {
    name: 'simulated',
    text: 'a simulated node answers only with the label `simulated=mix`: its answers are made up',
    refuses: (_, { isApart }) => isApart,
    words: () => 'it is simulated: its answers are made up',
  },
  {
    name: 'closed',
    text: 'the node is online and takes work',
    refuses: (_, { closed }) => closed !== null,
    words: (_, { closed }) => closed?.text ?? '',
    passes: true,
  },
  {
    name: 'price',
    text: 'a node that costs money answers only where the request may pay, and where it names its price',
    refuses: ({ unpaid }, node) => costs(node) && (unpaid !== null || node.pricePerMillionTokens === 0),
    words: ({ unpaid }, candidate) => `${priceWords(candidate)}, and ${unpaid ?? 'no budget could be kept'}`,
  },
  {
    name: 'context',
    text: 'the prompt and an answer fit the context of the model there',
    refuses: ({ kind, promptTokens }, { model }) =>
      kind === 'chat' && model.contextTokens > 0 && promptTokens + leastAnswerTokens > model.contextTokens,
    words: ({ promptTokens }, { model }) =>
      `the prompt has about ${promptTokens} tokens, and its context ${model.contextTokens}`,
  },
  {
    name: 'tools',
    text: 'a request with tools needs a model that calls them',
    refuses: ({ tools }, { model }) => tools && !model.tools,
    words: () => 'it calls no tools',
  },
  {
    name: 'sees',
    text: 'a request with pictures needs a model that sees, or one whose server does not tell',
    refuses: ({ sees }, { model }) => sees && model.sees === false,
    words: () => 'it does not see pictures',
  },
  {
    name: 'full',
    text: 'no more requests wait for it than its queue holds',
    refuses: (_, { waiting, queue }) => waiting >= queue,
    words: (_, { busy, waiting }) => `its queue is full: ${busy} at work, ${waiting} waiting`,
    passes: true,
  },
  {
    name: 'reserved',
    text: 'a part of a node that has a larger model is kept for that',
    refuses: (ask, { busy, slotsForLess }) => isForLess(ask) && slotsForLess !== null && busy >= slotsForLess,
    words: (_, { busy, slots }) => `${busy} of its ${slots} slots are taken, and the rest is kept for its larger model`,
    passes: true,
  },
];

/** The reasons that pass by themselves. */
export const passing: ReadonlySet<string> = new Set(
  routeFilters.filter(({ passes }) => passes).map(({ name }) => name),
);

/** A request that names no model and no large one. */
const isForLess = ({ want, kind }: RouteAsk) => kind === 'chat' && 'tier' in want && want.tier !== 'large';

export function refusedBy(ask: RouteAsk, candidate: RouteCandidate): RouteFilter | null {
  return routeFilters.find(({ refuses }) => refuses(ask, candidate)) ?? null;
}
