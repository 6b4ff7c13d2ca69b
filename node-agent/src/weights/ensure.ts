// Makes sure that the models folder has a model of each wanted kind: uses one that is there, or fetches one. In: the kinds, the folder and
// the machine's memory and disk. Out: paths and, for people, what is missing and the fix. It never throws for a network or a disk: a fleet
// starts without a model, too.
import { mkdir } from 'node:fs/promises';
import {
  type CatalogueEntry,
  catalogue,
  chatModelsFor,
  chooseChatModel,
  entryOfFile,
} from '@blackroad/model-server/weights/catalogue';
import {
  type FetchOptions,
  type FetchProgress,
  fetchModel,
  isVerified,
  type SourceKind,
} from '@blackroad/model-server/weights/fetch';
import { FetchProblem } from '@blackroad/model-server/weights/fetch-problem';
import { type ModelFile, modelsIn } from './folder.ts';

export type EnsureProgress = FetchProgress;
interface EnsureOptions extends Omit<FetchOptions, 'skip'> {
  /** Kinds that no server has already; no others are fetched. */
  kinds: readonly CatalogueEntry['kind'][];
  memoryBytes: number;
  diskFreeBytes: number;
}
export interface EnsuredModels {
  chat?: string;
  embed?: string;
  /** Plain words; empty when all wanted kinds are there. */
  problems: { kind: CatalogueEntry['kind']; text: string }[];
}

export async function ensureModels(options: EnsureOptions): Promise<EnsuredModels> {
  await mkdir(options.modelsDir, { recursive: true });
  const present = await modelsIn(options.modelsDir);
  const skip = new Set<SourceKind>();
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

// A file of the catalogue must have the right digest; a file that its owner put there is used unchecked.
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
  // A damaged file shows which model was wanted here.
  const damaged = present.map((file) => entryOfFile(file.fileName)).filter((entry) => entry?.kind === 'chat');
  return [...(damaged as CatalogueEntry[]), ...chatModelsFor(options.memoryBytes, options.diskFreeBytes)];
}

async function firstFetched(
  entries: CatalogueEntry[],
  options: FetchOptions & { skip: Set<SourceKind> },
): Promise<{ path: string } | { problem: Error }> {
  let first: Error | undefined;
  for (const entry of entries) {
    if (entry.places.every((place) => options.skip.has(place.kind)) && first) continue;
    try {
      return { path: await fetchModel(entry, options) };
    } catch (error) {
      first ??= error as Error;
      // Reports the last error that is more than an unreachable place, as it helps most; otherwise the first.
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
