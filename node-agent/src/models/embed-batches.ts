// Texts of several requests for vectors in one call of the model server: what waits for a slot of the model goes together, as a server reads
// many texts hardly slower than one. A request that finds a free slot goes alone, at once. In: texts, with who waits for them. Out: their
// vectors, or the error of the call. A request that is wrong costs the others nothing but time.

import { abortedError, RuntimeError } from '@blackroad/model-server/runtime-error';
import { modelProblems } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Admission } from '../runtimes/admission.ts';

interface EmbedBatchesParts {
  admission: Pick<Admission, 'enter'>;
  run(model: string, texts: string[], signal: AbortSignal): Promise<Float32Array[]>;
  clock: Clock;
}
interface Embedded {
  vectors: Float32Array[];
  /** For the slot. */
  waitMs: number;
}
interface Member {
  texts: string[];
  isGone: boolean;
  sinceMs: number;
  resolve(embedded: Embedded): void;
  reject(error: unknown): void;
}
interface Batch {
  members: Set<Member>;
  texts: number;
  /** When its wait for a slot ends. */
  untilMs: number;
  stop: AbortController;
}
/** Texts of one call that come from several requests. */
const maxTexts = 256;

export class EmbedBatches {
  readonly #parts: EmbedBatchesParts;
  /** The batch of each model that waits for a slot. */
  readonly #gathering = new Map<string, Batch>();

  constructor(parts: EmbedBatchesParts) {
    this.#parts = parts;
  }

  /** Rejects with RuntimeError: `overloaded` after `waitMs` without a slot, `aborted` when the signal fires. */
  embed(model: string, texts: string[], signal: AbortSignal, waitMs: number): Promise<Embedded> {
    if (signal.aborted) return Promise.reject(abortedError());
    const sinceMs = this.#parts.clock.monotonicMs();
    return new Promise((resolve, reject) => {
      const member: Member = { texts, isGone: false, sinceMs, resolve, reject };
      const batch = this.#batchFor(model, texts.length, sinceMs + waitMs);
      batch.members.add(member);
      batch.texts += texts.length;
      const onAbort = () => {
        member.isGone = true;
        reject(abortedError());
        if ([...batch.members].every(({ isGone }) => isGone)) batch.stop.abort();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      const leave = () => signal.removeEventListener('abort', onAbort);
      member.resolve = (embedded) => {
        leave();
        resolve(embedded);
      };
      member.reject = (error) => {
        leave();
        reject(error);
      };
    });
  }

  #batchFor(model: string, texts: number, untilMs: number): Batch {
    const open = this.#gathering.get(model);
    // Who waits less long than the others has a batch of its own.
    if (open && open.texts + texts <= maxTexts && untilMs >= open.untilMs && !open.stop.signal.aborted) return open;
    const batch: Batch = { members: new Set(), texts: 0, untilMs, stop: new AbortController() };
    this.#gathering.set(model, batch);
    void this.#work(model, batch);
    return batch;
  }

  async #work(model: string, batch: Batch): Promise<void> {
    const { admission, clock } = this.#parts;
    const close = () => {
      if (this.#gathering.get(model) === batch) this.#gathering.delete(model);
    };
    try {
      const release = await admission.enter(model, batch.stop.signal, batch.untilMs - clock.monotonicMs());
      close();
      await this.#ask(model, batch).finally(release);
    } catch (error) {
      close();
      for (const { reject } of batch.members) reject(error);
    }
  }

  async #ask(model: string, { members, stop }: Batch): Promise<void> {
    const { run, clock } = this.#parts;
    const here = [...members].filter(({ isGone }) => !isGone);
    const enteredMs = clock.monotonicMs();
    const answer = (member: Member, vectors: Float32Array[]) =>
      member.resolve({ vectors, waitMs: enteredMs - member.sinceMs });
    try {
      const vectors = await run(
        model,
        here.flatMap(({ texts }) => texts),
        stop.signal,
      );
      let at = 0;
      for (const member of here) {
        answer(member, vectors.slice(at, at + member.texts.length));
        at += member.texts.length;
      }
    } catch (error) {
      if (here.length < 2 || !isOfRequest(error)) throw error;
      for (const member of here)
        await run(model, member.texts, stop.signal).then((vectors) => answer(member, vectors), member.reject);
    }
  }
}

const isOfRequest = (error: unknown) => error instanceof RuntimeError && modelProblems[error.code].blames === 'request';
