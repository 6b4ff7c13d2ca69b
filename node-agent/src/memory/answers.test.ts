// Every answer of a coordinator, and its effect on the log: a real journal on a real disk, answers written by hand. accept.test.ts tests
// the answers of the present coordinator; the simulator runs both sides against each other.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MemoryDown, MemoryEntry, MemoryUp } from '@blackroad/protocol';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import t, { type Test } from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { assignedAgent } from '../../../test/fixtures/node-agent/tiny-coordinator.ts';
import type { AgentMemory } from './agent-memory.ts';
import { type Refusal, type Way, ways } from './answers.ts';
import { nextEntry, plainEntry } from './chain.ts';
import { createNodeMemory } from './node-memory.ts';
import { maxSetAsideBytes, setAsideFile } from './set-aside.ts';

type Nack = Extract<MemoryDown, { type: 'nack' }>;
const agent = 'ada';
const none = { baseSeq: 0, baseHash: 'genesis', from: null };
const lines = (path: string) =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

/** One node with an empty data folder, connected only to this test. */
function rig(t: Test, batchEntries = 64, dir = mkdtempSync(join(tmpdir(), 'answers-'))) {
  const clock = new HandClock();
  const memory = createNodeMemory({
    dir,
    node: 'alice',
    clock,
    random: seededRandom(7),
    log: silentLog,
    embed: async () => null,
    batchEntries,
  });
  const said: MemoryUp[] = [];
  const told: string[] = [];
  memory.publish = (_, message) => void said.push(structuredClone(message));
  memory.onTrouble = (_, text) => void told.push(text);
  t.teardown(async () => {
    await memory.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const node = {
    clock,
    memory,
    said,
    told,
    dir,
    aside: join(dir, setAsideFile),
    /** The messages it sent since the last call. */
    heard: () => said.splice(0),
    receive: async (message: MemoryDown) => {
      memory.receive(message);
      // Longer than a commit, shorter than the shortest pause before the next try.
      await clock.advance(80);
    },
    nack: (reason: Nack['reason'], over: Partial<Nack> = {}) =>
      node.receive({ type: 'nack', agent, epoch: 1, reason, headSeq: 0, headHash: 'genesis', ...over }),
    ack: (upto: number, hash: string, epoch = 1) => node.receive({ type: 'ack', agent, epoch, upto, hash }),
    entries: (entries: MemoryEntry[], headSeq = entries.at(-1)!.seq, epoch = 1) =>
      node.receive({ type: 'entries', agent, epoch, entries, headSeq, headHash: entries.at(-1)!.hash }),
    open: (epoch = 1, given: { baseSeq: number; baseHash: string; from: string | null } = none) =>
      memory.open(assignedAgent(agent, epoch, given)),
    async remember(log: AgentMemory, ...texts: string[]) {
      for (const text of texts) {
        let done = false;
        const kept = log.append({ kind: 'note', text, source: 'test', actorId: `agent:${agent}` });
        void kept.finally(() => {
          done = true;
        });
        while (!done) await clock.advance(5);
        await kept;
      }
    },
    /** Connected, its hello answered, with nothing stored anywhere; its first batch is in flight. */
    async writing(...texts: string[]) {
      const log = node.open();
      memory.connected();
      await clock.advance(100);
      await node.ack(0, 'genesis');
      node.heard();
      await node.remember(log, ...texts);
      await clock.advance(500);
      return log;
    },
    /** Fenced, with its tail in flight as a branch. */
    async fenced(...texts: string[]) {
      const log = await node.writing(...texts);
      node.heard();
      await node.nack('stale-epoch');
      return log;
    },
  };
  return node;
}

const kinds = (said: readonly MemoryUp[]) => said.map(({ type }) => type);
const textsOf = (message: MemoryUp | undefined) =>
  message && 'entries' in message ? message.entries.map(({ payload }) => payload?.text) : [];
const lastHash = (message: MemoryUp | undefined) =>
  message && 'entries' in message ? message.entries.at(-1)!.hash : (message as { hash: string }).hash;
/** A log that another node wrote. */
function others(count: number, epoch = 1): MemoryEntry[] {
  const entries: MemoryEntry[] = [];
  for (let i = 0; i < count; i++) {
    const added = plainEntry(i === 0 ? 'genesis' : 'migrate', 'bob', 5, `theirs ${i + 1}`);
    entries.push(nextEntry(agent, epoch, entries.at(-1) ?? { seq: 0, hash: 'genesis' }, added, '0a'.repeat(16)));
  }
  return entries;
}
const damaged = (entry: MemoryEntry): MemoryEntry => ({ ...entry, payload: { ...entry.payload!, text: 'bit rot' } });

// What a refusal demands, by the message that it answers.
const table: Record<Refusal, Record<'hello' | 'batch' | 'branch', Way>> = {
  'unknown-agent': { hello: 'rest', batch: 'rest', branch: 'rest' },
  'stale-epoch': { hello: 'fence', batch: 'fence', branch: 'again' },
  gap: { hello: 'catch-up', batch: 'catch-up', branch: 'again' },
  fork: { hello: 'branch-off', batch: 'branch-off', branch: 'again' },
  'bad-hash': { hello: 'again', batch: 'branch-off', branch: 'again' },
  final: { hello: 'again', batch: 'branch-off', branch: 'set-aside' },
};
type Rig = ReturnType<typeof rig>;
/** The visible effect of each way, after the refusal of `refused`. */
const seen: Record<Way, (t: Test, node: Rig, log: AgentMemory, refused: MemoryUp) => Promise<void>> = {
  async again(t, node, _, refused) {
    t.same(node.heard(), [], 'not at once');
    await node.clock.advance(2_000);
    t.same(node.heard(), [refused], 'the same once more');
  },
  async rest(t, node, _, refused) {
    await node.clock.advance(29_000);
    t.same(node.heard(), [], 'silent');
    await node.clock.advance(300_000);
    t.same(node.heard()[0], refused, 'the agent may be back');
  },
  async fence(t, node, log) {
    t.ok(log.status.fenced);
    const [branch] = node.heard();
    t.equal(branch?.type, 'branch');
    t.ok(textsOf(branch).includes('mine'));
  },
  async 'catch-up'(t, node, log, refused) {
    // Both logs end at the same place: there is nothing to catch up with.
    await seen.again(t, node, log, refused);
  },
  async 'branch-off'(t, node, log, refused) {
    t.equal(log.status.durableSeq, 0, 'what is in doubt is out of the log');
    await node.clock.advance(1_000);
    t.equal(node.heard()[0]?.type, 'hello', 'it asks where the log stands');
    await node.ack(0, 'genesis');
    const said = node.heard();
    t.same(kinds(said), [refused.type === 'batch' ? 'branch' : 'batch']);
    t.ok(textsOf(said[0]).includes('mine'), 'and nothing is lost');
  },
  async 'set-aside'(t, node) {
    t.match(
      lines(node.aside).map(({ why, payload }) => [why, payload.text]),
      [
        ['alice never held it', 'Memory of ada begins on alice.'],
        ['alice never held it', 'mine'],
      ],
    );
    t.equal(node.memory.unacked, 0);
    await node.clock.advance(600_000);
    t.same(
      node.heard().filter(({ type }) => type === 'branch'),
      [],
      'never again',
    );
    t.equal(node.told.length, 1);
    t.ok(node.told[0]?.includes(node.aside), 'people hear where it is');
  },
};

t.test('the table of refusals', async (t) => t.strictSame(ways, table));
for (const refusal of Object.keys(table) as Refusal[]) {
  for (const kind of ['hello', 'batch', 'branch'] as const) {
    t.test(`${refusal}, in answer to a ${kind}: ${table[refusal][kind]}`, async (t) => {
      const node = rig(t);
      let log: AgentMemory;
      if (kind === 'hello') {
        log = node.open();
        await node.remember(log, 'mine');
        node.memory.connected();
        await node.clock.advance(100);
      } else log = await (kind === 'batch' ? node.writing('mine') : node.fenced('mine'));
      const refused = node.heard().at(-1)!;
      t.equal(refused.type, kind);
      const final = refusal === 'final' ? { final: 'alice never held it', of: lastHash(refused) } : {};
      await node.nack(refusal === 'final' ? 'bad-hash' : refusal, final);
      await seen[table[refusal][kind]](t, node, log, refused);
    });
  }
}

t.test('what is refused for good is set aside message by message, and said once', async (t) => {
  const node = rig(t, 2);
  const log = await node.fenced('one', 'two', 'three');
  for (let i = 0; i < 2; i++) {
    const branch = node.heard().at(-1)!;
    t.same(textsOf(branch).length, 2);
    await node.nack('bad-hash', { final: 'entry 2: hash', of: lastHash(branch) });
    await node.clock.advance(1_000);
  }
  t.same(
    lines(node.aside).map(({ seq, agentId, epoch }) => [seq, agentId, epoch]),
    [1, 2, 3, 4].map((seq) => [seq, agent, 1]),
  );
  t.equal(node.told.length, 1);
  // The agent is placed here again, and its log accepts the coordinator's entries as usual.
  const again = node.open(3, { baseSeq: 2, baseHash: others(2)[1]!.hash, from: 'bob' });
  await node.clock.advance(500);
  await node.entries(others(2), 2, 3);
  await node.clock.advance(2_000);
  t.match(again.status, { epoch: 3, fenced: false });
  t.equal(again.hydrated, true);
  t.equal(log.status.fenced, true);
});

t.test('only the refused message is refused: late words change nothing', async (t) => {
  const node = rig(t);
  await node.fenced('mine');
  const branch = node.heard().at(-1)!;
  await node.nack('bad-hash', { final: 'no', of: 'a'.repeat(64) });
  await node.nack('bad-hash', { final: 'no', of: lastHash(branch), epoch: 2 });
  t.notOk(existsSync(node.aside));
  t.equal(node.memory.unacked, 2);
  await node.receive({ type: 'branch-ack', agent, epoch: 1, upto: 2 });
  t.equal(node.memory.unacked, 0);
  await node.nack('bad-hash', { final: 'no', of: lastHash(branch) });
  t.notOk(existsSync(node.aside), 'nothing is under way');
});

t.test('a branch of an epoch that is over is answered too', async (t) => {
  const node = rig(t);
  await node.writing('mine');
  node.heard();
  node.open(3);
  await node.clock.advance(500);
  await node.nack('fork', { epoch: 3 });
  await node.clock.advance(2_000);
  await node.ack(0, 'genesis', 3);
  const [branch] = node.heard().slice(-1);
  t.match(branch, { type: 'branch', epoch: 1 });
  await node.nack('bad-hash', { final: 'no', of: lastHash(branch) });
  t.equal(lines(node.aside).length, 2);
});

t.test('where the disk does not take it, it stays in the journal and is tried again', async (t) => {
  const node = rig(t);
  await node.fenced('mine');
  const branch = node.heard().at(-1)!;
  const final = { final: 'no', of: lastHash(branch) };
  mkdirSync(node.aside);
  await node.nack('bad-hash', final);
  t.equal(node.memory.unacked, 2);
  await node.clock.advance(2_000);
  t.same(node.heard(), [branch]);
  rmdirSync(node.aside);
  await node.nack('bad-hash', final);
  t.equal(lines(node.aside).length, 2);
  t.equal(node.memory.unacked, 0);
});

t.test(
  'a full file: the branch stays in the journal, holds up nothing, and is tried at the next connection',
  async (t) => {
    const node = rig(t);
    const log = await node.writing('mine');
    await node.nack('fork');
    await node.clock.advance(2_000);
    await node.ack(0, 'genesis');
    const branch = node.heard().at(-1)!;
    t.equal(branch.type, 'branch');
    writeFileSync(node.aside, '');
    truncateSync(node.aside, maxSetAsideBytes);
    await node.nack('bad-hash', { final: 'no', of: lastHash(branch) });
    t.equal(node.memory.unacked, 2, 'kept');
    t.match(node.told, [/is full: they stay in the journal\. Move the file away/]);
    await node.remember(log, 'goes on');
    await node.clock.advance(1_000);
    t.match(textsOf(node.heard().at(-1)).at(-1), 'goes on');

    rmSync(node.aside);
    node.memory.disconnected();
    node.memory.connected();
    await node.clock.advance(100);
    await node.ack(0, 'genesis');
    const again = node.heard().at(-1)!;
    t.equal(lastHash(again), lastHash(branch));
    await node.nack('bad-hash', { final: 'no', of: lastHash(again) });
    t.equal(lines(node.aside).length, 2);
  },
);

t.test('a line that a power cut tore is left as it is, and what follows begins on its own', async (t) => {
  const node = rig(t);
  writeFileSync(node.aside, '{"setAsideAt":"20');
  await node.fenced('mine');
  const branch = node.heard().at(-1)!;
  await node.nack('bad-hash', { final: 'no', of: lastHash(branch) });
  const [torn, ...whole] = readFileSync(node.aside, 'utf8').split('\n');
  t.equal(torn, '{"setAsideAt":"20');
  t.same(
    whole.filter((line) => line !== '').map((line) => JSON.parse(line).seq),
    [1, 2],
  );
});

t.test('gap: the coordinator has more, has another history, or has less than it had acknowledged', async (t) => {
  const more = rig(t);
  await more.writing('mine');
  more.heard();
  await more.nack('gap', { headSeq: 9, headHash: 'a'.repeat(64) });
  t.same(more.heard(), [], 'not at once');
  await more.clock.advance(2_000);
  t.same(kinds(more.heard()), ['hello'], 'it fetches what it lacks');

  const other = rig(t);
  const log = await other.writing('mine');
  other.heard();
  await other.nack('gap', { headSeq: 1, headHash: 'a'.repeat(64) });
  t.equal(log.status.durableSeq, 0, 'its tail becomes a branch');

  const less = rig(t, 1);
  await less.writing('mine');
  const [first] = less.heard();
  await less.ack(1, lastHash(first));
  t.match(less.heard(), [{ type: 'batch', from: 2 }]);
  await less.nack('gap', { headSeq: 0 });
  await less.clock.advance(100);
  t.match(less.heard(), [{ type: 'batch', from: 1 }], 'sent anew from there');
});

t.test('ack: in part, late, of more than is here, of another hash', async (t) => {
  const node = rig(t);
  const log = await node.writing('mine', 'and more');
  const batch = node.heard().find(({ type }) => type === 'batch') as Extract<MemoryUp, { type: 'batch' }>;
  const [genesis] = batch.entries as [MemoryEntry];
  await node.ack(1, genesis.hash);
  t.equal(log.status.ackedSeq, 1);
  t.equal(batch.entries.length > 1, true);
  t.same(node.heard(), [], 'the rest of it is still under way');
  await node.ack(batch.entries.length, lastHash(batch));
  node.heard();
  t.equal(log.status.ackedSeq, batch.entries.length);
  await node.ack(1, genesis.hash);
  t.equal(log.status.ackedSeq, batch.entries.length, 'late words take nothing back');

  await node.ack(99, 'a'.repeat(64), 0);
  await node.ack(1, 'a'.repeat(64), 0);
  await node.clock.advance(3_000);
  t.same(kinds(node.heard().filter(({ type }) => type === 'hello')), [], 'of an epoch that is over');
  await node.ack(99, 'a'.repeat(64));
  t.same(
    node.heard().filter(({ type }) => type === 'hello'),
    [],
    'not at once',
  );
  await node.clock.advance(3_000);
  t.same(kinds(node.heard()), ['hello'], 'it holds more: what lacks is asked for');
  await node.ack(1, 'a'.repeat(64));
  t.equal(log.status.durableSeq, batch.entries.length, 'what is acknowledged stays');
  await node.clock.advance(3_000);
  t.same(kinds(node.heard()), ['hello'], 'and is compared anew');
});

t.test('an ack that the log has left behind is not stored', async (t) => {
  const node = rig(t);
  const log = node.open();
  await node.remember(log, 'mine');
  node.memory.connected();
  await node.clock.advance(100);
  node.memory.receive({ type: 'ack', agent, epoch: 1, upto: 0, hash: 'genesis' });
  const next = node.open(2);
  await node.clock.advance(500);
  t.match(next.status, { epoch: 2, ackedSeq: 0 });
  t.equal(node.heard().at(-1)?.type, 'hello', 'the new epoch is asked for by itself');
  t.equal(next.hydrated, false);
});

t.test('the base of an epoch that the coordinator has lost: what is here is all there is', async (t) => {
  const node = rig(t);
  const log = node.open(1, { baseSeq: 7, baseHash: 'a'.repeat(64), from: 'bob' });
  node.memory.connected();
  await node.clock.advance(100);
  await node.ack(0, 'genesis');
  t.equal(log.hydrated, true);
  await node.remember(log, 'mine');
  t.equal(log.status.durableSeq, 2, 'it may be written again');
});

t.test('a fenced log: only the answer to a hello of its epoch says that it is the writer after all', async (t) => {
  const node = rig(t);
  const log = await node.fenced('mine');
  const branch = node.heard().at(-1)!;
  await node.ack(0, 'genesis');
  t.ok(log.status.fenced, 'an ack while a branch is under way');
  await node.entries(others(2));
  t.equal(log.status.durableSeq, 0, 'nor entries');
  await node.receive({ type: 'merge', agent, epoch: 1, branch: 'ada.bob.1', from: 'bob', entries: others(2) });
  t.equal(node.memory.unacked, 2, 'nor what is to be brought in');
  await node.receive({ type: 'branch-ack', agent, epoch: 2, upto: 2 });
  await node.receive({ type: 'branch-ack', agent, epoch: 1, upto: 1 });
  t.equal(node.memory.unacked, 2, 'nor another branch, or part of it');
  await node.receive({ type: 'branch-ack', agent, epoch: 1, upto: 2 });
  t.equal(node.memory.unacked, 0);
  t.equal(lastHash(branch), (branch as { entries: MemoryEntry[] }).entries[1]?.hash);

  node.memory.disconnected();
  node.memory.connected();
  await node.clock.advance(100);
  await node.ack(0, 'genesis', 0);
  t.ok(log.status.fenced, 'late');
  await node.ack(0, 'genesis');
  t.notOk(log.status.fenced);
});

t.test('entries: in parts, of others, damaged, of another history', async (t) => {
  const node = rig(t);
  const log = node.open(2, { baseSeq: 4, baseHash: others(4)[3]!.hash, from: 'bob' });
  node.memory.connected();
  await node.clock.advance(100);
  t.same(kinds(node.heard()), ['hello']);
  await node.entries(others(4), 4, 1);
  t.equal(log.status.durableSeq, 0, 'of an epoch that is over');
  await node.receive({ type: 'entries', agent: 'eve', epoch: 2, entries: others(4), headSeq: 4, headHash: 'genesis' });
  t.equal(log.status.durableSeq, 0, 'of another agent');

  await node.entries(others(4).slice(0, 2), 4, 2);
  t.equal(log.status.durableSeq, 2);
  t.equal(log.hydrated, false);
  t.match(node.heard(), [{ type: 'hello', durableSeq: 2 }], 'at once: something came');
  await node.entries(others(4).slice(0, 2), 4, 2);
  t.same(node.heard(), [], 'nothing new: after a pause');
  await node.clock.advance(3_000);
  t.match(node.heard(), [{ type: 'hello' }]);
  await node.entries(others(4).slice(0, 2), 2, 2);
  t.same(node.heard(), [], 'it ends below the base of the epoch: after a pause');
  await node.clock.advance(3_000);
  t.match(node.heard(), [{ type: 'hello' }]);
  await node.entries([{ ...others(4)[2]!, hash: 'b'.repeat(64) }], 4, 2);
  t.equal(log.status.durableSeq, 2, 'refused');
  await node.clock.advance(3_000);
  t.match(node.heard(), [{ type: 'hello' }], 'and asked for again');
  const [, , third, fourth] = others(4) as [MemoryEntry, MemoryEntry, MemoryEntry, MemoryEntry];
  await node.entries([damaged(third), fourth], 4, 2);
  t.equal(log.status.durableSeq, 5, 'a damaged content blocks nothing: the epoch is opened behind it');
  t.equal(log.hydrated, true);
  await node.clock.advance(500);
  t.match(node.heard(), [
    { type: 'hydrated', durableSeq: 5 },
    { type: 'batch', from: 5 },
  ]);

  const forked = rig(t);
  const other = await forked.writing('mine');
  forked.heard();
  await forked.entries(others(3));
  t.equal(other.status.durableSeq, 0, 'its own tail becomes a branch');
  await forked.clock.advance(15_000);
  t.match(forked.heard(), [{ type: 'hello', durableSeq: 0 }]);
});

t.test('a history that differs again and again is asked for with pauses', async (t) => {
  const node = rig(t);
  await node.writing('mine');
  node.heard();
  await node.nack('fork');
  for (let i = 0; i < 2; i++) {
    t.same(kinds(node.heard()), ['hello']);
    await node.nack('fork');
  }
  t.same(node.heard(), []);
  await node.clock.advance(5_000);
  t.same(kinds(node.heard()), ['hello']);
});

t.test('merge: for the writer of this epoch that runs the agent, and for nobody else', async (t) => {
  const node = rig(t);
  const log = await node.writing('mine');
  const entries = others(2).map((entry) => ({ ...entry, kind: 'note' as const }));
  const merge = { type: 'merge', agent, branch: 'ada.bob.1', from: 'bob', entries } as const;
  await node.receive({ ...merge, epoch: 2 });
  t.equal(log.status.durableSeq, 2);
  await node.receive({ ...merge, epoch: 1 });
  t.equal(log.status.durableSeq, 4);
  node.memory.release(agent, 1);
  await node.clock.advance(500);
  await node.receive({ ...merge, epoch: 1, entries: others(3).map((entry) => ({ ...entry, kind: 'note' as const })) });
  t.equal(log.status.durableSeq, 4, 'it runs here no more');
});

const lineage = 'ab'.repeat(16);
/** All is written and acknowledged; returns the entries. */
async function allAcked(node: ReturnType<typeof rig>, ...texts: string[]): Promise<MemoryEntry[]> {
  await node.writing(...texts);
  const entries: MemoryEntry[] = [];
  for (let sent = node.heard().at(-1); sent && 'entries' in sent; sent = node.heard().at(-1)) {
    entries.push(...sent.entries);
    await node.ack(entries.length, lastHash(sent));
  }
  return entries;
}
t.test(
  'a restored coordinator: what was acknowledged is asked for anew, and sent from where its log ends',
  async (t) => {
    const node = rig(t);
    const entries = await allAcked(node, 'one', 'two', 'three');
    t.equal(node.memory.unacked, 0);
    t.equal(node.memory.restored(lineage), true);
    await node.clock.advance(200);
    t.ok(node.memory.unacked > 0);
    t.match(node.heard().at(-1), { type: 'hello', durableSeq: 4 });
    await node.ack(2, entries[1]!.hash);
    await node.clock.advance(200);
    t.same(textsOf(node.heard().at(-1)), ['two', 'three'], 'under their own hashes, at their own places');
    t.equal(node.memory.restored(lineage), false, 'once for each restore');
  },
);

t.test('a placement of a restored coordinator keeps the tail of the log; any other makes a branch of it', async (t) => {
  for (const restored of [true, false]) {
    const node = rig(t);
    const entries = await allAcked(node, 'one', 'two');
    const base = { baseSeq: 2, baseHash: entries[1]!.hash, from: null };
    node.memory.open(assignedAgent(agent, 1_000_001, restored ? { ...base, restored: true } : base));
    await node.clock.advance(200);
    t.match(node.heard().at(-1), { type: 'hello', epoch: 1_000_001, durableSeq: restored ? 3 : 2 });
    await node.ack(2, base.baseHash, 1_000_001);
    await node.clock.advance(200);
    t.match(node.heard().at(-1), { type: restored ? 'batch' : 'branch', epoch: restored ? 1_000_001 : 1 });
  }
});

t.test(
  'an agent that left: the restored coordinator has all of its log, or gets what it lacks as a branch',
  async (t) => {
    for (const has of [true, undefined]) {
      const node = rig(t);
      const entries = await allAcked(node, 'one', 'two');
      node.memory.release(agent, 1);
      await node.clock.advance(100);
      node.memory.restored(lineage);
      await node.clock.advance(200);
      t.match(node.heard().at(-1), { type: 'hello', durableSeq: 3 });
      await node.nack('stale-epoch', {
        headSeq: has ? 9 : 2,
        headHash: has ? 'f'.repeat(64) : entries[1]!.hash,
        ...(has ? { has } : {}),
      });
      await node.clock.advance(200);
      if (has) t.equal(node.memory.unacked, 0, 'nothing is sent twice');
      else t.same(textsOf(node.heard().at(-1)), ['two']);
    }
  },
);
