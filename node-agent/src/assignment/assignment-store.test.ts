import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentSpec, type AssignedAgent, withDefaults } from '@blackroad/protocol';
import Database from 'better-sqlite3';
import t from 'tap';
import { openAssignmentStore } from './assignment-store.ts';

const open = (path: string) => openAssignmentStore(path, { nowMs: 0, onDamage: (text) => t.fail(text) });

function assigned(name: string, epoch = 1): AssignedAgent {
  const spec = withDefaults<AgentSpec>(AgentSpec, { name, model: ['auto'], instructions: '' });
  return { spec, version: 1, epoch, model: 'small', memory: { baseSeq: 0, baseHash: 'genesis', from: null } };
}
const names = (store: { agents(): AssignedAgent[] }) => store.agents().map(({ spec }) => spec.name);

t.test('a delta that follows is applied, one that does not is refused and changes nothing', async (t) => {
  const store = open(':memory:');
  t.equal(store.applyDelta({ from: 0, to: 1, put: [assigned('a'), assigned('b')], remove: [] }), true);
  t.equal(store.applyDelta({ from: 2, to: 3, put: [assigned('c')], remove: [] }), false, 'a gap');
  t.same(names(store), ['a', 'b']);
  t.equal(store.generation, 1);
  t.equal(store.applyDelta({ from: 1, to: 2, put: [], remove: [{ agent: 'a', epoch: 1 }] }), true);
  t.same(names(store), ['b']);
  t.equal(store.applyDelta({ from: 0, to: 1, put: [assigned('a')], remove: [] }), true, 'an old one counts as applied');
  t.same(names(store), ['b'], 'and changes nothing');
  store.close();
});

t.test('a snapshot in parts takes effect when all are there, in any order, and replaces the set', async (t) => {
  const store = open(':memory:');
  store.applyDelta({ from: 0, to: 1, put: [assigned('old')], remove: [] });
  t.equal(store.applySnapshot({ generation: 7, part: 2, parts: 2, agents: [assigned('b')] }), false);
  t.same(names(store), ['old']);
  t.equal(
    store.applySnapshot({ generation: 8, part: 1, parts: 2, agents: [assigned('x')] }),
    false,
    'a newer one starts over',
  );
  t.equal(store.applySnapshot({ generation: 8, part: 2, parts: 2, agents: [assigned('y')] }), true);
  t.same(names(store), ['x', 'y']);
  t.equal(store.generation, 8);
  t.equal(store.applySnapshot({ generation: 7, part: 1, parts: 1, agents: [assigned('b')] }), false, 'overtaken');
  t.same(names(store), ['x', 'y']);
  store.close();
});

t.test('a time zone counts also where the disk takes no writes: no trigger is lost for it', async (t) => {
  const db = new Database(':memory:');
  const disk = { open: () => db, sync: () => {} };
  const store = openAssignmentStore('', { nowMs: 0, onDamage: (text) => t.fail(text), disk });
  t.equal(store.keepTimeZone('UTC'), true);
  db.pragma('query_only = 1');
  t.equal(store.keepTimeZone('Asia/Kolkata'), false);
  t.equal(store.timeZone, 'Asia/Kolkata');
  store.close();
});

t.test('a sound file with other tables is set aside like a damaged one', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'assignment-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const other = new Database(join(folder, 'assignment.sqlite'));
  other.exec('create table assigned (name text); insert into assigned values (1)');
  other.close();
  const said: string[] = [];
  const onDamage = (text: string) => said.push(text);
  const store = openAssignmentStore(join(folder, 'assignment.sqlite'), { nowMs: 7, onDamage });
  t.match(said, [/its tables are others.*set aside as .*damaged-7/]);
  t.equal(store.applyDelta({ from: 0, to: 1, put: [assigned('a')], remove: [] }), true);
  t.same(names(store), ['a']);
  store.close();
});

t.test('it outlives the process', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'assignment-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const first = open(join(folder, 'assignment.sqlite'));
  first.applyDelta({ from: 0, to: 4, put: [assigned('a', 3)], remove: [] });
  first.close();
  const again = open(join(folder, 'assignment.sqlite'));
  t.equal(again.generation, 4);
  t.equal(again.agents()[0]?.epoch, 3);
  again.clear();
  t.same([again.generation, again.agents()], [0, []]);
  again.close();
});

t.test('the time zone of the fleet is kept', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'assignment-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'assignment.sqlite');
  const store = open(path);
  t.equal(store.timeZone, null);
  store.keepTimeZone('Europe/Berlin');
  store.keepTimeZone('Asia/Kolkata');
  store.close();
  const again = open(path);
  t.equal(again.timeZone, 'Asia/Kolkata');
  again.clear();
  t.equal(again.timeZone, null, 'of another fleet, perhaps');
  again.close();
});
