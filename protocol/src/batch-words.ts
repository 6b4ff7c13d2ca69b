// Batches in words, and what the first line of a batch's file tells, the same in the terminal and in the console. No validator is imported, so that a browser need not load one.
import type { BatchState, BatchView } from './batch.ts';

/** The routes that a batch may ask. */
export const batchEndpoints = ['/v1/chat/completions', '/v1/completions', '/v1/embeddings', '/v1/responses'] as const;

/** All lines of a file ask one endpoint: the first one says which. */
export function endpointOfLine(line: string): { endpoint: (typeof batchEndpoints)[number] } | { fault: string } {
  let url: unknown;
  try {
    url = (JSON.parse(line) as { url?: unknown } | null)?.url;
  } catch {
    return { fault: `line 1: expected a request as JSON, got ${JSON.stringify(line.slice(0, 60))}` };
  }
  const endpoint = batchEndpoints.find((known) => known === url);
  return endpoint
    ? { endpoint }
    : { fault: `line 1: url: expected one of ${batchEndpoints.join(', ')}, got ${JSON.stringify(url)}` };
}

/** In the words of the glossary's tasks where there are some. */
export const batchStateWords: Record<BatchState, string> = {
  validating: 'being checked',
  in_progress: 'running',
  cancelling: 'being cancelled',
  completed: 'done',
  failed: 'failed',
  expired: 'expired',
  cancelled: 'cancelled',
};
export function isBatchOver({ state }: { state: BatchState }): boolean {
  return state === 'completed' || state === 'failed' || state === 'expired' || state === 'cancelled';
}

/** The share of its requests that have an answer or an error, from 0 to 1. */
export function batchShare({ total, completed, failed }: Pick<BatchView, 'total' | 'completed' | 'failed'>): number {
  return total === 0 ? 0 : (completed + failed) / total;
}

/** `line 3: body.model: expected a name, got nothing`. */
export function batchFaultInWords({ line, message }: BatchView['faults'][number]): string {
  return line === null ? message : `line ${line}: ${message}`;
}
