// What fifty open consoles cost the coordinator: ten thousand nodes, thirty thousand agents, a thousand heartbeats a second. The same
// server is measured without and with them; the consoles are real WebSockets in this process. Every console has all tables open.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { bench } from './line.ts';

const consoles = 50;
const seconds = Number(process.env.BENCH_SECONDS ?? 20);
const warmMs = 15_000;
const tables = ['totals', 'nodes', 'agents', 'tasks', 'events', 'alerts'];

interface Said {
  port: number;
  key: string;
  cpu: NodeJS.CpuUsage;
  sent: number;
  rssMb: number;
  online: number;
  longestMs: number;
  messages: number;
}
const server = fork(new URL('./console-feed-server.ts', import.meta.url), { stdio: 'inherit' });
const ask = async (question?: string): Promise<Said> => {
  if (question) server.send(question);
  return (await once(server, 'message'))[0] as Said;
};
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
async function measure() {
  const before = await ask('mark');
  await wait(seconds * 1000);
  const after = await ask('measure');
  const cpu = after.cpu.user + after.cpu.system - before.cpu.user - before.cpu.system;
  return { ...after, percent: cpu / 1e4 / seconds, rate: (after.sent - before.sent) / seconds };
}

const { port, key } = await ask();
/** The code is compiled and the garbage of the start is gone by then. */
await wait(warmMs);

async function open(): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/console-feed`, {
    headers: { authorization: `Bearer ${key}` },
  });
  await once(socket, 'open');
  const whole = new Set<string>();
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.on('message', function first(data) {
    for (const frame of JSON.parse(String(data))) {
      if (frame.type === 'snapshot' && frame.part === frame.parts) whole.add(frame.channel);
    }
    if (whole.size < tables.length) return;
    socket.off('message', first);
    // From here on bytes are counted, not read: this machine has two cores for both sides.
    socket.on('message', () => {});
    resolve();
  });
  socket.send(JSON.stringify({ type: 'subscribe', channels: tables.map((channel) => ({ channel })) }));
  await promise;
  return socket;
}
await ask('mark');
const aloneMs = performance.now();
const alone = await open();
bench({
  name: 'console-first-load',
  value: (performance.now() - aloneMs) / 1000,
  unit: 's',
  goal: { is: '<=', value: 2 },
});
bench({
  name: 'longest-step-for-one-console',
  value: (await ask('measure')).longestMs,
  unit: 'ms',
  goal: { is: '<=', value: 20 },
});
alone.terminate();

await ask('mark');
const openedMs = performance.now();
const sockets = await Promise.all(Array.from({ length: consoles }, open));
bench({ name: 'consoles-first-load-all-at-once', value: (performance.now() - openedMs) / 1000, unit: 's' });
const opening = await ask('measure');
bench({ name: 'longest-step-while-they-open', value: opening.longestMs, unit: 'ms', goal: { is: '<=', value: 20 } });
await wait(3_000);
const read = () =>
  sockets.reduce((sum, socket) => sum + (socket as unknown as { _socket: Socket })._socket.bytesRead, 0);
const bytesBefore = read();
const withThem = await measure();
const bytes = (read() - bytesBefore) / seconds / consoles;
for (const socket of sockets) socket.terminate();
await wait(warmMs / 3);
const without = await measure();
bench({ name: 'heartbeats-taken', value: without.rate, unit: '1/s' });
bench({ name: 'coordinator-cpu-without-consoles', value: without.percent, unit: '% of a core' });
bench({ name: 'coordinator-cpu-with-50-consoles', value: withThem.percent, unit: '% of a core' });
bench({
  name: 'cost-of-50-consoles',
  value: withThem.percent - without.percent,
  unit: '% of a core',
  goal: { is: '<=', value: 5 },
});
bench({ name: 'bytes-a-console', value: bytes / 1000, unit: 'kB/s' });
bench({
  name: 'messages-a-console',
  value: (withThem.messages - opening.messages) / consoles / (seconds + 3),
  unit: '1/s',
});
bench({ name: 'longest-step-with-50-consoles', value: withThem.longestMs, unit: 'ms', goal: { is: '<=', value: 20 } });
bench({ name: 'coordinator-rss-with-50-consoles', value: withThem.rssMb, unit: 'MB' });
bench({ name: 'nodes-online', value: withThem.online, unit: 'nodes' });
server.disconnect();
await once(server, 'exit');
