// What people give to memories, decided: an order is kept until its entry is in the log, sent to the writer alone, and settled once.
import { commitPayload, hashHeader, type MemoryEntry, maxGivenPerAgent } from '@blackroad/protocol';
import t from 'tap';
import { SampleFleet, said } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { ada as admin } from '../../../test/fixtures/coordinator/sample-rows.ts';
import { acceptMemory } from './accept.ts';
import {
  addDocument,
  addMemory,
  documentsOf,
  giveMemories,
  givenTo,
  namedObjects,
  removeDocument,
  setValue,
  takeMemoryBack,
  waitsOf,
  wireOf,
} from './given.ts';

const agent = 'echo';
function fleetWithEcho(): SampleFleet {
  const fleet = new SampleFleet();
  fleet.online('bob');
  fleet.runs('echo', 'alice');
  return fleet;
}
const document = (id: string, sha256: string, name = 'manual.pdf', chunks = 3) => ({
  ...{
    id,
    agent,
    name,
    type: 'pdf' as const,
    sha256,
    bytes: 9,
    pages: 2,
    emptyPages: 0,
    chunks,
    parts: 'cd'.repeat(32),
  },
});
const add = (fleet: SampleFleet, id: string, text = 'one') =>
  fleet.decide<'memory-add'>(addMemory, { by: admin, id, agent, addition: { text } });
const addFile = (fleet: SampleFleet, row: ReturnType<typeof document>) =>
  fleet.decide<'document-add'>(addDocument, { by: admin, row });
const remove = (fleet: SampleFleet, id: string) =>
  fleet.decide<'document-remove'>(removeDocument, { by: admin, agent, id });

type Wanted = Partial<NonNullable<MemoryEntry['payload']>> & { kind?: string };
/** The next entries of the log of echo, with correct digests. */
function chain(fleet: SampleFleet, wanted: Wanted[], epoch = 1): MemoryEntry[] {
  let { seq, hash } = fleet.view.heads.get(agent) ?? { seq: 0, hash: 'genesis' };
  return wanted.map(({ kind = 'note', ...over }) => {
    const payload = { text: 'x', tags: [], importance: 0.5, source: 's', derivedFrom: [], embedding: null, ...over };
    const salt = '00'.repeat(16);
    const header = {
      ...{ agentId: agent, epoch, seq: ++seq, actorId: `agent:${agent}`, kind, createdAt: 1 },
      ...{ payloadCommitment: commitPayload(salt, payload), previousHash: hash },
    };
    hash = hashHeader(header);
    return { ...header, hash, salt, payload };
  });
}
function batch(fleet: SampleFleet, wanted: Wanted[], node = 'alice', epoch = 1) {
  const entries = chain(fleet, wanted, epoch);
  const [{ seq: from, previousHash }] = entries as [MemoryEntry];
  const message = { type: 'batch' as const, epoch, from, previousHash, entries };
  return fleet.decide<'memory-up'>(acceptMemory, { node, agent, message, stored: [], missing: [], branch: null });
}
const part = (id: string, chunk: number): Wanted => ({
  ...{ kind: 'document', given: `${id}.${chunk}`, document: { id, name: 'manual.pdf', chunk } },
});

t.test('an order waits until its entry is in the log', async (t) => {
  const fleet = fleetWithEcho();
  t.ok(add(fleet, 'a').outcome.ok);
  add(fleet, 'b', 'two');
  t.same(
    givenTo(fleet.view, agent)
      .map(wireOf)
      .map(({ given, text, source }) => [given, text, source]),
    [
      ['a', 'one', `person:${admin.name}`],
      ['b', 'two', `person:${admin.name}`],
    ],
  );
  const give = { agent, node: 'alice', epoch: 1, memories: givenTo(fleet.view, agent).map(wireOf) };
  const sent = fleet.decide<'memory-give'>(giveMemories, give);
  t.match(said(sent.messages, 'memoryDown'), [
    { params: { node: 'alice' }, message: { type: 'give', memories: [{}, {}] } },
  ]);
  t.same(sent.changes, [], 'nothing is stored of it: it may be lost on the way');
  t.same(fleet.decide<'memory-give'>(giveMemories, { ...give, epoch: 2 }).messages, [], 'the agent moved meanwhile');

  batch(fleet, [{ kind: 'genesis' }, { given: 'a' }]);
  t.same(
    givenTo(fleet.view, agent).map(({ id }) => id),
    ['b'],
  );
  t.match(said(fleet.decide<'memory-give'>(giveMemories, give).messages, 'memoryDown'), [
    { message: { memories: [{ given: 'b' }] } },
  ]);
  t.match(fleet.decide<'memory-take-back'>(takeMemoryBack, { by: admin, id: 'a', agent }), {
    outcome: { code: 'no-such-memory' },
  });
  t.ok(fleet.decide<'memory-take-back'>(takeMemoryBack, { by: admin, id: 'b', agent }).outcome.ok);
  t.same(givenTo(fleet.view, agent), []);
});

t.test('one agent has so many at most', async (t) => {
  const fleet = fleetWithEcho();
  for (let i = 0; i < maxGivenPerAgent; i++) add(fleet, `m${i}`);
  t.match(add(fleet, 'more').outcome, { ok: false, code: 'fleet-full' });
});

t.test('why an order waits', async (t) => {
  const fleet = fleetWithEcho();
  t.same(waitsOf(fleet.view, 'nobody'), { waits: 'no-node', node: null });
  const boot = '0000000000000001';
  fleet.apply([{ type: 'hello', node: 'alice', boot, atMs: 1, version: '0.0.1' }]);
  t.same(waitsOf(fleet.view, agent), { waits: 'node-older', node: 'alice' });
  fleet.apply([{ type: 'hello', node: 'alice', boot, atMs: 1, version: '0.1.0', can: { given: true } }]);
  t.same(waitsOf(fleet.view, agent), { waits: 'sent', node: 'alice' });
  const row = fleet.view.nodes.get('alice')!;
  fleet.apply([{ type: 'node', row: { ...row, presence: 'suspect' } }]);
  t.same(waitsOf(fleet.view, agent), { waits: 'node-away', node: 'alice' });
});

t.test(
  'a document: its parts are counted as they come, and a new version takes the place of the one before',
  async (t) => {
    const fleet = fleetWithEcho();
    t.match(addFile(fleet, document('d1', 'aa'.repeat(32))).outcome, { value: { id: 'd1', already: false } });
    t.match(
      addFile(fleet, document('d2', 'aa'.repeat(32))).outcome,
      { value: { id: 'd1', already: true } },
      'the same file',
    );
    batch(fleet, [{ kind: 'genesis' }, part('d1', 1), part('d1', 2)]);
    t.equal(fleet.view.documents.get('d1')?.written, 2);
    batch(fleet, [part('d1', 3)]);
    t.match(fleet.view.documents.get('d1'), { written: 3, chunks: 3 });
    t.notOk(fleet.view.unwritten.has(agent));

    addFile(fleet, document('d3', 'bb'.repeat(32)));
    t.equal(fleet.view.documents.get('d3')?.replaces, 'd1');
    batch(fleet, [part('d3', 1), part('d3', 2)]);
    t.same(givenTo(fleet.view, agent), [], 'the version before stays until all of the new one is there');
    batch(fleet, [part('d3', 3)]);
    t.match(givenTo(fleet.view, agent), [{ id: 'd1w', kind: 'withdraw', document: { id: 'd1' } }]);
    batch(fleet, [{ kind: 'withdraw', given: 'd1w', document: { id: 'd1', name: 'manual.pdf' } }]);
    t.same(
      documentsOf(fleet.view, agent).map(({ id }) => id),
      ['d3'],
    );
    t.same(givenTo(fleet.view, agent), []);
  },
);

t.test(
  'a version that was taken back before it was written leaves the next one to take the place of all before',
  async (t) => {
    const fleet = fleetWithEcho();
    addFile(fleet, document('d1', 'aa'.repeat(32)));
    batch(fleet, [{ kind: 'genesis' }, part('d1', 1), part('d1', 2), part('d1', 3)]);
    addFile(fleet, document('d2', 'bb'.repeat(32)));
    addFile(fleet, document('d3', 'cc'.repeat(32)));
    remove(fleet, 'd2');
    batch(fleet, [part('d3', 1), part('d3', 2), part('d3', 3)]);
    t.same(
      givenTo(fleet.view, agent)
        .map(({ id }) => id)
        .sort(),
      ['d1w', 'd2w'],
    );
  },
);

t.test('an import takes the place of nothing, and nothing that of an import', async (t) => {
  const fleet = fleetWithEcho();
  const importOf = (id: string, sha256: string) => ({
    ...{ ...document(id, sha256), type: 'memories' as const, pages: null, origins: 'ef'.repeat(32) },
  });
  const bring = (row: ReturnType<typeof importOf>) => fleet.decide<'document-add'>(addDocument, { by: admin, row });
  bring(importOf('i1', 'aa'.repeat(32)));
  t.match(
    bring(importOf('i2', 'aa'.repeat(32))).outcome,
    { value: { id: 'i2', already: false } },
    'the rest of a file',
  );
  t.equal(fleet.view.documents.get('i2')?.replaces, null);
  t.same([...namedObjects(fleet.view)].sort(), ['cd'.repeat(32), 'ef'.repeat(32)], 'their file is not kept');
  const all = (id: string) => [1, 2, 3].map((at) => ({ kind: 'import', given: `${id}.${at}` }));
  batch(fleet, [{ kind: 'genesis' }, ...all('i1'), ...all('i2')]);
  addFile(fleet, document('d1', 'bb'.repeat(32)));
  batch(fleet, [part('d1', 1), part('d1', 2), part('d1', 3)]);
  t.same(givenTo(fleet.view, agent), [], 'a document of the same name leaves them');
  t.same([...namedObjects(fleet.view)].sort(), ['bb'.repeat(32), 'cd'.repeat(32), 'ef'.repeat(32)]);
  remove(fleet, 'd1');
  t.same([...namedObjects(fleet.view)], ['ef'.repeat(32)], 'what is in the log is not kept beside it');
  t.match(givenTo(fleet.view, agent), [{ text: /^The document manual/ }]);
  remove(fleet, 'i1');
  t.match(givenTo(fleet.view, agent).at(-1), { kind: 'withdraw', text: 'The import of manual.pdf was taken back.' });
  const boot = '0000000000000001';
  fleet.apply([{ type: 'hello', node: 'alice', boot, atMs: 1, version: '0.1.0', can: { given: true } }]);
  t.match(waitsOf(fleet.view, agent, 'imports'), { waits: 'node-older' });
  fleet.apply([{ type: 'hello', node: 'alice', boot, atMs: 1, version: '0.2.0', can: { given: true, imports: true } }]);
  t.match(waitsOf(fleet.view, agent, 'imports'), { waits: 'sent' });
});

t.test('a document that is taken back: no part of it is sent any more, and it may come again', async (t) => {
  const fleet = fleetWithEcho();
  addFile(fleet, document('d1', 'aa'.repeat(32)));
  batch(fleet, [{ kind: 'genesis' }, part('d1', 1)]);
  t.ok(remove(fleet, 'd1').outcome.ok);
  t.match(remove(fleet, 'd1').outcome, { code: 'no-such-document' });
  const memories = [{ given: 'd1.2', kind: 'document' as const, text: 'x', tags: [], importance: 0.5, source: 's' }];
  t.same(fleet.decide<'memory-give'>(giveMemories, { agent, node: 'alice', epoch: 1, memories }).messages, []);
  t.match(fleet.decide<'memory-take-back'>(takeMemoryBack, { by: admin, id: 'd1w', agent }).outcome, {
    code: 'no-such-memory',
  });
  t.match(addFile(fleet, document('d2', 'aa'.repeat(32))).outcome, { value: { id: 'd2', already: false } });
  batch(fleet, [part('d1', 2)]);
  t.equal(fleet.view.documents.get('d1')?.written, 1, 'what was under way does not count');
});

t.test('a branch: orders in it are brought in once', async (t) => {
  const fleet = fleetWithEcho();
  add(fleet, 'a');
  add(fleet, 'b');
  addFile(fleet, document('d1', 'aa'.repeat(32)));
  batch(fleet, [{ kind: 'genesis' }]);
  const tail = chain(fleet, [{ given: 'a', text: 'one' }, { given: 'b', text: 'two' }, part('d1', 1), part('gone', 1)]);
  fleet.move(['echo', 'bob']);
  // The new writer has written one of them already.
  batch(fleet, [{ kind: 'migrate' }, { given: 'a', text: 'one' }], 'bob', 2);
  const [{ seq: from, previousHash }] = tail as [MemoryEntry];
  const message = { type: 'branch' as const, epoch: 1, from, previousHash, entries: tail, last: true };
  const came = fleet.decide<'memory-up'>(acceptMemory, {
    ...{ node: 'alice', agent, message, stored: [], missing: [], branch: null, siblings: [] },
  });
  const merge = said(came.messages, 'memoryDown').find(({ params }) => params.node === 'bob')?.message;
  t.match(merge, { type: 'merge', entries: [{ payload: { given: 'b' } }, { payload: { given: 'd1.1' } }] });
  t.equal(merge && 'entries' in merge && merge.entries.length, 2, 'one was settled, and one document is not there');
});

t.test('a value that a person sets is an order with its key, for a node-agent that knows such orders', async (t) => {
  const fleet = fleetWithEcho();
  const set = (id: string, text: string) =>
    fleet.decide<'memory-set'>(setValue, { by: admin, id, agent, key: 'door', text });
  t.match(set('a', 'green').changes, [{}, { row: { action: 'memory-set', params: { key: 'door' } } }]);
  t.notMatch(JSON.stringify(set('b', 'blue').changes.filter(({ type }) => type === 'audit')), 'blue');
  t.match(set('c', '').changes, [{}, { row: { action: 'memory-unset' } }]);
  t.match(givenTo(fleet.view, agent).map(wireOf), [
    { given: 'a', kind: 'value', key: 'door', text: 'green', source: `person:${admin.name}` },
    { given: 'b', text: 'blue' },
    { given: 'c', kind: 'value', key: 'door', text: '' },
  ]);
  const boot = '0000000000000001';
  fleet.apply([{ type: 'hello', node: 'alice', boot, atMs: 1, version: '0.1.0', can: { given: true } }]);
  t.match(
    [waitsOf(fleet.view, agent), waitsOf(fleet.view, agent, 'values')],
    [{ waits: 'sent' }, { waits: 'node-older' }],
  );
  for (let more = givenTo(fleet.view, agent).length; more < maxGivenPerAgent; more++) set(`m${more}`, 'x');
  t.match(set('last', 'x').outcome, { code: 'fleet-full' });
});

t.test(
  'a branch: what was set on it is brought in, but what a person set is an order of the present writer',
  async (t) => {
    const fleet = fleetWithEcho();
    fleet.decide<'memory-set'>(setValue, { by: admin, id: 'a', agent, key: 'gate', text: '1' });
    const row = {
      ...document('i1', 'aa'.repeat(32)),
      type: 'memories' as const,
      origins: 'bb'.repeat(32),
      values: true,
    };
    addFile(fleet, row as never);
    const imported = { id: 'i1', agent: 'eve', kind: 'note', actorId: 'agent:eve', atMs: 1, isVerified: true };
    batch(fleet, [{ kind: 'genesis' }]);
    const tail = chain(fleet, [
      { kind: 'import', text: 'x', given: 'i1.1', imported },
      { kind: 'import', text: 'red', key: 'door', given: 'i1.2', imported },
      { kind: 'import', text: 'y', given: 'i1.3', imported },
      { kind: 'value', key: 'door', text: 'green' },
      { kind: 'value', key: 'gate', text: '1', given: 'a' },
      { kind: 'value', key: 'door', text: '' },
    ]);
    fleet.move(['echo', 'bob']);
    const [{ seq: from, previousHash }] = tail as [MemoryEntry];
    const message = { type: 'branch' as const, epoch: 1, from, previousHash, entries: tail, last: true };
    const came = fleet.decide<'memory-up'>(acceptMemory, {
      ...{ node: 'alice', agent, message, stored: [], missing: [], branch: null, siblings: [] },
    });
    const merge = said(came.messages, 'memoryDown').find(({ params }) => params.node === 'bob')?.message;
    t.match(merge, { entries: [{ payload: { text: 'green' } }, { payload: { text: '' } }] });
    t.equal(merge && 'entries' in merge && merge.entries.length, 2);
    t.match(givenTo(fleet.view, agent), [{ id: 'a' }], 'it still waits');
    t.equal(fleet.view.documents.get('i1')?.written, 0, 'and no part of an import with values is passed over');
  },
);
