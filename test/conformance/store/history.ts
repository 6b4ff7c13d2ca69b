// What is written beside the commits: sessions come back, roll-ups replace and page and go, usage adds up once, past attempts stay.
import type { Test } from 'tap';
import type { UsageRow } from '../../../coordinator/src/store/store.ts';
import { endedTask, t0, taskRow } from '../../fixtures/coordinator/stored-rows.ts';
import type { OpenStore } from '../store.ts';

const cells = (...bytes: number[]) => Uint8Array.from(bytes);
const usage = (over: Partial<UsageRow> = {}): UsageRow => ({
  day: 20_000,
  agent: 'echo',
  model: 'tiny',
  node: 'alice',
  key: '',
  tasks: 2,
  failed: 1,
  promptTokens: 10,
  completionTokens: 20,
  costUsd: 0.5,
  cloudUsd: 0.25,
  ...over,
});

export async function historyConformance(t: Test, open: OpenStore): Promise<void> {
  await t.test('sessions come back in the order they were opened, and go', async (t) => {
    const { store } = await open(t);
    const session = (id: string) => ({
      type: 'session' as const,
      row: {
        id,
        space: 'default',
        name: 'ada',
        roles: ['viewer' as const],
        keyId: null,
        createdMs: t0,
        expiresMs: t0 + 1,
        address: '::1',
      },
    });
    await store.commit([session('b'), session('a'), { type: 'session-gone', id: 'b' }]);
    await store.commit([session('a')]);
    const { changes } = await store.load();
    t.same([...changes], [session('a')]);
  });

  await t.test(
    'conversations come back and go; their tasks are kept as long, whole but for what was said before',
    async (t) => {
      const { store } = await open(t);
      const by = { kind: 'key', id: 'k', name: 'ada' } as const;
      const row = {
        id: 'c1',
        space: 'default',
        agent: 'greeter',
        title: 'Dogs',
        by,
        isShared: false,
        createdMs: t0,
        updatedMs: t0,
        tasks: 2,
      };
      const turns = [{ said: 'a', answered: 'b' }];
      const images = ['AAAA', 'BBBB'];
      const first = taskRow(1, { conversation: 'c1', turns: [], images });
      const second = taskRow(2, { conversation: 'c1', after: first.id, turns });
      const third = taskRow(3, { conversation: 'c1', after: first.id, turns });
      const alone = taskRow(4, { turns });
      const trace = { recalled: [], calls: [], messages: [{ role: 'user' as const, content: 'a' }], isCut: false };
      const ends = [
        endedTask(first, { trace }),
        endedTask(second),
        endedTask(third, { state: 'failed' }),
        endedTask(alone),
      ];
      await store.commit([
        { type: 'conversation', row: { ...row, title: '' } },
        ...[first, second, third, alone].map((task) => ({ type: 'task-new' as const, row: task })),
      ]);
      await store.commit([
        { type: 'conversation', row },
        ...ends.map((end) => ({ type: 'task-end' as const, row: end })),
      ]);
      const isOne = ({ type }: { type: string }) => type === 'conversation';
      t.same([...(await store.load()).changes].filter(isOne), [{ type: 'conversation', row }]);
      const said = await store.conversationTasks('c1');
      t.same(
        said.map(({ row, pictures }) => [row.id, row.after, row.images, pictures]),
        [
          [first.id, undefined, undefined, 2],
          [second.id, first.id, undefined, 0],
          [third.id, first.id, undefined, 0],
        ],
        'in lists without the pictures',
      );
      t.match(said[0]?.pictureCharacters, JSON.stringify(images).length);
      t.match(await store.task(first.id), { images, trace }, 'the task itself has them');
      const before = async (id: string) => (await store.task(id))?.turns;
      t.same([await before(second.id), await before(third.id), await before(alone.id)], [undefined, turns, turns]);
      const prune = () => store.prune({ tasksMs: t0 + 1_000_000, eventsMs: 0, auditMs: 0 });
      t.equal(await prune(), 1, 'the one that belongs to none');
      await store.commit([{ type: 'conversation-gone', id: 'c1' }]);
      t.same([...(await store.load()).changes].filter(isOne), []);
      t.same(await store.conversationTasks('c1'), []);
      t.match(await store.task(second.id), { after: undefined, conversation: undefined });
      t.equal(await prune(), 3);
    },
  );

  await t.test('roll-ups: the same moment again replaces it; pages of one part, oldest first', async (t) => {
    const { store } = await open(t);
    t.equal(await store.lastRollupS(60), null);
    const row = (tier: number, part: number, atS: number, ...bytes: number[]) => ({
      tier,
      part,
      atS,
      cells: cells(...bytes),
    });
    await store.putRollups({ rows: [row(60, 0, 120, 1), row(60, 0, 60, 2), row(60, 1, 60, 3), row(900, 0, 0, 4)] });
    await store.putRollups({ rows: [row(60, 0, 60, 9, 9)] });
    const seen = await store.rollups(60, 0, 0, 1_000, 10);
    t.same(
      seen.map(({ atS, cells: own }) => [atS, ...own]),
      [
        [60, 9, 9],
        [120, 1],
      ],
    );
    t.same((await store.rollups(60, 0, 61, 120, 10)).length, 0, 'from is in, before is not');
    t.same(
      (await store.rollups(60, 0, 0, 1_000, 1)).map(({ atS }) => atS),
      [60],
    );
    t.equal(await store.lastRollupS(60), 120);
    t.equal(await store.lastRollupS(900), 0);
    let gone = 0;
    const before = { tiers: { 60: 100, 900: 0 }, day: 0, seriesMs: 0 };
    for (let n = await store.pruneRollups(before); n > 0; n = await store.pruneRollups(before)) gone += n;
    t.equal(gone, 2);
    t.same(
      (await store.rollups(60, 0, 0, 1_000, 10)).map(({ atS }) => atS),
      [120],
    );
    t.equal((await store.rollups(900, 0, 0, 1_000, 10)).length, 1);
  });

  await t.test('series keep their number until they were over for long', async (t) => {
    const { store } = await open(t);
    await store.putRollups({
      rows: [],
      series: [
        { id: 'alice', number: 1, untilMs: null },
        { id: 'bob', number: 2, untilMs: null },
      ],
    });
    await store.putRollups({ rows: [], series: [{ id: 'alice', number: 1, untilMs: t0 }] });
    t.match(await store.series(), [
      { id: 'alice', number: 1, untilMs: t0 },
      { id: 'bob', number: 2, untilMs: null },
    ]);
    await store.pruneRollups({ tiers: {}, day: 0, seriesMs: t0 });
    t.equal((await store.series()).length, 2);
    await store.pruneRollups({ tiers: {}, day: 0, seriesMs: t0 + 1 });
    t.same(
      (await store.series()).map(({ id }) => id),
      ['bob'],
    );
  });

  await t.test('usage adds up, and its mark never goes back', async (t) => {
    const { store } = await open(t);
    t.equal(await store.usageUptoMs(), null);
    await store.addUsage([usage(), usage({ agent: 'other', node: 'bob' })], t0);
    await store.addUsage([usage({ tasks: 3 }), usage({ day: 20_001 })], t0 - 5);
    t.equal(await store.usageUptoMs(), t0);
    const sums = { tasks: 5, failed: 2, promptTokens: 20, completionTokens: 40, costUsd: 1, cloudUsd: 0.5 };
    t.same(await store.usage(20_000, 'day', { agent: 'echo' }), [{ key: '', ...sums }]);
    const byNode = await store.usage(20_000, 'node', {});
    t.same(byNode.map(({ key, tasks }) => [key, tasks]).sort(), [
      ['alice', 5],
      ['bob', 2],
    ]);
    t.same(
      (await store.usage(20_000, 'model', { node: 'bob' })).map(({ key }) => key),
      ['tiny'],
    );
    await store.addUsage([usage({ day: 20_002, key: 'k1' }), usage({ day: 20_002 })], t0);
    t.same((await store.usage(20_002, 'key', {})).map(({ key, tasks }) => [key, tasks]).sort(), [
      ['', 2],
      ['k1', 2],
    ]);
    t.same(await store.usage(19_999, 'agent', {}), []);
    t.equal(await store.usageRows(20_000), 2);
    await store.pruneRollups({ tiers: {}, day: 20_001, seriesMs: 0 });
    t.equal(await store.usageRows(20_000), 0);
    t.equal(await store.usageRows(20_001), 1);
  });

  await t.test('ends from a moment on, in order, page by page', async (t) => {
    const { store } = await open(t);
    const ended = (id: string, endedMs: number) => ({
      type: 'task-end' as const,
      row: endedTask(taskRow(1, { id }), { endedMs }),
    });
    await store.commit([ended('c', 5), ended('a', 5), ended('b', 9), ended('d', 4)]);
    await store.commit([{ type: 'task-new', row: taskRow(1, { id: 'live' }) }]);
    t.same(
      (await store.endedFrom(5, '', 10)).map(({ id }) => id),
      ['a', 'c', 'b'],
    );
    t.same(
      (await store.endedFrom(5, '', 1)).map(({ id }) => id),
      ['a'],
    );
    t.same(
      (await store.endedFrom(5, 'a', 10)).map(({ id }) => id),
      ['c', 'b'],
    );
    t.same(await store.endedFrom(10, '', 10), []);
  });

  await t.test('past attempts: written when they grow, kept by what comes after, also within one batch', async (t) => {
    const { store } = await open(t);
    const past = [{ attempt: 1, node: 'alice', leasedMs: t0, endedMs: t0 + 5, outcome: 'failed' as const, text: 'no' }];
    const base = {
      state: 'queued' as const,
      attempts: 3,
      node: null,
      epoch: 1,
      leasedMs: null,
      notBeforeMs: 0,
      deadlineMs: t0,
    };
    const state = (over: object) => ({ type: 'task-state' as const, id: 'a', attempt: 1, ...base, ...over });
    await store.commit([{ type: 'task-new', row: taskRow(1, { id: 'a' }) }]);
    await store.commit([state({ past }), state({ state: 'leased', attempt: 2, node: 'bob' })]);
    t.match(await store.task('a'), { state: 'leased', attempt: 2, past });
    await store.commit([state({ state: 'running', attempt: 2, node: 'bob' })]);
    t.same((await store.task('a'))?.past, past);
    const { changes } = await store.load();
    t.match([...changes], [{ type: 'task-new', row: { id: 'a', past } }]);
    await store.commit([{ type: 'task-end', row: endedTask(taskRow(1, { id: 'a' }), { past, node: 'bob' }) }]);
    t.same((await store.task('a'))?.past, past);
    t.notOk('past' in ((await store.task('b')) ?? {}));
    t.same(
      (await store.tasks({ limit: 5, node: 'bob' })).map(({ id }) => id),
      ['a'],
    );
    t.same(await store.tasks({ limit: 5, node: 'alice' }), []);
  });
}
