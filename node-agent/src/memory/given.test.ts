// Memories that people gave, as the writer of an agent gets them: a real journal on a real disk, messages written by hand. What matters is that
// each is written once, whatever is repeated, restarted or moved, and that a document that was taken back is erased wherever the log is.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { entryFault, type GivenMemory, type MemoryDown, type MemoryEntry, type MemoryUp } from '@blackroad/protocol';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import Database from 'better-sqlite3';
import t, { type Test } from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { assignedAgent } from '../../../test/fixtures/node-agent/tiny-coordinator.ts';
import type { Embedder } from './agent-memory.ts';
import { createNodeMemory } from './node-memory.ts';

const agent = 'ada';
const none = { baseSeq: 0, baseHash: 'genesis', from: null };
const fact = (given: string, text: string): GivenMemory => ({
  ...{ given, kind: 'fact', text, tags: ['house'], importance: 0.7, source: 'person:ada' },
});
const part = (chunk: number, text: string, id = 'doc'): GivenMemory => ({
  ...{
    given: `${id}.${chunk}`,
    kind: 'document',
    text,
    tags: ['manual.pdf'],
    importance: 0.5,
    source: `document:${id}`,
  },
  document: { id, name: 'manual.pdf', chunk, page: chunk },
});
const withdrawal = (id = 'doc'): GivenMemory => ({
  ...{ given: `${id}w`, kind: 'withdraw', text: 'manual.pdf was taken back.', tags: [], importance: 0 },
  ...{ source: `document:${id}`, document: { id, name: 'manual.pdf' } },
});

function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'given-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
/** A node on that folder; `ended` before another one opens it. */
function nodeOn(dir: string, { embed = async () => null, node = 'alice' }: { embed?: Embedder; node?: string } = {}) {
  const clock = new HandClock();
  const memory = createNodeMemory({ dir, node, clock, random: seededRandom(7), log: silentLog, embed });
  const said: MemoryUp[] = [];
  memory.publish = (_, message) => void said.push(structuredClone(message));
  const each = {
    memory,
    clock,
    open: (epoch = 1, base: Parameters<typeof assignedAgent>[2] = none) =>
      memory.open(assignedAgent(agent, epoch, base)),
    async receive(message: MemoryDown) {
      memory.receive(message);
      await clock.advance(80);
    },
    give: (memories: GivenMemory[], epoch = 1) => each.receive({ type: 'give', agent, epoch, memories }),
    /** Its hello is answered: nothing is stored anywhere. */
    async confirmed() {
      memory.connected();
      await clock.advance(100);
      await each.receive({ type: 'ack', agent, epoch: 1, upto: 0, hash: 'genesis' });
    },
    /** The entries of all batches since the last call, each once. */
    async sent(): Promise<MemoryEntry[]> {
      const entries = new Map<number, MemoryEntry>();
      for (let more = true; more; ) {
        await clock.advance(500);
        const batches = said.splice(0).filter((message) => message.type === 'batch');
        for (const { entries: some } of batches) for (const entry of some) entries.set(entry.seq, entry);
        const last = batches.at(-1)?.entries.at(-1);
        more = last !== undefined;
        if (last) await each.receive({ type: 'ack', agent, epoch: last.epoch, upto: last.seq, hash: last.hash });
      }
      return [...entries.values()];
    },
  };
  return each;
}
const textsOf = (entries: readonly MemoryEntry[]) =>
  entries.filter(({ kind }) => kind !== 'genesis').map(({ payload }) => payload?.text ?? null);
/** What a journal holds, after the node-agent has ended. */
function kept(dir: string): (string | null)[] {
  const db = new Database(join(dir, 'journal.db'), { readonly: true });
  const texts = db
    .prepare("SELECT payload ->> '$.text' FROM entries WHERE kind <> 'genesis' ORDER BY seq")
    .pluck()
    .all();
  db.close();
  return texts as (string | null)[];
}
const never = new AbortController().signal;

t.test('each is written once, in its order, with a vector where the node makes one', async (t) => {
  const dir = folder(t);
  const embed: Embedder = async (texts) => ({ model: 'tiny', vectors: texts.map(() => Float32Array.of(1, 0)) });
  const node = nodeOn(dir, { embed });
  const log = node.open();
  await node.confirmed();
  await node.give([fact('a', 'The key is under the mat'), part(1, 'Press both buttons')]);
  await node.give([part(1, 'Press both buttons'), part(2, 'Wait ten seconds')]);
  const entries = await node.sent();
  t.same(textsOf(entries), ['The key is under the mat', 'Press both buttons', 'Wait ten seconds']);
  t.match(entries[1], {
    kind: 'fact',
    actorId: 'node:alice',
    payload: { given: 'a', source: 'person:ada', tags: ['house'] },
  });
  t.match(entries[2]?.payload, { document: { id: 'doc', name: 'manual.pdf', page: 1 }, embedding: { model: 'tiny' } });
  t.same(entries.map(entryFault), [null, null, null, null], 'the chain covers what says where it is from');
  const { memories } = await log.recall('which buttons?', 5, never);
  t.match(memories[0], { text: 'Press both buttons', document: { name: 'manual.pdf', page: 1 } });
  await node.memory.close();

  const again = nodeOn(dir, { embed });
  again.open();
  await again.give([fact('a', 'The key is under the mat'), part(2, 'Wait ten seconds'), part(3, 'Let go')]);
  again.memory.connected();
  await again.clock.advance(100);
  await again.receive({ type: 'ack', agent, epoch: 1, upto: 0, hash: 'genesis' });
  t.same(textsOf(await again.sent()).slice(3), ['Let go'], 'a node that restarted knows what it has written');
  await again.memory.close();
});

t.test('before the log may be written they wait on the disk, each once', async (t) => {
  const dir = folder(t);
  const node = nodeOn(dir);
  node.open();
  await node.clock.advance(50);
  await node.give([fact('a', 'one')]);
  await node.memory.close();
  const again = nodeOn(dir);
  again.open();
  await again.clock.advance(50);
  await again.give([fact('a', 'one'), fact('b', 'two')]);
  t.equal(again.memory.unacked, 2);
  await again.confirmed();
  t.same(textsOf(await again.sent()), ['one', 'two']);
  await again.memory.close();
});

t.test('not for another epoch, and not for an agent that left', async (t) => {
  const node = nodeOn(folder(t));
  node.open();
  await node.confirmed();
  await node.give([fact('a', 'one')], 2);
  t.equal(node.memory.unacked, 0);
  node.memory.release(agent, 1);
  await node.clock.advance(50);
  await node.give([fact('a', 'one')]);
  t.equal(node.memory.unacked, 0);
  await node.memory.close();
});

t.test('a document that is taken back is erased, and the chain goes on without it', async (t) => {
  const dir = folder(t);
  const node = nodeOn(dir);
  const log = node.open();
  await node.confirmed();
  await node.give([part(1, 'Press both buttons'), fact('a', 'Buttons are red'), part(1, 'Other buttons', 'doc2')]);
  const said = await node.sent();
  await node.give([withdrawal()]);
  const entries = [...said, ...(await node.sent())];
  t.same(textsOf(entries), ['Press both buttons', 'Buttons are red', 'Other buttons', 'manual.pdf was taken back.']);
  const { memories } = await log.recall('buttons taken back', 9, never);
  t.same(memories.map(({ text }) => text).sort(), ['Buttons are red', 'Other buttons']);
  await node.memory.close();
  t.same(kept(dir), [null, 'Buttons are red', 'Other buttons', 'manual.pdf was taken back.']);

  // Another node gets the log with its content, as a coordinator without the withdrawal had it, and the withdrawal after it.
  const whole = nodeOn(folder(t));
  whole.open();
  await whole.confirmed();
  await whole.give([part(1, 'Press both buttons')]);
  const before = await whole.sent();
  await whole.give([withdrawal()]);
  const after = await whole.sent();
  await whole.memory.close();
  const other = nodeOn(folder(t), { node: 'bob' });
  const moved = other.open(2, { baseSeq: 3, baseHash: after.at(-1)!.hash, from: 'alice' });
  other.memory.connected();
  await other.clock.advance(100);
  const head = { headSeq: 3, headHash: after.at(-1)!.hash };
  await other.receive({ type: 'entries', agent, epoch: 2, entries: before, ...head });
  t.match((await moved.recall('buttons', 9, never)).memories, [{ text: 'Press both buttons' }]);
  await other.receive({ type: 'entries', agent, epoch: 2, entries: after.slice(-1), ...head });
  t.same((await moved.recall('buttons', 9, never)).memories, [], 'the log itself erases it');
  await other.memory.close();
});

t.test('an imported memory says where it is from, and is erased with its import', async (t) => {
  const dir = folder(t);
  const node = nodeOn(dir);
  const log = node.open();
  await node.confirmed();
  const imported = { id: 'imp', agent: 'echo', kind: 'turn', actorId: 'agent:echo', atMs: 5, isVerified: true };
  const brought = (chunk: number, text: string): GivenMemory => ({
    ...{ given: `imp.${chunk}`, kind: 'import', text, tags: [], importance: 0.5, source: 'import:imp' },
    ...{ imported, derivedFrom: ['ab'.repeat(32)] },
  });
  await node.give([brought(1, 'Buttons are red'), fact('a', 'Buttons are round')]);
  await node.give([brought(1, 'Buttons are red')]);
  const entries = await node.sent();
  t.match(entries[1], {
    kind: 'import',
    payload: { given: 'imp.1', imported, derivedFrom: ['ab'.repeat(32)], source: 'import:imp' },
  });
  t.same(entries.map(entryFault), [null, null, null]);
  t.equal((await log.recall('buttons', 5, never)).memories.length, 2);
  t.same(log.turns(9, 0), [], 'it is no turn of this agent');
  await node.give([withdrawal('imp')]);
  t.match((await log.recall('buttons', 5, never)).memories, [{ text: 'Buttons are round' }]);
  await node.memory.close();
  t.same(kept(dir), [null, 'Buttons are round', 'manual.pdf was taken back.']);
});

t.test('an order that came by a branch is not written again, and the other way round', async (t) => {
  const first = nodeOn(folder(t));
  first.open();
  await first.confirmed();
  await first.give([fact('a', 'one'), part(1, 'two')]);
  const branch = (await first.sent()).filter(({ kind }) => kind !== 'genesis');
  await first.memory.close();
  const merge = { type: 'merge', agent, epoch: 1, branch: 'ada.bob.1', from: 'bob', entries: branch } as const;

  const there = folder(t);
  const merged = nodeOn(there);
  merged.open();
  await merged.confirmed();
  await merged.receive(merge);
  await merged.give([fact('a', 'one'), part(1, 'two'), part(2, 'three')]);
  const entries = await merged.sent();
  t.same(textsOf(entries), ['one', 'two', 'three']);
  t.match(entries[1], { kind: 'merge', payload: { given: 'a', derivedFrom: [branch[0]?.hash] } });
  await merged.give([withdrawal()]);
  await merged.memory.close();
  t.same(kept(there), ['one', null, null, 'manual.pdf was taken back.'], 'merged parts go too');

  const given = nodeOn(folder(t));
  given.open();
  await given.confirmed();
  await given.give([fact('a', 'one')]);
  await given.receive(merge);
  t.same(textsOf(await given.sent()), ['one', 'two']);
  await given.memory.close();
});

t.test('marks of a consolidation change what comes first, on every copy, until they are taken back', async (t) => {
  const dir = folder(t);
  const asked: string[] = [];
  const embed: Embedder = async (texts) => {
    asked.push(...texts);
    return null;
  };
  const node = nodeOn(dir, { embed });
  const log = node.open();
  await node.confirmed();
  const texts = ['Ada lives in Oslo', 'Tea at eight', 'tea at eight', 'Ada moved: it is Cork'];
  await node.give(texts.map((text, at) => fact(`f${at}`, text)));
  const entries = (await node.sent()).filter(({ kind }) => kind === 'fact');
  const place = (at: number) => ({ seq: entries[at]?.seq as number, hash: entries[at]?.hash as string });
  const mark = (chunk: number, how: 'same' | 'replaced', of: number, by: number): GivenMemory => ({
    ...{ given: `run.${chunk}`, kind: 'mark', text: `A mark ${chunk}.`, tags: [], importance: 0, source: 'run:run' },
    mark: { run: 'run', how, model: null, of: place(of), by: place(by) },
    derivedFrom: [place(of).hash, place(by).hash],
  });
  const recalled = async (of: typeof log, question: string) =>
    (await of.recall(question, 5, never)).memories.map(({ text }) => text);
  t.same(await recalled(log, 'Oslo'), ['Ada lives in Oslo']);
  asked.length = 0;
  await node.give([mark(1, 'replaced', 0, 3), mark(2, 'same', 1, 2), mark(3, 'replaced', 3, 0)]);
  t.same(asked, [], 'nobody looks for a mark');
  const marks = await node.sent();
  t.match(marks[0], {
    kind: 'mark',
    payload: { mark: { how: 'replaced' }, derivedFrom: [place(0).hash, place(3).hash] },
  });
  t.same(marks.map(entryFault), [null, null, null]);
  const expected = ['Ada moved: it is Cork', 'Ada lives in Oslo'];
  t.same(await recalled(log, 'Oslo'), expected, 'what replaced it is found with it, and comes first');
  t.same(await recalled(log, 'tea'), ['tea at eight'], 'what is said twice is recalled once');
  t.same(await recalled(log, 'mark'), [], 'a mark is no memory');
  await node.memory.close();

  rmSync(join(dir, 'index.db'));
  const again = nodeOn(dir);
  const anew = again.open();
  t.same(await recalled(anew, 'Oslo'), expected, 'an index that is made anew has them too');
  await again.confirmed();
  await again.give([{ ...withdrawal('run'), text: 'The consolidation was taken back.' }]);
  t.same(await recalled(anew, 'Oslo'), ['Ada lives in Oslo']);
  t.same((await recalled(anew, 'tea')).length, 2, 'nothing was removed');
  await again.memory.close();
  t.same(
    kept(dir).filter((text) => text?.startsWith('A mark')),
    [],
  );
});
