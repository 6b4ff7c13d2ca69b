// A batch as it is stored, and in the form of OpenAI's API.
import { BatchState, type BatchView, OpenAiBatch, Principal, type Static, Type } from '@blackroad/protocol';
import { secondsOf } from '../gateway/dialects/dialect.ts';

const Time = Type.Optional(Type.Number());
export const BatchRow = Type.Object({
  id: Type.String({ pattern: '^batch_[0-9a-z]{26}$' }),
  owner: Type.String(),
  by: Principal,
  order: OpenAiBatch,
  state: BatchState,
  total: Type.Integer({ minimum: 0 }),
  createdMs: Type.Number(),
  expiresMs: Type.Number(),
  startedMs: Time,
  cancelledMs: Time,
  endedMs: Time,
  counts: Type.Optional(Type.Object({ completed: Type.Integer(), failed: Type.Integer() })),
  outputFile: Type.Optional(Type.String()),
  errorFile: Type.Optional(Type.String()),
  faults: Type.Optional(
    Type.Array(Type.Object({ line: Type.Union([Type.Integer(), Type.Null()]), message: Type.String() })),
  ),
});
export type BatchRow = Static<typeof BatchRow>;

/** Answered so far. */
export type Counts = NonNullable<BatchRow['counts']>;

export function shownBatch(row: BatchRow, { completed, failed }: Counts): object {
  const at = (ms: number | undefined) => (ms === undefined ? null : secondsOf(ms));
  const endedAs = (state: BatchRow['state']) => (row.state === state ? at(row.endedMs) : null);
  return {
    id: row.id,
    object: 'batch',
    endpoint: row.order.endpoint,
    errors: row.faults
      ? {
          object: 'list',
          data: row.faults.map((fault) => ({ code: 'invalid_request', param: null, ...fault })),
        }
      : null,
    input_file_id: row.order.input_file_id,
    completion_window: row.order.completion_window,
    status: row.state,
    output_file_id: row.outputFile ?? null,
    error_file_id: row.errorFile ?? null,
    created_at: at(row.createdMs),
    in_progress_at: at(row.startedMs),
    expires_at: at(row.expiresMs),
    finalizing_at: endedAs('completed'),
    completed_at: endedAs('completed'),
    failed_at: endedAs('failed'),
    expired_at: endedAs('expired'),
    cancelling_at: at(row.cancelledMs),
    cancelled_at: endedAs('cancelled'),
    request_counts: { total: row.total, completed, failed },
    metadata: row.order.metadata ?? null,
  };
}

/** As people see it. `own`: it is of whoever asks; `file`: the name of its file, where that is still there. */
export function batchView(
  row: BatchRow,
  { completed, failed }: Counts,
  { own, file }: { own: boolean; file: string | null },
): BatchView {
  return {
    ...{ id: row.id, key: row.by.name, own, file: own ? file : null },
    ...{ endpoint: row.order.endpoint, state: row.state, total: row.total, completed, failed },
    ...{ createdMs: row.createdMs, expiresMs: row.expiresMs, endedMs: row.endedMs ?? null },
    answersFile: (own && row.outputFile) || null,
    errorsFile: (own && row.errorFile) || null,
    // They may quote a line of the file.
    faults: own ? (row.faults ?? []) : [],
  };
}
