// Tasks: one row from submission to its end and after, in columns, since each is written three times at thousands a second.
// The rules of apply.ts hold here too: an unknown or ended task takes no state, the first end stays.
import {
  type Asker,
  type Exchange,
  maxTasksPerConversation,
  type PastAttempt,
  type TaskOriginName,
  type TaskProblem,
  type TaskState,
  type TaskTrace,
  type TaskUsage,
} from '@blackroad/protocol';
import type { Log } from '@blackroad/std/log';
import type { DurableChange } from '../../state/change.ts';
import type { TaskOfConversation } from '../../state/conversation-row.ts';
import type { ReplyTo } from '../../state/reply-to.ts';
import { type EndedTask, isEnded, type TaskRow } from '../../state/rows.ts';
import type { Page } from '../store.ts';
import type { Database } from './database.ts';
import { pageLimit, pruneRows } from './events.ts';
import { inPages } from './pages.ts';

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
  conversation: string | null;
  after_task: string | null;
  images: string | null;
  trace: string | null;
}
interface ListedRecord extends TaskRecord {
  pictures: number;
  picture_characters: number;
}
const listed = `id, space, agent, state, prompt, priority, origin, created_ms, deadline_ms, attempt, attempts, node, epoch,
  leased_ms, idempotency_key, not_before_ms, ended_ms, result, truncated, problem, usage, past, by, reply_to, turns, conversation,
  after_task, dismissed_ms`;
/** Of a thousand tasks in a list, pictures and traces would be some 80 MB. */
const shortColumns = `${listed}, NULL AS images, NULL AS trace`;
const columns = `${listed}, images, trace`;

const loadRows = 1_000;
/** The number of damaged columns that are logged. */
const maxDamagedSaid = 1_000;
/** Sorts after every task id: ids are lower-case letters, digits and dashes. */
const afterAll = '~';

type JsonColumn = 'past' | 'problem' | 'usage' | 'by' | 'reply_to' | 'turns' | 'images' | 'trace';
const lists: readonly JsonColumn[] = ['past', 'turns', 'images'];
/** The value of a JSON column; null where a disk or a person damaged it. */
type ReadJson = <T>(record: TaskRecord, column: JsonColumn) => T | null;

function fromRecord(r: TaskRecord, readJson: ReadJson): TaskRow | EndedTask {
  const past = readJson<PastAttempt[]>(r, 'past');
  const by = readJson<Asker>(r, 'by');
  const replyTo = readJson<ReplyTo>(r, 'reply_to');
  const turns = readJson<Exchange[]>(r, 'turns');
  const images = readJson<string[]>(r, 'images');
  const trace = readJson<TaskTrace>(r, 'trace');
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
    ...(images === null ? {} : { images }),
    ...(r.conversation === null ? {} : { conversation: r.conversation }),
    ...(r.after_task === null ? {} : { after: r.after_task }),
  };
  if (r.ended_ms === null) return row;
  return {
    ...row,
    endedMs: r.ended_ms,
    result: r.result,
    truncated: r.truncated === 1,
    problem: readJson<TaskProblem>(r, 'problem'),
    usage: readJson<TaskUsage>(r, 'usage'),
    ...(trace === null ? {} : { trace }),
    ...(r.dismissed_ms === null ? {} : { dismissedMs: r.dismissed_ms }),
  };
}
function isFit(value: unknown, column: JsonColumn): boolean {
  return typeof value === 'object' && value !== null && Array.isArray(value) === lists.includes(column);
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
    `INSERT INTO task (${columns}) VALUES (${'?, '.repeat(27)}NULL, ?, ?) ON CONFLICT (id) DO NOTHING`,
  );
  const setState = db.prepare(
    `UPDATE task SET state = ?, attempt = ?, attempts = ?, node = ?, epoch = ?, leased_ms = ?, not_before_ms = ?, deadline_ms = ?,
       past = coalesce(?, past)
     WHERE id = ? AND ended_ms IS NULL`,
  );
  // What was said before is in the other tasks of a conversation; a task that may be asked again keeps it.
  const setEnd = db.prepare(
    `UPDATE task SET state = ?, priority = ?, attempt = ?, attempts = ?, node = ?, epoch = ?, leased_ms = ?, not_before_ms = ?,
       deadline_ms = ?, ended_ms = ?, result = ?, truncated = ?, problem = ?, usage = ?, past = ?, trace = ?,
       turns = CASE WHEN conversation IS NOT NULL AND ? = 'done' THEN NULL ELSE turns END
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
    `SELECT ${shortColumns} FROM task INDEXED BY task_ended
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
  const ofConversation = db.prepare<[string, number], ListedRecord>(
    `SELECT ${shortColumns}, coalesce(json_array_length(images), 0) AS pictures, coalesce(length(images), 0) AS picture_characters
     FROM task INDEXED BY task_conversation WHERE conversation = ? AND conversation IS NOT NULL ORDER BY id LIMIT ?`,
  );
  const leaveConversation = db.prepare<[string]>(
    'UPDATE task SET conversation = NULL, after_task = NULL WHERE conversation = ? AND conversation IS NOT NULL',
  );
  // Tasks of conversations are stepped over: their conversation keeps them. [M] To step over a hundred thousand takes 70 ms, so each is
  // stepped over once: all that is older than `prunedMs` is kept.
  const prune = db
    .prepare<[number, number], number>(
      `DELETE FROM task WHERE id IN
         (SELECT id FROM task INDEXED BY task_ended WHERE ended_ms >= ? AND ended_ms < ? AND ended_ms IS NOT NULL AND conversation IS NULL
          ORDER BY ended_ms LIMIT ${pruneRows}) RETURNING ended_ms`,
    )
    .pluck();
  let prunedMs = Number.MIN_SAFE_INTEGER;

  // One prepared statement for each combination of filters; the index is named, since SQLite's planner has no statistics here.
  const pages = new Map<string, ReturnType<typeof preparePage>>();
  function preparePage(index: string, where: string) {
    const sql = `SELECT ${shortColumns} FROM task ${index} WHERE ${where} id < ? ORDER BY id DESC LIMIT ?`;
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
      json(row.by ?? null),
      json(row.replyTo ?? null),
      json(row.turns ?? null),
      row.conversation ?? null,
      row.after ?? null,
      json(row.images ?? null),
      isEnded(row) ? json(row.trace ?? null) : null,
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
        json(row.trace ?? null),
        row.state,
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
    ofConversation: (id: string): TaskOfConversation[] =>
      ofConversation.all(id, maxTasksPerConversation).map((record) => ({
        row: fromRecord(record, readJson),
        pictures: record.pictures,
        pictureCharacters: record.picture_characters,
      })),
    leaveConversation(id: string) {
      leaveConversation.run(id);
      prunedMs = Number.MIN_SAFE_INTEGER;
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
    prune(beforeMs: number): number {
      const ends = prune.all(Math.min(prunedMs, beforeMs), beforeMs);
      prunedMs = ends.length < pruneRows ? beforeMs : Math.max(...ends);
      return ends.length;
    },
    /** Live tasks, oldest first within a state. */
    *load(): Generator<DurableChange> {
      for (const state of ['queued', 'leased', 'running'] as const) {
        for (const records of inPages<TaskRecord>(loadRows, (last) => live.all(state, last?.id ?? '')))
          for (const record of records) yield { type: 'task-new', row: fromRecord(record, readJson) };
      }
    },
  };
}
