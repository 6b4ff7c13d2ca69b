// Messages that wait for an external broker, in order and bounded. In: batches, all or nothing. Out: one message after the other. Of a
// retained topic only the last message waits: the broker would keep no other, and an old presence of the coordinator would be taken for the
// present one.
import type { BusMessage } from './bus.ts';

export class Waiting {
  readonly #bounds: { messages: number; bytes: number };
  readonly #messages: BusMessage[] = [];
  readonly #retained = new Map<string, BusMessage>();
  #bytes = 0;

  constructor(bounds: { messages: number; bytes: number }) {
    this.#bounds = bounds;
  }

  get count(): number {
    return this.#messages.length;
  }

  /** False: there is no room for all of them, and none was added. */
  add(batch: readonly BusMessage[]): boolean {
    const replaced = new Set(batch.flatMap(({ topic, retain }) => (retain && this.#retained.get(topic)) || []));
    const messages = this.#messages.length + batch.length - replaced.size;
    const bytes = this.#bytes + bytesOf(batch) - bytesOf(replaced);
    // Half of a batch would be sent twice when the caller tries again.
    if (messages > this.#bounds.messages || bytes > this.#bounds.bytes) return false;
    for (const message of batch) {
      if (message.retain) this.#replace(message);
      this.#messages.push(message);
      this.#bytes += message.payload.length;
    }
    return true;
  }

  take(): BusMessage | undefined {
    const message = this.#messages.shift();
    if (!message) return undefined;
    this.#bytes -= message.payload.length;
    if (this.#retained.get(message.topic) === message) this.#retained.delete(message.topic);
    return message;
  }

  #replace(message: BusMessage): void {
    const before = this.#retained.get(message.topic);
    this.#retained.set(message.topic, message);
    if (!before) return;
    this.#messages.splice(this.#messages.indexOf(before), 1);
    this.#bytes -= before.payload.length;
  }
}

function bytesOf(messages: Iterable<BusMessage>): number {
  let bytes = 0;
  for (const { payload } of messages) bytes += payload.length;
  return bytes;
}
