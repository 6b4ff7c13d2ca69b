// When the pieces of an answer came, for servers that report no times: how long the prompt was read, and how long the answer was written. In:
// the pieces with their lengths. Out: milliseconds, 0 where the pieces do not show it. Tokens that a piece holds beside others are not
// counted by anybody, so a piece's share of the text stands for them.

// A busy server gives what it has written so far as one piece: the time after it says little about the time before it.
const mostInFirst = 0.5;

export class PieceTimes {
  readonly #startMs: number;
  #firstMs: number | null = null;
  #firstChars = 0;
  #chars = 0;

  /** `startMs`: when the request was sent. */
  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  came(chars: number, nowMs: number): void {
    if (chars <= 0) return;
    if (this.#firstMs === null) {
      this.#firstMs = nowMs;
      this.#firstChars = chars;
    }
    this.#chars += chars;
  }

  prefillMs(endMs: number): number {
    return (this.#firstMs ?? endMs) - this.#startMs;
  }

  /** For the whole answer: what came with the first piece was written before it came. */
  decodeMs(endMs: number): number {
    if (this.#firstMs === null || this.#firstChars > this.#chars * mostInFirst) return 0;
    return (endMs - this.#firstMs) / (1 - this.#firstChars / this.#chars);
  }
}
