// The session of the README with a real model: a node-agent with the embedded runtime, the greeter of docs/examples, a name told and
// asked for again; and the runtime's process killed in the middle of an answer: the task is done again, the node-agent goes on.
// Skipped where the models cannot be fetched, with the reason.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isEnd, type TaskView } from '@blackroad/protocol';
import t from 'tap';
import { testModels } from '../fixtures/node-agent/test-models.ts';
import { childWith, type Fleet, runFleet, startFleet, until } from '../fixtures/processes.ts';
import { ended, memoryOf, nodeOf, presence, ready, submit } from '../fixtures/steps.ts';

t.setTimeout(240_000);
const models = await testModels();
const skip = 'skip' in models ? models.skip : false;
const greeter = new URL('../../docs/examples/greeter.yaml', import.meta.url).pathname;

t.test('a real model on a real node', { skip }, async (t) => {
  if ('skip' in models) return;
  const fleet = await startFleet(t);
  const data = ['--data', join(fleet.folder, 'coordinator')];
  const node = await fleet.runNode('alice', { models: models.modelsDir });
  await presence(fleet, 'alice', 'online');

  await t.test('the node says what it is and has', async (t) => {
    const view = await until('its models', async () => {
      const now = await nodeOf(fleet, 'alice');
      return (now.capacity?.models.length ?? 0) >= 2 && now;
    });
    t.notOk(view.info?.simulated);
    t.ok(view.capacity?.models.some(({ kind, runtime }) => kind === 'chat' && runtime === 'llama'));
    t.ok(view.capacity?.embedder, 'memory is searched by meaning, too');
  });

  await t.test('the session of the README', async (t) => {
    const applied = await runFleet(['agents', 'apply', '-f', greeter, ...data]);
    t.equal(applied.code, 0, applied.stderr);
    await ready(fleet, 'greeter', 'alice');

    const first = await streamed(fleet, 'greeter', 'My name is Ada. What can you do on this node?');
    t.comment(`-> ${first.end.result}`);
    t.equal(first.end.state, 'done', JSON.stringify(first.end.problem));
    t.equal(first.text, first.end.result, 'the stream is the answer');
    t.ok(first.chunks > 1, 'and came in pieces');
    t.ok((first.end.result ?? '').length < 500, 'short');

    const asked = await runFleet(['ask', 'greeter', 'What is my name?', ...data]);
    t.comment(`-> ${asked.stdout.trim()}`);
    t.equal(asked.code, 0, asked.stderr);
    t.match(asked.stdout, /\bAda\b/, 'answered from memory');
    const log = await until('both exchanges are remembered upstream', async () => {
      const turns = (await memoryOf(fleet, 'greeter')).filter(({ kind }) => kind === 'turn');
      return turns.length >= 2 && turns;
    });
    t.ok(log.every(({ payload }) => payload?.embedding?.dimension === 384));
  });

  await t.test('the runtime is killed in the middle of an answer', async (t) => {
    await fleet.apply({ name: 'teller', limits: { maxTokens: 400 } as never, instructions: 'You tell long stories.' });
    await ready(fleet, 'teller', 'alice');
    const task = await submit(fleet, 'teller', 'Tell me a long story about a lighthouse and the sea.');
    const child = await until('words come', async () =>
      firstChunk(fleet, task.id).then(() => childWith(node, 'llama-child')),
    );
    process.kill(child, 'SIGKILL');
    const end = await ended(fleet, task.id, 120_000);
    t.match(end, { state: 'done', attempt: 2, node: 'alice' }, JSON.stringify(end.problem));
    t.ok((end.result ?? '').length > 20);
    t.not(childWith(node, 'llama-child'), child, 'another process serves now');
    t.equal(node.child.exitCode, null, 'the node-agent is the same');
    t.equal((await nodeOf(fleet, 'alice')).presence, 'online');
    const turns = (await memoryOf(fleet, 'teller')).filter(({ payload }) => payload?.source === `task:${task.id}`);
    t.ok(turns.length <= 1, 'what was cut off is not remembered');
  });

  await t.test('nothing is left behind', async (t) => {
    const child = childWith(node, 'llama-child');
    t.ok(child);
    await node.kill('SIGTERM');
    await until('its child is gone, too', async () => !isAlive(child as number));
  });
});

async function streamed(fleet: Fleet, agent: string, prompt: string) {
  let text = '';
  let chunks = 0;
  const request = { params: { agent }, body: { prompt } };
  for await (const { event, data } of fleet.client.stream('ask', request, AbortSignal.timeout(120_000))) {
    if (event === 'chunk') {
      text = text.slice(0, data.offset) + data.text;
      chunks++;
    } else if (isEnd(data.state)) return { end: data as TaskView, text, chunks };
  }
  throw new Error(`the stream ended early, after ${JSON.stringify(text)}`);
}
async function firstChunk(fleet: Fleet, task: string): Promise<void> {
  const stop = new AbortController();
  for await (const { event } of fleet.client.stream('task', { params: { task } }, stop.signal))
    if (event === 'chunk') break;
  stop.abort();
}

function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
