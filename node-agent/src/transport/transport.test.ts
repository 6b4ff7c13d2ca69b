// The transport against a real broker behind mutual TLS: births, wills, reconnections, the outbox, refusals.
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { type Decoded, type TopicMessage, topicOf } from '@blackroad/protocol';
import { type Clock, systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import t from 'tap';
import {
  createThrowawayBroker,
  type Heard,
  type ThrowawayBroker,
} from '../../../test/fixtures/node-agent/throwaway-broker.ts';
import { createThrowawayCa, type Validity } from '../../../test/fixtures/node-agent/throwaway-ca.ts';
import type { Identity } from '../identity/identity.ts';
import { Outbox } from './outbox.ts';
import type { Transport } from './transport.ts';
import { createTransport, type TransportOptions } from './transport.ts';

const ca = await createThrowawayCa();
const otherCa = await createThrowawayCa();
const boot = 'boot-00000001';
/** Waits of the transport shrink to moments: order is tested, not time. Deadlines stay. */
const hasty: Clock = {
  ...systemClock,
  after: (delayMs, run) => systemClock.after(delayMs >= 15_000 ? delayMs : delayMs / 50, run),
};

interface Node {
  transport: Transport;
  outbox: Outbox;
  identity: Identity;
  messages: Decoded[];
  refused: [string, string][];
  downs: string[];
  /** Names of the events: up, down, message, refused. */
  events: EventEmitter;
  notAccepted: number;
}
async function node(
  t: Test,
  broker: ThrowawayBroker,
  more: Partial<TransportOptions> & { id?: string; validity?: Validity } = {},
) {
  const { id = 'alice', validity, ...options } = more;
  const outbox = options.outbox ?? new Outbox({ path: ':memory:', clock: hasty, log: silentLog });
  const self: Node = {
    identity: {
      node: id,
      ...(await ca.client(id, validity)),
      ca: ca.pem,
      caFingerprint: ca.fingerprint,
      issuedMs: 0,
      expiresMs: 1,
      url: 'https://127.0.0.1:1',
      mqtt: { host: '127.0.0.1', port: broker.port },
      class: 'cpu',
      site: 'home',
    },
    outbox,
    messages: [],
    refused: [],
    downs: [],
    events: new EventEmitter(),
    notAccepted: 0,
    transport: undefined as unknown as Transport,
  };
  self.transport = createTransport({
    identity: () => self.identity,
    outbox,
    clock: hasty,
    random: seededRandom(7),
    log: silentLog,
    keepaliveS: 30,
    boot,
    onNotAccepted: () => {
      self.notAccepted++;
      self.events.emit('not-accepted');
    },
    ...options,
  });
  t.teardown(async () => {
    await self.transport.stop();
    outbox.close();
  });
  return self;
}
function start(self: Node, onUp: () => void = () => {}) {
  self.transport.start({
    onUp() {
      onUp();
      self.events.emit('up');
    },
    onDown(reason) {
      self.downs.push(reason);
      self.events.emit('down');
    },
    onMessage(message) {
      self.messages.push(message);
      self.events.emit('message', message);
    },
    onRefused(topic, text) {
      self.refused.push([topic, text]);
      self.events.emit('refused');
    },
  });
  return once(self.events, 'up');
}
type Test = { teardown(run: () => unknown): void };
async function brokerFor(t: Test) {
  const broker = await createThrowawayBroker(ca);
  t.teardown(() => broker.kill());
  return broker;
}
const report = (task: string): TopicMessage<'taskReport'> =>
  ({ boot, task, attempt: 1, agent: 'greeter', epoch: 1, seq: 1, state: 'done', result: task }) as never;
const post = (self: Node, task: string) =>
  self.transport.post(task, 'settled', 'taskReport', { node: 'alice', task }, report(task));
const tasksIn = (heard: Heard[]) => heard.flatMap(({ topic }) => /task\/([^/]+)\/status$/.exec(topic)?.slice(1) ?? []);
const event = (text: string): TopicMessage<'nodeEvent'> => ({ boot, atMs: 1, type: 'log', severity: 'info', text });
const stateTopic = topicOf('nodeState', { node: 'alice' });

t.test('the birth is first, then what onUp says, what is kept, and the outbox', async (t) => {
  const broker = await brokerFor(t);
  const alice = await node(t, broker);
  const event = { boot, atMs: 1, type: 'log', severity: 'info', text: 'x' } as const;
  alice.transport.keep(
    'agentState',
    { node: 'alice', agent: 'a' },
    { boot, agent: 'a', epoch: 1, state: 'ready', model: null },
  );
  alice.transport.send('nodeEvent', { node: 'alice', type: 'log' }, { ...event, text: 'lost: not connected' });
  post(alice, 't1');
  t.equal(alice.transport.connected, false);
  await start(alice, () => alice.transport.send('nodeEvent', { node: 'alice', type: 'log' }, event));
  await broker.hears(({ topic }) => topic.endsWith('task/t1/status'));
  t.same(
    broker.heard.map(({ topic }) => topic.replace('blackroad/v1/node/alice/', '')),
    ['state', 'event/log', 'agent/a/state', 'task/t1/status'],
  );
  t.match(broker.heard[0], { client: 'alice', retain: true, payload: JSON.stringify({ state: 'online', boot }) });
  t.equal(alice.transport.connected, true);
});

t.test('a cut connection leaves the will, a stop says goodbye', async (t) => {
  const broker = await brokerFor(t);
  const alice = await node(t, broker);
  await start(alice);
  const offline = (heard: Heard) => heard.topic === stateTopic && heard.payload.includes('offline');
  const up = once(alice.events, 'up');
  broker.cut();
  const will = await broker.hears(offline);
  t.same(JSON.parse(will.payload), { state: 'offline', boot });
  t.equal(will.retain, true);
  await up;
  t.equal(alice.downs.length, 1);
  broker.heard.length = 0;
  const stopped = alice.transport.stop();
  t.same(JSON.parse((await broker.hears(offline)).payload), { state: 'offline', boot, reason: 'stopped' });
  await stopped;
  t.equal(alice.transport.connected, false);
  t.equal(broker.heard.filter(offline).length, 1, 'no will after a goodbye');
});

t.test('over a reconnection exactly the unsettled ones go again, in order', async (t) => {
  const broker = await brokerFor(t);
  const alice = await node(t, broker);
  await start(alice);
  const tasks = Array.from({ length: 100 }, (_, i) => `t${String(i).padStart(3, '0')}`);
  for (const task of tasks) t.ok(post(alice, task));
  alice.transport.post('e', 'sent', 'nodeEvent', { node: 'alice', type: 'log' }, event('x'));
  await broker.hears(({ topic }) => topic.endsWith('event/log'));
  t.same(tasksIn(broker.heard), tasks);
  const even = tasks.filter((_, i) => i % 2 === 0);
  alice.transport.settle(even);
  await broker.kill();
  post(alice, 'offline');
  broker.heard.length = 0;
  const up = once(alice.events, 'up');
  await broker.back();
  await up;
  await broker.hears(({ topic }) => topic.endsWith('task/offline/status'));
  t.equal(broker.heard[0]?.topic, stateTopic, 'the birth is first again');
  t.same(tasksIn(broker.heard), [...tasks.filter((task) => !even.includes(task)), 'offline']);
  t.notOk(
    broker.heard.some(({ topic }) => topic.endsWith('event/log')),
    'a sent one is not sent again',
  );
  t.equal(alice.transport.outboxDepth, 51);
  t.same(alice.transport.unsettledKeys().slice(0, 2), ['t001', 't003']);
});

t.test('2,000 results made while offline arrive once each, in order, and are settled', async (t) => {
  const broker = await brokerFor(t);
  const alice = await node(t, broker);
  const tasks = Array.from({ length: 2000 }, (_, i) => `t${i}`);
  for (const task of tasks) post(alice, task);
  t.equal(alice.transport.outboxDepth, 2000);
  await start(alice);
  await broker.hears(({ topic }) => topic.endsWith('task/t1999/status'));
  t.same(tasksIn(broker.heard), tasks);
  alice.transport.settle(tasks);
  t.equal(alice.transport.outboxDepth, 0);
});

t.test('one that was sent and is not settled can be sent again by itself', async (t) => {
  const broker = await brokerFor(t);
  const alice = await node(t, broker);
  for (const task of ['t1', 't2', 't3']) post(alice, task);
  alice.transport.again('t1');
  await start(alice);
  await broker.hears(({ topic }) => topic.endsWith('task/t3/status'));
  alice.transport.settle(['t2']);
  alice.transport.again('t2');
  alice.transport.again('t1');
  post(alice, 't4');
  await broker.hears(({ topic }) => topic.endsWith('task/t4/status'));
  t.same(tasksIn(broker.heard), ['t1', 't2', 't3', 't1', 't4']);
});

t.test('a connection that is cut in the middle of a flood loses nothing', async (t) => {
  const broker = await brokerFor(t);
  const alice = await node(t, broker);
  const tasks = Array.from({ length: 300 }, (_, i) => `t${i}`);
  for (const task of tasks) post(alice, task);
  let left = 5;
  broker.admits = ({ topic }) => !(topic.endsWith('0/status') && left > 0 && left-- > 0);
  await start(alice);
  await broker.hears(({ topic }) => topic.endsWith('task/t299/status'));
  t.same([...new Set(tasksIn(broker.heard))].sort(), [...tasks].sort());
  t.ok(alice.downs.length >= 1, `${alice.downs.length} cuts`);
});

t.test('only checked messages for this node reach its handler, and none before onUp', async (t) => {
  const broker = await brokerFor(t);
  const fleet = { state: 'online', coordinator: 'coord-0001', nowMs: 1, reconnectWindowMs: 5000 };
  await broker.publish(topicOf('fleetState', {}), JSON.stringify(fleet), { retain: true });
  await broker.publish(topicOf('cancel', { node: 'alice' }), JSON.stringify({ task: 'old', attempt: 1, reason: 'x' }), {
    retain: true,
  });
  const alice = await node(t, broker);
  let upWith = -1;
  const told = once(alice.events, 'message');
  const refused = once(alice.events, 'refused');
  await start(alice, () => {
    upWith = alice.messages.length;
  });
  await Promise.all([told, refused]);
  t.equal(upWith, 0);
  t.match(alice.messages, [{ name: 'fleetState', message: fleet }]);
  t.match(alice.refused[0], [/cmd\/alice\/cancel$/, /retained/]);
  const cancel = (task: unknown) => JSON.stringify({ task, attempt: 1, reason: 'x' });
  for (const [topic, payload] of [
    ['blackroad/v1/cmd/alice/cancel', 'not json'],
    ['blackroad/v1/cmd/alice/cancel', cancel(5)],
    ['blackroad/v1/cmd/alice/reboot-the-moon', '{}'],
    ['blackroad/v1/cmd/alice/cancel', JSON.stringify({ ...JSON.parse(cancel('t')), reason: 'x'.repeat(20_000) })],
    ['blackroad/v1/cmd/bob/cancel', cancel('t')],
    ['blackroad/v1/cmd/alice/cancel', cancel('t1')],
  ] as const) {
    await broker.publish(topic, payload);
  }
  while (alice.messages.length < 2) await once(alice.events, 'message');
  t.match(alice.messages[1], { name: 'cancel', params: { node: 'alice' }, message: { task: 't1' } });
  t.match(
    alice.refused.slice(1).map(([, text]) => text),
    [/not JSON/, /cancel: task: expected/, /not in the table/, /at most 16384/],
    'and what is for bob was never delivered',
  );
});

t.test('a handler that breaks on one message gets the next', async (t) => {
  const broker = await brokerFor(t);
  const alice = await node(t, broker);
  await start(alice);
  alice.events.on('message', ({ message }: { message: { task: string } }) => {
    if (message.task === 'poison') throw new Error('boom');
  });
  const next = once(alice.events, 'refused');
  for (const task of ['poison', 'fine']) {
    await broker.publish(topicOf('cancel', { node: 'alice' }), JSON.stringify({ task, attempt: 1, reason: 'x' }));
  }
  await next;
  while (alice.messages.length < 2) await once(alice.events, 'message');
  t.match(alice.refused, [[/cancel/, /could not be handled: boom/]]);
});

t.test('sessions are resumed, but not over a new certificate, which the next connection shows', async (t) => {
  const broker = await brokerFor(t);
  const alice = await node(t, broker);
  const again = async () => {
    const up = once(alice.events, 'up');
    broker.cut();
    await up;
  };
  await start(alice);
  // A TLS 1.3 ticket follows the handshake; the SUBACK that onUp waited for followed the ticket.
  await again();
  alice.identity = { ...alice.identity, ...(await ca.client('alice')) };
  await again();
  await again();
  t.same(broker.resumed, [false, true, false, true]);
});

t.test('a node whose certificate is not accepted asks for renewal and comes back with the new one', async (t) => {
  const broker = await brokerFor(t);
  const expired = { notBefore: new Date(Date.UTC(2020, 0)), notAfter: new Date(Date.UTC(2021, 0)) };
  const alice = await node(t, broker, { validity: expired });
  const refused = once(alice.events, 'not-accepted');
  const up = start(alice);
  await refused;
  t.equal(alice.transport.connected, false);
  alice.identity = { ...alice.identity, ...(await ca.client('alice')) };
  await up;
  t.equal(alice.transport.connected, true);
});

t.test('a broker of another fleet gets nothing', async (t) => {
  const stranger = await createThrowawayBroker(otherCa);
  t.teardown(() => stranger.kill());
  const broker = await brokerFor(t);
  const alice = await node(t, broker);
  alice.identity = { ...alice.identity, mqtt: { host: '127.0.0.1', port: stranger.port } };
  const warned = new EventEmitter();
  const bob = await node(t, stranger, {
    id: 'bob',
    log: { ...silentLog, warn: (fields) => warned.emit('warn', fields) },
  });
  const warning = once(warned, 'warn');
  bob.transport.start({ onUp: () => t.fail('up'), onDown() {}, onMessage() {}, onRefused() {} });
  t.match(await warning, [{ reason: /is not this fleet's coordinator/ }]);
  t.same(stranger.heard, []);
});

t.test('a broker whose certificate ended is let in only by a clock that may run years ahead', async (t) => {
  const past = { notBefore: new Date(Date.UTC(2001, 0)), notAfter: new Date(Date.UTC(2003, 0)) };
  const broker = await createThrowawayBroker(ca, past);
  t.teardown(() => broker.kill());
  const warned = new EventEmitter();
  const alice = await node(t, broker, { log: { ...silentLog, warn: (fields) => warned.emit('warn', fields) } });
  const warning = once(warned, 'warn');
  // Its own certificate is still valid: its clock is trusted.
  alice.identity = { ...alice.identity, expiresMs: Date.UTC(2200, 0) };
  const up = start(alice);
  t.match(await warning, [{ reason: /ended on 2003-01-01, and the clock of this machine shows 2/ }]);
  t.same(broker.heard, []);
  alice.identity = { ...alice.identity, issuedMs: Date.UTC(2002, 0), expiresMs: Date.UTC(2002, 1) };
  await up;
  t.equal(alice.transport.connected, true);
});

t.test('a full outbox says so once', async (t) => {
  const broker = await brokerFor(t);
  const outbox = new Outbox({ path: ':memory:', clock: hasty, log: silentLog, maxMessages: 10 });
  const alice = await node(t, broker, { outbox });
  for (let i = 0; i < 10; i++) t.ok(post(alice, `t${i}`));
  t.notOk(post(alice, 't10'));
  await start(alice);
  const said = await broker.hears(({ topic }) => topic.endsWith('event/outbox-full'));
  t.match(JSON.parse(said.payload), { severity: 'error', data: { depth: 10, refused: 1, dropped: 0 } });
  t.notOk(post(alice, 't11'));
  alice.transport.settle(['t0']);
  t.ok(post(alice, 't12'));
  await broker.hears(({ topic }) => topic.endsWith('task/t12/status'));
  t.equal(broker.heard.filter(({ topic }) => topic.endsWith('outbox-full')).length, 1);
});

t.test('stopping while nobody answers is quick and final', async (t) => {
  const broker = await brokerFor(t);
  const alice = await node(t, broker);
  await broker.kill();
  void start(alice);
  await alice.transport.stop();
  await broker.back();
  post(alice, 'late');
  t.equal(alice.transport.connected, false);
  t.equal(alice.transport.outboxDepth, 1, 'what is posted after the stop is kept for the next run');
});

t.test('between two tries the process lives on, and ends when it is told to', async (t) => {
  const program = `
    import { createTransport } from ${JSON.stringify(new URL('./transport.ts', import.meta.url).href)};
    import { Outbox } from ${JSON.stringify(new URL('./outbox.ts', import.meta.url).href)};
    import { systemClock } from '@blackroad/std/clock';
    import { silentLog as log } from '@blackroad/std/log';
    import { seededRandom } from '@blackroad/std/random';
    const clock = { ...systemClock, after: (ms, run) => systemClock.after(ms / 20, run) };
    let dials = 0;
    const transport = createTransport({
      identity: () => ({ node: 'alice' }), clock, log, random: seededRandom(1), keepaliveS: 30, boot: 'boot-0001',
      outbox: new Outbox({ path: ':memory:', clock, log }),
      dial: async () => {
        if (++dials === 4) setImmediate(() => transport.stop().then(() => process.stdout.write('stopped')));
        throw new Error('nobody there');
      },
    });
    transport.start({ onUp() {}, onDown() {}, onMessage() {}, onRefused() {} });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  let said = '';
  child.stdout.on('data', (part) => {
    said += part;
  });
  const [code] = await once(child, 'close');
  t.same({ code, said }, { code: 0, said: 'stopped' });
});
