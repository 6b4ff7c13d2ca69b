// The rows that a view is made of, readonly where they are declared: a row is replaced, never altered. Only what a node said of itself
// (`NodeLive`) and the work of an agent are altered in place, by apply.ts alone.
import type {
  AgentObserved,
  AgentSpec,
  Asker,
  NodeCapacity,
  NodeHealth,
  NodeInfo,
  PastAttempt,
  PlacementWhy,
  PresenceCause,
  Role,
  TaskOriginName,
  TaskProblem,
  TaskState,
  TaskUsage,
  UnplacedWhy,
} from '@blackroad/protocol';
import type { SignCode } from '../fleet/health.ts';

type Presence = 'online' | 'suspect' | 'lost' | 'never';

/** One machine; durable. Presence is stored as transitions only. */
export interface NodeRow {
  readonly id: string;
  readonly class: string;
  /** By the join token: what the node says of itself does not change it. */
  readonly classFixed?: true;
  readonly site: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly status: 'active' | 'quarantined';
  readonly quarantineReason: string;
  /** SHA-256 of what the hardware says of itself; two machines with one identity are clones. */
  readonly hardware: string;
  /** SHA-256 of the part of it that does not change by itself; missing until a node-agent that knows it said so under its key. */
  readonly machine?: string;
  /** SHA-256 of the certificate's public key (SPKI, DER). */
  readonly keyFingerprint: string;
  readonly certificateExpiresMs: number;
  readonly enrolledMs: number;
  readonly simulated: boolean;
  readonly cordoned: boolean;
  readonly draining: boolean;
  /** Of its assignment. */
  readonly generation: number;
  readonly presence: Presence;
  readonly presenceSinceMs: number;
  readonly presenceReason: string;
  readonly presenceCause: PresenceCause;
  /** It was set up anew, or looks so, and a person allowed it to take its place back until then, once. */
  readonly reclaimUntilMs?: number;
  /** Its node-agent knows agents by their ids; missing: an older one, which is told the id for the name. */
  readonly agentIds?: true;
  /** Of the last birth. */
  readonly boot: string;
  readonly info: NodeInfo | null;
}

/** That an agent was placed on a node: kept for good, or a node that lost it long ago could not be told from one that never had it. */
export interface HolderRow {
  readonly agent: string;
  readonly epoch: number;
  readonly node: string;
  /** `enrolledMs` of the node: another machine may come under the same name. */
  readonly joinedMs: number;
}
/** Boots of a node that others have followed: a process never comes back, so one that does has a twin. */
export interface PastBoots {
  /** The newest last. */
  readonly past: readonly string[];
  /** Since `sinceMs` so many times one of them came back. */
  readonly returns: number;
  readonly sinceMs: number;
}
/** How often a node connected. */
export interface Connects {
  readonly sinceMs: number;
  readonly count: number;
}
/** What a node said of things that were never its own. */
export interface Refusals {
  readonly sinceMs: number;
  readonly count: number;
  /** The last one, in words. */
  readonly text: string;
}

/** Durable rows that the messages of one node may make. */
export interface Budget {
  readonly burst: number;
  readonly perMinute: number;
}
/** `events` that do not fit are dropped; `records` (ends of the node's own tasks, entries of branches) are brought again by the node. */
export type BudgetName = 'events' | 'records';
/** What a node has of a budget. */
export interface Spent {
  /** At `atMs`; below zero after a message that carried more rows than were left. */
  readonly left: number;
  readonly atMs: number;
  /** Rows that were not written since the budget was last full. */
  readonly refused: number;
}

/** Perishable facts of a node. */
export interface NodeLive {
  lastSeenMs: number | null;
  capacity: NodeCapacity | null;
  health: NodeHealth | null;
  /** Of bad health, by its heartbeats until now. */
  signs: readonly SignCode[];
  /** Boot that said hello since this coordinator started; null: not heard of yet. */
  helloBoot: string | null;
  /** When it said that. */
  helloMs?: number;
  /** Of its node-agent, as it said then. */
  version?: string;
  /** The heartbeat interval it was told last. */
  heartbeatMs?: number;
  refusals?: Refusals;
  boots?: PastBoots;
  connects?: Connects;
  /** What it has left of its budgets; missing: all. */
  spent?: Partial<Record<BudgetName, Spent>>;
  /** It says a generation below that of its assignment; missing: it is up to date. */
  behind?: Behind;
}

export interface Behind {
  readonly generation: number;
  /** So it has said since, or since the snapshot was sent. */
  readonly sinceMs: number;
  /** It is given this long before the snapshot is sent (again). */
  readonly waitMs: number;
}

export interface Placement {
  readonly node: string;
  readonly epoch: number;
  readonly model: string;
  readonly placedMs: number;
  /** Where the agent's log stood when the epoch began. */
  readonly baseSeq: number;
  readonly baseHash: string;
  /** The node it came from, else null. */
  readonly from: string | null;
  /** Moved here for a gain alone: it has a rest before it is moved so again. */
  readonly rebalanced?: true;
  /** The node before may still act outside for it: this one does not yet. */
  readonly quiet?: Quiet;
}
/** How long the next node waits before it acts outside. [INV-one-hand] */
export interface Quiet {
  readonly untilMs: number;
  /** The process that lets it end sooner by saying that it let go this epoch; null: more than one may still act. */
  readonly boot: string | null;
  readonly epoch: number;
}
export interface AgentRow {
  /** For good, whatever it is called: its memory, its tasks and its nodes know it by this. Of an agent older than ids it is its first name. */
  readonly id: string;
  readonly space: string;
  /** `name` is what people call it: no two agents of a space have the same, and it may change. */
  readonly spec: AgentSpec;
  readonly version: number;
  /** Highest epoch ever given out. */
  readonly epoch: number;
  readonly placement: Placement | null;
  /** The node it was on last, while it has none: its memory is there. Older rows lack it. */
  readonly last?: string | null;
  /** While it has no node: who may still act outside for it. */
  readonly quiet?: Quiet;
  readonly why: PlacementWhy | null;
  readonly unplaced: UnplacedWhy | null;
  /** When a person last changed its spec; missing in rows of older coordinators. */
  readonly changedMs?: number;
  readonly createdMs: number;
  readonly updatedMs: number;
}

/** What is kept of an agent that was removed: its memory and its ended tasks are still there, and one of its name that is applied later is the same agent. */
export interface RemovedAgentRow {
  readonly id: string;
  readonly space: string;
  readonly name: string;
  /** A new one goes on counting, or nodes that were away would mistake old for new. */
  readonly epoch: number;
  readonly version: number;
  /** Who may still act outside for it. */
  readonly quiet?: Quiet;
}

/** What a node said last of an agent that it runs. */
export type Observed = AgentObserved & { readonly node: string };

/** A task that has not ended. Ended ones live in the store alone. */
export interface TaskRow {
  readonly id: string;
  readonly space: string;
  /** Its id. */
  readonly agent: string;
  readonly state: TaskState;
  readonly prompt: string;
  readonly priority: number;
  readonly origin: TaskOriginName;
  readonly createdMs: number;
  readonly deadlineMs: number;
  readonly attempt: number;
  readonly attempts: number;
  readonly node: string | null;
  readonly epoch: number | null;
  readonly leasedMs: number | null;
  readonly idempotencyKey: string | null;
  /** Not leased before this (backoff after a failed attempt); coordinator's clock. */
  readonly notBeforeMs: number;
  /** Leases that are over and did not end it, oldest first; missing: none. */
  readonly past?: readonly PastAttempt[];
  /** Who asked; missing: that is not known. */
  readonly by?: Asker;
  /** Where the answer is told; missing: whoever asked looks for it. */
  readonly replyTo?: ReplyTo;
}
/** The topic of the answer to a question over MQTT. */
export interface ReplyTo {
  readonly kind: 'mqtt';
  /** Its name as the question had it: there the asker listens. */
  readonly agent: string;
  /** Of the question, as its asker named it. */
  readonly id: string;
}
/** An ended task as stored. */
export interface EndedTask extends TaskRow {
  readonly endedMs: number;
  readonly result: string | null;
  readonly truncated: boolean;
  readonly problem: TaskProblem | null;
  readonly usage: TaskUsage | null;
  /** A dead letter that a person dismissed or sent round again; missing: it waits for somebody. */
  readonly dismissedMs?: number;
}

export function isEnded(row: TaskRow | EndedTask): row is EndedTask {
  return 'endedMs' in row;
}

export interface JoinTokenRow {
  readonly id: string;
  readonly space: string;
  readonly secretHash: string;
  readonly uses: number;
  readonly usesLeft: number;
  readonly class: string | null;
  readonly site: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly expiresMs: number;
  readonly createdMs: number;
  readonly revoked: boolean;
}
export interface KeyRow {
  readonly id: string;
  readonly space: string;
  readonly name: string;
  readonly role: Role;
  readonly secretHash: string;
  readonly createdMs: number;
  readonly revoked: boolean;
  /** Written down at most once a minute; missing: never yet. */
  readonly lastUsedMs?: number;
  /** Missing: never. */
  readonly expiresMs?: number;
}
/** A signed-in console: it outlives a restart. `id` is the SHA-256 of its token, which nobody keeps. */
export interface SessionRow {
  readonly id: string;
  readonly space: string;
  readonly name: string;
  /** Of the key then. */
  readonly roles: readonly Role[];
  /** Null: the coordinator itself made the sign-in code. */
  readonly keyId: string | null;
  readonly createdMs: number;
  readonly expiresMs: number;
  readonly address: string;
}
export interface MemoryHead {
  readonly epoch: number;
  readonly seq: number;
  readonly hash: string;
  readonly entries: number;
}
/** The tail of a fenced node, until its additions are merged by the present writer. */
export interface BranchRow {
  readonly id: string;
  readonly space: string;
  readonly agent: string;
  readonly node: string;
  readonly epoch: number;
  readonly fromSeq: number;
  readonly uptoSeq: number;
  readonly complete: boolean;
  readonly merged: boolean;
  readonly receivedMs: number;
  /** Hash of its last entry: what comes next must link to it. */
  readonly uptoHash?: string;
  /** The writer has brought in everything up to here. */
  readonly mergedUpto?: number;
}

/** That a person knows of an alert. It ends when its cause is gone, or when a person takes it back. */
export interface AcknowledgedRow {
  readonly alert: string;
  /** As the audit log names it. */
  readonly by: string;
  readonly atMs: number;
  readonly note: string;
  /** How large the alert was then: a grown one counts as not known. */
  readonly count: number;
}

/** Moves off lost and draining nodes are held back (the blast-radius valve): at one site, or everywhere (null). */
export interface Freeze {
  readonly site: string | null;
  readonly sinceMs: number;
  readonly reason: string;
  /** Of a freeze of the fleet: sites that a person released. */
  readonly released: readonly string[];
}
/** What freezes a site: its own freeze before that of the fleet. */
export function freezeAt(frozen: readonly Freeze[], site: string): Freeze | undefined {
  return (
    frozen.find((freeze) => freeze.site === site) ??
    frozen.find((freeze) => freeze.site === null && !freeze.released.includes(site))
  );
}

/** A model that could not be fetched or loaded on a node. */
export interface ModelFault {
  /** It has failed since. */
  readonly sinceMs: number;
  /** Nothing new goes there before. */
  readonly untilMs: number;
  /** How many times in a row, each avoided for longer than the one before. */
  readonly strikes: number;
  readonly reason: string;
}

/** The place of an agent turned its work down. Perishable: after a restart of the coordinator it is tried anew. */
export interface PlaceTrouble {
  readonly node: string;
  /** Refusals, one a try. */
  readonly inARow: number;
  /** The last refusal. */
  readonly sinceMs: number;
  /** Nothing is leased to the agent there before, unless the place gives word. */
  readonly untilMs: number;
  /** The model there is held for failing. */
  readonly avoid: boolean;
}

/** The queue of one agent and what it works on. Ids; rows are in `tasks`. */
export interface AgentWork {
  /** Waiting, best first (priority descending, then age). */
  waiting: string[];
  leased: Set<string>;
}

/** What one message carries, and what one node may have written. Ours are what a large fleet needs; a simulator makes them small. */
export interface Cuts {
  readonly memoryBatchEntries: number;
  readonly assignmentPartBytes: number;
  readonly budgets: Readonly<Record<BudgetName, Budget>>;
}
