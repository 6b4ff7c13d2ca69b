// The vectors of one model, found by meaning: codes that are scanned whole, with agents and kinds to choose among. In: vectors. Out: ids of
// candidates, which the caller compares exactly. It is built from the store and can be thrown away at any time.
import { layout, newMemory } from '@blackroad/std/vectors/code-scan';
import { type Coder, coderOf } from '@blackroad/std/vectors/codes';
import { unitOf, writeSignTables } from '@blackroad/std/vectors/planes';
import { type Rotation, rotationOf } from '@blackroad/std/vectors/rotation';
import { bestInFront } from '@blackroad/std/vectors/select';
import { CodeRows, type Filter } from './code-index.ts';
import { ScanThreads } from './scan-threads.ts';

/** Any number; written with the codes, which mean nothing under another one. */
const seed = 0x42524d31;
/** Candidates of a search at most. */
const maxCandidates = 2_000;

export class VectorIndex {
  readonly dimension: number;
  readonly mean: Float32Array;
  readonly #rotation: Rotation;
  readonly #coder: Coder;
  readonly #memory = newMemory();
  readonly #rows: CodeRows;
  readonly #threads: ScanThreads;

  /** `mean` of the vectors' directions; any other costs accuracy. */
  constructor(dimension: number, mean: Float32Array, threads: number) {
    this.dimension = dimension;
    this.mean = mean;
    this.#rotation = rotationOf(dimension, seed);
    this.#coder = coderOf(dimension, this.#rotation, mean);
    this.#rows = new CodeRows(this.#memory, this.#rotation.size);
    this.#threads = new ScanThreads(this.#memory, threads);
  }
  get size(): number {
    return this.#rows.size;
  }
  get bytes(): number {
    return this.#memory.buffer.byteLength;
  }
  get rows(): CodeRows {
    return this.#rows;
  }

  /** @throws RangeError when it is full, or the numbers are too large */
  put(id: number, agent: number, kind: number, vector: Float32Array): void {
    if (agent >= layout.maxAgents)
      throw new RangeError(`expected at most ${layout.maxAgents} agents, got ${agent + 1}`);
    this.#rows.put(id, agent, kind, (codes) => this.#coder.encode(vector, codes));
  }
  remove(id: number): boolean {
    return this.#rows.remove(id);
  }
  /** Whether all its threads scan: the first ones take a moment to start. */
  get isReady(): boolean {
    return this.#threads.isReady;
  }

  /** Ids of the `wanted` vectors that are likely the nearest to `vector` by cosine, in any order. */
  search(vector: Float32Array, wanted: number, filter: Filter = {}): Uint32Array {
    const take = Math.max(1, Math.min(maxCandidates, wanted));
    if (this.size === 0) return new Uint32Array(0);
    const buffer = this.#memory.buffer;
    const { size } = this.#rotation;
    // The planes end with whole blocks, of up to 128 coordinates.
    const query = new Int8Array(buffer, layout.query, Math.ceil(size / 128) * 128).fill(0);
    const { scale } = this.#coder.query(vector, query);
    const isFiltered = filter.agents !== undefined || filter.kinds !== undefined;
    if (isFiltered) this.#mark(filter.agents);
    const kinds = filter.kinds ?? -1;
    const job = {
      size,
      ...writeSignTables(query, size, buffer),
      unit: unitOf(size, scale, this.#coder.spread),
      wanted: take,
      agents: isFiltered ? layout.agents : 0,
      kinds,
    };
    const { scores, ids, count } = this.#threads.scan(job, this.#rows.count);
    if (count > take) bestInFront(scores, ids, count, take);
    return ids.slice(0, Math.min(count, take));
  }
  close(): void {
    this.#threads.stop();
  }

  #mark(agents: ReadonlySet<number> | undefined): void {
    const bits = new Uint8Array(this.#memory.buffer, layout.agents, layout.maxAgents / 8);
    bits.fill(agents === undefined ? 0xff : 0);
    for (const agent of agents ?? []) bits[agent >>> 3] = (bits[agent >>> 3] as number) | (1 << (agent & 7));
  }
}
