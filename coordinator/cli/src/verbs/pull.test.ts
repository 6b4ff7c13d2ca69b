import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ModelFetch, NodeModel, NodeView } from '@blackroad/protocol';
import { type Clock, systemClock } from '@blackroad/std/clock';
import t from 'tap';
import type { Client } from '../client.ts';
import { followPull } from './pull.ts';

/** Waits end at once. */
const clock: Clock = { ...systemClock, after: (_, run) => systemClock.after(0, run, true) };
const fetching = (over: Partial<ModelFetch>): Partial<NodeView> =>
  ({
    capacity: {
      models: [],
      fetches: [{ model: 'qwen', status: 'downloading', completedBytes: 0, totalBytes: 0, ...over }],
    },
  }) as unknown as Partial<NodeView>;
const has = (name: string) =>
  ({ capacity: { models: [{ name, aliases: [] } as unknown as NodeModel] } }) as unknown as Partial<NodeView>;

function follow(looks: Partial<NodeView>[], signal = new AbortController().signal) {
  const said: string[] = [];
  let at = 0;
  const client = {
    call: async () => ({ id: 'vm', presence: 'online', ...looks[Math.min(at++, looks.length - 1)] }),
  } as unknown as Pick<Client, 'call'>;
  const progress = {
    step: (text: string) => said.push(text),
    bar: (name: string, status: string, completed: number, total: number) =>
      said.push(`${name} ${status} ${completed}/${total}`),
  };
  return { said, end: followPull(client, { node: 'vm', model: 'Qwen:latest' }, { clock, signal }, progress) };
}

t.test('progress on the way, and an end when the model is there', async (t) => {
  const { said, end } = follow([
    fetching({ status: 'waiting' }),
    fetching({ completedBytes: 1, totalBytes: 4 }),
    {},
    has('qwen'),
  ]);
  t.equal(await end, 'here');
  t.strictSame(said, ['Qwen:latest: waiting', 'Qwen:latest downloading 1/4']);
});

t.test('what ends it otherwise is an error with the reason', async (t) => {
  await t.rejects(
    follow([fetching({ completedBytes: 1, totalBytes: 4 }), fetching({ problem: 'the disk is full' })]).end,
    {
      code: 'conflict',
      message: 'vm: the disk is full',
    },
  );
  await t.rejects(follow([{ presence: 'lost', presenceReason: 'silent' }]).end, {
    code: 'node-away',
    message: /vm is lost/,
  });
  await t.rejects(follow([{}]).end, { code: 'unavailable', message: /neither has Qwen:latest nor fetches it/ });
});

t.test('a wait that is broken off ends without an error', async (t) => {
  const stop = new AbortController();
  const { end } = follow([fetching({})], stop.signal);
  setImmediate(() => stop.abort());
  t.equal(await end, 'left');
});

t.test('the process lives until the model is there', async (t) => {
  let looks = 0;
  const server = createServer((request, response) => {
    const node = () => (looks++ === 0 ? fetching({ status: 'waiting' }) : has('qwen'));
    const answer = request.url?.endsWith('/pull')
      ? { text: 'vm fetches qwen.' }
      : { id: 'vm', presence: 'online', ...node() };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const main = join(import.meta.dirname, '../main.ts');
  const args = ['nodes', 'pull', 'vm', 'qwen', '--wait', '--coordinator', `http://127.0.0.1:${port}`, '--key', 'brk_x'];
  const { stdout } = await promisify(execFile)(process.execPath, [main, ...args]);
  t.match(stdout, /qwen: waiting[\s\S]*qwen is on vm/);
});
