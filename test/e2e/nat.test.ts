// A node behind a router, in a network namespace of its own: nothing reaches it from outside, no port is open in it, and it answers a streamed
// request of a client all the same, over the connection that it has dialled, and over a second one while it is busy. Needs root and network
// namespaces; skipped without.
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mixedLabels } from '@blackroad/protocol';
import t from 'tap';
import { startFleet, until } from '../fixtures/processes.ts';

const root = new URL('../..', import.meta.url).pathname;
const space = `fleet-nat-${process.pid}`;
const [outside, inside] = [`fn${process.pid}`.slice(0, 14), `fi${process.pid}`.slice(0, 14)];
const coordinatorAt = '10.78.131.1';
const nodeAt = '10.78.131.2';
const ip = (...args: string[]) => execFileSync('ip', args, { stdio: 'pipe' });
const within = (...command: string[]) =>
  execFileSync('ip', ['netns', 'exec', space, ...command], { encoding: 'utf8', stdio: 'pipe' });

function openSpace(): string | false {
  try {
    ip('netns', 'add', space);
    ip('link', 'add', outside, 'type', 'veth', 'peer', 'name', inside, 'netns', space);
    ip('addr', 'add', `${coordinatorAt}/30`, 'dev', outside);
    ip('link', 'set', outside, 'up');
    within('ip', 'addr', 'add', `${nodeAt}/30`, 'dev', inside);
    within('ip', 'link', 'set', inside, 'up');
    within('ip', 'link', 'set', 'lo', 'up');
    return false;
  } catch (error) {
    return `no network namespaces here: ${(error as Error).message.split('\n')[0]}`;
  }
}
const skip = openSpace();
t.teardown(() => {
  for (const args of [
    ['link', 'del', outside],
    ['netns', 'del', space],
  ])
    try {
      ip(...args);
    } catch {
      // It was never made.
    }
});

t.test('a node that nobody can reach answers a stream', { skip }, async (t) => {
  const fleet = await startFleet(t, { args: ['--host', coordinatorAt] });
  const { token } = await fleet.client.call('joinTokenCreate', {
    body: { uses: 1, expiresSeconds: 600, address: coordinatorAt, labels: mixedLabels },
  });
  const args = ['simulate', token, '--data', join(fleet.folder, 'hidden'), '--simulate', '1', '--profile', 'home'];
  const child = spawn(
    'ip',
    [
      'netns',
      'exec',
      space,
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      // The bundle that nodes run: `make test` builds it before.
      join(root, 'node-agent/dist/main.mjs'),
      ...args,
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  t.teardown(() => child.kill('SIGKILL'));
  await until('the node is there', async () => (await fleet.client.call('fleet')).nodes.online === 1, 40_000);
  // Sockets that listen, in state 0A, of IPv4 and IPv6.
  const listening = within('cat', '/proc/net/tcp', '/proc/net/tcp6')
    .split('\n')
    .filter((line) => / 0A /.test(line));
  t.same(listening, [], 'no port is open where the node is');

  await until('its model', async () =>
    (await fleet.client.call('catalogue')).models.some(({ nodesResident }) => nodesResident > 0),
  );
  const { key } = await fleet.client.call('keyCreate', { body: { name: 'nat', role: 'client' } });
  const { text, pieces } = await ask(fleet.client.url, key, 'Are you there, behind the router?');
  t.equal(said(text), 'Simulated answer to: Are you there, behind the router?');
  t.ok(pieces > 3, `it came in ${pieces} pieces`);
  t.match(text, /data: \[DONE\]/);

  const admin = readFileSync(fleet.coordinator.ready.keyFile as string, 'utf8').trim();
  const channels = async () => {
    const metrics = await fetch(`${fleet.client.url}/metrics`, { headers: { authorization: `Bearer ${admin}` } });
    return /^blackroad_gateway_channels (\d+)$/m.exec(await metrics.text())?.[1];
  };
  t.equal(await channels(), '0');
  await until('the busy node opens a channel', async () => {
    await ask(fleet.client.url, key, 'Again?');
    return (await channels()) === '1';
  });
  const again = await ask(fleet.client.url, key, 'And over the channel?');
  t.equal(said(again.text), 'Simulated answer to: And over the channel?');
  t.ok(again.pieces > 3, `it came in ${again.pieces} pieces`);
});

async function ask(url: string, key: string, content: string): Promise<{ text: string; pieces: number }> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'small', stream: true, messages: [{ role: 'user', content }] }),
  });
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
  const decoder = new TextDecoder();
  let text = '';
  let pieces = 0;
  for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(part, { stream: true });
    pieces++;
  }
  return { text, pieces };
}
const said = (text: string) => [...text.matchAll(/"content":"([^"]*)"/g)].map(([, word]) => word).join('');
