// A row of the audit log as it is stored. In: who did what, with its params. Out: the row, with its words by the table of actions, which
// are made here alone.
import { type Asker, type AuditAction, type AuditParams, actorOf, auditWords } from '@blackroad/protocol';
import type { AuditRow } from './change.ts';
import { statedOf } from './stated.ts';

export function auditRow<A extends AuditAction>(
  atMs: number,
  by: Pick<Asker, 'kind' | 'name'>,
  action: A,
  params: AuditParams<A>,
): AuditRow {
  return { atMs, actor: actorOf(by), action, ...auditWords(action, params), params: statedOf(params) };
}
