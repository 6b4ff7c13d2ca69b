// One simulated machine: hardware, disk, identity, and the real node-agent that runs on it. In: faults and actions of people. Out: a
// process that boots, is killed, loses power, is set up anew. The disk and the identity file survive, as on a real machine.

import type { ChatEvent } from '@blackroad/model-server/chat';
import { type Random, seededRandom } from '@blackroad/std/random';
import { sha256Hex } from '@blackroad/std/sha256';
import { composeNode } from '../../node-agent/src/compose.ts';
import { createFleetTime, type FleetTime } from '../../node-agent/src/identity/fleet-time.ts';
import type { Identity } from '../../node-agent/src/identity/identity.ts';
import { createRenewal, type Renewal } from '../../node-agent/src/identity/renew.ts';
import type { RunningNode } from '../../node-agent/src/loop/node.ts';
import { type SimulatedProbes, type SimulatedProfile, simulatedProbes } from '../../node-agent/src/probes/simulated.ts';
import { createSimulated, noFaults, type SimulatedFaults } from '../../node-agent/src/runtimes/simulated.ts';
import { type Clients, marked, type Run, requestOf } from './clients.ts';
import { SimulatedDisk } from './disk.ts';
import type { Knobs } from './knobs.ts';
import type { Dialler, Network } from './network.ts';
import { ProcessClock, type Timeline } from './timeline.ts';
import type { Version } from './versions.ts';
import { watchedLog } from './watched-log.ts';

export interface MachineOptions {
  name: string;
  profile: SimulatedProfile;
  site: string;
  seed: number;
  keepaliveS: number;
  /** Those of its profile, unless given. */
  models?: readonly SimulatedModel[];
  /** The share of answers that fail. */
  failureRate?: number;
}
interface SimulatedModel {
  name: string;
  sizeBytes: number;
  parametersB: number;
  slots: number;
}
export interface MachineWorld {
  readonly knobs: Knobs;
  readonly clients: Clients | null;
  /** Disks to close with the world. */
  disks: Set<SimulatedDisk>;
  timeline: Timeline;
  network: Network;
  trace(who: string, what: string): void;
  broke(checker: string, text: string): void;
  /** The wall clock of a machine with a right clock. */
  wallMs(): number;
  /** Called when a process ended without an injected fault. */
  crashed(machine: Machine, error: Error): void;
  /** Called when a turn sends its first request to a model. */
  asked(machine: Machine, prompt: string): void;
  /** Called before the disk is removed. */
  exchanging(machine: Machine): void;
  /** Called when a renewal request of a machine reaches the coordinator. */
  renewed(asked: RenewalAsked): Promise<CertificateLife>;
  /** Called when a machine was removed from the fleet: it stays down until a person starts it. */
  sentAway(machine: Machine, reason: string): void;
}
export interface RenewalAsked {
  node: string;
  keyFingerprint: string;
  hardware: string;
  /** The time of the signature; null: a node of the previous version signs none. */
  atMs: number | null;
}
/** The life of a certificate by the clock of the coordinator. */
export interface CertificateLife {
  issuedMs: number;
  expiresMs: number;
}
export interface Process {
  clock: ProcessClock;
  node: RunningNode;
  renewal: Renewal;
  startedMs: number;
}

const models: Record<SimulatedProfile, readonly SimulatedModel[]> = {
  // The models of a pi5 do not all fit at once, so placement must count.
  pi5: [
    { name: 'sim-1b', sizeBytes: 0.8e9, parametersB: 1, slots: 2 },
    { name: 'sim-3b', sizeBytes: 2e9, parametersB: 3, slots: 2 },
    { name: 'sim-7b', sizeBytes: 3.8e9, parametersB: 7, slots: 1 },
  ],
  pi4: [{ name: 'sim-0.5b', sizeBytes: 0.4e9, parametersB: 0.5, slots: 1 }],
  zero2: [],
  cpu: [
    { name: 'sim-3b', sizeBytes: 2e9, parametersB: 3, slots: 4 },
    { name: 'sim-1b', sizeBytes: 0.8e9, parametersB: 1, slots: 4 },
  ],
  gpu: [{ name: 'sim-8b', sizeBytes: 16e9, parametersB: 8, slots: 16 }],
};
const restartMs = 5_000;
const usualFailureRate = 0.02;
/** Of a simulated model that tells none. */
const usualSlots = 4;

/** The events of a run; the words of one for a request of a program are marked. */
async function* watched(clients: Clients, run: Run, mark: string | null, events: AsyncIterable<ChatEvent>) {
  const end = clients.work(run);
  try {
    for await (const event of events)
      yield mark !== null && event.type === 'text' ? { ...event, text: marked(mark, event.text) } : event;
  } finally {
    end();
  }
}

export class Machine {
  readonly name: string;
  readonly options: MachineOptions;
  readonly runtimeFaults: SimulatedFaults = noFaults();
  disk: SimulatedDisk;
  probes: SimulatedProbes;
  /** Null: it never joined, or was set up anew. */
  identity: Identity | null = null;
  keyFingerprint = '';
  process: Process | null = null;
  /** The version of its node-agent since its last boot. */
  version: Version = 'this';
  #isUpdated = false;
  /** The error of its wall clock. */
  wallOffsetMs = 0;
  /** Milliseconds that its wall clock gains each second. */
  driftMsPerS = 0;
  #driftFromMs = 0;
  /** Whether a person must start it. */
  isOut = false;
  /** Whether another machine has its node and it cannot prove its identity: a person must enrol it anew. */
  mustJoin = false;
  boots = 0;
  /** The time at which it was last set up anew. */
  erasedMs = Number.NEGATIVE_INFINITY;
  /** The time at which it received a refusal of a message that another machine sent in its name. */
  blamedMs = Number.NEGATIVE_INFINITY;
  /** Whether it is another machine with a copied card: it connects under a name that is not its own. */
  isClone = false;
  readonly #world: MachineWorld;
  readonly #random: Random;
  readonly #log = watchedLog({
    trouble: () => this.#trouble(),
    broke: (text) => this.#world.broke('log', `${this.name}: ${text}`),
    trace: (text) => this.#world.trace(this.name, text),
  });

  constructor(world: MachineWorld, options: MachineOptions, disk?: SimulatedDisk) {
    this.#world = world;
    this.options = options;
    this.name = options.name;
    this.#random = seededRandom(options.seed);
    this.disk = disk ?? new SimulatedDisk(world.timeline);
    world.disks.add(this.disk);
    this.probes = this.#freshProbes(new ProcessClock(world.timeline, () => 0));
  }

  get hardware(): string {
    return sha256Hex(`machine ${this.name}`);
  }
  get isRunning(): boolean {
    return this.process !== null;
  }
  get nodeClass(): string {
    const { profile } = this.options;
    return profile === 'zero2' ? 'micro' : profile === 'pi4' || profile === 'pi5' ? 'pi' : profile;
  }

  wallMs(): number {
    const driftedMs = ((this.#world.timeline.nowMs - this.#driftFromMs) / 1000) * this.driftMsPerS;
    // A clock never shows a time before its epoch.
    return Math.max(1_000, this.#world.wallMs() + this.wallOffsetMs + driftedMs);
  }
  /** Makes its wall clock gain this much; 0: the clock is right again. */
  drift(msPerS: number): void {
    this.#driftFromMs = this.#world.timeline.nowMs;
    this.driftMsPerS = msPerS;
  }
  newKey(): string {
    this.keyFingerprint = this.#random.hex(32);
    return this.keyFingerprint;
  }
  becomes(node: string, site: string, life: CertificateLife): void {
    this.mustJoin = false;
    this.identity = {
      node,
      key: '',
      certificate: this.keyFingerprint,
      ca: '',
      caFingerprint: '',
      ...life,
      url: 'https://coordinator',
      mqtt: { host: 'coordinator', port: 8883 },
      class: this.nodeClass,
      site,
    };
  }

  boot(): void {
    if (this.process || !this.identity || this.isOut) return;
    const { timeline, network } = this.#world;
    const { options } = this;
    const clock = new ProcessClock(timeline, () => this.wallMs());
    const seed = options.seed * 1000 + ++this.boots;
    const { foreignBytes, extraC, diskFull, readOnlyDisk, undervoltage } = this.probes;
    this.probes = Object.assign(this.#freshProbes(clock), {
      foreignBytes,
      extraC,
      diskFull,
      readOnlyDisk,
      undervoltage,
      clockSynced: this.wallOffsetMs === 0,
    });
    const { versions } = this.#world.knobs;
    const drawn = versions[Math.floor(this.#random.next() * versions.length)] as Version;
    this.version = this.#isUpdated ? 'this' : drawn;
    const { version } = this;
    this.#world.trace(
      this.name,
      `boots as ${this.identity.node}${version === 'this' ? '' : `, one version ${version}`}`,
    );
    const dialler: Dialler = {
      machine: this.name,
      clock,
      node: () => this.identity?.node ?? '',
      keyFingerprint: () => this.keyFingerprint,
      certificateExpiresMs: () => this.identity?.expiresMs ?? 0,
      version,
    };
    const time = createFleetTime(clock, this.identity.issuedMs);
    const renewal = createRenewal({
      identity: () => this.identity as Identity,
      renew: (identity) => this.#renewed(identity, dialler, time),
      onRenewed: (renewed) => {
        this.identity = renewed;
      },
      onRefused: ({ code }) => {
        this.#world.trace(this.name, `its certificate is not renewed: ${code}`);
        this.mustJoin = code === 'key-unknown';
      },
      time,
      clock,
      random: seededRandom(seed + 13),
      log: this.#log,
    });
    try {
      const node = composeNode({
        identity: () => this.identity as Identity,
        machine: { hardware: this.hardware, machine: this.hardware, isWeak: false },
        version: '0.1.0',
        simulated: true,
        places: null,
        notes: [],
        defaults: null,
        probes: this.probes,
        lookAtHardware: null,
        runtimes: [this.#runtime(clock, seed)],
        dir: ':memory:',
        disk: this.disk.of(clock),
        outboxMessages: this.#world.knobs.outboxMessages,
        ...(this.#world.knobs.cuts ? { memoryBatchEntries: this.#world.knobs.cuts.memoryBatchEntries } : {}),
        dial: network.dialOf(dialler),
        queue: 8,
        keepaliveS: options.keepaliveS,
        clock,
        random: seededRandom(seed),
        log: this.#log,
        onTime: time.note,
        onNotAccepted: renewal.nudge,
        onFarewell: (reason) => this.#world.sentAway(this, reason),
      });
      this.process = { clock, node, renewal, startedMs: timeline.nowMs };
      node.start().then(
        () => clock.alive && renewal.start(),
        (error) => this.#died(clock, error as Error),
      );
    } catch (error) {
      this.#died(clock, error as Error);
    }
  }
  async #renewed(identity: Identity, dialler: Dialler, time: FleetTime): Promise<Identity> {
    const atMs = dialler.version === 'older' ? null : Math.round(time.nowMs());
    const { hardware, keyFingerprint } = this;
    const asked = { node: identity.node, keyFingerprint, hardware, atMs };
    const life = await this.#world.network.request(dialler, () => this.#world.renewed(asked));
    time.note(life.issuedMs);
    if (this.disk.fault !== 'none')
      throw new Error(`the new certificate is not stored: the disk is ${this.disk.fault}`);
    return { ...identity, ...life };
  }
  /** Restarts a dead process after a while, like systemd. */
  #died(clock: ProcessClock, error: Error): void {
    if (!clock.alive) return;
    this.#world.crashed(this, error);
    clock.kill();
    this.#world.network.processEnded(clock, true);
    this.process = null;
    this.#world.timeline.after(restartMs, () => this.boot());
  }

  /** SIGKILL: written data is kept, and the kernel closes the sockets. */
  kill(): void {
    this.#end(true, 'is killed');
  }
  /** The end of an update: its node-agent has the version of the coordinator from its next boot on. */
  update(): void {
    this.#isUpdated = true;
    this.kill();
  }
  /** A power cut: data that was not synced is lost, and no socket is closed. */
  powerCut(): void {
    this.#end(false, 'loses power');
    this.disk.powerCut();
  }
  async stop(): Promise<void> {
    const stopping = this.process;
    if (!stopping) return;
    this.#world.trace(this.name, 'stops in order');
    stopping.renewal.stop();
    await stopping.node.stop();
    if (this.process === stopping) this.#end(true, 'has stopped');
  }
  pause(ms: number): void {
    if (!this.process) return;
    this.#world.trace(this.name, `stands still for ${Math.round(ms)} ms`);
    this.process.clock.pause(this.#world.timeline.nowMs + ms);
    this.#world.network.look();
    this.#world.timeline.after(ms, () => this.#world.network.look());
  }
  /** Suspends the machine with its process. */
  sleep(ms: number): void {
    if (!this.process) return;
    this.#world.trace(this.name, `sleeps for ${Math.round(ms)} ms`);
    this.process.clock.sleep(this.#world.timeline.nowMs + ms);
    this.#world.network.look();
    this.#world.timeline.after(ms, () => this.#world.network.look());
  }
  /** Replaces the disk by an older one, or by one without a damaged file. Data that only the removed disk had is lost. */
  exchange(disk: SimulatedDisk): void {
    this.#end(false, 'gets another disk');
    this.#world.exchanging(this);
    this.disk = disk;
    this.erasedMs = this.#world.timeline.nowMs;
  }
  /** A new card: no key, no journal, the same hardware. */
  erase(): void {
    this.#end(false, 'is set up anew');
    this.#world.exchanging(this);
    this.disk.erase();
    this.disk = new SimulatedDisk(this.#world.timeline);
    this.#world.disks.add(this.disk);
    this.erasedMs = this.#world.timeline.nowMs;
    this.identity = null;
  }

  #trouble(): string | null {
    if (this.disk.isTroubled) return 'its disk';
    if (this.#isOutboxFull()) return 'its outbox is full';
    return this.blamedMs === this.#world.timeline.nowMs ? 'a forged message' : null;
  }
  /** Whether the outbox is full, or was before this line was logged. */
  #isOutboxFull(): boolean {
    const { outboxMessages } = this.#world.knobs;
    if (outboxMessages > 100) return false;
    const count = this.disk.read('outbox.sqlite', 'SELECT count(*) FROM outbox')?.pluck().get() as number | undefined;
    return (count ?? 0) >= outboxMessages;
  }
  #end(tells: boolean, what: string): void {
    if (!this.process) return;
    this.#world.trace(this.name, what);
    const { clock } = this.process;
    this.process = null;
    clock.kill();
    this.#world.network.processEnded(clock, tells);
  }
  #freshProbes(clock: ProcessClock): SimulatedProbes {
    const { profile, seed } = this.options;
    return simulatedProbes({ profile, seed, clock, random: seededRandom(seed) });
  }
  #runtime(clock: ProcessClock, seed: number) {
    const { profile } = this.options;
    const served = this.options.models ?? models[profile];
    const chat = served.map((model) => ({ ...model, kind: 'chat' as const, tools: true }));
    const embed =
      profile === 'cpu' ? [{ name: 'sim-embed', kind: 'embed' as const, sizeBytes: 25e6, dimension: 16 }] : [];
    const runtime = createSimulated({
      models: [...chat, ...embed],
      decodeTps: 4,
      clock,
      random: seededRandom(seed + 7),
      failureRate: this.options.failureRate ?? usualFailureRate,
      faults: this.runtimeFaults,
      toolRate: 0.5,
    });
    // The memory of its loaded models is subtracted from that of the machine.
    const { models: list, chat: ask } = runtime;
    const probes = () => this.probes;
    const { clients } = this.#world;
    const slotsOf = (name: string) => served.find((model) => model.name === name)?.slots ?? usualSlots;
    let runs = 0;
    return {
      ...runtime,
      chat: (request: Parameters<typeof ask>[0], signal: AbortSignal) => {
        const last = request.messages.at(-1);
        const question = last?.role === 'user' ? /Question \d+-\d+\?$/.exec(last.content)?.[0] : undefined;
        if (question !== undefined) this.#world.asked(this, question);
        const events = ask.call(runtime, request, signal);
        if (!clients) return events;
        const { model } = request;
        const asked = requestOf(last?.content ?? '');
        const loadedMs = this.#world.timeline.nowMs + this.runtimeFaults.loadMs;
        const run = { machine: this, model, slots: slotsOf(model), request: asked, clock, loadedMs };
        const mark = asked === null ? null : `${this.name}.${this.boots}.${++runs}`;
        return watched(clients, run, mark, events);
      },
      async models(signal?: AbortSignal) {
        const found = await list.call(runtime, signal);
        // A process that was killed during its boot would otherwise continue to write to the disk of the next one.
        if (!clock.alive) await new Promise(() => {});
        probes().residentBytes = found.reduce((sum, { residentBytes }) => sum + residentBytes, 0);
        return found;
      },
    };
  }
}
