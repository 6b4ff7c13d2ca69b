// Loaded models that may be unloaded: the time since their last use, and the models that are always kept.
import t from 'tap';
import { SampleFleet, said } from '../../../../test/fixtures/coordinator/sample-fleet.ts';
import { startMs } from '../../../../test/fixtures/coordinator/sample-rows.ts';
import { modelOf } from '../../../../test/fixtures/coordinator/sample-supply.ts';
import type { View } from '../../state/view.ts';
import { idleModels } from './idle-models.ts';
import { unloadIdle } from './plan.ts';

const minuteMs = 60_000;

function fleetWith(...models: ReturnType<typeof modelOf>[]): SampleFleet {
  const fleet = new SampleFleet();
  fleet.policy = { ...fleet.policy, modelIdleMs: 10 * minuteMs };
  fleet.runs('greeter', 'alice');
  fleet.capacity('alice', { models });
  return fleet;
}
const idle = (fleet: SampleFleet) =>
  idleModels(fleet.view as View, fleet.now, fleet.policy).map(({ node, model }) => `${node}/${model}`);

t.test('since its last task, or since it was loaded; never while one works or waits', async (t) => {
  const small = modelOf('small', { resident: true });
  const fleet = fleetWith(small);
  fleet.pass(9 * minuteMs, minuteMs);
  t.same(idle(fleet), []);
  fleet.online('alice');
  fleet.now = startMs + 10 * minuteMs;
  t.same(idle(fleet), ['alice/small'], 'since the start, as nothing is known of before');
  fleet.birth('alice');
  fleet.submit('t1', 'greeter');
  t.match(fleet.task('t1'), { state: 'leased' });
  t.same(idle(fleet), [], 'a task');
  fleet.now += 20 * minuteMs;
  t.same(idle(fleet), [], 'a long one');
  fleet.report('t1', 'alice', 'done', { result: 'ok' });
  t.same(idle(fleet), [], 'just used');
  fleet.now += 10 * minuteMs;
  t.same(idle(fleet), ['alice/small']);
  fleet.capacity('alice', { models: [{ ...small, resident: false }] });
  t.same(idle(fleet), [], 'it is not loaded');
  fleet.tick(minuteMs);
  fleet.online('alice');
  fleet.capacity('alice', { models: [small] });
  t.same(idle(fleet), [], 'loaded anew');
});

t.test('only what can be put down and loaded again', async (t) => {
  const fleet = fleetWith(
    modelOf('small', { resident: true }),
    modelOf('served', { resident: true, runtime: 'openai' }),
    modelOf('paid', { resident: true, runtime: 'openai' }),
    modelOf('meaning', { resident: true, kind: 'embed' }),
    modelOf('other', { resident: true }),
  );
  fleet.now += 10 * minuteMs;
  t.same(idle(fleet).sort(), ['alice/other', 'alice/small'], 'also one that no agent has');
  fleet.policy = { ...fleet.policy, modelIdleMs: 0 };
  t.same(idle(fleet), [], 'not asked for');
});

t.test('the node is told once, and an event says so', async (t) => {
  const fleet = fleetWith(modelOf('small', { resident: true }));
  fleet.now += 10 * minuteMs;
  const unloads = [
    { node: 'alice', model: 'small', command: 'c1' },
    { node: 'alice', model: 'gone', command: 'c2' },
  ];
  const first = fleet.decide<'models-idle'>(unloadIdle, { unloads });
  t.same(
    said(first.messages, 'unload').map(({ message }) => message),
    [{ command: 'c1', model: 'small' }],
  );
  t.match(
    first.changes.find(({ type }) => type === 'event'),
    {
      row: {
        type: 'model-idle',
        text: 'small on alice had no task for 10 min: its memory is freed, the next task loads it',
      },
    },
  );
  t.same(fleet.decide<'models-idle'>(unloadIdle, { unloads }).messages, [], 'until it had time to');
});
