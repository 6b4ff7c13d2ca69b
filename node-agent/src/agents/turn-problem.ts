// The problem of a turn that broke: what a runtime or the memory threw, as the task tells it. Pure.
import { RuntimeError, type RuntimeErrorCode } from '@blackroad/model-server/runtime-error';
import { FleetError, type TaskProblem } from '@blackroad/protocol';

const runtimeProblems: Record<RuntimeErrorCode, string> = {
  unavailable: 'runtime-unavailable',
  overloaded: 'runtime-overloaded',
  'unknown-model': 'model-missing',
  'wrong-kind': 'model-cannot-chat',
  'too-long': 'prompt-too-long',
  unsupported: 'not-supported',
  'bad-request': 'runtime-refused',
  aborted: 'runtime-unavailable',
  refused: 'model-does-not-load',
  'wrong-key': 'provider-refuses',
  'rate-limited': 'runtime-overloaded',
  'provider-overloaded': 'runtime-unavailable',
  'no-credit': 'provider-refuses',
  filtered: 'content-refused',
};
export function problemOf(error: unknown): TaskProblem {
  const text = (error as Error).message ?? String(error);
  if (error instanceof RuntimeError) {
    // A model that this node lost may be on another node.
    const elsewhere = ['unknown-model', 'refused', 'aborted', 'wrong-key', 'no-credit'].includes(error.code);
    return { code: runtimeProblems[error.code], text, retryable: error.retryable || elsewhere };
  }
  if (error instanceof FleetError) {
    const code = error.code === 'conflict' ? 'memory-fenced' : 'memory-not-stored';
    return { code, text, retryable: true };
  }
  return { code: 'internal', text, retryable: true };
}
