// The names that the model cache holds, for people: how large, how much of it is here, when it was used, who reads it now. Pure.
import type { Holdings } from './holdings.ts';
import type { ListedName } from './wire.ts';

/** The last used first. */
export function listedNames(holdings: Holdings): ListedName[] {
  const latest = [...holdings.entries.values()].sort((a, b) => b.usedMs - a.usedMs);
  return latest.map(({ name, blobs, usedMs }) => ({
    name,
    bytes: blobs.reduce((total, { sizeBytes }) => total + sizeBytes, 0),
    heldBytes: blobs.reduce((total, { digest }) => total + holdings.bytesOf(digest), 0),
    usedMs,
    fetching: blobs.some(({ digest }) => holdings.isFetching(digest)),
    readers: [...new Set(blobs.flatMap(({ digest }) => holdings.readersOf(digest)))].sort(),
  }));
}
