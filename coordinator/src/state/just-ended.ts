// What a view remembers of tasks that ended and branches that were merged a moment ago: data read from the store just before does not show it.
import type { BranchRow, TaskRow } from './rows.ts';
import { inSpace, type MutableView } from './view.ts';

/** The number of ends kept in memory: seconds of the highest load, while the race that they prevent lasts milliseconds. */
const maxJustEnded = 20_000;
const forgottenAtOnce = 2_000;
const maxJustMerged = 1_000;

export function rememberMerged(view: MutableView, { id, uptoHash = '' }: BranchRow): void {
  view.branches.delete(id);
  view.justMerged.set(id, uptoHash);
  const [oldest] = view.justMerged.keys();
  if (view.justMerged.size > maxJustMerged) view.justMerged.delete(oldest as string);
}
export function rememberEnd(view: MutableView, { id, space, idempotencyKey }: TaskRow): void {
  const ended = idempotencyKey === null ? null : inSpace(space, idempotencyKey);
  view.justEnded.set(id, ended);
  if (ended !== null) view.justEndedKeys.set(ended, id);
  if (view.justEnded.size <= maxJustEnded) return;
  // Many at once: to find the oldest one, a map steps over all that were deleted before it.
  let left = forgottenAtOnce;
  for (const [oldest, key] of view.justEnded) {
    if (left-- === 0) return;
    view.justEnded.delete(oldest);
    if (key !== null && view.justEndedKeys.get(key) === oldest) view.justEndedKeys.delete(key);
  }
}
