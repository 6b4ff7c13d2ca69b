// Which node answers a request: what can be asked of the fleet now, put before the rules of placement/route. In: requests, what batches touch,
// how answers ended. Out: the routes of a request. It has what only lasts for moments: lanes, conversations, failures.
import { isTierWish } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import type { Route, RouteAsk } from '../placement/route/candidate.ts';
import { passing } from '../placement/route/filters.ts';
import { route } from '../placement/route/route.ts';
import type { Touched } from '../state/touched.ts';
import type { View } from '../state/view.ts';
import { createAffinity } from './affinity.ts';
import { type Ask, estimateTokens } from './ask.ts';
import { candidateOf, laneOf } from './candidates.ts';
import { Directory, keyOf, type Place } from './directory.ts';
import { createFailing } from './failing.ts';
import { type LanePlace, Lanes, type OwnWait } from './lanes.ts';

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
  /** All that were looked at. */
  places: Place[];
}
/** The turn of a request at a place. */
export interface Turn {
  place: Place;
  route: Route;
  /** Ends it. */
  leave: () => void;
}
interface Asking {
  ask: Ask;
  who: string;
  /** Why no node that costs money may answer now; null: one may. */
  unpaid: () => string | null;
  /** Places that failed it. */
  avoid: ReadonlySet<string>;
  signal: AbortSignal;
  deadlineMs: number;
  stepAside?: () => void;
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

  /** A node that was asked at that moment answered: its model server has read the conversation now. */
  worked(ask: Ask, who: string, { row, model }: Place, askedMs: number): void {
    this.failing.worked(row.id, model, askedMs);
    this.#affinity.note(this.#keysOf(who, ask), ask, row.id, model.name);
  }

  /** Waits for its turn where it was routed, or where it would be routed later when that is free first. @throws FleetError as a lane does */
  async enter(tried: readonly Tried[], at: Place, asking: Asking): Promise<Turn> {
    const { ask, who, unpaid, avoid, ...entry } = asking;
    let chosen = { place: at, route: (tried.at(-1) as Tried).route };
    const leave = await this.lanes.enter(laneOf(at), {
      ...entry,
      who,
      wishes: () => wishesOf(tried, at),
      goesTo: ({ node, model }, own) => {
        const now = this.routes(ask, who, unpaid(), avoid, own).at(-1);
        if (now?.place?.row.id !== node || now.place.model.name !== model) return false;
        chosen = { place: now.place, route: now.route };
        return true;
      },
    });
    return { ...chosen, leave };
  }

  /** `unpaid`: why no node that costs money may answer; null: one may. Out: the routes of each model of the list, in its order, up to the first that has a node. */
  routes(ask: Ask, who: string, unpaid: string | null, avoid: ReadonlySet<string> = new Set(), own?: OwnWait): Tried[] {
    const sticky = this.#affinity.find(this.#keysOf(who, ask));
    const about = { ...aboutOf(ask), sticky, unpaid };
    const { view, clock, reserve } = this.#parts;
    const around = { view, lanes: this.lanes, own, failing: this.failing, nowMs: clock.nowMs(), reserve };
    const tried: Tried[] = [];
    for (const model of ask.models) {
      const places = this.#placesOf(ask, model, sticky?.node ?? null).filter((place) => !avoid.has(keyOf(place)));
      const candidates = places.map((place) => candidateOf(place, around));
      const found = route({ ...about, want: isTierWish(model) ? { tier: model } : { model } }, candidates);
      const chosen = found.chosen?.candidate;
      const place =
        places.find(({ row, model: own }) => row.id === chosen?.node && own.name === chosen.model.name) ?? null;
      tried.push({ model, route: found, place, places });
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

/** Where a request that waits would go, too: the better ones first, then those that could not take it at this moment. */
function wishesOf(tried: readonly Tried[], at: Place): LanePlace[] {
  const open = (tried.at(-1) as Tried).route.others.map(({ candidate: { node, model } }) => `${node} ${model.name}`);
  const closed = tried.flatMap(({ route: { refused } }) =>
    refused.filter(({ filter }) => passing.has(filter)).map(({ node, model }) => `${node} ${model}`),
  );
  const places = new Map(tried.flatMap((each) => each.places).map((place) => [keyOf(place), place]));
  const wished = new Set([...open, ...closed]);
  wished.delete(keyOf(at));
  return [...wished].flatMap((key) => places.get(key) ?? []).map(laneOf);
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
