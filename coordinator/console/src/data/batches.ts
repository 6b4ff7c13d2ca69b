// A file of requests that becomes a batch: it is sent, and the batch is ordered.
import type { BatchView } from '@blackroad/protocol';
import { endpointOfLine } from '@blackroad/protocol/batch-words';
import { maxModelRequestBytes } from '@blackroad/protocol/limits';
import { call } from './api.ts';

/** Resolves with the name of the file. @throws Error with what is wrong with it, ApiProblem */
export async function submitBatch(file: File): Promise<string> {
  const begin = await file.slice(0, maxModelRequestBytes).text();
  const first = begin.split('\n').find((line) => line.trim() !== '');
  if (first === undefined) throw new Error(`${file.name}: expected requests, the file has none.`);
  const found = endpointOfLine(first);
  if ('fault' in found) throw new Error(`${file.name}: ${found.fault}.`);
  const form = new FormData();
  form.set('purpose', 'batch');
  form.set('file', file);
  const { id } = await call('fileCreate', { form });
  const endpoint: BatchView['endpoint'] = found.endpoint;
  try {
    await call('batchCreate', { body: { input_file_id: id, endpoint, completion_window: '24h' } });
  } catch (error) {
    // Nobody would know of the file.
    await call('fileDelete', { params: { file: id } }).catch(() => {});
    throw error;
  }
  return file.name;
}
