// Budgets against a node with a price, with the official clients of OpenAI, Anthropic and Ollama: who may pay is answered there, and asked
// no further when the money is used up; what is used survives a coordinator that is killed.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import Anthropic from '@anthropic-ai/sdk';
import { Ollama } from 'ollama';
import OpenAI from 'openai';
import t from 'tap';
import { startModelServer } from '../fixtures/model-server.ts';
import { startFleet, until } from '../fixtures/processes.ts';
import { ended, nodeOf, presence, ready, submit, taskOf } from '../fixtures/steps.ts';

t.setTimeout(180_000);

const engine = await startModelServer();
const fleet = await startFleet(t);
// An answer of the server has 12 tokens: $0.12.
await fleet.runNode('cloud', { extra: ['--openai', engine.url, '--price', '10000'] });
t.teardown(() => engine.close());
await presence(fleet, 'cloud', 'online');
await until('its models', async () => ((await nodeOf(fleet, 'cloud')).capacity?.models.length ?? 0) >= 2);
const url = fleet.coordinator.ready.url as string;
const model = 'scripted-3b';
const user = (content: string) => [{ role: 'user' as const, content }];
async function thrown(work: Promise<unknown>): Promise<object> {
  try {
    await work;
  } catch (error) {
    return error as object;
  }
  throw new Error('it was expected to throw');
}
const budgetOf = async (name: string) => (await fleet.client.call('budgets')).find((row) => row.name === name)?.budget;

t.test('a key pays as far as its budget goes, and what it used survives a kill', async (t) => {
  const guest = await fleet.client.call('keyCreate', {
    body: { name: 'guest', role: 'client', budget: { usd: 0.2, per: 'month' } },
  });
  const plain = await fleet.client.call('keyCreate', { body: { name: 'plain', role: 'client' } });
  const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: guest.key });
  const refused = new OpenAI({ baseURL: `${url}/v1`, apiKey: plain.key });
  t.match(await thrown(refused.chat.completions.create({ model, messages: user('Hi') })), {
    status: 403,
    message: /costs \$10000 a million tokens, and the key plain has no budget of money/,
  });
  const { data, response } = await openai.chat.completions
    .create({ model, messages: user('Hello'), max_tokens: 20 })
    .withResponse();
  t.equal(data.choices[0]?.message.content, 'You said: Hello');
  t.match(response.headers.get('x-fleet-route'), /scripted-3b on cloud: costs \$10000 a million tokens/);
  const stream = await openai.chat.completions.create({ model, messages: user('Hi'), max_tokens: 9, stream: true });
  for await (const _ of stream);
  await until('both are counted', async () => (await budgetOf('guest'))?.usedUsd === 0.24);
  const asked = engine.asked.length;
  const words = /budget of the key guest for \w+ is used up: \$0.24 of \$0.20 used; renewed on 1 \w+\./;
  const startMs = Date.now();
  t.match(await thrown(openai.chat.completions.create({ model, messages: user('Hi') })), {
    status: 429,
    code: 'insufficient_quota',
    type: 'insufficient_quota',
    message: words,
  });
  const anthropic = new Anthropic({ baseURL: url, apiKey: guest.key });
  t.match(await thrown(anthropic.messages.create({ model, max_tokens: 9, messages: user('Hi') })), {
    status: 400,
    error: { error: { type: 'invalid_request_error', message: words } },
  });
  const ollama = new Ollama({ host: url, headers: { authorization: `Bearer ${guest.key}` } });
  t.match(await thrown(ollama.chat({ model, messages: user('Hi') })), { status_code: 429, message: words });
  t.ok(Date.now() - startMs < 3_000, 'no client tried again');
  t.equal(engine.asked.length, asked, 'nobody was asked');

  const cli = promisify(execFile);
  const fleetCli = (...args: string[]) =>
    cli('bin/fleet', [...args, '--data', `${fleet.folder}/coordinator`], {
      env: { ...process.env, NO_COLOR: '1', COLUMNS: '160' },
    });
  t.match(
    (await fleetCli('usage', '--by', 'key')).stdout,
    /key guest +\[#{10}\] 120 % +\$0.24 of \$0.20 used; renewed on/,
  );
  t.match((await fleetCli('keys')).stdout, /guest .*\$0.24 of \$0.20 used/);
  t.match(
    (await fleetCli('keys', 'budget', 'guest', '--usd', '1')).stdout,
    /guest may use \$1 a month: \$0.24 of \$1 used; renewed on/,
  );
  t.equal(
    (await openai.chat.completions.create({ model, messages: user('Hi'), max_tokens: 9 })).object,
    'chat.completion',
  );
  await until('it is counted', async () => (await budgetOf('guest'))?.usedUsd === 0.36);

  const hanging = openai.chat.completions.create({ model, messages: user('hang'), max_tokens: 9 }, { maxRetries: 0 });
  hanging.catch(() => {});
  const reserved = (await until('it is reserved', async () => {
    const budget = await budgetOf('guest');
    return budget && budget.reservedUsd > 0 && budget;
  })) as NonNullable<Awaited<ReturnType<typeof budgetOf>>>;
  await fleet.restartCoordinator('SIGKILL');
  const after = await budgetOf('guest');
  t.match(after, { reservedUsd: 0, reservedTokens: 0 });
  t.equal(after?.usedUsd.toFixed(6), (0.36 + reserved.reservedUsd).toFixed(6), 'nobody knows what became of it');
});

t.test('an agent that pays works within its budget', async (t) => {
  await presence(fleet, 'cloud', 'online');
  await fleet.apply({ name: 'ada', model: [model], budget: { usd: 0.1, per: 'total' } });
  await ready(fleet, 'ada', 'cloud');
  const first = await submit(fleet, 'ada', 'Hello');
  t.match(await ended(fleet, first.id), { state: 'done' });
  t.match(await budgetOf('ada'), { usedUsd: 0.12, usedTokens: 12, reservedUsd: 0, renewsMs: null });
  t.match(await thrown(submit(fleet, 'ada', 'Again')), {
    code: 'budget-used-up',
    message: 'The budget of the agent ada is used up: $0.12 of $0.10 used; never renewed.',
  });
  const agent = await fleet.client.call('agent', { params: { agent: 'ada' } });
  t.match(agent, { state: 'ready', reasonCode: 'budget-used-up', reason: /used up/ });
  await fleet.apply({ name: 'ada', model: [model], budget: { usd: 1, per: 'total' } });
  const again = await submit(fleet, 'ada', 'Again');
  t.match(await ended(fleet, again.id), { state: 'done' });
  t.match(await taskOf(fleet, again.id), { usage: { promptTokens: 7, completionTokens: 5 } });
  t.match((await budgetOf('ada'))?.usedUsd.toFixed(2), '0.24');
});
