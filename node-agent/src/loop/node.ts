// The node-agent's loop: it makes the running agents match the assignment, and reports what runs. It connects transport, memory, models,
// agents and probes and does no I/O itself. It works on when the coordinator is away: agents come from the stored assignment, cron triggers
// fire here, results and memories wait in the outbox and the journal.
import {
  type AssignedAgent,
  type Decoded,
  type EventParams,
  idOf,
  type NodeEventType,
  type Welcome,
} from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { type Random, sortableId } from '@blackroad/std/random';
import type { RunningAgent } from '../agents/agent.ts';
import { AssignedAgents } from '../assignment/assigned-agents.ts';
import type { AssignmentStore } from '../assignment/assignment-store.ts';
import { createLicence } from '../assignment/licence.ts';
import type { NodeBoard } from '../gpio/node-board.ts';
import type { HardwareLook } from '../hardware/look.ts';
import type { Identity } from '../identity/identity.ts';
import type { NodeMemory } from '../memory/node-memory.ts';
import type { ModelPool } from '../models/model-pool.ts';
import type { NodeOsUpdates } from '../os-update/os-updates.ts';
import type { MachineIdentity } from '../probes/hardware.ts';
import type { Probes } from '../probes/probes.ts';
import { AgentStates } from '../reports/agent-states.ts';
import { HardwareReport } from '../reports/hardware-report.ts';
import { Heartbeat } from '../reports/heartbeat.ts';
import { Inventory } from '../reports/inventory.ts';
import { createRuntimeEvents } from '../reports/runtime-events.ts';
import { ModelRequests } from '../requests/model-requests.ts';
import { TaskRuns } from '../tasks/task-runs.ts';
import { nodeEvent, type TellEvent } from '../transport/node-event.ts';
import type { Transport } from '../transport/transport.ts';
import type { Updates } from '../update/updates.ts';
import { Asks } from './asks.ts';
import { Commands } from './commands.ts';
import { DrainButton } from './drain-button.ts';
import { Session } from './session.ts';
import { takeOsUpdate, takeUpdate } from './update-orders.ts';

interface NodeParts {
  node: string;
  identity: () => Identity;
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
  /** Null: its owner lists no pins, sensors or camera. */
  board: NodeBoard | null;
  /** Null: a machine that is only played. */
  lookAtHardware: ((signal: AbortSignal) => Promise<HardwareLook>) | null;
  blink: (seconds: number) => { ok: boolean; text: string };
  restart: (() => void) | null; // null: nothing would start it again
  clock: Clock;
  random: Random;
  log: Log;
  /** The coordinator forgot or quarantined this node. */
  onFarewell: (reason: 'forgotten' | 'quarantined', text: string) => void;
  /** Called with the coordinator's time. */
  onTime: (nowMs: number) => void;
  /** Called with the port of the coordinator's model cache; null: it has none. */
  onModelCache: (port: number | null) => void;
  /** Null: this node was not installed from a release that updates itself. */
  updates: Updates | null;
  /** Null: its operating system takes no updates from the coordinator. */
  osUpdates: NodeOsUpdates | null;
  balenaDevice: string | undefined;
}

export interface RunningNode {
  start(): Promise<void>;
  stop(): Promise<void>;
  readonly agents: ReadonlyMap<string, RunningAgent>;
  readonly tasksRunning: number;
  /** Whether this agent's tools may act outside now. */
  mayActOutside(agent: string): boolean;
}

const stateCheckMs = 250;
const modelRefreshMs = 30_000;

export function createNode(parts: NodeParts): RunningNode {
  return new Loop(parts);
}

class Loop implements RunningNode {
  readonly #parts: NodeParts;
  readonly #assigned: AssignedAgents;
  readonly #runs: TaskRuns;
  readonly #session: Session;
  readonly #commands: Commands;
  readonly #asks: Asks;
  readonly #button: DrainButton;
  readonly #requests: ModelRequests;
  readonly #states: AgentStates;
  readonly #hardware: HardwareReport;
  readonly #inventory: Inventory;
  readonly #heartbeat: Heartbeat;
  readonly #runtimeEvents: ReturnType<typeof createRuntimeEvents>;
  readonly #timers: Timer[] = [];
  readonly #stopped = new AbortController();
  readonly #tellEvent: TellEvent = (type, data) => this.#event(type, data);

  constructor(parts: NodeParts) {
    this.#parts = parts;
    const { clock, assignments } = parts;
    const tellEvent = this.#tellEvent;
    const licence = createLicence(clock, assignments.generation);
    const shared = { ...parts, licence, tellEvent, stopped: this.#stopped.signal };
    this.#states = new AgentStates(shared);
    this.#assigned = new AssignedAgents({
      ...shared,
      fire: (assigned, prompt) => this.#fire(assigned, prompt),
      isUnderWay: (task) => this.#runs.isUnderWay(task),
      onRemoved: (agent) => {
        this.#states.removed(agent);
        parts.board?.letGo(idOf(agent.assigned));
      },
    });
    this.#runs = new TaskRuns({ ...shared, agent: (id) => this.agents.get(id) ?? null });
    this.#session = new Session({ ...shared, runs: this.#runs });
    this.#commands = new Commands(shared);
    this.#asks = new Asks(shared);
    this.#button = new DrainButton({ ...shared, asks: this.#asks });
    this.#requests = new ModelRequests(shared);
    this.#hardware = new HardwareReport(shared);
    this.#inventory = new Inventory({ ...shared, notes: () => [...parts.notes(), ...this.#hardware.notes()] });
    this.#heartbeat = new Heartbeat({
      ...shared,
      agents: this.#assigned,
      runs: this.#runs,
      onSent: () => this.#inventory.tellBoth(),
    });
    this.#runtimeEvents = createRuntimeEvents(tellEvent);
    this.#connectParts();
  }

  get agents(): ReadonlyMap<string, RunningAgent> {
    return this.#assigned.running;
  }

  mayActOutside(agent: string): boolean {
    const running = this.agents.get(agent);
    return running !== undefined && this.#assigned.mayActOutside(running.assigned);
  }

  get tasksRunning(): number {
    return this.#runs.running;
  }

  async start(): Promise<void> {
    const { transport, pool, clock } = this.#parts;
    // Before agents: what they may be granted is known, and their triggers listen.
    await Promise.all([pool.refresh(), this.#parts.board?.start()]);
    this.#assigned.start();
    await this.#inventory.tellInfo();
    this.#inventory.tellCapacity();
    transport.start({
      onUp: () => this.#up(),
      onDown: (reason) => this.#down(reason),
      onMessage: (message) => this.#receive(message),
      onRefused: (topic, text) =>
        this.#event('message-refused', { topic: topic.slice(0, 300), problem: text.slice(0, 1000) }),
    });
    for (const text of this.#parts.damages()) this.#event('file-damaged', { problem: text.slice(0, 1000) });
    this.#tellRuntimes();
    this.#timers.push(clock.every(stateCheckMs, () => this.#tellStates()));
    this.#timers.push(clock.every(modelRefreshMs, () => void this.#refreshModels()));
    this.#heartbeat.start();
    const look = this.#hardware.start();
    if (look) this.#timers.push(look);
    await this.#parts.updates?.start({
      tell: (data) => this.#event('update', data),
      models: () => pool.capacity(this.#parts.boot).models.map(({ name }) => name),
      tasksRunning: () => this.tasksRunning,
      isWelcome: () => this.#session.isWelcome,
    });
    await this.#parts.osUpdates?.start({
      tell: (data) => this.#event('os-update', data),
      tasksRunning: () => this.tasksRunning,
    });
  }

  async stop(): Promise<void> {
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort();
    this.#parts.updates?.stop();
    this.#parts.osUpdates?.stop();
    const { transport, memory, pool, probes, assignments } = this.#parts;
    for (const timer of this.#timers) timer.cancel();
    this.#heartbeat.stop();
    this.#requests.disconnected();
    this.#session.down();
    this.#runs.stop();
    await this.#assigned.stop();
    this.#button.stop();
    await this.#parts.board?.stop();
    await memory.close();
    await transport.stop();
    this.#parts.closeOutbox();
    await pool.close();
    probes.close();
    assignments.close();
  }

  #connectParts(): void {
    const { node, transport, memory, pool, board, log } = this.#parts;
    memory.publish = (agent, message) => transport.send('memoryUp', { node, agent }, message);
    memory.onTrouble = (type, text) => {
      log.warn({}, text);
      this.#event(type, { problem: text.slice(0, 1000) });
    };
    pool.onEvicted = (evicted) => this.#event('model-evicted', evicted);
    if (board) board.onNews = () => this.#inventory.tellBoth();
    pool.onNews = () => {
      if (this.#stopped.signal.aborted) return;
      this.#inventory.tellCapacity();
      this.#requests.modelsChanged();
      this.#tellRuntimes();
      void this.#inventory.tellNews();
    };
  }

  #up(): void {
    this.#runs.connected();
    this.#session.up();
  }

  #down(reason: string): void {
    this.#session.down();
    this.#requests.disconnected();
    this.#parts.log.warn({ reason }, 'the connection to the fleet is down; agents go on');
    this.#parts.memory.disconnected();
  }

  #receive(decoded: Decoded): void {
    switch (decoded.name) {
      case 'welcome':
        this.#welcome(decoded.message);
        return;
      case 'draining':
        this.#button.heard(decoded.message.draining);
        return;
      case 'fleetState':
        this.#session.heardFleetState(decoded.message);
        if (decoded.message.state === 'offline') this.#requests.disconnected();
        return;
      case 'assign': {
        const outcome = this.#assigned.applyDelta(decoded.message);
        if (outcome === 'gap') this.#asks.forSnapshot(decoded.message.from);
        if (outcome === 'applied') this.#tellStates();
        return;
      }
      case 'snapshot':
        if (this.#assigned.applySnapshot(decoded.message)) this.#tellStates();
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
      case 'keep':
        this.#parts.pool.keep(decoded.message.keep);
        return;
      case 'pull':
      case 'stopPull':
      case 'removeModel':
      case 'unload':
      case 'identify':
      case 'restart':
      case 'log':
        this.#commands.receive(decoded);
        return;
      case 'update':
        takeUpdate(this.#parts.updates, decoded.message, this.#tellEvent);
        return;
      case 'updateOs':
        takeOsUpdate(this.#parts.osUpdates, decoded.message, this.#tellEvent);
        return;
      case 'hardware':
        void this.#hardware.answer(decoded.message.command);
        return;
      case 'modelChannel':
      case 'modelRequest':
      case 'modelRequestStop':
        this.#requests.receive(decoded);
        return;
      case 'farewell':
        this.#farewell(decoded.message.reason, decoded.message.text);
        return;
      default:
    }
  }

  #welcome(message: Welcome): void {
    if (!this.#session.welcomed(message)) return;
    this.#parts.onModelCache(message.modelCachePort ?? null);
    if (message.lineage !== undefined) this.#coordinatorRestored(message.lineage);
    this.#requests.askedBy(message.coordinator);
    this.#heartbeat.changeInterval(message.heartbeatMs);
    this.#button.heard(message.draining);
    if (message.keep !== undefined) this.#parts.pool.keep(message.keep);
    if (message.timeZone !== undefined) this.#assigned.meanZone(message.timeZone);
    this.#heartbeat.beat();
    // A coordinator that started has no state of this node: send everything again.
    this.#states.forget();
    this.#inventory.repeatCapacity();
    this.#tellStates();
    this.#parts.memory.connected();
  }

  /** Its snapshot follows: what is assigned now is told before. */
  #coordinatorRestored(lineage: string): void {
    const { node, boot, memory, assignments, transport, log } = this.#parts;
    if (!memory.restored(lineage)) return;
    log.warn({ lineage }, 'the coordinator was restored from a backup: this node tells it what it has');
    for (const assigned of assignments.agents()) {
      const agent = idOf(assigned);
      transport.post(`held.${agent}`, 'sent', 'agentHeld', { node, agent }, { boot, agent, lineage, assigned });
    }
  }

  #farewell(reason: 'forgotten' | 'quarantined', text: string): void {
    this.#parts.log.error({ reason }, `the coordinator says farewell: ${text}`);
    this.#assigned.removeAll();
    try {
      this.#parts.assignments.clear();
    } finally {
      // Also where the disk refuses writes: the node was sent away all the same.
      this.#parts.onFarewell(reason, text);
    }
  }

  /** The task that it began; null: none. */
  #fire(assigned: AssignedAgent, prompt: string): string | null {
    const { clock, random } = this.#parts;
    const { spec, epoch } = assigned;
    const id = idOf(assigned);
    const agent = this.agents.get(id);
    // A trigger that fires while the last task still runs is skipped: it would only queue up.
    if (!agent || agent.busy >= spec.concurrency) return null;
    const leftMs = spec.limits.deadlineSeconds * 1000;
    const lease = { task: sortableId(clock.nowMs(), random), attempt: 1, agent: id, epoch, prompt, leftMs };
    this.#runs.take(lease, { prompt, atMs: clock.nowMs() });
    return lease.task;
  }

  #tellStates(): void {
    this.#states.tell(this.agents);
  }

  #tellRuntimes(): void {
    this.#runtimeEvents.look(this.#parts.pool.situation().runtimes, this.#parts.clock.monotonicMs());
  }

  async #refreshModels(): Promise<void> {
    await this.#parts.pool.refresh();
    if (this.#stopped.signal.aborted) return;
    this.#tellRuntimes();
    // Runtimes, graphics cards and missing parts come and go while the process runs.
    await this.#inventory.tellInfo();
    this.#inventory.tellCapacity();
  }

  #event<T extends NodeEventType>(type: T, data: EventParams<T>): void {
    const { node, boot, transport, clock, random } = this.#parts;
    const message = nodeEvent(boot, clock.nowMs(), type, data);
    transport.post(`event.${random.hex(8)}`, 'sent', 'nodeEvent', { node, type }, message);
  }
}
