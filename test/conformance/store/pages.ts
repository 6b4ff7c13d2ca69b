// Conformance of tasks, events and audit rows: what is read is what was committed, pages run newest first, prune is bounded.
import { type EventType, maxPageRows, type TaskState } from '@blackroad/protocol';
import type { Test } from 'tap';
import type { DurableChange } from '../../../coordinator/src/state/change.ts';
import { type EndedTask, isEnded, type TaskRow } from '../../../coordinator/src/state/rows.ts';
import type { Store } from '../../../coordinator/src/store/store.ts';
import { auditOf, endedTask, eventOf, refused, t0, taskId, taskRow } from '../../fixtures/coordinator/stored-rows.ts';
import type { OpenStore } from '../store.ts';

const ids = (rows: readonly { id: string | number }[]) => rows.map(({ id }) => id);

export async function pagesConformance(t: Test, open: OpenStore): Promise<void> {
  await t.test('a task is read as it was written, from submission to its end', async (t) => {
    const { store } = await open(t);
    const by = { kind: 'session', id: null, name: 'Ada "the first"\n🦊' } as const;
    const replyTo = { kind: 'mqtt', agent: 'greeter', id: 'hall:1' } as const;
    const row = taskRow(1, { idempotencyKey: 'k "1"', priority: 0, by, replyTo });
    await store.commit([{ type: 'task-new', row }]);
    t.strictSame(await store.task(row.id), row);
    t.strictSame(await store.taskByIdempotencyKey('default', 'k "1"'), row);
    const state = {
      state: 'leased',
      attempt: 1,
      attempts: 4,
      node: 'alice',
      epoch: 7,
      leasedMs: t0 + 3,
      notBeforeMs: 5,
      deadlineMs: t0 + 9,
    } as const;
    await store.commit([{ type: 'task-state', id: row.id, ...state }]);
    t.strictSame(await store.task(row.id), { ...row, ...state });
    const failed = endedTask(
      { ...row, ...state },
      {
        state: 'failed',
        result: null,
        usage: null,
        truncated: true,
        problem: { code: 'x', text: "it's", retryable: true },
      },
    );
    await store.commit([{ type: 'task-end', row: failed }]);
    t.strictSame(await store.task(row.id), failed);
    t.strictSame(await store.taskByIdempotencyKey('default', 'k "1"'), failed);
  });

  await t.test('the first end of a task stays, and no state comes after it', async (t) => {
    const { store } = await open(t);
    const row = taskRow(1);
    const end = endedTask(row);
    const change = (over: Partial<EndedTask>): DurableChange => ({ type: 'task-end', row: { ...end, ...over } });
    await store.commit([{ type: 'task-new', row }, change({})]);
    await store.commit([change({})]);
    await store.commit([change({ state: 'expired', result: null, endedMs: t0 + 99 })]);
    await store.commit([{ type: 'task-new', row }]);
    const { attempt, attempts, node, epoch, leasedMs, notBeforeMs, deadlineMs } = row;
    const state = { attempt, attempts, node, epoch, leasedMs, notBeforeMs, deadlineMs };
    await store.commit([{ type: 'task-state', id: row.id, state: 'queued', ...state }]);
    t.strictSame(await store.task(row.id), end);
    t.strictSame(await store.taskCounts(0), { endedSince: 1, deadLetters: 0 });
  });

  await t.test('an end whose beginning was never stored is kept whole', async (t) => {
    const { store } = await open(t);
    const by = { kind: 'node', id: 'alice', name: 'alice' } as const;
    const end = endedTask(taskRow(1), { origin: 'cron', by });
    await store.commit([{ type: 'task-end', row: end }]);
    t.strictSame(await store.task(end.id), end);
  });

  await t.test('two tasks cannot hold one idempotency key', async (t) => {
    const { store } = await open(t);
    await store.commit([{ type: 'task-new', row: taskRow(1, { idempotencyKey: 'k' }) }]);
    const second = store.commit([{ type: 'task-new', row: taskRow(2, { idempotencyKey: 'k' }) }]);
    t.equal((await refused(second)).code, 'storage-failed');
    t.equal(await store.task(taskId(2)), null);
  });

  await t.test('pages of tasks: newest first, every filter, no gap and no repeat', async (t) => {
    const { store } = await open(t);
    const states: TaskState[] = ['queued', 'leased', 'running', 'done', 'failed', 'cancelled', 'expired'];
    const rows: (TaskRow | EndedTask)[] = [];
    const changes: DurableChange[] = [];
    for (let n = 0; n < 140; n++) {
      const state = states[n % 7] as TaskState;
      const row = taskRow(n, { agent: n % 3 === 0 ? 'prism' : 'greeter', state: 'queued' });
      changes.push({ type: 'task-new', row });
      if (n % 7 < 3) {
        const { attempt, attempts, node, epoch, leasedMs, notBeforeMs, deadlineMs } = row;
        changes.push({
          type: 'task-state',
          id: row.id,
          state,
          attempt,
          attempts,
          node,
          epoch,
          leasedMs,
          notBeforeMs,
          deadlineMs,
        });
        rows.unshift({ ...row, state });
      } else {
        const end = endedTask(row, { state });
        changes.push({ type: 'task-end', row: end });
        rows.unshift(end);
      }
    }
    await store.commit(changes);
    const isDead = (row: TaskRow) => row.state === 'failed' || row.state === 'expired';
    for (const agent of [undefined, 'prism', 'nobody']) {
      for (const state of [undefined, ...states]) {
        for (const dead of [undefined, true]) {
          const wanted = rows.filter(
            (row) =>
              (agent === undefined || row.agent === agent) &&
              (state === undefined || row.state === state) &&
              (dead === undefined || isDead(row)),
          );
          const filter = { ...(agent && { agent }), ...(state && { state }), ...(dead && { dead }) };
          const got: (TaskRow | EndedTask)[] = [];
          for (let before: string | undefined; ; ) {
            const page = await store.tasks({ limit: 7, ...filter, ...(before && { before }) });
            got.push(...page);
            if (page.length < 7) break;
            before = page.at(-1)?.id;
          }
          if (!t.strictSame(got, wanted, JSON.stringify(filter))) return;
        }
      }
    }
    t.equal((await store.tasks({ limit: 1e9 })).length, 140, 'a huge limit is bounded, not refused');
    t.strictSame(await store.tasks({ limit: 0 }), []);
    t.strictSame(await store.taskCounts(t0 + 10 + 133), { endedSince: 4, deadLetters: 40 });
  });

  await t.test(
    'tasks: a dismissed dead letter is in the history and not among those that wait for somebody',
    async (t) => {
      const { store, reopen } = await open(t);
      const rows = [1, 2, 3].map((n) => endedTask(taskRow(n), { state: n === 3 ? 'expired' : 'failed' }));
      await store.commit(rows.map((row): DurableChange => ({ type: 'task-end', row })));
      await store.commit([{ type: 'task-new', row: taskRow(4) }]);
      const dismissed = (n: number, atMs: number): DurableChange => ({ type: 'task-dismissed', id: taskId(n), atMs });
      await store.commit([dismissed(1, t0 + 5), dismissed(4, t0 + 5), dismissed(99, t0 + 5)]);
      await store.commit([dismissed(1, t0 + 9)]);
      const look = async (from: typeof store) => {
        t.strictSame(
          (await from.tasks({ limit: 9, dead: true })).map(({ id }) => id),
          [taskId(3), taskId(2)],
        );
        t.equal((await from.taskCounts(0)).deadLetters, 2);
        t.match(await from.task(taskId(1)), { state: 'failed', dismissedMs: t0 + 5 }, 'the first time stands');
        t.notOk('dismissedMs' in ((await from.task(taskId(4))) ?? {}), 'a live task cannot be dismissed');
      };
      await look(store);
      if (!reopen) return;
      await store.close();
      await look(await reopen());
    },
  );

  await t.test('events: ids as committed, newest first, by node, agent and type', async (t) => {
    const { store } = await open(t);
    const event = (
      n: number,
      node: string | null,
      agent: string | null,
      type: EventType = 'agent-failed',
    ): DurableChange => ({
      type: 'event',
      row: { atMs: t0 + n, node, agent, type, severity: 'warning', text: `event ${n}`, params: { n, of: ["it's"] } },
    });
    const { events } = await store.commit([
      event(1, 'alice', null),
      event(2, 'alice', 'greeter'),
      event(3, null, 'greeter'),
      event(4, 'aria', 'greeter', 'agent-moved'),
    ]);
    const newest = events.toReversed();
    t.strictSame(
      newest.map(({ text }) => text),
      ['event 4', 'event 3', 'event 2', 'event 1'],
    );
    t.strictSame(await store.events({ limit: 10 }), newest);
    t.strictSame(await store.events({ limit: 2, before: String(newest[0]?.id) }), newest.slice(1, 3));
    t.strictSame(await store.events({ limit: 10, node: 'alice' }), newest.slice(2));
    t.strictSame(await store.events({ limit: 10, agent: 'greeter' }), newest.slice(0, 3));
    t.strictSame(await store.events({ limit: 10, agent: 'greeter', node: 'alice' }), newest.slice(2, 3));
    t.strictSame(
      await store.events({ limit: 10, agent: 'greeter', before: String(newest[1]?.id) }),
      newest.slice(2, 3),
    );
    t.strictSame(await store.events({ limit: 10, type: 'agent-moved' }), newest.slice(0, 1));
    t.strictSame(await store.events({ limit: 1, type: 'agent-failed' }), newest.slice(1, 2));
    t.strictSame(await store.events({ limit: 10, type: 'agent-failed', node: 'aria' }), []);
    t.strictSame(
      await store.events({ limit: 10, type: 'agent-failed', agent: 'greeter', node: 'alice' }),
      newest.slice(2, 3),
    );
    for (const before of ['x', '', '-1', '1; DROP TABLE event', '99999999999999999']) {
      const { code, text } = await refused(store.events({ limit: 1, before }));
      t.equal(code, 'invalid-request');
      t.match(text, 'before: expected');
    }
  });

  await t.test('audit rows page newest first', async (t) => {
    const { store } = await open(t);
    const numbers = Array.from({ length: 30 }, (_, n) => n);
    await store.commit(
      numbers.map((n) => ({
        type: 'audit',
        row: auditOf(`n${n}`, { atMs: t0 + n }),
      })),
    );
    const first = await store.audit({ limit: 20 });
    const rest = await store.audit({ limit: 20, before: String(first.at(-1)?.id) });
    t.strictSame(
      [...first, ...rest].map(({ subject }) => subject),
      numbers.map((n) => `n${n}`).toReversed(),
    );
    const { id: _, ...newest } = first[0] as NonNullable<(typeof first)[0]>;
    t.strictSame(newest, auditOf('n29', { atMs: t0 + 29 }));
  });

  await t.test('prune takes what is older, keeps the rest and every live task, a bounded lot a call', async (t) => {
    const { store } = await open(t);
    const count = 3 * maxPageRows;
    const changes: DurableChange[] = [{ type: 'task-new', row: taskRow(count, { createdMs: 1 }) }];
    for (let n = 0; n < count; n++) {
      changes.push({
        type: 'task-end',
        row: endedTask(taskRow(n), { endedMs: t0 + n, state: n % 2 ? 'done' : 'failed' }),
      });
      changes.push({
        type: 'event',
        row: eventOf('', { atMs: t0 + n }),
      });
      changes.push({ type: 'audit', row: auditOf('c', { atMs: t0 + n }) });
    }
    await store.commit(changes);
    const old = { tasksMs: t0 + count - 5, eventsMs: t0 + count - 6, auditMs: t0 + count - 7 };
    const calls = await pruneAll(store, old);
    t.equal(
      calls.reduce((sum, gone) => sum + gone, 0),
      3 * count - 18,
    );
    t.ok(calls.length > 2, 'one call does not do it all');
    t.equal((await store.tasks({ limit: 100 })).filter(isEnded).length, 5);
    t.strictSame(await store.taskCounts(0), { endedSince: 5, deadLetters: 2 });
    t.equal((await store.task(taskId(count)))?.state, 'queued', 'a live task stays, however old');
    const events = await store.events({ limit: 100 });
    t.equal(events.length, 6);
    t.equal((await store.audit({ limit: 100 })).length, 7);
    await pruneAll(store, { tasksMs: 0, eventsMs: Number.MAX_SAFE_INTEGER, auditMs: 0 });
    const later = await store.commit([{ type: 'event', row: eventOf('') }]);
    t.ok((later.events[0]?.id ?? 0) > (ids(events)[0] as number), 'an id is never given twice');
  });
}

async function pruneAll(store: Store, before: Parameters<Store['prune']>[0]): Promise<number[]> {
  const calls: number[] = [];
  for (let gone = 1; gone > 0; ) {
    gone = await store.prune(before);
    if (gone > 0) calls.push(gone);
  }
  return calls;
}
