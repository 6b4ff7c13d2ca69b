// Decisions about memory together with the reads for them, over a real store: nodes write, replace each other, return with tails, and
// messages are lost and doubled. At the end every memory is in the log or in a branch, additions of branches are merged once, and the log
// verifies.
import {
  commitPayload,
  encodeVector,
  entryFault,
  hashHeader,
  type MemoryDown,
  type MemoryEntry,
  type MemoryUp,
  maxSharedRecalls,
} from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { type Random, seededRandom } from '@blackroad/std/random';
import t from 'tap';
import { claimed } from '../../../test/fixtures/coordinator/claimed-store.ts';
import { SampleFleet } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { memoryEntries } from '../../../test/fixtures/coordinator/stored-rows.ts';
import { acceptMemory } from '../memory/accept.ts';
import { isDurable } from '../state/change-table.ts';
import type { BranchRow } from '../state/rows.ts';
import type { View } from '../state/view.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';
import { branchedOn, offerOf, readMemory } from './memory-reads.ts';

/** A minimal node: one log, and the tails that it moved aside when it was replaced. */
class Writer {
  readonly id: string;
  log: MemoryEntry[] = [];
  tails: { epoch: number; entries: MemoryEntry[] }[] = [];
  epoch = 0;
  acked = 0;
  isFenced = false;
  constructor(id: string) {
    this.id = id;
  }
  head() {
    const last = this.log[this.log.length - 1];
    return { seq: last?.seq ?? 0, hash: last?.hash ?? 'genesis' };
  }
  append(kind: MemoryEntry['kind'], text: string, source: string, derivedFrom: string[] = []): void {
    const payload = { text, tags: [], importance: 0.5, source, derivedFrom, embedding: null };
    const salt = '00'.repeat(16);
    const { seq, hash: previousHash } = this.head();
    const payloadCommitment = commitPayload(salt, payload);
    const header = {
      agentId: 'echo',
      epoch: this.epoch,
      seq: seq + 1,
      actorId: 'agent:echo',
      kind,
      createdAt: 1,
      payloadCommitment,
      previousHash,
    };
    this.log.push({ ...header, hash: hashHeader(header), salt, payload });
  }
  fence(): void {
    const tail = this.log.filter(({ seq }) => seq > this.acked);
    this.log = this.log.filter(({ seq }) => seq <= this.acked);
    for (const epoch of new Set(tail.map((entry) => entry.epoch)))
      this.tails.push({ epoch, entries: tail.filter((entry) => entry.epoch === epoch) });
    this.isFenced = true;
  }
}

async function live(seed: number): Promise<{ entries: MemoryEntry[]; written: Set<string>; branches: number }> {
  const random: Random = seededRandom(seed);
  const chance = (share: number) => random.next() < share;
  const store = await claimed(await openSqliteStore({ path: ':memory:', log: silentLog, clock: systemClock }));
  const fleet = new SampleFleet();
  const writers = ['alice', 'bob', 'carol'].map((id) => new Writer(id));
  for (const { id } of writers) fleet.online(id);
  fleet.apply1('echo');
  const written = new Set<string>();
  let branches = 0;
  let lossy = 0.15;

  const tell = async (writer: Writer, message: MemoryUp): Promise<void> => {
    if (chance(lossy)) return;
    const times = chance(lossy) ? 2 : 1;
    // The reads for both copies happen before either is decided, as for two messages of one batch.
    const inputs = await Promise.all(
      Array.from({ length: times }, async () => {
        const said = { node: writer.id, agent: 'echo', message };
        return { ...said, ...(await readMemory(store.raw, fleet.view as View, said)) };
      }),
    );
    for (const input of inputs) {
      const decision = fleet.decide<'memory-up'>(acceptMemory, input);
      await store.commit(decision.changes.filter(isDurable));
      branches += decision.changes.filter(({ type }) => type === 'branch').length;
      for (const { name, params, message } of decision.messages) {
        if (name !== 'memoryDown' || chance(lossy)) continue;
        hear(writers.find(({ id }) => id === params.node) as Writer, message as MemoryDown);
      }
    }
  };
  const hear = (writer: Writer, message: MemoryDown): void => {
    if (message.type === 'branch-ack') {
      const [tail] = writer.tails;
      if (tail?.epoch !== message.epoch) return;
      tail.entries = tail.entries.filter(({ seq }) => seq > message.upto);
      if (tail.entries.length === 0) writer.tails.shift();
      return;
    }
    if (message.type === 'erase' || message.epoch !== writer.epoch) return;
    if (message.type === 'ack') {
      if (writer.log[message.upto - 1]?.hash === message.hash) writer.acked = Math.max(writer.acked, message.upto);
    } else if (message.type === 'entries') {
      for (const entry of message.entries) if (entry.previousHash === writer.head().hash) writer.log.push(entry);
      writer.acked = writer.head().seq;
    } else if (message.type === 'merge') {
      for (const { hash, payload } of message.entries) {
        const known = writer.log.some((own) => own.kind === 'merge' && own.payload?.derivedFrom.includes(hash));
        if (!known) writer.append('merge', payload?.text ?? '', `branch:${message.branch}`, [hash]);
      }
    } else if (message.type === 'give') throw new Error('nobody gave a memory');
    else if (message.type !== 'nack') throw new Error(`${message.type} is not expected`);
    else if (message.reason === 'stale-epoch') writer.fence();
    else if (message.reason === 'fork') throw new Error(`${writer.id} forked`);
  };
  const upload = async (writer: Writer): Promise<void> => {
    const [tail] = writer.tails;
    if (!tail) return;
    const size = 1 + Math.floor(random.next() * 4);
    const entries = tail.entries.slice(0, size);
    const { seq: from, previousHash } = entries[0] as MemoryEntry;
    await tell(writer, {
      type: 'branch',
      epoch: tail.epoch,
      from,
      previousHash,
      entries,
      last: size >= tail.entries.length,
    });
  };
  const holder = () => writers.find(({ id }) => id === fleet.agent('echo').placement?.node);
  /** The node gets its placement: it moves an older tail aside, and fetches the log before it writes. */
  const learn = async (writer: Writer): Promise<boolean> => {
    const placement = fleet.agent('echo').placement;
    if (!placement || placement.node !== writer.id) return false;
    if (writer.epoch < placement.epoch) {
      writer.fence();
      writer.epoch = placement.epoch;
      writer.isFenced = false;
    }
    for (let i = 0; i < 50 && writer.head().seq < placement.baseSeq; i++) await hello(writer);
    return writer.head().seq >= placement.baseSeq;
  };
  const hello = async (writer: Writer): Promise<void> => {
    const { seq: durableSeq, hash } = writer.head();
    await tell(writer, { type: 'hello', epoch: Math.max(1, writer.epoch), durableSeq, hash });
  };
  const push = async (writer: Writer): Promise<void> => {
    const entries = writer.log.slice(writer.acked, writer.acked + 1 + Math.floor(random.next() * 5));
    const { seq: from, previousHash } = entries[0] as MemoryEntry;
    await tell(writer, { type: 'batch', epoch: writer.epoch, from, previousHash, entries });
  };
  const sync = async (writer: Writer): Promise<void> => {
    if (chance(0.3) || writer.acked === writer.head().seq) await hello(writer);
    else await push(writer);
  };

  try {
    fleet.move(['echo', 'alice']);
    for (let step = 0; step < 120; step++) {
      const writer = writers[Math.floor(random.next() * writers.length)] as Writer;
      if (chance(0.08)) fleet.move(['echo', writer.id]);
      // A node that does not know yet that it lost the agent writes on under its old epoch: that makes branches.
      if (chance(0.5)) await learn(writer);
      if (writer.epoch > 0 && !writer.isFenced && chance(0.6) && (writer !== holder() || (await learn(writer)))) {
        if (writer.head().seq === 0 && writer.epoch === 1) writer.append('genesis', 'begins', 'node');
        const text = `${writer.id} ${step}`;
        writer.append('turn', text, 'task:t');
        written.add(text);
      }
      if (writer.epoch > 0) await (writer.tails.length > 0 && chance(0.6) ? upload(writer) : sync(writer));
    }
    // From here on every node is connected and no message is lost.
    lossy = 0;
    for (const writer of writers) {
      if (writer !== holder()) writer.fence();
      while (writer.tails.length > 0) await upload(writer);
    }
    const last = holder() as Writer;
    await learn(last);
    while (last.tails.length > 0) await upload(last);
    // After this hello each answer leads to the next part, and to the next branch.
    await hello(last);
    for (let i = 0; i < 300 && last.acked < last.head().seq; i++) await push(last);
    if (fleet.view.branches.size > 0)
      throw new Error(`never merged: ${JSON.stringify([...fleet.view.branches.values()])}`);
    const entries = await store.memoryLog('echo', 0, 10_000);
    return { entries, written, branches };
  } finally {
    await store.close();
  }
}

t.test('whatever is lost on the way, every memory arrives, once', async (t) => {
  let branches = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const result = await live(seed).catch((cause) => {
      throw new Error(`seed ${seed}: ${cause.message}`, { cause });
    });
    branches += result.branches;
    let previous = 'genesis';
    const texts: string[] = [];
    for (const [i, entry] of result.entries.entries()) {
      if (entry.seq !== i + 1 || entry.previousHash !== previous || entryFault(entry))
        throw new Error(`seed ${seed}: entry ${entry.seq} does not verify`);
      previous = entry.hash;
      if (entry.kind === 'turn' || entry.kind === 'merge') texts.push(entry.payload?.text ?? '');
    }
    if (new Set(texts).size !== texts.length) throw new Error(`seed ${seed}: a memory is there twice`);
    const missing = [...result.written].filter((text) => !texts.includes(text));
    if (missing.length > 0) throw new Error(`seed ${seed}: lost ${missing}`);
  }
  t.ok(branches > 40, `${branches} changes of branches`);
});

const openBranch = (agent: string, more: Partial<BranchRow> = {}): BranchRow => ({
  id: `${agent}.old.1`,
  space: 'default',
  agent,
  node: 'old',
  epoch: 1,
  fromSeq: 4,
  uptoSeq: 5,
  complete: true,
  merged: false,
  receivedMs: 0,
  ...more,
});

t.test('a writer is offered its oldest branch without having asked', async (t) => {
  const fleet = new SampleFleet();
  fleet.runs('here', 'alice');
  fleet.runs('elsewhere', 'bob');
  fleet.runs('half', 'alice');
  const rows = [
    openBranch('here'),
    openBranch('elsewhere'),
    openBranch('half', { complete: false }),
    openBranch('gone'),
  ];
  for (const row of rows) fleet.view.branches.set(row.id, row);
  fleet.view.heads.set('here', { epoch: 2, seq: 9, hash: 'a'.repeat(64), entries: 9 });
  t.same([...branchedOn(fleet.view, 'alice')], ['here', 'half']);
  t.same([...branchedOn(fleet.view, 'nobody')], []);
  t.match(offerOf(fleet.view, 'here'), {
    node: 'alice',
    agent: 'here',
    message: { type: 'hydrated', durableSeq: 9, hash: 'a'.repeat(64) },
  });
  t.equal(offerOf(fleet.view, 'half'), null, 'it is not whole');
  t.equal(offerOf(fleet.view, 'gone'), null, 'nobody writes');
});

t.test(
  'a fetch reads the newest before a place, or the important ones, and for nobody but who held the log',
  async (t) => {
    const fleet = new SampleFleet();
    fleet.runs('echo', 'alice');
    fleet.online('bob');
    const store = await claimed(await openSqliteStore({ path: ':memory:', log: silentLog, clock: systemClock }));
    t.teardown(() => store.close());
    const kinds = ['genesis', 'note'];
    const entries = memoryEntries('echo', Array(6).fill({ text: 'x' }), { kinds });
    await store.commit([{ type: 'memory', space: 'default', agent: 'echo', entries }]);
    Object.assign(fleet.view, { cuts: { ...fleet.view.cuts, memoryBatchEntries: 3 } });
    const read = async (node: string, which: 'newest' | 'important', before: number) => {
      const message = { type: 'fetch', epoch: 1, which, before } as const;
      return (await readMemory(store, fleet.view, { node, agent: 'echo', message })).missing.map(({ seq }) => seq);
    };
    t.same(await read('alice', 'newest', 7), [6, 5, 4]);
    t.same(await read('alice', 'newest', 3), [2, 1]);
    t.same(await read('alice', 'newest', 1), []);
    t.same(await read('alice', 'important', 7), [2]);
    t.same(await read('bob', 'newest', 7), []);
  },
);

t.test('a recall searches what others share, by words and by meaning, and only so many at a time', async (t) => {
  const fleet = new SampleFleet();
  for (const name of ['ada', 'bob', 'carol']) fleet.runs(name, 'alice');
  for (const name of ['ada', 'bob']) fleet.agent(name).spec.memory.scope = 'fleet';
  const store = await claimed(await openSqliteStore({ path: ':memory:', log: silentLog, clock: systemClock }));
  t.teardown(() => store.close());
  const vector = encodeVector(new Float32Array([1, 0]));
  const embedding = { model: 'm', dimension: 2, vector };
  for (const agent of ['ada', 'bob', 'carol'])
    await store.commit([
      {
        type: 'memory',
        space: 'default',
        agent,
        entries: memoryEntries(agent, [{ text: `gate ${agent}`, embedding }]),
      },
    ]);
  const message = { type: 'recall', epoch: 1, id: '0123abcd', text: 'gate', limit: 5 } as const;
  const ask = (agent: string, more: object = {}) =>
    readMemory(store, fleet.view, { node: 'alice', agent, message: { ...message, ...more } });
  t.match((await ask('ada')).found, [{ agent: 'bob', text: 'gate bob', found: ['words'] }]);
  t.match((await ask('ada', { text: 'door', embedding })).found, [{ agent: 'bob', found: ['meaning'] }]);
  t.same((await ask('ada', { text: 'door', embedding: { ...embedding, dimension: 3 } })).found, [], 'not what it says');
  t.same((await ask('carol')).found, []);
  const many = await Promise.all(Array.from({ length: maxSharedRecalls + 3 }, () => ask('ada')));
  t.equal(many.filter(({ found }) => found === null).length, 3);
  t.match((await ask('ada')).found, [{ agent: 'bob' }], 'and then again');
});
