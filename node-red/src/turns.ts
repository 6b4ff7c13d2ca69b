// Inputs that are served some at a time, the others one after the other behind them, with a bound. In: inputs, and what serves one. Out: how many
// are being served and how many wait.

/** Inputs that are served at once. */
export const maxAtOnce = 16;
/** Those that wait behind them. */
export const maxWaiting = 200;

export class Turns<Input> {
  readonly #serve: (input: Input) => Promise<void>;
  readonly #underWay = new Set<Promise<void>>();
  readonly #waiting: Input[] = [];
  #running = 0;
  #isStopped = false;

  constructor(serve: (input: Input) => Promise<void>) {
    this.#serve = serve;
  }
  get running(): number {
    return this.#running;
  }
  get waiting(): number {
    return this.#waiting.length;
  }
  /** False: there is no room. */
  take(input: Input): boolean {
    if (this.#running < maxAtOnce) this.#begin(input);
    else if (this.#waiting.length < maxWaiting) this.#waiting.push(input);
    else return false;
    return true;
  }
  /** Said by what serves, once for each input, before it tells anybody that it is done. */
  over(): void {
    this.#running--;
    const next = this.#isStopped ? undefined : this.#waiting.shift();
    if (next !== undefined) this.#begin(next);
  }
  /** Returns those that were not begun. */
  stop(): Input[] {
    this.#isStopped = true;
    return this.#waiting.splice(0);
  }
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#underWay]);
  }

  #begin(input: Input): void {
    this.#running++;
    const work = this.#serve(input).finally(() => this.#underWay.delete(work));
    this.#underWay.add(work);
  }
}
