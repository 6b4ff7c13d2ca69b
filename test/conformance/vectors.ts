// One suite for every way in which the store finds memories by meaning: the embedded index, and vector stores on other machines. What is found is
// compared with an exact comparison of all vectors in the database; what is held by a store on another machine is looked at in it.
import { encodeVector, type MemoryEntry, type VectorStoreStand } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import Sqlite from 'better-sqlite3';
import type { Test } from 'tap';
import { openReadingDatabase } from '../../coordinator/src/store/sqlite/database.ts';
import { indexedTextSql } from '../../coordinator/src/store/sqlite/keyed-entries.ts';
import { scannedVectors } from '../../coordinator/src/store/sqlite/near-vectors.ts';
import type { WorkerStore } from '../../coordinator/src/store/worker/worker-store.ts';
import { openVectorStore } from '../../coordinator/src/vector-stores/open-vector-store.ts';
import type { VectorStoreSettings } from '../../coordinator/src/vector-stores/shown-store.ts';
import type { Place, VectorStore } from '../../coordinator/src/vector-stores/vector-store.ts';
import { openWorkerStore } from '../fixtures/coordinator/bundled-worker-store.ts';
import type { StoreFiles } from '../fixtures/coordinator/store-files.ts';
import { memoryEntries, t0 } from '../fixtures/coordinator/stored-rows.ts';
import { vectorSet } from '../fixtures/coordinator/vectors.ts';
import type { CutProxy } from '../fixtures/cut-proxy.ts';
import { until } from '../fixtures/until.ts';
import type { Answer } from '../fixtures/vector-stores/scripted.ts';

export interface VectorBackend {
  name: string;
  /** Null: the embedded index. */
  remote: {
    settings: VectorStoreSettings;
    proxy: CutProxy;
    /** Past the proxy. */
    direct: VectorStoreSettings;
    /** Makes the place one of vectors of another length. */
    retype(place: Place, dimension: number): Promise<void>;
    /** How it answers from now on, of a scripted one: answers that are no answers, and null, as ever. */
    damage?: { set(answer: Answer | null): void; answers: readonly Answer[] };
    /** Requests that are not as documented; of a real server none are known. */
    odd: readonly string[];
  } | null;
}
export const suiteDimension = 32;
const model = 'tiny';
/** The embedded index is made for 2,000; another store takes some hundred at once. */
const counts = { embedded: 2_400, remote: 700 };
const agents = 4;

export async function vectorConformance(t: Test, { name, remote }: VectorBackend, files: StoreFiles): Promise<void> {
  const rigOf = (t: Test) => rig(t, remote, files);
  const count = remote ? counts.remote : counts.embedded;
  const filled = await rigOf(t);
  await filled.write(count);
  await filled.settled();

  await t.test(`${name}: finds what an exact comparison finds, of all, of an agent, of a kind`, async (t) => {
    const { same, vectors } = filled;
    for (const at of [0, 17, count - 1]) {
      await same(t, vectors[at] as Float32Array);
      await same(t, vectors[at] as Float32Array, { agent: 'agent-2' });
      await same(t, vectors[at] as Float32Array, { kind: 'turn' });
      await same(t, vectors[at] as Float32Array, { agent: 'agent-1', kind: 'genesis' });
    }
    await same(t, vectors[3] as Float32Array, { agent: 'nobody' });
    await same(t, vectors[3] as Float32Array, { untilMs: t0 + 3_000 });
  });

  await t.test(`${name}: many searches at once`, async (t) => {
    const { store, vectors } = filled;
    const found = await Promise.all(
      Array.from({ length: 80 }, (_, i) => {
        const values = vectors[i * 8] as Float32Array;
        return store().searchMemory({ text: '', vector: { model, values }, limit: 1 });
      }),
    );
    for (const [i, hits] of found.entries()) t.equal(hits[0]?.text, `memory ${i * 8}`);
  });

  await t.test(`${name}: what was just written, changed and erased is seen by the next search`, async (t) => {
    const { write, settled, same, vectors, change, erase, held } = filled;
    for (let step = 0; step < 6; step++) {
      await write(agents);
      await same(t, vectors.at(-1) as Float32Array);
      // The vector of one goes to another, as when a model is exchanged.
      change(100 + step, vectors[step] as Float32Array);
      await same(t, vectors[step] as Float32Array);
    }
    const gone = await erase('agent-3', [5, 6, 7]);
    await same(t, vectors[0] as Float32Array);
    await settled();
    await same(t, vectors[0] as Float32Array);
    const ids = await held();
    if (ids)
      t.notOk(
        gone.some((id) => ids.includes(id)),
        'the store has no vector of what was erased',
      );
    if (ids) t.equal(ids.length, count + 6 * agents - gone.length, 'and has every other one');
  });

  await t.test(`${name}: of the values that a key had the last one alone is near`, async (t) => {
    const { write, writeValues, settled, same, vectors, store, held, erase } = await rigOf(t);
    await write(count);
    await settled();
    const values = vectors[9] as Float32Array;
    const doors = async () => {
      await same(t, values);
      const hits = await store().searchMemory({ text: '', vector: { model, values }, agent: 'keeper', limit: 10 });
      return hits.map(({ text }) => text);
    };
    await writeValues(values, 60);
    t.same(await doors(), ['door: colour 59']);
    await settled();
    t.same(await doors(), ['door: colour 59']);
    const ids = await held();
    if (ids) t.equal(ids.length, count + 1);
    await erase('keeper', [60]);
    t.same(await doors(), ['door: colour 58'], 'as though it had not been set');
    await settled();
    t.same(await doors(), ['door: colour 58']);
  });

  await t.test(`${name}: goes on after a restart in the middle, and is filled again from nothing`, async (t) => {
    const { write, settled, same, vectors, reopen, held, wipe } = await rigOf(t);
    await write(count);
    for (let restarts = 0; restarts < 3; restarts++) {
      await same(t, vectors[restarts] as Float32Array);
      await reopen();
    }
    await write(agents);
    await settled();
    await same(t, vectors.at(-1) as Float32Array);
    await reopen(wipe);
    await settled();
    await same(t, vectors[7] as Float32Array);
    const ids = await held();
    if (ids) t.equal(ids.length, count + agents);
  });

  await t.test(`${name}: is filled anew where the database is of another time`, async (t) => {
    const { write, settled, same, vectors, reopen, setBack, aside, held } = await rigOf(t);
    await write(count);
    await settled();
    await reopen(() => setBack(40));
    await settled();
    await same(t, vectors.at(-60) as Float32Array);
    const before = await held();
    if (before) t.equal(before.length, count - 40, 'what went is not there');
    await reopen(async () => {
      setBack(40);
      // As many changes as it has written, and others.
      await aside(() => write(80, 'another'));
    });
    await settled();
    await same(t, vectors.at(-1) as Float32Array);
    await same(t, vectors.at(-50) as Float32Array, { agent: 'another-2' });
    const after = await held();
    if (after) t.equal(after.length, count);
  });

  if (remote) await remoteConformance(t, { name, remote, filled, rigOf });
}

type Remote = NonNullable<VectorBackend['remote']>;
interface RemoteParts {
  name: string;
  remote: Remote;
  filled: Awaited<ReturnType<typeof rig>>;
  rigOf: (t: Test) => ReturnType<typeof rig>;
}
async function remoteConformance(t: Test, { name, remote, filled, rigOf }: RemoteParts): Promise<void> {
  const count = counts.remote;
  await t.test(
    `${name}: away and back: searches go on and say so, and what was erased meanwhile goes first`,
    async (t) => {
      const { write, settled, same, without, vectors, erase, held, stand, reopen } = filled;
      for (const way of ['refused', 'garbage', 'silent'] as const) {
        remote.proxy.be(way);
        const began = performance.now();
        t.match(await without(vectors[4] as Float32Array), /./, `${way}: it says why`);
        t.ok(performance.now() - began < 5_000, 'and does not wait for long');
        await same(t, vectors[4] as Float32Array);
        await until(() => stand()?.state === 'away' || way === 'silent');
        remote.proxy.be('open');
        await settled();
        await until(async () => (await without(vectors[4] as Float32Array)) === null, 10_000);
      }
      remote.proxy.be('refused');
      await without(vectors[4] as Float32Array);
      await until(() => stand()?.state === 'away');
      const gone = await erase('agent-0', [3, 4]);
      await write(agents);
      await until(() => stand()?.owed === 2);
      t.match(stand(), { state: 'away', owed: 2 });
      await reopen();
      await until(() => stand()?.owed === 2);
      t.match(stand(), { state: 'away', owed: 2 }, 'a restart forgets no erasure');
      t.notMatch(JSON.stringify(stand()), /secret|test-/, 'nor does it show a key');
      await same(t, vectors.at(-1) as Float32Array);
      remote.proxy.be('open');
      await settled();
      t.match(stand(), { state: 'following', owed: 0, why: null });
      const ids = (await held()) ?? [];
      t.notOk(gone.some((id) => ids.includes(id)));
      await same(t, vectors.at(-1) as Float32Array);
    },
  );

  const { damage } = remote;
  if (damage)
    await t.test(`${name}: an answer that is none is not believed`, async (t) => {
      const { settled, same, without, vectors, stand } = filled;
      for (const answer of damage.answers) {
        damage.set(answer);
        const why = await without(vectors[4] as Float32Array);
        t.match(why, /^It /, JSON.stringify(answer));
        t.notMatch(why, /fault of the coordinator|test-/);
        await same(t, vectors[4] as Float32Array);
        await until(() => stand()?.state !== 'following');
        damage.set(null);
        await settled();
        await until(async () => (await without(vectors[4] as Float32Array)) === null, 30_000);
      }
    });

  // What is missing at Pinecone is noticed later, as what was just written may be missing, too.
  if (remote.settings.kind !== 'pinecone')
    await t.test(`${name}: is filled again when it was emptied while it is used`, async (t) => {
      const { settled, same, without, vectors, wipe } = filled;
      await wipe();
      await without(vectors[4] as Float32Array);
      await same(t, vectors[4] as Float32Array);
      await settled();
      await until(async () => (await without(vectors[4] as Float32Array)) === null, 10_000);
      await same(t, vectors[4] as Float32Array);
    });

  await t.test(`${name}: what others put there is never shown, and is not touched elsewhere`, async (t) => {
    const [first, second] = [await rigOf(t), await rigOf(t)];
    await first.write(count);
    await second.write(agents);
    await first.settled();
    await second.settled();
    const place = await first.place();
    const vector = first.vectors[9] as Float32Array;
    const foreign = [1_000_001, 1_000_002, 1_000_003].map((id) => ({ id, agent: 'agent-0', kind: 'turn', vector }));
    await first.outside?.put(place, foreign);
    // A store may show later what it has.
    await until(async () => (await first.held())?.length === count + foreign.length);
    await first.same(t, vector);
    await first.same(t, vector, { agent: 'agent-0' });
    await second.reopen();
    await second.settled();
    t.equal((await first.held())?.length, count + foreign.length, 'another fleet cleans up its own places alone');
    t.equal((await second.held())?.length, agents);
  });

  await t.test(`${name}: vectors of another length are refused with a sentence, and searches go on`, async (t) => {
    const { settled, same, without, vectors, reopen, stand, place } = filled;
    const { name, dimension } = await place();
    await reopen(() => remote.retype({ name, dimension }, 8));
    await until(() => stand()?.state === 'refused');
    t.match(stand()?.why, /expected .*32/);
    t.match(await without(vectors[4] as Float32Array), /expected .*32/);
    await same(t, vectors[4] as Float32Array);
    await reopen(() => remote.retype({ name, dimension }, dimension));
    await settled();
    t.equal(await without(vectors[4] as Float32Array), null);
    await same(t, vectors[4] as Float32Array);
  });
  t.same(remote.odd, [], 'it was asked as its documentation has it');
}

async function rig(t: Test, remote: VectorBackend['remote'], files: StoreFiles) {
  const path = files.newPath();
  const died = (error: Error) => {
    throw error;
  };
  let complete = false;
  const info = (_: unknown, text?: string) => {
    if (text?.includes('is complete')) complete = true;
  };
  const log = { ...silentLog, info };
  const open = async (vectors = remote?.settings ?? null) => {
    complete = false;
    const opened = await openWorkerStore({ path, log, clock: systemClock, died, vectors });
    term = await opened.claim('test');
    return opened;
  };
  let term = 0;
  let store: WorkerStore = await open();
  const outside: VectorStore | null = remote ? await openVectorStore(remote.direct, silentLog) : null;
  const db = openReadingDatabase(path);
  const raw = new Sqlite(path);
  const exact = scannedVectors(db);
  t.teardown(async () => {
    remote?.proxy.be('open');
    await store.close();
    if (outside) for (const name of await outside.places(own())) await outside.drop(name);
    await outside?.close();
    db.close();
    raw.close();
  });
  const own = () => `blackroad_${raw.prepare('SELECT id FROM vector_fleet').pluck().get()}_`;
  const place = async (): Promise<Place> => {
    const [name = ''] = (await outside?.places(own())) ?? [];
    return { name, dimension: suiteDimension };
  };
  const set = vectorSet('clustered', suiteDimension, 11);
  const lasts = new Map<string, MemoryEntry>();
  const vectors: Float32Array[] = [];
  const stand = (): VectorStoreStand | null => store.vectorStore();
  const hitsOf = async (values: Float32Array, filter: object, onWithoutStore?: (why: string) => void) => {
    const query = { text: '', vector: { model, values }, limit: 10, ...filter };
    return store.searchMemory(onWithoutStore ? { ...query, onWithoutStore } : query);
  };
  /** Ids at the store on another machine; null: there is none. */
  async function held(): Promise<number[] | null> {
    if (!outside) return null;
    const { name } = await place();
    if (name === '') return [];
    return outside.near({ name, dimension: suiteDimension }, new Float32Array(suiteDimension).fill(0.1), {}, 9_000);
  }
  async function isSameThere(): Promise<boolean> {
    // It may just be made anew.
    const there = new Set(await held().catch(() => []));
    const looked = 'SELECT id FROM memory_vector WHERE id NOT IN (SELECT id FROM memory_past)';
    const ids = raw.prepare<[], number>(looked).pluck().all();
    const last = raw.prepare<[], number>('SELECT max(id) FROM memory_entry').pluck().get() as number;
    return ids.every((id) => there.delete(id)) && [...there].every((id) => id > last);
  }
  return {
    ...{ vectors, outside, place, stand, held },
    store: () => store,
    async write(count: number, of = 'agent') {
      const payloads = new Map<string, object[]>();
      for (let i = 0; i < count; i++) {
        const vector = new Float32Array(suiteDimension);
        set.next(vector);
        vectors.push(vector);
        const agent = `${of}-${i % agents}`;
        const embedding = { model, dimension: suiteDimension, vector: encodeVector(vector) };
        payloads.set(agent, [...(payloads.get(agent) ?? []), { text: `memory ${vectors.length - 1}`, embedding }]);
      }
      for (const [agent, all] of payloads) {
        const entries = memoryEntries(agent, all, { previous: lasts.get(agent) });
        lasts.set(agent, entries.at(-1) as MemoryEntry);
        await store.commit([{ type: 'memory', space: 'default', agent, entries }], term);
      }
    },
    /** Values that one key had, all with this vector. */
    async writeValues(values: Float32Array, times: number) {
      const embedding = { model, dimension: suiteDimension, vector: encodeVector(values) };
      const kinds = Array.from({ length: times }, () => 'value');
      const payloads = kinds.map((_, at) => ({ key: 'door', text: `colour ${at}`, embedding }));
      const entries = memoryEntries('keeper', payloads, { kinds });
      await store.commit([{ type: 'memory', space: 'default', agent: 'keeper', entries }], term);
    },
    /** Resolves when all that was written is in the index, or in the store. */
    async settled() {
      if (remote) await until(async () => isInStep(stand()) && (await isSameThere()));
      else
        await until(async () => {
          await hitsOf(vectors[0] as Float32Array, {});
          return complete;
        });
    },
    async same(tt: Pick<Test, 'same'>, values: Float32Array, filter: object = {}) {
      const wanted = exact({ model, values }, filter, 10).map(({ item }) => textOf(item));
      const found = (await hitsOf(values, filter)).map(({ text }) => text);
      tt.same(found.sort(), wanted.sort(), JSON.stringify(filter));
    },
    /** Why the store could not be asked; null: it was. */
    async without(values: Float32Array) {
      let why: string | null = null;
      await hitsOf(values, {}, (text) => {
        why = text;
      });
      return why;
    },
    change(id: number, values: Float32Array) {
      raw.prepare('UPDATE memory_vector SET vector = ? WHERE id = ?').run(Buffer.from(values.buffer.slice(0)), id);
    },
    async erase(agent: string, seqs: number[]): Promise<number[]> {
      const entries = (await store.erasable({ agent, seqs, limit: 10 })).filter(({ seq }) => seqs.includes(seq));
      const ids = seqs.map((seq) =>
        raw
          .prepare<[string, number], number>('SELECT id FROM memory_entry WHERE agent = ? AND seq = ?')
          .pluck()
          .get(agent, seq),
      );
      const row = { id: `${agent} 1`, agent, number: 1, atMs: t0, by: 'key:ada', entries: entries.length, owed: [] };
      await store.commit([{ type: 'erasure', row, erased: entries }], term);
      return ids as number[];
    },
    wipe: async () => {
      for (const name of (await outside?.places(own())) ?? []) await outside?.drop(name);
    },
    /** As a restored copy of the database has it: the newest went, and their changes. For a closed store. */
    setBack(by: number): void {
      const keep = (raw.prepare<[], number>('SELECT max(id) FROM memory_entry').pluck().get() as number) - by;
      const n = raw.prepare<[number], number>('SELECT max(n) FROM vector_change WHERE id <= ?').pluck().get(keep);
      raw.prepare('DELETE FROM memory_entry WHERE id > ?').run(keep);
      raw.prepare('DELETE FROM vector_change WHERE n > ?').run(n);
      raw.prepare(`UPDATE sqlite_sequence SET seq = ? WHERE name = 'vector_change'`).run(n);
    },
    /** For a closed store: what is written without any index of vectors running. */
    async aside(write: () => Promise<void>): Promise<void> {
      store = await open(null);
      await write();
      await store.close();
    },
    async reopen(meanwhile: () => Promise<void> | void = () => {}) {
      await store.close();
      await meanwhile();
      store = await open();
    },
  };
  function textOf(id: number): string {
    return raw
      .prepare<[number], string>(`SELECT ${indexedTextSql} FROM memory_entry WHERE id = ?`)
      .pluck()
      .get(id) as string;
  }
}
const isInStep = (stand: VectorStoreStand | null) => stand?.state === 'following' && stand.waiting === 0;
