// REST answers as React hooks: useRoute reads, useAct acts. Reads are cached by route and parameters; the result of an action is announced,
// with its undo where there is one.
import type { RouteAnswer, RouteName } from '@blackroad/protocol';
import { QueryClient, type UseQueryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useRef } from 'react';
import { ApiProblem, type Call, call } from './api.ts';
import { type Told, tell } from './told.ts';

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      refetchOnWindowFocus: true,
      // A refused request stays refused; a coordinator that restarts is asked again.
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

interface Doing<Given, Answer> {
  /** The text after success; null: none. */
  done?: (answer: Answer, given: Given) => string | Told | readonly Told[] | null;
  /** The undo, offered beside that text. */
  undo?: (answer: Answer, given: Given) => (() => Promise<unknown>) | null;
  /** Routes whose answers are stale after this. */
  stales?: RouteName[];
}

/** Calls a route. `act.mutate({ params, body })` announces failures; `act.run({ params, body })` rejects, for a caller that shows them. */
export function useAct<N extends RouteName>(name: N, doing: Doing<Call<N>, RouteAnswer<N>> = {}) {
  return useWork((given: Call<N>) => call(name, given), doing);
}

/** As useAct, for more than one request. */
export function useWork<Given, Answer>(work: (given: Given) => Promise<Answer>, doing: Doing<Given, Answer> = {}) {
  const client = useQueryClient();
  // The feed may have the new state before the answer: text and undo are those of the moment of the action.
  const latest = useRef({ work, doing });
  latest.current = { work, doing };
  const { data, isPending, reset, mutateAsync } = useMutation<Answer, Error, { given: Given } & typeof latest.current>({
    // A coordinator on this machine answers also without a network.
    networkMode: 'always',
    mutationFn: ({ given, work }) => work(given),
    onSuccess(answer, { given, doing }) {
      for (const stale of doing.stales ?? []) void client.invalidateQueries({ queryKey: [stale] });
      const words = doing.done?.(answer, given) ?? [];
      const undo = doing.undo?.(answer, given);
      const all = typeof words === 'string' ? [{ text: words, tone: 'good' as const }] : [words].flat();
      for (const each of all) tell({ ...(undo ? { undo } : {}), ...each });
    },
  });
  const run = useCallback(
    (given: Given, then: Then<Answer> = {}) => mutateAsync({ given, ...latest.current }, then),
    [mutateAsync],
  );
  const mutate = useCallback(
    (given: Given, then?: Then<Answer>) =>
      void run(given, then).catch((error: Error) => tell({ text: error.message, tone: 'bad' })),
    [run],
  );
  return { data, isPending, reset, mutate, run };
}
interface Then<Answer> {
  /** Not called when the component has left the page. */
  onSuccess?: (answer: Answer) => void;
}
