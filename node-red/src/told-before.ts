// Which messages came before: a node that was not told that its event was taken, because the coordinator ended meanwhile, sends it once more, byte
// for byte. In: topic and payload. Out: whether they came before. Bounded in number: what comes again comes soon.
import { createHash } from 'node:crypto';

const maxKept = 2_000;

export class ToldBefore {
  /** Hashes, oldest first. */
  readonly #kept = new Set<string>();

  /** From now on it did. */
  has(topic: string, payload: string): boolean {
    const message = createHash('sha256').update(`${topic}\n${payload}`).digest('base64');
    if (this.#kept.has(message)) return true;
    this.#kept.add(message);
    const [oldest] = this.#kept;
    if (this.#kept.size > maxKept && oldest !== undefined) this.#kept.delete(oldest);
    return false;
  }
}
