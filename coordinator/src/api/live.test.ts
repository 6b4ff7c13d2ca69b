// The live feed over real WebSockets: a snapshot, deltas in sequence, and the ends of consoles that are slow, too many or signed out.
import { connect } from 'node:net';
import { FeedFrame, type FeedFrame as Frame, faults } from '@blackroad/protocol';
import t from 'tap';
import { WebSocket } from 'ws';
import { type ApiFleet, openApiFleet } from '../../../test/fixtures/api-fleet.ts';

function openFeed(fleet: ApiFleet, headers: Record<string, string> = { authorization: `Bearer ${fleet.keys.viewer}` }) {
  const socket = new WebSocket(`ws://127.0.0.1:${fleet.port}/v1/feed`, { headers });
  const frames: Frame[] = [];
  const waiting: (() => void)[] = [];
  let ended: { code: number; reason: string } | null = null;
  const wake = () => {
    for (const look of waiting.splice(0)) look();
  };
  socket.on('message', (data) => {
    frames.push(JSON.parse(String(data)));
    wake();
  });
  const status = new Promise<number>((resolve) => {
    socket.on('open', () => resolve(101));
    socket.on('unexpected-response', (_request, answer) => resolve(answer.statusCode ?? 0));
    socket.on('error', () => {});
  });
  socket.on('close', (code, reason) => {
    ended = { code, reason: String(reason) };
    wake();
  });
  return {
    socket,
    frames,
    status,
    async until<T>(look: () => T | undefined | null | false): Promise<T> {
      for (;;) {
        const found = look();
        if (found) return found;
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
    ended: () => ended,
  };
}

/** A WebSocket upgrade by hand. */
const upgrade = (more: string) =>
  `GET /v1/feed HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\n${more}\r\n`;

t.test('a snapshot, then what changed, in sequence', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  await fleet.node('alice');
  const feed = openFeed(fleet);
  const other = openFeed(fleet);
  const snapshot = await feed.until(() => feed.frames[0]);
  t.equal(snapshot.type, 'snapshot');
  t.same(faults(FeedFrame, snapshot), []);
  t.match(snapshot.nodes.alice, { presence: 'online' });
  t.ok(snapshot.events.length > 0);
  await other.until(() => other.frames[0]);
  await fleet.call('PUT', '/v1/agents/greeter', { body: { name: 'greeter', model: ['auto'], instructions: 'x' } });
  const delta = await feed.until(() => feed.frames.find(({ agents }) => agents.greeter?.state === 'ready'));
  t.equal(delta.type, 'delta');
  t.same(faults(FeedFrame, delta), []);
  await fleet.call('POST', '/v1/agents/greeter/tasks', { body: { prompt: `long ${'x'.repeat(5000)}` } });
  const ended = await feed.until(() =>
    feed.frames.flatMap(({ tasks }) => Object.values(tasks)).find(({ state }) => state === 'done'),
  );
  t.ok(ended.prompt.length < 500, 'texts are shortened in the feed');
  await fleet.call('DELETE', '/v1/agents/greeter');
  await feed.until(() => feed.frames.find(({ agents }) => agents.greeter === null));
  t.ok(feed.frames.every(({ seq }, i) => i === 0 || seq === (feed.frames[i - 1] as Frame).seq + 1));
  await other.until(() => other.frames.length >= feed.frames.length);
  t.same(other.frames.slice(1), feed.frames.slice(1, other.frames.length), 'the same deltas for everyone');
  const late = openFeed(fleet);
  t.match(await late.until(() => late.frames[0]), { type: 'snapshot', agents: {}, nodes: { alice: {} } });
  t.equal(Object.values(late.frames[0]?.tasks ?? {})[0]?.state, 'done', 'a snapshot holds the last tasks');
  fleet.skip(2000);
  late.socket.send('{"type":"snapshot"}');
  await late.until(() => late.frames.filter(({ type }) => type === 'snapshot').length === 2);
  late.socket.send('DROP TABLE');
  await late.until(late.ended);
  t.equal(late.ended()?.code, 1008);
});

t.test('who may listen', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  t.equal(await openFeed(fleet, {}).status, 401);
  t.equal(await openFeed(fleet, { authorization: 'Bearer nonsense' }).status, 401);
  const { body } = await fleet.call<{ id: string; key: string }>('POST', '/v1/keys', {
    body: { name: 'w', role: 'viewer' },
  });
  const answer = await fleet.call('POST', '/v1/sign-in', { key: null, body: { code: body.key } });
  const cookie = (answer.headers.get('set-cookie') ?? '').split(';')[0] as string;
  t.equal(await openFeed(fleet, { cookie }).status, 403, 'a session without an origin');
  t.equal(await openFeed(fleet, { cookie, origin: 'https://evil.example' }).status, 403);
  const feed = openFeed(fleet, { cookie, origin: fleet.base });
  await feed.until(() => feed.frames[0]);
  t.equal(fleet.context.live.counts().consoles, 1);
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

t.test('consoles are bounded', async (t) => {
  const fleet = await openApiFleet({ limits: { consoles: 1 } });
  t.teardown(() => fleet.close());
  const first = openFeed(fleet);
  await first.until(() => first.frames[0]);
  const second = openFeed(fleet);
  await second.until(second.ended);
  t.match(second.ended(), { code: 1013, reason: /1 consoles/ });
  first.socket.terminate();
});

t.test('a console that does not read is cut off, the others go on', async (t) => {
  const fleet = await openApiFleet({ limits: { backlogBytes: 64 * 1024 } });
  t.teardown(() => fleet.close());
  const good = openFeed(fleet);
  await good.until(() => good.frames[0]);
  const slow = openFeed(fleet);
  await slow.until(() => slow.frames[0]);
  slow.socket.pause();
  // Agents with large instructions make large frames; the kernel's buffers fill first.
  const instructions = 'x'.repeat(16_000);
  for (let round = 0; fleet.context.live.counts().cut === 0; round++) {
    const names = Array.from({ length: 40 }, (_, i) => `agent-${i}`);
    await Promise.all(
      names.map((name) =>
        fleet.call('PUT', `/v1/agents/${name}`, {
          body: { name, model: ['none'], instructions, description: `round ${round}` },
        }),
      ),
    );
  }
  t.equal(fleet.context.live.counts().consoles, 1);
  const { seq } = good.frames.at(-1) as Frame;
  await fleet.call('DELETE', '/v1/agents/agent-0');
  await good.until(() => good.frames.at(-1) && (good.frames.at(-1) as Frame).seq > seq);
  t.equal(good.ended(), null);
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
