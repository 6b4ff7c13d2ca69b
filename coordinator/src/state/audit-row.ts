// A row of the audit log as it is stored. In: the actor, the action and its params. Out: the row, with words from the table of actions,
// which are made only here.
import { type Asker, type AuditAction, type AuditParams, actorOf, auditWords } from '@blackroad/protocol';
import type { AuditRow } from './change.ts';
import { statedOf, withNames } from './stated.ts';

/** `params.agent` is an id; the row has the agent's name. */
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
