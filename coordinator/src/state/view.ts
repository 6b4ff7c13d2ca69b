// The view: the fleet in memory, the fold of every change since the store was opened. Pure functions read it (`View` is readonly to them);
// only `apply` in apply.ts writes it. The indexes exist so that no decision scans the fleet.

import {
  defaultSpace,
  type KnownModels,
  maxAssignmentBytes,
  maxMemoryBatchEntries,
  maxNodeEventsAtOnce,
  maxNodeEventsPerMinute,
  maxNodeRecordsAtOnce,
  maxNodeRecordsPerMinute,
  noKnownModels,
  type Principal,
  type SignedCheckpoint,
} from '@blackroad/protocol';
import type { BackupStand } from './backup-stand.ts';
import type { BalenaStand } from './balena-stand.ts';
import type { ReservationRow, SpendingRow } from './budget-rows.ts';
import type { ConversationRow } from './conversation-row.ts';
import type { Cuts } from './cuts.ts';
import type { DocumentRow, GivenRow } from './given-rows.ts';
import type { AnchoredRow, ErasureRow, MemoryHead } from './memory-rows.ts';
import type { ObjectStand } from './object-stand.ts';
import type { FoundRow, RestoredRow } from './restore-rows.ts';
import type { KnownRelease, RolloutRow, RolloutSubjectRow, Sums } from './rollout-rows.ts';
import type {
  AcknowledgedRow,
  AgentRow,
  AgentWork,
  BranchRow,
  Freeze,
  HolderRow,
  JoinTokenRow,
  KeyRow,
  ModelFault,
  NodeLive,
  NodeRow,
  Observed,
  PinRow,
  PlaceTrouble,
  RemovedAgentRow,
  SessionRow,
  TaskRow,
} from './rows.ts';
import type { RunRow } from './run-rows.ts';
import type { DeliveryRow, WebhookRow } from './webhook-rows.ts';

export interface MutableView {
  readonly cuts: Cuts;
  startedMs: number;
  coordinator: string;
  nodes: Map<string, NodeRow>;
  live: Map<string, NodeLive>;
  /** Agents by id, like all rows about agents. */
  agents: Map<string, AgentRow>;
  /** Ids of agents by name (`inSpace`). */
  agentIds: Map<string, string>;
  removedAgents: Map<string, RemovedAgentRow>;
  /** Ids of the last removed agents by name (`inSpace`). */
  removedIds: Map<string, string>;
  observed: Map<string, Observed>;
  /** Holders by agent, also of removed agents; the oldest epoch first. */
  holders: Map<string, Omit<HolderRow, 'agent'>[]>;
  tasks: Map<string, TaskRow>;
  /** The sum over all live tasks. */
  promptCharacters: number;
  tokens: Map<string, JoinTokenRow>;
  keys: Map<string, KeyRow>;
  /** Sessions in the order of their opening. */
  sessions: Map<string, SessionRow>;
  conversations: Map<string, ConversationRow>;
  heads: Map<string, MemoryHead>;
  branches: Map<string, BranchRow>;
  /** The newest signed checkpoint; null: there was none yet. */
  checkpoint: SignedCheckpoint | null;
  /** Logs that are under it, by agent. */
  anchored: Map<string, AnchoredRow>;
  /** Recently merged branches with the hash of their last entry: data read from the store just before the merge does not show it. */
  justMerged: Map<string, string>;
  /** Memories of people that are not written yet, and their ids by agent in the order in which they were given. */
  given: Map<string, GivenRow>;
  givenByAgent: Map<string, Set<string>>;
  documents: Map<string, DocumentRow>;
  documentsByAgent: Map<string, Set<string>>;
  /** Documents and runs that are not written completely, by agent. */
  unwritten: Map<string, Set<string>>;
  /** Runs of consolidation, and their ids by agent, the oldest first. */
  runs: Map<string, RunRow>;
  runsByAgent: Map<string, Set<string>>;
  /** Acknowledgements by alert. */
  acknowledged: Map<string, AcknowledgedRow>;
  /** Erasures of memories by id; the number of the last one by agent; ids of those that a node owes, by node. */
  erasures: Map<string, ErasureRow>;
  erasedUpto: Map<string, number>;
  erasuresOwed: Map<string, Set<string>>;
  /** Nodes that said something of a log without being its holders, by agent. */
  memoryCopies: Map<string, Set<string>>;
  /** Hashes of memories that were erased a moment ago. */
  justErased: Map<string, true>;
  /** What is used of each budget, by account. */
  spending: Map<string, SpendingRow>;
  reservations: Map<string, ReservationRow>;
  /** Ids of reservations by account. */
  reservedBy: Map<string, Set<string>>;
  /** Pins of models by id. */
  pins: Map<string, PinRow>;
  webhooks: Map<string, WebhookRow>;
  /** What waits for webhooks or was given up, and its ids by webhook. */
  deliveries: Map<string, DeliveryRow>;
  deliveriesByWebhook: Map<string, Set<string>>;
  /** The catalogue; empty until the coordinator has read it. */
  known: KnownModels;
  /** Rollouts, the oldest first. */
  rollouts: Map<string, RolloutRow>;
  /** Subjects of rollouts by `subjectKey`, and these keys by rollout. */
  rolloutSubjects: Map<string, RolloutSubjectRow>;
  subjectsByRollout: Map<string, Set<string>>;
  /** What was measured since the last mark, by node and by agent. */
  nodeSums: Map<string, Sums>;
  agentSums: Map<string, Sums>;
  /** The releases of the node-agent that the coordinator has; empty until it has read them. */
  releases: readonly KnownRelease[];
  /** What balena last said; null: it was not asked, or has not answered since the start. */
  balena: BalenaStand | null;
  /** The time at which rollouts were last judged. */
  judgedMs: number | null;
  work: Map<string, AgentWork>;
  /** Agents with only waiting tasks; the one examined last is at the end. */
  unserved: Map<string, true>;
  agentsByNode: Map<string, Set<string>>;
  /** Agents with a planned move under way, the oldest first. */
  leaving: Map<string, true>;
  leasesByNode: Map<string, Set<string>>;
  /** The time of the last use, or of the load, of a chat model by node and name; only models that are loaded or in use. */
  modelUse: Map<string, Map<string, number>>;
  /** Faults by node and name of the model. */
  modelFaults: Map<string, Map<string, ModelFault>>;
  /** The time of the last task done with a model, by node and name of the model. */
  modelWorked: Map<string, Map<string, number>>;
  /** Troubles by agent. */
  placeTroubles: Map<string, PlaceTrouble>;
  nodesByHardware: Map<string, string>;
  /** Ids of live tasks by idempotency key (`inSpace`). */
  tasksByIdempotencyKey: Map<string, string>;
  /** Freezes of moves; that of the whole fleet comes first. */
  frozen: Freeze[];
  /** Nodes that were absent when the freeze of their site ended: they do not freeze it a second time. */
  excused: Map<string, true>;
  /** Live tasks by the second of their deadline. */
  tasksByDeadline: Map<number, Set<string>>;
  /** Waiting tasks after a failed attempt, by the 250 ms slot in which the wait ends. */
  tasksByWake: Map<number, Set<string>>;
  /**
   * The last ends (id to idempotency key) and the reverse: data read from the store just before an end was committed must not lead to a
   * second task with the same key.
   */
  justEnded: Map<string, string | null>;
  justEndedKeys: Map<string, string>;
  /** The last restore from a backup; null: there was none. */
  restored: RestoredRow | null;
  /** What was found since, by id. */
  found: Map<string, FoundRow>;
  /** How backups stand; null: not told yet. */
  backups: BackupStand | null;
  /** How the object store stands; null: there is none, and nothing is missing. */
  objectStore: ObjectStand | null;
  /** The time of the last fleet/state; null: none yet. */
  announcedMs: number | null;
  /** The times of the last tick, and of the last tick after a pause of the coordinator itself, in which nodes do not count as silent. */
  tickedMs: number | null;
  resumedMs: number | null;
}

type Read<T> =
  T extends Map<infer K, infer V>
    ? ReadonlyMap<K, Read<V>>
    : T extends Set<infer V>
      ? ReadonlySet<V>
      : T extends AgentWork
        ? { readonly waiting: readonly string[]; readonly leased: ReadonlySet<string> }
        : T extends readonly (infer V)[]
          ? readonly V[]
          : T extends object
            ? Readonly<T>
            : T;
/** The rows are declared readonly; this type makes the maps readonly, and the two kinds of values that a view alters in place. */
export type View = { readonly [K in keyof MutableView]: Read<MutableView[K]> };

/** Names of people and programs are unique only within their space; the name of a space has no slash. */
export function inSpace(space: string, name: string): string {
  return `${space}/${name}`;
}
/** The id of the agent with this name in this space; undefined: there is none. */
export function agentIdOf(view: Pick<View, 'agentIds'>, space: string, name: string): string | undefined {
  return view.agentIds.get(inSpace(space, name));
}
/** The id of the agent with this name, also of a removed one: its memory and its ended tasks still exist. */
export function agentIdEver(view: Pick<View, 'agentIds' | 'removedIds'>, space: string, name: string) {
  const key = inSpace(space, name);
  return view.agentIds.get(key) ?? view.removedIds.get(key);
}
/** The space of an agent, also of a removed one; else that of the principal. */
export function spaceOf(
  { agents, removedAgents }: Pick<View, 'agents' | 'removedAgents'>,
  agent: string,
  by: Pick<Principal, 'space'> | null,
): string {
  return (agents.get(agent) ?? removedAgents.get(agent))?.space ?? by?.space ?? defaultSpace;
}
/** The name of an agent, or its name at its removal; the id where there is no row at all. */
export function agentNameOf({ agents, removedAgents }: Pick<View, 'agents' | 'removedAgents'>, id: string): string {
  return agents.get(id)?.spec.name ?? removedAgents.get(id)?.name ?? id;
}

const ownCuts: Cuts = {
  memoryBatchEntries: maxMemoryBatchEntries,
  // The envelope of a delta or a snapshot part needs this much.
  assignmentPartBytes: maxAssignmentBytes - 1024,
  budgets: {
    events: { burst: maxNodeEventsAtOnce, perMinute: maxNodeEventsPerMinute },
    records: { burst: maxNodeRecordsAtOnce, perMinute: maxNodeRecordsPerMinute },
  },
};
export function emptyView(coordinator: string, startedMs: number, cuts: Cuts = ownCuts): MutableView {
  return {
    cuts,
    startedMs,
    coordinator,
    nodes: new Map(),
    live: new Map(),
    agents: new Map(),
    agentIds: new Map(),
    removedAgents: new Map(),
    removedIds: new Map(),
    observed: new Map(),
    holders: new Map(),
    tasks: new Map(),
    promptCharacters: 0,
    tokens: new Map(),
    keys: new Map(),
    sessions: new Map(),
    conversations: new Map(),
    heads: new Map(),
    branches: new Map(),
    checkpoint: null,
    anchored: new Map(),
    justMerged: new Map(),
    given: new Map(),
    givenByAgent: new Map(),
    documents: new Map(),
    documentsByAgent: new Map(),
    unwritten: new Map(),
    ...{ runs: new Map(), runsByAgent: new Map() },
    acknowledged: new Map(),
    erasures: new Map(),
    erasedUpto: new Map(),
    erasuresOwed: new Map(),
    memoryCopies: new Map(),
    justErased: new Map(),
    spending: new Map(),
    reservations: new Map(),
    reservedBy: new Map(),
    pins: new Map(),
    webhooks: new Map(),
    ...{ deliveries: new Map(), deliveriesByWebhook: new Map() },
    known: noKnownModels,
    rollouts: new Map(),
    rolloutSubjects: new Map(),
    subjectsByRollout: new Map(),
    nodeSums: new Map(),
    agentSums: new Map(),
    releases: [],
    balena: null,
    judgedMs: null,
    work: new Map(),
    unserved: new Map(),
    agentsByNode: new Map(),
    leaving: new Map(),
    leasesByNode: new Map(),
    modelUse: new Map(),
    modelFaults: new Map(),
    modelWorked: new Map(),
    placeTroubles: new Map(),
    nodesByHardware: new Map(),
    tasksByIdempotencyKey: new Map(),
    frozen: [],
    excused: new Map(),
    tasksByDeadline: new Map(),
    tasksByWake: new Map(),
    justEnded: new Map(),
    justEndedKeys: new Map(),
    restored: null,
    found: new Map(),
    backups: null,
    objectStore: null,
    announcedMs: null,
    tickedMs: null,
    resumedMs: null,
  };
}
