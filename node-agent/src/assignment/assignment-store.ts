// The node's desired set of agents and its generation, in SQLite: a Pi that reboots with the network down starts its agents again. In:
// deltas and snapshots from the coordinator. Out: the agents to start, change and stop. A delta of another generation is refused. A damaged
// file is set aside and the set starts empty: at generation 0 the coordinator sends the snapshot.
import { type AssignedAgent, type AssignmentDelta, type AssignmentSnapshot, idOf } from '@blackroad/protocol';
import Database from 'better-sqlite3';
import { checkDatabase, DamageError, type OnDamage, openSound } from '../files/data-folder.ts';
import type { Disk } from '../files/disk.ts';

export interface AssignmentStore {
  readonly generation: number;
  /** The zone of triggers that name none; null before the coordinator sent one. */
  readonly timeZone: string | null;
  /** False: the disk does not store it, and the zone holds only for this process. */
  keepTimeZone(zone: string): boolean;
  agents(): AssignedAgent[];
  /** False when the delta does not start at our generation: request the snapshot. An old one counts as applied. [INV-generation] */
  applyDelta(delta: AssignmentDelta): boolean;
  /** True when all parts have arrived and the set was replaced. */
  applySnapshot(part: AssignmentSnapshot): boolean;
  clear(): void;
  close(): void;
}

/** `path` may be `:memory:`; `disk` stands in for it in the simulator. Throws `storage-failed` where it cannot be opened. */
export function openAssignmentStore(
  path: string,
  given: { nowMs: number; onDamage: OnDamage; disk?: Pick<Disk, 'open'> },
): AssignmentStore {
  const { disk } = given;
  const db = disk
    ? prepared(disk.open('assignment.sqlite'))
    : openSound(path, given, open, 'the agents of this node come from the coordinator');
  const readGeneration = db.prepare('select value from generation').pluck();
  const writeGeneration = db.prepare(
    'insert into generation values (1, ?) on conflict (one) do update set value = excluded.value',
  );
  const put = db.prepare('insert into assigned values (?, ?) on conflict (agent) do update set value = excluded.value');
  const drop = db.prepare('delete from assigned where agent = ?');
  const all = db.prepare('select value from assigned order by agent').pluck();
  let generation = Number(readGeneration.get() ?? 0);
  let timeZone = (db.prepare('select value from zone').pluck().get() as string | undefined) ?? null;
  let parts = new Map<number, AssignmentSnapshot>();

  return {
    get generation() {
      return generation;
    },
    get timeZone() {
      return timeZone;
    },
    keepTimeZone(zone) {
      timeZone = zone;
      try {
        db.prepare('insert into zone values (1, ?) on conflict (one) do update set value = excluded.value').run(zone);
        return true;
      } catch {
        return false;
      }
    },
    agents: () => (all.all() as string[]).map((text) => JSON.parse(text) as AssignedAgent),
    applyDelta(delta) {
      if (delta.to <= generation) return true;
      if (delta.from !== generation) return false;
      db.transaction(() => {
        for (const { agent } of delta.remove) drop.run(agent);
        for (const assigned of delta.put) put.run(idOf(assigned), JSON.stringify(assigned));
        writeGeneration.run(delta.to);
      })();
      generation = delta.to;
      return true;
    },
    applySnapshot(part) {
      // A repeated snapshot, or one that is older than a delta applied since.
      if (part.generation < generation) return false;
      const first = parts.values().next().value;
      if (first && (first.generation !== part.generation || first.parts !== part.parts)) parts = new Map();
      parts.set(part.part, part);
      if (parts.size < part.parts) return false;
      const agents = [...parts.values()].flatMap((each) => each.agents);
      parts = new Map();
      db.transaction(() => {
        db.exec('delete from assigned');
        for (const assigned of agents) put.run(idOf(assigned), JSON.stringify(assigned));
        writeGeneration.run(part.generation);
      })();
      generation = part.generation;
      return true;
    },
    clear() {
      db.exec('delete from assigned; delete from generation; delete from zone');
      generation = 0;
      timeZone = null;
    },
    close: () => db.close(),
  };
}

function open(path: string): Database.Database {
  const db = new Database(path);
  try {
    checkDatabase(prepared(db));
    checkTables(db);
    checkRows(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
function prepared(db: Database.Database): Database.Database {
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec(`create table if not exists assigned (agent text primary key, value text not null);
           create table if not exists generation (one integer primary key check (one = 1), value integer not null);
           create table if not exists zone (one integer primary key check (one = 1), value text not null);`);
  return db;
}
/** The file is sound but has other tables: it is set aside too, because the coordinator sends the agents. */
function checkTables(db: Database.Database): void {
  try {
    db.prepare(
      'select agent, assigned.value, generation.one, zone.one, zone.value from assigned, generation, zone',
    ).get();
  } catch (error) {
    if ((error as { code?: string }).code === 'SQLITE_ERROR') throw new DamageError('its tables are others');
    throw error;
  }
}
/** The pages may be sound and the rows wrong: a row that is not an agent would end every start. */
function checkRows(db: Database.Database): void {
  const generation = db.prepare('select value from generation').pluck().get() ?? 0;
  if (!Number.isSafeInteger(generation) || (generation as number) < 0)
    throw new DamageError(`its generation is ${JSON.stringify(generation)}`);
  for (const text of db.prepare('select value from assigned').pluck().iterate()) {
    if (!isAssigned(text)) throw new DamageError('one of its rows is no agent');
  }
}
function isAssigned(text: unknown): boolean {
  try {
    const { spec, epoch, version, model } = JSON.parse(String(text)) as Partial<AssignedAgent>;
    return typeof spec?.name === 'string' && typeof model === 'string' && Number(epoch) > 0 && Number(version) > 0;
  } catch {
    return false;
  }
}
