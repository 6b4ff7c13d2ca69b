// Vectors for entries without one of the present embedding model: they were written while no model could embed, or on another node. A text
// that the model cannot embed must not prevent the vectors of others: a failed batch is halved. A text that failed while others did not is
// tried again later, three times in all, and is then found by words only; with a new model it is tried again.
import type { Clock } from '@blackroad/std/clock';
import type { Log as Logger } from '@blackroad/std/log';
import type { Embedder } from './agent-memory.ts';
import type { SearchIndex } from './search-index.ts';

/** Vectors added after one recall. */
const batchTexts = 16;
/** Embedding calls after one recall, halves included. */
const maxCalls = 12;
const maxTries = 3;
const firstRestMs = 60_000;
const restFactor = 10;
/** Failed texts that are remembered; beyond that the oldest is tried again. */
const maxFailed = 512;

interface Item {
  id: number;
  text: string;
}
interface Failed {
  model: string;
  tries: number;
  notBeforeMs: number;
}

interface LateVectorsParts {
  index: Pick<SearchIndex, 'withoutVector' | 'setVector'>;
  embed: Embedder;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
}

export class LateVectors {
  readonly #parts: LateVectorsParts;
  readonly #failed = new Map<number, Failed>();
  #isBusy = false;

  constructor(parts: LateVectorsParts) {
    this.#parts = parts;
  }

  /** One step of the work, at most one at a time; never throws. */
  async add(logId: number, model: string, textOf: (id: number) => string | undefined): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      const items = this.#due(logId, model, textOf);
      if (items.length > 0) await this.#fill(items, model);
    } catch (error) {
      this.#parts.log.warn({ err: error }, 'vectors could not be stored');
    } finally {
      this.#isBusy = false;
    }
  }

  /** The entries of a log to embed now, newest first; `textOf` returns '' or undefined for one without a text. */
  #due(logId: number, model: string, textOf: (id: number) => string | undefined): Item[] {
    const items: Item[] = [];
    for (const id of this.#parts.index.withoutVector(logId, model, batchTexts + this.#failed.size)) {
      if (items.length >= batchTexts) break;
      const rest = this.#failed.get(id);
      if (rest?.model === model && this.#parts.clock.monotonicMs() < rest.notBeforeMs) continue;
      const text = textOf(id);
      if (text) items.push({ id, text });
      else this.#parts.index.setVector(id, model, null);
    }
    return items;
  }

  #fail({ id }: Item, model: string): void {
    const before = this.#failed.get(id);
    const tries = before?.model === model ? before.tries + 1 : 1;
    this.#failed.delete(id);
    if (tries >= maxTries) {
      this.#parts.index.setVector(id, model, null);
      return;
    }
    this.#failed.set(id, {
      model,
      tries,
      notBeforeMs: this.#parts.clock.monotonicMs() + firstRestMs * restFactor ** (tries - 1),
    });
    const [oldest] = this.#failed.keys();
    if (this.#failed.size > maxFailed && oldest !== undefined) this.#failed.delete(oldest);
  }

  async #fill(items: Item[], model: string): Promise<void> {
    const alone: Item[] = [];
    let works = false;
    let calls = 0;
    // First the whole batch: without a bad text it takes one call.
    for (const queue = [items]; queue.length > 0 && calls < maxCalls && !this.#parts.signal.aborted; calls++) {
      const batch = queue.shift()!;
      const vectors = await this.#vectorsOf(batch, model);
      if (this.#parts.signal.aborted) return;
      if (!vectors && batch.length > 1) {
        const half = Math.ceil(batch.length / 2);
        // Depth first: the bad text is found before the calls are used up.
        queue.unshift(batch.slice(0, half), batch.slice(half));
        continue;
      }
      batch.forEach((item, i) => {
        const vector = vectors?.[i];
        if (!vector) {
          alone.push(item);
          return;
        }
        works = true;
        this.#failed.delete(item.id);
        this.#parts.index.setVector(item.id, model, vector);
      });
    }
    if (alone.length === 0 || this.#parts.signal.aborted) return;
    // A server that is down must not count against a text.
    works ||= (await this.#vectorsOf([{ id: 0, text: 'hello' }], model))?.[0] != null;
    if (works) for (const item of alone) this.#fail(item, model);
  }

  /** Null: the call failed, or another model answered it. */
  async #vectorsOf(items: readonly Item[], model: string): Promise<(Float32Array | null)[] | null> {
    try {
      const embedded = await this.#parts.embed(
        items.map(({ text }) => text),
        this.#parts.signal,
      );
      return embedded?.model === model ? embedded.vectors : null;
    } catch (error) {
      this.#parts.log.debug({ err: error, texts: items.length }, 'vectors could not be added later');
      return null;
    }
  }
}
