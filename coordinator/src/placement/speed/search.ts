// The search of nodes for one group of agents: its candidates best first, opened in tiers. A tier is one wanted model, on nodes that have
// it or on nodes that could fetch it; a tier whose highest possible score cannot win is never examined.
//
// The best node is found without examining all: scores of a node do not depend on the agent, so one heap serves the whole group; room only
// shrinks while a plan is made, so a candidate without room for this kind of agent is set aside, and one without room for the smallest kind
// is dropped. The scores of an agent itself (locality, near, spread over sites) are the same for a whole site, which has its own heap where
// that matters, or concern a few nodes, which are examined one by one.

import type { Pace } from '@blackroad/std/pace';
import { reportsOf } from '../model/catalogue.ts';
import type { Company } from '../model/company.ts';
import type { Group } from '../model/groups.ts';
import { findOffer, hasThroughput, type Offer, type Use } from '../model/room.ts';
import type { Demand, PlacedFacts } from '../model/supply.ts';
import { bestChoice, type OpenFleet, roomAt } from '../plan/choose.ts';
import { hasRoom, isRuled } from '../rules/feasible.ts';
import { boundOf, factsFor, mostOf, nodeScore, partOf, setNode } from '../rules/score.ts';
import { BestFirst, isBetter } from './best-first.ts';
import type { Postings } from './postings.ts';

/** The best candidate for one agent. */
export interface Found {
  node: number;
  offer: Offer;
  rank: number;
  score: number;
}
interface Tier {
  rank: number;
  isPull: boolean;
  bound: number;
}
/** The state that the planner shares with every search. */
export interface World {
  fleet: OpenFleet;
  postings: Postings;
  pace: Pace;
  /** Nodes that took an agent, in order, and nodes that an agent left. */
  taken: number[];
  freed: number[];
  /** The number of nodes in the lists that groups keep. */
  listed: number;
  /** The bucket of each site, for groups whose scores depend on the site. */
  sites: Map<string, number>;
}

export class Search {
  readonly group: Group;
  readonly #company: Company;
  readonly #world: World;
  readonly #best = new BestFirst();
  /** Tiers that are not open yet, the highest bound last, computed for this number of fetched models. */
  #tiers: Tier[] = [];
  #pulling = -1;
  readonly #facts: PlacedFacts;
  /** Whether the nodes of a site have their own heap: the scores for the site are the same for all of them. */
  readonly #isBySite: boolean;
  readonly #least: Use;
  /** Entries without room for the present kind of agent, but perhaps for a smaller one. */
  #aside: number[] = [];
  /** Entries that only lack compute, with the tokens a minute that each has left: loads differ more than contexts do. */
  #booked: number[] = [];
  #left: number[] = [];
  #use: Use | null = null;
  #taken: number;
  #freed: number;

  constructor(world: World, group: Group) {
    const { fleet } = world;
    const { spread } = group.spec.placement;
    this.group = group;
    this.#company = fleet.companies.of(group.space);
    this.#world = world;
    this.#facts = factsFor(fleet.strategy);
    this.#facts.group = spread?.group ?? null;
    this.#isBySite = spread?.over === 'site' || group.isNear;
    this.#least = { ...group.least };
    this.#taken = world.taken.length;
    this.#freed = world.freed.length;
    this.#tiers = group.spec.model.flatMap((_, rank) => [false, true].map((isPull) => ({ rank, isPull, bound: 0 })));
  }
  get size(): number {
    return this.#best.size;
  }

  /** Whether the candidates are still complete: agents that yielded since may need less than all before, or have `nearAgents`. */
  isUsable(): boolean {
    const { least, isNear } = this.group;
    if (isNear && !this.#isBySite) return false;
    return (
      least.contextTokens >= this.#least.contextTokens &&
      least.concurrency >= this.#least.concurrency &&
      least.tokensPerMinute >= this.#least.tokensPerMinute
    );
  }
  /** Updates the candidates after other groups were placed. */
  *catchUp(): Generator<void> {
    const { taken, pace } = this.#world;
    if (taken.length - this.#taken > this.#best.size) {
      for (let entry = 0; entry < this.#best.size; entry++) {
        if (this.#best.isIn(entry)) this.#refresh(entry);
        if (pace.spends(0.5)) yield;
      }
    } else {
      for (let at = this.#taken; at < taken.length; at++) {
        this.tookAt(taken[at]!);
        if (pace.spends(1)) yield;
      }
    }
    this.#taken = taken.length;
    this.freedUp();
  }
  /** Ends the turn of the group: all nodes taken since its begin were taken by itself, and are updated already. */
  rest(): void {
    this.#taken = this.#world.taken.length;
  }
  tookAt(node: number): void {
    this.#best.of(node, this.#refreshIn);
  }
  freedUp(): void {
    const { freed } = this.#world;
    for (; this.#freed < freed.length; this.#freed++) {
      this.#best.of(freed[this.#freed]!, (entry) => this.#refresh(entry));
    }
  }
  /** Returns candidates to the heap that were set aside and may fit the next kind, which needs less. */
  *reconsider(use: Use): Generator<void> {
    const { pace } = this.#world;
    const before = this.#use;
    this.#use = use;
    const isOther =
      before?.contextTokens !== use.contextTokens ||
      before.concurrency !== use.concurrency ||
      before.isDedicated !== use.isDedicated;
    const aside = isOther ? this.#aside : [];
    if (isOther) this.#aside = [];
    for (const entry of aside) {
      this.#refresh(entry);
      if (pace.spends(0.7)) yield;
    }
    let kept = 0;
    for (let i = 0; i < this.#booked.length; i++) {
      const [entry, left] = [this.#booked[i]!, this.#left[i]!];
      // With a small tolerance: the check of the room decides the cases of rounding.
      if (use.tokensPerMinute <= left * (1 + 1e-9)) {
        this.#refresh(entry);
        if (pace.spends(0.7)) yield;
      } else {
        this.#booked[kept] = entry;
        this.#left[kept++] = left;
      }
    }
    this.#booked.length = kept;
    this.#left.length = kept;
    if (pace.spends(0.002 * kept)) yield;
  }
  #setAside(entry: number, use: Use): void {
    const offer = this.#best.offers[entry]!;
    const room = roomAt(this.#world.fleet, this.#best.nodes[entry]!);
    if (!hasRoom(room, offer, this.#least)) return;
    if (hasThroughput(room, offer, use)) this.#aside.push(entry);
    else {
      this.#booked.push(entry);
      this.#left.push((1 - room.booked) * offer.tokensPerMinute);
      // The entry may lack memory too: it returns when its compute is enough, and is set aside again.
    }
  }

  *find(demand: Demand, use: Use): Generator<void, Found | null> {
    for (;;) {
      let found = this.#seek(demand, use);
      while (found === undefined) {
        yield;
        found = this.#seek(demand, use);
      }
      const next = this.#nextTier();
      if (!next || (found && found.score > next.bound + this.#mostForSite())) return found;
      this.#tiers.pop();
      yield* this.#open(next);
    }
  }

  #nextTier(): Tier | undefined {
    const { strategy, pulling, catalogue } = this.#world.fleet;
    if (this.#pulling !== pulling.size) {
      this.#pulling = pulling.size;
      const { spec } = this.group;
      const ofSpread = spec.placement.spread?.over === 'node' ? mostOf('spread', strategy) : 0;
      for (const tier of this.#tiers) {
        const models = [...reportsOf(catalogue, spec.model[tier.rank]!).values()];
        const isFetched = tier.isPull && !models.some(({ name }) => pulling.has(name));
        tier.bound = boundOf(strategy, tier.rank, isFetched) + ofSpread;
      }
      this.#tiers.sort((a, b) => a.bound - b.bound);
    }
    return this.#tiers[this.#tiers.length - 1];
  }

  /** The best candidate in the open tiers; undefined: the search pauses and must be called again. */
  #seek(demand: Demand, use: Use): Found | null | undefined {
    const { fleet, pace } = this.#world;
    const conflicts = fleet.companies.conflictsOf(demand);
    let best: Found | null = this.#special(demand, use);
    const passed: number[] = [];
    let isPausing = false;
    const entries = this.#best;
    for (let bucket = 0; bucket < entries.buckets && !isPausing; bucket++) {
      let top = entries.top(bucket);
      const extra = this.#isBySite && top !== undefined ? this.#ofSite(demand, entries.nodes[top]!) : 0;
      for (; top !== undefined; top = entries.top(bucket)) {
        const node = entries.nodes[top]!;
        const offer = entries.offers[top]!;
        const room = roomAt(fleet, node);
        if (hasRoom(room, offer, use)) {
          if (conflicts.size === 0 || !conflicts.has(room.node.id)) {
            const found = { node, offer, rank: entries.ranks[top]!, score: entries.scores[top]! + extra };
            if (!best || isBetter(found, best)) best = found;
            break;
          }
          // The entry is put back at the end of the call: after a pause at this place the search would find it again.
          passed.push(top);
          entries.drop(top);
          continue;
        }
        this.#setAside(top, use);
        entries.drop(top);
        isPausing = pace.spends(0.5);
        if (isPausing) break;
      }
    }
    for (const entry of passed) entries.put(entry);
    return isPausing ? undefined : best;
  }
  /** The best of the few nodes with scores for this agent alone: its last node, and the nodes of its `nearAgents`. */
  #special(demand: Demand, use: Use): Found | null {
    const { fleet } = this.#world;
    const { spec, last } = demand;
    let best: Found | null = null;
    const ask = (id: string) => {
      const node = fleet.indexOf.get(id);
      const choice = node === undefined ? null : bestChoice(fleet, demand, roomAt(fleet, node), use);
      if (!choice) return;
      const found = { node: node!, offer: choice.offer, rank: choice.facts.rank, score: choice.score };
      if (!best || isBetter(found, best)) best = found;
    };
    if (last !== null) ask(last);
    if (spec.placement.nearAgents?.length) for (const { id } of this.#company.nearOf(spec)) ask(id);
    return best;
  }
  /** The score of this node's site for this agent. */
  #ofSite({ spec }: Demand, index: number): number {
    const { fleet } = this.#world;
    const facts = this.#facts;
    const { site } = fleet.nodes[index]!;
    const { spread } = spec.placement;
    let sum = 0;
    if (spread?.over === 'site') {
      facts.together = this.#company.together(spread.group, 'site', fleet.nodes[index]!);
      sum += partOf('spread', facts);
    }
    if (spec.placement.nearAgents?.length) {
      facts.nearness = this.#company.nearOf(spec).some((node) => node.site === site) ? 0.5 : 0;
      sum += partOf('near', facts);
    }
    return sum;
  }
  #mostForSite(): number {
    if (!this.#isBySite) return 0;
    const { strategy } = this.#world.fleet;
    return mostOf('near', strategy) + mostOf('spread', strategy);
  }

  *#open({ rank, isPull }: Tier): Generator<void> {
    const { fleet, pace } = this.#world;
    const list = yield* nodesFor(this.#world, this.group, rank, isPull);
    const entries = this.#best;
    entries.open(list.length);
    for (const node of list) {
      const offer = findOffer(roomAt(fleet, node), this.group.spec.model[rank]!)!;
      this.#refresh(entries.add(node, offer, rank, this.#bucketOf(fleet.nodes[node]!.site)));
      if (pace.spends(1)) yield;
    }
  }
  #bucketOf(site: string): number {
    if (!this.#isBySite) return 0;
    const { sites } = this.#world;
    const bucket = sites.get(site) ?? sites.size;
    sites.set(site, bucket);
    return bucket;
  }
  readonly #refreshIn = (entry: number): void => {
    if (this.#best.isIn(entry)) this.#refresh(entry);
  };
  #refresh(entry: number): void {
    const { fleet } = this.#world;
    const { spread } = this.group.spec.placement;
    const { nodes, ranks, offers, scores } = this.#best;
    const room = roomAt(fleet, nodes[entry]!);
    const rank = ranks[entry]!;
    setNode(this.#facts, room, offers[entry]!, { rank, wanted: this.group.spec.model[rank]! });
    let score = nodeScore(this.#facts);
    if (spread?.over === 'node') {
      this.#facts.together = this.#company.together(spread.group, 'node', room.node);
      score += partOf('spread', this.#facts);
    }
    scores[entry] = score;
    this.#best.put(entry);
  }
}

/** The open nodes within the rules of a group that have, or could fetch, one of its models; in order, searched once. */
export function* nodesFor(
  world: World,
  group: Group,
  rank: number,
  isPull: boolean,
): Generator<void, readonly number[] | Int32Array> {
  const { fleet, postings, pace } = world;
  const known = isPull ? undefined : group.having[rank];
  if (known) return known;
  const { spec } = group;
  const wanted = spec.model[rank]!;
  const rules = yield* postings.ofRules(spec);
  const having = isPull
    ? yield* postings.ofAllPulls([...reportsOf(fleet.catalogue, wanted).keys()])
    : yield* postings.ofModel(wanted);
  const isByModel = having.length <= rules.length;
  const found: number[] = [];
  for (const node of isByModel ? having : rules) {
    if (pace.spends(0.3)) yield;
    const supply = fleet.nodes[node]!;
    if (supply.closed !== null || !isRuled(spec, supply)) continue;
    if (isPull || !isByModel) {
      const offer = findOffer(roomAt(fleet, node), wanted);
      if (!offer || offer.isPull !== isPull) continue;
    }
    found.push(node);
  }
  if (isPull || world.listed + found.length > maxListed) return found;
  world.listed += found.length;
  const list = Int32Array.from(found);
  group.having[rank] = list;
  return list;
}
/** The number of nodes in lists that are kept; beyond it they are searched anew. */
const maxListed = 5_000_000;
