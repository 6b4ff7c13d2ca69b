// What the coordinator knows, in memory: the fold of every change since the store was opened. Pure functions read it
// (`View` is readonly to them); only `apply` in apply.ts writes it. Indexes here exist so that no decision scans the fleet.
import {
  defaultSpace,
  maxAssignmentBytes,
  maxMemoryBatchEntries,
  maxNodeEventsAtOnce,
  maxNodeEventsPerMinute,
  maxNodeRecordsAtOnce,
  maxNodeRecordsPerMinute,
  type Principal,
} from '@blackroad/protocol';
import type {
  AcknowledgedRow,
  AgentRow,
  AgentWork,
  BranchRow,
  Cuts,
  Freeze,
  HolderRow,
  JoinTokenRow,
  KeyRow,
  MemoryHead,
  ModelFault,
  NodeLive,
  NodeRow,
  Observed,
  PlaceTrouble,
  RemovedAgentRow,
  SessionRow,
  TaskRow,
} from './rows.ts';

export interface MutableView {
  readonly cuts: Cuts;
  startedMs: number;
  coordinator: string;
  nodes: Map<string, NodeRow>;
  live: Map<string, NodeLive>;
  /** By id, as all that is kept of agents. */
  agents: Map<string, AgentRow>;
  /** Their ids by name (`inSpace`). */
  agentIds: Map<string, string>;
  removedAgents: Map<string, RemovedAgentRow>;
  /** The id of the last one that was removed under a name (`inSpace`). */
  removedIds: Map<string, string>;
  observed: Map<string, Observed>;
  /** By agent, removed ones too; the oldest epoch first. */
  holders: Map<string, Omit<HolderRow, 'agent'>[]>;
  tasks: Map<string, TaskRow>;
  /** Of all unfinished tasks together. */
  promptCharacters: number;
  tokens: Map<string, JoinTokenRow>;
  keys: Map<string, KeyRow>;
  /** In the order they were opened. */
  sessions: Map<string, SessionRow>;
  heads: Map<string, MemoryHead>;
  branches: Map<string, BranchRow>;
  /** Branches that were merged lately, and the hash of their last entry: what was read of them just before knows nothing of it. */
  justMerged: Map<string, string>;
  /** By alert. */
  acknowledged: Map<string, AcknowledgedRow>;
  work: Map<string, AgentWork>;
  /** Agents whose work all waits; who was looked at last comes last. */
  unserved: Map<string, true>;
  agentsByNode: Map<string, Set<string>>;
  leasesByNode: Map<string, Set<string>>;
  /** When a loaded chat model was last used, or loaded, by node and name; only models that are loaded or in use. */
  modelUse: Map<string, Map<string, number>>;
  /** By node and model's name. */
  modelFaults: Map<string, Map<string, ModelFault>>;
  /** When the last task on a model was done there, by node and model's name. */
  modelWorked: Map<string, Map<string, number>>;
  /** By agent. */
  placeTroubles: Map<string, PlaceTrouble>;
  nodesByHardware: Map<string, string>;
  /** By `inSpace` of the key. */
  tasksByIdempotencyKey: Map<string, string>;
  /** Where moves of agents are frozen, and why; the fleet as a whole comes first. */
  frozen: Freeze[];
  /** Away when their site was let go again: they do not freeze it a second time. */
  excused: Map<string, true>;
  /** Live tasks by the second in which their deadline lies. */
  tasksByDeadline: Map<number, Set<string>>;
  /** Waiting tasks that are backing off, by the 250 ms slot in which that ends. */
  tasksByWake: Map<number, Set<string>>;
  /**
   * The last ends (id to idempotency key) and the other way round: what was read from the store just before an end was committed
   * must not make a second task of the same name.
   */
  justEnded: Map<string, string | null>;
  justEndedKeys: Map<string, string>;
  /** When fleet/state was last published; null: not yet. */
  announcedMs: number | null;
  /** Of the last tick, and of the tick after a pause of the coordinator itself (its silence is not the nodes'). */
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
/** Rows are readonly where they are declared; here the maps are, and the two kinds of value that a view alters in place. */
export type View = { readonly [K in keyof MutableView]: Read<MutableView[K]> };

/** Names of people and programs mean something within their space alone; no space has a slash in it. */
export function inSpace(space: string, name: string): string {
  return `${space}/${name}`;
}
/** The id of the agent that people of this space call so; undefined: there is none. */
export function agentIdOf(view: Pick<View, 'agentIds'>, space: string, name: string): string | undefined {
  return view.agentIds.get(inSpace(space, name));
}
/** The same, where one that was removed counts as well: its memory and its ended tasks are still there. */
export function agentIdEver(view: Pick<View, 'agentIds' | 'removedIds'>, space: string, name: string) {
  const key = inSpace(space, name);
  return view.agentIds.get(key) ?? view.removedIds.get(key);
}
/** Of an agent, also of one that was removed; else that of who asks. */
export function spaceOf(
  { agents, removedAgents }: Pick<View, 'agents' | 'removedAgents'>,
  agent: string,
  by: Pick<Principal, 'space'> | null,
): string {
  return (agents.get(agent) ?? removedAgents.get(agent))?.space ?? by?.space ?? defaultSpace;
}
/** What people call it, or called it when it was removed. Nothing of it is left: its id. */
export function agentNameOf({ agents, removedAgents }: Pick<View, 'agents' | 'removedAgents'>, id: string): string {
  return agents.get(id)?.spec.name ?? removedAgents.get(id)?.name ?? id;
}

const ownCuts: Cuts = {
  memoryBatchEntries: maxMemoryBatchEntries,
  // Room for the envelope of a delta or a snapshot part.
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
    heads: new Map(),
    branches: new Map(),
    justMerged: new Map(),
    acknowledged: new Map(),
    work: new Map(),
    unserved: new Map(),
    agentsByNode: new Map(),
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
    announcedMs: null,
    tickedMs: null,
    resumedMs: null,
  };
}
