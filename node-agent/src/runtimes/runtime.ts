// The interface of a runtime: a model server as the node-agent uses it. Four real ones implement it (ollama, openai dialect, embedded
// llama, paid APIs) and a simulated one for load tests; `conformance.ts` runs on all of them. A runtime never decides admission: `admission.ts` bounds
// its requests, because Ollama hangs and vLLM queues without bound.

import type { ChatEvent, ChatRequest, CompletionRequest } from '@blackroad/model-server/chat';
import { RuntimeError } from '@blackroad/model-server/runtime-error';
import type { FetchFault, ModelServer, NodeModel, RuntimeKind, TokenPrice } from '@blackroad/protocol';

export type { RuntimeKind };

export interface RuntimeModel {
  /** The runtime's own name for it, as passed to chat, embed, load: `smollm2:135m`, `smollm2-135m-instruct`. */
  name: string;
  /** Other names an agent's spec may use for the same weights (catalogue ids). */
  aliases: string[];
  kind: 'chat' | 'embed';
  /** Bytes on disk; 0 when the server does not report them. */
  sizeBytes: number;
  /** Context window used by this node, in tokens; 0 when unknown. */
  contextTokens: number;
  /** Loaded now. */
  resident: boolean;
  /** Its server put it down and wakes it for the next request. */
  asleep?: true;
  /** The model of the same server whose weights, slots and memory it uses: it is an adapter (LoRA) of that one. */
  adapterOf?: string;
  /** Bytes of RAM or VRAM taken while resident; 0 when unknown. */
  residentBytes: number;
  /** Context memory of one token with a 16-bit cache; 0 for embedding models; absent when the server does not report it. */
  kvBytesPerToken?: number;
  /** Billions of parameters; 0 when unknown. The form of prompts depends on it. */
  parametersB: number;
  /** Of a paid model: its size is not told. */
  tier?: NodeModel['tier'];
  /** Absent: it costs nothing. */
  price?: TokenPrice;
  /** Requests that the server runs at once. */
  slots: number;
  tools: boolean;
  /** It takes pictures; absent: its server does not tell. */
  sees?: boolean;
  /** Length of vectors of an embed model; 0 for chat. */
  dimension: number;
  /** Content digest as the server reports it, else ''. */
  digest: string;
}

/** The name under which its requests are admitted and counted: an adapter shares the slots of its model. */
export const engineOf = ({ name, adapterOf }: Pick<RuntimeModel, 'name' | 'adapterOf'>) => adapterOf ?? name;

export interface PullProgress {
  status: string;
  completedBytes: number;
  totalBytes: number;
}

/** What a failed fetch was. */
export function fetchFaultOf(error: unknown): FetchFault {
  return (error instanceof RuntimeError && error.fault) || 'other';
}

export interface Runtime {
  readonly kind: RuntimeKind;
  /** For people: `ollama 0.12 at http://127.0.0.1:11434`. */
  readonly label: string;
  /** The kind of model that it would fetch under this name; null: it cannot. Absent where it serves only the models it was started with. */
  readonly canFetch?: (model: string) => RuntimeModel['kind'] | 'unknown' | null;
  /** Names of all models it can fetch; absent where its registry has more than a list. */
  readonly fetchable?: readonly string[];
  /** It serves only the kinds of models that the runtimes before it do not have. */
  readonly standsIn?: boolean;
  /** Refusals of its server in words for people: one note for each, with the flag that helps. Absent where nothing is ever refused. */
  readonly notes?: () => string[];
  /** Requests that its server runs at once, as measured so far. Absent, or undefined, where the list of models has the number. */
  readonly slotsNow?: (model: string) => number | undefined;
  /** Requests in its server that are not of this node, at the last look. Absent where no server reports them. */
  readonly others?: (model: string) => number;
  /** Starts a new look at them; its result is in `others` from then on. Never throws. */
  readonly lookInside?: () => void;
  /** How the coordinator may ask its server itself; null: it may not. Absent where it never may. */
  readonly direct?: () => Omit<ModelServer, 'models'> | null;
  /** True when it answers now; never throws; bounded by 2 s. */
  alive(): Promise<boolean>;
  models(signal?: AbortSignal): Promise<RuntimeModel[]>;
  /** Makes the model resident (no-op where the server loads at start). */
  load(model: string, signal?: AbortSignal): Promise<void>;
  /** Frees its memory; the file stays. Throws `overloaded` while it works, `unsupported` where the server cannot unload it. */
  unload(model: string, signal?: AbortSignal): Promise<void>;
  /** Removes the model from the disk; throws `unknown-model`, `overloaded` while it works. Absent where the server cannot. */
  readonly remove?: (model: string, signal?: AbortSignal) => Promise<void>;
  /** Streams progress until the model is on disk and verified; throws `unsupported` where the server cannot pull. */
  pull(model: string, signal?: AbortSignal): AsyncIterable<PullProgress>;
  /** Streams the answer; aborting the signal frees the server's slot and throws `aborted`. Bytes never arrive after `end`. */
  chat(request: ChatRequest, signal: AbortSignal): AsyncIterable<ChatEvent>;
  /** Goes on with a text; absent where the server has no such call. */
  readonly complete?: (request: CompletionRequest, signal: AbortSignal) => AsyncIterable<ChatEvent>;
  /**
   * One vector for each text, unit length, in order; empty where the server returned none (`unitVector`). Too long a text is cut here,
   * never silently by the server.
   */
  embed(model: string, texts: string[], signal: AbortSignal): Promise<Float32Array[]>;
  /** Stops child processes, closes connections. Idempotent. */
  close(): Promise<void>;
}
