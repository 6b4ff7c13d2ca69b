// Erasures in the view: all of them, what each node still owes, and the hashes of the last ones. Written by apply.ts alone.
import { maxErasedAtOnce } from '@blackroad/protocol';
import type { DurableChange } from './change.ts';
import type { ErasureRow } from './memory-rows.ts';
import { add, drop } from './task-index.ts';
import type { MutableView, View } from './view.ts';

/** What was read of the store just before an erasure does not show it: so many messages wait at most. */
const maxJustErased = 20 * maxErasedAtOnce;

export function noteErasure(
  view: MutableView,
  { row, erased = [] }: Extract<DurableChange, { type: 'erasure' }>,
): void {
  for (const node of view.erasures.get(row.id)?.owed ?? []) drop(view.erasuresOwed, node, row.id);
  view.erasures.set(row.id, row);
  for (const node of row.owed) add(view.erasuresOwed, node, row.id);
  view.erasedUpto.set(row.agent, Math.max(view.erasedUpto.get(row.agent) ?? 0, row.number));
  for (const { hash } of erased) view.justErased.set(hash, true);
  for (const hash of view.justErased.keys()) {
    if (view.justErased.size <= maxJustErased) break;
    view.justErased.delete(hash);
  }
}

export function erasureId(agent: string, number: number): string {
  return `${agent}.${number}`;
}
/** Its erasures with a number above this one, in order. */
export function erasuresAfter(view: Pick<View, 'erasures' | 'erasedUpto'>, agent: string, upto: number): ErasureRow[] {
  const rows: ErasureRow[] = [];
  for (let number = upto + 1; number <= (view.erasedUpto.get(agent) ?? 0); number++) {
    const row = view.erasures.get(erasureId(agent, number));
    if (row) rows.push(row);
  }
  return rows;
}
/** The first erasure of each log that the node owes. */
export function firstOwed(view: Pick<View, 'erasures' | 'erasuresOwed'>, node: string): ErasureRow[] {
  const first = new Map<string, ErasureRow>();
  for (const id of view.erasuresOwed.get(node) ?? []) {
    const row = view.erasures.get(id);
    if (row && row.number < (first.get(row.agent)?.number ?? Number.POSITIVE_INFINITY)) first.set(row.agent, row);
  }
  return [...first.values()];
}
