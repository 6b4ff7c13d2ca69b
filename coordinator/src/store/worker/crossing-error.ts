// Errors between threads: an error that is copied as data loses its class, by which its handling is decided. In: any error. Out: data, and
// from these an error of the same class with the same fields.
import { FleetError, type ProblemCode, type ProblemDetails } from '@blackroad/protocol';
import { InvariantError } from '@blackroad/std/invariant';

export interface CrossingError {
  of: { fleet: ProblemCode; details: ProblemDetails } | { invariant: string } | { name: string };
  message: string;
  stack: string;
  /** The code of Node or SQLite. */
  code: string | null;
  cause: CrossingError | null;
}

/** The depth of causes that are copied: deeper ones are a circle. */
const maxCauses = 8;

export function toCross(thrown: unknown, causes = 0): CrossingError {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const { message, stack = '', cause } = error;
  const { code } = error as { code?: unknown };
  return {
    of: classOf(error),
    message,
    stack,
    code: typeof code === 'string' ? code : null,
    cause: cause === undefined || causes === maxCauses ? null : toCross(cause, causes + 1),
  };
}
function classOf(error: Error): CrossingError['of'] {
  if (error instanceof FleetError) return { fleet: error.code, details: error.details };
  return error instanceof InvariantError ? { invariant: error.invariant } : { name: error.name };
}

export function fromCrossing({ of, message, stack, code, cause }: CrossingError): Error {
  const options = cause === null ? {} : { cause: fromCrossing(cause) };
  if ('fleet' in of) return Object.assign(new FleetError(of.fleet, of.details, options), { message, stack });
  if ('invariant' in of) return Object.assign(new InvariantError(of.invariant, ''), { message, stack, ...options });
  const error = Object.assign(new Error(message, options), { stack, ...(code === null ? {} : { code }) });
  return Object.defineProperty(error, 'name', { value: of.name, configurable: true });
}
