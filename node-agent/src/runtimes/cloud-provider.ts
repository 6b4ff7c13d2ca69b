// What a paid API is asked with, and what its client does for the runtime in cloud.ts.

import type { ChatEvent, ChatRequest } from '@blackroad/model-server/chat';
import type { Extra } from '@blackroad/model-server/refusals';
import type { RuntimeError } from '@blackroad/model-server/runtime-error';
import type { CloudModel, CloudProviderName } from '@blackroad/protocol/cloud-models';

export interface CloudOptions {
  provider: CloudProviderName;
  /** Of a gateway or a compatible provider, without `/v1`; absent: the provider's own. */
  url?: string;
  apiKey: string;
  /** What is offered, in the order in which `auto` prefers it. */
  models: readonly CloudModel[];
  /** Requests at once for each model. */
  slots?: number;
}

/** The client of a provider. Its errors are the client's own; `problemOf` gives their meaning. */
export interface CloudProvider {
  /** Asks for something that costs nothing and needs the key. */
  check(signal: AbortSignal): Promise<void>;
  /** Features that this provider's requests have beside those that were asked for, so that they may be refused. */
  also(request: ChatRequest): Extra[];
  chat(
    request: ChatRequest,
    model: CloudModel,
    lacks: ReadonlySet<Extra>,
    signal: AbortSignal,
  ): AsyncIterable<ChatEvent>;
  /** Absent: the provider makes no vectors. */
  embed?(model: string, texts: string[], signal: AbortSignal): Promise<Float32Array[]>;
  problemOf(error: unknown): RuntimeError;
}
