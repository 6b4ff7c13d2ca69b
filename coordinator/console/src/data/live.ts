// The live fleet as React hooks: each listens to a channel of the feed while its component is on the page.
import type { FeedDetail, FeedRow, FeedTable, FleetTotals } from '@blackroad/protocol';
import { useCallback, useSyncExternalStore } from 'react';
import { type Freshness, freshness, type Rows, rowsOf, watchFreshness, watchRows } from './feed.ts';

function useChannel(name: string): Rows<unknown> {
  const watch = useCallback((changed: () => void) => watchRows(name, changed), [name]);
  return useSyncExternalStore(watch, () => rowsOf(name));
}
const useTable = <C extends FeedTable>(name: C) => useChannel(name) as Rows<FeedRow<C>>;

/** Lines of all nodes: `rows` by id, `list`, `whole`. */
export const useNodes = () => useTable('nodes');
export const useAgents = () => useTable('agents');
/** The newest tasks; older ones come from the API. */
export const useTaskLines = () => useTable('tasks');
export const useEvents = () => useTable('events');
/** The alerts. */
export const useAlerts = () => useTable('alerts');
export const useTotals = (): FleetTotals | null => useTable('totals').rows.get('') ?? null;

interface Detail<T> {
  /** Null before it has come, and when the thing does not exist. */
  row: T | null;
  refused: string | null;
}
function useDetail<C extends FeedDetail>(kind: C, id: string): Detail<FeedRow<C>> {
  const { rows, refused } = useChannel(`${kind}:${id}`) as Rows<FeedRow<C>>;
  return { row: rows.get(id) ?? null, refused };
}
/** The whole view of one node, exactly and live. */
export const useNode = (id: string) => useDetail('node', id);
export const useAgent = (name: string) => useDetail('agent', name);
export const useTask = (id: string) => useDetail('task', id);

/** The age of all of this. */
export const useFreshness = (): Freshness => useSyncExternalStore(watchFreshness, freshness);
