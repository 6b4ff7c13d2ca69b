// The node `fleet event` over HTTP, against the real coordinator: each event once and in order, over breaks and deploys, and words on those that
// are not told.
import type { FleetEvent } from '@blackroad/protocol';
import { type Clock, systemClock } from '@blackroad/std/clock';
import { seededRandom } from '@blackroad/std/random';
import t, { type Test } from 'tap';
import { openApiFleet } from '../../test/fixtures/coordinator/api-fleet.ts';
import { cutProxy } from '../../test/fixtures/cut-proxy.ts';
import { createFlow, type FlowNode } from '../../test/fixtures/node-red/flow-stand.ts';
import { until } from '../../test/fixtures/processes.ts';
import type { Gap, Told } from './door.ts';
import { listenOverHttp } from './listen-http.ts';
import { createRequests } from './requests.ts';

const fleet = await openApiFleet();
t.teardown(() => fleet.close());
await fleet.node('alice');
/** Waits are short, so that a test need not wait for them. */
const hasty: Clock = {
  ...systemClock,
  // Deadlines of requests stay as they are.
  after: (ms, run, hold = false) => systemClock.after(hold ? ms : Math.min(ms, 10), run, true),
};
let names = 0;
/** Each is an event: `agent-renamed`. */
async function rename(count: number): Promise<void> {
  const from = `a${names}`;
  if (names === 0)
    await fleet.call('PUT', `/v1/agents/${from}`, { body: { name: from, model: ['auto'], instructions: 'x' } });
  for (let i = 0; i < count; i++) {
    const name = `a${names}`;
    await fleet.call('POST', `/v1/agents/${name}/rename`, { body: { name: `a${++names}` } });
  }
}
const newest = async () => (await fleet.call<FleetEvent[]>('GET', '/v1/events?limit=1')).body[0]?.id as number;

function listen(t: Test, after: number | null, base = fleet.base) {
  const requests = createRequests({ url: base, key: fleet.keys.viewer, ca: null });
  const random = seededRandom(1);
  const listening = listenOverHttp({ requests, clock: hasty, random });
  t.teardown(() => {
    listening.close();
    requests.close();
  });
  const heard = { ids: [] as (number | null)[], gaps: [] as Gap[], troubles: [] as (string | null)[], looks: 0 };
  const listener = {
    after,
    onEvent: ({ id }: Told) => void heard.ids.push(id),
    onGap: (gap: Gap) => void heard.gaps.push(gap),
    onTrouble(error: Error | null) {
      heard.looks++;
      if (heard.troubles.at(-1) !== (error?.message ?? null)) heard.troubles.push(error?.message ?? null);
    },
  };
  const end = listening.add(listener);
  const looked = async (times = 2) => {
    const from = heard.looks;
    await until('it has looked', async () => heard.looks >= from + times);
  };
  return { heard, listener, listening, end, looked };
}
const span = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + 1 + i);

t.test('from now on, each once, in order', async (t) => {
  await rename(2);
  const { heard, looked } = listen(t, null);
  await looked();
  t.same(heard.ids, [], 'what was before is not told');
  const from = await newest();
  await rename(5);
  await looked();
  t.same(heard.ids, span(from, await newest()));
  t.same(heard.gaps, []);
});

t.test('after a break it gets all that it missed, pages of it, and nothing twice', async (t) => {
  const proxy = await cutProxy(fleet.port);
  t.teardown(() => proxy.close());
  const from = await newest();
  const { heard, looked } = listen(t, from, `http://127.0.0.1:${proxy.port}`);
  await rename(1);
  await looked();
  proxy.be('refused');
  await rename(260);
  await until('trouble', async () => heard.troubles.length > 1);
  proxy.be('open');
  await until('all of it', async () => heard.ids.length >= 261);
  await looked();
  t.same(heard.ids, span(from, await newest()));
  t.same(heard.gaps, []);
  t.match(heard.troubles.at(-1), null);
});

t.test('listeners with another past get their own', async (t) => {
  const from = await newest();
  const { heard, looked, listening } = listen(t, null);
  await looked();
  await rename(3);
  const ids: (number | null)[] = [];
  listening.add({ after: from, onEvent: ({ id }) => void ids.push(id), onGap() {}, onTrouble() {} });
  await looked(3);
  t.same(ids, span(from, await newest()));
  t.same(heard.ids, ids);
});

t.test('what cannot be told is said', async (t) => {
  const from = await newest();
  await rename(3);
  const ahead = listen(t, from + 1_000);
  await ahead.looked();
  t.match(ahead.heard.gaps, [{ text: /the coordinator was restored, or set up anew/ }]);
  t.equal(ahead.listener.after, await newest(), 'it goes on from there');
  await fleet.context.coordinator.store.prune({ tasksMs: 0, eventsMs: systemClock.nowMs() + 1, auditMs: 0 });
  const last = await newest();
  t.equal(last, undefined, 'the coordinator keeps none');
});

t.test('the events that are kept no more are named', async (t) => {
  const fresh = await openApiFleet();
  t.teardown(() => fresh.close());
  for (const id of ['n1', 'n2', 'n3']) await fresh.node(id);
  const { body } = await fresh.call<FleetEvent[]>('GET', '/v1/events?limit=100');
  const [first, oldest] = [body.at(-1)?.id as number, body.at(-3) as FleetEvent];
  await until('a later moment', async () => systemClock.nowMs() > oldest.atMs + 1);
  await fresh.node('n4');
  const requests = createRequests({ url: fresh.base, key: fresh.keys.viewer, ca: null });
  const listening = listenOverHttp({ requests, clock: hasty, random: seededRandom(1) });
  t.teardown(() => {
    listening.close();
    requests.close();
  });
  await fresh.context.coordinator.store.prune({ tasksMs: 0, eventsMs: oldest.atMs + 1, auditMs: 0 });
  const left = (await fresh.call<FleetEvent[]>('GET', '/v1/events?limit=100')).body.map(({ id }) => id).reverse();
  const ids: (number | null)[] = [];
  const gaps: Gap[] = [];
  const onEvent = ({ id }: Told) => void ids.push(id);
  listening.add({ after: first, onEvent, onGap: (gap) => void gaps.push(gap), onTrouble() {} });
  await until('those that are left', async () => ids.length >= left.length);
  t.same(ids, left);
  t.match(gaps, [{ after: first, before: left[0], text: /keeps them no more/ }]);
});

const deploy = (
  flow: ReturnType<typeof createFlow>,
  config: object,
  key = fleet.keys.operator,
  address = fleet.base,
) => {
  flow.add('fleet', 'home', { address }, { key });
  return flow.add('fleet event', 'events', { fleet: 'home', ...config });
};
const texts = (node: FlowNode) => node.outOf(0).map(({ payload }) => (payload as Told).text);

t.test('the node filters, and goes on after a deploy where it stopped', async (t) => {
  const flow = createFlow();
  t.teardown(() => flow.stop());
  await rename(1);
  const config = { types: 'agent-renamed, agent-removed', severity: 'info', node: '' };
  const before = deploy(flow, config);
  await until('its first look', async () => before.context().get('lastEvent') !== undefined);
  await rename(1);
  await fleet.node(`n${names}`);
  await until('the event', async () => before.outOf(0).length === 1);
  t.match(before.outOf(0), [
    { topic: 'agent-renamed', payload: { type: 'agent-renamed', severity: 'info', id: Number } },
  ]);
  t.match(before.lastStatus, /^agent-renamed$/);
  await flow.stop();
  await rename(2);
  const after = deploy(flow, config);
  await until('what happened meanwhile', async () => after.outOf(0).length === 2);
  t.match(texts(after), [
    `a${names - 2} is called a${names - 1} from now on`,
    `a${names - 1} is called a${names} from now on`,
  ]);
  t.same(after.outOf(1), []);
});

t.test(
  'after a restart of Node-RED it goes on where contexts are kept, and begins anew at another fleet',
  async (t) => {
    const contexts = new Map<string, Map<string, unknown>>();
    const before = createFlow(contexts);
    const first = deploy(before, {});
    await until('its first look', async () => first.context().get('lastEvent') !== undefined);
    await before.stop();
    await rename(2);
    const after = createFlow(contexts);
    t.teardown(() => after.stop());
    const second = deploy(after, {});
    await until('what happened meanwhile', async () => second.outOf(0).length >= 2);
    t.match(texts(second).at(-1), `is called a${names} from now on`);
    await after.stop();
    const proxy = await cutProxy(fleet.port);
    t.teardown(() => proxy.close());
    await rename(2);
    const third = deploy(after, {}, fleet.keys.operator, `http://127.0.0.1:${proxy.port}`);
    await until('its first look', async () =>
      JSON.stringify(third.context().get('lastEvent')).includes(`:${proxy.port}`),
    );
    t.same(third.sent, [], 'numbers of one fleet mean nothing at another');
  },
);

t.test('no permission, a wrong key and a coordinator that is away: status, second output, catch', async (t) => {
  const flow = createFlow();
  t.teardown(() => flow.stop());
  const client = deploy(flow, {}, fleet.keys.client);
  await until('no permission', async () => client.lastStatus === 'no permission');
  t.match(client.outOf(1), [{ topic: 'trouble', payload: { kind: 'no-permission', text: /events:read/ } }]);
  t.match(client.errors, [/events:read/]);
  await flow.stop();
  const wrong = deploy(flow, {}, `brk_x_${'0'.repeat(64)}`);
  await until('wrong key', async () => wrong.outOf(1).length > 0);
  t.match(wrong.lastStatus, 'wrong key');
  await flow.stop();
  const proxy = await cutProxy(fleet.port);
  t.teardown(() => proxy.close());
  const node = deploy(flow, {}, fleet.keys.operator, `http://127.0.0.1:${proxy.port}`);
  await until('its first look', async () => node.context().get('lastEvent') !== undefined);
  proxy.be('refused');
  await until('away', async () => node.outOf(1).length === 1);
  t.match(node.lastStatus, 'coordinator away');
  proxy.be('open');
  await until('back', async () => node.outOf(1).length === 2);
  t.match(node.outOf(1), [{ topic: 'trouble', payload: { kind: 'away' } }, { topic: 'back' }]);
});
