// A simulated machine: it joins, and its node-agent runs, ends and is started again under another release, as on a real one. Machine, model and
// releases are made up; its identity, its certificate, MQTT over TLS, memories and the record of an update are real. In: what it is. Out: a node.
import { join as joinPath } from 'node:path';
import { type Clock, systemClock, type Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { type Random, seededRandom, systemRandom } from '@blackroad/std/random';
import { composeNode } from './compose.ts';
import { NodeBoard } from './gpio/node-board.ts';
import type { PinList } from './gpio/pins-file.ts';
import { type Identity, loadIdentity } from './identity/identity.ts';
import { join } from './identity/join.ts';
import type { RunningNode } from './loop/node.ts';
import { type SimulatedProbes, type SimulatedProfile, simulatedProbes } from './probes/simulated.ts';
import type { Runtime, RuntimeModel } from './runtimes/runtime.ts';
import { createSimulated, noFaults } from './runtimes/simulated.ts';
import { type BreakableDial, createBreakableDial } from './transport/breakable-dial.ts';
import { createMqttDial } from './transport/dial.ts';
import type { ReleaseHome } from './update/release-home.ts';
import { againAfterMs, launched, playStage, type ReleaseFault, simulatedHome } from './update/simulated-releases.ts';
import { createUpdates } from './update/updates.ts';

/** What docs/gpio.md connects to a Pi. */
const boardList: Omit<PinList, 'folder'> = {
  backend: 'simulated',
  pins: [
    { name: 'motion', line: 17, direction: 'in', pull: 'down' },
    { name: 'lamp', line: 27, direction: 'out' },
    { name: 'light', line: 22, direction: 'out', role: 'identify' },
    { name: 'button', line: 23, direction: 'in', pull: 'up', activeLow: true, role: 'drain' },
  ],
  sensors: [],
  camera: false,
};

export interface MachineKind {
  probes: SimulatedProfile;
  name: string;
  /** The name of the model it serves. */
  model: string;
  parametersB: number;
  sizeBytes: number;
  decodeTps: number;
  slots: number;
  /** Whether it has pins, as files of its folder. */
  hasPins?: true;
}
interface MachineOrder {
  kind: MachineKind;
  name: string;
  seed: number;
  token: string;
  folder: string;
  /** Whether it keeps its data in the folder; else the identity alone, and it takes no releases. */
  hasDisk: boolean;
  /** The release that it comes with. */
  version: string;
  badReleases: ReadonlyMap<string, ReleaseFault>;
  /** Share of attempts at tasks that fail. */
  errors: number;
  soakMs: number;
  queue: number;
  keepaliveS: number;
  log: Log;
}
type Model = Pick<RuntimeModel, 'name' | 'kind'> & Partial<RuntimeModel>;
export interface SimulatedMachine {
  stop(): Promise<void>;
}

const clock: Clock = systemClock;
const leakBytesPerS = 8 * 1024 ** 2;
/** Where no attempt fails otherwise, there is nothing to double. */
const leastErrors = 0.2;
/** Soak times: how long a release that goes away has been there before, and is away, each time. */
const here = 2;
const away = 6;

/** Joins where it has not yet, and resolves when its node-agent runs. */
export async function startMachine(order: MachineOrder): Promise<SimulatedMachine> {
  const log = order.log.child({ node: order.name });
  const random = seededRandom(order.seed);
  const probes = simulatedProbes({ profile: order.kind.probes, seed: order.seed, clock, random });
  const { token, name, folder: dir } = order;
  const identity =
    loadIdentity(dir) ??
    (await join({ token, dir, probes, name, simulated: true, clock, random: systemRandom, log })).identity;
  const machine = new Machine({ order, identity, probes, random: seededRandom(order.seed), log });
  await machine.start();
  return machine;
}

interface MachineParts {
  order: MachineOrder;
  identity: Identity;
  probes: SimulatedProbes;
  random: Random;
  log: Log;
}

class Machine implements SimulatedMachine {
  readonly #parts: MachineParts;
  readonly #home: ReleaseHome | null;
  readonly #line: BreakableDial;
  #node: RunningNode | null = null;
  /** What its disk has of models. */
  #models: Model[];
  #timers: Timer[] = [];
  #isOff = false;
  /** One after the other: a person may stop it while its node-agent starts again. */
  #last: Promise<void> = Promise.resolve();

  constructor(parts: MachineParts) {
    this.#parts = parts;
    const { folder, hasDisk, kind } = parts.order;
    this.#models = modelsOf(kind);
    this.#line = createBreakableDial(createMqttDial({ identity: () => parts.identity, clock }));
    this.#home = hasDisk ? simulatedHome(joinPath(folder, 'home'), parts.order.version) : null;
  }

  start(): Promise<void> {
    this.#last = this.#last.then(() => this.#start());
    return this.#last;
  }
  async stop(): Promise<void> {
    this.#isOff = true;
    await this.#last.catch(() => {});
    await this.#end();
  }

  #faultOf(version: string): ReleaseFault | undefined {
    return this.#parts.order.badReleases.get(version);
  }

  async #start(): Promise<void> {
    if (this.#isOff) return;
    const { order, probes } = this.#parts;
    const found = this.#home && (await launched(this.#home, (version) => this.#faultOf(version)));
    if (found && found.afterMs > 0) {
      this.#later(found.afterMs, () => void this.start());
      return;
    }
    const version = found?.version ?? order.version;
    const fault = this.#faultOf(version);
    probes.leaks(fault === 'leak' ? leakBytesPerS : 0);
    if (fault === 'goes-away') this.#later(order.soakMs, () => this.#goAway());
    const node = await this.#compose(version, fault);
    this.#node = node;
    await node.start();
  }

  /** The process ends; the launcher starts the next one. */
  #restart(): void {
    this.#last = this.#last
      .then(() => this.#end())
      .then(() => {
        if (!this.#isOff) this.#later(againAfterMs, () => void this.start());
      });
  }
  async #end(): Promise<void> {
    for (const timer of this.#timers.splice(0)) timer.cancel();
    this.#line.mend();
    const node = this.#node;
    this.#node = null;
    await node?.stop();
  }
  #later(ms: number, run: () => void): void {
    this.#timers.push(clock.after(ms, run));
  }

  /** A release on trial must be here to stay; after that it leaves. */
  #goAway(): void {
    const { soakMs } = this.#parts.order;
    if (this.#home?.linked('trial') !== null) {
      this.#later(soakMs, () => this.#goAway());
      return;
    }
    this.#later(here * soakMs, () => {
      this.#line.cut();
      this.#later(away * soakMs, () => {
        this.#line.mend();
        this.#goAway();
      });
    });
  }

  async #compose(version: string, fault: ReleaseFault | undefined): Promise<RunningNode> {
    const { order, identity, probes, log } = this.#parts;
    return composeNode({
      identity: () => identity,
      machine: await probes.machineIdentity(),
      lookAtHardware: null,
      version,
      simulated: true,
      places: null,
      notes: ['This node is simulated: its machine and its model are made up.'],
      defaults: null,
      probes,
      runtimes: [this.#runtime(fault)],
      dir: order.hasDisk ? order.folder : ':memory:',
      queue: order.queue,
      keepaliveS: order.keepaliveS,
      dial: this.#line.dial,
      clock,
      random: systemRandom,
      log,
      board: this.#board(),
      updates: this.#updates(version),
      onFarewell: (_, text) => {
        log.warn({}, text);
        void this.stop();
      },
    });
  }

  #board(): NodeBoard | null {
    const { order, random, log } = this.#parts;
    if (!order.kind.hasPins || !order.hasDisk) return null;
    const list = { ...boardList, folder: joinPath(order.folder, 'pins') };
    return new NodeBoard({ list, clock, random, log });
  }

  #runtime(fault: ReleaseFault | undefined): Runtime {
    const { order, probes, random } = this.#parts;
    const doubled = order.errors > 0 ? Math.min(1, 2 * order.errors) : leastErrors;
    const runtime = createSimulated({
      models: this.#models,
      decodeTps: order.kind.decodeTps,
      faults: { ...noFaults(), refuses: fault === 'errors' ? doubled : order.errors },
      clock,
      random,
    });
    const { models } = runtime;
    // Loaded models use the machine's memory, as real ones do, and fetched ones are there after a restart.
    runtime.models = async () => {
      const found = await models();
      this.#models = found;
      probes.residentBytes = found.reduce((sum, { residentBytes }) => sum + residentBytes, 0);
      return found;
    };
    return runtime;
  }

  #updates(version: string) {
    const home = this.#home;
    if (!home) return null;
    const { order, log } = this.#parts;
    return createUpdates({
      home,
      version,
      stage: (ordered, signal) => playStage(ordered, { home, clock, random: systemRandom }, signal),
      hasKeys: async () => true,
      // What a simulated node refuses is no attack that the fleet should count.
      refuse: async () => {},
      soakMs: order.soakMs,
      restart: () => this.#restart(),
      clock,
      log,
    });
  }
}

function modelsOf({ model, parametersB, sizeBytes, slots }: MachineKind): Model[] {
  if (model === '') return [];
  const resident = { resident: true, residentBytes: sizeBytes };
  return [
    { name: model, kind: 'chat', parametersB, sizeBytes, slots, tools: true, ...resident },
    { name: 'sim-embed', kind: 'embed', sizeBytes: 25e6, slots, dimension: 64 },
  ];
}
