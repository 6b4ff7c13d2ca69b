// Erasures on a node: the content leaves every file of the data folder, the chain still verifies, and a node that was restored from an old
// copy says so. Real files are searched for the words.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeVector, type MemoryEntry, type MemoryUp } from '@blackroad/protocol';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import t, { type Test } from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { assignedAgent, chainFaults } from '../../../test/fixtures/node-agent/tiny-coordinator.ts';
import { nextEntry } from './chain.ts';
import { openJournal } from './journal.ts';
import { createNodeMemory } from './node-memory.ts';
import { setAsideFile } from './set-aside.ts';

const agent = 'ada';
/** A word that no other file has, and the bytes of a vector. */
const secret = 'xylophonist';
const vector = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i + 1));
const vectorBytes = Buffer.from(vector.buffer);

function folderOf(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'erasing-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
/** Files in which the secret is, in clear, as JSON, or as its vector. */
function filesWith(dir: string): string[] {
  return readdirSync(dir).filter((name) => {
    const bytes = readFileSync(join(dir, name));
    // FTS5 stores the rest of a word after what it shares with the one before.
    return (
      [secret.slice(2), encodeVector(vector).slice(0, 40)].some((text) => bytes.includes(text)) ||
      bytes.includes(vectorBytes)
    );
  });
}

async function rig(t: Test, dir: string) {
  const clock = new HandClock();
  const memory = createNodeMemory({
    ...{ dir, node: 'alice', clock, random: seededRandom(3), log: silentLog },
    embed: async (texts) => ({
      model: 'm',
      vectors: texts.map((text) => (text.includes(secret) ? vector : vector.map((x) => -x))),
    }),
  });
  const said: MemoryUp[] = [];
  memory.publish = (_, message) => void said.push(structuredClone(message));
  let isOpen = true;
  const close = async () => {
    if (isOpen) await memory.close();
    isOpen = false;
  };
  t.teardown(close);
  const log = memory.open(assignedAgent(agent, 1, { baseSeq: 0, baseHash: 'genesis', from: null }));
  memory.connected();
  await clock.advance(100);
  const receive = async (...messages: Parameters<typeof memory.receive>[0][]) => {
    for (const message of messages) memory.receive(message);
    for (let i = 0; i < 20; i++) await clock.advance(20);
  };
  const remember = async (...texts: string[]) => {
    for (const text of texts) {
      const kept = log.append({ kind: 'note', text, source: 'test', actorId: `agent:${agent}` });
      let done = false;
      void kept.finally(() => {
        done = true;
      });
      while (!done) await clock.advance(5);
      await kept;
    }
  };
  const recall = async (query: string) => {
    const found = log.recall(query, 5, new AbortController().signal);
    await clock.advance(50);
    return (await found).memories.map(({ text }) => text);
  };
  const heard = () => said.splice(0);
  return { clock, memory, log, heard, receive, remember, recall, close };
}
function stored(dir: string): { entries: MemoryEntry[]; upto: number } {
  const journal = openJournal(dir, 'unused', 0, () => {});
  const entries = journal.after(journal.logs()[0]?.id ?? 0, agent, 0, 1_000);
  const upto = journal.erasedUpto(agent);
  journal.close();
  return { entries, upto };
}
const lastBatch = (said: MemoryUp[]) => said.findLast((message) => message.type === 'batch')?.entries;
const uptos = (said: MemoryUp[]) => said.flatMap((each) => (each.type === 'erased' ? [each.upto] : []));

t.test('content, words and vector leave every file; the rest is found as before', async (t) => {
  const dir = folderOf(t);
  const node = await rig(t, dir);
  await node.receive({ type: 'ack', agent, epoch: 1, upto: 0, hash: 'genesis' });
  await node.remember('the garage is locked', `Ada is a ${secret}`, `the ${secret} lives in Graz`, 'tea at eight');
  const sent: MemoryEntry[] = [];
  const acked = async () => {
    for (let batch = lastBatch(node.heard()); batch; batch = lastBatch(node.heard())) {
      sent.push(...batch);
      const { seq, hash } = batch.at(-1) as MemoryEntry;
      await node.receive({ type: 'ack', agent, epoch: 1, upto: seq, hash });
    }
  };
  await acked();
  t.equal((await node.recall(secret)).filter((text) => text.includes(secret)).length, 2);
  // One that the coordinator never takes lies in a file for people.
  await node.remember(`again the ${secret}`);
  const refused = lastBatch(node.heard()) ?? [];
  const nack = { type: 'nack' as const, agent, epoch: 1, headSeq: 5, headHash: (sent[4] as MemoryEntry).hash };
  await node.receive({ ...nack, reason: 'stale-epoch' });
  await node.receive({ ...nack, reason: 'bad-hash', final: 'it was never yours' });
  const aside = join(dir, setAsideFile);
  t.match(readFileSync(aside, 'utf8'), secret, 'it was set aside');
  // The index writes what it holds every half hour.
  await node.clock.advance(31 * 60_000);
  t.ok(filesWith(dir).length >= 3, `before: ${filesWith(dir).join(', ')}`);

  const gone = [...sent, ...refused].filter(({ payload }) => payload?.text.includes(secret)).map(({ hash }) => hash);
  t.equal(gone.length, 3);
  node.heard();
  await node.receive({ type: 'erase', agent, number: 1, hashes: gone });
  t.same(uptos(node.heard()), [1], 'confirmed');
  t.same(filesWith(dir), [], 'nothing of it is in any file');
  t.notMatch((await node.recall(secret)).join(), secret);
  t.match(await node.recall('tea'), ['tea at eight'], 'the index is made again');
  const lines = readFileSync(aside, 'utf8').trim().split('\n');
  t.match(
    lines.map((line) => JSON.parse(line)),
    [{ payload: null, salt: null, why: 'it was never yours' }],
    'the line stays',
  );
  await node.close();
  const { entries, upto } = stored(dir);
  t.equal(upto, 1);
  t.same(chainFaults(entries), [], 'the chain verifies');
  t.same(
    entries.map(({ payload }) => payload === null),
    [false, false, true, true, false],
  );
  t.same(filesWith(dir), []);
});

t.test('in turn, once, also for a log that is not here; told at each connection', async (t) => {
  const dir = folderOf(t);
  const node = await rig(t, dir);
  const hashes = ['a'.repeat(64)];
  await node.receive({ type: 'erase', agent, number: 2, hashes });
  t.same(uptos(node.heard()), [0], 'the first one is missing');
  await node.receive({ type: 'erase', agent, number: 1, hashes }, { type: 'erase', agent, number: 1, hashes });
  t.same(uptos(node.heard()), [1, 1]);
  await node.receive({ type: 'erase', agent: 'other', number: 1, hashes });
  t.same(uptos(node.heard()), [1], 'of an agent that was never here');
  node.memory.disconnected();
  node.memory.connected();
  await node.receive();
  t.match(node.heard(), [{ type: 'hello', erased: 1 }]);
});

t.test('what was on its way is not taken with its content', async (t) => {
  const dir = folderOf(t);
  const node = await rig(t, dir);
  const payload = {
    text: `the ${secret}`,
    tags: [],
    importance: 0.5,
    source: 'test',
    derivedFrom: [],
    embedding: null,
  };
  const added = { kind: 'note' as const, actorId: 'node:bob', createdAt: 5, payload };
  const entry = nextEntry(agent, 1, { seq: 0, hash: 'genesis' }, added, '0a'.repeat(16));
  await node.receive({ type: 'erase', agent, number: 1, hashes: [entry.hash] });
  await node.receive({ type: 'entries', agent, epoch: 1, entries: [entry], headSeq: 1, headHash: entry.hash });
  await node.receive({
    type: 'merge',
    agent,
    epoch: 1,
    branch: 'ada.bob.1',
    from: 'bob',
    entries: [{ ...entry, seq: 9 }],
  });
  await node.close();
  const { entries } = stored(dir);
  t.match(entries, [{ hash: entry.hash, payload: null, salt: null }]);
  t.equal(entries.length, 1);
  t.same(filesWith(dir), []);
});

t.test('a folder that is restored from an old copy says so, and is told again', async (t) => {
  const dir = folderOf(t);
  const old = `${dir}-old`;
  t.teardown(() => rmSync(old, { recursive: true, force: true }));
  const node = await rig(t, dir);
  await node.receive({ type: 'ack', agent, epoch: 1, upto: 0, hash: 'genesis' });
  await node.remember(`the ${secret}`);
  const { entries = [] } = node.heard().findLast((message) => message.type === 'batch') ?? {};
  const head = entries.at(-1) as MemoryEntry;
  await node.receive({ type: 'ack', agent, epoch: 1, upto: head.seq, hash: head.hash });
  cpSync(dir, old, { recursive: true });
  const erase = { type: 'erase' as const, agent, number: 1, hashes: [head.hash] };
  await node.receive(erase);
  await node.close();
  t.same(filesWith(dir), []);
  const restored = await rig(t, old);
  t.match(restored.heard(), [{ type: 'hello', erased: 0 }]);
  t.ok(filesWith(old).length > 0);
  await restored.receive(erase);
  t.same(uptos(restored.heard()), [1]);
  t.same(filesWith(old), []);
});
