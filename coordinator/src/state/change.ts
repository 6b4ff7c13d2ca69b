// Change: the only thing that alters what the coordinator knows. Durable changes go to the store in one transaction a batch, perishable
// ones only to the view (apply.ts). Beside them the only thing that is sent: messages of the table of topics.
import type {
  AgentObserved,
  AnyParams,
  AuditAction,
  EventType,
  MemoryEntry,
  NodeCapacity,
  NodeHealth,
  PastAttempt,
  Severity,
  TaskState,
  TopicMessage,
  TopicName,
  TopicParams,
} from '@blackroad/protocol';
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
  PlaceTrouble,
  Refusals,
  RemovedAgentRow,
  SessionRow,
  Spent,
  TaskRow,
} from './rows.ts';

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
  | { type: 'agent'; row: AgentRow }
  | { type: 'agent-gone'; row: RemovedAgentRow }
  /** Written with every placement; never taken back. */
  | { type: 'holder'; row: HolderRow }
  | { type: 'agent-version'; agent: string; version: number; atMs: number; by: string; spec: AgentRow['spec'] }
  | { type: 'task-new'; row: TaskRow }
  /** Queued again, leased, running. */
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
      /** Where a lease ended without an end: all past ones. Missing: as they were. */
      past?: readonly PastAttempt[];
    }
  /** Exactly one for each task. */
  | { type: 'task-end'; row: EndedTask }
  /** A dead letter that needs nobody any more. */
  | { type: 'task-dismissed'; id: string; atMs: number }
  /** The clock was set: all moments of all tasks that have not ended are later by so much. */
  | { type: 'tasks-moved'; byMs: number }
  | { type: 'token'; row: JoinTokenRow }
  /** Expired or used up for a day. */
  | { type: 'token-gone'; id: string }
  | { type: 'key'; row: KeyRow }
  | { type: 'session'; row: SessionRow }
  /** Signed out, expired, or its key was revoked. */
  | { type: 'session-gone'; id: string }
  | { type: 'memory'; agent: string; space: string; entries: MemoryEntry[] }
  | { type: 'branch'; row: BranchRow; entries: MemoryEntry[] }
  | { type: 'acknowledged'; row: AcknowledgedRow }
  | { type: 'acknowledged-gone'; alert: string }
  | { type: 'event'; row: EventRow }
  | { type: 'audit'; row: AuditRow };

type PerishableChange =
  | { type: 'seen'; node: string; atMs: number }
  | { type: 'health'; node: string; health: NodeHealth; atMs: number }
  | { type: 'capacity'; node: string; capacity: NodeCapacity }
  /** `atMs`: of the hello itself; missing: only its interval is another. */
  | { type: 'hello'; node: string; boot: string; heartbeatMs?: number; atMs?: number; version?: string }
  | { type: 'observed'; agent: string; node: string; observed: AgentObserved }
  /** All freezes from now on. */
  | { type: 'frozen'; frozen: Freeze[] }
  | { type: 'boots'; node: string; boots: PastBoots }
  | { type: 'connects'; node: string; connects: Connects }
  | { type: 'refusals'; node: string; refusals: Refusals }
  | { type: 'spent'; node: string; of: BudgetName; spent: Spent }
  | { type: 'model-used'; node: string; model: string; atMs: number }
  /** null: forgotten. */
  | { type: 'model-fault'; node: string; model: string; fault: ModelFault | null }
  /** null: up to date. */
  | { type: 'behind'; node: string; behind: Behind | null }
  /** null: work was done there since. */
  | { type: 'place-trouble'; agent: string; trouble: PlaceTrouble | null }
  | { type: 'announced'; atMs: number }
  /** Under this id nodes say hello anew. */
  | { type: 'renewed'; coordinator: string }
  /** `resumed`: the coordinator itself stood still before this tick. `served`: so many of those whose work waits were looked at. */
  | { type: 'ticked'; atMs: number; resumed: boolean; served?: number }
  /** All moments of what is not stored are later by so much. `resumed`: silence until now is not the nodes'. */
  | { type: 'clock-set'; byMs: number; resumed: boolean };

export type Change = DurableChange | PerishableChange;

/** The only thing the bus can send. */
export type Outgoing = { [N in TopicName]: { name: N; params: TopicParams; message: TopicMessage<N> } }[TopicName];
export function outgoing<N extends TopicName>(name: N, params: TopicParams, message: TopicMessage<N>): Outgoing {
  return { name, params, message } as Outgoing;
}
