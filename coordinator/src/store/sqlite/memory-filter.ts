// Which memories a search may find: those of an agent, of a kind, with a tag, of a time. In: the query. Out: a condition of SQL on `e`, a row of
// memory_entry, and its parameters.
import type { Store } from '../store.ts';

export type MemoryFilter = Pick<
  Parameters<Store['searchMemory']>[0],
  'agent' | 'agents' | 'kind' | 'tag' | 'sinceMs' | 'untilMs'
>;

/** What is not asked for is null, and true of all. The tags are read last: they are in the payload. */
export const passes = `(@agent IS NULL OR e.agent = @agent) AND (@kind IS NULL OR e.kind = @kind)
  AND (@sinceMs IS NULL OR e.created_at >= @sinceMs) AND (@untilMs IS NULL OR e.created_at < @untilMs)
  AND (@agents IS NULL OR e.agent IN (SELECT value FROM json_each(@agents)))
  AND (@tag IS NULL OR EXISTS (SELECT 1 FROM json_each(e.payload, '$.tags') WHERE value = @tag))`;
export const asked = ({ agent, agents, kind, tag, sinceMs, untilMs }: MemoryFilter) => ({
  agent: agent ?? null,
  agents: agents === undefined ? null : JSON.stringify(agents),
  kind: kind ?? null,
  tag: tag ?? null,
  sinceMs: sinceMs ?? null,
  untilMs: untilMs ?? null,
});
/** Whether what an index finds of all has to be looked up row by row. */
export const readsRows = (filter: MemoryFilter): boolean => isNarrow(filter) || filter.agents !== undefined;
/** Whether anything but the agents is asked for. */
export const isNarrow = ({ kind, tag, sinceMs, untilMs }: MemoryFilter): boolean =>
  [kind, tag, sinceMs, untilMs].some((value) => value !== undefined);
