// The shape of a handler: its parameters, from a checked and allowed request, and its answer, both derived from the route table.
import {
  type Fault,
  FleetError,
  type Principal,
  type RouteAnswer,
  type RouteBody,
  type RouteName,
  type RouteParams,
  type RouteQuery,
} from '@blackroad/protocol';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Outcome } from '../state/decision.ts';
import type { ApiContext } from './context.ts';

/** The query as handlers see it: defaults are filled in by validation. */
type Filled<Q> = Q extends { limit?: number } ? Q & { limit: number } : Q;

export interface Call<N extends RouteName> {
  context: ApiContext;
  params: RouteParams<N>;
  query: Filled<RouteQuery<N>>;
  body: RouteBody<N>;
  /** The principal; on open routes, the address of the request. */
  by: Principal;
  listener: 'loopback' | 'tls';
  request: FastifyRequest;
  reply: FastifyReply;
}
/** The return value of a handler that has answered by itself (streams, plain text). */
export interface Answered {
  readonly answered: true;
}
export const answered: Answered = { answered: true };
export type Handler<N extends RouteName> = (
  call: Call<N>,
) => Promise<RouteAnswer<N> | Answered> | RouteAnswer<N> | Answered;
export type Handlers = { [N in RouteName]: Handler<N> };

/** The value of an accepted input; a refused input is thrown as its problem. */
export function accepted<A>(outcome: Outcome<A>): A {
  if (!outcome.ok) throw new FleetError(outcome.code, outcome.details);
  return outcome.value;
}
/** Refuses faults that a schema cannot express in the same form: the first one as text, and all of them for programs. */
export function refuseFaults(faults: readonly Fault[]): void {
  const [first] = faults;
  if (!first) return;
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : '';
  const detail = `body: ${first.field}: expected ${first.expected}, got ${first.got}${more}`;
  throw new FleetError('invalid-request', { detail, faults: faults.slice(0, 50) });
}
/** A row that a decision has just made must exist. */
export function shown<T>(value: T | null): T {
  if (value === null) throw new FleetError('conflict', { detail: 'It was removed in the same moment.' });
  return value;
}
