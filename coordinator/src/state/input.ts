// Every input of the coordinator, as data: the request or report, and the answer that a decision gives to it. Ids and secrets are made at
// the edges and are part of the input: decisions are deterministic. A decision returns changes (committed first), messages (sent
// afterwards) and an answer (given after that).
import type {
  AgentHeld,
  AgentObserved,
  AgentSpec,
  AnchoredLog,
  AuditNote,
  Budget,
  EventParams,
  EventType,
  GivenMemory,
  JoinTokenRequest,
  KnownModel,
  MemoryAddition,
  MemoryEntry,
  MemoryHit,
  MemoryUp,
  NodeCapacity,
  NodeEvent,
  NodeHardware,
  NodeHealth,
  NodeHello,
  NodeInfo,
  NodeState,
  Principal,
  ProofPath,
  RefusalReason,
  RefusedInstall,
  Release,
  RolloutReport,
  RolloutRequest,
  SignedCheckpoint,
  TaskOriginName,
  TaskReport,
  TaskRequest,
  TopicMessage,
} from '@blackroad/protocol';
import type { PlanApplied, PlanPart, Unload } from '../placement/plan/plan-parts.ts';
import type { StoredHash } from '../store/store.ts';
import type { BackupEnded, BackupStand } from './backup-stand.ts';
import type { BalenaFound, BalenaPinTold } from './balena-stand.ts';
import type { TaskOfConversation } from './conversation-row.ts';
import type { Decision } from './decision.ts';
import type { DocumentRow } from './given-rows.ts';
import type { AnchoredRow, ErasedPlace } from './memory-rows.ts';
import type { ObjectStand } from './object-stand.ts';
import type { ReplyTo } from './reply-to.ts';
import type { RestoredRow } from './restore-rows.ts';
import type { KnownRelease } from './rollout-rows.ts';
import type { EndedTask, JoinTokenRow, KeyRow, SessionRow, TaskRow } from './rows.ts';
import type { RunRow } from './run-rows.ts';
import type { View } from './view.ts';
import type { DeliveryRow, LastTry, WebhookRow } from './webhook-rows.ts';

/** Commands of people to a node. */
type OrderName = 'pull' | 'stopPull' | 'removeModel' | 'unload' | 'identify' | 'restart' | 'hardware' | 'log';
export type NodeOrder = {
  [N in OrderName]: { name: N; message: Omit<TopicMessage<N>, 'command'> };
}[OrderName];

/** What a person tells a rollout. */
export type RolloutAct = 'pause' | 'resume' | 'approve' | 'abort' | 'roll-back';

/** `by`: the principal of the request, with its rights. */
interface By {
  by: Principal;
}

export interface Inputs {
  // Inputs from nodes.
  'node-state': { node: string; message: NodeState };
  'node-hello': { node: string; message: NodeHello };
  'node-info': { node: string; message: NodeInfo };
  'node-hardware': { node: string; message: NodeHardware };
  'node-capacity': { node: string; message: NodeCapacity };
  'node-health': { node: string; message: NodeHealth };
  'node-event': { node: string; message: NodeEvent };
  'agent-observed': { node: string; message: AgentObserved };
  'agent-held': { node: string; message: AgentHeld };
  'task-report': { node: string; message: TaskReport };
  'memory-up': { node: string; agent: string; message: MemoryUp };
  /** An answer of a node to a command that another node got. */
  'reply-refused': { node: string; command: string; sentTo: string };
  // Inputs from people and programs.
  /** `balenaDevice`: the only one that it is for. */
  'token-create': By & { request: JoinTokenRequest; id: string; secretHash: string; balenaDevice?: string };
  'token-revoke': By & { id: string };
  enrol: {
    tokenId: string;
    secretHash: string;
    hardware: string;
    machine?: string;
    /** A machine from a copy of its disk image would report the same hardware. */
    isWeak?: true;
    keyFingerprint: string;
    class: string;
    name: string;
    simulated: boolean;
    labels?: Record<string, string>;
    /** Suffixes that are tried in order when the wanted name is taken. */
    suffixes: string[];
    certificateExpiresMs: number;
  };
  renew: {
    node: string;
    keyFingerprint: string;
    hardware: string;
    machine?: string;
    certificateExpiresMs: number;
    /** The request may be a copy: no signature of the key covers its hardware. */
    unproven?: true;
  };
  'node-edit': By & {
    node: string;
    cordoned?: boolean;
    draining?: boolean;
    site?: string;
    labels?: Record<string, string>;
  };
  /** Many nodes at once; unknown ids are in the answer, the others are edited. */
  'nodes-edit': By & { nodes: string[]; cordoned?: boolean; draining?: boolean };
  'node-release': By & { node: string };
  'node-forget': By & { node: string };
  /** `command`: the id that the node's answer names. */
  'node-command': By & { node: string; command: string; order: NodeOrder };
  /** In the space of the principal. `newId`: the id for an agent that never existed. */
  'agent-apply': By & { spec: AgentSpec; newId: string };
  'agent-rename': By & { agent: string; name: string };
  'agent-remove': By & { agent: string };
  'task-submit': {
    /** Null: the broker does not report the sender. */
    by: Principal | null;
    id: string;
    agent: string;
    request: TaskRequest;
    origin: TaskOriginName;
    /** Missing: the asker reads the end by itself. */
    replyTo?: ReplyTo;
  };
  'task-cancel': By & { id: string };
  /** `newId`: the id of the new task. */
  'task-retry': By & { id: string; newId: string };
  'task-dismiss': By & { id: string };
  'key-create': By & { row: KeyRow };
  'key-revoke': By & { id: string };
  /** Null: no budget. */
  'key-budget': By & { id: string; budget: Budget | null };
  /** Before a request of the gateway goes to a node: the most that it may use. `id`: of its attempt; `costs`: the node costs money. */
  'budget-reserve': { id: string; key: string; tokens: number; usd: number; costs: boolean };
  /** What it used. */
  'budget-settle': { id: string; tokens: number; usd: number };
  'key-used': { id: string; atMs: number };
  'session-open': { row: SessionRow };
  'session-close': By & { id: string };
  /** `title`: missing: the first message gives it. */
  'conversation-open': By & { id: string; agent: string; title?: string };
  'conversation-edit': By & { id: string; title?: string; isShared?: boolean };
  'conversation-delete': By & { id: string };
  /** `agent`: an id, also in the five below. */
  'memory-add': By & { id: string; agent: string; addition: MemoryAddition };
  /** An empty text ends the key. */
  'memory-set': By & { id: string; agent: string; key: string; text: string };
  'memory-take-back': By & { id: string; agent: string };
  'document-add': By & { row: Omit<DocumentRow, 'space' | 'by' | 'addedMs' | 'written' | 'replaces' | 'removing'> };
  'memory-export': By & { agent: string; entries: number };
  'document-remove': By & { id: string; agent: string };
  'memory-run': By & { row: Omit<RunRow, 'space' | 'by' | 'atMs' | 'written' | 'undo'> };
  'memory-run-undo': By & { id: string };
  'memory-run-parts': { id: string; parts: string };
  /** Orders for the writer of an agent, in their order. */
  'memory-give': { agent: string; node: string; epoch: number; memories: GivenMemory[] };
  /** `count`: the size of the alert at that time. */
  'alert-ack': By & { id: string; note: string; count: number };
  'alert-unack': By & { ids: string[] };
  'webhook-create': By & { row: WebhookRow };
  /** Of one that goes out. `newest`: the number of the last event: types that are added count after it. */
  'webhook-edit': By & { id: string; url?: string; events?: readonly EventType[]; newest: number };
  'webhook-pause': By & { id: string; paused: boolean };
  'webhook-rotate': By & { id: string; secret: { text: string; hash: string } };
  'webhook-delete': By & { id: string };
  /** Events for one that goes out, with the number of the last one that was looked at. */
  'webhook-queue': { id: string; deliveries: DeliveryRow[]; dropped: number; afterEvent: number };
  /** What became of a try at this address, after so many that failed. `nextMs`: null: it is given up, or delivered. */
  'delivery-told': { id: string; url: string; tries: number; tried: Omit<LastTry, 'event'>; nextMs: number | null };
  /** Those that were given up; missing: all of them. */
  'deliveries-replay': By & { id: string; deliveries?: readonly string[] };
  /** A model is pinned to these nodes, to a class, or wherever it is; or no longer. */
  'model-pin': By & { model: string; nodes?: string[]; class?: string; pinned: boolean };
  /** `id`: of the new rollout. */
  'rollout-start': By & { id: string; request: RolloutRequest };
  'rollout-act': By & { id: string; act: RolloutAct };
  /** By what installs it from outside. */
  'rollout-report': By & { id: string; report: RolloutReport };
  /** `site`: only there; missing: everywhere. */
  'restore-agent': By & { agent: string };
  'restore-node': By & { node: string };
  'moves-release': By & { site?: string };
  audit: By & AuditNote;
  'release-added': By & { release: Release };
  'install-refused': By & RefusedInstall;
  'release-refused': By & { reason: RefusalReason; problem: string };
  // Inputs from the clock and the coordinator itself.
  tick: Record<string, never>;
  /** The catalogue was read. */
  'models-known': { models: readonly KnownModel[] };
  /** The next checkpoint, with the logs that grew. */
  'memory-checkpoint': { row: SignedCheckpoint; logs: readonly AnchoredRow[] };
  /** Logs under that checkpoint, each for its writer. */
  'memory-anchors': { checkpoint: SignedCheckpoint; logs: { log: AnchoredLog; path: ProofPath }[] };
  /** Memories of one agent, with what was made of them, perhaps by others. */
  'memory-erase': By & { places: readonly ({ agent: string } & ErasedPlace)[] };
  /** The first erasure of this log that the node owes is to be told (again). */
  'memory-erase-again': { node: string; agent: string; number: number };
  /** A stored log does not verify. */
  'memory-damage': { agent: string; seq: number; text: string };
  /** How backups stand; `ended`: how one has just ended. */
  'backup-told': { stand: BackupStand; ended?: BackupEnded };
  /** How the object store stands. */
  'objects-told': { stand: ObjectStand };
  /** What balena said when it was asked. */
  'balena-found': { found: BalenaFound };
  /** What became of an order to pin a balena device. */
  'balena-pin': { told: BalenaPinTold };
  /** How an upgrade of the coordinator stands. */
  'upgrade-told': EventParams<'coordinator-upgrade'>;
  /** The releases of the node-agent that the coordinator has, all of them. */
  'releases-known': { releases: readonly KnownRelease[] };
  /** A part of a plan, complete in itself; the view may have changed since the plan was made. */
  'plan-apply': PlanPart;
  /** Loaded models without use for a long time. */
  'models-idle': { unloads: Unload[] };
  /** Before all others: the store was restored from a backup. */
  restored: { mark: Omit<RestoredRow, 'tasks'> };
  /** The broker refused a machine whose certificate is of this fleet, as no node has its key. */
  'node-unknown': { node: string; keyFingerprint: string; certificateExpiresMs: number };
  started: Record<string, never>;
  /** Whether the store accepts writes again, which the commit of this input tests. `coordinator`: the new id of the coordinator. */
  'storage-back': { coordinator: string; awayMs: number; refused: number; detail: string };
  /** The wall clock of the coordinator's machine was set by this much. `coordinator`: the new id of the coordinator. */
  'clock-set': { byMs: number; coordinator: string };
}
export type InputKind = keyof Inputs;

/** Data that a decision needs and that only the store has: read (reads.ts) before the decision. */
export interface Stored {
  'task-report': {
    /** The task, if it has ended. */
    ended: EndedTask | null;
  };
  'memory-up': {
    /** Stored hashes of the range of seqs in a batch or branch. */
    stored: StoredHash[];
    /** For a hello with missing entries: the entries to send; for a fetch: those that are asked for, the ones that count most first. */
    missing: MemoryEntry[];
    /** Entries of the oldest complete unmerged branch of this agent, where there is one. */
    branch: { id: string; entries: MemoryEntry[] } | null;
    /** For a recall: what was found; null: there were too many at once. */
    found?: MemoryHit[] | null;
    /** For a batch: the branches that its merge entries name. */
    merging?: { id: string; entries: MemoryEntry[] }[];
    /** For a branch: the stored branches of the same agent, node and epoch, in the order of their numbers. */
    siblings?: { id: string; hashes: StoredHash[] }[];
    /** For a batch or branch: hashes of its entries, or of what they are derived from, that were erased. */
    erased?: readonly string[];
    /** For a hello or `erased`: the next erasure that the node has not carried out. */
    erasure?: { number: number; hashes: string[] } | null;
  };
  'memory-erase-again': { hashes: string[] };
  'task-submit': {
    /** The task with the same idempotency key, where there is one. */
    known: TaskRow | EndedTask | null;
    /** The tasks of the conversation that it belongs to, oldest first; empty where it belongs to none. */
    said: readonly TaskOfConversation[];
  };
  'task-retry': {
    /** The dead letter to dismiss. */
    ended: EndedTask | null;
  };
  'task-dismiss': {
    /** The dead letter to retry. */
    ended: EndedTask | null;
  };
}
/** The argument of a decision: the input, with the stored data for it. */
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
  /** `follows`: the offered branch has nothing left to merge, and the next one is to be offered. */
  'memory-up': { follows: boolean };
  'document-add': { id: string; already: boolean };
  'task-cancel': { id: string };
  'task-retry': TaskRow;
  /** `more`: more nodes change presence than one decision takes, so another tick is due at once. */
  tick: { more: boolean };
  'model-pin': { changed: number };
  'deliveries-replay': { replayed: number };
  'plan-apply': PlanApplied;
  'restore-agent': { id: string; name: string; version: number };
  'agent-apply': { id: string; version: number; created: boolean; changed: boolean };
}
export type Answer<K extends InputKind> = K extends keyof Answers ? Answers[K] : undefined;

/** Limits and times of decisions, from the configuration; frozen. */
export interface Policy {
  fleetName: string;
  /** An IANA zone, for triggers that name none, on any node. */
  timeZone: string;
  /** Heartbeat interval of a small fleet; the interval grows so that the whole fleet sends at most `maxHeartbeatsPerS`. */
  heartbeatMs: number;
  maxHeartbeatsPerS: number;
  /** A node whose connection fell or that is silent is suspect; after this time it is lost. */
  lostAfterMs: number;
  /** After a start of the coordinator no node becomes lost for this long. */
  restartGraceMs: number;
  /** Nodes reconnect within this window after a start. */
  reconnectWindowMs: number;
  /** More than this share of nodes (and at least `valveMinNodes`) suspect or lost within `valveWindowMs` freezes moves. */
  valveShare: number;
  valveMinNodes: number;
  valveWindowMs: number;
  /** `spread`: agents are spread over nodes; `pack`: few nodes are used, so that whole ones stay free. */
  placement: 'spread' | 'pack';
  /** The share of a model's slots that is kept free for larger models of its node, from 0 to 1. */
  reserve: number;
  /** A loaded model whose agents had no task for this long is unloaded; 0: never. */
  modelIdleMs: number;
  /** The interval of the search for moves with a gain; 0: never. */
  rebalanceEveryMs: number;
  /** An agent that was moved for a gain stays on its node for this long. */
  rebalanceRestMs: number;
  /** At most this share of the agents (and always two) is moved for a gain in one round. */
  rebalanceShare: number;
  certificateMs: number;
  /** The port of the model cache for nodes; absent: there is none. */
  modelCachePort?: number;
  /** The first wait after a failed attempt; it doubles. */
  retryMs: number;
  /** `auto`: a re-flashed machine takes its old node again by itself; `ask`: a person must release the node first. */
  reclaim: 'auto' | 'ask';
}
export type Decide<K extends InputKind> = (
  view: View,
  input: Given<K>,
  nowMs: number,
  policy: Policy,
) => Decision<Answer<K>>;
