// Tasks page by page from the API, newest first, joined with the lines of the live feed: a line of the feed is newer.
import type { TaskView } from '@blackroad/protocol';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { type ApiProblem, call } from './api.ts';
import { nowMs } from './clock.ts';
import { useTaskLines } from './live.ts';
import { joined, type TaskFilter } from './task-rows.ts';

interface Page {
  rows: TaskView[];
  readMs: number;
}

export function useTaskPages(filter: TaskFilter, limit = 200) {
  const live = useTaskLines();
  const { state, agent, node, dead } = filter;
  const read = useInfiniteQuery<Page, ApiProblem, { pages: Page[] }, unknown[], string | undefined>({
    queryKey: ['tasks', 'pages', filter, limit],
    queryFn: async ({ pageParam, signal }) => {
      const readMs = nowMs();
      const query = { ...filter, limit, ...(pageParam ? { before: pageParam } : {}) };
      return { rows: await call('tasks', { query, signal }), readMs };
    },
    initialPageParam: undefined,
    getNextPageParam: (last) => (last.rows.length < limit ? undefined : last.rows.at(-1)?.id),
  });
  const rows = useMemo(
    () =>
      joined(
        read.data?.pages.flatMap((page) => page.rows) ?? [],
        live.list,
        { state, agent, node, dead },
        read.data?.pages[0]?.readMs,
      ),
    [read.data, live, state, agent, node, dead],
  );
  return {
    rows,
    whole: read.data !== undefined || rows.length > 0,
    error: read.data === undefined ? read.error : null,
    retry: read.refetch,
    older: read.hasNextPage ? () => void read.fetchNextPage() : null,
    busy: read.isFetchingNextPage,
  };
}
