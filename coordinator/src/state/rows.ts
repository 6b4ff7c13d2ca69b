// The rows of a view, declared readonly: a row is replaced, never altered. Only the reports of a node (`NodeLive`) and the work of an agent
// are altered in place, by apply.ts alone.
import type {
  AgentObserved,
  AgentSpec,
  Asker,
  Exchange,
  NodeAbilities,
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
  TaskTrace,
  TaskUsage,
  UnplacedWhy,
  Budget as UseBudget,
} from '@blackroad/protocol';
import type { SignCode } from '../fleet/health.ts';
import type { Leaving } from './leaving-row.ts';
import type { ReplyTo } from './reply-to.ts';

type Presence = 'online' | 'suspect' | 'lost' | 'never';

/** One machine; durable. Presence is stored as transitions only. */
export interface NodeRow {
  readonly id: string;
  readonly class: string;
  /** Set by the join token: reports of the node do not change the class. */
  readonly classFixed?: true;
  readonly site: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly status: 'active' | 'quarantined';
  readonly quarantineReason: string;
  /** SHA-256 of the reported hardware; two machines with the same value are clones. */
  readonly hardware: string;
  /** SHA-256 of the part of the hardware that does not change by itself; missing until its node-agent reported it under its key. */
  readonly machine?: string;
  readonly balenaDevice?: string; // that its join token was made for
  /** SHA-256 of the certificate's public key (SPKI, DER). */
  readonly keyFingerprint: string;
  readonly certificateExpiresMs: number;
  readonly enrolledMs: number;
  readonly simulated: boolean;
  readonly cordoned: boolean;
  readonly draining: boolean;
  /** The generation of its assignment. */
  readonly generation: number;
  readonly presence: Presence;
  readonly presenceSinceMs: number;
  readonly presenceReason: string;
  readonly presenceCause: PresenceCause;
  /** The time until which a person allows its machine to enrol anew and keep this node, once. */
  readonly reclaimUntilMs?: number;
  /** Whether its node-agent uses the ids of agents; missing: an older one, for which the name in the spec is set to the id. */
  readonly agentIds?: true;
  readonly lineage?: string; // the last restore of the coordinator that it has heard of
  /** The boot of its last birth. */
  readonly boot: string;
  readonly info: NodeInfo | null;
}

/** A placement of an agent on a node: a node that had the agent long ago must differ from one that never had it. */
export interface HolderRow {
  readonly agent: string;
  readonly epoch: number;
  readonly node: string;
  /** `enrolledMs` of the node: another machine may join under the same name. */
  readonly joinedMs: number;
}
/** Earlier boots of a node. A process has one boot, so an earlier boot that returns shows a second process. */
export interface PastBoots {
  /** Boots in the order of their starts. */
  readonly past: readonly string[];
  /** The number of returns since `sinceMs`. */
  readonly returns: number;
  readonly sinceMs: number;
}
/** The number of recent connections of a node. */
export interface Connects {
  readonly sinceMs: number;
  readonly count: number;
}
/** Refused reports of a node about things that were never its own. */
export interface Refusals {
  readonly sinceMs: number;
  readonly count: number;
  /** The last refusal, in words. */
  readonly text: string;
}

/** The durable rows that the messages of one node may make. */
export interface Budget {
  readonly burst: number;
  readonly perMinute: number;
}
/** `events` beyond the budget are dropped; `records` (ends of the node's own tasks, entries of branches) are sent again by the node. */
export type BudgetName = 'events' | 'records';
/** The remaining budget of a node. */
export interface Spent {
  /** The remaining rows at `atMs`; below zero after a message with more rows than were left. */
  readonly left: number;
  readonly atMs: number;
  /** Rows that were refused since the budget was last full. */
  readonly refused: number;
}

/** Perishable facts of a node. */
export interface NodeLive {
  lastSeenMs: number | null;
  capacity: NodeCapacity | null;
  health: NodeHealth | null;
  /** Signs of bad health, by its heartbeats so far. */
  signs: readonly SignCode[];
  /** The boot of its hello since this coordinator started; null: no hello yet. */
  helloBoot: string | null;
  /** The time of that hello, and what it said: the version of its node-agent, the address of its machine, what it can do. */
  helloMs?: number;
  version?: string;
  address?: string;
  can?: NodeAbilities;
  /** The heartbeat interval that it was last sent. */
  heartbeatMs?: number;
  refusals?: Refusals;
  boots?: PastBoots;
  connects?: Connects;
  /** The remaining budgets; missing: full ones. */
  spent?: Partial<Record<BudgetName, Spent>>;
  /** Set while the node reports a generation below that of its assignment; missing: it has the assignment. */
  behind?: Behind;
}

export interface Behind {
  readonly generation: number;
  /** The time since which it reports this generation, or of the last snapshot. */
  readonly sinceMs: number;
  /** The time before the snapshot is sent (again). */
  readonly waitMs: number;
}

export interface Placement {
  readonly node: string;
  readonly epoch: number;
  readonly model: string;
  readonly placedMs: number;
  /** The head of the agent's log at the beginning of the epoch. */
  readonly baseSeq: number;
  readonly baseHash: string;
  /** The agent's previous node, else null. */
  readonly from: string | null;
  /** Whether the agent was moved here for a gain: it is not moved for one again before a rest. */
  readonly rebalanced?: true;
  /** Set while the previous node may still act outside for the agent: this one must not yet. */
  readonly quiet?: Quiet;
  readonly restored?: true; // by a restore: the log of its node may go on where ours ends, under older epochs too
  /** Set while a planned move waits for the last memories of the node. */
  readonly leaving?: Leaving;
}
/** The time for which the next node does not act outside. [INV-one-hand] */
export interface Quiet {
  readonly untilMs: number;
  /** The process that ends it early by reporting that the agent of this epoch has stopped; null: more than one may still act. */
  readonly boot: string | null;
  readonly epoch: number;
}
export interface AgentRow {
  /** The id, which never changes: memory, tasks and nodes refer to it. For an agent older than ids it is its first name. */
  readonly id: string;
  readonly space: string;
  /** `name` is for people: unique within a space, and it may change. */
  readonly spec: AgentSpec;
  readonly version: number;
  /** The highest epoch so far. */
  readonly epoch: number;
  readonly placement: Placement | null;
  /** The last node of an agent without one: that node has its memory. Missing in older rows. */
  readonly last?: string | null;
  /** Set while the agent has no node and the last one may still act outside for it. */
  readonly quiet?: Quiet;
  readonly restored?: true; // brought back after a restore: its next node keeps what its log has
  readonly why: PlacementWhy | null;
  readonly unplaced: UnplacedWhy | null;
  /** The last change of the spec by a person; missing in rows of older coordinators. */
  readonly changedMs?: number;
  readonly createdMs: number;
  readonly updatedMs: number;
}

/**
 * The rest of a removed agent: its memory and its ended tasks still exist, and an agent that is applied later under its name is the same
 * agent.
 */
export interface RemovedAgentRow {
  readonly id: string;
  readonly space: string;
  readonly name: string;
  /** A later agent continues this count, or absent nodes would mistake old placements for new ones. */
  readonly epoch: number;
  readonly version: number;
  /** Set while the last node may still act outside for it. */
  readonly quiet?: Quiet;
}

/** The last report of a node about an agent that it runs. */
export type Observed = AgentObserved & { readonly node: string };

/** A task that has not ended. Only the store has ended ones. */
export interface TaskRow {
  readonly id: string;
  readonly space: string;
  /** The id of the agent. */
  readonly agent: string;
  readonly state: TaskState;
  readonly prompt: string;
  /** The conversation before it, where its asker keeps it; missing: the agent's own. */
  readonly turns?: readonly Exchange[];
  /** Pictures beside the prompt, in base64; missing also in lists, which are read without them. */
  readonly images?: readonly string[];
  /** The conversation that it belongs to, and the task of it that it follows; missing: it begins the conversation, or belongs to none. */
  readonly conversation?: string;
  readonly after?: string;
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
  /** By the coordinator's clock: the end of the wait after a failed attempt. */
  readonly notBeforeMs: number;
  /** Leases that ended without an end of the task, oldest first; missing: none. */
  readonly past?: readonly PastAttempt[];
  /** The asker; missing: not known. */
  readonly by?: Asker;
  /** The topic of the answer; missing: the asker reads the end by itself. */
  readonly replyTo?: ReplyTo;
}
/** An ended task as stored. */
export interface EndedTask extends TaskRow {
  readonly endedMs: number;
  readonly result: string | null;
  readonly truncated: boolean;
  readonly problem: TaskProblem | null;
  readonly usage: TaskUsage | null;
  /** How the answer came about; missing: its node did not tell, or it is read in a list. */
  readonly trace?: TaskTrace;
  /** The time at which a person dismissed or retried the dead letter; missing: it waits for a person. */
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
  readonly balenaDevice?: string; // that it was made for
}
export interface KeyRow {
  readonly id: string;
  readonly space: string;
  readonly name: string;
  readonly role: Role;
  readonly secretHash: string;
  readonly createdMs: number;
  readonly revoked: boolean;
  /** Stored at most once a minute; missing: never used. */
  readonly lastUsedMs?: number;
  /** Missing: the key does not end. */
  readonly expiresMs?: number;
  /** Missing: no limit of tokens, and no money to spend. */
  readonly budget?: UseBudget;
}
/** A signed-in console; it survives a restart. `id` is the SHA-256 of its token, which is not stored. */
export interface SessionRow {
  readonly id: string;
  readonly space: string;
  readonly name: string;
  /** The roles of the key at the sign-in. */
  readonly roles: readonly Role[];
  /** Null: the coordinator itself made the sign-in code. */
  readonly keyId: string | null;
  readonly createdMs: number;
  readonly expiresMs: number;
  readonly address: string;
}
/** The tail of a replaced writer, until its additions are merged by the present one. */
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
  /** The hash of its last entry, to which the next entry must link. */
  readonly uptoHash?: string;
  /** The seq up to which the writer has merged the branch. */
  readonly mergedUpto?: number;
}

/** An acknowledgement of an alert. It ends when the cause of the alert is gone, or when a person withdraws it. */
export interface AcknowledgedRow {
  readonly alert: string;
  /** The actor as the audit log names it. */
  readonly by: string;
  readonly atMs: number;
  readonly note: string;
  /** The size of the alert at that time: an alert that grew counts as not acknowledged. */
  readonly count: number;
}

/** A wish that nodes keep a model: on one node, on all of a class, or wherever it is (both null). */
export interface PinRow {
  /** Made of the model and the place (`pinId`): a second pin of the same is the same. */
  readonly id: string;
  /** As nodes fetch it. */
  readonly model: string;
  readonly node: string | null;
  readonly class: string | null;
  readonly by: string;
  readonly atMs: number;
}

/** Moves off lost and draining nodes are frozen by the valve: at one site, or everywhere (null). */
export interface Freeze {
  readonly site: string | null;
  readonly sinceMs: number;
  readonly reason: string;
  /** In a freeze of the fleet: sites where a person resumed the moves. */
  readonly released: readonly string[];
}
/** The freeze of a site: its own before that of the fleet. */
export function freezeAt(frozen: readonly Freeze[], site: string): Freeze | undefined {
  return (
    frozen.find((freeze) => freeze.site === site) ??
    frozen.find((freeze) => freeze.site === null && !freeze.released.includes(site))
  );
}

/** A model that could not be fetched or loaded on a node. */
export interface ModelFault {
  /** The time since which it fails. */
  readonly sinceMs: number;
  /** The time before which nothing new is placed on it. */
  readonly untilMs: number;
  /** The number of failures in a row, each followed by a longer time of avoidance. */
  readonly strikes: number;
  readonly reason: string;
}

/** A trouble of an agent's place. Perishable: after a restart of the coordinator the place is tried anew. */
export interface PlaceTrouble {
  readonly node: string;
  /** The number of refused tests in a row. */
  readonly inARow: number;
  /** The time of the last refusal. */
  readonly sinceMs: number;
  /** The time before which nothing is leased to the agent there, unless the place reports that it works again. */
  readonly untilMs: number;
  /** Whether the model there is recorded as failing. */
  readonly avoid: boolean;
}

/** The queue of one agent and the tasks that it works on. Ids; the rows are in `tasks`. */
export interface AgentWork {
  /** The waiting tasks, best first (by priority, then by age). */
  waiting: string[];
  leased: Set<string>;
}
