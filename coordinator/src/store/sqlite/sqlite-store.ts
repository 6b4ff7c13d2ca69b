// The embedded store: one SQLite file, one process, one transaction a batch. better-sqlite3 is synchronous: the caller waits. The simulator
// calls it directly, the coordinator has it in worker threads (store/worker). Puts the parts of this folder together; each part owns its
// tables.
import type { FleetEvent } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { DurableChange } from '../../state/change.ts';
import type { Committed, Store } from '../store.ts';
import { checkpointRows } from './checkpoint-rows.ts';
import { type Database, openDatabase } from './database.ts';
import { documentEraser } from './document-eraser.ts';
import { erasures } from './erasures.ts';
import { eventRows } from './events.ts';
import { guarded, storageFailure } from './failure.ts';
import { holderRows } from './holders.ts';
import { madeVectors } from './made-vectors.ts';
import { memoryBranches } from './memory-branches.ts';
import { memoryLog } from './memory-log.ts';
import { memoryMarks } from './memory-marks.ts';
import { memorySearch } from './memory-search.ts';
import { memoryValues } from './memory-values.ts';
import { migrate } from './migrations.ts';
import { type Nearest, scannedVectors } from './near-vectors.ts';
import { rollupRows } from './rollups.ts';
import { type TaskBatch, taskBatch } from './task-batch.ts';
import { taskRows } from './tasks.ts';
import { wholeRows } from './whole-rows.ts';
import { isIndexDamage, rebuildWords, renewWords, wordIndex } from './word-index.ts';

/** Pages that a copy takes before it lets others in: 1 MiB, some milliseconds on an SD card. */
const copyPages = 256;
/** Between two pieces of the rebuild of the word index: what waits is done first. */
const renewEveryMs = 20;

interface SqliteOptions {
  /** `:memory:` keeps nothing after close. */
  path: string;
  log: Log;
  clock: Clock;
}

/**
 * Opens or creates the file, and upgrades its schema. Rejects with FleetError `storage-failed`.
 * `db`: an open connection to it of another kind; it is closed when its schema cannot be upgraded.
 */
export async function openSqliteStore({ path, log, clock }: SqliteOptions, db = openDatabase(path)): Promise<Store> {
  try {
    return guarded(`open ${path}`, () => {
      migrate(db, path, clock.nowMs(), log);
      const store = sqliteStore(db, log, clock);
      renewInPieces(db, log, clock);
      return store;
    });
  } catch (error) {
    db.close();
    throw error;
  }
}

function renewInPieces(db: Database, log: Log, clock: Clock): void {
  clock.after(renewEveryMs, () => {
    try {
      if (db.open && renewWords(db, log)) renewInPieces(db, log, clock);
    } catch (err) {
      log.error(
        { err },
        'the word index of memories could not be renewed: it finds as before, and is tried again at the next start',
      );
    }
  });
}

type Appliers = { [T in DurableChange['type']]: (change: Extract<DurableChange, { type: T }>) => void };

/** The store over an open, migrated database. `isReader`: of a connection that cannot write, nor rebuild a damaged word index. */
export function sqliteStore(
  db: Database,
  log: Log,
  clock: Clock,
  isReader = false,
  nearest: Nearest = scannedVectors(db),
): Store {
  const rows = wholeRows(db);
  const holders = holderRows(db);
  const tasks = taskRows(db, log);
  const events = eventRows(db);
  const rollups = rollupRows(db);
  const words = wordIndex(db, log);
  const values = memoryValues(db, words);
  const erasing = erasures(db, words, values);
  const marks = memoryMarks(db);
  const memory = memoryLog(db, words, erasing, marks, values);
  const branches = memoryBranches(db, erasing);
  const checkpoints = checkpointRows(db);
  const made = madeVectors(db);
  const eraseWithdrawn = documentEraser(db, words, values);
  const search = memorySearch(db, words, nearest, { marks, nowMs: () => clock.nowMs() });

  /** The writes for each kind of change; a kind without a row does not compile. */
  const appliers = (stored: FleetEvent[], batch: TaskBatch, nowMs: number): Appliers => ({
    node: ({ row }) => rows.putNode(row),
    'node-gone': ({ id }) => rows.dropNode(id),
    hardware: ({ node, atMs, hardware }) => rows.putHardware(node, atMs, hardware),
    agent: ({ row }) => rows.putAgent(row),
    'agent-gone': ({ row }) => rows.dropAgent(row),
    holder: ({ row }) => holders.put(row),
    'agent-version': (version) => rows.putVersion(version.agent, version),
    'task-new': ({ row }) => batch.add(row),
    'task-state': (state) => batch.setState(state),
    'task-end': ({ row }) => batch.end(row),
    'tasks-moved': ({ byMs }) => batch.move(byMs),
    'task-dismissed': ({ id, atMs }) => tasks.dismiss(id, atMs),
    token: ({ row }) => rows.putToken(row),
    'token-gone': ({ id }) => rows.dropToken(id),
    key: ({ row }) => rows.putKey(row),
    session: ({ row }) => rows.putSession(row),
    'session-gone': ({ id }) => rows.dropSession(id),
    conversation: ({ row }) => rows.putConversation(row),
    'conversation-gone': ({ id }) => {
      rows.dropConversation(id);
      tasks.leaveConversation(id);
    },
    memory: ({ agent, space, entries }) => {
      memory.append({ agent, space }, entries, nowMs);
      eraseWithdrawn(agent, entries);
    },
    branch: ({ row, entries }) => branches.put(row, entries),
    checkpoint: (made) => checkpoints.put(made),
    erasure: (made) => erasing.put(made),
    given: ({ row }) => rows.putGiven(row),
    'given-gone': ({ id }) => rows.dropGiven(id),
    document: ({ row }) => rows.putDocument(row),
    'document-gone': ({ id }) => rows.dropDocument(id),
    'memory-run': ({ row }) => {
      rows.putRun(row);
      marks.putRun(row);
    },
    'memory-run-gone': ({ id }) => rows.dropRun(id),
    spending: ({ row }) => rows.putSpending(row),
    'spending-gone': ({ account }) => rows.dropSpending(account),
    reservation: ({ row }) => rows.putReservation(row),
    'reservation-gone': ({ id }) => rows.dropReservation(id),
    acknowledged: ({ row }) => rows.putAcknowledged(row),
    'acknowledged-gone': ({ alert }) => rows.dropAcknowledged(alert),
    pin: ({ row }) => rows.putPin(row),
    'pin-gone': ({ id }) => rows.dropPin(id),
    webhook: ({ row }) => rows.putWebhook(row),
    'webhook-gone': ({ id }) => rows.dropWebhook(id),
    delivery: ({ row }) => rows.putDelivery(row),
    'delivery-gone': ({ id }) => rows.dropDelivery(id),
    restored: ({ row }) => rows.putRestored(row),
    'restore-found': ({ row }) => rows.putFound(row),
    rollout: ({ row }) => rows.putRollout(row),
    'rollout-gone': ({ id }) => rows.dropRollout(id),
    'rollout-subject': ({ row }) => rows.putSubject(row),
    'rollout-subject-gone': ({ rollout, subject }) => rows.dropSubject(rollout, subject),
    event: ({ row }) => void stored.push(events.addEvent(row)),
    audit: ({ row }) => events.addAudit(row),
  });
  const claim = db
    .prepare<[string], number>(
      `INSERT INTO term (id, number, coordinator) VALUES (1, 1, ?)
       ON CONFLICT (id) DO UPDATE SET number = number + 1, coordinator = excluded.coordinator RETURNING number`,
    )
    .pluck();
  const holder = db.prepare<[], { term: number; by: string }>('SELECT number AS term, coordinator AS by FROM term');
  const commit = db.transaction((changes: readonly DurableChange[], term: number, nowMs: number): Committed => {
    const now = holder.get();
    if (now && now.term !== term) return { how: 'fenced', ...now };
    const stored: FleetEvent[] = [];
    const batch = taskBatch(tasks);
    const apply = appliers(stored, batch, nowMs) as Record<string, (change: DurableChange) => void>;
    for (const change of changes) apply[change.type]?.(change);
    batch.write();
    return { how: 'stored', events: stored };
  });
  /** A damaged word index loses no memory and refuses no search: it is rebuilt, and the work is done again. */
  function mending<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (isReader || !isIndexDamage(error)) throw error;
      rebuildWords(db, log, 'it was damaged');
      return work();
    }
  }
  function* loading<T>(parts: Iterable<T>[]): Generator<T> {
    // Each step of the generator runs inside guarded(), as a generator as a whole cannot.
    for (const part of parts) {
      const steps = part[Symbol.iterator]();
      for (;;) {
        const step = guarded('load', () => steps.next());
        if (step.done) break;
        yield step.value;
      }
    }
  }

  return {
    async load() {
      return {
        changes: loading<DurableChange>([
          rows.load(),
          holders.load(),
          tasks.load(),
          branches.unmerged(),
          checkpoints.load(),
          erasing.load(),
        ]),
        heads: loading([memory.heads()]),
      };
    },
    claim: async (coordinator) => guarded('claim', () => claim.get(coordinator) as number),
    // SQLite has one writer at a time, and a transaction reads all that it depends on: there are no conflicts.
    commit: async (changes, term) =>
      guarded('commit', () => mending(() => commit.immediate(changes, term, clock.nowMs()))),
    task: async (id) => guarded('read a task', () => tasks.task(id)),
    taskByIdempotencyKey: async (space, key) => guarded('read a task', () => tasks.byIdempotencyKey(space, key)),
    conversationTasks: async (id) => guarded('read a conversation', () => tasks.ofConversation(id)),
    tasks: async (page) => guarded('list tasks', () => tasks.page(page)),
    taskCounts: async (sinceMs) => guarded('count tasks', () => tasks.counts(sinceMs)),
    events: async (page) => guarded('list events', () => events.events(page)),
    audit: async (page) => guarded('list the audit log', () => events.audit(page)),
    hardware: async (node) => guarded('read hardware', () => rows.hardware(node)),
    agentVersions: async (agent) => guarded('list versions', () => rows.versions(agent)),
    memoryHashes: async (agent, fromSeq, uptoSeq) =>
      guarded('read memory', () => memory.hashes(agent, fromSeq, uptoSeq)),
    memoryLog: async (agent, afterSeq, limit) => guarded('read memory', () => memory.after(agent, afterSeq, limit)),
    importantMemories: async (agent, before, limit) =>
      guarded('read memory', () => memory.important(agent, before, limit)),
    memoryValue: async (agent, key) => guarded('read a value', () => values.value(agent, key)),
    memoryValues: async (agent, after, limit) => guarded('list values', () => values.values(agent, after, limit)),
    branchEntries: async (branch) => guarded('read a branch', () => branches.entries(branch)),
    erasable: async (what) => guarded('read memory', () => erasing.erasable(what)),
    erasedHashes: async (agent, number) => guarded('read memory', () => erasing.hashes(agent, number)),
    erasedAmong: async (hashes) => guarded('read memory', () => erasing.among(hashes)),
    scrub: async () => guarded('remove erased memories', () => mending(() => erasing.scrub())),
    checkpoints: async (limit) => guarded('read checkpoints', () => checkpoints.newest(limit)),
    memoryCount: async (agent) => guarded('count memories', () => memory.count(agent)),
    memoriesToConsolidate: async (query) => guarded('read memory', () => marks.toConsolidate(query)),
    memoryTexts: async (agent, seqs) => guarded('read memory', () => marks.texts(agent, seqs)),
    vectorModels: async () => guarded('read memory', () => made.models()),
    lastMemory: async () => guarded('read memory', () => made.lastEntry()),
    textsToEmbed: async (query) => guarded('read memory', () => made.lacking(query)),
    vectorSamples: async (model) => guarded('read memory', () => made.samples(model)),
    putVectors: async (model, vectors) => guarded('write vectors', () => void made.put.immediate(model, vectors)),
    setSearchedModel: async (model) => guarded('write vectors', () => made.setSearched(model)),
    dropVectorsBut: async (model, limit) => guarded('drop vectors', () => made.dropOthers(model, limit)),
    searchMemory: async (query) => guarded('search memory', () => mending(() => search(query))),
    series: async () => guarded('read series', () => rollups.series()),
    putRollups: async ({ rows, series = [] }) =>
      guarded('write roll-ups', () => void rollups.put.immediate(rows, series)),
    rollups: async (tier, part, fromS, beforeS, limit) =>
      guarded('read roll-ups', () => rollups.read(tier, part, fromS, beforeS, limit)),
    lastRollupS: async (tier) => guarded('read roll-ups', () => rollups.lastS(tier)),
    pruneRollups: async (before) => guarded('prune roll-ups', () => rollups.prune.immediate(before)),
    addUsage: async (rows, uptoMs) => guarded('write usage', () => void rollups.addUsage.immediate(rows, uptoMs)),
    usageUptoMs: async () => guarded('read usage', () => rollups.usageUptoMs()),
    usage: async (day, by, only) => guarded('read usage', () => rollups.usage(day, by, only)),
    usageRows: async (day) => guarded('read usage', () => rollups.usageRows(day)),
    endedFrom: async (fromMs, afterId, limit) => guarded('list tasks', () => tasks.endedFrom(fromMs, afterId, limit)),
    async prune({ tasksMs, eventsMs, auditMs }) {
      return guarded('prune', () =>
        db.transaction(() => tasks.prune(tasksMs) + events.prune(eventsMs, auditMs)).immediate(),
      );
    },
    async copyTo(path) {
      try {
        // The same connection writes meanwhile: what it writes goes into the copy too, and the copy does not begin anew.
        await db.backup(path, { progress: () => copyPages });
      } catch (cause) {
        throw storageFailure('copy the database', cause);
      }
    },
    async close() {
      if (!db.open) return;
      guarded('close', () => {
        try {
          // The log is copied into the file, so that a copy of the file is a complete backup.
          if (!isReader) db.pragma('wal_checkpoint(TRUNCATE)');
        } finally {
          db.close();
        }
      });
    },
  };
}
