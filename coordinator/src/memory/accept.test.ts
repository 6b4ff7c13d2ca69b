import { commitPayload, hashHeader, type MemoryEntry, type MemoryUp, maxMemoryEntryBytes } from '@blackroad/protocol';
import t from 'tap';
import { events, SampleFleet, said } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { ada, boot1, removedAgent, sampleHealth } from '../../../test/fixtures/coordinator/sample-rows.ts';
import { forgetNode } from '../fleet/nodes.ts';
import { acceptHealth } from '../fleet/presence.ts';
import type { Given } from '../state/input.ts';
import { acceptMemory } from './accept.ts';

interface Wanted {
  kind?: MemoryEntry['kind'];
  text?: string;
  derivedFrom?: string[];
  source?: string;
}
/** The next entries of a chain, with correct digests. */
function chain(epoch: number, after: { seq: number; hash: string }, wanted: Wanted[], agent = 'echo'): MemoryEntry[] {
  const entries: MemoryEntry[] = [];
  let { seq, hash } = after;
  for (const { kind = 'turn', text = '', derivedFrom = [], source = 'task:t' } of wanted) {
    const payload = {
      text: text || `memory ${seq + 1}`,
      tags: [],
      importance: 0.5,
      source,
      derivedFrom,
      embedding: null,
    };
    const salt = '00'.repeat(16);
    const header = {
      agentId: agent,
      epoch,
      seq: ++seq,
      actorId: `agent:${agent}`,
      kind,
      createdAt: 1,
      payloadCommitment: commitPayload(salt, payload),
      previousHash: hash,
    };
    hash = hashHeader(header);
    entries.push({ ...header, hash, salt, payload });
  }
  return entries;
}
const genesis = { seq: 0, hash: 'genesis' };
const tip = (entries: readonly MemoryEntry[]) => entries[entries.length - 1] as MemoryEntry;
const three: Wanted[] = [{ kind: 'genesis' }, {}, {}];

function batch(epoch: number, entries: MemoryEntry[]): Extract<MemoryUp, { type: 'batch' }> {
  const [first] = entries as [MemoryEntry];
  return { type: 'batch', epoch, from: first.seq, previousHash: first.previousHash, entries };
}
function branch(epoch: number, entries: MemoryEntry[], last = true): Extract<MemoryUp, { type: 'branch' }> {
  const [first] = entries as [MemoryEntry];
  return { type: 'branch', epoch, from: first.seq, previousHash: first.previousHash, entries, last };
}
function up(fleet: SampleFleet, node: string, message: MemoryUp, read: Partial<Given<'memory-up'>> = {}) {
  const decision = fleet.decide<'memory-up'>(acceptMemory, {
    node,
    agent: 'echo',
    message,
    stored: [],
    missing: [],
    branch: null,
    ...read,
  });
  return {
    ...decision,
    down: said(decision.messages, 'memoryDown').map(({ params, message }) => ({ ...params, ...message })),
  };
}
const hashes = (entries: readonly MemoryEntry[]) => entries.map(({ seq, epoch, hash }) => ({ seq, epoch, hash }));
function fleetWithEcho(): SampleFleet {
  const fleet = new SampleFleet();
  fleet.online('bob');
  fleet.runs('echo', 'alice');
  return fleet;
}

t.test('the writer appends, once', async (t) => {
  const fleet = fleetWithEcho();
  const first = chain(1, genesis, three);
  const stored = up(fleet, 'alice', batch(1, first));
  t.match(stored.changes, [{ type: 'memory', space: 'default', agent: 'echo', entries: first }]);
  t.match(stored.down, [{ node: 'alice', type: 'ack', epoch: 1, upto: 3, hash: tip(first).hash }]);

  const again = up(fleet, 'alice', batch(1, first));
  t.same(again.changes, [], 'sent twice is stored once');
  t.match(again.down, [{ type: 'ack', upto: 3 }]);
  const part = up(fleet, 'alice', batch(1, first.slice(0, 2)), { stored: hashes(first.slice(0, 2)) });
  t.match(part, { changes: { length: 0 }, down: [{ type: 'ack', upto: 3 }] });
  const unread = up(fleet, 'alice', batch(1, first.slice(0, 2)));
  t.match(unread.down, [{ type: 'nack', reason: 'gap', headSeq: 3 }], 'what was not read is not acknowledged');

  const more = chain(1, tip(first), [{}, {}]);
  const overlapping = up(fleet, 'alice', batch(1, [...first.slice(1), ...more]));
  t.match(overlapping.changes, [{ type: 'memory', entries: more }], 'only what is new');
  t.match(fleet.view.heads.get('echo'), { epoch: 1, seq: 5, hash: tip(more).hash, entries: 5 });
});

t.test('who may append: the node that holds the agent, under the present epoch', async (t) => {
  const fleet = fleetWithEcho();
  const first = chain(1, genesis, three);
  up(fleet, 'alice', batch(1, first));
  t.match(up(fleet, 'bob', batch(1, chain(1, tip(first), [{}]))).down, [
    { node: 'bob', type: 'nack', reason: 'stale-epoch', epoch: 1, headSeq: 3 },
  ]);
  fleet.move(['echo', 'bob']);
  const old = up(fleet, 'alice', batch(1, chain(1, tip(first), [{}])));
  t.match(old, { changes: { length: 0 }, down: [{ type: 'nack', reason: 'stale-epoch' }] });
  t.match(up(fleet, 'alice', { type: 'hello', epoch: 1, durableSeq: 3, hash: tip(first).hash }).down, [
    { type: 'nack', reason: 'stale-epoch' },
  ]);
  t.match(up(fleet, 'bob', batch(2, chain(2, tip(first), [{ kind: 'migrate' }, {}]))).down, [{ type: 'ack', upto: 5 }]);
  fleet.apply([{ type: 'agent-gone', row: removedAgent('echo') }]);
  t.match(up(fleet, 'bob', batch(2, chain(2, tip(first), [{}]))).down, [{ type: 'nack', reason: 'unknown-agent' }]);
  t.match(up(fleet, 'eve', batch(2, chain(2, tip(first), [{}]))), {
    down: { length: 0 },
    remarks: [{ reason: 'node-not-active' }],
  });
});

t.test('nothing that does not verify gets in', async (t) => {
  const sound = () => chain(1, genesis, three);
  const edit = (at: number, over: Partial<MemoryEntry>) => sound().map((e, i) => (i === at ? { ...e, ...over } : e));
  const [a, b, c] = sound() as [MemoryEntry, MemoryEntry, MemoryEntry];
  const table: [string, MemoryEntry[]][] = [
    ['a header changed', edit(1, { createdAt: 2 })],
    ['a payload changed', edit(2, { payload: { ...(c.payload as NonNullable<MemoryEntry['payload']>), text: 'x' } })],
    ['a payload without its salt', edit(1, { salt: null })],
    ['a hash of its own', edit(2, { hash: 'a'.repeat(64) })],
    ['an entry left out', [a, c]],
    ['entries out of order', [b, a]],
    ["another agent's", chain(1, genesis, three, 'prism')],
    ['of another epoch', chain(2, genesis, three)],
    ['an entry that no message could carry on', chain(1, genesis, [{}, { text: 'x'.repeat(maxMemoryEntryBytes) }])],
  ];
  for (const [name, entries] of table) {
    const fleet = fleetWithEcho();
    const refused = up(fleet, 'alice', batch(1, entries));
    t.same(refused.changes, [], name);
    const final = [{ type: 'nack', reason: 'bad-hash', of: tip(entries).hash, final: /^entry \d/ }];
    t.match(refused.down, final, `${name}: never taken as it is`);
    const asBranch = up(fleet, 'alice', branch(1, entries));
    t.same(asBranch.changes, [], `${name}, as a branch`);
    t.match(asBranch.down, final, `${name}, as a branch: the node need not bring it again`);
  }
  const fleet = fleetWithEcho();
  const erased = edit(1, { salt: null, payload: null });
  t.match(up(fleet, 'alice', batch(1, erased)).down, [{ type: 'ack', upto: 3 }], 'what was erased still verifies');
});

t.test('gaps and forks', async (t) => {
  const fleet = fleetWithEcho();
  const first = chain(1, genesis, three);
  up(fleet, 'alice', batch(1, first));
  const beyond = chain(1, { seq: 4, hash: 'b'.repeat(64) }, [{}]);
  t.match(up(fleet, 'alice', batch(1, beyond)).down, [
    { type: 'nack', reason: 'gap', headSeq: 3, headHash: tip(first).hash },
  ]);
  const other = chain(1, first[0] as MemoryEntry, [{ text: 'other' }, {}, {}]);
  const forks = [
    up(fleet, 'alice', batch(1, other)),
    up(fleet, 'alice', batch(1, other.slice(0, 1)), { stored: hashes(first) }),
    up(fleet, 'alice', batch(1, other.slice(2))),
    up(fleet, 'alice', { type: 'hello', epoch: 1, durableSeq: 3, hash: other[1]?.hash ?? '' }),
    up(
      fleet,
      'alice',
      { type: 'hello', epoch: 1, durableSeq: 2, hash: other[0]?.hash ?? '' },
      { missing: first.slice(2) },
    ),
  ];
  for (const fork of forks) {
    t.match(fork.down, [{ type: 'nack', reason: 'fork', headSeq: 3 }]);
    t.same(events(fork.changes), ['memory-fork'], 'people see it');
    t.notOk(fork.changes.some(({ type }) => type === 'memory'));
  }
});

t.test('every hash of a batch is verified, however many there are', async (t) => {
  for (const at of [0, 20, 21, 63]) {
    const fleet = fleetWithEcho();
    const many = chain(
      1,
      genesis,
      Array.from({ length: 64 }, (_, i) => (i === 0 ? { kind: 'genesis' as const } : {})),
    );
    const payload = { ...many[at]!.payload!, text: 'not what was hashed' };
    const { changes, down } = up(fleet, 'alice', batch(1, many.with(at, { ...many[at]!, payload })));
    t.same(changes, [], `entry ${at + 1}`);
    t.match(down, [{ type: 'nack', reason: 'bad-hash' }]);
  }
});

t.test('a branch is offered whenever the writer is caught up, not at its hello alone', async (t) => {
  const { fleet, shared, main, alone } = apart([{}, { kind: 'note' }]);
  up(fleet, 'alice', branch(1, alone), { stored: hashes(main) });
  const writer = tip(main);
  const hello = { type: 'hello', epoch: 2, durableSeq: 3, hash: tip(shared).hash } as const;
  t.match(up(fleet, 'bob', hello, { missing: main }).down, [{ type: 'entries' }], 'it lacks the log first');
  const read = { branch: { id: 'echo.alice.1', entries: alone } };
  const hydrated = { type: 'hydrated', epoch: 2, durableSeq: writer.seq, hash: writer.hash } as const;
  t.match(up(fleet, 'bob', hydrated, read).down, [{ type: 'merge', branch: 'echo.alice.1', entries: alone }]);
  t.same(up(fleet, 'alice', { ...hydrated, epoch: 1 }, read).down, [], 'who does not write is offered nothing');
  t.same(up(fleet, 'bob', { ...hydrated, durableSeq: writer.seq - 1 }, read).down, [], 'nor who is behind');
  const more = up(fleet, 'bob', batch(2, chain(2, writer, [{}])), read).down;
  t.match(more, [{ type: 'ack' }, { type: 'merge', branch: 'echo.alice.1', entries: alone }]);
});

t.test('a fetch: what is asked for, as much as fits, in the order of the log; of the writer alone', async (t) => {
  const fleet = fleetWithEcho();
  const first = chain(1, genesis, three);
  up(fleet, 'alice', batch(1, first));
  const fetch = { type: 'fetch', epoch: 1, which: 'newest', before: 4 } as const;
  const answer = { type: 'early', agent: 'echo', epoch: 1, which: 'newest', before: 4 };
  t.match(up(fleet, 'alice', fetch, { missing: first.toReversed() }).down, [{ ...answer, entries: first }]);
  Object.assign(fleet.view, { cuts: { ...fleet.view.cuts, memoryBatchEntries: 2 } });
  const two = up(fleet, 'alice', fetch, { missing: first.toReversed() }).down as { entries?: MemoryEntry[] }[];
  t.same(
    two[0]?.entries?.map(({ seq }) => seq),
    [2, 3],
    'the last ones that fit',
  );
  t.match(up(fleet, 'bob', fetch).down, [{ type: 'nack', reason: 'stale-epoch' }]);
  t.match(up(fleet, 'alice', { ...fetch, epoch: 9 }).down, [{ type: 'nack', reason: 'stale-epoch' }]);
});

t.test('hello: behind, level, ahead', async (t) => {
  const fleet = fleetWithEcho();
  const first = chain(1, genesis, three);
  up(fleet, 'alice', batch(1, first));
  const hello = (durableSeq: number, hash: string, missing: MemoryEntry[] = []) =>
    up(fleet, 'alice', { type: 'hello', epoch: 1, durableSeq, hash }, { missing }).down;
  t.match(hello(0, 'genesis', first), [
    { type: 'entries', early: true, entries: first, headSeq: 3, headHash: tip(first).hash },
  ]);
  t.match(hello(1, first[0]?.hash ?? '', first.slice(1)), [{ type: 'entries', entries: first.slice(1) }]);
  t.match(hello(0, 'genesis'), [{ type: 'nack', reason: 'gap' }], 'nothing was read for it: it asks again');
  t.match(hello(3, tip(first).hash), [{ type: 'ack', upto: 3, hash: tip(first).hash }]);
  t.match(hello(9, 'c'.repeat(64)), [{ type: 'ack', upto: 3 }], 'it goes on from our head');
  const { changes, down } = up(fleet, 'alice', { type: 'hydrated', epoch: 1, durableSeq: 3, hash: tip(first).hash });
  t.same({ changes, down }, { changes: [], down: [] });

  const large = chain(
    1,
    genesis,
    Array.from({ length: 60 }, () => ({ text: 'x'.repeat(8000) })),
  );
  const [sent] = said(
    fleet.decide<'memory-up'>(acceptMemory, {
      node: 'alice',
      agent: 'echo',
      message: { type: 'hello', epoch: 1, durableSeq: 0, hash: 'genesis' },
      stored: [],
      missing: large,
      branch: null,
    }).messages,
    'memoryDown',
  );
  t.ok(Buffer.byteLength(JSON.stringify(sent?.message)) <= 128 * 1024, 'cut to what a message holds');
});

/**
 * A fleet in which alice wrote three entries and then more without the coordinator, while bob holds the agent and has written `migrate`.
 */
function apart(tail: Wanted[]) {
  const fleet = fleetWithEcho();
  const shared = chain(1, genesis, three);
  up(fleet, 'alice', batch(1, shared));
  fleet.move(['echo', 'bob']);
  const main = chain(2, tip(shared), [{ kind: 'migrate' }]);
  up(fleet, 'bob', batch(2, main));
  const alone = chain(1, tip(shared), tail);
  return { fleet, shared, main, alone };
}

t.test('a fenced tail becomes a branch and is brought in by the writer', async (t) => {
  const { fleet, main, alone } = apart([{}, { kind: 'note' }, { kind: 'merge' }, { kind: 'migrate' }]);
  const kept = up(fleet, 'alice', branch(1, alone), { stored: hashes(main) });
  t.match(kept.down, [
    {
      node: 'bob',
      type: 'merge',
      epoch: 2,
      branch: 'echo.alice.1',
      from: 'alice',
      entries: alone.slice(0, 2),
    },
    { node: 'alice', type: 'branch-ack', epoch: 1, upto: 7 },
  ]);
  t.match(fleet.view.branches.get('echo.alice.1'), { fromSeq: 4, uptoSeq: 7, complete: true, merged: false });
  t.same(events(kept.changes), ['memory-branch']);

  const read = { id: 'echo.alice.1', entries: alone };
  const merges = chain(
    2,
    tip(main),
    alone
      .slice(0, 2)
      .map(({ hash }) => ({ kind: 'merge' as const, derivedFrom: [hash], source: 'branch:echo.alice.1' })),
  );
  const one = up(fleet, 'bob', batch(2, merges.slice(0, 1)), { merging: [read] });
  t.match(
    one.down,
    [
      { type: 'ack', upto: 5 },
      { type: 'merge', entries: alone.slice(1, 2) },
    ],
    'the rest is offered',
  );
  t.equal(fleet.view.branches.get('echo.alice.1')?.mergedUpto, 4);
  const two = up(fleet, 'bob', batch(2, merges.slice(1)), { merging: [read] });
  t.same(events(two.changes), ['memory-merged']);
  t.equal(fleet.view.branches.size, 0);

  const again = up(fleet, 'alice', branch(1, alone), {
    stored: hashes(main),
    siblings: [{ id: 'echo.alice.1', hashes: hashes(alone) }],
  });
  t.match(
    again,
    { changes: { length: 0 }, down: [{ type: 'branch-ack', upto: 7 }] },
    'brought again: acknowledged, not kept twice',
  );
  const unread = up(fleet, 'alice', branch(1, alone), { stored: hashes(main) });
  t.match(unread, { changes: { length: 0 }, down: [{ type: 'nack' }] }, 'nor when the store was read too early');
});

t.test('in parts, sent twice, partly in the log already', async (t) => {
  const { fleet, shared, main, alone } = apart([{}, {}, {}, {}]);
  const log = hashes([...shared, ...main]);
  const whole = [...shared.slice(1), ...alone];
  const one = up(fleet, 'alice', branch(1, whole.slice(0, 4), false), { stored: log });
  t.match(one.down, [{ type: 'branch-ack', upto: 5 }]);
  t.match(fleet.view.branches.get('echo.alice.1'), { fromSeq: 4, uptoSeq: 5, complete: false });
  const siblings = [{ id: 'echo.alice.1', hashes: hashes(alone.slice(0, 2)) }];
  t.same(up(fleet, 'alice', branch(1, whole.slice(0, 4), false), { stored: log, siblings }).changes, []);
  fleet.will('bob');
  const two = up(fleet, 'alice', branch(1, whole.slice(4)), { stored: log, siblings });
  t.match(
    two.down,
    [
      { node: 'bob', type: 'merge' },
      { node: 'alice', type: 'branch-ack', upto: 7 },
    ],
    'the writer is suspect: it may hear',
  );
  t.match(fleet.view.branches.get('echo.alice.1'), { fromSeq: 4, uptoSeq: 7, complete: true });

  fleet.birth('bob', boot1);
  const hello: MemoryUp = { type: 'hello', epoch: 2, durableSeq: 4, hash: tip(main).hash };
  t.match(up(fleet, 'bob', hello, { branch: { id: 'echo.alice.1', entries: alone } }).down, [
    { type: 'ack', upto: 4 },
    { type: 'merge', branch: 'echo.alice.1', entries: alone },
  ]);
  const whole2 = [{ id: 'echo.alice.1', hashes: hashes(alone) }];
  const none = up(fleet, 'alice', branch(1, shared), { stored: log, siblings: whole2 });
  t.match(none, { changes: { length: 0 }, down: [{ type: 'branch-ack', upto: 3 }] }, 'all of it is in the log');
});

t.test('two histories under one epoch are two branches', async (t) => {
  const { fleet, shared, main, alone } = apart([{}, {}, {}]);
  up(fleet, 'alice', branch(1, alone), { stored: hashes(main) });
  const other = chain(1, tip(shared), [{ text: 'other' }]);
  const early = up(fleet, 'alice', branch(1, other), { stored: hashes(main) });
  t.match(
    early,
    { changes: { length: 0 }, down: [{ type: 'nack' }] },
    'read before the first was stored: it must come again',
  );
  const siblings = [{ id: 'echo.alice.1', hashes: hashes(alone) }];
  t.match(up(fleet, 'alice', branch(1, other), { stored: hashes(main), siblings }).down, [
    { type: 'merge', branch: 'echo.alice.1.2', entries: other },
    { type: 'branch-ack', upto: 4 },
  ]);
  t.same([...fleet.view.branches.keys()], ['echo.alice.1', 'echo.alice.1.2']);
  t.match(up(fleet, 'alice', branch(9, chain(9, genesis, [{}]))).down, [{ type: 'nack', reason: 'bad-hash' }]);
});

t.test('a branch without additions is done with at once', async (t) => {
  const { fleet, alone } = apart([{ kind: 'migrate' }]);
  const kept = up(fleet, 'alice', branch(1, alone));
  t.same(events(kept.changes), ['memory-branch', 'memory-merged']);
  t.equal(fleet.view.branches.size, 0);
});

t.test('a node is forgotten in the middle of a branch: what came of it is closed and brought in', async (t) => {
  const { fleet, main, alone } = apart([{}, {}, {}, {}]);
  up(fleet, 'alice', branch(1, alone.slice(0, 2), false), { stored: hashes(main) });
  t.match(fleet.view.branches.get('echo.alice.1'), { uptoSeq: 5, complete: false });
  const forgotten = fleet.decide<'node-forget'>(forgetNode, { by: ada, node: 'alice' });
  t.match(fleet.view.branches.get('echo.alice.1'), { fromSeq: 4, uptoSeq: 5, complete: true, merged: false });
  t.same(events(forgotten.changes), ['memory-branch-cut', 'node-forgotten']);
  const level: MemoryUp = { type: 'hydrated', epoch: 2, durableSeq: 4, hash: tip(main).hash };
  t.match(up(fleet, 'bob', level, { branch: { id: 'echo.alice.1', entries: alone.slice(0, 2) } }).down, [
    { node: 'bob', type: 'merge', branch: 'echo.alice.1', entries: alone.slice(0, 2) },
  ]);
});

t.test('a node that says it has nothing left to bring: what came of its branch is closed (seed 420553)', async (t) => {
  const { fleet, main, alone } = apart([{}, {}, {}, {}]);
  up(fleet, 'alice', branch(1, alone.slice(0, 2), false), { stored: hashes(main) });
  const beat = (node: string, memoriesUnacked?: number) => {
    const { boot } = fleet.view.nodes.get(node)!;
    const message = { ...sampleHealth({ boot }), ...(memoriesUnacked === undefined ? {} : { memoriesUnacked }) };
    return events(fleet.decide<'node-health'>(acceptHealth, { node, message }).changes);
  };
  t.same(beat('alice', 2), [], 'it goes on');
  t.same(beat('alice'), [], 'an older node-agent, which cannot say');
  t.same(beat('bob', 0), [], 'another node');
  t.match(fleet.view.branches.get('echo.alice.1'), { complete: false });
  t.same(beat('alice', 0), ['memory-branch-cut']);
  t.match(fleet.view.branches.get('echo.alice.1'), { fromSeq: 4, uptoSeq: 5, complete: true, merged: false });
  t.same(beat('alice', 0), [], 'once');
  const siblings = [{ id: 'echo.alice.1', hashes: hashes(alone.slice(0, 2)) }];
  const rest = up(fleet, 'alice', branch(1, alone.slice(2)), { stored: [], siblings });
  t.match(rest.down, [{ type: 'merge' }, { type: 'branch-ack' }], 'the rest is taken should it come all the same');
});

t.test('what may be taken later says nothing final, what is never taken does', async (t) => {
  const fleet = fleetWithEcho();
  const first = chain(1, genesis, three);
  up(fleet, 'alice', batch(1, first));
  const hello = { type: 'hello', epoch: 1, durableSeq: 2, hash: first[1]!.hash } as const;
  const other = chain(1, first[0]!, [{ text: 'other' }]);
  const early = up(fleet, 'bob', branch(1, other));
  const table: [string, ReturnType<typeof up>, 'later' | 'never'][] = [
    ['gap, of a hello', up(fleet, 'alice', hello), 'later'],
    ['gap, of a batch', up(fleet, 'alice', batch(1, chain(1, { seq: 9, hash: 'b'.repeat(64) }, [{}]))), 'later'],
    ['fork', up(fleet, 'alice', batch(1, chain(1, first[1]!, [{ text: 'other' }, {}]).slice(1))), 'later'],
    ['stale-epoch', up(fleet, 'bob', batch(1, chain(1, tip(first), [{}]))), 'later'],
    ['a branch that was never its own', early, 'never'],
    ['an author that did not write', up(fleet, 'alice', batch(1, forged(first))), 'never'],
  ];
  for (const [name, { down }, when] of table) {
    t.match(down, [{ type: 'nack', of: /^[0-9a-f]{64}$/ }], `${name}: it says what it answers`);
    t.equal(down[0] && 'final' in down[0] ? 'never' : 'later', when, name);
  }
  t.match(early.down, [{ final: 'the node that is now called bob never held echo under epoch 1' }], 'in words');
  fleet.apply([{ type: 'agent-gone', row: removedAgent('echo') }]);
  const unknown = up(fleet, 'alice', branch(1, other)).down;
  t.match(unknown, [{ type: 'nack', reason: 'unknown-agent', of: tip(other).hash }]);
  t.notOk('final' in unknown[0]!, 'it may be applied again');
});
/** The next entry of a chain with correct digests, but with the name of another author. */
function forged(first: readonly MemoryEntry[]): MemoryEntry[] {
  const [entry] = chain(1, tip(first), [{}]) as [MemoryEntry];
  const header = { ...entry, actorId: 'user:admin' };
  return [{ ...header, hash: hashHeader(header) }];
}

t.test('a branch that grows after it was brought in: only what is new is offered (seed 100131)', async (t) => {
  const { fleet, main, alone } = apart([{}, {}, {}]);
  const two = alone.slice(0, 2);
  up(fleet, 'alice', branch(1, two), { stored: hashes(main) });
  const merges = chain(
    2,
    tip(main),
    two.map(({ hash }) => ({ kind: 'merge' as const, derivedFrom: [hash], source: 'branch:echo.alice.1' })),
  );
  up(fleet, 'bob', batch(2, merges), { merging: [{ id: 'echo.alice.1', entries: two }] });
  t.equal(fleet.view.branches.size, 0);
  const early = up(fleet, 'alice', branch(1, alone), { stored: hashes(main) });
  t.match(
    early,
    { changes: { length: 0 }, down: [{ type: 'nack' }] },
    'looked up before it was brought in: it must come again',
  );
  const siblings = [{ id: 'echo.alice.1', hashes: hashes(two) }];
  const read = { id: 'echo.alice.1', entries: two };
  const more = up(fleet, 'alice', branch(1, alone), { stored: hashes(main), siblings, branch: read });
  t.match(more.down, [
    { node: 'bob', type: 'merge', entries: alone.slice(2) },
    { node: 'alice', type: 'branch-ack', upto: 6 },
  ]);
  t.match(fleet.view.branches.get('echo.alice.1'), { uptoSeq: 6, mergedUpto: 5, complete: true, merged: false });
});

t.test('a hello tells what a card that was set back has not erased, also of an agent that is removed', async (t) => {
  const fleet = fleetWithEcho();
  up(fleet, 'alice', batch(1, chain(1, genesis, three)));
  const row = { id: 'echo.1', agent: 'echo', number: 1, atMs: 1, by: 'admin', entries: 1, owed: [] };
  fleet.apply([{ type: 'erasure', row }]);
  fleet.apply([{ type: 'agent-gone', row: { id: 'echo', space: 'default', name: 'echo', epoch: 1, version: 1 } }]);
  Object.assign(fleet.view.live.get('alice') ?? {}, { can: { erases: true } });
  const hashesOfIt = ['d'.repeat(64)];
  const hello = { type: 'hello', epoch: 1, durableSeq: 3, hash: 'c'.repeat(64), erased: 0 } as const;
  const { down } = up(fleet, 'alice', hello, { erasure: { number: 1, hashes: hashesOfIt } });
  t.match(down, [
    { type: 'erase', number: 1, hashes: hashesOfIt },
    { type: 'nack', reason: 'unknown-agent' },
  ]);
});
