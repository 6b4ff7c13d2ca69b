// What this installation knows of its last update, in one file that is whole or not there: the order, how far it is, and what the node had
// before. The next process, of the old release or of the new one, reads it and goes on.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  explain,
  maxModelsPerNode,
  ReleaseVersion,
  type Static,
  Type,
  UpdateNode,
  UpdateState,
} from '@blackroad/protocol';
import type { Log } from '@blackroad/std/log';
import { saveWhole } from '@blackroad/std/whole-file';

const UpdateRecord = Type.Object({
  order: UpdateNode,
  state: UpdateState,
  text: Type.String({ maxLength: 1000 }),
  from: ReleaseVersion,
  models: Type.Array(Type.String({ maxLength: 200 }), {
    maxItems: maxModelsPerNode,
    description: 'Those that were here before the switch.',
  }),
});
export type UpdateRecord = Static<typeof UpdateRecord>;

const fileName = 'update.json';

export async function readRecord(dir: string, log: Log): Promise<UpdateRecord | null> {
  try {
    const value: unknown = JSON.parse(await readFile(join(dir, fileName), 'utf8'));
    const fault = explain(UpdateRecord, value);
    if (fault === '') return value as UpdateRecord;
    throw new Error(fault);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      log.warn({ problem: (error as Error).message }, 'what is known of the last update cannot be read');
    return null;
  }
}
export function saveRecord(dir: string, record: UpdateRecord): Promise<void> {
  return saveWhole(join(dir, fileName), JSON.stringify(record));
}
/** A repeated order means the same again. */
export function isSameOrder(a: UpdateNode, b: UpdateNode): boolean {
  return a.rollout === b.rollout && a.version === b.version && a.sha256 === b.sha256;
}
