// Events and audit rows: appended, paged newest first, pruned by age. They have no identity of their own; the id is the place in the list.
import {
  type AnyParams,
  FleetError,
  type FleetEvent,
  isAuditAction,
  isEventType,
  maxPageRows,
  type Severity,
} from '@blackroad/protocol';
import type { AuditRow, EventRow } from '../../state/change.ts';
import type { EventFilter, Page, StoredAudit } from '../store.ts';
import type { Database } from './database.ts';

/** Rows of each kind that one prune may delete: about 5 ms for tasks, in which no commit begins. */
export const pruneRows = 500;

interface EventRecord {
  id: number;
  at_ms: number;
  node: string | null;
  agent: string | null;
  type: string;
  severity: Severity;
  text: string;
  params: string | null;
}
/** The columns by the number of rows that a filter leaves, fewest first: the index of the first one is used. */
const filters = ['agent', 'node', 'type'] as const;
interface AuditRecord {
  id: number;
  at_ms: number;
  actor: string;
  action: string;
  subject: string;
  text: string;
  params: string | null;
}

export function eventRows(db: Database) {
  const addEvent = db.prepare(
    'INSERT INTO event (at_ms, node, agent, type, severity, text, params) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  const addAudit = db.prepare(
    'INSERT INTO audit (at_ms, actor, action, subject, text, params) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const newest = (columns: readonly (typeof filters)[number][]) => {
    const [first] = columns;
    const index = first ? `INDEXED BY event_${first}` : '';
    const where = ['id < ?', ...columns.map((column) => `${column} = ?`)].join(' AND ');
    return db.prepare<unknown[], EventRecord>(
      `SELECT id, at_ms, node, agent, type, severity, text, params FROM event ${index} WHERE ${where} ORDER BY id DESC LIMIT ?`,
    );
  };
  const statements = new Map<string, ReturnType<typeof newest>>();
  const audit = db.prepare<[number, number], AuditRecord>(
    'SELECT id, at_ms, actor, action, subject, text, params FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?',
  );
  const prune = (table: string) =>
    db.prepare<[number]>(
      `DELETE FROM ${table} WHERE id IN (SELECT id FROM ${table} WHERE at_ms < ? ORDER BY at_ms LIMIT ${pruneRows})`,
    );
  const pruneEvents = prune('event');
  const pruneAudit = prune('audit');

  return {
    /** The event as stored. */
    addEvent(row: EventRow): FleetEvent {
      const { atMs, node, agent, type, severity, text, params } = row;
      const { lastInsertRowid } = addEvent.run(atMs, node, agent, type, severity, text, JSON.stringify(params));
      return { id: Number(lastInsertRowid), ...row };
    },
    addAudit: ({ atMs, actor, action, subject, text, params }: AuditRow) =>
      void addAudit.run(atMs, actor, action, subject, text, JSON.stringify(params)),
    events(page: Page & EventFilter): FleetEvent[] {
      const columns = filters.filter((column) => page[column] !== undefined);
      const key = columns.join();
      const statement = statements.get(key) ?? newest(columns);
      statements.set(key, statement);
      return statement
        .all(beforeId(page), ...columns.map((column) => page[column]), pageLimit(page))
        .map(({ id, at_ms, node, agent, severity, text, ...stored }) => {
          return { id, atMs: at_ms, node, agent, ...kindOf(stored), severity, text };
        });
    },
    audit: (page: Page): StoredAudit[] =>
      audit.all(beforeId(page), pageLimit(page)).map(({ id, at_ms, actor, subject, text, ...stored }) => {
        return { id, atMs: at_ms, actor, ...deedOf(stored), subject, text };
      }),
    prune: (eventsMs: number, auditMs: number): number =>
      pruneEvents.run(eventsMs).changes + pruneAudit.run(auditMs).changes,
  };
}

/** The type of an event of an older or newer version may be unknown here. */
function kindOf({ type, params }: Pick<EventRecord, 'type' | 'params'>): Pick<FleetEvent, 'type' | 'params'> {
  return isEventType(type) ? { type, params: readParams(params) } : { type: 'log', params: { type } };
}
function deedOf({ action, params }: Pick<AuditRecord, 'action' | 'params'>): Pick<StoredAudit, 'action' | 'params'> {
  return isAuditAction(action) ? { action, params: readParams(params) } : { action: 'other', params: { action } };
}
/** Rows from before params were stored have none. */
function readParams(text: string | null): AnyParams {
  try {
    return text === null ? {} : JSON.parse(text);
  } catch {
    // The params were damaged by a disk or a person; the text for people is still there.
    return {};
  }
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
