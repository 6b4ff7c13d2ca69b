// The models that a node may be asked to fetch, the likeliest first, and the progress of a fetch. Pure.
import type { Catalogue, ModelFetch, NodeView } from '@blackroad/protocol';
import { bytes, percent } from '../kit/words.ts';
import { neededBytes } from './fit.ts';

type Capacity = NonNullable<NodeView['capacity']>;

/** Offered where a registry is too large to list and this fleet names no model: small ones that are good for their size. */
const wellKnown = ['qwen2.5:1.5b', 'qwen2.5:3b', 'llama3.2:3b'];
const most = 12;

/** Whether the node has a runtime that fetches. */
export const canFetch = (capacity: Capacity | null): boolean => (capacity?.pulls?.length ?? 0) > 0;
/** Whether the node has reported and has no chat model. */
export const lacksModel = (capacity: Capacity | null): boolean =>
  capacity?.models.every(({ kind }) => kind !== 'chat') ?? false;

/**
 * Models whose fetch failed there, then all of its own catalogue; from a registry without a list the models that agents of this fleet want,
 * and those that run elsewhere and would fit.
 */
export function suggestions(capacity: Capacity | null, catalogue: Catalogue | null): string[] {
  if (!capacity || !canFetch(capacity)) return [];
  const here = new Set(capacity.models.flatMap(({ name, aliases }) => [name, ...aliases]));
  const pulls = capacity.pulls ?? [];
  const failed = (capacity.fetches ?? []).filter(({ problem }) => problem !== undefined).map(({ model }) => model);
  const known = (catalogue?.models ?? []).filter(
    (model) =>
      model.kind === 'chat' &&
      neededBytes(model) <= capacity.memoryTotalBytes &&
      pulls.some((runtime) => model.runtimes.includes(runtime)),
  );
  const { fetchable } = capacity;
  const names = fetchable
    ? [...failed.filter((name) => fetchable.includes(name)), ...fetchable]
    : [
        ...failed,
        ...(catalogue?.missing ?? []).map(({ name }) => name),
        ...known.map(({ name }) => name),
        ...wellKnown,
      ];
  return [...new Set(names)].filter((name) => !here.has(name)).slice(0, most);
}

/** The present fetches. */
export const underWay = (capacity: Capacity | null): ModelFetch[] =>
  (capacity?.fetches ?? []).filter(({ problem }) => problem === undefined);

/** From 0 to 1; null while its size is not known. */
export const shareOf = ({ completedBytes, totalBytes }: ModelFetch): number | null =>
  totalBytes > 0 ? Math.min(1, completedBytes / totalBytes) : null;

/** `42 %, 448 MiB of 1.0 GiB`, or the present step before there are figures. */
export function progressInWords(fetch: ModelFetch): string {
  if (fetch.problem !== undefined) return fetch.problem;
  const share = shareOf(fetch);
  if (share === null) return fetch.status || 'begins';
  return `${percent(share)}, ${bytes(fetch.completedBytes)} of ${bytes(fetch.totalBytes)}`;
}
