// The messages with QoS 1 that one client has not acknowledged: at most as many as it said in CONNECT (receive maximum), which Aedes 2 reads and
// does not keep. In: messages to send, and acknowledgements. Out: what may be sent now; the others wait here, in order and bounded.
interface WindowParts<T> {
  /** Of the client. */
  size: number;
  /** Messages that wait; one more is a fault. */
  waiting: number;
  send(message: T): void;
}

export class Window<T> {
  readonly #parts: WindowParts<T>;
  #waiting: T[] = [];
  #resting: (() => void)[] = [];
  #open = 0;

  constructor(parts: WindowParts<T>) {
    this.#parts = parts;
  }

  /** Whether it may be sent now: it is counted. `full`: it neither may nor can it wait. */
  take(message: T): 'now' | 'waits' | 'full' {
    if (this.#open < this.#parts.size && this.#waiting.length === 0) {
      this.#open++;
      return 'now';
    }
    if (this.#waiting.length >= this.#parts.waiting) return 'full';
    this.#waiting.push(message);
    return 'waits';
  }

  acknowledged(): void {
    this.#open = Math.max(0, this.#open - 1);
    while (this.#open < this.#parts.size && this.#waiting.length > 0) {
      this.#open++;
      this.#parts.send(this.#waiting.shift() as T);
    }
    if (this.#waiting.length === 0) this.#release();
  }

  /** Resolves when nothing waits: who sends much at once goes on then. */
  rest(): Promise<void> {
    if (this.#waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#resting.push(resolve));
  }

  close(): void {
    this.#waiting = [];
    this.#release();
  }

  #release(): void {
    const released = this.#resting;
    this.#resting = [];
    for (const resume of released) resume();
  }
}
