// Messages of the coordinator to one node, on `cmd/<id>/<verb>`, and to all nodes.
import { Hardware } from './hardware.ts';
import { AgentName, Attempt, BootId, CommandId, Generation, Lineage, NodeId, TaskId, TimeMs } from './ids.ts';
import { maxPinsPerNode } from './limits.ts';
import { TaskProblem } from './task-problem.ts';
import { type Static, Type } from './typebox.ts';

/** All models that are pinned on a node: never removed for want of disk, and fetched where `fetch` is set. */
export const KeptModels = Type.Array(
  Type.Object({
    model: Type.String({ maxLength: 200, description: 'As its runtime fetches it.' }),
    fetch: Type.Boolean({ description: 'It is fetched where it is missing; false: kept only where it is.' }),
  }),
  { maxItems: maxPinsPerNode },
);
export type KeptModels = Static<typeof KeptModels>;

/** Answer to a hello: the identity of the coordinator, and how often the node should report. */
export const Welcome = Type.Object({
  boot: BootId,
  coordinator: BootId,
  nowMs: TimeMs,
  heartbeatMs: Type.Integer({ minimum: 100, description: 'Interval of heartbeats, set to the size of the fleet.' }),
  leaseMs: Type.Integer({
    minimum: 1000,
    description: 'Without word from the coordinator for this long, agents do nothing with outside effects.',
  }),
  generation: Generation,
  timeZone: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 64,
      description:
        'Of the fleet, IANA: in it triggers are meant that name none. The node keeps it for when it starts alone.',
    }),
  ),
  modelCachePort: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 65_535,
      description:
        "At the coordinator's host: the model cache, TLS with the node's certificate. Missing: there is none, and models are fetched from elsewhere.",
    }),
  ),
  keep: Type.Optional(KeptModels),
  lineage: Type.Optional(Lineage),
  draining: Type.Optional(Type.Boolean({ description: 'Whether the node drains. Missing: an older coordinator.' })),
  upMs: Type.Optional(Type.Number({ minimum: 0, description: 'Of the hello that this answers: how long it took.' })),
});
export type Welcome = Static<typeof Welcome>;

/** The ends of these attempts are committed (or were already): the node may forget them. */
export const TasksSettled = Type.Object({
  tasks: Type.Array(Type.Object({ task: TaskId, attempt: Attempt }), { minItems: 1, maxItems: 1000 }),
});
export type TasksSettled = Static<typeof TasksSettled>;

export const TaskCancel = Type.Object({ task: TaskId, attempt: Attempt, reason: Type.String({ maxLength: 200 }) });
export type TaskCancel = Static<typeof TaskCancel>;

/** Commands; the node answers each on `reply/<id>/<command>`. */
export const PullModel = Type.Object({ command: CommandId, model: Type.String({ maxLength: 200 }) });
export type PullModel = Static<typeof PullModel>;
/** Frees the memory of a model that no agent here needs now; its file stays. */
export const UnloadModel = Type.Object({ command: CommandId, model: Type.String({ maxLength: 200 }) });
export type UnloadModel = Static<typeof UnloadModel>;
/** Ends a fetch; what has come stays for the next one. */
export const StopPull = Type.Object({ command: CommandId, model: Type.String({ maxLength: 200 }) });
export type StopPull = Static<typeof StopPull>;
/** Removes a model from the disk of a node. */
export const RemoveModel = Type.Object({ command: CommandId, model: Type.String({ maxLength: 200 }) });
export type RemoveModel = Static<typeof RemoveModel>;
export const KeepModels = Type.Object({ keep: KeptModels });
export type KeepModels = Static<typeof KeepModels>;
export const Identify = Type.Object({
  command: CommandId,
  seconds: Type.Integer({ minimum: 1, maximum: 300, default: 10 }),
});
export type Identify = Static<typeof Identify>;
/** The node drains, or no longer does, whoever asked for that: its light shows it. */
export const Draining = Type.Object({ draining: Type.Boolean() });
export type Draining = Static<typeof Draining>;
export const RestartNodeAgent = Type.Object({ command: CommandId });
export type RestartNodeAgent = Static<typeof RestartNodeAgent>;
export const LookAtHardware = Type.Object({ command: CommandId });
export type LookAtHardware = Static<typeof LookAtHardware>;
export const ReadLog = Type.Object({
  command: CommandId,
  lines: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
});
export type ReadLog = Static<typeof ReadLog>;
export const Reply = Type.Object({
  command: CommandId,
  ok: Type.Boolean(),
  problem: Type.Optional(TaskProblem),
  lines: Type.Optional(Type.Array(Type.String({ maxLength: 4000 }), { maxItems: 1000 })),
  hardware: Type.Optional(Hardware),
  text: Type.Optional(Type.String({ maxLength: 1000 })),
});
export type Reply = Static<typeof Reply>;

/** The coordinator no longer accepts the node (forgotten or quarantined). The node stops its agents and reports that. */
export const Farewell = Type.Object({
  reason: Type.OneOf(['forgotten', 'quarantined']),
  text: Type.String({ maxLength: 500 }),
});
export type Farewell = Static<typeof Farewell>;

/** Coordinator presence; a new `coordinator` id asks every node for a hello within `reconnectWindowMs`. */
export const FleetState = Type.Object({
  state: Type.OneOf(['online', 'offline'], {
    description: 'offline: the coordinator stopped, or it is the will that an external broker tells when it is gone.',
  }),
  coordinator: BootId,
  nowMs: TimeMs,
  reconnectWindowMs: Type.Integer({ minimum: 0 }),
});
export type FleetState = Static<typeof FleetState>;

/** The id of an ask over MQTT (Home Assistant, Node-RED). The ask is JSON, or the bare prompt as text. */
const askId = /^[A-Za-z0-9_-]{1,60}$/;
export function isAskId(text: string): boolean {
  return askId.test(text);
}
export const MqttAsk = Type.Object({
  id: Type.Optional(
    Type.String({ pattern: askId.source, description: 'Names the answer topic; made up when missing.' }),
  ),
  prompt: Type.String({ minLength: 1, maxLength: 32 * 1024 }),
});
export type MqttAsk = Static<typeof MqttAsk>;
export const MqttAnswer = Type.Object({
  agent: AgentName,
  task: Type.Nullable(TaskId),
  ok: Type.Boolean(),
  text: Type.String(),
  node: Type.Nullable(NodeId),
});
export type MqttAnswer = Static<typeof MqttAnswer>;
