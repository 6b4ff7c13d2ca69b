// Model servers that the coordinator asks itself: told by the real channel of a node, asked over real sockets. Whatever is wrong with that
// way, a request is answered by the node-agent; what has begun is never begun again.
import { createServer as createPlain } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { ModelAnswerEnd, ModelAnswerEvent, ModelRequest, ModelServer } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { systemRandom } from '@blackroad/std/random';
import t, { type Test } from 'tap';
import { DirectServers } from '../../coordinator/src/direct/direct-servers.ts';
import { RequestChannel, type RequestMessage } from '../../node-agent/src/requests/request-channel.ts';
import { cloudKey, startCloudServer } from '../fixtures/cloud-server.ts';
import { openApiFleet } from '../fixtures/coordinator/api-fleet.ts';
import { channelIdentity } from '../fixtures/coordinator/channel-identity.ts';
import { modelOf } from '../fixtures/coordinator/sample-supply.ts';
import { HandClock } from '../fixtures/node-agent/hand-clock.ts';
import { createThrowawayCa } from '../fixtures/node-agent/throwaway-ca.ts';
import { freePort } from '../fixtures/ports.ts';
import { until } from '../fixtures/processes.ts';

const model = 'm';
const asking = (content: string, given: Partial<ModelRequest> = {}): ModelRequest => ({
  kind: 'chat',
  model,
  leftMs: 60_000,
  waitMs: 1_000,
  messages: [{ role: 'user', content }],
  ...given,
});
const portOf = (url: string) => Number(new URL(url).port);
const server = (port: number, given: Partial<ModelServer> = {}): ModelServer => {
  return { port, path: '', key: cloudKey, penalty: '', models: [model], ...given };
};

async function rig(t: Test, options: { tools?: boolean; asleep?: true } = {}) {
  const fleet = await openApiFleet();
  const cloud = await startCloudServer();
  const node = await fleet.node('box');
  const tickets: string[] = [];
  const byNode: RequestMessage[] = [];
  node.onMessage = (decoded) => {
    if (decoded.name === 'modelChannel') tickets.push(decoded.message.ticket);
    if (decoded.name === 'modelRequest') byNode.push(decoded);
  };
  const capacity = fleet.coordinator.view.live.get('box')?.capacity;
  const row = modelOf(model, { tools: options.tools ?? true, ...(options.asleep ? { asleep: true } : {}) });
  node.say('nodeCapacity', { node: 'box' }, { ...capacity, models: [row] } as never);
  await until('its model', async () => fleet.coordinator.view.live.get('box')?.capacity?.models[0]?.name === model);
  let servers: ModelServer[] = [];
  const channel = new RequestChannel({
    identity: channelIdentity(fleet, 'box'),
    clock: systemClock,
    log: silentLog,
    receive: (message) => void byNode.push(message),
    servers: () => servers,
    isBusy: () => false,
    lost: () => {},
  });
  t.teardown(async () => {
    channel.close();
    await cloud.close();
    await fleet.close();
  });
  const ask = (request: ModelRequest) => {
    const asked = { events: [] as ModelAnswerEvent[], ends: [] as ModelAnswerEnd[], stop: () => {} };
    asked.stop = fleet.coordinator.request('box', request, {
      events: (events) => void asked.events.push(...events),
      end: (end) => void asked.ends.push(end),
    });
    return asked;
  };
  const textOf = ({ events }: { events: ModelAnswerEvent[] }) => events.map(({ text }) => text ?? '').join('');
  const answered = async (request: ModelRequest) => {
    const asked = ask(request);
    await until('its end', async () => asked.ends.length === 1);
    return { ...asked, text: textOf(asked), end: asked.ends[0] as ModelAnswerEnd };
  };
  ask(asking('one')).stop();
  ask(asking('two')).stop();
  await until('it is invited', async () => tickets.length === 1);
  channel.invited(tickets[0] as string);
  await until('it is open', async () => fleet.coordinator.requestWays.channels.size === 1);
  const tell = async (now: ModelServer[]) => {
    const told = fleet.coordinator.requestWays.direct.size;
    if (told > 0 && told === now.length) await tell([]);
    servers = now;
    channel.tellServers();
    await until('they are told', async () => fleet.coordinator.requestWays.direct.size === now.length);
    byNode.length = 0;
  };
  return { fleet, cloud, channel, byNode, ask, answered, tell, ways: () => fleet.coordinator.requestWays.sent };
}
/** The node-agent was asked. */
const isWithNode = (rows: readonly RequestMessage[]) => rows.some(({ name }) => name === 'modelRequest');

t.test('a server that was told is asked itself, with its key', async (t) => {
  const { cloud, byNode, answered, tell, ways } = await rig(t);
  await tell([server(portOf(cloud.url))]);
  const { text, end } = await answered(asking('hello there'));
  t.match(text, /hello there/);
  t.equal(end.reason, 'stop');
  t.ok((end.usage?.completionTokens ?? 0) > 0);
  t.equal(cloud.headers.at(-1)?.authorization, `Bearer ${cloudKey}`);
  t.match(cloud.asked.at(-1), { model, stream: true, stream_options: { include_usage: true } });
  t.equal(ways().direct, 1);
  t.notOk(isWithNode(byNode));
});

t.test('tools, thoughts and refused features are the same as through the node-agent', async (t) => {
  const { cloud, answered, tell, byNode } = await rig(t);
  await tell([server(portOf(cloud.url), { penalty: 'repetition_penalty' })]);
  const tools = [{ name: 'look', description: '', parameters: { type: 'object' } }];
  const called = await answered(asking('tool please', { tools }));
  t.match(called.events.at(-1), { calls: [{ name: 'look' }] });
  t.equal(called.end.reason, 'tool-calls');
  cloud.refuses.add('stream_options');
  t.match((await answered(asking('once more'))).text, /once more/);
  t.equal(cloud.asked.at(-1)?.stream_options, undefined, 'it was left out after the refusal');
  t.notOk(isWithNode(byNode));
});

t.test('a feature that is refused within a stream is left out, and the try before has no say any more', async (t) => {
  const { byNode, answered, tell, ways } = await rig(t);
  const asked: string[] = [];
  const own = createPlain(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    asked.push(body);
    const error = { error: { message: 'stream_options is not supported', code: 400 } };
    const choices = [{ index: 0, delta: { content: 'well' }, finish_reason: 'stop' }];
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    // It is left open: its reader closes it.
    if (body.includes('stream_options')) response.write(`data: ${JSON.stringify(error)}\n\n`);
    else response.end(`data: ${JSON.stringify({ choices })}\n\ndata: [DONE]\n\n`);
  });
  await new Promise<void>((resolve) => own.listen(0, '127.0.0.1', resolve));
  t.teardown(() => own.close());
  await tell([server((own.address() as AddressInfo).port)]);
  t.equal((await answered(asking('hello'))).text, 'well');
  t.equal(asked.length, 2);
  t.equal(ways().direct, 1);
  t.notOk(isWithNode(byNode));
});

t.test('who stops an answer stops the server', async (t) => {
  const { cloud, ask, tell } = await rig(t);
  await tell([server(portOf(cloud.url))]);
  const asked = ask(asking('stall then'));
  await until('it works', async () => cloud.open === 1);
  asked.stop();
  await until('it was left', async () => cloud.left === 1);
  t.same(asked.ends, []);
});

t.test('an answer that has begun is not begun again', async (t) => {
  for (const [word, code] of [
    ['die', 'unavailable'],
    ['midway', 'unavailable'],
    ['garbage', 'unavailable'],
  ] as const) {
    const { cloud, byNode, answered, tell } = await rig(t);
    await tell([server(portOf(cloud.url))]);
    const { events, end } = await answered(asking(`${word} now`));
    t.ok(events.length > 0, word);
    t.equal(end.problem?.code, code, word);
    t.notOk(isWithNode(byNode), word);
  }
});

t.test('what the server says of the request is said, and no other is asked', async (t) => {
  const { cloud, byNode, answered, tell } = await rig(t);
  await tell([server(portOf(cloud.url))]);
  t.equal((await answered(asking('long '.repeat(40_000)))).end.problem?.code, 'too-long');
  t.equal((await answered(asking('rate me'))).end.problem?.code, 'rate-limited');
  t.notOk(isWithNode(byNode));
});

t.test('a server that is away, or wants another key, is asked through its node-agent for a while', async (t) => {
  for (const wrong of ['away', 'key'] as const) {
    const { fleet, cloud, byNode, ask, answered, tell, ways } = await rig(t);
    const port = wrong === 'away' ? await freePort() : portOf(cloud.url);
    await tell([server(port, wrong === 'key' ? { key: 'sk-other' } : {})]);
    ask(asking('hello there'));
    await until('the node-agent is asked', async () => isWithNode(byNode));
    t.same(ways().direct, 1, wrong);
    byNode.length = 0;
    ask(asking('hello again'));
    await until('it is asked again', async () => isWithNode(byNode));
    t.same(ways().direct, 1, 'it rests');
    if (wrong === 'key') continue;
    const back = await startCloudServer({ port });
    t.teardown(() => back.close());
    fleet.skip(5_000);
    t.match((await answered(asking('hello at last'))).text, /at last/);
    t.same(ways().direct, 2);
  }
});

t.test('only the certificate that the node saw is accepted', async (t) => {
  const { fleet, byNode, ask, answered, tell } = await rig(t);
  const tls = await (await createThrowawayCa()).server();
  const own: Server = createServer(tls, (_, response) => {
    const choices = [{ index: 0, message: { content: 'over TLS' }, finish_reason: 'stop' }];
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ choices }));
  });
  await new Promise<void>((resolve) => own.listen(0, '127.0.0.1', resolve));
  t.teardown(() => own.close());
  const { port } = own.address() as AddressInfo;
  const { X509Certificate } = await import('node:crypto');
  const certificate = new X509Certificate(tls.cert).fingerprint256;
  await tell([server(port, { certificate })]);
  t.equal((await answered(asking('hello'))).text, 'over TLS');
  await tell([server(port, { certificate: certificate.replace(/^../, certificate.startsWith('00') ? '01' : '00') })]);
  ask(asking('hello'));
  await until('the node-agent is asked', async () => isWithNode(byNode));
  t.equal(fleet.coordinator.requestWays.direct.size, 1);
});

t.test('what only the node-agent can do goes to it', async (t) => {
  const rows: [string, Parameters<typeof rig>[1], ModelRequest][] = [
    ['vectors', {}, asking('', { kind: 'embed', texts: ['a'] })],
    [
      'a model without tools',
      { tools: false },
      asking('x', { tools: [{ name: 'a', description: '', parameters: {} }] }),
    ],
    ['a model that sleeps', { asleep: true }, asking('x')],
    ['a model that no server has', {}, asking('x', { model: 'other' })],
  ];
  for (const [name, options, request] of rows) {
    const { cloud, byNode, ask, tell } = await rig(t, options);
    await tell([server(portOf(cloud.url))]);
    ask(request);
    await until(name, async () => isWithNode(byNode));
    t.equal(cloud.asked.length, 0, name);
  }
});

t.test('the node-agent gets a request of a model each minute, and learns from it', async (t) => {
  const clock = new HandClock();
  const servers = new DirectServers({ clock, random: systemRandom, log: silentLog });
  servers.told('box', '127.0.0.1', [server(8000, { models: ['m', 'n'] })]);
  await until('it is open', async () => servers.size === 1);
  t.teardown(() => servers.forget('box'));
  const isDirect = (name: string) => servers.for('box', asking('hello', { model: name }), modelOf(name)) !== null;
  t.same([isDirect('m'), isDirect('m')], [true, true]);
  await clock.advance(59_000);
  t.equal(isDirect('m'), true);
  await clock.advance(2_000);
  t.same([isDirect('m'), isDirect('m'), isDirect('n')], [false, true, true], 'each model has its own');
});

t.test('no channel, no server; and the last word counts', async (t) => {
  const { fleet, cloud, channel, tell } = await rig(t);
  await tell([server(portOf(cloud.url))]);
  await tell([]);
  await tell([server(portOf(cloud.url)), server(portOf(cloud.url), { path: '/other' })]);
  channel.close();
  await until('they are forgotten', async () => fleet.coordinator.requestWays.direct.size === 0);
});

t.test('a server without TLS is asked on this machine alone', async (t) => {
  const servers = new DirectServers({ clock: systemClock, random: systemRandom, log: silentLog });
  const told = [server(8000)];
  for (const [address, size] of [
    ['127.0.0.1', 1],
    ['::ffff:127.0.0.1', 1],
    ['::1', 1],
    ['192.168.1.7', 0],
    ['fe80::1', 0],
  ] as const) {
    servers.forget('box');
    servers.told('box', address, told);
    if (size > 0) await until('it is open', async () => servers.size > 0);
    t.equal(servers.size, size, address);
  }
  servers.told('box', '192.168.1.7', [server(8000, { certificate: 'AB:'.repeat(31).concat('CD') })]);
  await until('it is open', async () => servers.size > 0);
  t.equal(servers.size, 1);
  servers.forget('box');
});
