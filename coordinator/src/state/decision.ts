// The result of a decision: changes that are committed first, messages that are sent afterwards, and the answer to the request, given then.
import { FleetError, type ProblemCode, type ProblemDetails } from '@blackroad/protocol';
import type { Change, Outgoing } from './change.ts';

export type Outcome<A> = { ok: true; value: A } | { ok: false; code: ProblemCode; details: ProblemDetails };

export interface Decision<A = undefined> {
  changes: Change[];
  messages: Outgoing[];
  outcome: Outcome<A>;
  /** Refused, stale or dropped messages by reason, counted in /metrics and logged. */
  remarks?: { reason: string; text: string }[];
}

export function accept(changes: Change[] = [], messages: Outgoing[] = []): Decision {
  return { changes, messages, outcome: { ok: true, value: undefined } };
}
export function refuse<A>(code: ProblemCode, detail: string, changes: Change[] = []): Decision<A> {
  return { changes, messages: [], outcome: { ok: false, code, details: { detail } } };
}
/** For inputs that a start depends on. @throws FleetError */
export function insist(outcome: Outcome<unknown>): void {
  if (!outcome.ok) throw new FleetError(outcome.code, outcome.details);
}
