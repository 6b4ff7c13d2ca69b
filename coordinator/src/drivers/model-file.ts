// The catalogue as the coordinator reads it: what the project ships, with the operator's file over it. Read at the start, whenever the file
// has changed, and when a person asks. In: a path. Out: an input with the whole catalogue, and the faults of the file. A file that cannot be
// read changes nothing: what was read before stays.
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Catalogue, KnownModel } from '@blackroad/protocol';
import { readModelFile } from '@blackroad/protocol/model-file';
import type { Clock } from '@blackroad/std/clock';
import { errnoSentence } from '@blackroad/std/errno';
import type { Log } from '@blackroad/std/log';

export interface ModelFile {
  /** Reads the file now. Rejects only where the coordinator refuses the catalogue. */
  reload(): Promise<{ models: number; faults: string[] }>;
  /** Null: there is no such file. */
  state(): Catalogue['file'];
  stop(): void;
}

/** People look at the console a moment after they saved the file. */
const lookMs = 3000;
const maxFileBytes = 1024 ** 2;
const maxFaultsShown = 50;

interface ModelFileParts {
  path: string;
  shipped: readonly KnownModel[];
  /** Takes the catalogue in. */
  learn: (models: readonly KnownModel[]) => Promise<void>;
  clock: Clock;
  log: Log;
}

/** Resolves when the catalogue was taken in for the first time. */
export async function openModelFile({ path, shipped, learn, clock, log }: ModelFileParts): Promise<ModelFile> {
  let seen = '';
  let count = shipped.length;
  let state: Catalogue['file'] = null;
  let last: Promise<unknown> = Promise.resolve();

  async function read(): Promise<void> {
    seen = await stampOf(path);
    const found = await textOf(path);
    if ('fault' in found) {
      state = { path, faults: [found.fault] };
      log.warn({ path }, found.fault);
      return;
    }
    const { models, faults } =
      found.text === null ? { models: shipped, faults: [] } : readModelFile(found.text, basename(path), shipped);
    await learn(models);
    count = models.length;
    state = found.text === null ? null : { path, faults: faults.slice(0, maxFaultsShown) };
    for (const fault of faults.slice(0, maxFaultsShown)) log.warn({ path }, `a model does not count: ${fault}`);
    if (found.text !== null)
      log.info({ path, models: models.length, faults: faults.length }, 'the file of models was read');
  }
  /** One read after the other. */
  function reload(): Promise<void> {
    const done = last.then(read);
    last = done.catch(() => {});
    return done;
  }

  await reload();
  const timer = clock.every(lookMs, () => {
    const looked = stampOf(path).then((stamp) => (stamp === seen ? undefined : reload()));
    looked.catch((error) => log.warn({ err: error, path }, 'the file of models could not be taken in'));
  });
  return {
    async reload() {
      await reload();
      return { models: count, faults: state?.faults ?? [] };
    },
    state: () => state,
    stop: () => timer.cancel(),
  };
}

/** Equal while the file is unchanged; empty: there is none. */
async function stampOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => null);
  return found ? `${found.mtimeMs} ${found.size} ${found.ino}` : '';
}
async function textOf(path: string): Promise<{ text: string | null } | { fault: string }> {
  try {
    const { size } = await stat(path);
    if (size > maxFileBytes) return { fault: `${path}: expected at most ${maxFileBytes} bytes, got ${size}` };
    return { text: await readFile(path, 'utf8') };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { text: null };
    return { fault: errnoSentence(error) ?? (error as Error).message };
  }
}
