// Values by key on a node: a real journal on a real disk. What holds is what was set last; a search finds it alone, whatever was rebuilt, moved, merged,
// taken back or erased; and nothing is said not to be there while the log is on its way.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GivenMemory } from '@blackroad/protocol';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import Database from 'better-sqlite3';
import t, { type Test } from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { chainFaults, TinyCoordinator } from '../../../test/fixtures/node-agent/tiny-coordinator.ts';
import { memoryTools } from '../agents/tools/memory.ts';
import type { AgentMemory } from './agent-memory.ts';
import { createNodeMemory } from './node-memory.ts';

const ever = new AbortController().signal;

/** Nodes on one disk with a coordinator beside them. */
function fleet(t: Test) {
  const dir = mkdtempSync(join(tmpdir(), 'values-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const clock = new HandClock();
  const coordinator = new TinyCoordinator();
  const random = seededRandom(3);
  const embedded: string[] = [];
  function node(name: string, atMost?: number) {
    const memory = createNodeMemory({
      ...{ dir: join(dir, name), node: name, clock, random, log: silentLog },
      embed: async (texts) => {
        embedded.push(...texts);
        return null;
      },
    });
    let log: AgentMemory;
    const done = async <T>(work: Promise<T>) => {
      await clock.advance(500);
      return work;
    };
    const each = {
      memory,
      path: join(dir, name),
      link: () => coordinator.link(name, memory),
      async hold(placed = coordinator.place('ada', name)) {
        if (atMost !== undefined) placed.spec = { ...placed.spec, memory: { ...placed.spec.memory, atMost } };
        log = memory.open(placed);
        await clock.advance(1_000);
        return placed;
      },
      set: (key: string, text: string) =>
        done(log.append({ kind: 'value', key, text, source: 'test', actorId: 'agent:ada' })),
      value: (key: string) => log.value(key),
      text: (key: string) => {
        const looked = log.value(key);
        return looked.how === 'found' ? looked.value?.text : looked.how;
      },
      found: async (question: string) => (await done(log.recall(question, 20, ever))).memories.map(({ text }) => text),
      give: (memories: GivenMemory[]) => {
        memory.receive({ type: 'give', agent: 'ada', epoch: coordinator.logs.get('ada')!.epoch, memories });
        return clock.advance(1_000);
      },
      tool: (name: string, call: object) =>
        done(
          memoryTools('ada', log)
            .find((tool) => tool.name === name)!
            .call(call as never, { signal: ever } as never) as Promise<string>,
        ),
    };
    return each;
  }
  const wait = (ms = 120_000) => clock.advance(ms);
  return { coordinator, node, wait, clock, embedded };
}

t.test('what was set last holds, is found alone, and survives a new index and a new process', async (t) => {
  const { node, wait, embedded, coordinator } = fleet(t);
  let alice = node('alice');
  alice.link();
  const placed = await alice.hold();
  for (const text of ['swordfish', 'mellon', 'sesame']) await alice.set('wifi password', text);
  await alice.set('door', 'blue');
  t.match(alice.value('wifi password'), {
    how: 'found',
    value: { text: 'sesame', actorId: 'agent:ada' },
    others: { length: 0 },
  });
  t.strictSame(await alice.found('what is the wifi password?'), ['wifi password: sesame']);
  t.strictSame(await alice.found('swordfish mellon'), [], 'what was there before is not found');
  t.match(alice.value('wifi passwort'), { how: 'none', near: ['wifi password'] });
  t.ok(embedded.includes('door: blue'), 'its vector is of the key too');
  await alice.set('door', '');
  t.match(alice.value('door'), { how: 'none', near: { length: 0 } });
  t.strictSame(await alice.found('door blue'), []);
  t.notOk(embedded.includes(''), 'nothing is embedded for what ends a key');
  await alice.memory.close();

  for (const lost of ['nothing', 'index.db']) {
    if (lost !== 'nothing') rmSync(join(alice.path, lost), { force: true });
    alice = node('alice');
    await alice.hold(placed);
    t.equal(alice.text('wifi password'), 'sesame', 'before any connection');
    t.strictSame(await alice.found('wifi password mellon door blue'), ['wifi password: sesame'], `lost: ${lost}`);
    await alice.memory.close();
  }
  // An older node-agent writes into the same file.
  const db = new Database(join(alice.path, 'journal.db'));
  t.match(
    db
      .prepare(
        `EXPLAIN QUERY PLAN SELECT 1 FROM entries WHERE log = 1 AND payload ->> 'key' = 'x' AND kind IN ('value', 'merge', 'import')
         AND payload ->> 'key' IS NOT NULL ORDER BY seq DESC`,
      )
      .all(),
    [{ detail: /entries_key/ }],
  );
  db.pragma('user_version = 2');
  db.exec('DROP INDEX entries_key');
  db.close();
  alice = node('alice');
  await alice.hold(placed);
  t.equal(alice.text('wifi password'), 'sesame', 'a journal of before is upgraded');
  await alice.memory.close();
  await wait(1_000);
  t.strictSame(chainFaults(coordinator.logs.get('ada')!.entries), []);
});

t.test('what waits to be chained is the newest, and nothing is missing while the log is on its way', async (t) => {
  const { node, wait } = fleet(t);
  const alice = node('alice');
  alice.link();
  await alice.hold();
  await alice.set('door', 'blue');
  await alice.set('gate', '1234');
  const bob = node('bob');
  await bob.hold();
  t.match(bob.value('door'), { how: 'fetching' });
  t.match(await bob.tool('memory_get', { key: 'door' }), /not known yet/);
  await bob.set('door', 'green');
  t.equal(bob.text('door'), 'green');
  await bob.set('door', 'white');
  t.strictSame(await bob.found('door'), ['door: white']);
  t.match(bob.value('gate'), { how: 'fetching' });
  bob.link();
  await wait();
  t.equal(bob.text('gate'), '1234');
  t.equal(bob.text('door'), 'white');
  t.strictSame(await bob.found('door blue green'), ['door: white']);
  await bob.memory.close();
  await alice.memory.close();
});

/** Alice is cut off and sets what `away` says; Bob gets the agent and sets what `here` says; Alice comes back. */
async function apart(t: Test, away: [string, string][], here: [string, string][], before: [string, string][] = []) {
  const { node, wait, coordinator } = fleet(t);
  const alice = node('alice');
  alice.link();
  await alice.hold();
  for (const [key, text] of before) await alice.set(key, text);
  await wait(1_000);
  alice.memory.disconnected();
  for (const [key, text] of away) await alice.set(key, text);
  const bob = node('bob');
  bob.link();
  await bob.hold();
  await wait();
  for (const [key, text] of here) await bob.set(key, text);
  alice.memory.connected();
  await wait();
  for (let round = 0; round < 3; round++) {
    for (const merge of coordinator.merges('ada')) bob.memory.receive(structuredClone(merge));
    await wait();
  }
  t.strictSame(chainFaults(coordinator.logs.get('ada')!.entries), []);
  t.teardown(() => Promise.all([alice.memory.close(), bob.memory.close()]));
  return { bob, wait };
}

t.test('what only the branch set holds, and so does what it ended', async (t) => {
  const { bob } = await apart(
    t,
    [
      ['door', 'green'],
      ['door', 'white'],
      ['gate', ''],
    ],
    [['bell', 'x']],
    [
      ['door', 'blue'],
      ['gate', '1'],
    ],
  );
  t.match(bob.value('door'), { value: { text: 'white' }, others: { length: 0 } });
  t.match(bob.value('gate'), { how: 'none' });
  t.strictSame(await bob.found('door gate'), ['door: white']);
});

t.test('two edits of one key keep both: the one of the log holds until somebody settles it', async (t) => {
  const { bob, wait } = await apart(
    t,
    [
      ['door', 'green'],
      ['door', 'red'],
      ['gate', ''],
    ],
    [
      ['door', 'white'],
      ['gate', '2'],
    ],
    [
      ['door', 'blue'],
      ['gate', '1'],
    ],
  );
  t.match(bob.value('door'), {
    value: { text: 'white' },
    others: [{ text: 'red', actorId: 'node:alice' }],
  });
  t.match(bob.value('gate'), { value: { text: '2' }, others: [{ text: '' }] });
  t.strictSame((await bob.found('door')).sort(), [
    'door: green (set on alice while it was away)',
    'door: red (set on alice while it was away)',
    'door: white',
  ]);
  t.equal(await bob.tool('memory_get', { key: 'door' }), 'white\nBut on alice, while it was away, it was set to: red');
  t.equal(await bob.tool('memory_get', { key: 'gate' }), '2\nBut on alice, while it was away, it was unset.');
  await bob.set('door', 'red');
  await wait(1_000);
  t.match(bob.value('door'), { value: { text: 'red' }, others: { length: 0 } });
  t.strictSame(await bob.found('door'), ['door: red']);
});

t.test(
  'what was ended in the log and changed on the branch stays ended, and the change is told; equal edits are one',
  async (t) => {
    const { bob } = await apart(
      t,
      [
        ['door', 'green'],
        ['gate', '2'],
      ],
      [
        ['door', ''],
        ['gate', '2'],
      ],
      [
        ['door', 'blue'],
        ['gate', '1'],
      ],
    );
    t.match(bob.value('door'), { how: 'found', value: null, others: [{ text: 'green' }] });
    t.equal(
      await bob.tool('memory_get', { key: 'door' }),
      'There is no value of "door".\nBut on alice, while it was away, it was set to: green',
    );
    t.match(bob.value('gate'), { value: { text: '2' }, others: { length: 0 } });
  },
);

t.test('a value that a person gives, an import that is taken back, and an erasure', async (t) => {
  const { node, coordinator, wait } = fleet(t);
  const alice = node('alice');
  alice.link();
  await alice.hold();
  await alice.set('door', 'blue');
  const given = { tags: [], importance: 0.7, source: 'person:me' };
  await alice.give([{ ...given, given: 'a', kind: 'value', key: 'door', text: 'green' }]);
  await alice.give([{ ...given, given: 'a', kind: 'value', key: 'door', text: 'green' }]);
  t.match(alice.value('door'), { value: { text: 'green', source: 'person:me', actorId: 'node:alice' } });
  t.equal(coordinator.logs.get('ada')!.entries.filter(({ kind }) => kind === 'value').length, 2, 'once');
  const imported = { id: 'i', agent: 'eve', kind: 'value', actorId: 'agent:eve', atMs: 1, isVerified: true };
  await alice.give([
    { ...given, given: 'i.1', kind: 'import', key: 'door', text: 'red', imported },
    { ...given, given: 'i.2', kind: 'import', key: 'bell', text: 'loud', imported },
  ]);
  t.equal(alice.text('door'), 'red');
  t.strictSame((await alice.found('door bell')).sort(), ['bell: loud', 'door: red']);
  const undo = { ...given, given: 'iw', kind: 'withdraw' as const, text: 'Taken back.' };
  await alice.give([{ ...undo, document: { id: 'i', name: 'eve.jsonl' } }]);
  t.equal(alice.text('door'), 'green', 'as though it had not been brought in');
  t.equal(alice.text('bell'), 'none');
  t.strictSame(await alice.found('door bell'), ['door: green']);
  const holder = coordinator.logs.get('ada')!.entries.findLast(({ kind }) => kind === 'value')!;
  alice.memory.receive({ type: 'erase', agent: 'ada', number: 1, hashes: [holder.hash] });
  await wait(1_000);
  t.equal(alice.text('door'), 'blue', 'as though it had not been set');
  t.strictSame(await alice.found('door'), ['door: blue']);
  await alice.memory.close();
});

t.test('the tools of an agent', async (t) => {
  const { node } = fleet(t);
  const alice = node('alice', 3);
  alice.link();
  await alice.hold();
  t.equal(await alice.tool('memory_set', { key: ' wifi ', value: 'x' }), 'Set.');
  t.equal(await alice.tool('memory_get', { key: 'wifi' }), 'x');
  t.equal(await alice.tool('memory_get', { key: 'wiif' }), 'There is no value of "wiif". Keys like it: "wifi".');
  t.equal(await alice.tool('memory_set', { key: 'nothing', value: '' }), 'There is no value of "nothing".');
  t.match(await alice.tool('memory_set', { key: 'a\nb', value: 'x' }), /^Not set: a key has 1 to 100 characters, none/);
  t.match(await alice.tool('memory_set', { key: 'a', value: 'é'.repeat(8_000) }), /at most 8192 bytes, not 16000/);
  t.equal(await alice.tool('memory_set', { key: 'wifi', value: '' }), 'Unset.');
  t.equal(await alice.tool('memory_set', { key: 'wifi', value: 'y' }), 'Set.');
  t.match(await alice.tool('memory_set', { key: 'wifi', value: 'z' }), /^Not saved: ada may have 3 memories/);
  t.equal(await alice.tool('memory_get', { key: 'wifi' }), 'y');
  await alice.memory.close();
});
