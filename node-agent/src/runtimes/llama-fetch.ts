// The failures of a fetch in the terms of a runtime.
import { FetchProblem } from '../weights/fetch-problem.ts';
import { RuntimeError, type RuntimeErrorCode } from './runtime.ts';

const fetchCodes: Record<FetchProblem['kind'], RuntimeErrorCode> = {
  unreachable: 'unavailable',
  refused: 'unavailable',
  damaged: 'unavailable',
  'missing-tool': 'unavailable',
  'no-space': 'refused',
  aborted: 'aborted',
};

/** The same error, or one with a code where the fetch itself failed. */
export function fetchError(error: unknown): unknown {
  return error instanceof FetchProblem ? new RuntimeError(fetchCodes[error.kind], error.message) : error;
}
