// Answer tokens a second of each node: those of tasks that ended in the last minute, spread over it. In: ends of tasks. Out: a rate, and the
// nodes whose rate changed by time alone.
const slots = 6;
const slotMs = 10_000;

export class TokenRates {
  readonly #tokens = new Map<string, number[]>();
  #slot: number;

  constructor(nowMs: number) {
    this.#slot = Math.floor(nowMs / slotMs);
  }

  add(node: string, tokens: number): void {
    const mine = this.#tokens.get(node) ?? new Array<number>(slots).fill(0);
    this.#tokens.set(node, mine);
    const at = this.#slot % slots;
    mine[at] = (mine[at] as number) + tokens;
  }

  /** Returns the nodes whose rate is another one now. */
  turn(nowMs: number): string[] {
    const slot = Math.floor(nowMs / slotMs);
    const turned = Math.min(slots, slot - this.#slot);
    if (turned <= 0) return [];
    const changed: string[] = [];
    for (const [node, mine] of this.#tokens) {
      const before = sumOf(mine);
      for (let i = 1; i <= turned; i++) mine[(this.#slot + i) % slots] = 0;
      const after = sumOf(mine);
      if (after !== before) changed.push(node);
      if (after === 0) this.#tokens.delete(node);
    }
    this.#slot = slot;
    return changed;
  }

  of(node: string): number {
    return sumOf(this.#tokens.get(node) ?? []) / ((slots * slotMs) / 1000);
  }
  all(): number {
    let sum = 0;
    for (const node of this.#tokens.keys()) sum += this.of(node);
    return sum;
  }
}

const sumOf = (each: readonly number[]) => each.reduce((sum, value) => sum + value, 0);
