// The reports of a node about itself: presence, inventory, capacity, health, events.

import { nodeReasons } from './agent-reasons.ts';
import { Board, BoardPin, PinStand } from './board.ts';
import { Condition } from './conditions.ts';
import {
  AgentId,
  AgentName,
  Attempt,
  BalenaUuid,
  BootId,
  Epoch,
  Fingerprint,
  Generation,
  Labels,
  Machine,
  NodeId,
  TaskId,
  TimeMs,
} from './ids.ts';
import {
  maxBoardPins,
  maxFetchesShown,
  maxHeldInHealth,
  maxHeldTasks,
  maxModelsInHealth,
  maxModelsPerNode,
  maxRequestsPerModel,
} from './limits.ts';
import { abilityWords, type NodeAbility, nodeAbilities } from './node-abilities.ts';
import { ModelFetch, NodeModel, RuntimeKind } from './node-model.ts';
import { OsUpdates } from './os-update.ts';
import { type Static, type TLiteral, type TOptional, Type } from './typebox.ts';
import { ReleaseVersion } from './update.ts';

export const NodeClassName = Type.String({
  pattern: '^[a-z0-9][a-z0-9-]{0,30}$',
  description: 'Hardware class: micro, pi, edge-gpu, cpu, gpu, cloud, or one added by configuration.',
});

/** The reason of a node's own clean stop; no other message has it. */
export const stoppedReason = 'stopped';
/** Birth (`online`), the will (`offline`) and a clean stop (`offline`, reason `stopped`). */
export const NodeState = Type.Object({
  state: Type.OneOf(['online', 'offline']),
  boot: BootId,
  reason: Type.Optional(Type.String({ maxLength: 200 })),
});
export type NodeState = Static<typeof NodeState>;

const abilityFields = Object.fromEntries(
  nodeAbilities.map((ability) => [
    ability,
    Type.Optional(Type.Literal(true, { description: `It ${abilityWords[ability]}. Missing: an older node.` })),
  ]),
) as Record<NodeAbility, TOptional<TLiteral<true>>>;

/** Sent after every (re)connection: what the node holds, so that the coordinator can send exactly what is missing. */
export const NodeHello = Type.Object({
  boot: BootId,
  version: Type.String({ maxLength: 40, description: 'Of the node-agent.' }),
  hardware: Fingerprint,
  machine: Type.Optional(Machine),
  generation: Generation,
  address: Type.Optional(
    Type.String({
      pattern: '^[0-9a-fA-F.:]{2,45}$',
      description: 'Of this machine, as its connection to the broker has it. Missing: an older node.',
    }),
  ),
  ...abilityFields,
  upMs: Type.Number({
    minimum: 0,
    description:
      'Age of the node-agent process: a lease older than that which it does not hold died with the process before.',
  }),
  held: Type.Array(Type.Object({ task: TaskId, attempt: Attempt }), {
    maxItems: maxHeldTasks,
    description: 'Leases the node holds and has not reported the end of.',
  }),
});
export type NodeHello = Static<typeof NodeHello>;

const Gpu = Type.Object({
  name: Type.String({ maxLength: 100 }),
  memoryBytes: Type.Integer({ minimum: 0 }),
});

/** Inventory: it changes only when a person changes the machine. */
export const NodeInfo = Type.Object({
  boot: BootId,
  class: NodeClassName,
  hostname: Type.String({ maxLength: 255 }),
  board: Type.Optional(Type.String({ maxLength: 100, description: '`Raspberry Pi 5 Model B Rev 1.0`' })),
  os: Type.String({ maxLength: 200 }),
  arch: Type.String({ maxLength: 20 }),
  cpu: Type.Optional(Type.String({ maxLength: 200 })),
  cores: Type.Integer({ minimum: 1 }),
  memoryBytes: Type.Integer({ minimum: 0 }),
  gpus: Type.Array(Gpu, { maxItems: 32 }),
  runtimes: Type.Array(Type.String({ maxLength: 200 }), { maxItems: 16, description: 'Labels of the runtimes found.' }),
  notes: Type.Array(Type.String({ maxLength: 500 }), {
    maxItems: 32,
    description: 'Plain words on what is missing and what would fix it.',
  }),
  led: Type.Optional(
    Type.Boolean({ description: 'It has a light that `identify` can blink; missing: an older node does not say.' }),
  ),
  pins: Type.Optional(
    Type.Array(BoardPin, {
      maxItems: maxBoardPins,
      description: 'Pins of its board that its owner lists. Missing: none, or an older node.',
    }),
  ),
  pinsBy: Type.Optional(
    Type.String({
      maxLength: 100,
      description: 'What reads and sets them, in words; `simulated` where they are made up.',
    }),
  ),
  version: Type.Optional(ReleaseVersion),
  updates: Type.Optional(
    Type.Literal(true, {
      description:
        'It was installed from a release and takes another one from the coordinator. Missing: a container, a source folder, or an older node.',
    }),
  ),
  osUpdates: Type.Optional(
    Type.Object(OsUpdates.properties, {
      description:
        'Its operating system takes updates from the coordinator, by apt. Missing: another system, an installation without the part that runs as root, or an older node.',
    }),
  ),
  balenaDevice: Type.Optional(BalenaUuid),
  simulated: Type.Boolean(),
});
export type NodeInfo = Static<typeof NodeInfo>;

/** The label of a simulated node that may get agents whose spec does not ask for simulated nodes. */
export const mixedLabels = { simulated: 'mix' } as const;
/** Whether a simulated node gets no agent that does not ask for one: made-up answers would stay in the memory of a real agent. */
export function isApart(node: { simulated: boolean; labels: Readonly<Record<string, string>> }): boolean {
  return node.simulated && node.labels.simulated !== mixedLabels.simulated;
}

/** The capacity of the node; sent when it changes noticeably. */
export const NodeCapacity = Type.Object({
  boot: BootId,
  memoryTotalBytes: Type.Integer({ minimum: 0, description: 'RAM the models may use, or VRAM where there is a GPU.' }),
  memoryFreeBytes: Type.Integer({ minimum: 0, description: 'Measured free now, without what resident models hold.' }),
  diskFreeBytes: Type.Integer({ minimum: 0 }),
  models: Type.Array(NodeModel, { maxItems: maxModelsPerNode }),
  pulls: Type.Optional(
    Type.Array(RuntimeKind, { maxItems: 8, description: 'Runtimes here that can fetch a chat model they lack.' }),
  ),
  fetchable: Type.Optional(
    Type.Array(Type.String({ maxLength: 200 }), {
      maxItems: maxModelsPerNode,
      description: 'Names of all that they can fetch; absent: whatever their registries have.',
    }),
  ),
  fetches: Type.Optional(
    Type.Array(ModelFetch, {
      maxItems: maxFetchesShown,
      description: 'Models on their way here, and those that failed.',
    }),
  ),
  noModel: Type.Optional(
    Type.String({
      maxLength: 300,
      description: 'What keeps a chat model from being here, while none is and one should.',
    }),
  ),
  defaultChat: Type.Nullable(Type.String({ maxLength: 200, description: 'What `model: auto` means here.' })),
  evictable: Type.Optional(
    Type.Array(Type.String({ maxLength: 200 }), {
      maxItems: maxModelsPerNode,
      description:
        'Names of models that the fleet fetched here: only these may be removed for want of disk. Missing: none, or an older node.',
    }),
  ),
  embedder: Type.Nullable(
    Type.String({ maxLength: 200, description: 'Embedding model in use; null: lexical recall only.' }),
  ),
  board: Type.Optional(Board),
  pricePerMillionTokens: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: 1e6,
      description:
        'US dollars, for tokens read or written; missing: nothing. Nodes are compared by it. Where models have prices of their own, that of ' +
        'the dearest, three quarters of the tokens read.',
    }),
  ),
});
export type NodeCapacity = Static<typeof NodeCapacity>;

const Requests = (description: string) => Type.Integer({ minimum: 0, maximum: maxRequestsPerModel, description });
/** The load of one model on a node now. Capacity has its learned speeds: they change with each answer, the load within a moment. */
export const ModelLoad = Type.Object({
  name: Type.String({ maxLength: 200 }),
  busy: Requests('Requests of the node that its model server works on.'),
  waiting: Requests('Requests of the node that wait for a slot.'),
  slots: Requests(
    'Requests of its own that the node lets in at once now; it moves where the server does not tell how many it takes.',
  ),
  others: Type.Optional(
    Requests(
      'Requests of others than the node in its model server, as seen about a beat ago. Missing: none, or the server does not tell.',
    ),
  ),
});
export type ModelLoad = Static<typeof ModelLoad>;

/** The heartbeat: perishable, never stored. */
export const NodeHealth = Type.Object({
  boot: BootId,
  atMs: TimeMs,
  uptimeS: Type.Number({ minimum: 0 }),
  generation: Generation,
  cpu: Type.Number({ minimum: 0, maximum: 1, description: 'Share of all cores in use since the last heartbeat.' }),
  memoryFreeBytes: Type.Integer({ minimum: 0 }),
  diskFreeBytes: Type.Integer({ minimum: 0 }),
  temperatureC: Type.Optional(Type.Number()),
  throttled: Type.Optional(Type.Object({ now: Type.Boolean(), sinceBoot: Type.Boolean() })),
  undervoltage: Type.Optional(Type.Object({ now: Type.Boolean(), sinceBoot: Type.Boolean() })),
  sdWrittenBytesPerDay: Type.Optional(
    Type.Number({
      minimum: 0,
      description:
        'To SD cards and eMMC, by the whole machine; missing where it has none. Measured as diskWrittenBytesPerDay is.',
    }),
  ),
  diskWrittenBytesPerDay: Type.Optional(
    Type.Number({
      minimum: 0,
      description:
        'To all disks, by the whole machine, over the last day, or since its boot until the node-agent has run for a day; missing in the first six hours.',
    }),
  ),
  readOnlyDisk: Type.Optional(Type.Boolean()),
  clockSynced: Type.Optional(Type.Boolean()),
  wifi: Type.Optional(Type.Object({ signalDbm: Type.Number(), reconnects: Type.Integer({ minimum: 0 }) })),
  gpus: Type.Optional(
    Type.Array(
      Type.Object({
        memoryUsedBytes: Type.Integer({ minimum: 0 }),
        utilisation: Type.Number({ minimum: 0, maximum: 1 }),
        temperatureC: Type.Optional(Type.Number()),
      }),
      { maxItems: 32 },
    ),
  ),
  gpuTroubles: Type.Optional(
    Type.Array(
      Type.Object({
        kind: Type.OneOf(['silent', 'lost', 'warning'], {
          description: 'silent: its cards are known and do not answer now; lost: one card does not work any more.',
        }),
        text: Type.String({ maxLength: 300, description: 'Which card, and the words of its driver.' }),
      }),
      { maxItems: 33, description: '`gpus` lists only the cards that work and answer.' },
    ),
  ),
  network: Type.Optional(
    Type.Object({ receivedBytesPerS: Type.Number({ minimum: 0 }), sentBytesPerS: Type.Number({ minimum: 0 }) }),
  ),
  tasksRunning: Type.Integer({ minimum: 0, description: 'Turns of its agents, those that wait for a slot included.' }),
  models: Type.Optional(
    Type.Array(ModelLoad, {
      maxItems: maxModelsInHealth,
      description:
        'Models that are loaded or have requests, those with the most requests first; where not all find room, those alone. Missing: ' +
        'an older node.',
    }),
  ),
  outboxDepth: Type.Integer({ minimum: 0 }),
  memoriesUnacked: Type.Optional(
    Type.Integer({
      minimum: 0,
      description:
        'Memories on this node that the coordinator has not committed, those of agents that left it too. Missing: an older node.',
    }),
  ),
  held: Type.Optional(
    Type.Array(Type.String({ maxLength: 60 }), {
      maxItems: maxHeldInHealth,
      description:
        'Leases the node holds, `<task>.<attempt>`, the oldest first; a lease that it should hold and does not name is taken ' +
        'back. Missing: a node that cannot say it.',
    }),
  ),
  triggerTroubles: Type.Optional(
    Type.Array(Type.String({ maxLength: 300 }), {
      maxItems: 8,
      description:
        'Triggers of its agents that do not fire as they are meant, and why, in plain words, for as long as that is so. Missing: all do, ' +
        'or an older node.',
    }),
  ),
  pins: Type.Optional(
    Type.Array(PinStand, {
      maxItems: maxBoardPins,
      description: 'Its pins, as they were read last. Missing: it has none, or an older node.',
    }),
  ),
  agentRssBytes: Type.Integer({ minimum: 0, description: 'Resident memory of the node-agent process.' }),
});
export type NodeHealth = Static<typeof NodeHealth>;

/** The agents that really run, as opposed to those that are assigned. */
export const AgentObserved = Type.Object({
  boot: BootId,
  agent: AgentId,
  epoch: Epoch,
  state: Type.OneOf(['starting', 'hydrating', 'ready', 'failed', 'stopped']),
  model: Type.Nullable(Type.String({ maxLength: 200 })),
  reason: Type.Optional(Type.String({ maxLength: 500, description: 'Why it is not ready, in words.' })),
  code: Type.Optional(
    Type.String({
      pattern: '^[a-z][a-z-]*$',
      maxLength: 40,
      description: `The same for programs: ${Object.keys(nodeReasons).join(', ')}. Missing: ready, stopped, or an older node.`,
    }),
  ),
  progress: Type.Optional(Type.Number({ minimum: 0, maximum: 1, description: 'Of what it waits for.' })),
});
export type AgentObserved = Static<typeof AgentObserved>;

/** Why a node is online, away or was never seen: for programs, and for decisions about many nodes that are away at once. */
export const PresenceCause = Type.OneOf([
  'enrolled', // but not heard from yet
  'connected',
  'heard', // heard again, on the connection that it has
  'stopped', // by a person or an update, in good order
  'broken', // the connection broke
  'silent', // silent, but its connection is open
  'restarted', // the coordinator restarted, and has not heard from the node since
  'quarantined',
]);
export type PresenceCause = Static<typeof PresenceCause>;

/** A node as the coordinator shows it: the shape of GET /v1/nodes. */
export const NodeView = Type.Object({
  id: NodeId,
  version: Type.Nullable(
    Type.String({ description: 'Of its node-agent. Null: it did not connect since the coordinator started.' }),
  ),
  address: Type.Nullable(
    Type.String({
      description:
        'Of its machine in its own network, by its last connection. Null: it did not connect since the coordinator started, or does not tell.',
    }),
  ),
  class: NodeClassName,
  site: Type.String(),
  labels: Labels,
  status: Type.OneOf(['active', 'quarantined']),
  quarantineReason: Type.Optional(Type.String()),
  presence: Type.OneOf(['online', 'suspect', 'lost', 'never']),
  presenceSinceMs: TimeMs,
  presenceReason: Type.String({ description: 'In words.' }),
  presenceCause: PresenceCause,
  lastSeenMs: Type.Nullable(TimeMs),
  cordoned: Type.Boolean(),
  draining: Type.Boolean(),
  conditions: Type.Array(Condition, { description: 'What is wrong with it, worst first.' }),
  generation: Generation,
  agents: Type.Array(AgentName),
  staying: Type.Integer({ description: 'Of these, while it drains: those that no other node takes.' }),
  onlyHere: Type.Nullable(
    Type.Integer({
      description:
        'Messages and memories that are on this node alone, by its last heartbeat; at 0 nothing is lost when an empty node is ' +
        'switched off. Null: not known.',
    }),
  ),
  tasksRunning: Type.Integer(),
  certificateExpiresMs: TimeMs,
  enrolledMs: TimeMs,
  info: Type.Nullable(NodeInfo),
  capacity: Type.Nullable(NodeCapacity),
  health: Type.Nullable(NodeHealth),
});
export type NodeView = Static<typeof NodeView>;
