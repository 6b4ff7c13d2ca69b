// The schema, as numbered steps that only go forward. A step that was released is never edited: a change is a new step.
// In: an open database of any older version. Out: the newest schema, each step in one transaction. A newer database is refused.
import { FleetError } from '@blackroad/protocol';
import type { Log } from '@blackroad/std/log';
import { applicationId, type Database } from './database.ts';
import { consolidation, importantMemories, memoryMigrations, valuesByKey, vectorFleet } from './memory-migrations.ts';
import { webhooks } from './webhook-migration.ts';

interface Migration {
  version: number;
  name: string;
  sql: string;
}

export const migrations: readonly Migration[] = [
  {
    version: 1,
    name: 'rows, tasks, events, memory',
    sql: `
      -- Few rows, read once at the start and whole: JSON.
      CREATE TABLE node (id TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID;
      CREATE TABLE agent (name TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID;
      CREATE TABLE token (id TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID;
      CREATE TABLE access_key (id TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID;
      CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
      CREATE TABLE agent_version (
        name TEXT NOT NULL, version INTEGER NOT NULL, at_ms INTEGER NOT NULL, by TEXT NOT NULL, spec TEXT NOT NULL,
        PRIMARY KEY (name, version)
      ) WITHOUT ROWID;

      -- Three writes a task, thousands of tasks a second: columns, and as few indexes as the pages for people need.
      CREATE TABLE task (
        id TEXT NOT NULL PRIMARY KEY, agent TEXT NOT NULL, state TEXT NOT NULL, prompt TEXT NOT NULL,
        priority INTEGER NOT NULL, origin TEXT NOT NULL, created_ms INTEGER NOT NULL, deadline_ms INTEGER NOT NULL,
        attempt INTEGER NOT NULL, attempts INTEGER NOT NULL, node TEXT, epoch INTEGER, leased_ms INTEGER,
        idempotency_key TEXT, not_before_ms INTEGER NOT NULL,
        ended_ms INTEGER, result TEXT, truncated INTEGER, problem TEXT, usage TEXT
      );
      CREATE INDEX task_live ON task (state, id) WHERE ended_ms IS NULL;
      CREATE INDEX task_ended ON task (ended_ms) WHERE ended_ms IS NOT NULL;
      CREATE INDEX task_agent ON task (agent, id);
      CREATE INDEX task_not_done ON task (id, state) WHERE state IN ('failed', 'expired', 'cancelled');
      CREATE UNIQUE INDEX task_key ON task (idempotency_key) WHERE idempotency_key IS NOT NULL;

      -- AUTOINCREMENT: an id is never used again after a prune, pages and the feed count on it.
      CREATE TABLE event (
        id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, node TEXT, agent TEXT,
        type TEXT NOT NULL, severity TEXT NOT NULL, text TEXT NOT NULL
      );
      CREATE INDEX event_at ON event (at_ms);
      CREATE INDEX event_node ON event (node, id) WHERE node IS NOT NULL;
      CREATE INDEX event_agent ON event (agent, id) WHERE agent IS NOT NULL;
      CREATE TABLE audit (
        id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL,
        actor TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL
      );
      CREATE INDEX audit_at ON audit (at_ms);

      -- The log is the truth. payload is JSON without the vector, which lies beside it as float32.
      CREATE TABLE memory_entry (
        id INTEGER PRIMARY KEY, agent TEXT NOT NULL, seq INTEGER NOT NULL, epoch INTEGER NOT NULL,
        hash TEXT NOT NULL, previous_hash TEXT NOT NULL, payload_commitment TEXT NOT NULL,
        actor TEXT NOT NULL, kind TEXT NOT NULL, created_at INTEGER NOT NULL, received_ms INTEGER NOT NULL,
        salt TEXT, payload TEXT,
        UNIQUE (agent, seq)
      );
      CREATE TABLE memory_vector (
        id INTEGER PRIMARY KEY REFERENCES memory_entry (id) ON DELETE CASCADE, model TEXT NOT NULL, vector BLOB NOT NULL
      );
      CREATE TABLE memory_head (
        agent TEXT PRIMARY KEY, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, hash TEXT NOT NULL, entries INTEGER NOT NULL
      ) WITHOUT ROWID;
      CREATE TABLE branch (id TEXT PRIMARY KEY, merged INTEGER NOT NULL, row TEXT NOT NULL) WITHOUT ROWID;
      CREATE TABLE branch_entry (
        id INTEGER PRIMARY KEY, branch TEXT NOT NULL, seq INTEGER NOT NULL, hash TEXT NOT NULL, entry TEXT NOT NULL,
        UNIQUE (branch, seq)
      );
    `,
  },
  {
    version: 2,
    name: 'which search indexes are built, and by which rules',
    sql: `CREATE TABLE search_index (name TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID;`,
  },
  {
    version: 3,
    name: 'sessions, past attempts, roll-ups, usage',
    sql: `
      CREATE TABLE session (id TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID;
      ALTER TABLE task ADD COLUMN past TEXT;
      -- Written once a task, at its end: what is leased now is known to the view.
      CREATE INDEX task_node ON task (node, id) WHERE ended_ms IS NOT NULL;

      -- A node's number: 64 neighbours share a row of every roll-up, so that a minute of ten thousand nodes is 157 rows.
      CREATE TABLE rollup_series (id TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE, until_ms INTEGER) WITHOUT ROWID;
      CREATE TABLE rollup (
        tier INTEGER NOT NULL, part INTEGER NOT NULL, at_s INTEGER NOT NULL, cells BLOB NOT NULL,
        PRIMARY KEY (tier, part, at_s)
      ) WITHOUT ROWID;

      CREATE TABLE usage_day (
        day INTEGER NOT NULL, agent TEXT NOT NULL, model TEXT NOT NULL, node TEXT NOT NULL,
        tasks INTEGER NOT NULL, failed INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL,
        completion_tokens INTEGER NOT NULL, cost_usd REAL NOT NULL,
        PRIMARY KEY (day, agent, model, node)
      ) WITHOUT ROWID;
      -- Ends of tasks before this are in usage_day.
      CREATE TABLE usage_mark (id INTEGER PRIMARY KEY CHECK (id = 1), upto_ms INTEGER NOT NULL);
    `,
  },
  {
    version: 4,
    name: 'who held which agent under which epoch',
    sql: `
      CREATE TABLE agent_holder (
        agent TEXT NOT NULL, epoch INTEGER NOT NULL, node TEXT NOT NULL, joined_ms INTEGER NOT NULL,
        PRIMARY KEY (agent, epoch)
      ) WITHOUT ROWID;
      -- Every placement gave out the next epoch and left one event, which no node can write: counted back from the newest.
      INSERT OR IGNORE INTO agent_holder (agent, epoch, node, joined_ms)
      WITH highest (agent, epoch) AS (
        SELECT name, json_extract(row, '$.epoch') FROM agent
        UNION ALL
        SELECT substr(key, 12), json_extract(value, '$.epoch') FROM setting
        WHERE key LIKE 'agent-gone:%' AND json_type(value) = 'object' AND substr(key, 12) NOT IN (SELECT name FROM agent)
      ), placed (agent, node, back) AS (
        SELECT agent, node, row_number() OVER (PARTITION BY agent ORDER BY id DESC) - 1 FROM event
        WHERE type IN ('agent-placed', 'agent-moved') AND agent IS NOT NULL AND node IS NOT NULL
      )
      SELECT placed.agent, highest.epoch - placed.back, placed.node, json_extract(node.row, '$.enrolledMs')
      FROM placed JOIN highest ON highest.agent = placed.agent JOIN node ON node.id = placed.node
      WHERE highest.epoch - placed.back >= 1;
      -- What is placed now needs no event, which may have been pruned.
      INSERT OR REPLACE INTO agent_holder (agent, epoch, node, joined_ms)
      SELECT name, json_extract(agent.row, '$.placement.epoch'), node.id, json_extract(node.row, '$.enrolledMs')
      FROM agent JOIN node ON node.id = json_extract(agent.row, '$.placement.node');
    `,
  },
  {
    version: 5,
    name: 'dead letters that a person dismissed',
    sql: 'ALTER TABLE task ADD COLUMN dismissed_ms INTEGER;',
  },
  {
    version: 6,
    name: 'usage without numbers that no work can have made',
    sql: `
      UPDATE usage_day SET
        prompt_tokens = CASE WHEN typeof(prompt_tokens) = 'integer' AND prompt_tokens BETWEEN 0 AND 1e15 THEN prompt_tokens ELSE 0 END,
        completion_tokens =
          CASE WHEN typeof(completion_tokens) = 'integer' AND completion_tokens BETWEEN 0 AND 1e15 THEN completion_tokens ELSE 0 END,
        cost_usd = CASE WHEN cost_usd BETWEEN 0 AND 1e12 THEN cost_usd ELSE 0 END;
    `,
  },
  {
    version: 7,
    name: 'who asked for a task',
    // JSON; NULL where that is not known, as for all tasks before this.
    sql: 'ALTER TABLE task ADD COLUMN by TEXT;',
  },
  {
    version: 8,
    name: 'what would fix an agent as values',
    // The reason was a sentence. The first plan looks at every agent without a node again, and gives the reason anew.
    sql: `
      UPDATE agent SET row = json_set(row, '$.unplaced.fix', json('[]')) WHERE json_type(row, '$.unplaced.fix') = 'text';
    `,
  },
  {
    version: 9,
    name: 'where the answer of a task is told',
    // JSON; NULL where the asker looks for the answer itself. The address was part of the key alone: asks that wait are answered too.
    sql: `
      ALTER TABLE task ADD COLUMN reply_to TEXT;
      UPDATE task SET reply_to = json_object('kind', 'mqtt', 'agent', agent, 'id', substr(idempotency_key, length(agent) + 7))
      WHERE ended_ms IS NULL AND origin = 'mqtt' AND substr(idempotency_key, 1, length(agent) + 6) = 'mqtt:' || agent || ':';
    `,
  },
  {
    version: 10,
    name: 'why a node is here or away, for programs',
    // The kind was read out of the text before.
    sql: `
      UPDATE node SET row = json_set(row, '$.presenceCause', CASE
        WHEN json_extract(row, '$.status') = 'quarantined' THEN 'quarantined'
        WHEN json_extract(row, '$.presence') = 'never' THEN 'enrolled'
        WHEN json_extract(row, '$.presence') = 'online' THEN 'connected'
        WHEN json_extract(row, '$.presenceReason') = 'stopped' THEN 'stopped'
        WHEN json_extract(row, '$.presenceReason') = 'silent' THEN 'silent'
        WHEN json_extract(row, '$.presenceReason') = 'the coordinator restarted' THEN 'restarted'
        ELSE 'broken' END);
    `,
  },
  {
    version: 11,
    name: 'what programs may read of an event',
    // JSON; NULL for all earlier events, of which only the text is known.
    sql: `
      ALTER TABLE event ADD COLUMN params TEXT;
      CREATE INDEX event_type ON event (type, id);
    `,
  },
  {
    version: 12,
    name: 'what programs may read of the audit log',
    sql: 'ALTER TABLE audit ADD COLUMN params TEXT;',
  },
  {
    version: 13,
    name: 'ids of agents, spaces',
    // The name of an agent was its identity, in the chain of its memory too: it stays as its id, so that every chain verifies as before.
    sql: `
      ALTER TABLE agent RENAME COLUMN name TO id;
      UPDATE agent SET row = json_remove(json_set(row, '$.id', id, '$.space', 'default'), '$.name') WHERE json_valid(row);
      ALTER TABLE agent_version RENAME COLUMN name TO agent;
      CREATE TABLE removed_agent (id TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID;
      INSERT INTO removed_agent (id, row)
      SELECT substr(key, 12), json_patch(
        json_object('id', substr(key, 12), 'space', 'default', 'name', substr(key, 12), 'epoch', json_extract(value, '$.epoch'),
          'version', coalesce(json_extract(value, '$.version'), 0)),
        iif(json_type(value, '$.quiet') = 'object', json_object('quiet', json_extract(value, '$.quiet')), '{}'))
      FROM setting WHERE key LIKE 'agent-gone:%' AND json_valid(value) AND json_type(value) = 'object';
      DELETE FROM setting WHERE key LIKE 'agent-gone:%';
      -- A memory without its agent can be read by the name that it had.
      INSERT OR IGNORE INTO removed_agent (id, row)
      SELECT agent, json_object('id', agent, 'space', 'default', 'name', agent, 'epoch', epoch, 'version', 0)
      FROM memory_head WHERE agent NOT IN (SELECT id FROM agent);
      ALTER TABLE task ADD COLUMN space TEXT NOT NULL DEFAULT 'default';
      DROP INDEX task_key;
      CREATE UNIQUE INDEX task_key ON task (space, idempotency_key) WHERE idempotency_key IS NOT NULL;
      ALTER TABLE memory_entry ADD COLUMN space TEXT NOT NULL DEFAULT 'default';
      UPDATE branch SET row = json_set(row, '$.space', 'default') WHERE json_valid(row);
    `,
  },
  {
    version: 14,
    name: 'rows in place of settings',
    // Each kind of setting has a table of its own, and an end. Whether a branch was merged is a column of its row.
    sql: `
      CREATE TABLE acknowledged (alert TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID;
      INSERT INTO acknowledged (alert, row)
      SELECT each.key, json_set(each.value, '$.alert', each.key)
      FROM setting, json_each(iif(json_valid(setting.value), setting.value, '{}')) AS each
      WHERE setting.key = 'alerts-acknowledged' AND each.type = 'object';
      UPDATE node SET row = json_set(node.row, '$.reclaimUntilMs', json_extract(setting.value, '$'))
      FROM setting WHERE setting.key = 'reclaim:' || node.id AND json_valid(setting.value) AND json_type(setting.value) IN ('integer', 'real')
        AND json_valid(node.row);
      DROP TABLE setting;
    `,
  },
  {
    version: 15,
    name: 'who has the store',
    sql: `
      CREATE TABLE term (id INTEGER PRIMARY KEY CHECK (id = 1), number INTEGER NOT NULL, coordinator TEXT NOT NULL);
    `,
  },
  {
    version: 16,
    name: 'the conversation before a task',
    sql: 'ALTER TABLE task ADD COLUMN turns TEXT;',
  },
  {
    version: 17,
    name: 'usage by key',
    // What was counted before is of no key.
    sql: `
      CREATE TABLE usage_by_key (
        day INTEGER NOT NULL, agent TEXT NOT NULL, model TEXT NOT NULL, node TEXT NOT NULL, key_id TEXT NOT NULL,
        tasks INTEGER NOT NULL, failed INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL,
        completion_tokens INTEGER NOT NULL, cost_usd REAL NOT NULL,
        PRIMARY KEY (day, agent, model, node, key_id)
      ) WITHOUT ROWID;
      INSERT INTO usage_by_key SELECT day, agent, model, node, '', tasks, failed, prompt_tokens, completion_tokens, cost_usd FROM usage_day;
      DROP TABLE usage_day;
      ALTER TABLE usage_by_key RENAME TO usage_day;
    `,
  },
  {
    version: 18,
    name: 'budgets',
    // What is used of each, and what is set aside for work under way.
    sql: `
      CREATE TABLE spending (account TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID;
      CREATE TABLE reservation (id TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID;
    `,
  },
  {
    version: 19,
    name: 'conversations, pictures, how answers came about',
    // A task of a conversation is kept as long as the conversation.
    sql: `
      CREATE TABLE conversation (id TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID;
      ALTER TABLE task ADD COLUMN conversation TEXT;
      ALTER TABLE task ADD COLUMN after_task TEXT;
      ALTER TABLE task ADD COLUMN images TEXT;
      ALTER TABLE task ADD COLUMN trace TEXT;
      CREATE INDEX task_conversation ON task (conversation, id) WHERE conversation IS NOT NULL;
    `,
  },
  {
    version: 20,
    name: 'the parts that machines are made of',
    // JSON of kilobytes, read when a person asks: not in the row of a node, which is written with each change of its presence.
    sql: 'CREATE TABLE hardware (node TEXT PRIMARY KEY, since_ms INTEGER NOT NULL, parts TEXT NOT NULL) WITHOUT ROWID;',
  },
  {
    version: 21,
    name: 'models that nodes keep',
    sql: 'CREATE TABLE model_pin (id TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID;',
  },
  {
    version: 22,
    name: 'what the cloud would have cost',
    // What was counted before is compared with nothing.
    sql: 'ALTER TABLE usage_day ADD COLUMN cloud_usd REAL NOT NULL DEFAULT 0;',
  },
  {
    version: 23,
    name: 'restores from a backup, and what was found after the last one',
    sql: `
      CREATE TABLE restored (one INTEGER PRIMARY KEY CHECK (one = 1), row TEXT NOT NULL);
      CREATE TABLE restore_found (id TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID;
    `,
  },
  {
    version: 24,
    name: 'rollouts',
    // A row for each node or agent of a rollout: a step of one of ten thousand writes its own row alone.
    sql: `
      CREATE TABLE rollout (id TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID;
      CREATE TABLE rollout_subject (id TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID;
    `,
  },
  {
    version: 25,
    name: 'changed vectors',
    // The order in which vectors came, changed and went: whoever has an index of them reads on where it was.
    sql: `
      CREATE TABLE vector_change (n INTEGER PRIMARY KEY AUTOINCREMENT, id INTEGER NOT NULL);
      CREATE TRIGGER vector_came AFTER INSERT ON memory_vector BEGIN INSERT INTO vector_change (id) VALUES (NEW.id); END;
      CREATE TRIGGER vector_changed AFTER UPDATE ON memory_vector BEGIN INSERT INTO vector_change (id) VALUES (NEW.id); END;
      CREATE TRIGGER vector_went AFTER DELETE ON memory_vector BEGIN INSERT INTO vector_change (id) VALUES (OLD.id); END;
    `,
  },
  ...memoryMigrations,
  {
    version: 29,
    name: 'memories and documents of people',
    // The document of an entry, so that its parts are found when it is withdrawn.
    sql: `
      CREATE TABLE memory_given (id TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID;
      CREATE TABLE memory_document (id TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID;
      ALTER TABLE memory_entry ADD COLUMN document TEXT;
      CREATE INDEX memory_entry_document ON memory_entry (document) WHERE document IS NOT NULL;
    `,
  },
  consolidation,
  importantMemories,
  vectorFleet,
  valuesByKey,
  webhooks,
];

export const newestVersion = migrations.at(-1)?.version ?? 0;

/** The schema version of a database; 0 for an empty one. */
export function schemaVersion(db: Database): number {
  const present = db.prepare(`SELECT 1 FROM sqlite_master WHERE name = 'schema_migration'`).get();
  if (!present) return 0;
  return (db.prepare('SELECT max(version) FROM schema_migration').pluck().get() as number | null) ?? 0;
}

export function migrate(db: Database, path: string, nowMs: number, log: Log): void {
  const from = schemaVersion(db);
  if (from > newestVersion) {
    throw new FleetError('storage-failed', {
      detail: `open ${path}: this database was written by a newer BlackRoad Fleet (its schema is ${from}, this program knows up to ${newestVersion}). Install the newer version again, or restore a copy from before the update`,
    });
  }
  for (const { version, name, sql } of migrations) {
    if (version <= from) continue;
    db.transaction(() => {
      db.pragma(`application_id = ${applicationId}`);
      db.exec(
        'CREATE TABLE IF NOT EXISTS schema_migration (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_ms INTEGER NOT NULL)',
      );
      db.exec(sql);
      db.prepare('INSERT INTO schema_migration (version, name, applied_ms) VALUES (?, ?, ?)').run(version, name, nowMs);
    }).immediate();
    if (from > 0) log.info({ version, name }, 'database upgraded');
  }
}
