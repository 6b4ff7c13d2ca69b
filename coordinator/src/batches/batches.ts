// Batches: requests of a file, answered when nobody else needs the machines. In: orders of clients, the rows of an earlier run. Out: rows, and
// files with the answers. A batch survives a restart: what is answered stays answered, the rest is asked. It is its client's alone, ends with
// its key, and all of them together are bounded.
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type BatchView,
  type Checker,
  explain,
  FleetError,
  isBatchOver as isOver,
  maxBatchesShown,
  maxOpenBatches,
  maxOpenBatchesPerKey,
  type OpenAiBatch,
  type Principal,
} from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { type Random, sortableId } from '@blackroad/std/random';
import { saveWhole } from '@blackroad/std/whole-file';
import type { Gateway } from '../gateway/gateway.ts';
import { BatchRow, batchView, type Counts, shownBatch } from './batch.ts';
import { ClientFiles } from './files.ts';
import { BatchRun } from './run.ts';

interface BatchesParts {
  /** Of the data folder. */
  dir: string;
  gateway: Gateway;
  /** Whether the key of this principal is still good. */
  stands: (by: Principal) => boolean;
  check: Checker;
  clock: Clock;
  random: Random;
  log: Log;
}

/** Of the API: a batch that is not through by then ends with what it has. */
const windowMs = 86_400_000;
/** Rows of batches that are over go with the files that they made. */
const keptMs = 30 * 86_400_000;
const pruneEveryMs = 3_600_000;
/** After a fault of the disk. */
const restMs = 60_000;

/** A console is signed in with a key: what it orders is of that key. */
export const ownerOf = ({ kind, id, name }: Principal) => `${kind === 'session' ? 'key' : kind} ${id ?? name}`;

export class Batches {
  readonly files: ClientFiles;
  readonly #parts: BatchesParts;
  readonly #rows = new Map<string, BatchRow>();
  readonly #runs = new Map<string, BatchRun>();
  readonly #pruning: Timer;
  #saving: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(parts: BatchesParts) {
    const { dir, clock, log } = parts;
    this.#parts = parts;
    this.files = new ClientFiles({ ...parts, dir: join(dir, 'files') });
    mkdirSync(join(dir, 'batches'), { recursive: true, mode: 0o700 });
    for (const name of readdirSync(join(dir, 'batches')).sort()) {
      // It was being written when the coordinator ended.
      if (name.endsWith('.new')) rmSync(join(dir, 'batches', name));
      else this.#readRow(name);
    }
    for (const row of this.#rows.values()) if (!isOver(row)) this.#start(row);
    this.#pruning = clock.every(pruneEveryMs, () => {
      this.#prune().catch((error) => log.warn({ err: error }, 'old files of clients could not be removed'));
    });
  }

  #readRow(name: string): void {
    if (!name.endsWith('.json')) return;
    const { dir, log } = this.#parts;
    try {
      const row: unknown = JSON.parse(readFileSync(join(dir, 'batches', name), 'utf8'));
      const fault = explain(BatchRow, row);
      if (fault) throw new Error(fault);
      this.#rows.set((row as BatchRow).id, row as BatchRow);
    } catch (error) {
      log.warn({ batch: name, problem: (error as Error).message }, 'a batch is damaged: it is left out');
    }
  }

  get open(): number {
    return this.#runs.size;
  }

  async create(by: Principal, order: OpenAiBatch): Promise<BatchRow> {
    const owner = ownerOf(by);
    this.files.get(owner, order.input_file_id);
    const own = [...this.#runs.keys()].filter((id) => this.#rows.get(id)?.owner === owner).length;
    if (own >= maxOpenBatchesPerKey || this.#runs.size >= maxOpenBatches) {
      const detail = `${own} batches of this key are under way, ${this.#runs.size} of the fleet; expected fewer than ${maxOpenBatchesPerKey} and ${maxOpenBatches}.`;
      throw new FleetError('queue-full', { detail, retryAfterSeconds: 60 });
    }
    const { clock, random } = this.#parts;
    const nowMs = clock.nowMs();
    const row: BatchRow = {
      ...{ id: `batch_${sortableId(nowMs, random)}`, owner, by, order, state: 'validating', total: 0 },
      ...{ createdMs: nowMs, expiresMs: nowMs + windowMs },
    };
    await this.#save(row);
    this.#start(row);
    return row;
  }

  list(owner: string): BatchRow[] {
    return [...this.#rows.values()].filter((row) => row.owner === owner);
  }

  /** Newest first. `owner` null: of every key. */
  seen(by: Principal, owner: string | null): BatchView[] {
    const rows = [...this.#rows.values()].filter((row) => owner === null || row.owner === owner);
    const newest = rows.sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, maxBatchesShown);
    return newest.map((row) => this.view(row, by));
  }
  view(row: BatchRow, by: Principal): BatchView {
    const file = this.files.nameOf(row.order.input_file_id);
    return batchView(row, this.#countsOf(row), { own: row.owner === ownerOf(by), file });
  }

  /** `owner` null: whoever's it is. @throws FleetError `no-such-batch` also for a batch of another one */
  get(owner: string | null, id: string): BatchRow {
    const row = this.#rows.get(id);
    if (row && (owner === null || row.owner === owner)) return row;
    throw new FleetError('no-such-batch', {
      detail: `There is no batch ${JSON.stringify(id).slice(0, 90)}${owner === null ? '' : ' of this key'}.`,
    });
  }

  async cancel(owner: string | null, id: string): Promise<BatchRow> {
    const row = this.get(owner, id);
    if (isOver(row)) throw new FleetError('conflict', { detail: `The batch is ${row.state} already.` });
    if (row.state !== 'cancelling')
      await this.#save({ ...row, state: 'cancelling', cancelledMs: this.#parts.clock.nowMs() });
    this.#runs.get(id)?.cancel();
    return this.get(owner, id);
  }

  isOpen(row: BatchRow): boolean {
    return !isOver(row);
  }

  shown(row: BatchRow): object {
    return shownBatch(row, this.#countsOf(row));
  }
  #countsOf(row: BatchRow): Counts {
    return this.#runs.get(row.id)?.counts ?? row.counts ?? { completed: 0, failed: 0 };
  }

  /** Nothing is asked any more; the next start goes on. Resolves when the files are closed. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#pruning.cancel();
    await Promise.all([...this.#runs.values()].map((run) => run.stop()));
  }

  #start(row: BatchRow): void {
    const { dir, clock, log } = this.#parts;
    const run = new BatchRun({
      ...this.#parts,
      files: this.files,
      work: join(dir, 'batches', row.id),
      row: () => this.#rows.get(row.id) as BatchRow,
      save: (next) => this.#save(next),
    });
    this.#runs.set(row.id, run);
    run.done
      .catch((error) => {
        log.error({ err: error, batch: row.id }, 'a batch broke; it goes on in a minute');
        if (!this.#isStopped) clock.after(restMs, () => this.#start(row));
      })
      .finally(() => this.#runs.delete(row.id));
  }

  /** One after the other: a batch may be ended while its next state is written. */
  #save(row: BatchRow): Promise<void> {
    this.#rows.set(row.id, row);
    const path = join(this.#parts.dir, 'batches', `${row.id}.json`);
    const saved = this.#saving.then(() => saveWhole(path, JSON.stringify(row)));
    this.#saving = saved.catch(() => {}); // told to its caller
    return saved;
  }

  async #prune(): Promise<void> {
    await this.files.prune();
    const before = this.#parts.clock.nowMs() - keptMs;
    for (const row of [...this.#rows.values()]) {
      if (!isOver(row) || row.createdMs > before) continue;
      this.#rows.delete(row.id);
      await rm(join(this.#parts.dir, 'batches', `${row.id}.json`), { force: true });
    }
  }
}
