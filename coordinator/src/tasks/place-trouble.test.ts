// A trouble of the place is not a failure of the task: such an attempt is not counted, the task waits or moves with its agent, and expires
// at its deadline with the real reason.
import { maxPastAttempts, type TaskProblem, taskProblems } from '@blackroad/protocol';
import t from 'tap';
import { SampleFleet, said } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { sampleSpec } from '../../../test/fixtures/coordinator/sample-rows.ts';
import { GiB, modelOf } from '../../../test/fixtures/coordinator/sample-supply.ts';
import { acceptCapacity } from '../fleet/presence.ts';
import type { Change } from '../state/change.ts';
import type { EndedTask, TaskRow } from '../state/rows.ts';
import { placeWaitMs } from './place-trouble.ts';

const { limits, placement: anywhere } = sampleSpec('any');
const away: TaskProblem = { code: 'runtime-unavailable', text: 'Ollama at :11434 does not answer', retryable: true };
const full: TaskProblem = { code: 'runtime-overloaded', text: 'the queue of small is full', retryable: true };

function end(changes: readonly Change[]): EndedTask[] {
  return changes.flatMap((change) => (change.type === 'task-end' ? [change.row] : []));
}
/** Advances the time with heartbeats and placement; returns the leases, as `task@node`. */
function later(fleet: SampleFleet, ms: number, turnDown: TaskProblem | null = null): string[] {
  const leased: string[] = [];
  for (const until = fleet.now + ms; fleet.now < until; ) {
    for (const node of fleet.view.nodes.keys()) fleet.apply([{ type: 'seen', node, atMs: fleet.now }]);
    const from = fleet.messages.length;
    fleet.tick(250);
    fleet.plan();
    for (const { params, message } of said(fleet.messages.slice(from), 'task')) {
      leased.push(`${message.task}@${params.node}`);
      if (turnDown) fleet.report(message.task, params.node as string, 'refused', { problem: turnDown });
    }
  }
  return leased;
}
function pis(...ids: string[]): SampleFleet {
  const fleet = new SampleFleet();
  for (const id of ids) {
    fleet.online(id);
    fleet.capacity(id, { models: [modelOf('small')], memoryFreeBytes: 4 * GiB });
  }
  return fleet;
}

t.test(
  'every code of a place, by a node of this version or an older one, gives the lease back uncounted',
  async (t) => {
    for (const state of ['failed', 'refused'] as const) {
      for (const [code, { of }] of Object.entries(taskProblems)) {
        if (state === 'refused' && of === 'work') continue;
        const fleet = new SampleFleet();
        fleet.runs('greeter', 'alice');
        fleet.submit('t1', 'greeter', { attempts: 1 });
        const { changes, messages } = fleet.report('t1', 'alice', state, {
          problem: { code, text: 'x', retryable: true },
        });
        t.equal(said(messages, 'settled').length, 1, `${state} ${code}: acknowledged`);
        if (of === 'work') t.match(end(changes), [{ state: 'failed', problem: { code } }], `${code}: counts`);
        else
          t.match(fleet.task('t1'), { state: 'queued', attempt: 1, attempts: 2, past: [{ outcome: 'refused' }] }, code);
      }
    }
  },
);

t.test('a model server that is away: few tries, each later, and the work is done when it is back', async (t) => {
  const fleet = pis('alice');
  fleet.runs('greeter', 'alice', { limits: { ...limits, deadlineSeconds: 3600 } });
  fleet.submit('t1', 'greeter');
  fleet.report('t1', 'alice', 'failed', { problem: away });
  const inAMinute = later(fleet, 60_000, away).length;
  t.ok(inAMinute >= 4 && inAMinute <= 8, `${inAMinute} tries in the first minute`);
  const inAnHour = later(fleet, 50 * 60_000, away).length;
  t.ok(inAnHour <= 150, `${inAnHour} in 50 minutes`);
  t.equal(fleet.task('t1')?.past?.length, maxPastAttempts, 'not all of them are kept');
  const [back] = later(fleet, 31_000);
  t.equal(back, 't1@alice', 'found out within half a minute without a word');
  t.match(end(fleet.report('t1', 'alice', 'done', { result: 'Hi.' }).changes), [{ state: 'done' }]);
});

t.test('its word that it is well again brings the work at once', async (t) => {
  const fleet = pis('alice');
  fleet.runs('greeter', 'alice');
  fleet.submit('t1', 'greeter');
  fleet.report('t1', 'alice', 'refused', { problem: away });
  later(fleet, 40_000, away);
  const observed = fleet.view.observed.get('greeter')!;
  fleet.apply([{ type: 'observed', agent: 'greeter', node: 'alice', observed: { ...observed, state: 'starting' } }]);
  fleet.now += 2_000;
  t.match(said(fleet.ready('greeter').messages, 'task'), [{ message: { task: 't1' } }]);
});

t.test('its word right after a refusal brings the work within a second, and never a hot loop', async (t) => {
  const fleet = pis('alice');
  fleet.runs('greeter', 'alice');
  fleet.submit('t1', 'greeter');
  fleet.report('t1', 'alice', 'refused', { problem: away });
  later(fleet, 40_000, away);
  let tries = 0;
  for (let i = 0; i < 40; i++) {
    const [lease] = later(fleet, 250);
    if (lease) {
      tries++;
      fleet.report('t1', 'alice', 'refused', { problem: away });
    }
    const observed = fleet.view.observed.get('greeter')!;
    fleet.apply([{ type: 'observed', agent: 'greeter', node: 'alice', observed: { ...observed, state: 'starting' } }]);
    for (const { message } of said(fleet.ready('greeter').messages, 'task')) {
      tries++;
      fleet.report(message.task, 'alice', 'refused', { problem: away });
    }
  }
  t.ok(tries >= 7 && tries <= 11, `${tries} tries in 10 s of a server that comes and goes`);
});

t.test('turned down twice, it goes to another node that can do it, and there at once', async (t) => {
  const fleet = pis('alice', 'aria');
  fleet.apply1('greeter');
  fleet.plan();
  const first = fleet.agent('greeter').placement!.node;
  fleet.ready('greeter');
  fleet.submit('t1', 'greeter', { attempts: 1 });
  fleet.report('t1', first, 'refused', { problem: away });
  t.equal(fleet.agent('greeter').placement?.node, first, 'once may be a hiccup');
  later(fleet, 1_500, away);
  const second = fleet.agent('greeter').placement!.node;
  t.not(second, first);
  const { messages } = fleet.ready('greeter');
  t.match(
    said(messages, 'task'),
    [{ params: { node: second }, message: { task: 't1', attempt: 3 } }],
    'without a wait',
  );
  fleet.report('t1', second, 'done', { result: 'Hi.' });
  t.same([...fleet.ends], [['t1', 1]]);
});

t.test('a node whose model came back is no longer avoided', async (t) => {
  const fleet = pis('alice', 'aria');
  fleet.apply1('greeter', { placement: { ...anywhere, nodes: ['alice'] } });
  fleet.plan();
  fleet.ready('greeter');
  fleet.submit('t1', 'greeter');
  fleet.report('t1', 'alice', 'refused', { problem: away });
  later(fleet, 5_000, away);
  t.ok(fleet.view.modelFaults.get('alice')!.get('small')!.untilMs > fleet.now);
  const models = [modelOf('small')];
  const { boot } = fleet.node('alice');
  const says = (present: typeof models) => {
    const message = { ...fleet.view.live.get('alice')!.capacity!, boot, models: present };
    fleet.decide<'node-capacity'>(acceptCapacity, { node: 'alice', message });
  };
  says(models);
  t.ok(fleet.view.modelFaults.get('alice')!.get('small')!.untilMs > fleet.now, 'it was there all the while');
  says([]);
  says(models);
  t.ok(fleet.view.modelFaults.get('alice')!.get('small')!.untilMs <= fleet.now);
});

t.test('a long queue is not turned down task by task', async (t) => {
  const fleet = pis('alice');
  fleet.runs('greeter', 'alice', { concurrency: 8 });
  for (let i = 0; i < 90; i++) fleet.submit(`t${i}`, 'greeter');
  for (let i = 0; i < 8; i++) fleet.report(`t${i}`, 'alice', 'refused', { problem: full });
  const tries = later(fleet, 20_000, full);
  t.ok(tries.length >= 3 && tries.length <= 6, `${tries.length} tries in 20 s, one at a time`);
  t.equal(new Set(tries).size, tries.length, 'not always the same one');
  const waited = later(fleet, 31_000);
  t.equal(waited.length, 1, 'one finds out whether it goes');
  const opened = fleet.report(waited[0]!.split('@')[0]!, 'alice', 'done', { result: 'Hi.' });
  t.equal(said(opened.messages, 'task').length, 8, 'then all go');
});

t.test('a full queue costs nothing: eight asks for two slots are all done', async (t) => {
  const fleet = pis('alice');
  fleet.runs('greeter', 'alice', { concurrency: 8 });
  for (let i = 0; i < 8; i++) fleet.submit(`t${i}`, 'greeter', { attempts: 1 });
  const room = 3;
  for (let second = 0; second < 200 && fleet.view.tasks.size > 0; second++) {
    const held = [...fleet.view.tasks.values()].filter(({ state }) => state !== 'queued');
    held.sort((a, b) => a.leasedMs! - b.leasedMs!);
    for (const { id } of held.slice(room)) fleet.report(id, 'alice', 'refused', { problem: full });
    if (held[0]) fleet.report(held[0].id, 'alice', 'done', { result: 'Hi.' });
    later(fleet, 1_000);
  }
  t.equal(fleet.ends.size, 8);
});

t.test('a task that its place turns down while the model works for others is to blame itself', async (t) => {
  const fleet = pis('alice');
  fleet.runs('greeter', 'alice', { concurrency: 2 });
  fleet.submit('poison', 'greeter', { attempts: 2, deadlineSeconds: 86_400 });
  const ended: EndedTask[] = [];
  for (let i = 0; i < 200 && fleet.task('poison'); i++) {
    fleet.submit(`good-${i}`, 'greeter');
    later(fleet, 2_000);
    for (const { id, state } of [...fleet.view.tasks.values()] as TaskRow[]) {
      if (state === 'queued') continue;
      const how = id === 'poison' ? ({ state: 'refused', problem: away } as const) : ({ state: 'done' } as const);
      ended.push(...end(fleet.report(id, 'alice', how.state, how).changes));
    }
  }
  t.match(
    ended.find(({ id }) => id === 'poison'),
    { state: 'failed', problem: { code: away.code } },
  );
  t.ok(ended.length > 2, 'and the others were done meanwhile');
});

t.test('when the deadline passes, the dead letter says the real reason', async (t) => {
  const texts = (prepare: (fleet: SampleFleet) => void) => {
    const ended: string[] = [];
    const fleet = pis('alice');
    const apply = fleet.apply.bind(fleet);
    fleet.apply = (changes) => {
      for (const { problem } of end(changes)) ended.push(problem?.text ?? '');
      apply(changes);
    };
    prepare(fleet);
    later(fleet, 20_000, away);
    return ended;
  };
  t.match(
    texts((fleet) => {
      fleet.runs('greeter', 'alice');
      fleet.submit('t1', 'greeter', { deadlineSeconds: 10, attempts: 1 });
      fleet.report('t1', 'alice', 'refused', { problem: away });
    }),
    [/^The deadline passed in the queue, after \d attempts; alice: Ollama at :11434 does not answer$/],
  );
  t.match(
    texts((fleet) => {
      fleet.apply1('greeter', { model: ['huge'] });
      fleet.plan();
      fleet.submit('t1', 'greeter', { deadlineSeconds: 10 });
    }),
    [/after 0 attempts; greeter is on no node: .*huge/],
  );
  t.match(
    texts((fleet) => {
      fleet.runs('greeter', 'alice');
      const observed = fleet.view.observed.get('greeter')!;
      const row = { ...observed, state: 'starting' as const, reason: 'fetching small, 40 %' };
      fleet.apply([{ type: 'observed', agent: 'greeter', node: 'alice', observed: row }]);
      fleet.submit('t1', 'greeter', { deadlineSeconds: 10 });
    }),
    [/after 0 attempts; greeter is starting on alice: fetching small, 40 %$/],
  );
});

t.test('waits double up to half a minute and differ from task to task', async (t) => {
  const task = (id: string) => ({ id, attempt: 1 }) as TaskRow;
  for (const [inARow, least, most] of [
    [1, 666, 1000],
    [2, 1333, 2000],
    [5, 10_666, 16_000],
    [6, 20_000, 30_000],
    [4000, 20_000, 30_000],
  ] as const) {
    const waits = ['a', 'b', 'c', 'd'].map((id) => placeWaitMs(1000, inARow, task(id)));
    t.ok(
      waits.every((ms) => ms >= least && ms <= most),
      `${inARow}: ${waits}`,
    );
    t.ok(new Set(waits).size > 1, 'jitter');
  }
});
