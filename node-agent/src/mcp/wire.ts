// How messages reach an MCP server: by a program's standard input and output, or over HTTP. Both cut off what is larger than a bound, and say
// in words why they ended. Neither understands a message.

/** Nobody takes the message, as while a server restarts; nothing was wrong with what it said. */
export class NotThere extends Error {}

export interface Wire {
  /** Resolves when it is sent; over HTTP when its answer has ended. Rejects in words. */
  send(message: object, signal: AbortSignal): Promise<void>;
  /** Whether an answer may come after `send` has resolved. */
  readonly answersLater: boolean;
  /** The protocol that was agreed on. */
  agreed(version: string): void;
  close(): void;
}
export interface WireEvents {
  message(value: unknown): void;
  /** It has ended by itself; nothing comes any more. */
  ended(why: string): void;
}
