// A followed task over real sockets, when its reader is slow, has stopped, or is one too many; heartbeats by hand instead of by time.
import { connect, type Socket } from 'node:net';
import type { TaskView } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import t, { type Test } from 'tap';
import { type FakeWork, openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';

const beats = new Set<() => void>();
const fleet = await openApiFleet({
  limits: { streams: 2 },
  every(periodMs, run) {
    if (periodMs !== 15_000) return systemClock.every(periodMs, run);
    beats.add(run);
    return { cancel: () => beats.delete(run) };
  },
});
t.teardown(() => fleet.close());
const beat = () => {
  for (const run of beats) run();
};
const works = new Map<string, FakeWork>();
const alice = await fleet.node('alice');
alice.onLease = ({ task }, work) => works.set(task, work);
const spec = { name: 'greeter', model: ['auto'], instructions: 'Greet.', concurrency: 4 };
await fleet.call('PUT', '/v1/agents/greeter', { body: spec });
const { streams } = fleet.context;

const turn = () => new Promise((resolve) => setImmediate(resolve));
/** Tap's own deadline ends a wait for nothing. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn();
}
/** A task at work, and a reader of it that has the first event and reads no further until `resume`. */
async function follow(t: Test) {
  const { body } = await fleet.call<TaskView>('POST', '/v1/agents/greeter/tasks', { body: { prompt: 'Tell me.' } });
  await until(() => works.has(body.id));
  const socket: Socket = connect(fleet.port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.on('error', () => {});
  /** The last of what came. */
  let text = '';
  socket.on('data', (bytes: Buffer) => {
    text = (text + bytes).slice(-20_000);
  });
  const headers = `host: localhost\r\nauthorization: Bearer ${fleet.keys.operator}\r\naccept: text/event-stream`;
  socket.write(`GET /v1/tasks/${body.id} HTTP/1.1\r\n${headers}\r\n\r\n`);
  await until(() => text.includes('event: task'));
  const work = works.get(body.id) as FakeWork;
  return { id: body.id, socket, work, text: () => text };
}
/** More than the kernel holds between two sockets, in chunks as a node sends them. */
async function flood({ speak }: FakeWork): Promise<void> {
  for (let i = 0; i < 2_500; i++) {
    speak('x'.repeat(8_000));
    if (i % 100 === 0) await turn();
  }
}

t.test('a line on which nothing comes is kept alive', async (t) => {
  const { socket, work, text } = await follow(t);
  beat();
  beat();
  await until(() => text().split(': still working').length === 3);
  work.end('all of it');
  await until(() => text().includes('event: end'));
  t.match(text(), /"result":"all of it"/);
  await until(() => socket.readableEnded || socket.destroyed || text().endsWith('0\r\n\r\n'));
  t.equal(streams.size, 0);
});

t.test('a reader that falls behind loses chunks, not the line and not the end', async (t) => {
  const { socket, work, text } = await follow(t);
  socket.pause();
  await flood(work);
  beat();
  t.equal(streams.size, 1, 'one look that finds it full is no proof');
  socket.resume();
  while (!text().includes('it reads again')) {
    work.speak('it reads again');
    await turn();
  }
  beat();
  await until(() => text().includes('still working'));
  socket.pause();
  await flood(work);
  beat();
  t.equal(streams.size, 1, 'the earlier look is forgotten');
  work.end('the whole answer');
  socket.resume();
  await until(() => text().includes('event: end'));
  t.match(text(), /"result":"the whole answer"/);
  t.ok(socket.bytesRead < 2 * 2_500 * 8_000, `${socket.bytesRead} bytes: not all chunks were kept for it`);
});

t.test('one that reads nothing for two looks is cut, and its task goes on', async (t) => {
  const { id, socket, work } = await follow(t);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.pause();
  await flood(work);
  beat();
  t.equal(streams.size, 1);
  beat();
  t.equal(streams.size, 0);
  socket.resume();
  await closed;
  work.end('done all the same');
  for (let state = ''; state !== 'done'; )
    ({ state } = (await fleet.call<{ state: string }>('GET', `/v1/tasks/${id}`)).body);
});

t.test('more streams than there may be are refused in words, and places are given back', async (t) => {
  const one = await follow(t);
  const two = await follow(t);
  const headers = { accept: 'text/event-stream' };
  const third = await fleet.call<{ code: string; detail: string }>('GET', `/v1/tasks/${one.id}`, { headers });
  t.match(third, { status: 503, body: { code: 'unavailable', detail: /^2 tasks are being followed; submit without/ } });
  t.ok(Number(third.headers.get('retry-after')) > 0);
  t.equal((await fleet.call('GET', `/v1/tasks/${one.id}`)).status, 200, 'without a stream it is answered');
  one.socket.destroy();
  await until(() => streams.size === 1);
  t.match(await fleet.problem('GET', '/v1/tasks/nosuch', { headers }), { code: 'no-such-task' });
  t.equal(streams.size, 1, 'nor does a refused one keep its place');
  two.work.end('x');
  one.work.end('x');
  await until(() => streams.size === 0);
});

t.test('an end of the coordinator ends the lines', async (t) => {
  const { socket } = await follow(t);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  for (const end of streams) end();
  await closed;
  t.equal(streams.size, 0);
  t.equal(beats.size, 1, 'and nobody looks after them any more');
});
