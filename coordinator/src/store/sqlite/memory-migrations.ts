// The upgrades of the schema that are about vectors, checkpoints, erasures and the consolidation of memories.

export const memoryMigrations = [
  {
    version: 26,
    name: 'vectors that the coordinator has made for memories without one',
    // Those that came with a memory are part of its content, which is not changed: these lie beside them. An empty one says that the model does
    // not take the text. What is erased takes its vectors with it.
    sql: `
      CREATE TABLE made_vector (
        id INTEGER NOT NULL REFERENCES memory_entry (id) ON DELETE CASCADE, model TEXT NOT NULL, vector BLOB NOT NULL,
        UNIQUE (id, model)
      );
      CREATE TABLE searched_model (one INTEGER PRIMARY KEY CHECK (one = 1), model TEXT NOT NULL);
      CREATE TRIGGER made_vector_came AFTER INSERT ON made_vector BEGIN INSERT INTO vector_change (id) VALUES (NEW.id); END;
      CREATE TRIGGER made_vector_went AFTER DELETE ON made_vector BEGIN INSERT INTO vector_change (id) VALUES (OLD.id); END;
      CREATE TRIGGER made_vector_erased AFTER UPDATE OF payload ON memory_entry WHEN NEW.payload IS NULL
        BEGIN DELETE FROM made_vector WHERE id = NEW.id; END;
    `,
  },
  {
    version: 27,
    name: 'signed checkpoints of memories',
    sql: `
      CREATE TABLE checkpoint (number INTEGER PRIMARY KEY, row TEXT NOT NULL);
      CREATE TABLE anchored_log (agent TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID;
    `,
  },
  {
    version: 28,
    name: 'erasures of memories',
    // By what a memory was made of, where those are that were made of it.
    sql: `
      CREATE TABLE memory_source (
        source TEXT NOT NULL, agent TEXT NOT NULL, seq INTEGER NOT NULL, branch TEXT NOT NULL,
        PRIMARY KEY (source, agent, seq, branch)
      ) WITHOUT ROWID;
      INSERT OR IGNORE INTO memory_source (source, agent, seq, branch)
      SELECT each.value, e.agent, e.seq, '' FROM memory_entry e, json_each(e.payload, '$.derivedFrom') AS each
      WHERE e.payload IS NOT NULL AND json_valid(e.payload) AND each.type = 'text';
      INSERT OR IGNORE INTO memory_source (source, agent, seq, branch)
      SELECT each.value, json_extract(e.entry, '$.agentId'), e.seq, e.branch
      FROM branch_entry e, json_each(e.entry, '$.payload.derivedFrom') AS each
      WHERE json_valid(e.entry) AND each.type = 'text';
      CREATE INDEX branch_entry_hash ON branch_entry (hash);
      CREATE TABLE erasure (id TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID;
      CREATE TABLE erased_entry (hash TEXT PRIMARY KEY, agent TEXT NOT NULL, number INTEGER NOT NULL) WITHOUT ROWID;
      CREATE INDEX erased_entry_number ON erased_entry (agent, number);
    `,
  },
];

export const consolidation = {
  version: 32,
  name: 'consolidation of memories',
  // A mark goes with the content of its entry.
  sql: `
    CREATE TABLE memory_run (id TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE memory_mark (
      id INTEGER PRIMARY KEY REFERENCES memory_entry (id) ON DELETE CASCADE, agent TEXT NOT NULL,
      of_seq INTEGER NOT NULL, of_hash TEXT NOT NULL, how TEXT NOT NULL, by_seq INTEGER NOT NULL, by_hash TEXT NOT NULL
    );
    CREATE INDEX memory_mark_of ON memory_mark (agent, of_seq);
    CREATE TRIGGER memory_mark_erased AFTER UPDATE OF payload ON memory_entry WHEN NEW.payload IS NULL
      BEGIN DELETE FROM memory_mark WHERE id = NEW.id; END;
  `,
};

export const valuesByKey = {
  version: 35,
  name: 'values by key',
  // What a later value took the place of is in the log, and in no index of words or vectors.
  sql: `
    CREATE INDEX memory_entry_key ON memory_entry (agent, payload ->> 'key', seq)
      WHERE kind IN ('value', 'merge', 'import') AND payload ->> 'key' IS NOT NULL;
    CREATE TABLE memory_past (id INTEGER PRIMARY KEY REFERENCES memory_entry (id) ON DELETE CASCADE);
    INSERT INTO memory_past SELECT e.id FROM memory_entry e
      WHERE e.kind IN ('value', 'merge', 'import') AND e.payload ->> 'key' IS NOT NULL AND (e.payload ->> 'text' = '' OR EXISTS (
        SELECT 1 FROM memory_entry later
        WHERE later.agent = e.agent AND later.payload ->> 'key' = e.payload ->> 'key' AND later.seq > e.seq
          AND later.kind IN ('value', 'merge', 'import') AND later.payload ->> 'key' IS NOT NULL
          AND (later.kind <> 'merge' OR later.payload ->> 'holds' = 1)));
    DROP INDEX memory_entry_important;
    CREATE INDEX memory_entry_important ON memory_entry (agent, seq)
      WHERE kind IN ('note', 'fact', 'procedure', 'summary', 'merge', 'value') AND payload IS NOT NULL;
  `,
};

export const importantMemories = {
  version: 33,
  name: 'what is worth keeping is found at once',
  // An agent that moves has these before the rest of its memory.
  sql: `
    CREATE INDEX memory_entry_important ON memory_entry (agent, seq)
      WHERE kind IN ('note', 'fact', 'procedure', 'summary', 'merge') AND payload IS NOT NULL;
  `,
};

export const vectorFleet = {
  version: 34,
  name: 'the name of this fleet in stores of vectors that others use, too',
  sql: `
    CREATE TABLE vector_fleet (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL);
    INSERT INTO vector_fleet VALUES (1, lower(hex(randomblob(8))));
  `,
};
