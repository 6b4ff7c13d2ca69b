// The router over a view: what the operator keeps of a machine for its larger models is kept in requests and in placement alike.
import { systemRandom } from '@blackroad/std/random';
import t from 'tap';
import { SampleFleet } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { modelOf } from '../../../test/fixtures/coordinator/sample-supply.ts';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { comfortOf } from '../placement/model/comfort.ts';
import { supplying } from '../placement/model/snapshot.ts';
import type { View } from '../state/view.ts';
import type { Ask } from './ask.ts';
import { Router } from './router.ts';

const small = modelOf('llama3.2:1b', { parametersB: 1.2, slots: 8, resident: true });
const large = modelOf('llama3.3:70b', { parametersB: 70, slots: 8, resident: true });
const ask = (model: string): Ask => ({
  models: [model],
  answers: 1,
  stream: false,
  session: null,
  request: { kind: 'chat', messages: [{ role: 'user', content: 'Hello' }] },
});

function rig(reserve: number) {
  const fleet = new SampleFleet();
  fleet.online('anvil');
  fleet.capacity('anvil', { models: [small, large] });
  const view = fleet.view as View;
  const router = new Router({ view, clock: new HandClock(), random: systemRandom, reserve });
  router.note({ nodes: new Set(['anvil']) });
  let [entered, refused] = [0, ''];
  const { signal } = new AbortController();
  while (entered < 9) {
    const [tried] = router.routes(ask('small'), 'ada', null);
    if (!tried?.place) {
      refused = tried?.route.refused[0]?.filter ?? '';
      break;
    }
    const place = { node: 'anvil', model: small.name, slots: 8, told: undefined };
    void router.lanes.enter(place, { who: 'ada', signal, deadlineMs: 1_000 });
    entered++;
  }
  const policy = { ...fleet.policy, reserve };
  const supplied = supplying(view, fleet.now, policy, new Map());
  let step = supplied.next();
  while (!step.done) step = supplied.next();
  const agents = comfortOf(step.value.nodes[0]!, small);
  return { entered, refused, agents, named: router.routes(ask(small.name), 'ada', null)[0]?.place };
}

for (const [reserve, slots] of [
  [0.5, 4],
  [0.25, 6],
  [0, 8],
  [1, 1],
] as const) {
  t.test(`a reserve of ${reserve} leaves ${slots} of 8 slots to small requests`, async (t) => {
    const { entered, refused, agents, named } = rig(reserve);
    t.equal(entered, slots);
    t.equal(refused, 'reserved');
    t.equal(agents, 8 * slots, 'and as many agents that name no model');
    t.ok(named, 'who names the model takes what is free');
  });
}

t.test('a request that waits is routed by those before it, not by those behind it', async (t) => {
  const fleet = new SampleFleet();
  const speeds = { fast: 100, slow: 25 };
  for (const [node, decodeTps] of Object.entries(speeds)) {
    fleet.online(node);
    const speed = { prefillTps: 1000, decodeTps, samples: 5 };
    fleet.capacity(node, { models: [modelOf('m', { slots: 1, resident: true, speed })] });
  }
  const router = new Router({ view: fleet.view as View, clock: new HandClock(), random: systemRandom, reserve: 0 });
  const { signal } = new AbortController();
  const place = { node: 'fast', model: 'm', slots: 1, told: undefined };
  for (let i = 0; i < 5; i++) void router.lanes.enter(place, { who: 'ada', signal, deadlineMs: 1_000 });
  const chosen = (ahead?: number) =>
    router.routes(ask('m'), 'ada', null, new Set(), ahead === undefined ? undefined : { ...place, ahead })[0]?.place
      ?.row.id;
  t.equal(chosen(), 'slow', 'a new request would be the fifth that waits');
  t.equal(chosen(0), 'fast', 'the first that waits stays');
  t.equal(chosen(4), 'slow', 'the last one goes');
});
