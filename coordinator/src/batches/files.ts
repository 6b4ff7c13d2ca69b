// Files of clients on the coordinator's disk: the requests of batches, and their answers. In: streams and paths, with who they are of. Out:
// rows, streams. A file is there when it is whole; it is its client's alone, is kept for 30 days, and all of them together are bounded. What
// is damaged is left out and said.
import { createReadStream, createWriteStream, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  explain,
  FleetError,
  maxFileBytes,
  maxFilesBytes,
  maxFilesPerKey,
  type Static,
  Type,
} from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { type Random, sortableId } from '@blackroad/std/random';
import { saveWhole } from '@blackroad/std/whole-file';

export const FileRow = Type.Object({
  id: Type.String({ pattern: '^file-[0-9a-z]{26}$' }),
  owner: Type.String(),
  name: Type.String(),
  purpose: Type.OneOf(['batch', 'batch_output']),
  bytes: Type.Integer({ minimum: 0 }),
  createdMs: Type.Number(),
  expiresMs: Type.Number(),
});
export type FileRow = Static<typeof FileRow>;

interface FilesParts {
  dir: string;
  clock: Clock;
  random: Random;
  log: Log;
}
type About = Pick<FileRow, 'owner' | 'name' | 'purpose'>;

const lifeMs = 30 * 86_400_000;

export class ClientFiles {
  readonly #parts: FilesParts;
  readonly #rows = new Map<string, FileRow>();
  #bytes = 0;
  /** Bytes that are on their way. */
  #coming = 0;

  constructor(parts: FilesParts) {
    this.#parts = parts;
    mkdirSync(parts.dir, { recursive: true, mode: 0o700 });
    const known = new Set<string>();
    for (const name of readdirSync(parts.dir)) {
      const id = /^(file-[0-9a-z]{26})\.json$/.exec(name)?.[1];
      if (id === undefined || !this.#read(id)) continue;
      known.add(id);
    }
    // What was on its way when the coordinator ended.
    for (const name of readdirSync(parts.dir))
      if (!known.has(name.split('.')[0] as string) || name.endsWith('.new'))
        rmSync(join(parts.dir, name), { force: true });
  }

  #read(id: string): boolean {
    const path = join(this.#parts.dir, `${id}.json`);
    try {
      const row: unknown = JSON.parse(readFileSync(path, 'utf8'));
      const fault = explain(FileRow, row);
      if (fault) throw new Error(fault);
      this.#add(row as FileRow);
      return true;
    } catch (error) {
      this.#parts.log.warn(
        { file: id, problem: (error as Error).message },
        'a file of a client is damaged: it is removed',
      );
      return false;
    }
  }

  #add(row: FileRow): void {
    this.#rows.set(row.id, row);
    this.#bytes += row.bytes;
  }

  list(owner: string): FileRow[] {
    return [...this.#rows.values()].filter((row) => row.owner === owner);
  }

  /** @throws FleetError `no-such-file` also for a file of another one */
  get(owner: string, id: string): FileRow {
    const row = this.#rows.get(id);
    if (row?.owner === owner) return row;
    throw new FleetError('no-such-file', {
      detail: `There is no file ${JSON.stringify(id).slice(0, 90)} of this key.`,
    });
  }

  /** Null: it is not there any more. */
  nameOf(id: string): string | null {
    return this.#rows.get(id)?.name ?? null;
  }

  read(id: string): Readable {
    return createReadStream(this.pathOf(id));
  }

  pathOf(id: string): string {
    return join(this.#parts.dir, `${id}.data`);
  }

  /** Takes a stream; what comes of one that breaks is removed. */
  async take(about: About, stream: Readable): Promise<FileRow> {
    this.#refuseMore(about.owner);
    const { clock, random } = this.#parts;
    const id = `file-${sortableId(clock.nowMs(), random)}`;
    let bytes = 0;
    const count = new Transform({
      transform: (chunk: Buffer, _, done) => {
        bytes += chunk.length;
        this.#coming += chunk.length;
        if (bytes > maxFileBytes) done(tooLarge());
        else if (this.#bytes + this.#coming > maxFilesBytes) done(noRoom());
        else done(null, chunk);
      },
    });
    try {
      await pipeline(stream, count, createWriteStream(this.pathOf(id), { mode: 0o600, flush: true }));
      return await this.#keep(id, about, bytes);
    } catch (error) {
      await rm(this.pathOf(id), { force: true });
      throw error;
    } finally {
      this.#coming -= bytes;
    }
  }

  /** Makes a file of one that is on the disk already. */
  async adopt(about: About, path: string): Promise<FileRow> {
    const { clock, random } = this.#parts;
    const id = `file-${sortableId(clock.nowMs(), random)}`;
    const { size } = await stat(path);
    await rename(path, this.pathOf(id));
    return this.#keep(id, about, size);
  }

  async remove(owner: string, id: string): Promise<void> {
    await this.#drop(this.get(owner, id));
  }

  /** Removes files whose time is over. */
  async prune(): Promise<void> {
    const nowMs = this.#parts.clock.nowMs();
    for (const row of [...this.#rows.values()]) if (row.expiresMs <= nowMs) await this.#drop(row);
  }

  #refuseMore(owner: string): void {
    if (this.list(owner).length >= maxFilesPerKey)
      throw new FleetError('fleet-full', { detail: `This key has ${maxFilesPerKey} files: delete some first.` });
    if (this.#bytes + this.#coming >= maxFilesBytes) throw noRoom();
  }

  async #keep(id: string, about: About, bytes: number): Promise<FileRow> {
    const { clock, dir } = this.#parts;
    const createdMs = clock.nowMs();
    const row: FileRow = { id, ...about, bytes, createdMs, expiresMs: createdMs + lifeMs };
    await saveWhole(join(dir, `${id}.json`), JSON.stringify(row));
    this.#add(row);
    return row;
  }

  async #drop(row: FileRow): Promise<void> {
    if (!this.#rows.delete(row.id)) return;
    this.#bytes -= row.bytes;
    // The row goes first: data without one is removed at the next start.
    await rm(join(this.#parts.dir, `${row.id}.json`), { force: true });
    await rm(this.pathOf(row.id), { force: true });
  }
}

const tooLarge = () =>
  new FleetError('too-large', { detail: `file: expected at most ${maxFileBytes} bytes, got more` });
const noRoom = () =>
  new FleetError('fleet-full', {
    detail: `The files of all clients have ${maxFilesBytes} bytes together: delete some first.`,
  });
