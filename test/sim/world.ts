// One simulated fleet from one seed: the coordinator's machine, the nodes' machines, the network between them, people, faults and checkers.
// A safety phase with faults, then everything is healed and must come to rest. The first broken claim ends the world.

import { createHash } from 'node:crypto';
import { type Decoded, decode, FleetError, type MemoryEntry, proofFreshMs } from '@blackroad/protocol';
import { type Random, seededRandom } from '@blackroad/std/random';
import type { BusMessage } from '../../coordinator/src/bus/bus.ts';
import { compiledCheck } from '../../coordinator/src/http/compiled-check.ts';
import type { DurableChange } from '../../coordinator/src/state/change.ts';
import type { Outcome } from '../../coordinator/src/state/decision.ts';
import type { Answer, InputKind, Inputs } from '../../coordinator/src/state/input.ts';
import type { SimulatedProfile } from '../../node-agent/src/probes/simulated.ts';
import type { Checker } from './checker.ts';
import { checkers } from './checkers/all.ts';
import { restlessOf } from './checkers/rest.ts';
import { Clients, requests } from './clients.ts';
import { CoordinatorHost } from './coordinator-host.ts';
import type { SimulatedDisk } from './disk.ts';
import { faults } from './faults.ts';
import { drawKnobs, type Knobs, someOf } from './knobs.ts';
import { Ledger } from './ledger.ts';
import { type CertificateLife, Machine, type MachineOptions, type MachineWorld, type RenewalAsked } from './machine.ts';
import { Network } from './network.ts';
import { actions, applySpec, erasures, type Happening, specOf } from './people.ts';
import { people } from './people-principal.ts';
import { Timeline } from './timeline.ts';
import { watchedLog } from './watched-log.ts';

export interface Broken {
  checker: string;
  text: string;
  atMs: number;
}
export interface Played {
  seed: number;
  broken: Broken | null;
  virtualMs: number;
  events: number;
  hash: string;
  faults: Record<string, number>;
  actions: Record<string, number>;
  exercised: Record<string, number>;
  trace: string[];
}

/** Later than the code, so that no node counts its clock as wrong. */
const bornMs = 1_800_000_000_000;
const settleMs = 30_000;
/** Worlds in which memories are erased. */
const erasingShare = 0.35;
/** The worlds in which programs ask models. The others stay as they are: what was found in them is found in them again. */
const clientShare = 0.3;
const lookMs = 1_000;
/**
 * The time after the last fault within which the fleet must be at rest: a model that hangs at its load is cancelled after ten minutes, and
 * tried again.
 */
const restWithinMs = 900_000;
const kept = 4_000;
const profiles: readonly SimulatedProfile[] = ['pi5', 'pi5', 'pi5', 'pi4', 'pi4', 'cpu', 'gpu', 'zero2'];

/** What a test says of its world in place of the seed. */
export interface Given {
  hasClients?: boolean;
  machines?: readonly Pick<MachineOptions, 'name' | 'profile' | 'models' | 'failureRate'>[];
}

export class World implements MachineWorld {
  readonly seed: number;
  readonly timeline = new Timeline();
  readonly network: Network;
  readonly host: CoordinatorHost;
  readonly machines: Machine[] = [];
  readonly disks = new Set<SimulatedDisk>();
  readonly knobs: Knobs;
  /** Tasks that were answered as accepted. */
  readonly accepted = new Set<string>();
  /** Nodes under whose name a copied card has connected. */
  readonly cloned = new Set<string>();
  /** The node and the agent of forged memories. */
  readonly forged = new Set<string>();
  /** The last memories that a node sent, by agent. */
  readonly batches = new Map<string, readonly MemoryEntry[]>();
  readonly stored = new Ledger();
  /** Programs that ask models; null: this world has none. */
  readonly clients: Clients | null;
  readonly counts = { faults: {} as Record<string, number>, actions: {} as Record<string, number> };
  broken: Broken | null = null;
  /** Whether the network loses more heartbeats than the bounds allow. */
  isStormy = false;
  readonly #checkers: Checker[];
  readonly #trace: string[] = [];
  readonly #hash = createHash('sha256');
  /** Whether people also end cordons and drains; in the other worlds these stay. */
  readonly #isTidy: boolean;
  #phase: 'start' | 'faults' | 'heal' = 'start';
  readonly #heals = new Set<() => void>();

  /** What is not given is as the seed says. */
  constructor(seed: number, given: Given = {}) {
    this.seed = seed;
    const random = this.chance('world');
    const between = (low: number, high: number) => low + random.next() * (high - low);
    this.knobs = drawKnobs(this.chance('knobs'));
    this.#isTidy = this.chance('tidy').next() < 0.5;
    this.network = new Network(
      this.timeline,
      this.chance('network'),
      {
        latencyMs: between(0.5, 30),
        dropRate: random.next() < 0.5 ? 0 : between(0, 0.05),
        repeatRate: random.next() < 0.5 ? 0 : between(0, 0.1),
        reorders: random.next() < 0.25,
      },
      {
        fromNode: (machine, message) => this.#said(machine, message),
        toNode: (machine, _node, message) => this.#delivered(machine, message),
        toCoordinator: (topic, payload, node) => this.#heard(topic, payload, node),
        connection: (machine, text) => this.trace(machine, text),
        admitted: (connection) => {
          for (const checker of this.#checkers) checker.admitted?.(connection);
        },
      },
    );
    const log = watchedLog({
      trouble: () => (this.host.storesNothing ? 'the disk of the coordinator is full' : null),
      broke: (text) => this.broke('log', `coordinator: ${text}`),
      trace: (text) => this.trace('coordinator', text),
    });
    this.host = new CoordinatorHost({
      timeline: this.timeline,
      network: this.network,
      knobs: this.knobs,
      seed: seed * 31 + 1,
      diskMs: (random.next() < 0.3 ? 0 : between(0, 8)) + this.knobs.slowDiskMs,
      watch: {
        trace: (who, what) => this.trace(who, what),
        wallMs: () => this.wallMs(),
        committed: (changes) => this.#committed(changes),
        told: (messages) => this.#told(messages),
        started: (coordinator) => {
          for (const checker of this.#checkers) checker.started?.(coordinator);
          if (this.host.clock) this.clients?.serve(coordinator, this.host.clock);
        },
        failed: (error) => this.broke('coordinator', error.stack ?? error.message),
        ended: () => {
          this.clients?.cut();
          this.timeline.after(between(300, 15_000), () => this.host.start());
        },
        log,
      },
    });
    this.clients =
      (given.hasClients ?? this.chance('clients').next() < clientShare)
        ? new Clients(this, {
            ended: (asked) => {
              for (const checker of this.#checkers) checker.requestEnded?.(asked);
            },
            began: (run) => {
              for (const checker of this.#checkers) checker.workBegan?.(run);
            },
            log,
          })
        : null;
    const count = given.machines?.length ?? 3 + Math.floor(random.next() * 6);
    const sites = ['garage', 'attic', 'shed'].slice(0, 1 + Math.floor(random.next() * 3));
    for (let i = 0; i < count; i++) {
      this.machines.push(
        new Machine(this, {
          name: `m${i}`,
          // The first two machines run models in every world.
          profile: i < 2 ? 'pi5' : (profiles[Math.floor(random.next() * profiles.length)] as SimulatedProfile),
          site: sites[i % sites.length] as string,
          seed: seed * 100 + i,
          keepaliveS: 5 + Math.floor(random.next() * 25),
          ...given.machines?.[i],
        }),
      );
    }
    const watched = {
      world: this,
      stored: this.stored,
      broke: (name: string, text: string) => this.broke(name, text),
    };
    this.#checkers = checkers.map((make) => make(watched));
  }

  /** A source of chance for each part, so that one more draw in one part does not change the others. */
  chance(name: string): Random {
    const digest = createHash('sha256').update(`${this.seed} ${name}`).digest();
    return seededRandom(digest.readUInt32LE(0));
  }
  wallMs(): number {
    return bornMs + this.timeline.nowMs;
  }
  trace(who: string, what: string): void {
    const line = `${(this.timeline.nowMs / 1000).toFixed(3).padStart(9)} ${who.padEnd(12)} ${what}`;
    this.#trace.push(line);
    if (this.#trace.length >= 2 * kept) this.#hashed(kept);
  }
  /** Adds all but the last lines to the hash and removes them. */
  #hashed(left: number): void {
    const over = this.#trace.splice(0, this.#trace.length - left);
    this.#hash.update(over.join(''));
  }
  broke(checker: string, text: string): void {
    if (this.broken) return;
    this.broken = { checker, text, atMs: this.timeline.nowMs };
    this.trace('BROKEN', `[${checker}] ${text}`);
  }
  crashed(machine: Machine, error: Error): void {
    this.trace(machine.name, `crashes: ${error.message}`);
    const isOfItsDisk = machine.disk.isTroubled && 'code' in error && String(error.code).startsWith('SQLITE_');
    if (!isOfItsDisk) this.broke('node', `${machine.name}: ${error.stack}`);
  }
  asked(machine: Machine, prompt: string): void {
    for (const checker of this.#checkers) checker.asked?.(prompt, machine);
  }
  exchanging(machine: Machine): void {
    for (const checker of this.#checkers) checker.exchanging?.(machine);
  }
  sentAway(machine: Machine, reason: string): void {
    this.trace(machine.name, `is sent away: ${reason}`);
    machine.isOut = true;
    void machine.stop();
  }
  get isHealing(): boolean {
    return this.#phase === 'heal';
  }

  /** Sends a request of a person or a program; null: no coordinator ran, or it died before it answered. */
  ask<K extends InputKind>(
    kind: K,
    input: Inputs[K],
    answered: (outcome: Outcome<Answer<K>>) => void = () => {},
  ): void {
    const { coordinator, clock } = this.host;
    if (!coordinator || !clock || clock.paused) return;
    coordinator.submit(kind, input).then(
      (outcome) => {
        if (!clock.alive) return;
        this.trace('people', `${kind}: ${outcome.ok ? 'ok' : outcome.code}`);
        answered(outcome);
      },
      () => {},
    );
  }
  /** Enrols a machine (anew), by the same decision as the API. */
  enrol(machine: Machine, done: () => void = () => machine.boot()): void {
    const token = `t${this.timeline.fired}-${machine.name}`;
    const secretHash = token.padEnd(64, '0');
    const request = { uses: 1, expiresSeconds: 600, site: machine.options.site };
    this.ask('token-create', { by: people, id: token, secretHash, request });
    const keyFingerprint = machine.newKey();
    this.ask(
      'enrol',
      {
        tokenId: token,
        secretHash,
        hardware: machine.hardware,
        machine: machine.hardware,
        keyFingerprint,
        class: machine.nodeClass,
        name: machine.name,
        // Placement treats these machines as real ones.
        simulated: false,
        suffixes: ['2', '3', '4'],
        certificateExpiresMs: this.host.wallMs() + this.host.policy.certificateMs,
      },
      (outcome) => {
        if (!outcome.ok) return;
        machine.isOut = false;
        const { node, site, certificateExpiresMs: expiresMs } = outcome.value;
        machine.becomes(node, site, { issuedMs: this.host.wallMs(), expiresMs });
        done();
      },
    );
  }
  /** Renews a certificate by the same decision as the API. */
  async renewed({ node, keyFingerprint, hardware, atMs }: RenewalAsked): Promise<CertificateLife> {
    const { coordinator, clock, policy } = this.host;
    if (!coordinator || !clock) throw new FleetError('no-coordinator');
    const isProven = atMs !== null && Math.abs(clock.nowMs() - atMs) <= proofFreshMs;
    const outcome = await coordinator.submit('renew', {
      node,
      keyFingerprint,
      hardware,
      ...(atMs === null ? {} : { machine: hardware }),
      certificateExpiresMs: clock.nowMs() + policy.certificateMs,
      ...(isProven ? {} : { unproven: true as const }),
    });
    if (!outcome.ok) throw new FleetError(outcome.code, outcome.details);
    return { issuedMs: clock.nowMs(), expiresMs: outcome.value.certificateExpiresMs };
  }
  /** A fault that lasts: `heal` runs after `ms`, and at the latest when everything is healed. */
  lasting(ms: number, heal: () => void): void {
    let over = false;
    const end = () => {
      if (over) return;
      over = true;
      this.#heals.delete(end);
      heal();
    };
    this.#heals.add(end);
    this.timeline.after(ms, end);
  }

  /** Plays the world. A fault of the harness, or of code outside of a process, breaks the world like any other. */
  async play(): Promise<Played> {
    try {
      await this.#play();
    } catch (error) {
      this.broke('harness', (error as Error).stack ?? String(error));
    }
    return this.end();
  }
  async #play(): Promise<void> {
    const random = this.chance('script');
    await this.begin();
    const agents = 3 + Math.floor(random.next() * 12);
    for (let i = 0; i < agents; i++) applySpec(this, specOf(this, i));
    await this.pass(settleMs);
    this.#phase = 'faults';
    const untilMs = this.timeline.nowMs + 120_000 + random.next() * 240_000;
    const pace = 1_000 + random.next() * 3_000;
    const gap = 3_000 + random.next() * 15_000;
    this.#script('actions', pace, untilMs, this.#drawn('actions', actions), this.counts.actions);
    this.#script('faults', gap, untilMs, this.#drawn('faults', faults), this.counts.faults);
    if (this.chance('erases').next() < erasingShare)
      this.#script('erasures', 4 * pace, untilMs, erasures, this.counts.actions);
    if (this.clients) this.#script('requests', 2 * pace, untilMs, requests, this.counts.actions);
    await this.pass(untilMs - this.timeline.nowMs);
    if (!this.broken) await this.#heal();
  }
  /** The coordinator starts, and every machine joins. */
  async begin(): Promise<void> {
    this.host.start();
    this.#every(lookMs, () => {
      for (const checker of this.#checkers) checker.looked?.();
    });
    await this.pass(2_000);
    for (const machine of this.machines) this.enrol(machine);
  }
  end(): Played {
    for (const machine of this.machines) machine.kill();
    if (this.host.clock) this.host.kill('with its world');
    for (const disk of this.disks) disk.close();
    // Waiting promises keep the world in memory, so it must hold little.
    this.timeline.clear();
    this.disks.clear();
    this.machines.length = 0;
    this.host.close();
    const exercised: Record<string, number> = {};
    for (const { name, exercised: times } of this.#checkers) exercised[name] = (exercised[name] ?? 0) + times;
    const { delayed, dropped, repeated, reordered } = this.network.counts;
    return {
      seed: this.seed,
      broken: this.broken,
      virtualMs: this.timeline.nowMs,
      events: this.timeline.fired,
      hash: this.#hash.update(this.#trace.join('')).digest('hex'),
      faults: {
        ...this.counts.faults,
        'bus delay': delayed,
        'bus drop': dropped,
        'bus repeat': repeated,
        'bus reorder': reordered,
      },
      actions: this.counts.actions,
      exercised,
      trace: this.#trace,
    };
  }

  async #heal(): Promise<void> {
    this.#phase = 'heal';
    this.trace('world', 'all is healed');
    for (const heal of [...this.#heals]) heal();
    if (!this.host.isUp) this.host.start();
    const untilMs = this.timeline.nowMs + restWithinMs;
    while (this.timeline.nowMs < untilMs && !this.broken) {
      this.#repair();
      await this.pass(10_000);
      // A machine that is not admitted again is not at rest, even without any event.
      if (!this.broken && this.#allAreIn() && restlessOf(this).length === 0) break;
    }
    if (this.broken) return;
    for (const checker of this.#checkers) checker.rested?.();
  }
  #allAreIn(): boolean {
    return this.machines.every(({ isClone, process, identity, keyFingerprint }) => {
      const row = this.stored.nodes.get(identity?.node ?? '');
      return isClone || (process !== null && row?.status === 'active' && row.keyFingerprint === keyFingerprint);
    });
  }
  /**
   * The actions of a person at the end: starts machines, enrols them again, removes nodes without a machine. Everything else must happen by
   * itself.
   */
  #repair(): void {
    const view = this.host.coordinator?.view;
    if (!view) return;
    for (const row of view.nodes.values()) {
      // The machine of this node joined again under another name.
      if (!this.machines.some(({ identity }) => identity?.node === row.id) && row.presence !== 'online')
        this.ask('node-forget', { by: people, node: row.id });
      else if (row.status === 'quarantined') this.ask('node-release', { by: people, node: row.id });
      if (this.#isTidy && (row.cordoned || row.draining))
        this.ask('node-edit', { by: people, node: row.id, cordoned: false, draining: false });
    }
    for (const machine of this.machines) {
      if (machine.isClone) continue;
      const row = machine.identity && view.nodes.get(machine.identity.node);
      if (!row || row.keyFingerprint !== machine.keyFingerprint || machine.mustJoin) {
        if (machine.process) machine.kill();
        // Where the policy is `ask`, a person first releases the node of the machine.
        for (const { id, hardware } of view.nodes.values())
          if (hardware === machine.hardware && this.knobs.policy.reclaim === 'ask')
            this.ask('node-release', { by: people, node: id });
        this.enrol(machine);
      } else if (row.status === 'active') {
        // A node one version older does not report that nothing is left of a branch whose rest was lost with its disk.
        if (machine.version === 'older' && machine.erasedMs > 0) machine.update();
        machine.isOut = false;
        machine.boot();
      }
    }
  }

  #drawn(name: string, table: readonly Happening[]): readonly Happening[] {
    return someOf(this.chance(`which ${name}`), table, this.knobs.quietShare);
  }
  #script(
    name: string,
    gapMs: number,
    untilMs: number,
    table: readonly Happening[],
    counts: Record<string, number>,
  ): void {
    const random = this.chance(name);
    const total = table.reduce((sum, { weight }) => sum + weight, 0);
    const next = () => {
      const delayMs = -Math.log(1 - random.next()) * gapMs;
      if (this.timeline.nowMs + delayMs > untilMs) return;
      this.timeline.after(delayMs, () => {
        let at = random.next() * total;
        const row = table.find(({ weight }) => {
          at -= weight;
          return at < 0;
        });
        if (row) {
          const own = this.chance(`${name} ${this.timeline.fired}`);
          if (row.run(this, own) !== false) counts[row.name] = (counts[row.name] ?? 0) + 1;
        }
        next();
      });
    };
    next();
  }
  #every(ms: number, run: () => void): void {
    this.timeline.after(ms, () => {
      run();
      this.#every(ms, run);
    });
  }
  /** Lets virtual time pass, until something is broken. */
  async pass(ms: number): Promise<void> {
    if (this.broken) return;
    await this.timeline.run(this.timeline.nowMs + ms, () => this.broken === null);
  }

  #committed(changes: readonly DurableChange[]): void {
    for (const change of changes) {
      for (const checker of this.#checkers) checker.committing?.(change, changes);
      this.trace('store', inWords(change));
      this.stored.fold(change);
    }
    for (const checker of this.#checkers) checker.committed?.(changes);
  }
  #told(messages: readonly BusMessage[]): void {
    for (const { topic, payload } of messages) {
      const decoded = this.#decoded(topic, payload, 'the coordinator');
      if (decoded) for (const checker of this.#checkers) checker.told?.(decoded);
    }
  }
  #delivered(name: string, { topic, payload }: BusMessage): void {
    this.trace(name, `< ${short(topic, payload)}`);
    const machine = this.machines.find((each) => each.name === name);
    if (!machine) return;
    const { agent, reason } = this.forged.size > 0 && topic.endsWith('/memory') ? JSON.parse(payload) : {};
    if (reason === 'bad-hash' && this.forged.has(`${machine.identity?.node} ${agent}`))
      machine.blamedMs = this.timeline.nowMs;
    for (const checker of this.#checkers) checker.delivered?.(machine);
  }
  #heard(topic: string, payload: string, node: string | null): void {
    this.trace('coordinator', `< ${short(topic, payload)}`);
    // The checkers use only these topics; the others need not be decoded again.
    if (!topic.endsWith('/status')) return;
    const decoded = this.#decoded(topic, payload, node ?? 'people');
    if (decoded) for (const checker of this.#checkers) checker.heard?.(decoded, node);
  }
  #said(name: string, { topic, payload }: BusMessage): void {
    // A message that could not be handled, because a disk refused a write, was judged by its log line at that time.
    if (topic.endsWith('/event/message-refused') && !payload.includes('could not be handled'))
      this.broke('wire', `${name} could not read: ${payload}`);
    const machine = this.machines.find((each) => each.name === name);
    if (!machine || !/\/(memory|out)\/|\/hello$/.test(topic)) return;
    const decoded = this.#decoded(topic, payload, name);
    if (!decoded) return;
    if (decoded.name === 'memoryUp' && decoded.message.type === 'batch')
      this.batches.set(decoded.params.agent as string, decoded.message.entries);
    for (const checker of this.#checkers) checker.said?.(decoded, machine);
  }
  #decoded(topic: string, payload: string, who: string): Decoded | null {
    const decoded = decode(topic, Buffer.from(payload), compiledCheck);
    if (!('refused' in decoded)) return decoded;
    this.broke('wire', `${who} sends ${topic}: ${decoded.text}`);
    return null;
  }
}

function short(topic: string, payload: string): string {
  const text = payload.length > 220 ? `${payload.slice(0, 200)}… (${payload.length})` : payload;
  return `${topic.slice('blackroad/v1/'.length)} ${text}`;
}
function inWords(change: DurableChange): string {
  switch (change.type) {
    case 'node': {
      const { id, presence, presenceReason, generation, status } = change.row;
      return `node ${id} ${presence} (${presenceReason}) generation ${generation} ${status === 'active' ? '' : status}`;
    }
    case 'agent': {
      const { id, spec, version, epoch, placement, unplaced } = change.row;
      return `agent ${id} (${spec.name}) v${version} epoch ${epoch} ${placement ? `on ${placement.node} (${placement.model})` : `nowhere: ${unplaced?.text ?? ''}`}`;
    }
    case 'task-new':
      return `task ${change.row.id} new for ${change.row.agent}`;
    case 'task-state':
      return `task ${change.id} ${change.state} ${change.node ?? ''} attempt ${change.attempt}`;
    case 'task-end':
      return `task ${change.row.id} ${change.row.state} ${change.row.problem?.text ?? ''}`;
    case 'memory':
      return `memory ${change.agent} ${change.entries[0]?.seq}..${change.entries.at(-1)?.seq} epoch ${change.entries[0]?.epoch}`;
    case 'branch':
      return `branch ${change.row.id} upto ${change.row.uptoSeq}${change.row.complete ? ' complete' : ''}${change.row.merged ? ' merged' : ''}`;
    case 'event':
      return `event ${change.row.type}: ${change.row.text}`;
    default:
      return change.type;
  }
}
