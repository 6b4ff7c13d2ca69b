// Tasks page by page from the API, newest first, joined with the lines of the live feed: what the feed says of a task is newer.
import type { TaskView } from '@blackroad/protocol';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { type ApiProblem, call } from './api.ts';
import { useTaskLines } from './live.ts';
import { joined, type TaskFilter } from './task-rows.ts';

export function useTaskPages(filter: TaskFilter, limit = 200) {
  const live = useTaskLines();
  const { state, agent, node, dead } = filter;
  const read = useInfiniteQuery<TaskView[], ApiProblem, { pages: TaskView[][] }, unknown[], string | undefined>({
    queryKey: ['tasks', 'pages', filter, limit],
    queryFn: ({ pageParam, signal }) =>
      call('tasks', { query: { ...filter, limit, ...(pageParam ? { before: pageParam } : {}) }, signal }),
    initialPageParam: undefined,
    getNextPageParam: (last) => (last.length < limit ? undefined : last.at(-1)?.id),
  });
  const rows = useMemo(
    () => joined(read.data?.pages.flat() ?? [], live.list, { state, agent, node, dead }),
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
