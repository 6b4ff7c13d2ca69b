// The console's feed over real WebSockets: snapshots, deltas in sequence, going on after a sleep, and the ends of consoles that are slow,
// too many, rude or signed out.
import { connect } from 'node:net';
import type {
  AgentLine,
  AgentView,
  FleetEvent,
  FleetTotals,
  NodeHealth,
  NodeLine,
  NodeView,
  TaskLine,
  TaskView,
} from '@blackroad/protocol';
import { coordinatorSelf, maxFeedChannels } from '@blackroad/protocol';
import t from 'tap';
import { type ApiFleet, openApiFleet } from '../../../../test/fixtures/coordinator/api-fleet.ts';
import { type FeedClient, openConsole } from '../../../../test/fixtures/coordinator/open-console.ts';

const asViewer = (fleet: ApiFleet) => openConsole(fleet.port, { authorization: `Bearer ${fleet.keys.viewer}` });
const apply = (fleet: ApiFleet, name: string, over: object = {}) =>
  fleet.call('PUT', `/v1/agents/${name}`, { body: { name, model: ['auto'], instructions: 'x', ...over } });
const isWhole = (client: FeedClient, channel: string) => client.tables.get(channel)?.whole;
/** Everything that happened up to now has been told: a change of our own came through. */
async function caughtUp(fleet: ApiFleet, client: FeedClient, node: string) {
  const cordoned = !client.row<NodeLine>('nodes', node)?.cordoned;
  await fleet.call('PUT', `/v1/nodes/${node}`, { body: { cordoned } });
  await client.until(() => client.row<NodeLine>('nodes', node)?.cordoned === cordoned);
}

/** A WebSocket upgrade by hand. */
const upgrade = (more: string) =>
  `GET /v1/console-feed HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\n${more}\r\n`;

t.test('tables: a snapshot each, then what changed, in sequence, the same for everyone', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  const alice = await fleet.node('alice');
  const [one, two] = [asViewer(fleet), asViewer(fleet)];
  const all = ['totals', 'nodes', 'agents', 'tasks', 'events', 'alerts'];
  for (const client of [one, two]) {
    client.subscribe(...all);
    for (const channel of all) await client.until(() => isWhole(client, channel));
  }
  t.match(one.row('nodes', 'alice'), { presence: 'online', class: 'pi', site: 'home', models: ['tiny'], cpu: 0.1 });
  t.equal(one.row<FleetTotals>('totals', '')?.nodes.online, 1);
  await apply(fleet, 'greeter');
  await one.until(() => one.row<AgentLine>('agents', 'greeter')?.state === 'ready');
  await one.until(() => one.row<FleetTotals>('totals', '')?.agents.ready === 1);
  await one.until(() => one.row<NodeLine>('nodes', 'alice')?.agents === 1);
  const { body: task } = await fleet.call<TaskView>('POST', '/v1/agents/greeter/tasks', {
    body: { prompt: `long ${'x'.repeat(5000)}` },
  });
  await one.until(() => one.row<TaskLine>('tasks', task.id)?.state === 'done');
  t.ok((one.row<TaskLine>('tasks', task.id)?.prompt.length ?? 0) < 300, 'texts are cut to a line');
  t.equal(one.row<TaskLine>('tasks', task.id)?.isCut, true, 'and say so');
  t.match(one.row<TaskLine>('tasks', task.id)?.by, { kind: 'key', name: 'admin' }, 'who asked');
  t.ok(one.rows('events').length > 0);
  await fleet.call('DELETE', '/v1/agents/greeter');
  await one.until(() => one.tables.get('agents')?.rows.size === 0);
  await caughtUp(fleet, one, 'alice');
  await two.until(() => two.tables.get('nodes')?.seq === one.tables.get('nodes')?.seq);
  for (const channel of ['nodes', 'agents'])
    t.same([...(two.tables.get(channel)?.rows ?? [])], [...(one.tables.get(channel)?.rows ?? [])], channel);
  t.same([...one.complaints, ...two.complaints], []);
  t.equal(alice.id, 'alice');

  one.ask({ type: 'unsubscribe', channels: ['nodes'] });
  await fleet.node('bob');
  await one.until(() => one.row<FleetTotals>('totals', '')?.nodes.online === 2);
  await two.until(() => two.row('nodes', 'bob'));
  t.equal(one.row('nodes', 'bob'), undefined, 'nothing more of a channel that was left');
  await fleet.call('DELETE', '/v1/nodes/bob');
  await two.until(() => !two.row('nodes', 'bob'));
  t.same([...one.complaints, ...two.complaints], []);
});

t.test('a rename: the old name goes, and what was told of the agent lately is told under the new one', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  await fleet.node('alice');
  await apply(fleet, 'greeter');
  const { body: task } = await fleet.call<TaskView>('POST', '/v1/agents/greeter/tasks', { body: { prompt: 'Hello?' } });
  const client = asViewer(fleet);
  client.subscribe('agents', 'tasks', 'events', 'agent:greeter');
  await client.until(() => isWhole(client, 'agents') && isWhole(client, 'tasks') && isWhole(client, 'agent:greeter'));
  await client.until(() => client.row<TaskLine>('tasks', task.id)?.state === 'done');
  await fleet.call('POST', '/v1/agents/greeter/rename', { body: { name: 'host' } });
  await client.until(() => client.row<AgentLine>('agents', 'host')?.state === 'ready');
  await client.until(() => client.row<AgentLine>('agents', 'greeter') === undefined);
  await client.until(() => client.row<TaskLine>('tasks', task.id)?.agent === 'host');
  await client.until(() => client.rows<FleetEvent>('events').some(({ type }) => type === 'agent-renamed'));
  const placed = client.rows<FleetEvent>('events').find(({ type }) => type === 'agent-placed');
  t.match(placed, { agent: 'host', text: /^greeter goes to alice/ }, 'its words stay as they were told');
  await client.until(() => client.row('agent:greeter', 'greeter') === undefined);
  client.subscribe('agent:host');
  await client.until(() => client.row<AgentView>('agent:host', 'host')?.version === 2);
  t.same(client.complaints, []);
});

t.test('the load of models is live in the API and on the channel of its node, and changes no row', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  const alice = await fleet.node('alice');
  const health = fleet.coordinator.view.live.get('alice')?.health as NodeHealth;
  const beat = (seq: number, models: NodeHealth['models']) =>
    alice.say('nodeHealth', {}, { ...health, uptimeS: seq, models });
  const client = asViewer(fleet);
  client.subscribe('nodes', 'node:alice');
  await client.until(() => isWhole(client, 'nodes') && isWhole(client, 'node:alice'));
  await caughtUp(fleet, client, 'alice');
  const { seq } = client.tables.get('nodes') as { seq: number };
  const told = () => client.row<NodeView>('node:alice', 'alice')?.health?.models;
  for (let busy = 1; busy <= 4; busy++) {
    const load = { name: 'tiny', busy, waiting: busy * 2, slots: 4 };
    beat(busy + 1, [load]);
    await client.until(() => JSON.stringify(told()) === JSON.stringify([load]));
  }
  t.equal(client.tables.get('nodes')?.seq, seq);
  const { body } = await fleet.call<NodeView>('GET', '/v1/nodes/alice');
  t.same(body.health?.models, [{ name: 'tiny', busy: 4, waiting: 8, slots: 4 }]);
  const metrics = await fleet.call<string>('GET', '/metrics');
  for (const [figure, value] of Object.entries({ busy: 4, waiting: 8, slots: 4, others: 0 }))
    t.match(metrics.body, `blackroad_model_${figure}{node="alice",model="tiny"} ${value}\n`);
  t.same(client.complaints, []);
});

t.test('a heartbeat that says nothing new is no news', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  const alice = await fleet.node('alice');
  const { boot } = fleet.coordinator.view.nodes.get('alice') as { boot: string };
  const health = { ...fleet.coordinator.view.live.get('alice')?.health } as never as object;
  const beat = (over: object) => alice.say('nodeHealth', {}, { ...health, boot, ...over } as never);
  const client = asViewer(fleet);
  client.subscribe('nodes');
  await client.until(() => isWhole(client, 'nodes'));
  await caughtUp(fleet, client, 'alice');
  const { seq } = client.tables.get('nodes') as { seq: number };
  for (let i = 0; i < 20; i++) {
    beat({ seq: i + 2, cpu: 0.1 + (i % 5) / 100, temperatureC: 48 + (i % 3) / 2 });
    await fleet.coordinator.submit('audit', { by: coordinatorSelf, action: 'other', params: { action: 'sync' } });
  }
  await caughtUp(fleet, client, 'alice');
  t.equal(client.tables.get('nodes')?.seq, seq + 1, 'only the change of ours');
  beat({ seq: 30, cpu: 0.72, temperatureC: 71 });
  await client.until(() => client.row<NodeLine>('nodes', 'alice')?.cpu === 0.7);
  t.equal(client.row<NodeLine>('nodes', 'alice')?.temperatureC, 72);
  const last = client.frames.findLast((frame) => frame.type === 'delta');
  t.same(last?.patch, [{ id: 'alice', cpu: 0.7, temperatureC: 72 }], 'only the fields that changed');
  t.same(client.complaints, []);
});

t.test('after a sleep a console goes on where it was', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  await fleet.node('alice');
  const before = asViewer(fleet);
  before.subscribe('nodes', 'agents');
  await before.until(() => isWhole(before, 'nodes') && isWhole(before, 'agents'));
  await caughtUp(fleet, before, 'alice');
  const nodes = before.tables.get('nodes') as { epoch: string; seq: number };
  const stayed = asViewer(fleet);
  stayed.subscribe('nodes');
  await stayed.until(() => isWhole(stayed, 'nodes'));
  before.socket.terminate();
  await fleet.node('bob');
  await stayed.until(() => stayed.row('nodes', 'bob'));

  const back = asViewer(fleet);
  // The fixture checks that what is told fits what it had: take its tables along.
  for (const [channel, table] of before.tables) back.tables.set(channel, { ...table, snapshots: 0 });
  back.subscribe({ channel: 'nodes', epoch: nodes.epoch, seq: nodes.seq }, 'agents');
  await back.until(() => back.row('nodes', 'bob'));
  t.equal(back.tables.get('nodes')?.snapshots, 0, 'no snapshot');
  t.equal(back.frames.find(({ type }) => type !== 'as-of')?.type, 'resumed');
  await back.until(() => back.tables.get('agents')?.snapshots === 1);

  const stranger = asViewer(fleet);
  stranger.subscribe({ channel: 'nodes', epoch: '00000000', seq: nodes.seq });
  await stranger.until(() => stranger.tables.get('nodes')?.snapshots === 1);
  const ahead = asViewer(fleet);
  ahead.subscribe({ channel: 'nodes', epoch: nodes.epoch, seq: nodes.seq + 1000 });
  await ahead.until(() => ahead.tables.get('nodes')?.snapshots === 1);
  t.same([...back.complaints, ...stranger.complaints, ...ahead.complaints], []);

  // Nobody looks; then one comes back: one delta, no snapshot.
  const { seq } = stayed.tables.get('nodes') as { seq: number };
  const { tables } = stayed;
  for (const { socket } of [stayed, back, stranger, ahead]) socket.terminate();
  await fleet.node('carol');
  const alone = asViewer(fleet);
  for (const [channel, table] of tables) alone.tables.set(channel, { ...table, snapshots: 0 });
  alone.subscribe({ channel: 'nodes', epoch: nodes.epoch, seq });
  await alone.until(() => alone.row('nodes', 'carol'));
  t.equal(alone.tables.get('nodes')?.snapshots, 0);
  t.same(alone.complaints, []);
});

t.test('one thing: a node, an agent, a task, whole', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  await fleet.node('alice');
  await apply(fleet, 'greeter');
  const { body: ended } = await fleet.call<TaskView>('POST', '/v1/agents/greeter/tasks', { body: { prompt: 'hi' } });
  const client = asViewer(fleet);
  client.subscribe('node:alice', 'agent:greeter', `task:${ended.id}`, 'node:nobody', 'task:t-0');
  await client.until(() => client.row<TaskView>(`task:${ended.id}`, ended.id)?.state === 'done');
  t.match(client.row('node:alice', 'alice'), { info: { hostname: 'alice' }, agents: ['greeter'] });
  t.match(client.row('agent:greeter', 'greeter'), { spec: { instructions: 'x' } });
  await client.until(() => client.tables.get('task:t-0')?.refused);
  t.match(client.tables.get('node:nobody')?.refused, /no node "nobody"/);
  await fleet.call('PUT', '/v1/nodes/alice', { body: { labels: { room: 'kitchen' } } });
  await client.until(() => client.row<NodeView>('node:alice', 'alice')?.labels.room === 'kitchen');
  await fleet.call('DELETE', '/v1/agents/greeter');
  await client.until(() => client.tables.get('agent:greeter')?.rows.size === 0);
  t.same(client.complaints, []);
  client.ask({ type: 'unsubscribe', channels: ['node:alice'] });
  client.subscribe('node:alice');
  await client.until(() => client.tables.get('node:alice')?.snapshots === 2);
});

t.test('an ended task that another console looks at already', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  const alice = await fleet.node('alice');
  let finish = () => {};
  alice.onLease = (_lease, work) => {
    finish = () => work.end('late');
  };
  await apply(fleet, 'greeter');
  const { body: task } = await fleet.call<TaskView>('POST', '/v1/agents/greeter/tasks', { body: { prompt: 'hi' } });
  const client = asViewer(fleet);
  client.subscribe(`task:${task.id}`);
  await client.until(() => client.row(`task:${task.id}`, task.id));
  // Placement takes its own time; the lease must be there before it can end.
  await client.until(() => client.row<TaskView>(`task:${task.id}`, task.id)?.node === 'alice');
  finish();
  await client.until(() => client.row<TaskView>(`task:${task.id}`, task.id)?.result === 'late');
  t.same(client.complaints, []);
});

t.test('rude consoles: bounded channels and requests, and what is no request', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  const greedy = asViewer(fleet);
  for (let i = 0; i <= maxFeedChannels; i++) await fleet.node(`n-${i}`);
  for (let i = 0; i <= maxFeedChannels; i++) greedy.subscribe(`node:n-${i}`);
  await greedy.until(() => greedy.tables.get(`node:n-${maxFeedChannels}`)?.refused);
  t.same(greedy.complaints, []);
  for (const nonsense of [
    'DROP TABLE',
    '{"type":"subscribe"}',
    '{"type":"subscribe","channels":[{"channel":"all"}]}',
    '[]',
  ]) {
    const rude = asViewer(fleet);
    rude.ask(nonsense);
    await new Promise((resolve) => rude.socket.once('close', resolve));
    t.equal(rude.ended()?.code, 1008, nonsense);
  }
  const loop = asViewer(fleet);
  await loop.status;
  for (let i = 0; i < 200; i++) loop.subscribe('totals');
  await new Promise((resolve) => loop.socket.once('close', resolve));
  t.match(loop.ended(), { code: 1008, reason: /at most 120 requests/ });
});

t.test('who may listen, and how many', async (t) => {
  const fleet = await openApiFleet({ limits: { consoles: 1 } });
  t.teardown(() => fleet.close());
  t.equal(await openConsole(fleet.port, {}).status, 401);
  const { body } = await fleet.call<{ id: string; key: string }>('POST', '/v1/keys', {
    body: { name: 'w', role: 'viewer' },
  });
  const answer = await fleet.call('POST', '/v1/sign-in', { key: null, body: { code: body.key } });
  const cookie = (answer.headers.get('set-cookie') ?? '').split(';')[0] as string;
  t.equal(await openConsole(fleet.port, { cookie }).status, 403, 'a session without an origin');
  t.equal(await openConsole(fleet.port, { cookie, origin: 'https://evil.example' }).status, 403);
  const console = openConsole(fleet.port, { cookie, origin: fleet.base });
  await console.until(() => console.frames.length > 0);
  const second = asViewer(fleet);
  await new Promise((resolve) => second.socket.once('close', resolve));
  t.match(second.ended(), { code: 1013, reason: /1 consoles/ });
  t.equal(fleet.context.feed.counts().consoles, 1);
});

t.test('a console that does not read is cut off, the others go on', async (t) => {
  const fleet = await openApiFleet({ limits: { backlogBytes: 64 * 1024 } });
  t.teardown(() => fleet.close());
  await fleet.node('alice');
  await apply(fleet, 'greeter', { instructions: 'x'.repeat(16_000) });
  const good = asViewer(fleet);
  good.subscribe('agent:greeter', 'nodes');
  await good.until(() => isWhole(good, 'agent:greeter') && isWhole(good, 'nodes'));
  const slow = asViewer(fleet);
  slow.subscribe('agent:greeter');
  await slow.until(() => isWhole(slow, 'agent:greeter'));
  slow.socket.pause();
  // Large frames: the kernel's buffers fill first.
  const names = Array.from({ length: 20 }, (_, i) => `large-${i}`);
  await Promise.all(names.map((name) => apply(fleet, name, { instructions: 'x'.repeat(16_000) })));
  slow.subscribe(...names.map((name) => `agent:${name}`));
  good.subscribe(...names.map((name) => `agent:${name}`));
  for (let round = 0; fleet.context.feed.counts().cut === 0; round++)
    await Promise.all(
      names.map((name) => apply(fleet, name, { instructions: 'x'.repeat(16_000), description: `round ${round}` })),
    );
  t.equal(fleet.context.feed.counts().consoles, 1);
  await caughtUp(fleet, good, 'alice');
  t.same(good.complaints, []);
});

t.test('the socket of a refused upgrade is closed: strangers hold nothing', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  const raw = connect(fleet.port, '127.0.0.1', () => raw.write(upgrade('')));
  let text = '';
  raw.on('data', (bytes) => {
    text += bytes;
  });
  await new Promise((resolve) => raw.on('close', resolve));
  t.match(text, /^HTTP\/1\.1 401/);
});

t.test('stopping does not wait for a console that says nothing', async (t) => {
  const fleet = await openApiFleet();
  const raw = connect(fleet.port, '127.0.0.1', () =>
    raw.write(upgrade(`Authorization: Bearer ${fleet.keys.viewer}\r\n`)),
  );
  const closed = new Promise((resolve) => raw.on('close', resolve));
  await new Promise((resolve) => raw.once('data', resolve));
  await fleet.close();
  await closed;
  t.pass('closed');
});
