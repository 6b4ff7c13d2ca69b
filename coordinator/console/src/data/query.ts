// REST answers as React hooks: useRoute reads, useAct does. Reads are cached by route and parameters; what came of an action is told,
// with a way back where there is one.
import type { RouteAnswer, RouteName } from '@blackroad/protocol';
import { QueryClient, type UseQueryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ApiProblem, type Call, call } from './api.ts';
import { tell } from './told.ts';

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      refetchOnWindowFocus: true,
      // A wrong question stays wrong; a coordinator that starts again is worth asking again.
      retry: (count, error) =>
        count < 3 && (!(error instanceof ApiProblem) || error.status === 0 || error.status >= 500),
      retryDelay: (attempt) => Math.min(500 * 2 ** attempt, 8_000),
    },
  },
});

export const keyOf = <N extends RouteName>(name: N, options: Call<N> = {}) =>
  [name, options.params ?? null, options.query ?? null] as const;

type Reading<N extends RouteName> = Omit<UseQueryOptions<RouteAnswer<N>, ApiProblem>, 'queryKey' | 'queryFn'>;

/** Reads a route. `options` are TanStack Query's: enabled, refetchInterval, select is not needed. */
export function useRoute<N extends RouteName>(name: N, options: Call<N> = {}, reading: Reading<N> = {}) {
  return useQuery<RouteAnswer<N>, ApiProblem>({
    queryKey: keyOf(name, options),
    queryFn: ({ signal }) => call(name, { ...options, signal }),
    ...reading,
  });
}

interface Doing<N extends RouteName> {
  /** What is told when it worked; null says nothing. */
  done?: (answer: RouteAnswer<N>, options: Call<N>) => string | null;
  /** The way back, offered beside what is told. */
  undo?: (answer: RouteAnswer<N>, options: Call<N>) => (() => Promise<unknown>) | null;
  /** Routes whose answers are stale after this. */
  stales?: RouteName[];
}

/** Does something. `act.mutate({ params, body })`; failures are told. */
export function useAct<N extends RouteName>(name: N, doing: Doing<N> = {}) {
  const client = useQueryClient();
  return useMutation<RouteAnswer<N>, ApiProblem, Call<N>>({
    mutationFn: (options) => call(name, options),
    onSuccess(answer, options) {
      for (const stale of doing.stales ?? []) void client.invalidateQueries({ queryKey: [stale] });
      const text = doing.done?.(answer, options);
      const back = doing.undo?.(answer, options);
      if (text) tell({ text, tone: 'good', ...(back ? { undo: back } : {}) });
    },
    onError: (error) => tell({ text: error.message, tone: 'bad' }),
  });
}
