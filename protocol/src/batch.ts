// A batch as people see it, in the console and in the terminal. Programs have the form of OpenAI's API.
import { batchEndpoints } from './batch-words.ts';
import { TimeMs } from './ids.ts';
import { type Static, Type } from './typebox.ts';

const batchStates = ['validating', 'in_progress', 'cancelling', 'completed', 'failed', 'expired', 'cancelled'] as const;
export const BatchState = Type.OneOf([...batchStates]);
export type BatchState = Static<typeof BatchState>;

const FileOfKey = Type.Nullable(Type.String(), {
  description: 'The id of a file; null: there is none, or the batch is of another key.',
});
export const BatchView = Type.Object({
  id: Type.String(),
  key: Type.String({ description: 'The name of the key that ordered it.' }),
  own: Type.Boolean({ description: 'It is of the key that asks; the others show neither requests nor answers.' }),
  file: Type.Nullable(Type.String(), {
    description: 'The name of the file with the requests; null: it is deleted, or the batch is of another key.',
  }),
  endpoint: Type.OneOf([...batchEndpoints]),
  state: BatchState,
  total: Type.Integer({ description: 'Requests; 0 until the file was checked.' }),
  completed: Type.Integer(),
  failed: Type.Integer(),
  createdMs: TimeMs,
  expiresMs: TimeMs,
  endedMs: Type.Nullable(TimeMs),
  answersFile: FileOfKey,
  errorsFile: FileOfKey,
  faults: Type.Array(Type.Object({ line: Type.Nullable(Type.Integer()), message: Type.String() }), {
    description: 'Why the batch failed as a whole; with the line of the file where one is to blame.',
  }),
});
export type BatchView = Static<typeof BatchView>;
