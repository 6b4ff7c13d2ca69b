import { askerOf, maxLivePromptCharacters, maxResultBytes, type TaskReport } from '@blackroad/protocol';
import t from 'tap';
import { code, SampleFleet, said } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { ada, removedAgent, sampleSpec } from '../../../test/fixtures/coordinator/sample-rows.ts';
import type { EndedTask, TaskRow } from '../state/rows.ts';
import { retryWaitMs } from './ends.ts';
import { reportTask } from './report.ts';
import { cancelTask, dismissTask, retryTask } from './submit.ts';

const end = (changes: readonly { type: string }[]) =>
  (changes as { type: string; row: EndedTask }[]).filter(({ type }) => type === 'task-end').map(({ row }) => row);

t.test('submit', async (t) => {
  const fleet = new SampleFleet();
  t.equal(code(fleet.submit('t0', 'nobody')), 'no-such-agent');
  fleet.runs('greeter', 'alice', { queue: 2 });
  const first = fleet.submit('t1', 'greeter', { idempotencyKey: 'k', priority: 10, deadlineSeconds: 2.5 });
  t.match(first.outcome, { ok: true, value: { id: 't1', state: 'leased', attempt: 1, deadlineMs: fleet.now + 2500 } });
  t.match(said(first.messages, 'task'), [{ params: { node: 'alice' }, message: { prompt: 'Hello?', leftMs: 2500 } }]);
  const again = fleet.submit('t2', 'greeter', { idempotencyKey: 'k' });
  t.match(again, { changes: { length: 0 }, outcome: { value: { id: 't1' } } }, 'the same key is the same task');
  fleet.runs('other', 'alice');
  const foreign = fleet.submit('t2', 'other', { idempotencyKey: 'k' }).outcome;
  t.match(foreign, { code: 'conflict', details: { detail: /k names a task of greeter already \(t1\)/ } });
  t.equal(code(fleet.submit('t3', 'greeter')), 'ok');
  t.equal(code(fleet.submit('t4', 'greeter')), 'ok');
  t.match(fleet.submit('t5', 'greeter').outcome, { code: 'queue-full', details: { detail: /its queue holds 2/ } });
  t.equal(fleet.task('t3')?.deadlineMs, fleet.now + 600_000, "the agent's own deadline");

  const [ended] = end(fleet.report('t1', 'alice', 'done', { result: 'Hi.' }).changes);
  t.equal(code(fleet.submit('t6', 'greeter', { idempotencyKey: 'k' })), 'unavailable', 'ended this moment: ask again');
  const known = fleet.submit('t6', 'greeter', { idempotencyKey: 'k' }, { known: ended as EndedTask });
  t.match(known, { changes: { length: 0 }, outcome: { value: { id: 't1', state: 'done', result: 'Hi.' } } });
});

t.test('prompts of all unfinished tasks have a bound together; what ended no longer counts', async (t) => {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'alice');
  fleet.submit('t1', 'greeter', { prompt: 'Hello?' });
  t.equal(fleet.view.promptCharacters, 6);
  fleet.view.promptCharacters = maxLivePromptCharacters - 2;
  t.match(fleet.submit('t2', 'greeter', { prompt: 'You?' }).outcome, {
    code: 'queue-full',
    details: { detail: /^The prompts of all unfinished tasks have 134217726 characters; the fleet holds 134217728\.$/ },
  });
  fleet.report('t1', 'alice', 'done', { result: 'Hi.' });
  t.equal(code(fleet.submit('t2', 'greeter', { prompt: 'You?' })), 'ok');
  t.equal(fleet.view.promptCharacters, maxLivePromptCharacters - 2 - 6 + 4);
});

t.test('a task keeps who asked first; a second life is asked for by who sent it round again', async (t) => {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'alice');
  const bob = { ...ada, kind: 'session', id: 'k-bob', name: 'bob' } as const;
  fleet.submit('t1', 'greeter', { idempotencyKey: 'k' });
  t.strictSame(fleet.task('t1')?.by, askerOf(ada), 'without its roles: they are of then');
  const again = fleet.submit('t2', 'greeter', { idempotencyKey: 'k' }, { by: bob });
  t.match(
    again,
    { changes: { length: 0 }, outcome: { value: { id: 't1', by: askerOf(ada) } } },
    'asked again by another',
  );
  const [dead] = end(fleet.report('t1', 'alice', 'failed').changes);
  t.same(dead?.by, askerOf(ada), 'through to its end');
  const known = fleet.submit('t2', 'greeter', { idempotencyKey: 'k' }, { by: bob, known: dead as EndedTask });
  t.match(known, { changes: { length: 0 }, outcome: { value: { id: 't1', by: askerOf(ada) } } });

  const order = { by: bob, id: 't1', ended: dead as EndedTask, newId: 't3' };
  const retried = fleet.decide<'task-retry'>(retryTask, order);
  t.same(fleet.task('t3')?.by, askerOf(bob));
  t.match(
    retried.changes.filter(({ type }) => type === 'audit'),
    [{ row: { actor: 'key:bob', action: 'task-retry', subject: 't1' } }],
  );
  fleet.submit('t4', 'greeter', {}, { by: null });
  t.notOk('by' in (fleet.task('t4') as TaskRow), 'nobody said who');
});

t.test('the queue: priority, then age; as many at once as the agent may', async (t) => {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'alice', { concurrency: 2 });
  const order: string[] = [];
  const run = (messages: Parameters<typeof said>[0]) => {
    for (const { message } of said(messages, 'task')) order.push(message.task);
  };
  for (const [id, priority] of [
    ['a', 50],
    ['b', 50],
    ['c', 50],
    ['d', 90],
    ['e', 50],
    ['f', 10],
  ] as const) {
    fleet.now++;
    run(fleet.submit(id, 'greeter', { priority }).messages);
  }
  t.same(order, ['a', 'b']);
  while (fleet.view.tasks.size > 0) run(fleet.report(order[fleet.ends.size] as string, 'alice', 'done').messages);
  t.same(order, ['a', 'b', 'd', 'c', 'e', 'f']);
});

t.test('reports', async (t) => {
  const retryable = { code: 'internal', text: 'broke', retryable: true };
  const final = { ...retryable, retryable: false };
  const table: [
    string,
    Partial<TaskReport> & { state: TaskReport['state'] },
    Partial<TaskRow> | null,
    string | null,
  ][] = [
    ['running', { state: 'running' }, { state: 'running', attempt: 1 }, null],
    ['done', { state: 'done', result: 'Hi.' }, null, 'done'],
    ['failed for good', { state: 'failed', problem: final }, null, 'failed'],
    ['failed without a reason', { state: 'failed' }, null, 'failed'],
    [
      'failed, worth another try',
      { state: 'failed', problem: retryable },
      { state: 'queued', attempt: 1, attempts: 3 },
      null,
    ],
    ['stopped by the node', { state: 'cancelled' }, { state: 'queued', attempt: 1, attempts: 3 }, null],
    ['refused: does not count', { state: 'refused' }, { state: 'queued', attempt: 1, attempts: 4 }, null],
  ];
  for (const [name, report, live, ended] of table) {
    const fleet = new SampleFleet();
    fleet.runs('greeter', 'alice');
    fleet.submit('t1', 'greeter');
    const { changes, messages } = fleet.report('t1', 'alice', report.state, report);
    if (live) t.match(fleet.task('t1'), live, name);
    else t.equal(fleet.task('t1'), undefined, name);
    t.equal(end(changes)[0]?.state ?? null, ended, name);
    const settled = said(messages, 'settled').map(({ message }) => message.tasks);
    t.same(settled, report.state === 'running' ? [] : [[{ task: 't1', attempt: 1 }]], `${name}: acknowledged`);
    const again = fleet.report('t1', 'alice', report.state, { ...report, attempt: 1, epoch: 1 });
    t.same(again.changes, [], `${name}: said twice changes nothing`);
    t.equal(said(again.messages, 'settled').length, settled.length, `${name}: and is acknowledged again`);
  }
});

t.test('attempts run out', async (t) => {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'alice');
  fleet.submit('t1', 'greeter', { attempts: 3 });
  const problem = { code: 'internal', text: 'broke', retryable: true };
  for (const attempt of [1, 2, 3]) {
    t.match(fleet.task('t1'), { state: 'leased', attempt });
    fleet.report('t1', 'alice', 'failed', { problem });
    fleet.pass(5000);
  }
  t.same([...fleet.ends], [['t1', 1]]);
  t.same(
    [1, 2, 3, 4, 99].map((attempt) => retryWaitMs(1000, attempt)),
    [1000, 2000, 4000, 8000, 60_000],
  );
});

t.test('stale words change nothing, and are acknowledged', async (t) => {
  const fleet = new SampleFleet();
  fleet.online('bob');
  fleet.runs('greeter', 'alice');
  fleet.submit('t1', 'greeter');
  const stale = [
    ['another attempt', fleet.report('t1', 'alice', 'done', { attempt: 2 })],
    ['another epoch', fleet.report('t1', 'alice', 'done', { epoch: 2 })],
    ['another node', fleet.report('t1', 'bob', 'done')],
    ['nobody knows it', fleet.report('t9', 'bob', 'failed', { attempt: 1, epoch: 1 })],
  ] as const;
  for (const [name, { changes, messages, remarks }] of stale) {
    t.same(changes, [], name);
    t.equal(said(messages, 'settled').length, 1, name);
    t.match(remarks, [{ reason: 'stale-report' }], name);
  }
  const running = fleet.report('t1', 'bob', 'running');
  t.match(said(running.messages, 'cancel'), [{ params: { node: 'bob' } }], 'who still runs it is told to stop');
  t.same(fleet.report('t1', 'eve', 'done').messages, [], 'a stranger gets no word');
});

t.test('given up for lost, done after all', async (t) => {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'alice');
  fleet.submit('t1', 'greeter');
  fleet.submit('t2', 'greeter');
  fleet.will('alice');
  fleet.pass(100_000);
  const late = { attempt: 1, epoch: 1 };
  t.match(
    fleet.report('t1', 'alice', 'failed', late).changes,
    [{ type: 'task-state', state: 'queued', attempt: 1, past: [{ attempt: 1, outcome: 'lost', stopped: true }] }],
    'that failure is counted already; that nothing runs there any more is news',
  );
  t.same(fleet.report('t1', 'alice', 'failed', late).changes, [], 'said again it is none');
  t.match(end(fleet.report('t1', 'alice', 'done', { ...late, result: 'Hi.' }).changes), [
    { state: 'done', result: 'Hi.', node: 'alice' },
  ]);
  fleet.online('bob');
  fleet.move(['greeter', 'bob']);
  fleet.ready('greeter');
  t.match(fleet.task('t2'), { state: 'leased', node: 'bob', epoch: 2 });
  t.same(fleet.report('t2', 'alice', 'done', late).changes, [], 'the newer epoch wins');
});

t.test('tasks a node started itself are recorded once', async (t) => {
  const fleet = new SampleFleet();
  fleet.online('bob');
  fleet.runs('greeter', 'alice');
  const local = { prompt: 'Good morning', atMs: fleet.now + 99_999 };
  const own = { attempt: 1, epoch: 1, local, result: 'Sun.' };
  t.same(fleet.report('cron1', 'alice', 'running', own).changes, []);
  const first = fleet.report('cron1', 'alice', 'done', own);
  const by = { kind: 'node', id: 'alice', name: 'alice' };
  t.match(end(first.changes), [
    { id: 'cron1', origin: 'cron', state: 'done', result: 'Sun.', createdMs: fleet.now, by },
  ]);
  const second = fleet.report('cron1', 'alice', 'done', own);
  t.same(second.changes, []);
  t.equal(said(second.messages, 'settled').length, 1);
  t.equal(fleet.view.work.size, 0, 'and leave no trace in the queues');
  const ended = end(first.changes)[0] as EndedTask;
  const message = { boot: 'b', task: 'cron2', agent: 'greeter', state: 'done' as const, ...own };
  t.same(fleet.decide<'task-report'>(reportTask, { node: 'alice', message, ended }).changes, [], 'the store knew it');
  t.same(fleet.report('cron3', 'bob', 'done', own).changes, [], 'not by a node that never held the agent');
});

t.test('an asker over MQTT gets an answer for every end', async (t) => {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'alice', { concurrency: 9 });
  const ask = (id: string) =>
    fleet.submit(id, 'greeter', {}, { origin: 'mqtt', replyTo: { kind: 'mqtt', agent: 'greeter', id: `ask_${id}` } });
  ask('a');
  ask('b');
  ask('c');
  t.match(said(fleet.report('a', 'alice', 'done', { result: 'Hi.' }).messages, 'answer'), [
    {
      params: { agent: 'greeter', id: 'ask_a' },
      message: { agent: 'greeter', task: 'a', ok: true, text: 'Hi.', node: 'alice' },
    },
  ]);
  const cancel = fleet.decide<'task-cancel'>(cancelTask, { by: ada, id: 'b' });
  t.match(said(cancel.messages, 'answer'), [{ params: { id: 'ask_b' }, message: { ok: false, text: /Cancelled/ } }]);
  t.match(said(fleet.tick(600_000).messages, 'answer'), [{ params: { id: 'ask_c' }, message: { ok: false } }]);
  // An idempotency key is only text: a submitted key in the form of an MQTT one gets no answer over MQTT.
  fleet.submit('d', 'greeter', { idempotencyKey: 'mqtt:greeter:d', origin: 'mqtt' });
  t.same(said(fleet.tick(600_000).messages, 'answer'), []);
});

t.test('a result beyond the limit is cut between characters', async (t) => {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'alice');
  fleet.submit('t1', 'greeter');
  const [row] = end(fleet.report('t1', 'alice', 'done', { result: `x${'€'.repeat(40_000)}` }).changes);
  t.equal(row?.truncated, true);
  t.ok(Buffer.byteLength(row?.result ?? '') > maxResultBytes - 3);
  t.ok(Buffer.byteLength(row?.result ?? '') <= maxResultBytes);
  t.match(row?.result, /^x€+$/);
});

t.test('cancel and retry', async (t) => {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'alice');
  const cancel = (id: string) => fleet.decide<'task-cancel'>(cancelTask, { by: ada, id });
  const retry = (id: string, ended: EndedTask | null) =>
    fleet.decide<'task-retry'>(retryTask, { by: ada, id, ended, newId: 'new' });
  fleet.submit('run', 'greeter');
  fleet.submit('next', 'greeter');
  fleet.submit('wait', 'greeter');
  t.same(cancel('wait').messages, [], 'a waiting one just ends');
  const cancelled = cancel('run');
  t.match(said(cancelled.messages, 'cancel'), [{ params: { node: 'alice' }, message: { task: 'run', attempt: 1 } }]);
  t.match(said(cancelled.messages, 'task'), [{ message: { task: 'next' } }]);
  t.equal(code(cancel('run')), 'conflict');
  t.equal(code(cancel('never')), 'no-such-task');
  t.same(fleet.report('run', 'alice', 'done', { attempt: 1 }).changes, [], 'what the node says later is stale');

  t.equal(code(retry('next', null)), 'conflict');
  t.equal(code(retry('never', null)), 'no-such-task');
  t.equal(code(retry('run', end(cancelled.changes)[0] as EndedTask)), 'conflict');
  const [dead] = end(fleet.report('next', 'alice', 'failed').changes);
  const retried = retry('next', dead as EndedTask);
  t.match(retried.outcome, { ok: true, value: { id: 'new', prompt: 'Hello?', state: 'leased', attempts: 3 } });
  t.equal(fleet.task('new')?.deadlineMs, fleet.now + 600_000);
  fleet.apply([{ type: 'agent-gone', row: removedAgent('greeter') }]);
  t.equal(code(retry('next', dead as EndedTask)), 'no-such-agent');
});

t.test('a task of its own that a node in 1970 began is retried with the deadline of its agent', async (t) => {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'alice');
  const problem = { code: 'prompt-too-long', text: 'too long', retryable: false };
  const local = { prompt: 'Look around.', atMs: 60_000 };
  const { changes } = fleet.report('01cron', 'alice', 'failed', { problem, local });
  const ended = changes.flatMap((each) => (each.type === 'task-end' ? [each.row] : []))[0]!;
  fleet.decide<'task-retry'>(retryTask, { by: ada, id: '01cron', ended, newId: '01new' });
  const { deadlineSeconds } = fleet.agent('greeter').spec.limits;
  t.equal(fleet.task('01new')?.deadlineMs, fleet.now + deadlineSeconds * 1000);
});

t.test('a turn of a trigger that the place cut off is done again, and never a dead letter for that', async (t) => {
  const stopped = { code: 'agent-stopped', text: 'agent greeter was stopped on this node', retryable: true };
  const local = (atMs: number) => ({ prompt: 'Look around.', atMs });
  const patienceMs = sampleSpec('greeter').limits.deadlineSeconds * 1000;
  const start = () => {
    const fleet = new SampleFleet();
    fleet.runs('greeter', 'alice');
    return fleet;
  };
  for (const state of ['failed', 'refused'] as const) {
    const fleet = start();
    const { changes, messages } = fleet.report('c1', 'alice', state, {
      problem: stopped,
      local: local(fleet.now - 5000),
    });
    t.equal(said(messages, 'settled').length, 1, `${state}: the node need not say it again`);
    t.same(end(changes), []);
    const task = {
      state: 'queued',
      origin: 'cron',
      attempt: 1,
      attempts: 4,
      deadlineMs: fleet.now - 5000 + patienceMs,
    };
    t.match(fleet.task('c1'), task);
    fleet.pass(2000);
    t.match(fleet.task('c1'), { state: 'leased', attempt: 2, node: 'alice' });
    const again = fleet.report('c1', 'alice', state, { attempt: 1, problem: stopped, local: local(fleet.now) });
    t.match(again, { changes: { length: 0 } }, 'said twice');
    t.equal(said(again.messages, 'settled').length, 1);
  }
  const broke = start();
  const problem = { code: 'internal', text: 'broke', retryable: true };
  broke.report('c1', 'alice', 'failed', { problem, local: local(broke.now) });
  t.match(broke.task('c1'), { state: 'queued', attempt: 1, attempts: 3 }, 'the attempts of the spec hold');

  const wrong = start();
  wrong.report('c1', 'alice', 'refused', { problem: stopped, local: local(60_000) });
  t.equal(wrong.task('c1')?.deadlineMs, wrong.now + patienceMs, 'begun in 1970: it has its time from now');

  const table: [string, (fleet: SampleFleet) => number, RegExp][] = [
    ['late', (fleet) => fleet.now - patienceMs, /^Not done again, its time had passed .*: agent greeter was stopped/],
    [
      'the turn before waits',
      (fleet) => {
        fleet.report('c0', 'alice', 'refused', { problem: stopped, local: local(fleet.now) });
        return fleet.now;
      },
      /^Not done again, the turn before it still waits/,
    ],
    [
      'a full queue',
      (fleet) => {
        fleet.apply1('greeter', { queue: 2 });
        for (const id of ['t1', 't2', 't3']) fleet.submit(id, 'greeter');
        return fleet.now;
      },
      /^Not done again, 2 tasks wait for greeter already/,
    ],
  ];
  for (const [name, prepare, text] of table) {
    const fleet = start();
    const atMs = prepare(fleet);
    const { changes } = fleet.report('c1', 'alice', 'refused', { problem: stopped, local: local(atMs) });
    t.match(end(changes), [{ id: 'c1', state: 'cancelled', problem: { text } }], name);
  }
});

t.test(
  'dead letters are dismissed, also when their agent is gone; one sent round again waits for nobody',
  async (t) => {
    const fleet = new SampleFleet();
    fleet.runs('greeter', 'alice');
    const dismiss = (id: string, ended: EndedTask | null) =>
      fleet.decide<'task-dismiss'>(dismissTask, { by: ada, id, ended });
    fleet.submit('live', 'greeter');
    t.equal(code(dismiss('live', null)), 'conflict');
    t.equal(code(dismiss('never', null)), 'no-such-task');
    const [done] = end(fleet.report('live', 'alice', 'done', { result: 'Hi.' }).changes);
    t.equal(code(dismiss('live', done as EndedTask)), 'conflict');
    fleet.submit('dead', 'greeter');
    const [dead] = end(fleet.report('dead', 'alice', 'failed').changes);
    const letter = dead as EndedTask;
    const retried = fleet.decide<'task-retry'>(retryTask, { by: ada, id: 'dead', ended: letter, newId: 'new' });
    const dismissed = (changes: readonly { type: string }[]) => changes.filter(({ type }) => type === 'task-dismissed');
    t.match(dismissed(retried.changes), [{ id: 'dead', atMs: fleet.now }]);
    fleet.apply([{ type: 'agent-gone', row: removedAgent('greeter') }]);
    const { changes } = dismiss('dead', letter);
    t.match(changes, [
      { id: 'dead', atMs: fleet.now },
      { type: 'audit', row: { actor: 'key:ada', action: 'task-dismiss', subject: 'dead', text: 'greeter, failed' } },
    ]);
    t.same(dismiss('dead', { ...letter, dismissedMs: 1 }).changes, [], 'twice is once');
  },
);

t.test('asked again by a message after its end, it is answered again', async (t) => {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'alice');
  const replyTo = { kind: 'mqtt', agent: 'greeter', id: 'hall' } as const;
  fleet.submit('t1', 'greeter', { idempotencyKey: 'k' }, { replyTo });
  const again = fleet.submit('t2', 'greeter', { idempotencyKey: 'k' }, { replyTo });
  t.same(again.messages, [], 'its answer is on its way');
  const ended = end(fleet.report('t1', 'alice', 'done', { result: 'Hi.' }).changes)[0] as EndedTask;
  const known = fleet.submit('t2', 'greeter', { idempotencyKey: 'k' }, { replyTo, known: ended });
  t.match(known.messages, [{ name: 'answer', params: { agent: 'greeter', id: 'hall' }, message: { text: 'Hi.' } }]);
  t.same(known.changes, []);
  const { endedMs: _, ...live } = ended;
  const between = fleet.submit(
    't2',
    'greeter',
    { idempotencyKey: 'k' },
    { replyTo, known: { ...live, state: 'running' } },
  );
  t.match(
    between,
    { messages: { length: 0 }, changes: { length: 0 }, outcome: { value: { id: 't1' } } },
    'it ended as it was looked up',
  );
  const other = fleet.submit('t3', 'echo', { idempotencyKey: 'k' }, { known: ended });
  t.match(other.outcome, { code: 'conflict', details: { detail: /k names a task of greeter already \(t1\)/ } });
});
