// The node-agent's loop: it makes the running agents match the assignment, and reports what runs. It connects transport, memory, models,
// agents and probes and does no I/O itself. It works on when the coordinator is away: agents come from the stored assignment, cron triggers
// fire here, results and memories wait in the outbox and the journal.
import {
  type AgentObserved,
  type AssignedAgent,
  cutToBytes,
  type Decoded,
  type EventParams,
  idOf,
  maxHeldInHealth,
  maxHeldTasks,
  modelKey,
  type NodeCapacity,
  type NodeEventType,
  type NodeInfo,
  nodeAsks,
  type Reply,
  type Welcome,
} from '@blackroad/protocol';
import { backoffMs } from '@blackroad/std/backoff';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { type Random, sortableId } from '@blackroad/std/random';
import type { RunningAgent } from '../agents/agent.ts';
import { type AgentTriggers, createAgentTriggers } from '../assignment/agent-triggers.ts';
import type { AssignmentStore } from '../assignment/assignment-store.ts';
import { createLease, type Lease } from '../assignment/lease.ts';
import type { NodeMemory } from '../memory/node-memory.ts';
import type { ModelPool } from '../models/model-pool.ts';
import type { MachineIdentity } from '../probes/hardware.ts';
import type { Probes } from '../probes/probes.ts';
import { isCapacityNews } from '../reports/capacity-news.ts';
import { fittedHealth } from '../reports/fitted-health.ts';
import { createHealthEvents } from '../reports/health-events.ts';
import { createRuntimeEvents } from '../reports/runtime-events.ts';
import { RuntimeError } from '../runtimes/runtime.ts';
import { createTaskRuns, type TaskRuns } from '../tasks/task-runs.ts';
import { nodeEvent } from '../transport/node-event.ts';
import type { Transport } from '../transport/transport.ts';

interface NodeParts {
  node: string;
  boot: string;
  version: string;
  /** The class; it may be detected after the start. */
  class: () => string;
  machine: MachineIdentity;
  simulated: boolean;
  /** Plain words on what is missing on this machine. */
  notes: () => string[];
  /** Damaged files since the last call, in words. */
  damages: () => string[];
  transport: Transport;
  /** Called last, when nothing is posted any more. */
  closeOutbox: () => void;
  memory: NodeMemory;
  pool: ModelPool;
  probes: Probes;
  assignments: AssignmentStore;
  createAgent: (assigned: AssignedAgent, mayActOutside: () => boolean) => RunningAgent;
  logLines: (count: number) => string[];
  hasLed: boolean;
  blink: (seconds: number) => { ok: boolean; text: string };
  clock: Clock;
  random: Random;
  log: Log;
  /** The coordinator forgot or quarantined this node. */
  onFarewell: (reason: 'forgotten' | 'quarantined', text: string) => void;
  /** Called with the coordinator's time. */
  onTime: (nowMs: number) => void;
}

export interface RunningNode {
  start(): Promise<void>;
  stop(): Promise<void>;
  readonly agents: ReadonlyMap<string, RunningAgent>;
  readonly tasksRunning: number;
  /** Whether this agent's tools may act outside now. */
  mayActOutside(agent: string): boolean;
}

const firstHeartbeatMs = 10_000;
const stateCheckMs = 250;
/** The transport drops perishable messages beyond 200 that wait for their PUBACK. */
const statesAtOnce = 100;
const modelRefreshMs = 30_000;
/** A registry answers whether it has a name within a second or two; shorter than the coordinator's wait for a reply. */
const pullAnswerMs = 15_000;
const helloRetry = { firstMs: 2000, maxMs: 30_000 };
/** A dated message of the coordinator that is older is answered with a hello: it renews too little of the lease. */
const oldWordMs = 10_000;
const stopGraceMs = 3000;
const fenceGraceMs = 0;

export function createNode(parts: NodeParts): RunningNode {
  return new Loop(parts);
}

class Loop implements RunningNode {
  readonly agents = new Map<string, RunningAgent>();
  readonly #parts: NodeParts;
  readonly #runs: TaskRuns;
  readonly #reported = new Map<string, string>();
  readonly #triggers: AgentTriggers;
  readonly #healthEvents = createHealthEvents((type, data) => this.#event(type, data));
  readonly #runtimeEvents = createRuntimeEvents((type, data) => this.#event(type, data));
  readonly #timers: Timer[] = [];
  #heartbeat: Timer | null = null;
  #heartbeatMs = firstHeartbeatMs;
  #hello: Timer | null = null;
  #helloTries = 0;
  #coordinator: string | null = null;
  readonly #lease: Lease;
  /** Until when an agent that came from another node may not act outside. */
  readonly #quietUntilMs = new Map<string, number>();
  #startedMs: number;
  #capacity: NodeCapacity | null = null;
  /** The inventory that was sent last, as JSON. */
  #info = '';
  /** The part of it that changes by itself. */
  #told = '';
  #stopping = false;
  readonly #stopped = new AbortController();

  constructor(parts: NodeParts) {
    this.#parts = parts;
    const { node, transport, clock, random, log } = parts;
    this.#lease = createLease(clock, parts.assignments.generation);
    this.#startedMs = clock.uptimeMs();
    const agent = (name: string) => this.agents.get(name) ?? null;
    this.#runs = createTaskRuns({ node, transport, clock, random, log, agent });
    this.#triggers = createAgentTriggers({
      clock,
      log,
      assignments: parts.assignments,
      fire: (assigned, prompt) => this.#fire(assigned, prompt),
    });
    parts.memory.publish = (agent, message) => transport.send('memoryUp', { node, agent }, message);
    parts.memory.onSetAside = (text) => {
      log.warn({}, text);
      this.#event('memory-set-aside', { problem: text.slice(0, 1000) });
    };
    parts.pool.onNews = () => {
      if (this.#stopping) return;
      this.#tellCapacity();
      this.#tellRuntimes();
      void this.#tellNews();
    };
  }

  mayActOutside(agent: string): boolean {
    const running = this.agents.get(agent);
    return running !== undefined && this.#mayActOutside(running.assigned);
  }

  get tasksRunning(): number {
    return this.#runs.running;
  }

  async start(): Promise<void> {
    const { transport, pool, assignments, clock, log } = this.#parts;
    await pool.refresh();
    const stored = assignments.agents();
    if (stored.length > 0)
      log.info(
        { agents: stored.length, generation: assignments.generation },
        'agents start from the stored assignment',
      );
    for (const assigned of stored) this.#run(assigned);
    await this.#tellInfo();
    this.#tellCapacity();
    transport.start({
      onUp: () => this.#up(),
      onDown: (reason) => this.#down(reason),
      onMessage: (message) => this.#receive(message),
      onRefused: (topic, text) =>
        this.#event('message-refused', { topic: topic.slice(0, 300), problem: text.slice(0, 1000) }),
    });
    this.#tellDamages();
    this.#tellRuntimes();
    this.#timers.push(clock.every(stateCheckMs, () => this.#tellStates()));
    this.#timers.push(clock.every(modelRefreshMs, () => void this.#refreshModels()));
    this.#beatLater();
  }

  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#stopped.abort();
    const { transport, memory, pool, probes, assignments } = this.#parts;
    for (const timer of this.#timers) timer.cancel();
    this.#heartbeat?.cancel();
    this.#hello?.cancel();
    this.#runs.stop();
    this.#triggers.stopAll();
    await Promise.all([...this.agents.values()].map((agent) => agent.stop(stopGraceMs)));
    await memory.close();
    await transport.stop();
    this.#parts.closeOutbox();
    await pool.close();
    probes.close();
    assignments.close();
  }

  // Connection

  #up(): void {
    this.#coordinator = null;
    this.#lease.connected();
    this.#runs.connected();
    this.#helloTries = 0;
    this.#sayHello();
  }

  #down(reason: string): void {
    this.#hello?.cancel();
    this.#hello = null;
    this.#parts.log.warn({ reason }, 'the connection to the fleet is down; agents go on');
    this.#parts.memory.disconnected();
  }

  /** Repeats the hello until a welcome comes: a coordinator that starts may not have subscribed yet. */
  #sayHello(): void {
    const { node, boot, version, machine, transport, assignments, clock, random } = this.#parts;
    this.#hello?.cancel();
    this.#hello = null;
    if (!transport.connected) return;
    const held = this.#runs.held().slice(0, maxHeldTasks);
    transport.send(
      'nodeHello',
      { node },
      {
        boot,
        version,
        hardware: machine.hardware,
        machine: machine.machine,
        generation: assignments.generation,
        agentIds: true,
        upMs: clock.uptimeMs() - this.#startedMs,
        held,
      },
    );
    this.#hello = clock.after(helloRetry.firstMs + backoffMs(helloRetry, this.#helloTries++, random), () =>
      this.#sayHello(),
    );
  }

  #welcome(message: Welcome): void {
    const { memory, transport } = this.#parts;
    if (message.boot !== this.#parts.boot) return;
    this.#hello?.cancel();
    this.#hello = null;
    this.#parts.onTime(message.nowMs);
    // Another coordinator answers on the same connection, or a second hello was needed: a restart behind an external broker, or a
    // coordinator that could store nothing. Messages sent meanwhile are lost.
    const isLate = this.#coordinator !== null || this.#helloTries > 1;
    if (isLate && this.#coordinator !== message.coordinator) transport.repeat();
    this.#coordinator = message.coordinator;
    this.#lease.welcomed(message, message.upMs === undefined ? null : this.#startedMs + message.upMs);
    if (message.heartbeatMs !== this.#heartbeatMs) {
      this.#heartbeatMs = message.heartbeatMs;
      this.#beatLater();
    }
    const running = [...this.agents.values()].map(({ assigned }) => assigned);
    if (message.timeZone !== undefined) this.#triggers.meanZone(message.timeZone, running);
    this.#beat();
    // A coordinator that started has no state of this node: send everything again.
    this.#reported.clear();
    if (this.#capacity) transport.keep('nodeCapacity', { node: this.#parts.node }, this.#capacity);
    this.#tellStates();
    memory.connected();
  }

  #receive(decoded: Decoded): void {
    switch (decoded.name) {
      case 'welcome':
        this.#welcome(decoded.message);
        return;
      case 'assign': {
        const { message } = decoded;
        if (message.to <= this.#parts.assignments.generation) return;
        // Before the delta is written: a disk that refuses writes must not leave an agent free to act outside.
        this.#lease.told(message.to, this.#parts.assignments.generation);
        const follows = this.#parts.assignments.applyDelta(message);
        this.#lease.told(message.to, this.#parts.assignments.generation);
        if (!follows) {
          this.#askSnapshot(message.from);
          return;
        }
        for (const { agent, epoch } of message.remove) this.#remove(agent, epoch);
        for (const assigned of message.put) this.#run(assigned);
        this.#tellStates();
        return;
      }
      case 'snapshot':
        this.#lease.told(decoded.message.generation, this.#parts.assignments.generation);
        if (this.#parts.assignments.applySnapshot(decoded.message)) this.#adopt(this.#parts.assignments.agents());
        this.#lease.told(decoded.message.generation, this.#parts.assignments.generation);
        return;
      case 'task':
        this.#runs.take(decoded.message);
        return;
      case 'settled':
        this.#runs.settled(decoded.message.tasks);
        return;
      case 'cancel':
        this.#runs.cancel(decoded.message.task, decoded.message.attempt, decoded.message.reason);
        return;
      case 'memoryDown':
        this.#parts.memory.receive(decoded.message);
        this.#tellStates();
        return;
      case 'pull':
        void this.#pull(decoded.message.command, decoded.message.model);
        return;
      case 'unload':
        void this.#unload(decoded.message.command, decoded.message.model);
        return;
      case 'identify':
        this.#reply(decoded.message.command, this.#parts.blink(decoded.message.seconds));
        return;
      case 'log':
        this.#reply(decoded.message.command, { ok: true, lines: this.#parts.logLines(decoded.message.lines) });
        return;
      case 'farewell':
        this.#farewell(decoded.message.reason, decoded.message.text);
        return;
      case 'fleetState': {
        const { state, coordinator, nowMs, reconnectWindowMs } = decoded.message;
        this.#parts.transport.setReconnectWindow(reconnectWindowMs);
        // A will is dated when its connection began, and a broker may keep it for long: its time is of no use.
        if (state !== 'online') return;
        const isKnown = coordinator === this.#coordinator;
        const isOld = isKnown && this.#lease.heard(nowMs) > oldWordMs;
        if (isKnown && !isOld) this.#parts.onTime(nowMs);
        if (this.#hello || (isKnown && !isOld)) return;
        // A message that seems old was buffered, or that clock was set back: only the answer to a new hello decides. [INV-one-hand]
        if (isOld) {
          this.#sayHello();
          return;
        }
        // Another coordinator took over behind the same broker: send it a hello, spread over its window.
        this.#hello = this.#parts.clock.after(this.#parts.random.next() * reconnectWindowMs, () => this.#sayHello());
        return;
      }
      default:
    }
  }

  #farewell(reason: 'forgotten' | 'quarantined', text: string): void {
    this.#parts.log.error({ reason }, `the coordinator says farewell: ${text}`);
    for (const id of [...this.agents.keys()]) this.#remove(id, Number.POSITIVE_INFINITY);
    try {
      this.#parts.assignments.clear();
    } finally {
      // Also where the disk refuses writes: the node was sent away all the same.
      this.#parts.onFarewell(reason, text);
    }
  }

  // Agents

  #adopt(wanted: AssignedAgent[]): void {
    const ids = new Set(wanted.map(idOf));
    for (const id of [...this.agents.keys()]) if (!ids.has(id)) this.#remove(id, Number.POSITIVE_INFINITY);
    for (const assigned of wanted) this.#run(assigned);
    this.#tellStates();
  }

  #run(assigned: AssignedAgent): void {
    const id = idOf(assigned);
    const running = this.agents.get(id);
    if (running) {
      const { epoch, version, model, spec } = running.assigned;
      if (assigned.epoch < epoch) return;
      const isSame = assigned.epoch === epoch && assigned.version === version && assigned.model === model;
      // A coordinator that took this node for an older one sent the name as the id.
      if (isSame && assigned.spec.name === spec.name) {
        if (assigned.quietMs === undefined) this.#quietUntilMs.delete(id);
        return;
      }
      void running.stop(assigned.epoch > epoch ? fenceGraceMs : stopGraceMs);
    }
    this.#triggers.stop(id);
    if (assigned.quietMs === undefined) this.#quietUntilMs.delete(id);
    else this.#quietUntilMs.set(id, this.#parts.clock.monotonicMs() + assigned.quietMs);
    const agent = this.#parts.createAgent(assigned, () => this.#mayActOutside(assigned));
    this.agents.set(id, agent);
    this.#parts.pool.want(id, assigned.model);
    this.#triggers.start(assigned);
  }

  #remove(id: string, epoch: number): void {
    const agent = this.agents.get(id);
    if (!agent || agent.assigned.epoch > epoch) return;
    this.agents.delete(id);
    this.#quietUntilMs.delete(id);
    this.#parts.pool.drop(id);
    this.#reported.delete(id);
    this.#triggers.stop(id);
    // Running turns may end and write memories before the log is released.
    void agent.stop(stopGraceMs).then(() => {
      if (this.agents.get(id)?.assigned.epoch !== agent.assigned.epoch)
        this.#parts.memory.release(id, agent.assigned.epoch);
    });
    this.#observed(agent, 'stopped');
  }

  /** An agent that may run on another node by now may not act outside. */
  #mayActOutside(assigned: AssignedAgent): boolean {
    // The agent was removed here: a turn that may still end in its grace may not act outside any more.
    const id = idOf(assigned);
    if (this.agents.get(id)?.assigned.epoch !== assigned.epoch) return false;
    const nowMs = this.#parts.clock.monotonicMs();
    if (nowMs < (this.#quietUntilMs.get(id) ?? nowMs)) return false;
    return assigned.spec.onLoss.policy === 'keep' || this.#lease.holds;
  }

  #fire(assigned: AssignedAgent, prompt: string): void {
    const { clock, random } = this.#parts;
    const { spec, epoch } = assigned;
    const id = idOf(assigned);
    const agent = this.agents.get(id);
    // A trigger that fires while the last task still runs is skipped: it would only queue up.
    if (!agent || agent.busy >= spec.concurrency) return;
    const leftMs = spec.limits.deadlineSeconds * 1000;
    const lease = { task: sortableId(clock.nowMs(), random), attempt: 1, agent: id, epoch, prompt, leftMs };
    this.#runs.take(lease, { prompt, atMs: clock.nowMs() });
  }

  // Reports

  /** Reports changed states, at most as many at a time as the transport does not drop; the next look reports the rest. */
  #tellStates(): void {
    // While the node stops, agents accept no tasks, but a running turn may act outside: the agent must not be placed elsewhere yet.
    if (this.#stopping || !this.#parts.transport.connected) return;
    let said = 0;
    for (const [id, agent] of this.agents) {
      const now = `${agent.assigned.epoch} ${agent.assigned.version} ${agent.state} ${agent.reason}`;
      if (this.#reported.get(id) === now) continue;
      if (said++ >= statesAtOnce) return;
      this.#reported.set(id, now);
      this.#observed(agent, agent.state);
    }
  }

  #observed(agent: RunningAgent, state: AgentObserved['state']): void {
    const { node, boot, transport } = this.#parts;
    const { epoch, model } = agent.assigned;
    const id = idOf(agent.assigned);
    transport.send(
      'agentState',
      { node, agent: id },
      {
        boot,
        agent: id,
        epoch,
        state,
        model,
        ...(agent.reason ? { reason: agent.reason.slice(0, 500) } : {}),
        ...(agent.code === undefined ? {} : { code: agent.code }),
        ...(agent.progress === undefined ? {} : { progress: agent.progress }),
      },
    );
  }

  async #tellInfo(): Promise<void> {
    const { node, boot, probes, simulated, hasLed: led, transport } = this.#parts;
    const words = this.#words();
    this.#told = JSON.stringify(words);
    const info: NodeInfo = {
      ...(await probes.inventory()),
      class: this.#parts.class(),
      boot,
      ...words,
      led,
      simulated,
    };
    const told = JSON.stringify(info);
    if (this.#stopping || told === this.#info) return;
    this.#info = told;
    transport.keep('nodeInfo', { node }, info);
  }

  #tellDamages(): void {
    for (const text of this.#parts.damages()) this.#event('file-damaged', { problem: text.slice(0, 1000) });
  }

  /** The part of the inventory that changes by itself. */
  #words(): Pick<NodeInfo, 'runtimes' | 'notes'> {
    const { pool, notes } = this.#parts;
    const cut = (texts: string[], most: number, length: number) =>
      texts.slice(0, most).map((text) => text.slice(0, length));
    return { runtimes: cut(pool.labels(), 16, 200), notes: cut(notes(), 32, 500) };
  }

  /** Sends the inventory again when that part differs from the one last sent. */
  async #tellNews(): Promise<void> {
    if (JSON.stringify(this.#words()) !== this.#told) await this.#tellInfo();
  }

  #tellRuntimes(): void {
    this.#runtimeEvents.look(this.#parts.pool.situation().runtimes, this.#parts.clock.monotonicMs());
  }

  #tellCapacity(): void {
    const { node, boot, pool, transport } = this.#parts;
    const capacity = pool.capacity(boot);
    if (this.#capacity && !isCapacityNews(this.#capacity, capacity)) return;
    this.#capacity = capacity;
    transport.keep('nodeCapacity', { node }, capacity);
  }

  async #refreshModels(): Promise<void> {
    await this.#parts.pool.refresh();
    if (this.#stopping) return;
    this.#tellRuntimes();
    // Runtimes, graphics cards and missing parts come and go while the process runs.
    await this.#tellInfo();
    this.#tellCapacity();
  }

  #beatLater(): void {
    this.#heartbeat?.cancel();
    // The first beat is at a random moment of the interval: nodes that started together must not beat together.
    this.#heartbeat = this.#parts.clock.after(this.#parts.random.next() * this.#heartbeatMs, () => {
      this.#beat();
      this.#heartbeat = this.#parts.clock.every(this.#heartbeatMs, () => this.#beat());
    });
  }

  #beat(): void {
    const { node, boot, transport, memory, probes, pool, assignments, clock } = this.#parts;
    const health = probes.health();
    this.#healthEvents.look(health, clock.monotonicMs());
    if (!transport.connected) return;
    const triggerTroubles = this.#triggers.troubles();
    transport.send(
      'nodeHealth',
      { node },
      fittedHealth({
        boot,
        atMs: clock.nowMs(),
        generation: assignments.generation,
        ...health,
        tasksRunning: this.#runs.running,
        models: pool.loads(),
        outboxDepth: transport.outboxDepth,
        memoriesUnacked: memory.unacked,
        held: this.#runs.heldKeys(maxHeldInHealth),
        ...(triggerTroubles.length > 0 ? { triggerTroubles } : {}),
      }),
    );
    this.#tellCapacity();
  }

  #event<T extends NodeEventType>(type: T, data: EventParams<T>): void {
    const { node, boot, transport, clock, random } = this.#parts;
    const message = nodeEvent(boot, clock.nowMs(), type, data);
    transport.post(`event.${random.hex(8)}`, 'sent', 'nodeEvent', { node, type }, message);
  }

  /** Not repeated until it is answered: the next hello asks again. */
  #askSnapshot(from: number): void {
    const { node, boot, transport, clock, assignments } = this.#parts;
    const have = assignments.generation;
    const type = 'assignment-gap';
    const { severity, words } = nodeAsks[type];
    const data = { from, have };
    const message = { boot, atMs: clock.nowMs(), type, severity, text: words(data), data };
    transport.send('nodeEvent', { node, type }, message);
  }

  // Commands

  #reply(command: string, answer: Omit<Reply, 'command'>): void {
    this.#parts.transport.send('reply', { node: this.#parts.node, command }, { command, ...answer });
  }

  /** Replies once it is known whether the model can be fetched: the fetch itself takes minutes, and capacity reports it. */
  async #pull(command: string, model: string): Promise<void> {
    const { node, pool, clock } = this.#parts;
    let isAnswered = false;
    const answer = (reply: Omit<Reply, 'command'>) => {
      if (!isAnswered) this.#reply(command, reply);
      isAnswered = true;
    };
    const begun = (text: string) => answer({ ok: true, text });
    const patience = clock.after(pullAnswerMs, () => begun(`${node} has begun to fetch ${model}.`));
    const others = pool.situation().fetching.filter((each) => modelKey(each) !== modelKey(model));
    if (others.length > 0) begun(`${node} fetches ${model} after ${others.join(', ')}.`);
    try {
      await pool.pull(
        model,
        ({ totalBytes }) => {
          if (totalBytes > 0) begun(`${node} fetches ${model}.`);
        },
        this.#stopped.signal,
      );
      begun(`${model} is on ${node}.`);
      this.#event('model-pulled', { model });
    } catch (error) {
      if (this.#stopping) return;
      const retryable = error instanceof RuntimeError && error.retryable;
      const text = cutToBytes((error as Error).message, 1000);
      if (isAnswered) this.#event('model-pull-failed', { model, problem: text });
      else answer({ ok: false, text, problem: { code: 'model-not-fetched', text, retryable } });
    } finally {
      patience.cancel();
    }
  }

  async #unload(command: string, model: string): Promise<void> {
    try {
      await this.#parts.pool.unload(model);
      this.#reply(command, { ok: true, text: `${model} is put down; its next task loads it again.` });
    } catch (error) {
      const { message } = error as Error;
      const retryable = error instanceof RuntimeError && error.retryable;
      const text = cutToBytes(message, 1000);
      this.#reply(command, { ok: false, text, problem: { code: 'model-not-unloaded', text, retryable } });
    }
  }
}
