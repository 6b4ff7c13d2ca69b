// The channel of a busy node, both ends of it: the coordinator's over its HTTPS, the node-agent's own. What breaks it ends what it carried,
// and nothing else.
import {
  type ModelAnswerEnd,
  type ModelAnswerEvent,
  type ModelRequest,
  type ModelRequestPiece,
  maxPieceChars,
} from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import t, { type Test } from 'tap';
import { WebSocket } from 'ws';
import { RequestChannel, type RequestMessage } from '../../node-agent/src/requests/request-channel.ts';
import { openApiFleet } from '../fixtures/coordinator/api-fleet.ts';
import { channelIdentity } from '../fixtures/coordinator/channel-identity.ts';
import { until } from '../fixtures/processes.ts';

const usage = { promptTokens: 3, completionTokens: 2, loadMs: 0, prefillMs: 1, decodeMs: 1, waitMs: 0 };
const request: ModelRequest = { kind: 'chat', model: 'm', leftMs: 60_000, waitMs: 1_000, messages: [] };

interface Asked {
  events: ModelAnswerEvent[];
  ends: ModelAnswerEnd[];
  stop(): void;
}

/** A node that answers nothing by itself; `got` names each message that came, and the way of it. */
async function rig(t: Test) {
  const fleet = await openApiFleet();
  const node = await fleet.node('alice');
  const got: ['mqtt' | 'channel', RequestMessage][] = [];
  const tickets: string[] = [];
  const seen = { lost: 0 };
  const channel = new RequestChannel({
    identity: channelIdentity(fleet, 'alice'),
    clock: systemClock,
    log: silentLog,
    receive: (message) => void got.push(['channel', message]),
    isBusy: () => false,
    servers: () => [],
    lost: () => {
      seen.lost++;
    },
  });
  node.onMessage = (decoded) => {
    if (decoded.name === 'modelChannel') tickets.push(decoded.message.ticket);
    if (decoded.name === 'modelRequest' || decoded.name === 'modelRequestStop') got.push(['mqtt', decoded]);
  };
  t.teardown(async () => {
    channel.close();
    await fleet.close();
  });
  const ask = (given: Partial<ModelRequest> = {}): Asked => {
    const asked: Asked = { events: [], ends: [], stop: () => {} };
    asked.stop = fleet.coordinator.request(
      'alice',
      { ...request, ...given },
      { events: (events) => void asked.events.push(...events), end: (end) => void asked.ends.push(end) },
    );
    return asked;
  };
  const idOf = (at: number) => (got.at(at) as [string, RequestMessage])[1].message.request;
  const open = async () => {
    ask();
    ask();
    await until('it is invited', async () => tickets.length === 1);
    channel.invited(tickets[0] as string);
    await until('it is open', async () => fleet.coordinator.requestWays.channels.size === 1);
  };
  return { fleet, node, channel, got, tickets, seen, ask, idOf, open };
}

t.test('a node that is busy is invited, and is asked over its channel from then on', async (t) => {
  const { got, tickets, channel, ask, idOf, open } = await rig(t);
  await open();
  t.same(
    got.map(([way]) => way),
    ['mqtt', 'mqtt'],
  );
  const asked = ask();
  await until('the request came', async () => got.length === 3);
  t.equal(got[2]?.[0], 'channel');
  const id = idOf(2);
  channel.send({ answers: [{ request: id, seq: 0, events: [{ text: 'yes' }] }] });
  channel.send({ answers: [{ request: id, seq: 1, events: [], end: { reason: 'stop', usage } }] });
  await until('its end', async () => asked.ends.length === 1);
  t.same([asked.events, asked.ends[0]?.reason], [[{ text: 'yes' }], 'stop']);
  ask().stop();
  await until('the stop came', async () => got.length === 5);
  t.match(got[4], ['channel', { name: 'modelRequestStop' }]);
  t.equal(tickets.length, 1, 'one invitation is enough');
});

t.test('one request now and then needs no channel', async (t) => {
  const { fleet, tickets, got, ask } = await rig(t);
  ask();
  fleet.skip(11_000);
  ask();
  await until('both came', async () => got.length === 2);
  t.same(tickets, []);
});

t.test('a large request comes whole', async (t) => {
  const { got, ask, open } = await rig(t);
  await open();
  got.length = 0;
  const content = 'ü"'.repeat(maxPieceChars);
  ask({ messages: [{ role: 'user', content }] });
  const pieces = () => got.map(([, { message }]) => message as ModelRequestPiece);
  await until('all of it', async () => pieces().at(-1)?.at === (pieces().at(-1)?.of ?? 0) - 1);
  const whole = JSON.parse(
    pieces()
      .map(({ text }) => text)
      .join(''),
  ) as ModelRequest;
  t.equal(whole.messages?.[0]?.content, content);
});

t.test('a channel that breaks ends what it carried, and the next request goes over MQTT', async (t) => {
  const { channel, got, seen, ask, open } = await rig(t);
  await open();
  const overMqtt = ask();
  await until('it came', async () => got.length === 3);
  channel.close();
  await until('the end', async () => overMqtt.ends.length === 1);
  t.match(overMqtt.ends, [{ problem: { code: 'unavailable', text: /alice broke/ } }]);
  t.equal(seen.lost, 1);
  ask();
  await until('the next came', async () => got.length === 4);
  t.equal(got[3]?.[0], 'mqtt');
});

t.test('a node that is not online any more has no channel', async (t) => {
  const { fleet, node, seen, open } = await rig(t);
  await open();
  const boot = fleet.coordinator.view.live.get('alice')?.helloBoot ?? '';
  node.say('nodeState', {}, { state: 'offline', reason: 'lost', boot } as never);
  await until('it is closed', async () => seen.lost === 1);
  t.equal(fleet.coordinator.requestWays.channels.size, 0);
});

t.test('a ticket opens one channel, a wrong one none', async (t) => {
  const { fleet, tickets, open } = await rig(t);
  await open();
  const statusWith = (ticket: string) =>
    new Promise<number>((resolve, reject) => {
      const socket = new WebSocket(`${fleet.base.replace('http', 'ws')}/v1/node-channel`, {
        headers: { authorization: `Bearer ${ticket}` },
      });
      socket.on('unexpected-response', (_, response) => resolve(response.statusCode ?? 0));
      socket.on('error', reject);
      socket.on('open', () => resolve(101));
    });
  t.equal(await statusWith(tickets[0] as string), 401, 'it was used');
  t.equal(await statusWith('0'.repeat(64)), 401);
  t.equal((await fleet.problem('GET', '/v1/node-channel', { key: null })).code, 'invalid-request');
});

t.test('what a node says for another one, or no message, closes its channel', async (t) => {
  for (const [frame, reason] of [
    [`blackroad/v1/reply/bob/request/answers\n{"answers":[]}`, /expected/],
    ['blackroad/v1/reply/alice/request/answers\n{"answers":[{"request":"ü"}]}', /modelAnswers/],
    ['no topic', /no topic|not in the table/],
    ['blackroad/v1/cmd/alice/welcome\n{}', /./],
  ] as const) {
    const { fleet, tickets, ask } = await rig(t);
    ask();
    ask();
    await until('it is invited', async () => tickets.length === 1);
    const socket = new WebSocket(`${fleet.base.replace('http', 'ws')}/v1/node-channel`, {
      headers: { authorization: `Bearer ${tickets[0]}` },
    });
    const closed = new Promise<[number, string]>((resolve) =>
      socket.on('close', (code, text) => resolve([code, String(text)])),
    );
    socket.on('open', () => socket.send(frame));
    const [code, text] = await closed;
    t.equal(code, 1008);
    t.match(text, reason);
  }
});
