// Builds one node-agent from its parts: the same for a real machine and for a simulated one, which differ in probes, runtimes and storage.
// Only main.ts and simulate.ts call it.
import { type AgentSpec, type AssignedAgent, classes, cloudClass, idOf, parseTopic } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import { createAgent, type RunningAgent } from './agents/agent.ts';
import { toolBoxFor } from './agents/tool-box.ts';
import { openAssignmentStore } from './assignment/assignment-store.ts';
import { refuseFolders } from './files/data-folder.ts';
import type { Disk } from './files/disk.ts';
import { blink, hasLed } from './gpio/blink.ts';
import type { NodeBoard } from './gpio/node-board.ts';
import type { HardwareLook } from './hardware/look.ts';
import type { Identity } from './identity/identity.ts';
import { ringLog } from './loop/log-ring.ts';
import { createNode, type RunningNode } from './loop/node.ts';
import type { McpServers } from './mcp/servers.ts';
import type { AgentMemory } from './memory/agent-memory.ts';
import { createNodeMemory, type NodeMemory } from './memory/node-memory.ts';
import type { EnsureKinds } from './models/default-models.ts';
import { createLearned } from './models/learned.ts';
import { type ModelPlaces, modelNotes, noModelText } from './models/model-notes.ts';
import { ModelPool } from './models/model-pool.ts';
import type { NodeOsUpdates } from './os-update/os-updates.ts';
import type { MachineIdentity } from './probes/hardware.ts';
import type { Probes } from './probes/probes.ts';
import type { Runtime } from './runtimes/runtime.ts';
import type { Dial } from './transport/dial.ts';
import { Outbox } from './transport/outbox.ts';
import { outboxFile } from './transport/outbox-file.ts';
import { createTransport, type Transport } from './transport/transport.ts';
import type { Updates } from './update/updates.ts';

export interface NodeOrder {
  identity: () => Identity;
  machine: MachineIdentity;
  version: string;
  simulated: boolean;
  /** The places where models are looked for, for words on what is missing; null: nowhere, and `notes` is all there is. */
  places: (() => ModelPlaces) | null;
  /** Plain words on this machine, in addition to those on its models. */
  notes?: readonly string[];
  /** Fetches the kinds of model that no runtime here has; null: only models that somebody asked for are fetched. */
  defaults: { ensure: EnsureKinds; mayFetch: () => boolean } | null;
  probes: Probes;
  lookAtHardware: ((signal: AbortSignal) => Promise<HardwareLook>) | null;
  runtimes: Runtime[];
  lookAgain?: (present: readonly Runtime[]) => Promise<Runtime[] | null>;
  /** Folder, or `:memory:` for nothing on the disk. */
  dir: string;
  /** The simulator's disk and network, in place of the folder and of MQTT over TLS. */
  disk?: Disk;
  dial?: Dial;
  /** Smaller bounds for the simulator; missing: those of the protocol. */
  outboxMessages?: number;
  memoryBatchEntries?: number;
  queue: number;
  /** The price of a server in the OpenAI dialect, US dollars; missing: free. */
  pricePerMillionTokens?: number;
  /** The share of the disk above which models that the fleet fetched are removed; missing: never. */
  diskLimit?: number;
  keepaliveS: number;
  clock: Clock;
  random: Random;
  log: Log;
  onNotAccepted?: () => void;
  /** Called with the coordinator's time. */
  onTime?: (nowMs: number) => void;
  /** Called with the port of the coordinator's model cache; null: it has none. */
  onModelCache?: (port: number | null) => void;
  onFarewell: (reason: 'forgotten' | 'quarantined', text: string) => void;
  /** MCP servers of this machine; missing: it has none. */
  mcp?: McpServers | null;
  /** Pins, sensors and camera that its owner lists; missing: none. */
  board?: NodeBoard | null;
  /** Missing: this node takes no updates. */
  updates?: Updates | null;
  /** Missing: its operating system takes no updates from the coordinator. */
  osUpdates?: NodeOsUpdates | null;
  /** The UUID of the balena device that it runs on; missing: it runs on none. */
  balenaDevice?: string;
  /** Ends the process, which is started again; missing: nothing would start it. */
  restart?: (() => void) | null;
}

/** What every part of a node is built with. */
interface Shared {
  order: NodeOrder;
  node: string;
  boot: string;
  log: Log;
  /** The path of a file in the data folder, or `:memory:`. */
  file: (name: string) => string;
  onDamage: (text: string) => void;
}

export function composeNode(order: NodeOrder): RunningNode {
  const { clock, random, probes } = order;
  const { node } = order.identity();
  const { log, lines } = ringLog(order.log, () => clock.nowMs());
  const damages: string[] = [];
  const onDamage = (text: string) => {
    log.error({}, text);
    damages.push(text);
  };
  if (!order.disk && order.dir !== ':memory:') refuseFolders(order.dir);
  const file = (name: string) => (order.dir === ':memory:' ? ':memory:' : `${order.dir}/${name}`);
  const shared: Shared = { order, node, boot: random.hex(8), log, file, onDamage };

  const pool = poolOf(shared);
  const memory = memoryOf(shared, pool);
  const { outbox, transport } = transportOf(shared);
  const assignments = openAssignmentStore(file('assignment.sqlite'), {
    nowMs: clock.nowMs(),
    onDamage,
    ...(order.disk ? { disk: order.disk } : {}),
  });

  return createNode({
    node,
    identity: order.identity,
    boot: shared.boot,
    version: order.version,
    class: () => classOf(order),
    machine: order.machine,
    simulated: order.simulated,
    notes: () => [
      ...(order.places ? modelNotes(pool.situation(), order.places()) : []),
      ...(order.mcp?.notes() ?? []),
      ...(order.board?.notes() ?? []),
      ...(order.notes ?? []),
    ],
    damages: () => damages.splice(0),
    transport,
    memory,
    closeOutbox: () => outbox.close(),
    pool,
    probes,
    assignments,
    createAgent: (assigned, mayActOutside) =>
      agentOf(shared, { pool, transport, memory: memory.open(assigned) }, assigned, mayActOutside),
    logLines: lines,
    hasLed: (!order.simulated && hasLed()) || order.board?.hasLight === true,
    board: order.board ?? null,
    lookAtHardware: order.lookAtHardware,
    blink: (seconds) => bothBlink(order, seconds),
    clock,
    random,
    log,
    onTime: order.onTime ?? (() => {}),
    onModelCache: order.onModelCache ?? (() => {}),
    onFarewell: order.onFarewell,
    updates: order.updates ?? null,
    restart: order.restart ?? null,
    osUpdates: order.osUpdates ?? null,
    balenaDevice: order.balenaDevice,
  });
}

function poolOf({ order, log, file, onDamage }: Shared): ModelPool {
  const { clock, random, probes } = order;
  return new ModelPool({
    runtimes: order.runtimes,
    ...(order.lookAgain ? { lookAgain: order.lookAgain } : {}),
    ...(order.defaults ? { defaults: order.defaults } : {}),
    noModel: (now) => noModelText(now, order.places?.() ?? null),
    probes,
    bandwidth: () => bandwidthOf(order),
    runsModels: () => runsModels(classOf(order)),
    queue: order.queue,
    ...(order.pricePerMillionTokens === undefined ? {} : { pricePerMillionTokens: order.pricePerMillionTokens }),
    kept: { path: file('kept.json'), diskLimit: order.diskLimit ?? 1, onDamage },
    learned: createLearned({ path: file('learned.json'), clock, log, onDamage }),
    clock,
    random,
    log,
  });
}

function memoryOf({ order, node, log, onDamage }: Shared, pool: ModelPool): NodeMemory {
  const { clock, random } = order;
  return createNodeMemory({
    dir: order.dir,
    ...(order.disk ? { disk: order.disk } : {}),
    node,
    clock,
    random,
    log,
    onDamage,
    embed: (texts, signal) => pool.embed(texts, signal),
    ...(order.memoryBatchEntries ? { batchEntries: order.memoryBatchEntries } : {}),
  });
}

function transportOf({ order, node, boot, log, file, onDamage }: Shared): { outbox: Outbox; transport: Transport } {
  const { clock, random } = order;
  const outbox = new Outbox({
    path: file(outboxFile),
    ...(order.disk ? { disk: order.disk } : {}),
    ...(order.outboxMessages ? { maxMessages: order.outboxMessages } : {}),
    isOwn: (topic) => parseTopic(topic)?.params.node === node,
    clock,
    log,
    onDamage,
  });
  const transport = createTransport({
    identity: order.identity,
    outbox,
    clock,
    random,
    log,
    keepaliveS: order.keepaliveS,
    boot,
    ...(order.onNotAccepted ? { onNotAccepted: order.onNotAccepted } : {}),
    ...(order.dial ? { dial: order.dial, hold: () => () => {} } : {}),
  });
  return { outbox, transport };
}

function agentOf(
  { order, node, log }: Shared,
  { pool, transport, memory }: { pool: ModelPool; transport: Transport; memory: AgentMemory },
  assigned: AssignedAgent,
  mayActOutside: () => boolean,
): RunningAgent {
  const { clock, probes } = order;
  const { name } = assigned.spec;
  const facts = () => factsOf(order, probes, assigned.spec);
  const tools = toolBoxFor(assigned.spec.tools, {
    agent: idOf(assigned),
    memory,
    facts,
    publish(topic, message) {
      if (!transport.connected) return false;
      transport.send('agentOut', { node, agent: name, topic }, message);
      return true;
    },
    mayActOutside,
    ...(order.mcp ? { mcp: order.mcp } : {}),
    ...(order.board ? { board: order.board } : {}),
    name,
    clock,
    log,
  });
  // What is missing is known before somebody asks.
  void tools.look(new AbortController().signal);
  return createAgent(assigned, {
    runtimeFor: (model) => pool.runtimeFor(model),
    modelStand: (model) => pool.stand(model),
    enter: (model, signal, deadlineMs) => pool.enter(model, signal, deadlineMs),
    learn: (model, usage) => pool.learn(model, usage),
    memory,
    tools,
    facts,
    mayActOutside,
    parametersB: (model) => pool.find(model)?.model.parametersB ?? 0,
    contextTokens: (model) => pool.find(model)?.model.contextTokens ?? 0,
    toolsSupported: (model) => pool.find(model)?.model.tools ?? false,
    sees: (model) => pool.find(model)?.model.sees !== false,
    clock,
    log: order.log.child({ agent: name }),
  });
}

/** A pin that its owner lists for it blinks beside the light of the board. */
function bothBlink({ board, clock, simulated }: NodeOrder, seconds: number): { ok: boolean; text: string } {
  const pin = board?.blink(seconds);
  if (!pin) return blink(seconds, clock);
  const led = simulated ? null : blink(seconds, clock);
  return led?.ok ? { ok: true, text: `${led.text} ${pin.text}` } : pin;
}

/** The class that was named when the node joined; where none was named, the class detected now. */
function classOf({ identity, probes }: NodeOrder): string {
  const { class: named, classDetected } = identity();
  return (classDetected ? probes.machineClass()?.name : undefined) ?? named;
}
/** Whether the class runs models; an unknown class counts as one that does. */
function runsModels(name: string): boolean {
  return [...classes, cloudClass].find((row) => row.name === name)?.models ?? true;
}
/** Memory bandwidth, bytes a second: of the detected row where the class is the detected one, as a class has faster and slower rows. */
function bandwidthOf(order: NodeOrder): number {
  const name = classOf(order);
  const own = order.probes.machineClass();
  const row = own?.name === name ? own : [...classes, cloudClass].find((each) => each.name === name);
  return row?.bandwidthBytesPerS ?? 10e9;
}

/** Short plain facts of this node, for prompts: a small model reads few words well. */
function factsOf(order: NodeOrder, probes: Probes, spec: AgentSpec): string[] {
  const { node, site } = order.identity();
  const health = probes.health();
  // One line: [M] a 135M model asked what it can do copies the rest of the line that names the node.
  const facts = [
    `This node is called ${node}, a machine of class ${classOf(order)} at site ${site}. On this node ${spec.name} can ${abilities(spec)}.`,
  ];
  const gib = (bytes: number) => (bytes / 1024 ** 3).toFixed(1);
  facts.push(
    `It has ${gib(health.memoryFreeBytes)} GiB of memory free and uses ${Math.round(health.cpu * 100)} % of its CPU.`,
  );
  if (health.temperatureC !== undefined) facts.push(`Its temperature is ${Math.round(health.temperatureC)} °C.`);
  return facts;
}

function abilities({ memory, tools }: AgentSpec): string {
  const has = (tool: string) => tools.some((grant) => grant.tool === tool);
  const all = [
    'answer questions',
    ...(memory.remember === 'none' ? [] : ['remember people']),
    ...(has('node') ? ['watch the machine'] : []),
    ...(has('http') ? ['read web pages'] : []),
    ...(has('mqtt') ? ['publish messages'] : []),
    ...(has('mcp') ? ['use tools of other programs'] : []),
    ...(has('gpio') ? ['read and switch pins'] : []),
    ...(has('sensor') ? ['read sensors'] : []),
    ...(has('camera') ? ['look through a camera'] : []),
  ];
  const last = all.pop() as string;
  return all.length > 0 ? `${all.join(', ')} and ${last}` : last;
}
