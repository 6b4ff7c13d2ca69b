// Which node answers a request: what can be asked of the fleet now, put before the rules of placement/route. In: requests, what batches touch,
// how answers ended. Out: the routes of a request. It has what only lasts for moments: lanes, conversations, failures.
import { isTierWish } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import type { Route, RouteAsk } from '../placement/route/candidate.ts';
import { route } from '../placement/route/route.ts';
import type { Touched } from '../state/touched.ts';
import type { View } from '../state/view.ts';
import { createAffinity } from './affinity.ts';
import { type Ask, estimateTokens } from './ask.ts';
import { candidateOf } from './candidates.ts';
import { Directory, keyOf, type Place } from './directory.ts';
import { createFailing } from './failing.ts';
import { Lanes } from './lanes.ts';

interface RouterParts {
  view: View;
  clock: Clock;
  random: Random;
  /** The share of a model's slots that is kept for larger models of its node. */
  reserve: number;
}
export interface Tried {
  /** Of the list of the request. */
  model: string;
  route: Route;
  /** Null: no node can answer with it now. */
  place: Place | null;
}

/** Assumed of an answer whose length is not limited. */
const usualAnswerTokens = 300;

export class Router {
  readonly directory: Directory;
  readonly lanes: Lanes;
  readonly failing: ReturnType<typeof createFailing>;
  readonly #affinity: ReturnType<typeof createAffinity>;
  readonly #parts: RouterParts;
  /** The keys of a conversation are computed once: it may be long. */
  readonly #keys = new WeakMap<Ask, string[]>();

  constructor(parts: RouterParts) {
    this.#parts = parts;
    this.directory = new Directory(parts.view);
    this.lanes = new Lanes(parts.clock);
    this.failing = createFailing(parts.clock, parts.random);
    this.#affinity = createAffinity(parts.clock);
  }

  /** What a batch changed. */
  note({ nodes }: Pick<Touched, 'nodes'>): void {
    const { view } = this.#parts;
    for (const node of nodes) {
      this.directory.note(node);
      if (view.nodes.get(node)?.presence === 'online')
        this.lanes.heard(node, view.live.get(node)?.health?.models ?? []);
      else this.lanes.close(node);
    }
  }

  /** A node answered: its model server has read the conversation now. */
  worked(ask: Ask, who: string, { row, model }: Place): void {
    this.failing.worked(row.id, model);
    this.#affinity.note(this.#keysOf(who, ask), ask, row.id, model.name);
  }

  /** `unpaid`: why no node that costs money may answer; null: one may. Out: the routes of each model of the list, in its order, up to the first that has a node. */
  routes(ask: Ask, who: string, unpaid: string | null, avoid: ReadonlySet<string> = new Set()): Tried[] {
    const sticky = this.#affinity.find(this.#keysOf(who, ask));
    const about = { ...aboutOf(ask), sticky, unpaid };
    const { view, clock, reserve } = this.#parts;
    const around = { view, lanes: this.lanes, failing: this.failing, nowMs: clock.nowMs(), reserve };
    const tried: Tried[] = [];
    for (const model of ask.models) {
      const places = this.#placesOf(ask, model, sticky?.node ?? null).filter((place) => !avoid.has(keyOf(place)));
      const candidates = places.map((place) => candidateOf(place, around));
      const found = route({ ...about, want: isTierWish(model) ? { tier: model } : { model } }, candidates);
      const chosen = found.chosen?.candidate;
      const place =
        places.find(({ row, model: own }) => row.id === chosen?.node && own.name === chosen.model.name) ?? null;
      tried.push({ model, route: found, place });
      if (place) break;
    }
    return tried;
  }

  #keysOf(who: string, ask: Ask): string[] {
    const keys = this.#keys.get(ask) ?? this.#affinity.keysOf(who, ask);
    this.#keys.set(ask, keys);
    return keys;
  }

  #placesOf({ request }: Ask, model: string, also: string | null): Place[] {
    if (!isTierWish(model)) return this.directory.named(model, also);
    return this.directory.ofTier(model, request.kind === 'embed' ? 'embed' : 'chat', also);
  }
}

/** What the request asks of any model. */
function aboutOf({ request }: Ask): Omit<RouteAsk, 'want' | 'sticky' | 'unpaid'> {
  return {
    kind: request.kind === 'embed' ? 'embed' : 'chat',
    promptTokens: estimateTokens(request),
    answerTokens: Math.min(request.maxTokens ?? usualAnswerTokens, usualAnswerTokens * 4),
    tools: (request.tools?.length ?? 0) > 0 && request.toolChoice !== 'none',
    sees: request.messages?.some(({ images }) => images?.length) ?? false,
  };
}
