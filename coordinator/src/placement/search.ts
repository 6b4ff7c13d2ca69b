// One group of agents looking for nodes: its candidates best first, opened in tiers. A tier is one wanted model, on nodes
// that have it or on nodes that could fetch it; a tier whose best possible score cannot win is never looked at.
//
// Why the best is found without looking at all: scores of the node do not depend on the agent, so one heap serves the
// whole group; room only shrinks while a plan is made, so what has no room for this kind of agent is set aside, and what
// has none for the smallest is dropped. What an agent adds for itself (locality, near, spread over sites) is the same for
// a whole site, which has a heap of its own where that matters, or concerns a few nodes, which are asked one by one.
import { BestFirst, type Entry, isBetter } from './best-first.ts';
import { bestChoice, type OpenFleet, roomAt } from './choose.ts';
import { hasRoom, isRuled } from './feasible.ts';
import type { Group } from './groups.ts';
import type { Pace } from './pace.ts';
import type { Postings } from './postings.ts';
import { findOffer, type Offer, type Use } from './room.ts';
import { boundOf, factsFor, mostOf, nodeScore, partOf, setNode } from './score.ts';
import type { Demand, PlacedFacts } from './supply.ts';

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
  /** The bucket of each site, for groups that mind sites. */
  sites: Map<string, number>;
}

export class Search {
  readonly group: Group;
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
  #aside: Entry[] = [];
  #taken: number;
  #freed: number;

  constructor(world: World, group: Group) {
    const { fleet } = world;
    const { spread } = group.spec.placement;
    this.group = group;
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
      for (const entry of this.#best.all()) {
        if (entry.at >= 0) this.#refresh(entry);
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
    for (const entry of this.#best.of(node)) if (entry.at >= 0) this.#refresh(entry);
  }
  freedUp(): void {
    const { freed } = this.#world;
    for (; this.#freed < freed.length; this.#freed++) {
      for (const entry of this.#best.of(freed[this.#freed]!)) this.#refresh(entry);
    }
  }
  /** The next kind asks less: what was set aside may do. */
  *reconsider(): Generator<void> {
    const aside = this.#aside;
    this.#aside = [];
    for (const entry of aside) {
      this.#refresh(entry);
      if (this.#world.pace.spends(0.7)) yield;
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
        const models = [...(catalogue.get(spec.model[tier.rank]!)?.values() ?? [])];
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
    const conflicts = fleet.company.conflictsOf(demand.spec.name);
    let best: Found | null = this.#special(demand, use);
    const passed: Entry[] = [];
    let isPausing = false;
    for (let bucket = 0; bucket < this.#best.buckets && !isPausing; bucket++) {
      const extra = this.#isBySite && this.#best.top(bucket) ? this.#ofSite(demand, this.#best.top(bucket)!.node) : 0;
      for (let top = this.#best.top(bucket); top; top = this.#best.top(bucket)) {
        const room = roomAt(fleet, top.node);
        if (hasRoom(room, top.offer, use)) {
          if (conflicts.size === 0 || !conflicts.has(room.node.id)) {
            const { node, offer, rank } = top;
            const found = { node, offer, rank, score: top.score + extra };
            if (!best || isBetter(found, best)) best = found;
            break;
          }
          // Put back below: a pause here would find the same again.
          passed.push(top);
          this.#best.drop(top);
          continue;
        }
        if (hasRoom(room, top.offer, this.#least)) this.#aside.push(top);
        this.#best.drop(top);
        isPausing = pace.spends(0.5);
        if (isPausing) break;
      }
    }
    for (const entry of passed) this.#best.put(entry);
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
    if (spec.placement.nearAgents?.length) for (const { id } of fleet.company.nearOf(spec)) ask(id);
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
      facts.together = fleet.company.together(spread.group, 'site', fleet.nodes[index]!);
      sum += partOf('spread', facts);
    }
    if (spec.placement.nearAgents?.length) {
      facts.nearness = fleet.company.nearOf(spec).some((node) => node.site === site) ? 0.5 : 0;
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
    const { fleet, postings, pace } = this.#world;
    const { spec } = this.group;
    const wanted = spec.model[rank]!;
    let list = yield* postings.ofRules(spec);
    if (isPull) {
      const runtimes = [...(fleet.catalogue.get(wanted)?.keys() ?? [])];
      const lists: (readonly number[])[] = [];
      for (const runtime of runtimes) lists.push(yield* postings.ofPulls(runtime));
      if (lists.reduce((sum, each) => sum + each.length, 0) < list.length) {
        list = [...new Set(lists.flat())].sort((a, b) => a - b);
      }
    } else {
      const having = yield* postings.ofModel(wanted);
      if (having.length < list.length) list = having;
    }
    const entries: Entry[] = [];
    for (const node of list) {
      if (pace.spends(0.3)) yield;
      const supply = fleet.nodes[node]!;
      if (supply.closed !== null || !isRuled(spec, supply)) continue;
      const offer = findOffer(roomAt(fleet, node), wanted);
      if (!offer || offer.isPull !== isPull) continue;
      entries.push({ node, offer, rank, score: 0, bucket: this.#bucketOf(supply.site), at: -1 });
      if (pace.spends(1)) yield;
    }
    this.#best.open(entries);
    for (const entry of entries) {
      this.#refresh(entry);
      if (pace.spends(0.5)) yield;
    }
  }
  #bucketOf(site: string): number {
    if (!this.#isBySite) return 0;
    const { sites } = this.#world;
    const bucket = sites.get(site) ?? sites.size;
    sites.set(site, bucket);
    return bucket;
  }
  #refresh(entry: Entry): void {
    const { fleet } = this.#world;
    const { spread } = this.group.spec.placement;
    const room = roomAt(fleet, entry.node);
    setNode(this.#facts, room, entry.offer, entry.rank);
    entry.score = nodeScore(this.#facts);
    if (spread?.over === 'node') {
      this.#facts.together = fleet.company.together(spread.group, 'node', room.node);
      entry.score += partOf('spread', this.#facts);
    }
    this.#best.put(entry);
  }
}
