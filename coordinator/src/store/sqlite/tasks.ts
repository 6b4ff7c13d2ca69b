// Tasks: one row from submission to its end and after, in columns, since each is written three times at thousands a second.
// The rules of apply.ts hold here too: an unknown or ended task takes no state, the first end stays.
import type {
  Asker,
  Exchange,
  PastAttempt,
  TaskOriginName,
  TaskProblem,
  TaskState,
  TaskUsage,
} from '@blackroad/protocol';
import type { Log } from '@blackroad/std/log';
import type { DurableChange } from '../../state/change.ts';
import type { EndedTask, ReplyTo, TaskRow } from '../../state/rows.ts';
import type { Page } from '../store.ts';
import type { Database } from './database.ts';
import { pageLimit, pruneRows } from './events.ts';

interface TaskRecord {
  id: string;
  space: string;
  agent: string;
  state: TaskState;
  prompt: string;
  priority: number;
  origin: TaskOriginName;
  created_ms: number;
  deadline_ms: number;
  attempt: number;
  attempts: number;
  node: string | null;
  epoch: number | null;
  leased_ms: number | null;
  idempotency_key: string | null;
  not_before_ms: number;
  ended_ms: number | null;
  result: string | null;
  truncated: number | null;
  problem: string | null;
  usage: string | null;
  past: string | null;
  dismissed_ms: number | null;
  by: string | null;
  reply_to: string | null;
  turns: string | null;
}
const columns = `id, space, agent, state, prompt, priority, origin, created_ms, deadline_ms, attempt, attempts, node, epoch,
  leased_ms, idempotency_key, not_before_ms, ended_ms, result, truncated, problem, usage, past, by, reply_to, turns, dismissed_ms`;

const loadRows = 1_000;
/** The number of damaged columns that are logged. */
const maxDamagedSaid = 1_000;
/** Sorts after every task id: ids are lower-case letters, digits and dashes. */
const afterAll = '~';

type JsonColumn = 'past' | 'problem' | 'usage' | 'by' | 'reply_to' | 'turns';
/** The value of a JSON column; null where a disk or a person damaged it. */
type ReadJson = <T>(record: TaskRecord, column: JsonColumn) => T | null;

function fromRecord(r: TaskRecord, readJson: ReadJson): TaskRow | EndedTask {
  const past = readJson<PastAttempt[]>(r, 'past');
  const by = readJson<Asker>(r, 'by');
  const replyTo = readJson<ReplyTo>(r, 'reply_to');
  const turns = readJson<Exchange[]>(r, 'turns');
  const row: TaskRow = {
    id: r.id,
    space: r.space,
    agent: r.agent,
    state: r.state,
    prompt: r.prompt,
    priority: r.priority,
    origin: r.origin,
    createdMs: r.created_ms,
    deadlineMs: r.deadline_ms,
    attempt: r.attempt,
    attempts: r.attempts,
    node: r.node,
    epoch: r.epoch,
    leasedMs: r.leased_ms,
    idempotencyKey: r.idempotency_key,
    notBeforeMs: r.not_before_ms,
    ...(past === null ? {} : { past }),
    ...(by === null ? {} : { by }),
    ...(replyTo === null ? {} : { replyTo }),
    ...(turns === null ? {} : { turns }),
  };
  if (r.ended_ms === null) return row;
  return {
    ...row,
    endedMs: r.ended_ms,
    result: r.result,
    truncated: r.truncated === 1,
    problem: readJson<TaskProblem>(r, 'problem'),
    usage: readJson<TaskUsage>(r, 'usage'),
    ...(r.dismissed_ms === null ? {} : { dismissedMs: r.dismissed_ms }),
  };
}
function isFit(value: unknown, column: JsonColumn): boolean {
  return (
    typeof value === 'object' && value !== null && Array.isArray(value) === (column === 'past' || column === 'turns')
  );
}
const json = (value: unknown) => (value === null ? null : JSON.stringify(value));

export type TaskRows = ReturnType<typeof taskRows>;

export function taskRows(db: Database, log: Log) {
  /** Tasks of which a column could not be read; each is logged once. */
  const damaged = new Set<string>();
  const readJson: ReadJson = (record, column) => {
    const text = record[column];
    if (text === null) return null;
    try {
      const value = JSON.parse(text);
      if (isFit(value, column)) return value;
    } catch {
      // It is logged below, as is JSON of another shape.
    }
    const key = `${record.id} ${column}`;
    if (!damaged.has(key) && damaged.size < maxDamagedSaid) {
      damaged.add(key);
      const fields = { task: record.id, column, damaged: damaged.size };
      log.error(fields, 'a column of a stored task is damaged: the task is taken without it');
    }
    return null;
  };
  const insert = db.prepare(
    `INSERT INTO task (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL) ON CONFLICT (id) DO NOTHING`,
  );
  const setState = db.prepare(
    `UPDATE task SET state = ?, attempt = ?, attempts = ?, node = ?, epoch = ?, leased_ms = ?, not_before_ms = ?, deadline_ms = ?,
       past = coalesce(?, past)
     WHERE id = ? AND ended_ms IS NULL`,
  );
  const setEnd = db.prepare(
    `UPDATE task SET state = ?, priority = ?, attempt = ?, attempts = ?, node = ?, epoch = ?, leased_ms = ?, not_before_ms = ?,
       deadline_ms = ?, ended_ms = ?, result = ?, truncated = ?, problem = ?, usage = ?, past = ?
     WHERE id = ? AND ended_ms IS NULL`,
  );
  // 0 means that the task waits for no time; null stays null.
  const moveLive = db.prepare<{ byMs: number }>(
    `UPDATE task SET created_ms = created_ms + @byMs, deadline_ms = deadline_ms + @byMs, leased_ms = leased_ms + @byMs,
       not_before_ms = CASE not_before_ms WHEN 0 THEN 0 ELSE not_before_ms + @byMs END
     WHERE ended_ms IS NULL`,
  );
  const byId = db.prepare<[string], TaskRecord>(`SELECT ${columns} FROM task WHERE id = ?`);
  const byKey = db.prepare<[string, string], TaskRecord>(
    `SELECT ${columns} FROM task WHERE space = ? AND idempotency_key = ?`,
  );
  const live = db.prepare<[string, string], TaskRecord>(
    `SELECT ${columns} FROM task INDEXED BY task_live WHERE ended_ms IS NULL AND state = ? AND id > ? ORDER BY id LIMIT ${loadRows}`,
  );
  const endedSince = db
    .prepare<[number], number>(
      'SELECT count(*) FROM task INDEXED BY task_ended WHERE ended_ms >= ? AND ended_ms IS NOT NULL',
    )
    .pluck();
  const endedFrom = db.prepare<[number, number, string, number], TaskRecord>(
    `SELECT ${columns} FROM task INDEXED BY task_ended
     WHERE ended_ms IS NOT NULL AND ended_ms >= ? AND (ended_ms > ? OR id > ?) ORDER BY ended_ms, id LIMIT ?`,
  );
  // The literal condition of the partial index must stand in the query, else SQLite may not use it.
  const notDone = `state IN ('failed', 'expired', 'cancelled')`;
  const waitsForSomebody = `state <> 'cancelled' AND dismissed_ms IS NULL`;
  const dismiss = db.prepare<[number, string]>(
    'UPDATE task SET dismissed_ms = ? WHERE id = ? AND ended_ms IS NOT NULL AND dismissed_ms IS NULL',
  );
  const deadLetters = db
    .prepare<[], number>(`SELECT count(*) FROM task INDEXED BY task_not_done WHERE ${notDone} AND ${waitsForSomebody}`)
    .pluck();
  const prune = db.prepare<[number]>(
    `DELETE FROM task WHERE id IN
       (SELECT id FROM task INDEXED BY task_ended WHERE ended_ms < ? AND ended_ms IS NOT NULL ORDER BY ended_ms LIMIT ${pruneRows})`,
  );

  // One prepared statement for each combination of filters; the index is named, since SQLite's planner has no statistics here.
  const pages = new Map<string, ReturnType<typeof preparePage>>();
  function preparePage(index: string, where: string) {
    const sql = `SELECT ${columns} FROM task ${index} WHERE ${where} id < ? ORDER BY id DESC LIMIT ?`;
    return db.prepare<unknown[], TaskRecord>(sql);
  }
  function pageOf(index: string, where: string) {
    const name = `${index}/${where}`;
    let statement = pages.get(name);
    if (!statement) {
      statement = preparePage(index, where);
      pages.set(name, statement);
    }
    return statement;
  }
  const insertRow = (row: TaskRow, end: unknown[]) =>
    insert.run(
      row.id,
      row.space,
      row.agent,
      row.state,
      row.prompt,
      row.priority,
      row.origin,
      row.createdMs,
      row.deadlineMs,
      row.attempt,
      row.attempts,
      row.node,
      row.epoch,
      row.leasedMs,
      row.idempotencyKey,
      row.notBeforeMs,
      ...end,
      pastOf(row),
      row.by === undefined ? null : JSON.stringify(row.by),
      row.replyTo === undefined ? null : JSON.stringify(row.replyTo),
      row.turns === undefined ? null : JSON.stringify(row.turns),
    );
  const unended = [null, null, null, null, null];
  const pastOf = ({ past }: { past?: readonly PastAttempt[] }) =>
    past && past.length > 0 ? JSON.stringify(past) : null;

  return {
    /** False: a task with this id is stored already, and stays as it is. */
    add: (row: TaskRow): boolean => insertRow(row, unended).changes > 0,
    setState: (c: Extract<DurableChange, { type: 'task-state' }>) =>
      void setState.run(
        c.state,
        c.attempt,
        c.attempts,
        c.node,
        c.epoch,
        c.leasedMs,
        c.notBeforeMs,
        c.deadlineMs,
        pastOf(c),
        c.id,
      ),
    end(row: EndedTask) {
      const end = [row.endedMs, row.result, row.truncated ? 1 : 0, json(row.problem), json(row.usage)];
      const { changes } = setEnd.run(
        row.state,
        row.priority,
        row.attempt,
        row.attempts,
        row.node,
        row.epoch,
        row.leasedMs,
        row.notBeforeMs,
        row.deadlineMs,
        ...end,
        pastOf(row),
        row.id,
      );
      if (changes > 0 || insertRow(row, end).changes > 0) return;
      const stored = byId.get(row.id);
      if (stored && (stored.state !== row.state || stored.ended_ms !== row.endedMs)) {
        const fields = { task: row.id, stored: stored.state, refused: row.state };
        log.error(fields, '[INV-one-end] a second end of a task was not stored');
      }
    },
    move: (byMs: number) => void moveLive.run({ byMs }),
    dismiss: (id: string, atMs: number) => void dismiss.run(atMs, id),
    task(id: string): TaskRow | EndedTask | null {
      const record = byId.get(id);
      return record ? fromRecord(record, readJson) : null;
    },
    byIdempotencyKey(space: string, key: string): TaskRow | EndedTask | null {
      const record = byKey.get(space, key);
      return record ? fromRecord(record, readJson) : null;
    },
    page(page: Page & { state?: TaskState; agent?: string; node?: string; dead?: boolean }): (TaskRow | EndedTask)[] {
      const { state, agent, node, dead } = page;
      let index = '';
      let where = '';
      if (dead || state === 'failed' || state === 'expired' || state === 'cancelled') {
        index = 'INDEXED BY task_not_done';
        where = `${notDone} AND ${dead ? `${waitsForSomebody} AND ` : ''}`;
      } else if (state === 'queued' || state === 'leased' || state === 'running') {
        index = 'INDEXED BY task_live';
        where = 'ended_ms IS NULL AND ';
      } else if (agent !== undefined) index = 'INDEXED BY task_agent';
      else if (node !== undefined) index = 'INDEXED BY task_node';
      const values: string[] = [];
      if (state !== undefined) {
        where += 'state = ? AND ';
        values.push(state);
      }
      if (agent !== undefined) {
        where += 'agent = ? AND ';
        values.push(agent);
      }
      if (node !== undefined) {
        if (where === '' || index.endsWith('task_agent')) where = `ended_ms IS NOT NULL AND ${where}`;
        where += 'node = ? AND ';
        values.push(node);
      }
      return pageOf(index, where)
        .all(...values, page.before ?? afterAll, pageLimit(page))
        .map((record) => fromRecord(record, readJson));
    },
    counts: (sinceMs: number) => ({ endedSince: endedSince.get(sinceMs) ?? 0, deadLetters: deadLetters.get() ?? 0 }),
    /** Ended at or after then, in the order of their ends. */
    endedFrom: (fromMs: number, afterId: string, limit: number): EndedTask[] =>
      endedFrom.all(fromMs, fromMs, afterId, limit).map((record) => fromRecord(record, readJson) as EndedTask),
    prune: (beforeMs: number): number => prune.run(beforeMs).changes,
    /** Live tasks, oldest first within a state. */
    *load(): Generator<DurableChange> {
      for (const state of ['queued', 'leased', 'running'] as const) {
        for (let after = '', full = true; full; ) {
          const records = live.all(state, after);
          for (const record of records) {
            after = record.id;
            yield { type: 'task-new', row: fromRecord(record, readJson) };
          }
          full = records.length === loadRows;
        }
      }
    },
  };
}
