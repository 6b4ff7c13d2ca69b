// Who makes vectors: a node that has the model, or the coordinator's own embedder. Nodes come first, whose model is loaded for their agents anyway, so
// that the coordinator fetches and holds none without need; it makes them itself where no node has the model, where none can, and, of a
// question that somebody waits for, where none answers soon. In: a model, texts. Out: vectors, or the FleetError of why there are none.
import { coordinatorSelf, FleetError, type MemoryVectors, type Principal } from '@blackroad/protocol';
import { nobodyInWords } from '@blackroad/protocol/memory-words';
import { type Clock, withDeadline } from '@blackroad/std/clock';
import type { Embedder } from '../embedder/embedder.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { vectorsOf } from '../gateway/vectors-of.ts';

interface VectorMakersParts {
  gateway: Gateway;
  /** Null: the coordinator makes none itself. */
  embedder: Pick<Embedder, 'embed' | 'isReady' | 'makes' | 'model' | 'prepare' | 'problem' | 'stand'> | null;
  clock: Clock;
  /** So long after the start nodes are still expected that have a model of their own. */
  nodesComeMs: number;
}

/** A Pi that has to load the model first makes vectors of sixteen long texts in it. */
const madeWithinMs = 120_000;
/** The same where the coordinator does it otherwise: the gateway waits for a node that fails as long as it may. */
const madeSoonMs = 10_000;
/** After nodes could not, so long none is asked for what the coordinator can do. */
const nodesRestMs = 60_000;
/** A model that has to be loaded first takes longer: that search is by words, and the next one finds it loaded. */
const questionWithinMs = 1_500;
/** A node that has time answers in a tenth of it. */
const nodeFirstMs = 300;
/** A machine is to blame, or may be: another one tries it. */
const ofThePlace = new Set([
  'model-away',
  'model-busy',
  'model-failed',
  'unavailable',
  'queue-full',
  'deadline-passed',
  'no-such-model',
]);

export class VectorMakers {
  readonly #parts: VectorMakersParts;
  readonly #begunMs: number;
  #nodesRestUntilMs = 0;

  constructor(parts: VectorMakersParts) {
    this.#parts = parts;
    this.#begunMs = parts.clock.monotonicMs();
  }

  /** Whether somebody may make vectors of this model. */
  has(model: string, space: string = coordinatorSelf.space): boolean {
    return this.#onNodes(model, space) || this.#own(model) !== null;
  }

  /** The coordinator's own model, where no node makes vectors of any; paid APIs are asked by nobody but who names their model. */
  own(): string | null {
    const { gateway, embedder, clock, nodesComeMs } = this.#parts;
    if (!embedder || clock.monotonicMs() - this.#begunMs < nodesComeMs) return null;
    const places = gateway.router.directory.ofTier('auto', 'embed', coordinatorSelf.space);
    return places.some(({ row }) => row.class !== 'cloud') ? null : embedder.model;
  }

  stand(model: string | null): Required<Pick<MemoryVectors, 'embedder' | 'maker'>> {
    const { embedder } = this.#parts;
    const own =
      embedder !== null && embedder.problem === null && (model === null ? this.own() !== null : embedder.makes(model));
    const maker = model !== null && this.#nodesCan(model) ? 'node' : own ? 'coordinator' : 'nobody';
    return { maker, embedder: embedder?.stand() ?? null };
  }

  nobody(model: string): string {
    return nobodyInWords(model, this.#parts.embedder?.stand() ?? null);
  }

  /** Vectors that nobody waits for. Rejects with FleetError. */
  async idle(model: string, texts: readonly string[]): Promise<Float32Array[]> {
    const own = this.#own(model);
    if (own && !this.#nodesCan(model)) return own.embed(model, texts, madeWithinMs);
    try {
      return await this.#byNodes(model, texts, coordinatorSelf, own ? madeSoonMs : madeWithinMs, true);
    } catch (error) {
      if (!own || !(error instanceof FleetError) || !ofThePlace.has(error.code)) throw error;
      this.#nodesRestUntilMs = this.#parts.clock.monotonicMs() + nodesRestMs;
      return own.embed(model, texts, madeWithinMs);
    }
  }

  /** The vector of a question; null: nobody makes one in time. */
  async question(model: string, text: string, by: Principal): Promise<Float32Array | null> {
    const { clock } = this.#parts;
    const own = this.#own(model);
    const stop = new AbortController();
    const late = () => new FleetError('deadline-passed', {});
    const ways: Promise<Float32Array[]>[] = [];
    const onNodes = this.#onNodes(model, by.space);
    if (onNodes) ways.push(this.#byNodes(model, [text], by, questionWithinMs, false));
    if (own && !onNodes) {
      // A fetch takes longer than anybody waits.
      if (own.isReady) ways.push(own.embed(model, [text], questionWithinMs));
      else own.prepare();
    }
    // Only with a file that is there already: a fetch would be for a node that is slow for once.
    else if (own?.isReady)
      ways.push(this.#soon(ways[0]!, stop.signal).then(() => own.embed(model, [text], questionWithinMs)));
    try {
      const [values] = await withDeadline(clock, questionWithinMs, Promise.any(ways), late);
      return values && values.length > 0 ? values : null;
    } catch {
      // The nodes are busy, or the model failed: that is told where it concerns somebody who asked for the model.
      return null;
    } finally {
      stop.abort();
    }
  }

  #own(model: string) {
    const { embedder } = this.#parts;
    return embedder?.makes(model) ? embedder : null;
  }
  #onNodes(model: string, space: string): boolean {
    return this.#parts.gateway.router.directory.named(model, space).some(({ row }) => row.presence === 'online');
  }
  /** A node has the model, and none failed lately where the coordinator can do it. */
  #nodesCan(model: string): boolean {
    const isResting = this.#parts.clock.monotonicMs() < this.#nodesRestUntilMs && this.#own(model) !== null;
    return !isResting && this.#onNodes(model, coordinatorSelf.space);
  }
  #byNodes(model: string, texts: readonly string[], by: Principal, withinMs: number, isIdle: boolean) {
    const idle = isIdle ? { idle: true as const } : {};
    return vectorsOf(this.#parts, { model, texts, by, withinMs, ...idle });
  }
  /** Resolves when a node has not answered soon, or has failed; never where it has answered. */
  #soon(node: Promise<unknown>, over: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#parts.clock.after(nodeFirstMs, resolve);
      over.addEventListener('abort', () => timer.cancel());
      node.catch(() => resolve());
    });
  }
}
