// Sees to it that the models folder holds a model of each kind asked for: what is there is used, what is missing fetched.
// In: the kinds, the folder and the machine's memory and disk. Out: paths and, for people, what is missing and what would fix it.
// It never throws for a network or a disk: a fleet without a model still comes up.
import { mkdir } from 'node:fs/promises';
import {
  type CatalogueEntry,
  catalogue,
  chatModelsFor,
  chooseChatModel,
  entryOfFile,
  type Place,
} from './catalogue.ts';
import { type FetchOptions, type FetchProgress, fetchModel, isVerified } from './fetch.ts';
import { FetchProblem } from './fetch-problem.ts';
import { type ModelFile, modelsIn } from './folder.ts';

export type EnsureProgress = FetchProgress;
interface EnsureOptions extends Omit<FetchOptions, 'skip'> {
  /** Kinds that no server has already; nothing else is fetched. */
  kinds: readonly CatalogueEntry['kind'][];
  memoryBytes: number;
  diskFreeBytes: number;
}
export interface EnsuredModels {
  chat?: string;
  embed?: string;
  /** Plain words; empty when all that was asked for is there. */
  problems: { kind: CatalogueEntry['kind']; text: string }[];
}

export async function ensureModels(options: EnsureOptions): Promise<EnsuredModels> {
  await mkdir(options.modelsDir, { recursive: true });
  const present = await modelsIn(options.modelsDir);
  const skip = new Set<Place['kind']>();
  const ensured: EnsuredModels = { problems: [] };
  for (const kind of options.kinds) {
    const usable = await usableOf(
      present.filter((file) => file.kind === kind),
      options,
    );
    if (usable) {
      ensured[kind] = usable;
      continue;
    }
    const wanted = candidates(kind, present, options);
    if ('none' in wanted) {
      ensured.problems.push({ kind, text: `no ${kind} model: ${wanted.none}` });
      continue;
    }
    const got = await firstFetched(wanted, { ...options, skip });
    if ('path' in got) ensured[kind] = got.path;
    else ensured.problems.push({ kind, text: problemText(kind, got.problem, options.modelsDir) });
    if (options.signal?.aborted) break;
  }
  return ensured;
}

// A file of the catalogue must be the right one; a file that its owner put there is taken as it is.
async function usableOf(files: ModelFile[], options: EnsureOptions): Promise<string | undefined> {
  for (const file of files) {
    const entry = entryOfFile(file.fileName);
    if (!entry || (await isVerified(entry, file.path, options))) return file.path;
  }
  return undefined;
}

function candidates(
  kind: 'chat' | 'embed',
  present: ModelFile[],
  options: EnsureOptions,
): CatalogueEntry[] | { none: string } {
  if (kind === 'embed') return catalogue.filter((entry) => entry.kind === 'embed');
  const choice = chooseChatModel(options.memoryBytes, options.diskFreeBytes);
  if ('none' in choice) return choice;
  // A damaged file tells which model was wanted here.
  const damaged = present.map((file) => entryOfFile(file.fileName)).filter((entry) => entry?.kind === 'chat');
  return [...(damaged as CatalogueEntry[]), ...chatModelsFor(options.memoryBytes, options.diskFreeBytes)];
}

async function firstFetched(
  entries: CatalogueEntry[],
  options: FetchOptions & { skip: Set<Place['kind']> },
): Promise<{ path: string } | { problem: Error }> {
  let first: Error | undefined;
  for (const entry of entries) {
    if (entry.places.every((place) => options.skip.has(place.kind)) && first) continue;
    try {
      return { path: await fetchModel(entry, options) };
    } catch (error) {
      first ??= error as Error;
      // The hub's silence is worth a line, but the last place's own words say more of what would help.
      if (error instanceof FetchProblem && error.kind !== 'unreachable') first = error;
      if (options.signal?.aborted) break;
    }
  }
  return { problem: first ?? new Error('the catalogue has no such model') };
}

function problemText(kind: 'chat' | 'embed', problem: Error, modelsDir: string): string {
  const what =
    kind === 'chat' ? 'no chat model: agents cannot answer' : 'no embedding model: memory is searched by words only';
  return `${what}. ${problem.message}. To fix it: put a GGUF file into ${modelsDir}, start Ollama, or connect this machine to the network`;
}
