// A node's memory against a coordinator that follows the protocol: moves, forks, branches, merges, restarts, damaged files.
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commitPayload, encodeVector, hashHeader } from '@blackroad/protocol';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import t from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { assignedAgent, chainFaults, TinyCoordinator } from '../../../test/fixtures/node-agent/tiny-coordinator.ts';
import type { Embedder, Remembered } from './agent-memory.ts';
import { createNodeMemory } from './node-memory.ts';

const noEmbedder: Embedder = async () => null;
const note = (text: string): Remembered => ({ kind: 'note', text, source: 'test', actorId: 'agent:ada' });
const ever = new AbortController().signal;
let seed = 1;

/** One node; `link` connects it to the coordinator without faults. */
function node(name: string, clock: HandClock, dir = ':memory:', embed = noEmbedder) {
  const memory = createNodeMemory({ dir, node: name, clock, random: seededRandom(seed++), log: silentLog, embed });
  return memory;
}
async function settled<T>(clock: HandClock, work: Promise<T>): Promise<T> {
  let done = false;
  const watched = work.finally(() => {
    done = true;
  });
  watched.catch(() => {});
  while (!done) await clock.advance(50);
  return watched;
}
const texts = (coordinator: TinyCoordinator, agent: string) =>
  coordinator.logs.get(agent)!.entries.map((entry) => `${entry.kind}: ${entry.payload?.text}`);

t.test('an agent has at most the memories that its spec allows; erased ones make room', async (t) => {
  const clock = new HandClock();
  const coordinator = new TinyCoordinator();
  const memory = node('alice', clock);
  const assigned = coordinator.place('ada', 'alice');
  assigned.spec.memory.atMost = 3;
  const agent = memory.open(assigned);
  await settled(clock, agent.append(note('one, before it has heard from anybody')));
  coordinator.link('alice', memory);
  await clock.advance(1_000);
  for (const text of ['two', 'three']) await settled(clock, agent.append(note(text)));
  const full = { code: 'fleet-full', message: /ada may have 3 memories .* and has them/ };
  await t.rejects(settled(clock, agent.append(note('four'))), full);
  await clock.advance(1_000);
  t.equal(texts(coordinator, 'ada').length, 4, 'with its beginning');
  const two = coordinator.logs.get('ada')?.entries[2];
  memory.receive({ type: 'erase', agent: 'ada', number: 1, hashes: [two?.hash as string] });
  await clock.advance(1_000);
  await settled(clock, agent.append(note('four')));
  await t.rejects(settled(clock, agent.append(note('five'))), full);
  await memory.close();
});

t.test('what was said twenty times is recalled once, and hides nothing', async (t) => {
  const clock = new HandClock();
  const coordinator = new TinyCoordinator();
  const memory = node('alice', clock);
  const agent = memory.open(coordinator.place('ada', 'alice'));
  coordinator.link('alice', memory);
  await clock.advance(1_000);
  const rare = ['The lamp in the cellar is broken', 'A new lamp costs twelve euros and comes by post', 'The lamp'];
  const often = Array.from({ length: 20 }, () => 'Is the lamp on? The lamp is on.');
  for (const text of [...rare, ...often]) await settled(clock, agent.append(note(text)));
  const { memories } = await settled(clock, agent.recall('lamp', 5, ever));
  t.same(new Set(memories.map(({ text }) => text)), new Set([...rare, ...often]));
  t.equal(memories.length, 4);
  await memory.close();
});

t.test('a fresh log waits for its first word with the coordinator, then chains what waited', async (t) => {
  const clock = new HandClock();
  const coordinator = new TinyCoordinator();
  const memory = node('alice', clock);
  const agent = memory.open(coordinator.place('ada', 'alice'));
  t.equal(agent.hydrated, false, 'nobody has told yet that there is nothing to fetch');
  const first = await settled(clock, agent.append(note('The garage door is open.')));
  t.same(first, { seq: 0, hash: '' }, 'durable, without a place in the chain');
  t.equal(memory.unacked, 1);
  const before = await agent.recall('garage', 3, ever);
  t.match(before, { how: 'lexical', memories: [{ text: 'The garage door is open.', seq: 0 }] });

  coordinator.link('alice', memory);
  await clock.advance(1_000);
  t.equal(agent.hydrated, true);
  const second = await settled(clock, agent.append(note('The cat is called Minou.')));
  t.equal(second.seq, 3);
  await clock.advance(1_000);
  t.same(texts(coordinator, 'ada'), [
    'genesis: Memory of ada begins on alice.',
    'note: The garage door is open.',
    'note: The cat is called Minou.',
  ]);
  t.same(chainFaults(coordinator.logs.get('ada')!.entries), []);
  t.match(agent.status, { durableSeq: 3, ackedSeq: 3, fenced: false, epoch: 1, hash: second.hash });
  t.equal(memory.unacked, 0);
  const after = await agent.recall('garage', 3, ever);
  t.equal(after.memories.length, 1, 'the waiting one left the index when it was chained');
  t.equal(after.memories[0]?.seq, 2);
  await memory.close();
});

t.test('a node that is away remembers on, and everything is upstream in order, once', async (t) => {
  const clock = new HandClock();
  const coordinator = new TinyCoordinator();
  const memory = node('alice', clock);
  const agent = memory.open(coordinator.place('ada', 'alice'));
  coordinator.link('alice', memory);
  await settled(clock, agent.append(note('zero')));
  await clock.advance(1_000);
  memory.disconnected();
  for (let i = 1; i <= 150; i++) await settled(clock, agent.append(note(`number ${i}`)));
  t.equal(memory.unacked, 150);
  coordinator.link('alice', memory);
  await clock.advance(5_000);
  t.equal(memory.unacked, 0);
  t.same(
    texts(coordinator, 'ada').slice(2),
    Array.from({ length: 150 }, (_, i) => `note: number ${i + 1}`),
  );
  t.same(chainFaults(coordinator.logs.get('ada')!.entries), []);
  await memory.close();
});

t.test('an agent that moves finds its memory on the other node, and answers before it is whole', async (t) => {
  const clock = new HandClock();
  const coordinator = new TinyCoordinator();
  const alice = node('alice', clock);
  coordinator.link('alice', alice);
  const there = alice.open(coordinator.place('ada', 'alice'));
  for (let i = 1; i <= 23; i++) await settled(clock, there.append(note(`fact ${i}`)));
  await clock.advance(1_000);
  alice.release('ada', 1);
  await clock.advance(1_000);
  t.equal(alice.unacked, 0);

  const bob = node('bob', clock);
  const here = bob.open(coordinator.place('ada', 'bob'));
  t.equal(here.hydrated, false);
  const early = await settled(clock, here.append(note('said while it was still fetching')));
  t.equal(early.seq, 0);
  coordinator.link('bob', bob);
  await clock.advance(2_000);
  t.equal(here.hydrated, true);
  t.same(texts(coordinator, 'ada').slice(-3), [
    'note: fact 23',
    'migrate: Moved from alice to bob, epoch 2.',
    'note: said while it was still fetching',
  ]);
  t.ok(coordinator.heard.some(({ node, message }) => node === 'bob' && message.type === 'hydrated'));
  t.same(chainFaults(coordinator.logs.get('ada')!.entries), []);
  t.equal((await here.recall('fact 7', 1, ever)).memories[0]?.text, 'fact 7');
  await alice.close();
  await bob.close();
});

t.test('a branch that is turned down for now is brought again, later and later, and whole', async (t) => {
  const clock = new HandClock();
  const coordinator = new TinyCoordinator();
  const alice = node('alice', clock);
  coordinator.link('alice', alice);
  const lost = alice.open(coordinator.place('ada', 'alice'));
  await clock.advance(1_000);
  alice.disconnected();
  for (let i = 0; i < 10; i++) await settled(clock, lost.append(note(`alone ${i}`)));
  coordinator.place('ada', 'bob');
  coordinator.turnsDown = 1_000;
  coordinator.heard.length = 0;
  coordinator.link('alice', alice);
  await clock.advance(3_600_000);
  const tries = coordinator.heard.filter(({ message }) => message.type === 'branch').length;
  t.ok(tries > 60 && tries < 240, `${tries} tries in an hour`);
  coordinator.turnsDown = 0;
  await clock.advance(120_000);
  t.equal(alice.unacked, 0);
  const [branch] = coordinator.branches.values();
  t.equal(branch?.entries.filter(({ kind }) => kind === 'note').length, 10);
  await alice.close();
});

t.test('a fenced node uploads its tail as a branch, and the present writer merges it once', async (t) => {
  const clock = new HandClock();
  const coordinator = new TinyCoordinator();
  const alice = node('alice', clock);
  coordinator.link('alice', alice);
  const lost = alice.open(coordinator.place('ada', 'alice'));
  await settled(clock, lost.append(note('before the loss')));
  await clock.advance(1_000);
  alice.disconnected();
  await settled(clock, lost.append(note('only alice knows this')));

  const bob = node('bob', clock);
  coordinator.link('bob', bob);
  const here = bob.open(coordinator.place('ada', 'bob'));
  await settled(clock, here.append(note('bob goes on')));
  await clock.advance(2_000);

  coordinator.link('alice', alice);
  await clock.advance(2_000);
  t.equal(lost.status.fenced, true);
  await t.rejects(settled(clock, lost.append(note('too late'))), { code: 'conflict' });
  t.equal(alice.unacked, 0, 'the branch is in the coordinator’s hands');
  t.same(
    [...coordinator.branches.values()].map((branch) => branch.entries.map((entry) => entry.payload?.text)),
    [['only alice knows this']],
  );

  for (let i = 0; i < 3; i++) for (const merge of coordinator.merges('ada')) bob.receive(merge);
  await clock.advance(1_000);
  bob.disconnected();
  coordinator.link('bob', bob);
  await clock.advance(2_000);
  const merged = coordinator.logs.get('ada')!.entries.filter((entry) => entry.kind === 'merge');
  t.equal(merged.length, 1, 'once, however often it is told');
  const original = [...coordinator.branches.values()][0]!.entries[0]!;
  t.equal(merged[0]?.actorId, 'node:alice', 'the node that brought it, not whom the entry names');
  t.match(merged[0]?.payload, {
    text: 'only alice knows this',
    source: 'branch:alice.1.ada',
    derivedFrom: [original.hash],
  });
  t.same(chainFaults(coordinator.logs.get('ada')!.entries), []);

  // The agent moves back to alice: the merged entry comes with the log, and is not merged again.
  bob.release('ada', 2);
  const again = alice.open(coordinator.place('ada', 'alice'));
  await clock.advance(3_000);
  for (const merge of coordinator.merges('ada')) alice.receive(merge);
  await clock.advance(1_000);
  t.equal(again.status.fenced, false);
  t.equal(coordinator.logs.get('ada')!.entries.filter((entry) => entry.kind === 'merge').length, 1);
  t.equal((await again.recall('bob goes on', 1, ever)).memories[0]?.text, 'bob goes on');
  await alice.close();
  await bob.close();
});

t.test('a journal that was lost comes back before anything is appended', async (t) => {
  const clock = new HandClock();
  const coordinator = new TinyCoordinator();
  const placed = coordinator.place('ada', 'alice');
  const first = node('alice', clock);
  coordinator.link('alice', first);
  const before = first.open(placed);
  for (let i = 1; i <= 12; i++) await settled(clock, before.append(note(`old ${i}`)));
  await clock.advance(1_000);
  await first.close();

  const second = node('alice', clock);
  const agent = second.open(placed);
  await settled(clock, agent.append(note('after the SD card died')));
  coordinator.link('alice', second);
  await clock.advance(2_000);
  t.equal(coordinator.branches.size, 0, 'no fork');
  t.same(texts(coordinator, 'ada').slice(-2), ['note: old 12', 'note: after the SD card died']);
  t.same(chainFaults(coordinator.logs.get('ada')!.entries), []);
  await second.close();
});

t.test('a journal restored from an old copy: what it wrote since becomes a branch and is merged', async (t) => {
  const clock = new HandClock();
  const coordinator = new TinyCoordinator();
  const placed = coordinator.place('ada', 'alice');
  const dir = mkdtempSync(join(tmpdir(), 'memory-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const first = node('alice', clock, dir);
  coordinator.link('alice', first);
  const before = first.open(placed);
  await settled(clock, before.append(note('shared')));
  await clock.advance(6_000);
  first.disconnected();
  await settled(clock, before.append(note('written offline by the old copy')));
  await first.close();
  // Meanwhile the coordinator got other entries from the same node: a second journal stands in for that.
  const twin = node('alice', clock);
  coordinator.link('alice', twin);
  const twinAgent = twin.open(placed);
  await clock.advance(1_000);
  await settled(clock, twinAgent.append(note('written by the newer copy')));
  await clock.advance(1_000);
  await twin.close();

  const restored = node('alice', clock, dir);
  const agent = restored.open(placed);
  coordinator.link('alice', restored);
  await clock.advance(10_000);
  restored.disconnected();
  coordinator.link('alice', restored);
  for (const merge of coordinator.merges('ada')) restored.receive(merge);
  await clock.advance(10_000);
  t.equal(agent.status.fenced, false, 'it is the writer still');
  t.same(texts(coordinator, 'ada').slice(1), [
    'note: shared',
    'note: written by the newer copy',
    'merge: written offline by the old copy',
  ]);
  t.same(chainFaults(coordinator.logs.get('ada')!.entries), []);
  t.equal(restored.unacked, 0);
  await restored.close();
});

t.test('a coordinator restored from a backup gets again what it lost', async (t) => {
  const clock = new HandClock();
  const coordinator = new TinyCoordinator();
  const memory = node('alice', clock);
  const agent = memory.open(coordinator.place('ada', 'alice'));
  coordinator.link('alice', memory);
  for (let i = 1; i <= 5; i++) await settled(clock, agent.append(note(`fact ${i}`)));
  await clock.advance(1_000);
  coordinator.logs.get('ada')!.entries.splice(3);
  await settled(clock, agent.append(note('fact 6')));
  await clock.advance(5_000);
  t.equal(coordinator.logs.get('ada')!.entries.length, 7);
  t.same(chainFaults(coordinator.logs.get('ada')!.entries), []);
  await memory.close();
});

t.test('a coordinator that lost entries of an older epoch gets them as a branch', async (t) => {
  const clock = new HandClock();
  const coordinator = new TinyCoordinator();
  const memory = node('alice', clock);
  coordinator.link('alice', memory);
  const first = memory.open(coordinator.place('ada', 'alice'));
  for (let i = 1; i <= 4; i++) await settled(clock, first.append(note(`fact ${i}`)));
  await clock.advance(1_000);
  const second = memory.open(coordinator.place('ada', 'alice'));
  await clock.advance(1_000);
  await settled(clock, second.append(note('fact 5')));
  await clock.advance(1_000);
  coordinator.logs.get('ada')!.entries.splice(3);
  await settled(clock, second.append(note('fact 6')));
  await clock.advance(30_000);
  for (const merge of coordinator.merges('ada')) memory.receive(merge);
  await clock.advance(30_000);
  t.same(new Set(texts(coordinator, 'ada').map((line) => line.slice(-6))).size, 7, 'genesis and six facts');
  t.equal(coordinator.logs.get('ada')!.entries.length, 7);
  t.same(chainFaults(coordinator.logs.get('ada')!.entries), []);
  t.equal(memory.unacked, 0);
  await memory.close();
});

t.test('forged entries are refused, damaged content is kept without it', async (t) => {
  const clock = new HandClock();
  const coordinator = new TinyCoordinator();
  const alice = node('alice', clock);
  coordinator.link('alice', alice);
  const there = alice.open(coordinator.place('ada', 'alice'));
  for (let i = 1; i <= 3; i++) await settled(clock, there.append(note(`fact ${i}`)));
  await clock.advance(1_000);
  const { entries } = coordinator.logs.get('ada')!;
  const honest = structuredClone(entries);
  entries[1]!.payload!.text = 'a lie';
  const bob = node('bob', clock);
  const here = bob.open(coordinator.place('ada', 'bob'));
  entries[2]!.createdAt += 1;
  coordinator.link('bob', bob);
  await clock.advance(3_000);
  t.equal(here.hydrated, false, 'a changed header is not taken');
  entries[2]!.createdAt = honest[2]!.createdAt;
  await clock.advance(120_000);
  t.equal(here.hydrated, true, 'content that does not match its hash blocks nothing');
  t.equal((await here.recall('lie', 3, ever)).memories.length, 0);
  t.equal((await here.recall('fact 3', 1, ever)).memories[0]?.text, 'fact 3');
  await alice.close();
  await bob.close();
});

t.test('the index is made again when it is missing or damaged; a damaged journal is set aside', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'memory-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const clock = new HandClock();
  const coordinator = new TinyCoordinator();
  const placed = coordinator.place('ada', 'alice');
  const open = () => {
    const memory = node('alice', clock, dir);
    const agent = memory.open(placed);
    coordinator.link('alice', memory);
    return { memory, agent };
  };
  let { memory, agent } = open();
  for (let i = 1; i <= 250; i++) void agent.append(note(`fact ${i}`)).catch(t.threw);
  await clock.advance(3_000);
  t.equal((await agent.recall('fact 17', 1, ever)).memories[0]?.text, 'fact 17');
  await memory.close();

  rmSync(join(dir, 'index.db'));
  ({ memory, agent } = open());
  t.equal(
    (await agent.recall('fact 249', 1, ever)).memories[0]?.text,
    'fact 249',
    'also before the rebuild is complete',
  );
  await clock.advance(1_000);
  t.equal((await agent.recall('fact 17', 1, ever)).memories[0]?.text, 'fact 17');
  await memory.close();

  writeFileSync(join(dir, 'index.db'), 'this is no database, however long it may be '.repeat(200));
  ({ memory, agent } = open());
  t.equal((await agent.recall('fact 18', 1, ever)).memories[0]?.text, 'fact 18');
  await memory.close();

  writeFileSync(join(dir, 'journal.db'), 'neither is this '.repeat(1000));
  ({ memory, agent } = open());
  await clock.advance(10_000);
  t.equal(agent.status.durableSeq, 251, 'fetched from the coordinator');
  t.ok(readdirSync(dir).some((file) => file.startsWith('journal.db.damaged-')));
  t.equal((await agent.recall('fact 19', 1, ever)).memories[0]?.text, 'fact 19');
  t.ok(existsSync(join(dir, 'index.db')));
  await memory.close();
});

t.test('a text is found by each of its words, in every script', async (t) => {
  const clock = new HandClock();
  const coordinator = new TinyCoordinator();
  const memory = node('alice', clock);
  const agent = memory.open(coordinator.place('ada', 'alice'));
  coordinator.link('alice', memory);
  const rows: [text: string, question: string][] = [
    ['İstanbul ofisi pazartesi kapalı', 'İstanbul'],
    ['Zu\u0308rich is cold', 'Zu\u0308rich'],
    ['the résumé of Zoë is in the drawer', 're\u0301sume\u0301'],
    ['今日は車庫のドアを閉めました', '車庫'],
    ['用户服务器部署在腾讯云国内节点', '腾讯云'],
    ['ร้านอยู่ที่กรุงเทพ', 'กรุงเทพ'],
    [`image digest ${'a1b2c3d4'.repeat(16)}`, 'a1b2c3d4'.repeat(16)],
  ];
  for (const [text] of rows) await settled(clock, agent.append(note(text)));
  for (const [text, question] of rows)
    t.match((await settled(clock, agent.recall(question, 1, ever))).memories, [{ text }], question.slice(0, 20));
  await memory.close();
});

t.test('meaning is found with vectors, also for memories that were written without', async (t) => {
  const clock = new HandClock();
  const coordinator = new TinyCoordinator();
  let works = false;
  // Vectors have two directions: doors and animals.
  const embed: Embedder = async (list) =>
    works
      ? {
          model: 'toy',
          vectors: list.map((text) => (/door|shut/.test(text) ? new Float32Array([1, 0]) : new Float32Array([0, 1]))),
        }
      : null;
  const memory = node('alice', clock, ':memory:', embed);
  const agent = memory.open(coordinator.place('ada', 'alice'));
  coordinator.link('alice', memory);
  await clock.advance(100);
  await settled(clock, agent.append(note('The door is open.')));
  await settled(clock, agent.append(note('The cat sleeps.')));
  t.same(await settled(clock, agent.recall('shut?', 1, ever)), { memories: [], how: 'lexical' }, 'honest about it');
  works = true;
  await settled(clock, agent.append(note('Another cat came.')));
  const first = await settled(clock, agent.recall('shut?', 1, ever));
  t.equal(first.how, 'hybrid');
  await clock.advance(100);
  const second = await settled(clock, agent.recall('shut?', 1, ever));
  t.equal(second.memories[0]?.text, 'The door is open.', 'its vector came later, into the index');
  await clock.advance(1_000);
  const stored = coordinator.logs.get('ada')!.entries;
  t.equal(stored[1]?.payload?.embedding, null);
  t.equal(stored[3]?.payload?.embedding?.model, 'toy', 'the chain holds what was known when it was written');
  await memory.close();
});

t.test('what is no vector is never stored and never the best hit', async (t) => {
  const clock = new HandClock();
  const coordinator = new TinyCoordinator();
  const vectors: Record<string, Float32Array> = {
    'The cat is called Minou.': Float32Array.of(1, 0, 0),
    'bad one about nothing': Float32Array.of(0, 0, 0),
    'another of no numbers': Float32Array.of(Number.NaN, 1, 0),
    'one without a vector': new Float32Array(0),
    'pet name?': Float32Array.of(0.95, 0.05, 0),
    'zero?': Float32Array.of(0, 0, 0),
  };
  const embed: Embedder = async (list) => ({ model: 'toy', vectors: list.map((text) => vectors[text] ?? null) });
  const memory = node('alice', clock, ':memory:', embed);
  const agent = memory.open(coordinator.place('ada', 'alice'));
  coordinator.link('alice', memory);
  await clock.advance(100);
  for (const text of Object.keys(vectors).slice(0, 4)) await settled(clock, agent.append(note(text)));
  await clock.advance(1_000);
  const stored = coordinator.logs.get('ada')!.entries.slice(1);
  t.same(
    stored.map(({ payload }) => payload?.embedding !== null),
    [true, false, false, false],
  );
  for (let i = 0; i < 3; i++) {
    const { memories, how } = await settled(clock, agent.recall('pet name?', 3, ever));
    t.equal(how, 'hybrid');
    t.same(
      memories.map(({ text }) => text),
      ['The cat is called Minou.'],
    );
    await clock.advance(100);
  }
  t.match(await settled(clock, agent.recall('zero?', 3, ever)), { how: 'lexical', memories: { length: 0 } });
  await memory.close();
});

t.test('vectors that another node stored and are none are not indexed', async (t) => {
  const clock = new HandClock();
  const coordinator = new TinyCoordinator();
  const zeros = { model: 'toy', dimension: 3, vector: encodeVector(Float32Array.of(0, 0, 0)) };
  const alice = node('alice', clock);
  const there = alice.open(coordinator.place('ada', 'alice'));
  coordinator.link('alice', alice);
  for (const text of ['bad one about nothing', 'The cat is called Minou.'])
    await settled(clock, there.append(note(text)));
  await clock.advance(1_000);
  let previousHash = 'genesis';
  for (const entry of coordinator.logs.get('ada')!.entries) {
    if (entry.kind === 'note') entry.payload = { ...entry.payload!, embedding: zeros };
    entry.payloadCommitment = commitPayload(entry.salt!, entry.payload!);
    entry.previousHash = previousHash;
    entry.hash = hashHeader(entry);
    previousHash = entry.hash;
  }
  t.same(chainFaults(coordinator.logs.get('ada')!.entries), [], 'as an older node would have written it');
  const embed: Embedder = async (list) => ({
    model: 'toy',
    vectors: list.map((text) => (/Minou|pet/.test(text) ? Float32Array.of(1, 0, 0) : null)),
  });
  const bob = node('bob', clock, ':memory:', embed);
  const here = bob.open(coordinator.place('ada', 'bob'));
  coordinator.link('bob', bob);
  await clock.advance(2_000);
  t.equal(here.hydrated, true);
  t.same((await settled(clock, here.recall('pet', 3, ever))).memories, [], 'nothing is near');
  await clock.advance(100);
  t.match((await settled(clock, here.recall('pet', 3, ever))).memories, [{ text: 'The cat is called Minou.' }]);
  await alice.close();
  await bob.close();
});

t.test('an embedder that hangs or throws holds up nothing for long', async (t) => {
  const clock = new HandClock();
  for (const embed of [() => new Promise<null>(() => {}), async () => Promise.reject(new Error('runtime gone'))]) {
    const memory = node('alice', clock, ':memory:', embed);
    const agent = memory.open(assignedAgent('ada', 1, { baseSeq: 0, baseHash: 'genesis', from: null }));
    await settled(clock, agent.append(note('The garage door is open.')));
    t.match(await settled(clock, agent.recall('garage', 1, ever)), { how: 'lexical', memories: [{ seq: 0 }] });
    await memory.close();
  }
});

t.test('hostile text is cut and kept, questions cannot be query programs', async (t) => {
  const clock = new HandClock();
  const coordinator = new TinyCoordinator();
  const memory = node('alice', clock);
  const agent = memory.open(coordinator.place('ada', 'alice'));
  coordinator.link('alice', memory);
  await clock.advance(100);
  const evil = ['é'.repeat(8_000), '\ud800 broken', '"); DROP TABLE items; --', '\u0000\u0001'.repeat(5_000), ''];
  for (const text of evil)
    await settled(clock, agent.append({ ...note(text), tags: ['\udfff'], importance: Number.NaN }));
  await clock.advance(1_000);
  t.same(chainFaults(coordinator.logs.get('ada')!.entries), []);
  t.equal(Buffer.byteLength(coordinator.logs.get('ada')!.entries[1]!.payload!.text), 8192);
  for (const query of ['" OR 1', 'text:x NEAR(', '*', '', 'a'.repeat(10_000), '-- ; (', '\ud800', 'drop AND table']) {
    t.ok((await agent.recall(query, 3, ever)).memories.length <= 3, JSON.stringify(query.slice(0, 20)));
  }
  await memory.close();
});

t.test('an agent that is let go and comes back in one breath keeps its memory open', async (t) => {
  const clock = new HandClock();
  const coordinator = new TinyCoordinator();
  const memory = node('alice', clock);
  coordinator.link('alice', memory);
  const before = memory.open(coordinator.place('ada', 'alice'));
  await settled(clock, before.append(note('under the first epoch')));
  await clock.advance(1_000);
  const again = memory.open(coordinator.place('ada', 'alice'));
  // The release after the first placement's last turn comes before the second epoch is stored.
  memory.release('ada', 1);
  await settled(clock, again.append(note('under the second')));
  await clock.advance(48 * 3_600_000);
  t.equal(again.status.durableSeq, 3, 'nothing was thrown away as left over');
  memory.receive({
    type: 'merge',
    agent: 'ada',
    epoch: 2,
    branch: 'branch:bob.1.ada',
    from: 'bob',
    entries: [{ ...coordinator.logs.get('ada')!.entries[1]!, seq: 9, hash: 'b'.repeat(64) }],
  });
  await clock.advance(1_000);
  t.equal(coordinator.logs.get('ada')!.entries.at(-1)?.kind, 'merge', 'it still takes in what others wrote');
  await memory.close();
});

t.test('a log of an agent that left goes after a day, not before it is acknowledged', async (t) => {
  const clock = new HandClock();
  const coordinator = new TinyCoordinator();
  const memory = node('alice', clock);
  const placed = coordinator.place('ada', 'alice');
  const agent = memory.open(placed);
  coordinator.link('alice', memory);
  await settled(clock, agent.append(note('something')));
  await clock.advance(1_000);
  memory.disconnected();
  await settled(clock, agent.append(note('not acknowledged')));
  memory.release('ada', 1);
  await clock.advance(48 * 3_600_000);
  t.equal(memory.unacked, 1, 'kept');
  coordinator.link('alice', memory);
  await clock.advance(2 * 3_600_000);
  t.equal(memory.unacked, 0);
  t.equal(coordinator.logs.get('ada')!.entries.length, 3);
  const again = memory.open(placed);
  await clock.advance(1_000);
  t.equal(again.status.durableSeq, 3, 'fetched again');
  await memory.close();
});

t.test(
  'an agent that was removed and applied again: its old node brings its tail without a new connection',
  async (t) => {
    const clock = new HandClock();
    const coordinator = new TinyCoordinator();
    const memory = node('alice', clock);
    const agent = memory.open(coordinator.place('ada', 'alice'));
    coordinator.link('alice', memory);
    await settled(clock, agent.append(note('both know')));
    await clock.advance(1_000);
    memory.disconnected();
    await settled(clock, agent.append(note('alice alone')));
    memory.release('ada', 1);
    const log = coordinator.logs.get('ada')!;
    coordinator.logs.delete('ada');
    coordinator.link('alice', memory);
    await clock.advance(60_000);
    t.equal(coordinator.branches.size, 0, 'nobody knows such an agent');
    coordinator.logs.set('ada', log);
    coordinator.place('ada', 'bob');
    await clock.advance(300_000);
    const [branch] = coordinator.branches.values();
    t.match(branch?.entries, [{ payload: { text: 'alice alone' } }]);
    await memory.close();
  },
);

t.test('the last exchanges are read in order, also while they wait for their place and after a move', async (t) => {
  const clock = new HandClock();
  const coordinator = new TinyCoordinator();
  const said = (text: string, tags?: string[]) => ({ ...note(text), kind: 'turn' as const, ...(tags ? { tags } : {}) });
  const alice = node('alice', clock);
  const there = alice.open(coordinator.place('ada', 'alice'));
  await settled(clock, there.append(said('one')));
  t.same(
    there.turns(5, 0).map(({ text }) => text),
    ['one'],
    'before the coordinator has answered',
  );
  coordinator.link('alice', alice);
  await clock.advance(1_000);
  await settled(clock, there.append(said('two')));
  await settled(clock, there.append(note('a note')));
  await settled(clock, there.append(said('of a trigger', ['trigger'])));
  const beforeMs = clock.nowMs();
  await clock.advance(5_000);
  await settled(clock, there.append(said('three')));
  const words = (memory: typeof there, limit: number, sinceMs: number) =>
    memory.turns(limit, sinceMs).map(({ text }) => text);
  t.same(words(there, 5, 0), ['one', 'two', 'three']);
  t.same(words(there, 2, 0), ['two', 'three']);
  t.same(words(there, 5, beforeMs + 1), ['three'], 'what is older is left out');
  t.same(words(there, 0, 0), []);
  await clock.advance(1_000);
  const bob = node('bob', clock);
  const here = bob.open(coordinator.place('ada', 'bob'));
  coordinator.link('bob', bob);
  await clock.advance(5_000);
  t.same(words(here, 5, 0), ['one', 'two', 'three'], 'a conversation moves with its agent');
  await alice.close();
  await bob.close();
  t.same(words(here, 5, 0), [], 'a journal that cannot be read fails nobody');
});
