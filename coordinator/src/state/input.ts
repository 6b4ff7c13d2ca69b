// Every input the coordinator knows, as data: what came, and what a decision about it answers to whoever asked.
// Ids and secrets are minted by the edges and travel inside: decisions know no chance.
// A decision returns changes (committed first), messages (sent after) and an answer (given after).
import type {
  AgentObserved,
  AgentSpec,
  AuditNote,
  JoinTokenRequest,
  MemoryEntry,
  MemoryUp,
  NodeCapacity,
  NodeEvent,
  NodeHealth,
  NodeHello,
  NodeInfo,
  NodeState,
  Principal,
  TaskOriginName,
  TaskReport,
  TaskRequest,
  TopicMessage,
} from '@blackroad/protocol';
import type { PlanApplied, PlanPart, Unload } from '../placement/plan/plan-parts.ts';
import type { StoredHash } from '../store/store.ts';
import type { Decision } from './decision.ts';
import type { EndedTask, JoinTokenRow, KeyRow, ReplyTo, SessionRow, TaskRow } from './rows.ts';
import type { View } from './view.ts';

/** What a person may have a node do at once. */
type OrderName = 'pull' | 'unload' | 'identify' | 'log';
export type NodeOrder = {
  [N in OrderName]: { name: N; message: Omit<TopicMessage<N>, 'command'> };
}[OrderName];

/** `by`: who asks, and with which rights. */
interface By {
  by: Principal;
}

export interface Inputs {
  // from nodes
  'node-state': { node: string; message: NodeState };
  'node-hello': { node: string; message: NodeHello };
  'node-info': { node: string; message: NodeInfo };
  'node-capacity': { node: string; message: NodeCapacity };
  'node-health': { node: string; message: NodeHealth };
  'node-event': { node: string; message: NodeEvent };
  'agent-observed': { node: string; message: AgentObserved };
  'task-report': { node: string; message: TaskReport };
  'memory-up': { node: string; agent: string; message: MemoryUp };
  /** An answer to a command that was sent to another node. */
  'reply-refused': { node: string; command: string; sentTo: string };
  // from people and programs
  'token-create': By & { request: JoinTokenRequest; id: string; secretHash: string };
  'token-revoke': By & { id: string };
  enrol: {
    tokenId: string;
    secretHash: string;
    hardware: string;
    machine?: string;
    /** A copy of its disk image would say the same. */
    isWeak?: true;
    keyFingerprint: string;
    class: string;
    name: string;
    simulated: boolean;
    /** Tried in order when the wanted name is taken. */
    suffixes: string[];
    certificateExpiresMs: number;
  };
  renew: {
    node: string;
    keyFingerprint: string;
    hardware: string;
    machine?: string;
    certificateExpiresMs: number;
    /** The request may be a copy: its hardware is not the word of the key's holder. */
    unproven?: true;
  };
  'node-edit': By & {
    node: string;
    cordoned?: boolean;
    draining?: boolean;
    site?: string;
    labels?: Record<string, string>;
  };
  /** Many at once; unknown ones are answered, the others done. */
  'nodes-edit': By & { nodes: string[]; cordoned?: boolean; draining?: boolean };
  'node-release': By & { node: string };
  'node-forget': By & { node: string };
  /** `command`: the id that the node's answer names. */
  'node-command': By & { node: string; command: string; order: NodeOrder };
  /** In the space of who asks. `newId`: where it is an agent that never was. */
  'agent-apply': By & { spec: AgentSpec; newId: string };
  'agent-rename': By & { agent: string; name: string };
  'agent-remove': By & { agent: string };
  'task-submit': {
    /** null: the broker does not say. */
    by: Principal | null;
    id: string;
    agent: string;
    request: TaskRequest;
    origin: TaskOriginName;
    /** Missing: whoever asked looks for the end. */
    replyTo?: ReplyTo;
  };
  'task-cancel': By & { id: string };
  /** `newId` names the retry. */
  'task-retry': By & { id: string; newId: string };
  'task-dismiss': By & { id: string };
  'key-create': By & { row: KeyRow };
  'key-revoke': By & { id: string };
  'key-used': { id: string; atMs: number };
  'session-open': { row: SessionRow };
  'session-close': By & { id: string };
  /** `count`: how large the alert was then. */
  'alert-ack': By & { id: string; note: string; count: number };
  'alert-unack': By & { ids: string[] };
  /** `site`: only there; missing: everything that is frozen. */
  'moves-release': By & { site?: string };
  audit: By & AuditNote;
  // from the clock and the coordinator itself
  tick: Record<string, never>;
  /** A part of a plan, complete in itself; made from a view that may have gone on since. */
  'plan-apply': PlanPart;
  /** Loaded models that nobody used for long. */
  'models-idle': { unloads: Unload[] };
  started: Record<string, never>;
  /** Whether the store takes writes again: tried as this is stored. `coordinator`: its id from then on. */
  'storage-back': { coordinator: string; awayMs: number; refused: number; detail: string };
  /** The wall clock of its machine jumped by so much. `coordinator`: its id from then on. */
  'clock-set': { byMs: number; coordinator: string };
}
export type InputKind = keyof Inputs;

/** What a decision must know that is not in the view but in the store alone: looked up (reads.ts) before it is decided. */
export interface Stored {
  'task-report': {
    /** The task, when it has ended already. */
    ended: EndedTask | null;
  };
  'memory-up': {
    /** Hashes of the range that a batch or branch claims. */
    stored: StoredHash[];
    /** For a hello that lacks entries: what to send down. */
    missing: MemoryEntry[];
    /** Entries of the oldest complete unmerged branch of this agent, where there is one. */
    branch: { id: string; entries: MemoryEntry[] } | null;
    /** For a batch: the branches that its merge entries name. */
    merging?: { id: string; entries: MemoryEntry[] }[];
    /** For a branch: what is stored of branches of the same agent, node and epoch, in the order of their numbers. */
    siblings?: { id: string; hashes: StoredHash[] }[];
  };
  'task-submit': {
    /** The task of the same idempotency key, where there is one. */
    known: TaskRow | EndedTask | null;
  };
  'task-retry': {
    /** The dead letter. */
    ended: EndedTask | null;
  };
  'task-dismiss': {
    /** The dead letter. */
    ended: EndedTask | null;
  };
}
/** What a decision is given: what came, and what was looked up for it. */
export type Given<K extends InputKind> = K extends keyof Stored ? Inputs[K] & Stored[K] : Inputs[K];

interface Answers {
  'nodes-edit': { changed: number; unknown: string[] };
  'token-create': JoinTokenRow;
  enrol: {
    node: string;
    class: string;
    classFixed?: boolean;
    site: string;
    reclaimed: boolean;
    certificateExpiresMs: number;
  };
  renew: { node: string; class: string; site: string; certificateExpiresMs: number };
  'task-submit': TaskRow | EndedTask;
  /** `follows`: nothing was left to bring in of the branch that the writer was offered, and the next one is to be. */
  'memory-up': { follows: boolean };
  'task-cancel': { id: string };
  'task-retry': TaskRow;
  /** More nodes turned than one decision takes: another tick is due at once. */
  tick: { more: boolean };
  'plan-apply': PlanApplied;
  'agent-apply': { id: string; version: number; created: boolean; changed: boolean };
}
export type Answer<K extends InputKind> = K extends keyof Answers ? Answers[K] : undefined;

/** Limits and timings a decision needs; from the configuration, frozen. */
export interface Policy {
  fleetName: string;
  /** IANA: triggers that name no zone are meant in this one, on whatever node. */
  timeZone: string;
  /** Heartbeat interval of a small fleet; the interval grows so that the whole fleet sends at most `maxHeartbeatsPerS`. */
  heartbeatMs: number;
  maxHeartbeatsPerS: number;
  /** A node whose connection fell or that is silent is suspect; suspect for this long is lost. */
  lostAfterMs: number;
  /** After a start of the coordinator nothing is lost for this long. */
  restartGraceMs: number;
  /** Nodes come back within this window after a start. */
  reconnectWindowMs: number;
  /** More than this share of nodes (and at least `valveMinNodes`) suspect or lost within `valveWindowMs` freezes moves. */
  valveShare: number;
  valveMinNodes: number;
  valveWindowMs: number;
  /** `spread`: agents share out; `pack`: few nodes are used, so that whole ones stay free. */
  placement: 'spread' | 'pack';
  /** A loaded model none of whose agents had a task for this long is unloaded; 0: never. */
  modelIdleMs: number;
  /** Looks for moves that are worth it come this often; 0: never. */
  rebalanceEveryMs: number;
  /** An agent that was moved for a gain is left alone for this long. */
  rebalanceRestMs: number;
  /** At most this share of the agents (and always two) is moved for a gain in one round. */
  rebalanceShare: number;
  certificateMs: number;
  /** First wait before a failed attempt is leased again; doubles. */
  retryMs: number;
  /** Re-flashed machines take their old node back by themselves; else a person releases them. */
  reclaim: 'auto' | 'ask';
}
export type Decide<K extends InputKind> = (
  view: View,
  input: Given<K>,
  nowMs: number,
  policy: Policy,
) => Decision<Answer<K>>;
