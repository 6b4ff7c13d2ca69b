// Change: the only thing that alters the coordinator's view. Durable changes are stored, one transaction for each batch; perishable ones
// change only the view (apply.ts). Also Outgoing, the only thing that is sent: messages of the table of topics.

import type {
  AgentObserved,
  AnyParams,
  AuditAction,
  EventType,
  Hardware,
  KnownModels,
  MemoryEntry,
  NodeAbilities,
  NodeCapacity,
  NodeHealth,
  PastAttempt,
  Severity,
  SignedCheckpoint,
  TaskState,
  TopicMessage,
  TopicName,
  TopicParams,
} from '@blackroad/protocol';
import type { BackupStand } from './backup-stand.ts';
import type { BalenaStand } from './balena-stand.ts';
import type { ReservationRow, SpendingRow } from './budget-rows.ts';
import type { ConversationRow } from './conversation-row.ts';
import type { DocumentRow, GivenRow } from './given-rows.ts';
import type { AnchoredRow, ErasedPlace, ErasureRow } from './memory-rows.ts';
import type { ObjectStand } from './object-stand.ts';
import type { MessageTold } from './reply-to.ts';
import type { FoundRow, RestoredRow } from './restore-rows.ts';
import type { KnownRelease, RolloutRow, RolloutSubjectRow, Sums } from './rollout-rows.ts';
import type {
  AcknowledgedRow,
  AgentRow,
  Behind,
  BranchRow,
  BudgetName,
  Connects,
  EndedTask,
  Freeze,
  HolderRow,
  JoinTokenRow,
  KeyRow,
  ModelFault,
  NodeRow,
  PastBoots,
  PinRow,
  PlaceTrouble,
  Refusals,
  RemovedAgentRow,
  SessionRow,
  Spent,
  TaskRow,
} from './rows.ts';
import type { RunRow } from './run-rows.ts';
import type { DeliveryRow, WebhookRow } from './webhook-rows.ts';

export interface EventRow {
  atMs: number;
  node: string | null;
  agent: string | null;
  type: EventType;
  severity: Severity;
  text: string;
  params: AnyParams;
}
export interface AuditRow {
  atMs: number;
  actor: string;
  action: AuditAction;
  subject: string;
  text: string;
  params: AnyParams;
}

export type DurableChange =
  | { type: 'node'; row: NodeRow }
  | { type: 'node-gone'; id: string }
  /** Stored alone: the view does not have it. A row that says the same stays, with its time. */
  | { type: 'hardware'; node: string; atMs: number; hardware: Hardware }
  | { type: 'agent'; row: AgentRow }
  | { type: 'agent-gone'; row: RemovedAgentRow }
  /** Added with every placement, and never removed. */
  | { type: 'holder'; row: HolderRow }
  | { type: 'agent-version'; agent: string; version: number; atMs: number; by: string; spec: AgentRow['spec'] }
  | { type: 'task-new'; row: TaskRow }
  /** A task that is queued again, leased or running. */
  | {
      type: 'task-state';
      id: string;
      state: TaskState;
      attempt: number;
      attempts: number;
      node: string | null;
      epoch: number | null;
      leasedMs: number | null;
      notBeforeMs: number;
      deadlineMs: number;
      /** All past leases that ended without an end of the task. Missing: unchanged. */
      past?: readonly PastAttempt[];
    }
  /** Exactly one for each task. */
  | { type: 'task-end'; row: EndedTask }
  /** A dead letter that no person needs to examine any more. */
  | { type: 'task-dismissed'; id: string; atMs: number }
  /** All times of all live tasks move by this much, because the clock was set. */
  | { type: 'tasks-moved'; byMs: number }
  | { type: 'token'; row: JoinTokenRow }
  /** A token that is expired or used up for a day. */
  | { type: 'token-gone'; id: string }
  | { type: 'key'; row: KeyRow }
  | { type: 'session'; row: SessionRow }
  /** A session that was signed out, that expired, or whose key was revoked. */
  | { type: 'session-gone'; id: string }
  | { type: 'conversation'; row: ConversationRow }
  /** A conversation that its owner deleted: its tasks belong to none from now on. */
  | { type: 'conversation-gone'; id: string }
  | { type: 'memory'; agent: string; space: string; entries: MemoryEntry[] }
  | { type: 'branch'; row: BranchRow; entries: MemoryEntry[] }
  /** With the logs that grew since the one before. */
  | { type: 'checkpoint'; row: SignedCheckpoint; logs: readonly AnchoredRow[] }
  /** `erased`: with the first row of an erasure: their content goes. Later rows only say who still owes it. */
  | { type: 'erasure'; row: ErasureRow; erased?: readonly ErasedPlace[] }
  | { type: 'given'; row: GivenRow }
  /** It is in the log, or was taken back. */
  | { type: 'given-gone'; id: string }
  | { type: 'document'; row: DocumentRow }
  /** Its withdrawal is in the log. */
  | { type: 'document-gone'; id: string }
  | { type: 'memory-run'; row: RunRow }
  /** Newer runs of its agent took its place. */
  | { type: 'memory-run-gone'; id: string }
  | { type: 'spending'; row: SpendingRow }
  /** The budget was removed. */
  | { type: 'spending-gone'; account: string }
  | { type: 'reservation'; row: ReservationRow }
  | { type: 'reservation-gone'; id: string }
  | { type: 'acknowledged'; row: AcknowledgedRow }
  | { type: 'acknowledged-gone'; alert: string }
  | { type: 'pin'; row: PinRow }
  | { type: 'pin-gone'; id: string }
  | { type: 'webhook'; row: WebhookRow }
  /** With all that waits for it. */
  | { type: 'webhook-gone'; id: string }
  | { type: 'delivery'; row: DeliveryRow }
  /** It was delivered, or made room for a newer one that was given up. */
  | { type: 'delivery-gone'; id: string }
  /** What was found after an earlier restore is forgotten. */
  | { type: 'restored'; row: RestoredRow }
  | { type: 'restore-found'; row: FoundRow }
  | { type: 'rollout'; row: RolloutRow }
  /** With all its subjects. */
  | { type: 'rollout-gone'; id: string }
  | { type: 'rollout-subject'; row: RolloutSubjectRow }
  /** Its node or agent was removed. */
  | { type: 'rollout-subject-gone'; rollout: string; subject: string }
  | { type: 'event'; row: EventRow }
  | { type: 'audit'; row: AuditRow };

type PerishableChange =
  | { type: 'seen'; node: string; atMs: number }
  | { type: 'health'; node: string; health: NodeHealth; atMs: number }
  | { type: 'capacity'; node: string; capacity: NodeCapacity }
  /** `atMs`: the time of the hello; missing: only its heartbeat interval changed. */
  | {
      type: 'hello';
      node: string;
      boot: string;
      heartbeatMs?: number;
      atMs?: number;
      version?: string;
      address?: string;
      can?: NodeAbilities;
    }
  | { type: 'observed'; agent: string; node: string; observed: AgentObserved }
  /** The complete list of freezes. */
  | { type: 'frozen'; frozen: Freeze[] }
  | { type: 'boots'; node: string; boots: PastBoots }
  | { type: 'connects'; node: string; connects: Connects }
  | { type: 'refusals'; node: string; refusals: Refusals }
  | { type: 'spent'; node: string; of: BudgetName; spent: Spent }
  | { type: 'model-used'; node: string; model: string; atMs: number }
  /** Null: the fault is removed. */
  | { type: 'model-fault'; node: string; model: string; fault: ModelFault | null }
  /** The node says something of a log that it had in a former life, before it was forgotten. */
  | { type: 'memory-copy'; node: string; agent: string }
  /** Null: the node has its assignment. */
  | { type: 'behind'; node: string; behind: Behind | null }
  /** Null: a task was done there since. */
  | { type: 'place-trouble'; agent: string; trouble: PlaceTrouble | null }
  /** For a request that costs no money: after a restart nothing of it counts. */
  | { type: 'reservation-free'; row: ReservationRow }
  /** The catalogue that the coordinator read: its own, with the file of the operator. */
  | { type: 'known-models'; known: KnownModels }
  | { type: 'backups'; stand: BackupStand }
  | { type: 'object-store'; stand: ObjectStand }
  /** The complete list of releases that the coordinator has. */
  | { type: 'known-releases'; releases: readonly KnownRelease[] }
  | { type: 'balena'; stand: BalenaStand }
  /** The sums of a node or an agent begin anew; `past`: they go on from there. */
  | { type: 'measured-anew'; of: 'node' | 'agent'; id: string; past?: Sums }
  | { type: 'rollouts-judged'; atMs: number }
  | { type: 'announced'; atMs: number }
  /** The new id of the coordinator, after which nodes send a hello. */
  | { type: 'renewed'; coordinator: string }
  /**
   * `resumed`: the coordinator itself was paused before this tick. `served`: the number of agents with only waiting tasks that were
   * examined.
   */
  | { type: 'ticked'; atMs: number; resumed: boolean; served?: number }
  /** All times that are not stored move by this much. `resumed`: the silence until now does not count against the nodes. */
  | { type: 'clock-set'; byMs: number; resumed: boolean };

export type Change = DurableChange | PerishableChange;

/** The only thing that the bus can send. */
export type Outgoing = {
  [N in TopicName]: { name: N; params: TopicParams; message: TopicMessage<N>; told?: MessageTold };
}[TopicName];
/** `told`: for clients of MQTT 5. */
export function outgoing<N extends TopicName>(
  name: N,
  params: TopicParams,
  message: TopicMessage<N>,
  told?: MessageTold,
): Outgoing {
  return (told ? { name, params, message, told } : { name, params, message }) as Outgoing;
}
