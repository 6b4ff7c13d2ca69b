// The failures of a fetch in the terms of a runtime.

import { RuntimeError, type RuntimeErrorCode } from '@blackroad/model-server/runtime-error';
import { FetchProblem } from '@blackroad/model-server/weights/fetch-problem';
import type { FetchFault } from '@blackroad/protocol';

const fetchCodes: Record<FetchProblem['kind'], [RuntimeErrorCode, FetchFault]> = {
  unreachable: ['unavailable', 'network'],
  refused: ['unavailable', 'name'],
  damaged: ['unavailable', 'digest'],
  'missing-tool': ['unavailable', 'other'],
  'no-space': ['refused', 'disk'],
  aborted: ['aborted', 'stopped'],
};

/** The same error, or one with a code where the fetch itself failed. */
export function fetchError(error: unknown): unknown {
  if (!(error instanceof FetchProblem)) return error;
  const [code, fault] = fetchCodes[error.kind];
  return new RuntimeError(code, error.message, { fault });
}
