// Checkpoints over the API, with a real database: they follow the logs, tell the writers, and never sign what does not verify.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AgentView,
  checkpointHash,
  type Decoded,
  isSigned,
  logLeaf,
  type MemoryEntry,
  type MemoryProof,
  type RouteAnswer,
  rootBy,
  type SignedCheckpoint,
} from '@blackroad/protocol';
import { sleep, systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import Database from 'better-sqlite3';
import t, { type Test } from 'tap';
import { type ApiFleet, openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { memoryEntries } from '../../../test/fixtures/coordinator/stored-rows.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';

const notes = (count: number) => Array.from({ length: count }, (_, i) => ({ text: `note ${i}` }));

/** A file with these logs, and fleets that open it one after the other. */
async function stored(t: Test, logs: Record<string, MemoryEntry[]>) {
  const dir = mkdtempSync(join(tmpdir(), 'checkpoints-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const path = join(dir, 'fleet.sqlite');
  const add = async (more: Record<string, MemoryEntry[]>) => {
    const store = await openSqliteStore({ path, log: silentLog, clock: systemClock });
    const term = await store.claim('test');
    const changes = Object.entries(more).map(([agent, entries]) => ({
      type: 'memory' as const,
      space: 'default',
      agent,
      entries,
    }));
    await store.commit(changes, term);
    await store.close();
  };
  await add(logs);
  return {
    add,
    edit(sql: string) {
      const db = new Database(path);
      db.exec(sql);
      db.close();
    },
    async fleet() {
      const fleet = await openApiFleet({ path });
      let isOpen = true;
      const close = async () => {
        if (isOpen) await fleet.close();
        isOpen = false;
      };
      t.teardown(close);
      return { ...fleet, close };
    },
  };
}
const make = async (fleet: ApiFleet) =>
  (await fleet.call<SignedCheckpoint | null>('POST', '/v1/memory/checkpoints', { key: fleet.keys.admin })).body;
const get = <A>(fleet: ApiFleet, path: string) => fleet.call<A>('GET', path, { key: fleet.keys.viewer });
const metrics = async (fleet: ApiFleet) => (await get<string>(fleet, '/metrics')).body;

t.test('each follows the one before, only where a memory grew, across restarts', async (t) => {
  const ada = memoryEntries('ada', notes(130));
  const files = await stored(t, { ada: ada.slice(0, 100), bob: memoryEntries('bob', notes(3)) });
  const first = await files.fleet();
  t.equal((await first.call('POST', '/v1/memory/checkpoints', { key: first.keys.operator })).status, 403);
  const one = (await make(first)) as SignedCheckpoint;
  t.match(one, { number: 1, agents: 2, entries: 103, previous: 'genesis' });
  t.equal(isSigned(one), true);
  t.same(await make(first), one, 'nothing grew');
  t.equal((await get(first, '/v1/agents/ada/memory/101/proof')).status, 404, 'no agent is called so');
  await first.close();

  await files.add({ ada });
  const second = await files.fleet();
  const two = (await make(second)) as SignedCheckpoint;
  t.match(two, { number: 2, agents: 2, entries: 133, previous: checkpointHash(one) });
  t.not(two.key, '');
  t.same((await get<SignedCheckpoint[]>(second, '/v1/memory/checkpoints?limit=5')).body, [two, one]);
  const proof = await second.context.checkpoints.proof('ada', 117);
  t.equal(proof.entry.seq, 117);
  t.equal(rootBy(logLeaf(proof.log), proof.logPath), two.root);
  await second.close();
  const third = await files.fleet();
  t.same(await make(third), two, 'the tree is made again from what is stored');
  t.match(await third.context.checkpoints.proof('bob', 3), { checkpoint: two, log: { entries: 3 } });
  await t.rejects(third.context.checkpoints.proof('bob', 4), { code: 'conflict', message: /newest has 3 entries/ });
});

t.test('the writer of a log is told, each time anew', async (t) => {
  const files = await stored(t, {});
  const fleet = await files.fleet();
  const heard: Decoded[] = [];
  const node = await fleet.node('alice');
  node.onMessage = (decoded) => void heard.push(decoded);
  await fleet.call('PUT', '/v1/agents/ada', {
    key: fleet.keys.admin,
    body: { name: 'ada', model: ['auto'], instructions: 'x' },
  });
  const shown = async () => (await get<AgentView>(fleet, '/v1/agents/ada')).body;
  let view = await shown();
  for (let i = 0; view.node === null && i < 200; i++) {
    await sleep(systemClock, 20);
    view = await shown();
  }
  const entries = memoryEntries(view.id, notes(3), { epoch: view.epoch as number });
  const batch = { type: 'batch' as const, epoch: view.epoch as number, from: 1, previousHash: 'genesis', entries };
  node.say('memoryUp', { agent: view.id }, batch);
  for (let i = 0; (await shown()).memory.seq < 3 && i < 200; i++) await sleep(systemClock, 20);
  t.equal((await shown()).memory.anchored, undefined, 'acked, not anchored');
  t.match((await get(fleet, '/v1/agents/ada/memory/2/proof')).body, { code: 'conflict' });
  const made = await make(fleet);
  t.match((await shown()).memory.anchored, { seq: 3, checkpoint: 1 });
  const anchors = () =>
    heard.flatMap(({ name, message }) => (name === 'memoryDown' && message.type === 'anchor' ? [message] : []));
  t.match(anchors(), [{ agent: view.id, log: { entries: 3 }, checkpoint: made }]);
  await make(fleet);
  t.equal(anchors().length, 1, 'once');
  t.match((await get<MemoryProof>(fleet, '/v1/agents/ada/memory/2/proof')).body, {
    entry: { seq: 2 },
    checkpoint: made,
  });
  const text = await metrics(fleet);
  t.match(text, /^blackroad_memory_checkpoint 1$/m);
  t.match(text, /^blackroad_memory_entries\{state="anchored"\} 3$/m);
});

t.test('what was changed in the database is told, counted, and not signed', async (t) => {
  const files = await stored(t, { ada: memoryEntries('ada', notes(60)), bob: memoryEntries('bob', notes(3)) });
  files.edit(
    `UPDATE memory_entry SET payload = replace(payload, 'note 41', 'forged') WHERE agent = 'ada' AND seq = 42`,
  );
  const fleet = await files.fleet();
  t.match(await make(fleet), { agents: 1, entries: 3 }, 'only what verifies is under the root');
  t.match([...fleet.context.checkpoints.faults], [['ada', { seq: 42, text: /content was changed/ }]]);
  const events = (await get<{ type: string; text: string }[]>(fleet, '/v1/events?type=memory-damaged')).body;
  t.match(events, [{ text: /the memory of ada does not verify, entry 42: its content was changed/ }]);
  await make(fleet);
  t.equal((await get<unknown[]>(fleet, '/v1/events?type=memory-damaged')).body.length, 1, 'told once');
  t.match(await metrics(fleet), /^blackroad_memory_faults 1$/m);
  await fleet.close();

  files.edit(
    `UPDATE memory_entry SET payload = replace(payload, 'forged', 'note 41') WHERE agent = 'ada' AND seq = 42`,
  );
  const mended = await files.fleet();
  t.match(await make(mended), { number: 2, agents: 2, entries: 63 });
  t.match(await mended.context.checkpoints.verify('ada'), { valid: true, checkpoint: { number: 2, entries: 60 } });
  await mended.close();

  // Somebody who can hash writes the whole log anew, and its head too: the chain is right, the signed root is not.
  const other = memoryEntries('ada', notes(60).with(41, { text: 'forged' }));
  files.edit(
    `DELETE FROM memory_entry WHERE agent = 'ada'; DELETE FROM memory_head WHERE agent = 'ada'; DELETE FROM memory_vector`,
  );
  await files.add({ ada: other });
  const forged = await files.fleet();
  const found: RouteAnswer<'memoryVerify'> = await forged.context.checkpoints.verify('ada');
  t.match(found, { valid: false, fault: { seq: 60, text: /do not have the root that was signed/ } });
  await t.rejects(forged.context.checkpoints.proof('ada', 42), { message: /No proof can be given/ });
});
