// The filters on the wanted models of one agent on one node. Each judges only the models that the filters before it left, and the node is
// counted under the filter that leaves none.
import {
  type AgentSpec,
  bytesInWords,
  type Fix,
  type FixStep,
  isTierWish,
  listInWords,
  numberInWords,
} from '@blackroad/protocol';
import { canFetch, diskKeptFreeBytes, makesEmbeddings, pullBytes } from '../model/catalogue.ts';
import { joinMachine } from '../model/closed.ts';
import { heldBytes } from '../model/memory-fit.ts';
import {
  bookedBy,
  extraBytes,
  findOffer,
  hasDisk,
  hasMemory,
  hasThroughput,
  isCrowdedOut,
  isPoolFree,
  type Offer,
  type Room,
  type Use,
  usableBytes,
} from '../model/room.ts';
import type { SupplyNode } from '../model/supply.ts';
import { editAgent } from '../why/edit-agent.ts';
import type { Candidate, Filter, Shortage } from './filter.ts';

interface ModelFilter extends Shortage, Pick<Filter, 'name' | 'text' | 'fix'> {
  allows: (room: Room, offer: Offer, use: Use) => boolean;
  /** `offers`: the models that the earlier filters left. */
  words: (refused: Candidate, offers: readonly Offer[]) => string;
}

const rows: readonly ModelFilter[] = [
  {
    name: 'model',
    text:
      'one of the wanted models is on the node, by name or alias, or the node can fetch it and has the disk for it; ' +
      '`auto` is its default chat model, a tier any of its models of that size',
    allows: (room, offer) => hasDisk(room, offer),
    words: ({ room, spec: { model } }, [first]) => {
      if (first) {
        const needed = bytesInWords(pullBytes(first.model) + diskKeptFreeBytes);
        return `it could fetch ${first.model.name}, but that takes ${needed} of disk, ${bytesInWords(room.diskFreeBytes)} are free`;
      }
      const [embeds] = namesIn(model).filter((wanted) => makesEmbeddings(room.node, wanted));
      if (embeds !== undefined && model.length === 1) return `${embeds} makes embeddings there, it cannot chat`;
      return `it has no ${anyOf(model)}`;
    },
    only: (subject, { model }) => {
      // Where models are named beside `auto`, the names say more.
      const named = model.filter((wanted) => wanted !== 'auto');
      return `no ${subject} has a ${anyOf(named.length > 0 ? named : model)}`;
    },
    lacking: 'without a wanted model',
    fix: { cost: () => 2, ways: ({ spec, room }) => getWanted(spec, room) },
  },
  {
    name: 'failing',
    text:
      'the model could be fetched and loaded here the last time that was tried; a failure counts for ten minutes, ' +
      'for twice as long each time it comes again',
    allows: ({ node }, { model }) => !node.failing.has(model.name),
    words: ({ room: { node } }, [first]) => node.failing.get(first?.model.name ?? '') ?? 'it failed',
    only: (subject, spec) => `${wantedIn(spec)} fails on every ${subject} that has it`,
    lacking: 'where its model fails',
    fix: {
      cost: () => 3,
      ways: ({ room: { node } }) => [
        { verb: 'mend-model', node: node.id },
        { verb: 'wait', for: 'retry', node: node.id },
      ],
    },
  },
  {
    name: 'pool',
    text: 'a dedicated agent shares its node with agents of its own model only, whichever of them came first',
    allows: isPoolFree,
    words: ({ room: { dedicated }, use }) =>
      use.isDedicated && dedicated === null
        ? 'agents with another model are there, and it needs the node for its own model'
        : `${dedicated === 'many' || dedicated === null ? 'another model' : dedicated.model.name} has the node to itself`,
    only: (subject, spec) =>
      `no ${subject} is free for ${wantedIn(spec)}: a dedicated agent shares its node with one model only`,
    lacking: 'in use by another model',
    fix: {
      cost: () => 5,
      ways: ({ spec, use, room: { node } }) =>
        use.isDedicated
          ? [editAgent('placement.pool', 'set', ['shared']), { verb: 'free-node', node: node.id }]
          : [{ ...joinMachine(spec), why: 'dedicated', node: node.id }],
    },
  },
  {
    name: 'memory',
    text:
      'weights (unless loaded) and the context of the agent fit in free memory, unloading what nobody uses; ' +
      'unknown figures count as fitting',
    allows: hasMemory,
    words: ({ room, use }, offers) => {
      const { offer, extra } = leastExtra(offers, use);
      if (extra === 0 && isCrowdedOut(room, offer))
        return `${offer.model.name} is not loaded, and agents that leave the node still have its memory`;
      // The memory of a resident model is neither extra nor available.
      const held = offer.agents === 0 && offer.creditBytes === 0 ? heldBytes(offer.model) : 0;
      const usable = bytesInWords(Math.max(0, usableBytes(room, offer) - held));
      return `${offer.model.name} would take ${bytesInWords(extra - held)} more, ${usable} are available`;
    },
    only: (subject, spec) => `no ${subject} has memory free for ${wantedIn(spec)}`,
    lacking: 'without enough free memory',
    fix: { cost: () => 5, ways: fitMemory },
  },
  {
    name: 'throughput',
    text: 'the expected tokens a minute of all its agents fit the measured speed; an unknown speed counts as fitting',
    allows: hasThroughput,
    words: ({ room, use }, [offer]) => {
      const { model, tokensPerMinute } = offer as Offer;
      const share = Math.round(bookedBy(offer as Offer, use) * 100);
      return (
        `its models are booked to ${Math.round(room.booked * 100)} %: ${numberInWords(use.tokensPerMinute)} tokens a minute ` +
        `of the ${numberInWords(tokensPerMinute)} that ${model.name} makes here are ${share} % more`
      );
    },
    only: (subject, spec) => `no ${subject} has compute left for ${wantedIn(spec)}`,
    lacking: 'booked out',
    fix: {
      cost: () => 5,
      ways: ({ spec, use, room: { node } }) => [
        editAgent('load.tokensPerMinute', 'lower', [use.tokensPerMinute]),
        { ...joinMachine(spec), why: 'booked-out', node: node.id },
      ],
    },
  },
];

/** Whether one more agent may use this model of the node. */
export function hasModelRoom(room: Room, offer: Offer, use: Use): boolean {
  for (const row of rows) if (!row.allows(room, offer, use)) return false;
  return true;
}
/** The filters in order. Each gives its reason about the models that the earlier ones left. */
export const modelFilters: readonly (Filter & Shortage)[] = rows.map((row, index) => ({
  ...row,
  words: (refused) => row.words(refused, offersLeft(refused, rows.slice(0, index))),
}));
/** The filter that leaves no wanted model; null: one may be used. */
export function modelFilterOf(candidate: Candidate): Filter | null {
  let left = wantedOffers(candidate);
  for (let index = 0; index < rows.length; index++) {
    left = narrowed(left, rows[index]!, candidate);
    if (left.length === 0) return modelFilters[index]!;
  }
  return null;
}
function offersLeft(candidate: Candidate, before: readonly ModelFilter[]): Offer[] {
  return before.reduce((left, row) => narrowed(left, row, candidate), wantedOffers(candidate));
}
function narrowed(offers: readonly Offer[], { allows }: ModelFilter, { room, use }: Candidate): Offer[] {
  return offers.filter((offer) => allows(room, offer, use));
}
function wantedOffers({ spec, room }: Pick<Candidate, 'spec' | 'room'>): Offer[] {
  const offers: Offer[] = [];
  for (const wanted of spec.model) {
    const offer = findOffer(room, wanted);
    if (offer) offers.push(offer);
  }
  return offers;
}
function leastExtra(offers: readonly Offer[], use: Use): { offer: Offer; extra: number } {
  let least: { offer: Offer; extra: number } | null = null;
  for (const offer of offers) {
    const extra = extraBytes(offer, use);
    if (!least || extra < least.extra) least = { offer, extra };
  }
  return least!;
}
function namesIn(model: AgentSpec['model']): string[] {
  return model.filter((wanted) => !isTierWish(wanted));
}
/** The models of a list, in words that follow "no": `model named a or b`, `small model`, `chat model`. */
function anyOf(model: AgentSpec['model']): string {
  if (model.includes('auto')) return 'chat model';
  const names = namesIn(model);
  const sizes = model.filter((wanted) => !names.includes(wanted));
  const sized = `${listInWords(sizes, 'or')} model`;
  if (names.length === 0) return sized;
  const named = `model named ${listInWords(names, 'or', 8)}`;
  return sizes.length === 0 ? named : `${named}, and no ${sized}`;
}
function wantedIn({ model }: AgentSpec): string {
  return listInWords(model, 'or', 8);
}

/** The amount is rounded up: a stored text must not change with every byte. */
const diskStepBytes = 100 * 1024 ** 2;
function getWanted({ model }: AgentSpec, room: Room): FixStep {
  const { node } = room;
  for (const wanted of model) {
    const offer = findOffer(room, wanted);
    if (!offer?.isPull) continue;
    const short = Math.max(0, pullBytes(offer.model) + diskKeptFreeBytes - room.diskFreeBytes);
    const bytes = Math.ceil(short / diskStepBytes) * diskStepBytes;
    return [{ verb: 'free-disk', node: node.id, bytes, model: offer.model.name }];
  }
  const names = namesIn(model);
  const named = names.find((name) => canFetch(node, name)) ?? names[0] ?? null;
  const get = getModel(node, named);
  return named !== null && node.defaultChat !== null ? [get, editAgent('model', 'set', ['auto'])] : [get];
}
/** The fix that adds the model to the node: it depends on the runtimes there. */
function getModel(supply: SupplyNode, model: string | null): Fix {
  const { id: node, models, pulls, fetchable } = supply;
  if (model !== null && makesEmbeddings(supply, model)) return editAgent('model', 'replace', [model]);
  const chats = models.filter(({ kind }) => kind === 'chat');
  if (chats.length > 0 && chats.every(({ runtime }) => runtime === 'openai' || runtime === 'cloud'))
    return { verb: 'serve-model', node, model };
  if (models.length === 0 && pulls.length === 0) return { verb: 'start-runtime', node, model };
  if (model === null) return { verb: 'pull-model', node, model: fetchable?.[0] ?? null, isAny: true };
  if (pulls.length === 0 || canFetch(supply, model)) return { verb: 'pull-model', node, model, isAny: false };
  return { verb: 'put-model-file', node, model };
}
function fitMemory({ spec, use, room }: Candidate): FixStep {
  const { id: node, memoryTotalBytes } = room.node;
  const offers = wantedOffers({ spec, room });
  const smallest = { ...use, contextTokens: 256, concurrency: 1 };
  if (offers.some((offer) => hasMemory(room, offer, smallest))) {
    const context = { ...editAgent('limits.contextTokens', 'lower', [use.contextTokens]), node };
    return use.concurrency > 1
      ? [context, { ...editAgent('concurrency', 'lower', [use.concurrency]), node }]
      : [context];
  }
  const names = offers.map(({ model }) => model.name);
  const smaller = { ...editAgent('model', 'lower', names), node };
  const least = Math.min(...offers.map((offer) => extraBytes(offer, smallest)));
  return least > memoryTotalBytes ? [smaller] : [{ verb: 'free-memory', node }, smaller];
}
