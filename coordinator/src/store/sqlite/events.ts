// Events and audit rows: appended, paged newest first, pruned by age. They have no identity of their own; the id is the place in the list.
import type { AuditEntry, FleetEvent } from '@blackroad/protocol';
import { FleetError, maxPageRows } from '@blackroad/protocol';
import type { AuditRow, EventRow } from '../../change.ts';
import type { Page } from '../store.ts';
import type { Database } from './database.ts';

/** Rows one prune may delete of each kind: about 5 ms of the event loop for tasks. */
export const pruneRows = 500;

type EventRecord = Omit<FleetEvent, 'atMs'> & { at_ms: number };
type AuditRecord = Omit<AuditEntry, 'atMs'> & { at_ms: number };

export function eventRows(db: Database) {
  const addEvent = db.prepare('INSERT INTO event (at_ms, node, agent, type, severity, text) VALUES (?, ?, ?, ?, ?, ?)');
  const addAudit = db.prepare('INSERT INTO audit (at_ms, actor, action, subject, text) VALUES (?, ?, ?, ?, ?)');
  const newest = (where: string, index = '') =>
    db.prepare<unknown[], EventRecord>(
      `SELECT id, at_ms, node, agent, type, severity, text FROM event ${index} WHERE ${where} AND id < ? ORDER BY id DESC LIMIT ?`,
    );
  const eventsOfAll = newest('1');
  const eventsOfNode = newest('node = ?', 'INDEXED BY event_node');
  const eventsOfAgent = newest('agent = ?', 'INDEXED BY event_agent');
  const eventsOfBoth = newest('agent = ? AND node = ?', 'INDEXED BY event_agent');
  const audit = db.prepare<[number, number], AuditRecord>(
    'SELECT id, at_ms, actor, action, subject, text FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?',
  );
  const prune = (table: string) =>
    db.prepare<[number]>(
      `DELETE FROM ${table} WHERE id IN (SELECT id FROM ${table} WHERE at_ms < ? ORDER BY at_ms LIMIT ${pruneRows})`,
    );
  const pruneEvents = prune('event');
  const pruneAudit = prune('audit');

  return {
    /** The event as stored. */
    addEvent({ atMs, node, agent, type, severity, text }: EventRow): FleetEvent {
      const { lastInsertRowid } = addEvent.run(atMs, node, agent, type, severity, text);
      return { id: Number(lastInsertRowid), atMs, node, agent, type, severity, text };
    },
    addAudit: ({ atMs, actor, action, subject, text }: AuditRow) =>
      void addAudit.run(atMs, actor, action, subject, text),
    events(page: Page & { node?: string; agent?: string }): FleetEvent[] {
      const { node, agent } = page;
      const rest = [beforeId(page), pageLimit(page)];
      const records =
        agent !== undefined && node !== undefined
          ? eventsOfBoth.all(agent, node, ...rest)
          : agent !== undefined
            ? eventsOfAgent.all(agent, ...rest)
            : node !== undefined
              ? eventsOfNode.all(node, ...rest)
              : eventsOfAll.all(...rest);
      return records.map(({ id, at_ms, ...row }) => ({ id, atMs: at_ms, ...row }));
    },
    audit: (page: Page): AuditEntry[] =>
      audit.all(beforeId(page), pageLimit(page)).map(({ id, at_ms, ...row }) => ({ id, atMs: at_ms, ...row })),
    prune: (eventsMs: number, auditMs: number): number =>
      pruneEvents.run(eventsMs).changes + pruneAudit.run(auditMs).changes,
  };
}

export function pageLimit({ limit }: Page): number {
  return Math.max(0, Math.min(maxPageRows, Math.floor(limit) || 0));
}

function beforeId({ before }: Page): number {
  if (before === undefined) return Number.MAX_SAFE_INTEGER;
  const id = Number(before);
  if (/^\d{1,16}$/.test(before) && Number.isSafeInteger(id)) return id;
  const detail = `before: expected the id of a row (a whole number), got ${JSON.stringify(before.slice(0, 60))}`;
  throw new FleetError('invalid-request', { detail });
}
