// A row of the audit log as it is stored. In: who did what, with its params. Out: the row, with its words by the table of actions, which
// are made here alone.
import { type Asker, type AuditAction, type AuditParams, actorOf, auditWords } from '@blackroad/protocol';
import type { AuditRow } from './change.ts';
import { statedOf, withNames } from './stated.ts';

/** `params.agent` is an id; in the row stands its name. */
export function auditRow<A extends AuditAction>(
  atMs: number,
  by: Pick<Asker, 'kind' | 'name'>,
  action: A,
  params: AuditParams<A>,
  nameOf: (agent: string) => string,
): AuditRow {
  const named = withNames(params, nameOf);
  return { atMs, actor: actorOf(by), action, ...auditWords(action, named), params: statedOf(named) };
}
