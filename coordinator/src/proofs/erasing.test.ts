// Erasures over the API, with a real database file: what goes, what was made of it, who owes it, and that nothing of it is left in the files.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Decoded,
  type EraseAnswer,
  type ErasureView,
  encodeVector,
  hashHeader,
  type MemoryDown,
  type MemoryEntry,
  type MemoryHit,
  type MemoryPayload,
  type RouteAnswer,
} from '@blackroad/protocol';
import { sleep, systemClock } from '@blackroad/std/clock';
import t, { type Test } from 'tap';
import { type ApiFleet, type FakeNode, openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { memoryEntries } from '../../../test/fixtures/coordinator/stored-rows.ts';

const secret = 'xylophonist';
const vector = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i + 1));
const embedding = { model: 'm', dimension: 64, vector: encodeVector(vector) };

function filesWith(dir: string): string[] {
  return readdirSync(dir).filter((name) => {
    const bytes = readFileSync(join(dir, name));
    // FTS5 stores the rest of a word after what it shares with the one before.
    return bytes.includes(secret.slice(2)) || bytes.includes(Buffer.from(vector.buffer));
  });
}
const until = async (what: string, holds: () => unknown) => {
  for (let i = 0; i < 300; i++) {
    if (await holds()) return;
    await sleep(systemClock, 10);
  }
  throw new Error(`never: ${what}`);
};

async function fleetOf(t: Test) {
  const dir = mkdtempSync(join(tmpdir(), 'erase-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const path = join(dir, 'fleet.sqlite');
  const fleet = await openApiFleet({ path });
  let isOpen = true;
  const close = async () => {
    if (isOpen) await fleet.close();
    isOpen = false;
  };
  t.teardown(close);
  return { ...fleet, dir, path, close };
}
/** An agent that is placed on this node, whose messages to it are kept. */
async function placed(fleet: ApiFleet, name: string, node: FakeNode) {
  const heard: MemoryDown[] = [];
  const before = node.onMessage;
  node.onMessage = (decoded: Decoded) => {
    before(decoded);
    if (decoded.name === 'memoryDown') heard.push(decoded.message);
  };
  const body = { name, model: ['auto'], instructions: 'x', placement: { nodes: [node.id] } };
  const applied = await fleet.call('PUT', `/v1/agents/${name}`, { body });
  if (applied.status >= 300) throw new Error(JSON.stringify(applied.body));
  await until(`${name} is placed`, () => fleet.agent(name)?.placement);
  const { id, placement } = fleet.agent(name) as NonNullable<ReturnType<ApiFleet['agent']>>;
  const epoch = placement?.epoch as number;
  const bring = async (entries: MemoryEntry[]) => {
    const [first] = entries as [MemoryEntry];
    const batch = { type: 'batch' as const, epoch, from: first.seq, previousHash: first.previousHash, entries };
    node.say('memoryUp', { agent: id }, batch);
    const { seq } = entries.at(-1) as MemoryEntry;
    await until('the batch is stored', () => fleet.coordinator.view.heads.get(id)?.seq === seq);
  };
  const erases = () => heard.splice(0).flatMap((message) => (message.type === 'erase' ? [message] : []));
  const confirm = (upto: number) => node.say('memoryUp', { agent: id }, { type: 'erased', epoch, upto });
  const stand = (upto: number) => node.say('memoryUp', { agent: id }, { type: 'erased', epoch, upto, stands: true });
  return { id, epoch, bring, erases, confirm, stand };
}
const erase = (fleet: ApiFleet, agent: string, body: unknown, key?: string) =>
  fleet.call<EraseAnswer>('POST', `/v1/agents/${agent}/memory/erase`, { body, ...(key ? { key } : {}) });
const owed = async (fleet: ApiFleet) =>
  (await fleet.call<ErasureView[]>('GET', '/v1/memory/erasures?owed=true')).body.map(({ id, owed }) => [id, owed]);
const search = async (fleet: ApiFleet) =>
  (await fleet.call<MemoryHit[]>('GET', `/v1/memory/search?q=${secret}`)).body.map(({ seq }) => seq);

t.test('a memory and what was made of it go; the chain and the signed root hold', async (t) => {
  const fleet = await fleetOf(t);
  const node = await fleet.node('alice');
  const ada = await placed(fleet, 'ada', node);
  const log = memoryEntries(
    ada.id,
    [{ text: 'It begins.' }, { text: `Ada is a ${secret}`, embedding }, { text: 'tea' }],
    { epoch: ada.epoch },
  );
  const summary: Partial<MemoryPayload> = { text: `about the ${secret}`, derivedFrom: [log[1]?.hash as string] };
  log.push(...memoryEntries(ada.id, [summary], { epoch: ada.epoch, previous: log[2] }));
  log.push(
    ...memoryEntries(ada.id, [{ text: `more of ${secret}`, derivedFrom: [log[3]?.hash as string] }], {
      epoch: ada.epoch,
      previous: log[3],
    }),
  );
  await ada.bring(log);
  await fleet.context.checkpoints.make();
  t.same((await search(fleet)).sort(), [2, 4, 5]);

  t.equal((await erase(fleet, 'ada', { seqs: [2] }, fleet.keys.operator)).status, 403);
  for (const body of [{}, { seqs: [2], all: true }, { seqs: [] }, { seqs: [0] }, { seqs: [2], wipe: 1 }])
    t.equal((await erase(fleet, 'ada', body)).status, 400, JSON.stringify(body));
  const shown = (await erase(fleet, 'ada', { seqs: [2], dryRun: true })).body;
  t.match(shown, { erased: false, entries: 3, nodes: ['alice'], tasks: ['t1'] });
  t.same(
    shown.memories.map(({ seq, why }) => [seq, why]),
    [
      [2, 'asked'],
      [4, 'derived'],
      [5, 'derived'],
    ],
  );
  t.equal(ada.erases().length, 0, 'only shown');

  t.match((await erase(fleet, 'ada', { seqs: [2] })).body, { erased: true, entries: 3, nodes: ['alice'] });
  const [told] = ada.erases();
  t.same(told?.hashes.toSorted(), [1, 3, 4].map((i) => log[i]?.hash).toSorted());
  t.same(await owed(fleet), [[`${ada.id}.1`, [{ node: 'alice', why: 'told' }]]]);
  t.same(await search(fleet), []);
  const chain = (await fleet.call<RouteAnswer<'memoryVerify'>>('GET', '/v1/agents/ada/memory/verify')).body;
  t.match(chain, { valid: true, entries: 5, redacted: 3, checkpoint: { number: 1, entries: 5 } });
  const rows = (await fleet.call<MemoryEntry[]>('GET', '/v1/agents/ada/memory')).body;
  t.same(
    rows.map(({ payload, salt }) => payload === null && salt === null),
    [false, true, false, true, true],
  );
  t.match((await fleet.call<string>('GET', '/metrics')).body, /^blackroad_memory_erasures_owed 1$/m);
  t.match(
    (await erase(fleet, 'ada', { seqs: [2] })).body,
    { entries: 0, nodes: { length: 0 } },
    'again: nothing is left',
  );

  const audited = (await fleet.call<{ action: string; text: string }[]>('GET', '/v1/audit')).body;
  t.match(
    audited.filter(({ action }) => action === 'memory-erase'),
    [{ subject: 'ada', text: '3 memories' }],
  );

  ada.confirm(1);
  await until('it is confirmed', async () => (await owed(fleet)).length === 0);
  const events = (await fleet.call<{ type: string }[]>('GET', '/v1/events?agent=ada')).body.map(({ type }) => type);
  t.ok(events.includes('memory-erased') && events.includes('memory-erased-everywhere'));
  ada.confirm(0);
  ada.stand(0);
  await until('an old copy owes it again', async () => (await owed(fleet)).length === 1);
  const again = ada.erases();
  t.same(
    again.map(({ number, hashes }) => [number, hashes.toSorted()]),
    again.map(() => [1, told?.hashes.toSorted()]),
  );
  t.ok(again.length > 0, 'and is told again');
  ada.confirm(1);
  await until('it is confirmed again', async () => (await owed(fleet)).length === 0);
  await fleet.context.erasing.scrub();
  t.same(filesWith(fleet.dir), [], 'nothing of it is in any file of the database, nor in its log');
});

t.test('what is brought later, and was erased or made of what was, comes without its content', async (t) => {
  const fleet = await fleetOf(t);
  const node = await fleet.node('alice');
  const ada = await placed(fleet, 'ada', node);
  const log = memoryEntries(ada.id, [{ text: 'It begins.' }, { text: `the ${secret}` }], { epoch: ada.epoch });
  await ada.bring(log);
  await erase(fleet, 'ada', { seqs: [2] });
  t.equal(ada.erases().length, 1);
  const made = [log[1]?.hash as string];
  const late = memoryEntries(ada.id, [{ text: `late: ${secret}`, derivedFrom: made }, { text: 'tea' }], {
    epoch: ada.epoch,
    previous: log[1],
  });
  const made2 = [late[0]?.hash as string];
  late.push(
    ...memoryEntries(ada.id, [{ text: `later: ${secret}`, derivedFrom: made2 }], {
      epoch: ada.epoch,
      previous: late[1],
    }),
  );
  await ada.bring(late);
  t.same(await search(fleet), []);
  t.same(await search(fleet), []);
  ada.confirm(1);
  await until('the node is told of these, too', () => fleet.coordinator.view.erasures.size === 2);
  await until('the second erasure comes', () => fleet.coordinator.view.erasures.get(`${ada.id}.1`)?.owed.length === 0);
  t.match(ada.erases().at(-1), { number: 2, hashes: [late[0]?.hash, late[2]?.hash].sort() });
  const chain = (await fleet.call('GET', '/v1/agents/ada/memory/verify')).body;
  t.match(chain, { valid: true, entries: 5, redacted: 3 });
});

t.test('branches, other nodes, old nodes, nodes that are away or removed; over a restart', async (t) => {
  const fleet = await fleetOf(t);
  const [alice, bob] = [await fleet.node('alice'), await fleet.node('bob')];
  const first = await placed(fleet, 'ada', alice);
  const log = memoryEntries(first.id, [{ text: 'It begins.' }, { text: 'tea' }], { epoch: first.epoch });
  await first.bring(log);
  const second = await placed(fleet, 'ada', bob);
  await until('it moved', () => fleet.agent('ada')?.placement?.node === 'bob');
  const epoch = fleet.agent('ada')?.placement?.epoch ?? 0;
  const tail = memoryEntries(first.id, [{ text: `the ${secret}` }], { epoch: first.epoch, previous: log[1] });
  const branch = {
    type: 'branch' as const,
    epoch: first.epoch,
    from: 3,
    previousHash: log[1]?.hash as string,
    entries: tail,
    last: true,
  };
  alice.say('memoryUp', { agent: first.id }, branch);
  await until('the branch is here', () => fleet.coordinator.view.branches.size === 1);
  // The writer has brought it in.
  const copy = {
    text: `the ${secret}`,
    source: `branch:${first.id}.alice.${first.epoch}`,
    derivedFrom: [tail[0]?.hash as string],
  };
  const [merged] = memoryEntries(first.id, [copy], { epoch, previous: log[1] }) as [MemoryEntry];
  const [header] = [{ ...merged, kind: 'merge' as const, actorId: 'node:alice' }];
  const entry = { ...header, hash: hashHeader(header) };
  const batch = { type: 'batch' as const, epoch, from: 3, previousHash: log[1]?.hash as string, entries: [entry] };
  bob.say('memoryUp', { agent: first.id }, batch);
  await until('it is merged', () => fleet.coordinator.view.heads.get(first.id)?.seq === 3);

  const shown = (await erase(fleet, 'ada', { seqs: [3], dryRun: true })).body;
  t.match(shown, { entries: 2, nodes: ['alice', 'bob'] });
  t.same(
    shown.memories.map(({ why, branch }) => [why, branch === null]),
    [
      ['asked', true],
      ['copy', false],
    ],
  );
  await erase(fleet, 'ada', { seqs: [3] });
  t.equal(second.erases().length, 1);
  const [stored] = await fleet.coordinator.store.branchEntries(`${first.id}.alice.${first.epoch}`);
  t.match(stored, { payload: null, salt: null, hash: tail[0]?.hash }, 'the spare copy in the branch, too');
  bob.say('memoryUp', { agent: first.id }, { type: 'erased', epoch, upto: 1 });
  await until(
    'bob confirmed',
    async () =>
      JSON.stringify(await owed(fleet)).includes('alice') && !JSON.stringify(await owed(fleet)).includes('bob'),
  );
  await fleet.context.erasing.scrub();
  t.same(filesWith(fleet.dir), []);
  await fleet.close();

  const again = await openApiFleet({ path: fleet.path });
  t.teardown(() => again.close());
  t.same(await owed(again), [[`${first.id}.1`, [{ node: 'alice', why: 'away' }]]], 'still owed, and alice is away');
  await again.call('DELETE', '/v1/nodes/alice');
  t.same(await owed(again), [], 'a removed node owes nothing');
});

t.test('all of an agent, in parts; an agent that was removed, too', async (t) => {
  const fleet = await fleetOf(t);
  const node = await fleet.node('alice');
  const ada = await placed(fleet, 'ada', node);
  let previous: MemoryEntry | undefined;
  for (let i = 0; i < 40; i++) {
    const part = memoryEntries(
      ada.id,
      Array.from({ length: 60 }, (_, n) => ({ text: `${secret} ${i} ${n}` })),
      { epoch: ada.epoch, previous },
    );
    await ada.bring(part);
    previous = part.at(-1);
  }
  await fleet.call('DELETE', '/v1/agents/ada');
  t.match((await erase(fleet, 'ada', { all: true })).body, { erased: true, entries: 2_399 }, 'all but its genesis');
  t.equal(fleet.coordinator.view.erasures.size, 3);
  const told = ada.erases();
  t.same(
    told.map(({ number, hashes }) => [number, hashes.length]),
    [
      [1, 1_000],
      [2, 1_000],
      [3, 399],
    ],
  );
  for (const upto of [1, 2, 3]) ada.confirm(upto);
  await until('all is confirmed', async () => (await owed(fleet)).length === 0);
  t.same(await search(fleet), [1], 'its genesis says nothing of anybody');
});
