// A node of the simulated rollouts: it speaks the real messages over the simulator's network and updates itself as a node-agent does. The
// order is fetched, staged and switched to; the new version watches itself and stays, or the old one is started again. How a version behaves
// is given with it. Its disk survives the process.
import {
  type AssignedAgent,
  decode,
  type EventParams,
  encode,
  idOf,
  type NodeEvent,
  type TopicMessage,
  type TopicName,
  type TopicParams,
  type UpdateNode,
  type UpdateState,
} from '@blackroad/protocol';
import type { Random } from '@blackroad/std/random';
import type { Link } from '../../../node-agent/src/transport/dial.ts';
import { sampleHealth } from '../../fixtures/coordinator/sample-rows.ts';
import type { Network } from '../network.ts';
import { ProcessClock, type Timeline } from '../timeline.ts';
import { ScriptedOs } from './scripted-os.ts';

/** `goes-away`: it loses contact for minutes once it was committed, again and again. */
export type Behaviour = 'good' | 'no-start' | 'leak' | 'errors' | 'goes-away';
export interface NodeWorld {
  timeline: Timeline;
  network: Network;
  behaviourOf(version: string): Behaviour;
  /** Share of attempts that fail on a good version. */
  errorShare: number;
  wallMs(): number;
  trace(who: string, what: string): void;
}

const heartbeatMs = 10_000;
const gib = 1024 ** 3;
const mib = 1024 ** 2;
const restartMs = 3_000;
const ownSoakMs = 15_000;
/** The supervisor starts the old version again when the new one does not come up: later than a node that is away counts as lost. */
const noStartMs = 45_000;
/** A new version that finds no coordinator for so long is given up. */
const noContactMs = 90_000;

interface Update {
  state: UpdateState;
  rollout: string;
  version: string;
  text: string;
}
type Told = { type: 'update'; data: Update } | { type: 'os-update'; data: EventParams<'os-update'> };

export class ScriptedNode {
  readonly id: string;
  readonly class: string;
  readonly disk: {
    current: string;
    previous: string | null;
    /** Switched to, not committed. */
    pending: { rollout: string; version: string } | null;
    outbox: Told[];
  };
  /** The order that it works on before the switch. */
  fetching: UpdateNode | null = null;
  isOn = false;
  readonly os: ScriptedOs;
  readonly hardware: string;
  readonly #world: NodeWorld;
  readonly #random: Random;
  #clock: ProcessClock;
  #link: Link | null = null;
  #boot = '';
  #generation = 0;
  #bootMs = 0;
  #step = 0;

  constructor(
    world: NodeWorld,
    { id, name, version, random }: { id: string; name: string; version: string; random: Random },
  ) {
    this.#world = world;
    this.#random = random;
    this.id = id;
    this.class = name;
    this.hardware = random.hex(32);
    this.disk = { current: version, previous: null, pending: null, outbox: [] };
    this.#clock = new ProcessClock(world.timeline, () => world.wallMs());
    this.os = new ScriptedOs({
      random,
      clock: () => this.#clock,
      report: (data) => this.#post({ type: 'os-update', data }),
      goDown: (ms) => {
        world.trace(id, 'restarts its machine');
        this.stop(random.next() < 0.5);
        world.timeline.after(ms, () => !this.isOn && this.start());
      },
      trace: (what) => world.trace(id, what),
    });
  }
  get behaviour(): Behaviour {
    return this.#world.behaviourOf(this.disk.current);
  }
  /** Whether its node-agent works on an update, as a person at the machine would see it. */
  get isBusy(): boolean {
    return this.fetching !== null || this.disk.pending !== null;
  }

  start(): void {
    const { timeline, trace } = this.#world;
    this.#clock = new ProcessClock(timeline, () => this.#world.wallMs());
    this.#boot = this.#random.hex(8);
    this.#bootMs = timeline.nowMs;
    this.#generation = 0;
    this.fetching = null;
    this.isOn = true;
    trace(this.id, `starts ${this.disk.current}`);
    this.os.start();
    if (this.disk.pending && this.behaviour === 'no-start') {
      this.#clock.after(noStartMs, () => this.#giveUp('it did not start'));
      return;
    }
    if (this.disk.pending) this.#clock.after(noContactMs, () => this.disk.pending && this.#giveUp('no contact'));
    this.#clock.every(heartbeatMs, () => this.#beat());
    void this.#connect();
    if (this.behaviour === 'goes-away') this.#clock.after(40_000, () => this.#goAway());
  }
  /** Its process ends; `tells`: the sockets are closed. */
  stop(tells: boolean): void {
    this.isOn = false;
    this.#clock.kill();
    this.#world.network.processEnded(this.#clock, tells);
    this.#link = null;
  }
  #restart(): void {
    this.stop(true);
    this.#world.timeline.after(restartMs, () => !this.isOn && this.start());
  }
  #giveUp(text: string): void {
    const { disk } = this;
    const { pending } = disk;
    if (!pending || disk.previous === null) return;
    this.#world.trace(this.id, `gives ${pending.version} up: ${text}`);
    disk.outbox.push({ type: 'update', data: { ...pending, state: 'rolled-back', text } });
    disk.current = disk.previous;
    disk.pending = null;
    this.#restart();
  }
  #goAway(): void {
    this.#world.network.cut(this.id, 'its version');
    this.#world.timeline.after(240_000, () => this.#world.network.heal(this.id, 'its version'));
    this.#clock.after(300_000, () => this.#goAway());
  }

  async #connect(): Promise<void> {
    const { network, timeline } = this.#world;
    const clock = this.#clock;
    const will = encode('nodeState', { node: this.id }, { state: 'offline', boot: this.#boot });
    const again = () => clock.after(1_000 + this.#random.next() * 4_000, () => void this.#connect());
    const dialler = {
      machine: this.id,
      clock,
      node: () => this.id,
      keyFingerprint: () => this.hardware,
      certificateExpiresMs: () => Number.MAX_SAFE_INTEGER,
      version: 'this' as const,
    };
    try {
      const link = await network.dialOf(dialler)({
        clientId: this.id,
        keepaliveS: 20,
        will,
        signal: new AbortController().signal,
        onMessage: (topic, payload) => clock.alive && this.#heard(topic, payload),
        onClose: () => {
          this.#link = null;
          if (clock.alive) again();
        },
      });
      this.#link = link;
      await link.subscribe([`blackroad/v1/cmd/${this.id}/+`, 'blackroad/v1/fleet/state']);
      this.#introduce(timeline.nowMs - this.#bootMs);
      this.#flush();
      if (this.disk.pending) this.#soak();
    } catch {
      if (clock.alive && !this.#link) again();
    }
  }
  #soak(): void {
    const { pending } = this.disk;
    if (!pending) return;
    this.#report({ ...pending, state: 'soaking', text: '' });
    const step = ++this.#step;
    this.#clock.after(ownSoakMs, () => {
      if (step !== this.#step || this.disk.pending !== pending) return;
      this.disk.pending = null;
      this.#report({ ...pending, state: 'committed', text: '' });
    });
  }

  #heard(topic: string, payload: Uint8Array): void {
    const decoded = decode(topic, payload);
    if ('refused' in decoded) throw new Error(decoded.text);
    if (decoded.name === 'assign') {
      this.#generation = decoded.message.to;
      for (const agent of decoded.message.put) this.#ready(agent);
    } else if (decoded.name === 'snapshot') {
      this.#generation = decoded.message.generation;
      for (const agent of decoded.message.agents) this.#ready(agent);
    } else if (decoded.name === 'fleetState') {
      if (decoded.message.state === 'online') this.#hello(this.#world.timeline.nowMs - this.#bootMs);
    } else if (decoded.name === 'task') {
      const { task, attempt, agent, epoch } = decoded.message;
      const fails = this.#random.next() < this.#world.errorShare * (this.behaviour === 'errors' ? 2 : 1);
      const problem = { code: 'task-failed', text: 'a wrong answer', retryable: false };
      const usage = {
        model: 'tiny',
        promptTokens: 5,
        completionTokens: 20,
        recalled: 0,
        toolCalls: 0,
        firstTokenMs: 1,
        decodeMs: 1_000,
        totalMs: 1_100,
      };
      const end = fails ? { state: 'failed' as const, problem } : { state: 'done' as const, result: 'ok', usage };
      this.#clock.after(1_000, () => this.#say('taskReport', { task }, { task, attempt, agent, epoch, ...end }));
    } else if (decoded.name === 'update') this.#order(decoded.message);
    else if (decoded.name === 'updateOs') this.os.order(decoded.message);
  }
  #ready(assigned: AssignedAgent): void {
    const agent = idOf(assigned);
    this.#say(
      'agentState',
      { agent },
      { boot: this.#boot, agent, epoch: assigned.epoch, state: 'ready', model: 'tiny' },
    );
  }

  #order(order: UpdateNode): void {
    const { disk } = this;
    const { rollout, version } = order;
    const said = { rollout, version, text: '' };
    if (disk.current === version) {
      // An order for what runs ends whatever else was under way.
      this.fetching = null;
      this.#report({ ...said, state: disk.pending ? 'soaking' : 'committed' });
      if (disk.pending) disk.pending.rollout = rollout;
      return;
    }
    if (this.fetching?.version === version) {
      this.#report({ ...said, state: 'fetching' });
      return;
    }
    this.fetching = order;
    this.#report({ ...said, state: 'fetching' });
    const step = ++this.#step;
    const next = (ms: number, act: () => void) =>
      this.#clock.after(ms, () => {
        if (step === this.#step && this.fetching === order) act();
      });
    next(5_000 + this.#random.next() * 15_000, () => {
      this.#report({ ...said, state: 'staged' });
      next(1_000, () => {
        this.#report({ ...said, state: 'switching' });
        next(200, () => {
          disk.previous = disk.current;
          disk.current = version;
          disk.pending = { rollout, version };
          this.#restart();
        });
      });
    });
  }
  #report(data: Update): void {
    this.#post({ type: 'update', data });
  }
  #post(told: Told): void {
    this.disk.outbox.push(told);
    this.#flush();
  }
  #flush(): void {
    const [first] = this.disk.outbox;
    if (!first || !this.#link) return;
    const message: NodeEvent = {
      boot: this.#boot,
      atMs: this.#world.wallMs(),
      type: first.type,
      severity: 'info',
      text: first.data.state,
      data: { ...first.data },
    };
    const { topic, payload } = encode('nodeEvent', { node: this.id, type: first.type }, message);
    const clock = this.#clock;
    this.#link.publish(topic, payload, 1, false).then(
      () => {
        if (!clock.alive || this.disk.outbox[0] !== first) return;
        this.disk.outbox.shift();
        this.#flush();
      },
      () => {},
    );
  }

  #say<N extends TopicName>(
    name: N,
    params: TopicParams,
    message: TopicMessage<N>,
    qos: 0 | 1 = 1,
    retain = false,
  ): void {
    const { topic, payload } = encode(name, { node: this.id, ...params }, message);
    this.#link?.publish(topic, payload, qos, retain).catch(() => {});
  }
  #hello(upMs: number): void {
    const { current: version } = this.disk;
    const generation = this.#generation;
    this.#say(
      'nodeHello',
      {},
      { boot: this.#boot, version, hardware: this.hardware, generation, agentIds: true, upMs, held: [] },
    );
  }
  #introduce(upMs: number): void {
    const boot = this.#boot;
    this.#say('nodeState', {}, { state: 'online', boot }, 1, true);
    this.#hello(upMs);
    this.#say(
      'nodeInfo',
      {},
      {
        boot,
        class: this.class,
        hostname: this.id,
        os: 'Debian 13',
        arch: this.class === 'pi' ? 'arm64' : 'x64',
        cores: 4,
        memoryBytes: 8 * gib,
        gpus: [],
        runtimes: [],
        notes: [],
        simulated: false,
        version: this.disk.current,
        updates: true,
        osUpdates: { takes: ['security', 'all'], restart: this.os.needsRestart },
      },
    );
    const speed = { prefillTps: 100, decodeTps: 20, samples: 9 };
    const model = {
      name: 'tiny',
      aliases: [],
      runtime: 'ollama',
      kind: 'chat',
      sizeBytes: 1e8,
      contextTokens: 2048,
      resident: true,
      residentBytes: 2e8,
      parametersB: 0.1,
      slots: 4,
      tools: true,
      speed,
    } as const;
    this.#say(
      'nodeCapacity',
      {},
      {
        boot,
        memoryTotalBytes: 6 * gib,
        memoryFreeBytes: 4 * gib,
        diskFreeBytes: 50 * gib,
        models: [{ ...model, aliases: [] }],
        defaultChat: 'tiny',
        embedder: null,
      },
    );
    this.#beat();
  }
  #beat(): void {
    const upS = (this.#world.timeline.nowMs - this.#bootMs) / 1000;
    const leaked = this.behaviour === 'leak' ? upS * 0.6 * mib : 0;
    const agentRssBytes = Math.round(60 * mib + this.#random.next() * 4 * mib + leaked);
    const health = sampleHealth({
      boot: this.#boot,
      atMs: this.#world.wallMs(),
      generation: this.#generation,
      agentRssBytes,
      temperatureC: 50 + this.#random.next() * 5,
    });
    this.#say('nodeHealth', {}, health, 0);
  }
}
