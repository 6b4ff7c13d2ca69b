// The interfaces between the parts of a node-agent: transport, memory, agents, probes. Only node.ts connects them.
import type {
  AssignedAgent,
  ClassRow,
  Decoded,
  MemoryDown,
  MemoryUp,
  NodeHealth,
  NodeInfo,
  NodeReason,
  TaskProblem,
  TaskUsage,
  TopicMessage,
  TopicName,
  TopicParams,
} from '@blackroad/protocol';

/** The one connection to the fleet. Dials out, reconnects with full jitter, never publishes while disconnected. */
export interface Transport {
  /** Starts dialling; returns at once. `onMessage` gets checked messages for this node, strictly one after the other. */
  start(handlers: TransportHandlers): void;
  readonly connected: boolean;
  /** Perishable: sent when connected, else dropped (heartbeats, chunks, progress). */
  send<N extends TopicName>(name: N, params: TopicParams, message: TopicMessage<N>): void;
  /** Sent when connected; the latest message of a key is stored and sent again after every reconnection: inventory, capacity. */
  keep<N extends TopicName>(name: N, params: TopicParams, message: TopicMessage<N>): void;
  /**
   * Durable: stored in the outbox before it returns, sent in order, and again after every reconnection until `settle(key)` where `until` is
   * `settled`, or until the broker's PUBACK where it is `sent`. False when the outbox is full of unsettled rows.
   */
  post<N extends TopicName>(
    key: string,
    until: 'settled' | 'sent',
    name: N,
    params: TopicParams,
    message: TopicMessage<N>,
  ): boolean;
  settle(keys: readonly string[]): void;
  /** Sends the row of this key once more, if it was sent on this connection and is not settled. */
  again(key: string): void;
  /** Sends kept messages and unsettled rows once more: another coordinator that answers now may never have stored them. */
  repeat(): void;
  readonly outboxDepth: number;
  /** Keys posted with `settled` that are not settled yet, also those of earlier runs of the process. */
  unsettledKeys(): string[];
  /** Spreads the next reconnections over this window, as the coordinator asked. */
  setReconnectWindow(ms: number): void;
  /** Publishes a clean stop (`offline`, reason `stopped`) within 1 s and closes. */
  stop(): Promise<void>;
}
export interface TransportHandlers {
  onUp(): void;
  onDown(reason: string): void;
  onMessage(message: Decoded): void;
  /** A message that could not be decoded, or one on an unknown topic. */
  onRefused(topic: string, text: string): void;
}

export interface Remembered {
  kind: 'turn' | 'note' | 'merge' | 'import';
  text: string;
  tags?: string[];
  importance?: number;
  /** `task:<id>`, `tool:memory`, ... */
  source: string;
  derivedFrom?: string[];
  actorId: string;
}
/** Marks an exchange that a trigger of the agent began: it is not part of a conversation. */
export const triggeredTag = 'trigger';
export interface Recalled {
  seq: number;
  epoch: number;
  hash: string;
  kind: string;
  text: string;
  createdAt: number;
  importance: number;
  score: number;
}
/**
 * Embeds texts with the node's embedding model. Null where the node has none (recall is then lexical and reports so), and in place of each
 * vector that the model did not return.
 */
export type Embedder = (
  texts: string[],
  signal: AbortSignal,
) => Promise<{ model: string; vectors: (Float32Array | null)[] } | null>;

/** The log of one agent on this node; one writer, under the epoch it was opened with. */
export interface AgentMemory {
  /** Resolves when the entry is fsynced; rejects when this writer was fenced. */
  append(entry: Remembered): Promise<{ seq: number; hash: string }>;
  /** Hybrid: words and meaning, fused, then recency and importance. Best first. */
  recall(
    query: string,
    limit: number,
    signal: AbortSignal,
  ): Promise<{ memories: Recalled[]; how: 'hybrid' | 'lexical' }>;
  /** The last exchanges since a time, oldest first, without those that triggers began. */
  turns(limit: number, sinceMs: number): Recalled[];
  /** True once all entries up to the epoch's base are here and verified; before that, recall searches those that are. */
  readonly hydrated: boolean;
  readonly status: { epoch: number; durableSeq: number; ackedSeq: number; hash: string; fenced: boolean };
}
/** All logs of a node: one journal and one index database, group commit across agents. */
export interface NodeMemory {
  /** Opens (or re-opens under a newer epoch) an agent's log. An older epoch's unacknowledged tail becomes a branch to upload. */
  open(assigned: AssignedAgent): AgentMemory;
  /** Stops writing for an agent (assignment withdrawn); unacknowledged entries are kept and still uploaded. */
  release(agent: string, epoch: number): void;
  receive(message: MemoryDown): void;
  /** Called after each (re)connection: sends a hello for every log that has entries to send or lacks some. */
  connected(): void;
  disconnected(): void;
  /** Entries not yet acknowledged, over all agents, also those that left the node. */
  readonly unacked: number;
  /** Publishes upward; set by node.ts. */
  publish: (agent: string, message: MemoryUp) => void;
  /** Called with words when memories that the coordinator will never accept were moved to a file; set by node.ts. */
  onSetAside: (text: string) => void;
  close(): Promise<void>;
}

/** The state of a model on this node for the agents that use it. */
export interface ModelStand {
  state: 'ready' | 'starting' | 'failed';
  /** The reason in words for people; '' when ready. */
  reason: string;
  /** The reason as a code for programs; missing when ready. */
  code?: NodeReason;
  /** 0 to 1; missing where it is not known. */
  progress?: number;
}

export interface TurnTask {
  task: string;
  attempt: number;
  prompt: string;
  /** True when a trigger of the agent began the task, not a person. */
  triggered?: boolean;
  signal: AbortSignal;
}
/** A piece of a turn for its followers. */
export interface TurnChunk {
  text: string;
  /** The name of the tool whose call began. */
  tool?: string;
  /** The last characters of the text, this many, were thought and are withdrawn. */
  retract?: number;
}
export type TurnEnd =
  | { state: 'done'; result: string; truncated: boolean; usage: TaskUsage }
  | { state: 'failed'; problem: TaskProblem; usage?: TaskUsage }
  | { state: 'cancelled' };
export interface RunningAgent {
  readonly assigned: AssignedAgent;
  readonly state: 'starting' | 'hydrating' | 'ready' | 'failed' | 'stopped';
  readonly reason: string;
  readonly code: NodeReason | undefined;
  /** 0 to 1, of the fetch or load that the agent waits for. */
  readonly progress: number | undefined;
  readonly busy: number;
  /** Runs one turn; `emit` receives text as it is generated and names of tools as they are called. Never throws. */
  run(task: TurnTask, emit: (chunk: TurnChunk) => void): Promise<TurnEnd>;
  /** Lets running turns end within `graceMs`, then aborts them. */
  stop(graceMs: number): Promise<void>;
}

/** The digests by which the coordinator recognises the machine. */
export interface MachineIdentity {
  /** SHA-256 over what identifies the machine: the serial of its board, or machine id and network address. */
  hardware: string;
  /** SHA-256 over the part that does not change by itself: without the address. */
  machine: string;
  /** True where a copy of the machine's disk image has the same identity. */
  isWeak: boolean;
}
/** Reads the machine without spawning anything; called once a heartbeat. */
export interface Probes {
  /** The hardware as far as it is known now: graphics cards may be found later. May spawn. */
  inventory(): Promise<Omit<NodeInfo, 'boot' | 'runtimes' | 'notes' | 'simulated'>>;
  /** The class this machine is recognised as; null while that is not known. */
  machineClass(): ClassRow | null;
  /** May write the id of a container to the state folder. */
  machineIdentity(): Promise<MachineIdentity>;
  /** Present measurements; rates are since the last call. Missing values are left out, never guessed. */
  health(): Omit<
    NodeHealth,
    'boot' | 'seq' | 'atMs' | 'generation' | 'tasksRunning' | 'models' | 'outboxDepth' | 'memoriesUnacked'
  >;
  /** Memory that models may use, and the free part of it now: VRAM where there is a GPU. */
  modelMemory(): { totalBytes: number; freeBytes: number };
  diskFreeBytes(): number;
  close(): void;
}
