// One group of agents looking for nodes: its candidates best first, opened in tiers. A tier is one wanted model, on nodes
// that have it or on nodes that could fetch it; a tier whose best possible score cannot win is never looked at.
//
// Why the best is found without looking at all: scores of the node do not depend on the agent, so one heap serves the
// whole group; room only shrinks while a plan is made, so what has no room for this kind of agent is set aside, and what
// has none for the smallest is dropped. What an agent adds for itself (locality, near, spread over sites) is the same for
// a whole site, which has a heap of its own where that matters, or concerns a few nodes, which are asked one by one.

import { reportsOf } from '../model/catalogue.ts';
import type { Company } from '../model/company.ts';
import type { Group } from '../model/groups.ts';
import type { Pace } from '../model/pace.ts';
import { findOffer, hasThroughput, type Offer, type Use } from '../model/room.ts';
import type { Demand, PlacedFacts } from '../model/supply.ts';
import { hasRoom, isRuled } from '../rules/feasible.ts';
import { boundOf, factsFor, mostOf, nodeScore, partOf, setNode } from '../rules/score.ts';
import { BestFirst, isBetter } from './best-first.ts';
import { bestChoice, type OpenFleet, roomAt } from './choose.ts';
import type { Postings } from './postings.ts';

/** The best there is for one agent. */
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
/** What the planner shares with every search. */
export interface World {
  fleet: OpenFleet;
  postings: Postings;
  pace: Pace;
  /** Nodes that took an agent, in order, and nodes that an agent was sent away from. */
  taken: number[];
  freed: number[];
  /** Nodes in the lists that groups keep. */
  listed: number;
  /** The bucket of each site, for groups that mind sites. */
  sites: Map<string, number>;
}

export class Search {
  readonly group: Group;
  readonly #company: Company;
  readonly #world: World;
  readonly #best = new BestFirst();
  /** Not looked at yet, the most promising last, as far as was known when so many models were being fetched. */
  #tiers: Tier[] = [];
  #pulling = -1;
  readonly #facts: PlacedFacts;
  /** Nodes of a site in a heap of their own: what it adds for the site is the same for all of them. */
  readonly #isBySite: boolean;
  readonly #least: Use;
  /** No room for the present kind of agent, but perhaps for a smaller one. */
  #aside: number[] = [];
  /** The same for compute alone, and the tokens a minute each has left: loads differ more finely than contexts do. */
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

  /** Whether it still knows all it needs: those who gave way since may ask less than all before, or want to be near others. */
  isUsable(): boolean {
    const { least, isNear } = this.group;
    if (isNear && !this.#isBySite) return false;
    return (
      least.contextTokens >= this.#least.contextTokens &&
      least.concurrency >= this.#least.concurrency &&
      least.tokensPerMinute >= this.#least.tokensPerMinute
    );
  }
  /** Learns what happened to its nodes while other groups were placed. */
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
  /** All that was taken since is this group's own doing, and was noticed at once. */
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
  /** The next kind asks less: what was set aside may do. */
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
      // A hair more than is left: rounding decides when it is looked at.
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
      // Short of memory too, perhaps: it comes back when its compute does, and is set aside again.
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

  /** The best in the open tiers; undefined: time for a pause, call again. */
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
          // Put back below: a pause here would find the same again.
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
  /** The few nodes that mean something to this agent alone: where it was, and where those are that it wants near. */
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
  /** What the site of this node adds for this agent. */
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
    setNode(this.#facts, room, offers[entry]!, ranks[entry]!);
    let score = nodeScore(this.#facts);
    if (spread?.over === 'node') {
      this.#facts.together = this.#company.together(spread.group, 'node', room.node);
      score += partOf('spread', this.#facts);
    }
    scores[entry] = score;
    this.#best.put(entry);
  }
}

/** The open nodes within the rules of a group that have, or could fetch, one of its models; in order, found once. */
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
/** Lists of nodes kept for later; beyond it they are found anew. */
const maxListed = 5_000_000;
