// What goes wrong between us and a model server.
import type { FetchFault } from '@blackroad/protocol';

/**
 * Failures are RuntimeError with a code that decides the next step: `unavailable` (server gone, runner killed; retry elsewhere or later),
 * `overloaded` (503/busy; retry later), `unknown-model`, `wrong-kind` (embedding model asked to chat or the reverse), `too-long` (prompt
 * over the context), `unsupported` (tools, schema), `bad-request` (our fault), `aborted` (signal), `refused` (model file damaged or does
 * not fit), `wrong-key` (the server wants another API key). Of paid APIs alone: `rate-limited` (too much was asked of it lately),
 * `provider-overloaded` (all of it, not one model), `no-credit` (a person has to pay or raise a limit), `filtered` (it declines the content).
 */
export type RuntimeErrorCode =
  | 'unavailable'
  | 'overloaded'
  | 'unknown-model'
  | 'wrong-kind'
  | 'too-long'
  | 'unsupported'
  | 'bad-request'
  | 'aborted'
  | 'refused'
  | 'wrong-key'
  | 'rate-limited'
  | 'provider-overloaded'
  | 'no-credit'
  | 'filtered';

const passing: readonly RuntimeErrorCode[] = ['unavailable', 'overloaded', 'rate-limited', 'provider-overloaded'];

export class RuntimeError extends Error {
  readonly code: RuntimeErrorCode;
  /** Of a fetch that failed: what it was. */
  readonly fault: FetchFault | undefined;
  /** How long the server wants to be left alone, seconds. */
  readonly retryAfterS?: number;
  constructor(
    code: RuntimeErrorCode,
    message: string,
    options: { cause?: unknown; fault?: FetchFault; retryAfterS?: number | undefined } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'RuntimeError';
    this.code = code;
    this.fault = options.fault ?? (code === 'unknown-model' ? 'name' : undefined);
    if (options.retryAfterS !== undefined) this.retryAfterS = options.retryAfterS;
  }
  /** Whether the same request may succeed later or elsewhere. */
  get retryable(): boolean {
    return passing.includes(this.code);
  }
}

export function abortedError(): RuntimeError {
  return new RuntimeError('aborted', 'the request was aborted');
}
