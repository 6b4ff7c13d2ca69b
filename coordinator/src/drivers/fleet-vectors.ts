// Gives every memory a vector of one model, the fleet's: nodes without that model send their memories without one, or with one of another. In:
// the store, and a function that has vectors made on some machine. Out: vectors in the store, a few texts at a time, newest memories first, while
// nobody else needs the machine. Searches compare vectors of the model that all memories have: a new model is searched when it is complete,
// and the vectors made with the one before then go. After a restart it looks at all memories again and makes what is missing.
import { FleetError, type MemoryVectors } from '@blackroad/protocol';
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import { type Clock, sleep } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import type { MadeVector, Store, TextToEmbed, VectorModels } from '../store/store.ts';

interface FleetVectorsParts {
  store: Pick<
    Store,
    'vectorModels' | 'lastMemory' | 'textsToEmbed' | 'putVectors' | 'setSearchedModel' | 'dropVectorsBut'
  >;
  /** Whether a machine has the model. */
  has(model: string): boolean;
  /** Why none has it. */
  nobody(model: string): string;
  /** Rejects with FleetError. */
  embed(model: string, texts: readonly string[]): Promise<Float32Array[]>;
  /** The model that a person chose; null: the first that all memories had, before that the one of most of the newest. */
  chosen: string | null;
  /** The model for memories of which none has a vector; null: there is none, or nodes may still come that have one. */
  own?: () => string | null;
  clock: Clock;
  random: Random;
  log: Log;
}

const mostTexts = 16;
/** Memories that one read looks at: a few milliseconds of the reading thread. */
const pieceMemories = 1_000;
const betweenPiecesMs = 20;
const dropAtOnce = 500;
/** Between two looks for memories that came since. */
const restMs = 5_000;
const again: Backoff = { firstMs: 2_000, maxMs: 600_000 };
/** Asked for a text alone, a model that failed so often, and then makes a vector of another text, does not take that one. */
const maxTries = 3;
const otherText = 'A memory.';
const forItsText = new Set(['prompt-too-long', 'not-supported', 'content-refused', 'invalid-request']);

export class FleetVectors {
  readonly #parts: FleetVectorsParts;
  readonly #ended = new AbortController();
  #models: VectorModels = { searched: null, newest: null };
  #model: string | null = null;
  /** All up to `last` have one. */
  #isComplete = false;
  /** What was made with other models has gone. */
  #isAlone = false;
  /** Of places of memories: those after `below` up to `upto` were looked at. */
  #below = 0;
  #upto = 0;
  #last = 0;
  #atOnce = mostTexts;
  #failures = 0;
  #tries = 0;
  #made = 0;
  #refused = 0;
  #why: string | null = null;

  constructor(parts: FleetVectorsParts) {
    this.#parts = parts;
  }

  start(): void {
    void this.#run();
  }
  stop(): void {
    this.#ended.abort();
  }

  /** The models that a search may compare vectors of, the better first. */
  async searched(): Promise<string[]> {
    // Once all memories have one, only this loop changes it: a search then reads nothing for it.
    if (this.#models.searched === null) this.#models = await this.#parts.store.vectorModels();
    const { searched, newest } = this.#models;
    const models = [...new Set([searched, newest].filter((model) => model !== null))];
    // The very first vectors are of use before all memories have one.
    return models.length === 0 && this.#model !== null && this.#made > 0 ? [this.#model] : models;
  }

  stand(): MemoryVectors {
    const left = this.#below + Math.max(0, this.#last - this.#upto);
    return {
      model: this.#model,
      isChosen: this.#parts.chosen !== null,
      searched: this.#models.searched ?? this.#models.newest,
      memories: this.#last,
      looked: this.#model === null ? 0 : this.#last - left,
      made: this.#made,
      refused: this.#refused,
      why: this.#why,
    };
  }

  async #run(): Promise<void> {
    const { clock, random, log } = this.#parts;
    const { signal } = this.#ended;
    while (!signal.aborted) {
      let waitMs: number;
      try {
        waitMs = await this.#step();
        if (this.#why === null) this.#failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof FleetError)) log.error({ err: error }, 'vectors of memories could not be made');
        this.#why = (error as Error).message;
        waitMs = backoffMs(again, this.#failures++, random);
      }
      await sleep(clock, waitMs, signal).catch(() => {}); // the loop sees that it is over
    }
  }

  /** Does a little and returns how long to wait before the next. */
  async #step(): Promise<number> {
    const { store, chosen, has } = this.#parts;
    const last = await store.lastMemory();
    if (this.#isComplete && last === this.#last) return restMs;
    this.#isComplete = false;
    this.#last = last;
    this.#models = await store.vectorModels();
    // Nodes with different models must not have everything made anew to and fro: another model is for a person to choose.
    const known = chosen ?? this.#models.searched ?? this.#models.newest;
    const model = known ?? (last > 0 ? (this.#parts.own?.() ?? null) : null);
    if (model === null) return restMs;
    if (model !== this.#model) this.#begin(model);
    const piece = this.#piece();
    if (piece === null) return this.#complete(model);
    const texts = await store.textsToEmbed({ model, ...piece, limit: this.#atOnce });
    if (texts.length === 0) {
      this.#below = Math.min(this.#below, piece.above);
      this.#upto = Math.max(this.#upto, piece.upto);
      this.#why = null;
      return betweenPiecesMs;
    }
    if (!has(model)) throw new FleetError('model-away', { detail: this.#parts.nobody(model) });
    await store.putVectors(model, await this.#embedded(model, texts));
    this.#why = null;
    return betweenPiecesMs;
  }

  #begin(model: string): void {
    this.#model = model;
    this.#below = this.#last;
    this.#upto = this.#last;
    this.#made = 0;
    this.#refused = 0;
    this.#failures = 0;
    this.#isAlone = false;
  }
  /** What came since, then what is older; null: all was looked at. */
  #piece(): { above: number; upto: number } | null {
    if (this.#last > this.#upto) return { above: this.#upto, upto: Math.min(this.#last, this.#upto + pieceMemories) };
    return this.#below > 0 ? { above: Math.max(0, this.#below - pieceMemories), upto: this.#below } : null;
  }
  async #complete(model: string): Promise<number> {
    const { store, log } = this.#parts;
    if (this.#models.searched !== model && this.#last > 0) {
      await store.setSearchedModel(model);
      this.#models = { ...this.#models, searched: model };
      log.info({ model, memories: this.#last, made: this.#made }, 'all memories have a vector of this model');
    }
    if (!this.#isAlone && (await store.dropVectorsBut(model, dropAtOnce)) > 0) return betweenPiecesMs;
    this.#isAlone = true;
    this.#isComplete = true;
    return restMs;
  }

  /** A failure makes the next order smaller, so that one text cannot keep the others from their vectors. */
  async #embedded(model: string, texts: readonly TextToEmbed[]): Promise<MadeVector[]> {
    const { embed, log } = this.#parts;
    try {
      const vectors = await embed(
        model,
        texts.map(({ text }) => text),
      );
      this.#atOnce = Math.min(mostTexts, this.#atOnce * 2);
      this.#tries = 0;
      this.#made += texts.length;
      return texts.map(({ id }, at) => ({ id, values: vectors[at] ?? null }));
    } catch (error) {
      const code = error instanceof FleetError ? error.code : '';
      if (code !== 'model-failed' && !forItsText.has(code)) throw error;
      if (texts.length > 1) {
        this.#atOnce = Math.ceil(texts.length / 2);
        throw error;
      }
      if (code === 'model-failed') {
        if (++this.#tries < maxTries) throw error;
        await embed(model, [otherText]);
      }
      this.#tries = 0;
      this.#refused++;
      log.warn({ model, err: error }, 'a memory has no vector: the model does not take its text');
      return texts.map(({ id }) => ({ id, values: null }));
    }
  }
}
