import type { TaskOriginName } from '@blackroad/protocol';
import t from 'tap';
import type { EndedTask } from '../state/rows.ts';
import { endedOf, fleetStateOf, isForAll, lastForAll } from './states.ts';

const task = (change: Partial<EndedTask>): EndedTask => ({
  ...{ id: 't1', space: 'default', agent: 'a1', state: 'done', prompt: 'Who?', priority: 50, origin: 'mqtt' },
  ...{ createdMs: 1_000, deadlineMs: 9_000, attempt: 1, attempts: 1, node: 'alice', epoch: 1, leasedMs: 1_100 },
  ...{ idempotencyKey: null, notBeforeMs: 0, endedMs: 4_450, result: 'Me.', truncated: false, problem: null },
  ...{ usage: null, ...change },
});

t.test('only what is asked over MQTT or by a trigger is said to all who read', async (t) => {
  const origins: [TaskOriginName, boolean][] = [
    ['mqtt', true],
    ['cron', true],
    ['api', false],
    ['cli', false],
    ['console', false],
  ];
  for (const [origin, said] of origins) t.equal(isForAll(task({ origin })), said, origin);
  t.notOk(isForAll(task({ conversation: 'c1' })), 'of a conversation');
  const tasks = [
    task({ id: 'old', endedMs: 1 }),
    task({ id: 'new', endedMs: 2 }),
    task({ id: 'own', endedMs: 3, origin: 'api' }),
  ];
  t.equal(lastForAll(tasks)?.id, 'new');
  t.equal(lastForAll([task({ origin: 'cli' })]), null);
});

t.test('an end is told without a word of it', async (t) => {
  const told = endedOf(task({ origin: 'console', prompt: 'secret', result: 'secret' }));
  t.same(told, { event_type: 'done', task: 't1', origin: 'console', node: 'alice', seconds: 3.5 });
  t.equal(endedOf(task({ state: 'queued' })), null);
  t.equal(endedOf(task({ createdMs: 9_000 }))?.seconds, 0, 'a clock that was set');
});

t.test('alerts that somebody acknowledged are no trouble', async (t) => {
  const nodes = { online: 2, suspect: 0, lost: 1 };
  const alert = { title: 'octavia is lost', text: 'its connection broke' };
  const figures = { nodes, agents: { ready: 1, failed: 1 }, queued: 3, running: 1 };
  const quiet = fleetStateOf({ ...figures, alerts: [{ ...alert, acknowledged: { by: 'ada' } }] }, 0.123);
  t.match(quiet, {
    nodes: 3,
    nodesOnline: 2,
    agents: 2,
    agentsReady: 1,
    trouble: false,
    alertCount: 0,
    tokensPerS: 0.1,
  });
  const loud = fleetStateOf({ ...figures, alerts: [{ ...alert, acknowledged: null }] }, 0);
  t.match(loud, { trouble: true, alertCount: 1, alerts: ['octavia is lost: its connection broke'] });
});
