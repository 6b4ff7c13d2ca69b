// The REST API as one typed function: names, parameters and answers come from the protocol's route table. Every failure is an ApiProblem
// with a text. Listeners are told of the end of a session; nothing is retried here.

import routes from 'fleet:routes';
import type { Problem, RouteAnswer, RouteBody, RouteName, RouteParams, RouteQuery } from '@blackroad/protocol';

export interface Call<N extends RouteName> {
  params?: RouteParams<N>;
  query?: RouteQuery<N>;
  body?: RouteBody<N>;
  /** Of a route that takes a form. */
  form?: FormData;
  signal?: AbortSignal;
}

export class ApiProblem extends Error {
  readonly code: string;
  readonly status: number;
  readonly problem: Problem | null;
  constructor(code: string, status: number, text: string, problem: Problem | null = null) {
    super(text);
    this.name = 'ApiProblem';
    this.code = code;
    this.status = status;
    this.problem = problem;
  }
}

const signedOut = new Set<() => void>();
/** Called when the coordinator no longer knows this session. */
export function onSignedOut(run: () => void): () => void {
  signedOut.add(run);
  return () => signedOut.delete(run);
}
/** Tells all listeners that the session has ended. */
export function sessionEnded(): void {
  for (const run of signedOut) run();
}

export function addressOf<N extends RouteName>(name: N, { params, query }: Call<N> = {}): string {
  const values = (params ?? {}) as Record<string, unknown>;
  const path = routes[name].path.replace(/:(\w+)/g, (_, key: string) => encodeURIComponent(String(values[key] ?? '')));
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries((query ?? {}) as Record<string, unknown>)) {
    if (value !== undefined && value !== '') search.set(key, String(value));
  }
  return search.size > 0 ? `${path}?${search}` : path;
}

/** The limit of faults in the text; the fields show all of them. */
const sentencesShown = 3;
function sentencesOf(problem: Problem | null): string | null {
  const all = (problem?.faults ?? []).flatMap(({ text }) => text ?? []);
  if (all.length === 0) return null;
  const more = all.length - sentencesShown;
  return all.slice(0, sentencesShown).join(' ') + (more > 0 ? ` And ${more} more.` : '');
}

/** The problem in the body of a failure. Routes that speak OpenAI's API have its form of errors. */
function problemIn(body: (Problem & { error?: { message?: string; code?: string | null } }) | null): Problem | null {
  const { message, code } = body?.error ?? {};
  return message === undefined ? body : { type: '', status: 0, title: message, code: code ?? 'internal' };
}

/** Sends a request and returns the response unread; only failures are read. */
export async function send<N extends RouteName>(name: N, call: Call<N> = {}, accept = 'application/json') {
  let response: Response;
  try {
    response = await fetch(addressOf(name, call), {
      method: routes[name].method,
      headers: {
        'x-blackroad': '1',
        accept,
        ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      ...(call.form === undefined ? {} : { body: call.form }),
      ...(call.signal ? { signal: call.signal } : {}),
    });
  } catch (cause) {
    if (call.signal?.aborted) throw cause;
    throw new ApiProblem('no-coordinator', 0, 'The coordinator does not answer. Is it running, and is the network up?');
  }
  if (response.ok) return response;
  const problem = problemIn(await response.json().catch(() => null));
  if (response.status === 401 && name !== 'signIn') sessionEnded();
  const text =
    sentencesOf(problem) ?? problem?.detail ?? problem?.title ?? `The coordinator answered ${response.status}.`;
  throw new ApiProblem(problem?.code ?? 'internal', response.status, text, problem);
}

export async function call<N extends RouteName>(name: N, options: Call<N> = {}): Promise<RouteAnswer<N>> {
  const response = await send(name, options);
  return (response.status === 204 ? undefined : await response.json()) as RouteAnswer<N>;
}
