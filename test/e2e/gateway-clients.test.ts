// The official clients of OpenAI, Anthropic and Ollama, unchanged, against a real coordinator and a real node-agent, whose model server is
// scripted: streams, tool calls, cancelling, errors.
import { readFileSync } from 'node:fs';
import Anthropic from '@anthropic-ai/sdk';
import { Ollama } from 'ollama';
import OpenAI from 'openai';
import t from 'tap';
import { embedDimension, startModelServer } from '../fixtures/model-server.ts';
import { startFleet, until } from '../fixtures/processes.ts';
import { nodeOf, presence, ready } from '../fixtures/steps.ts';

t.setTimeout(120_000);

const engine = await startModelServer();
const fleet = await startFleet(t);
await fleet.runNode('alice', { extra: ['--openai', engine.url] });
t.teardown(() => engine.close());
await presence(fleet, 'alice', 'online');
await until('its models', async () => ((await nodeOf(fleet, 'alice')).capacity?.models.length ?? 0) >= 2);
const url = fleet.coordinator.ready.url as string;
const key = readFileSync(fleet.coordinator.ready.keyFile as string, 'utf8').trim();
const model = 'scripted-3b';
const user = (content: string) => [{ role: 'user' as const, content }];

interface Asked {
  role: string;
  content: string;
  tool_calls?: { id: string }[];
  tool_call_id?: string;
}
/** The messages that the model server got last. */
const messagesAsked = () => (engine.asked.at(-1)?.messages ?? []) as Asked[];
/** What a client throws. */
async function thrown(work: Promise<unknown>): Promise<object> {
  try {
    await work;
  } catch (error) {
    return error as object;
  }
  throw new Error('it was expected to throw');
}

const weather = {
  name: 'weather',
  description: 'The weather of a city.',
  schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

t.test('OpenAI', async (t) => {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
  const chat = client.chat.completions;

  await t.test('files and batches', async (t) => {
    const lines = ['one', 'two'].map((content) =>
      JSON.stringify({
        custom_id: content,
        method: 'POST',
        url: '/v1/chat/completions',
        body: { model, messages: user(content) },
      }),
    );
    const file = await client.files.create({
      file: new File([lines.join('\n')], 'requests.jsonl'),
      purpose: 'batch',
    });
    t.match(file, { object: 'file', filename: 'requests.jsonl', purpose: 'batch' });
    const made = await client.batches.create({
      input_file_id: file.id,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
      metadata: { night: 'shift' },
    });
    await until('the batch is through', async () => (await client.batches.retrieve(made.id)).status === 'completed');
    const batch = await client.batches.retrieve(made.id);
    t.match(batch, { request_counts: { total: 2, completed: 2, failed: 0 }, metadata: { night: 'shift' } });
    const text = await (await client.files.content(batch.output_file_id as string)).text();
    t.same(
      text
        .trim()
        .split('\n')
        .map((each) => (JSON.parse(each) as { custom_id: string }).custom_id)
        .sort(),
      ['one', 'two'],
    );
    t.match((await client.batches.list()).data, [{ id: made.id }]);
    t.match(await client.files.delete(file.id), { deleted: true });
    t.match(await thrown(client.batches.cancel(made.id)), { status: 409 });
  });

  await t.test('models', async (t) => {
    const { data } = await client.models.list();
    const ids = data.map(({ id }) => id);
    t.ok(
      [model, 'scripted-embed', 'small', 'auto'].every((name) => ids.includes(name)),
      ids.join(' '),
    );
    t.equal((await client.models.retrieve(model)).id, model);
    t.match(await thrown(client.models.retrieve('nothing/here')), { status: 404, code: 'model_not_found' });
  });
  await t.test('an answer, with where it comes from', async (t) => {
    const { data, response } = await chat.create({ model, messages: user('Hello there') }).withResponse();
    t.equal(data.choices[0]?.message.content, 'You said: Hello there');
    t.equal(data.choices[0]?.finish_reason, 'stop');
    t.match(data.usage, { prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 });
    t.equal(response.headers.get('x-fleet-node'), 'alice');
    t.match(response.headers.get('x-fleet-route'), /scripted-3b on alice: .*tokens a second/);
    t.ok(Number(response.headers.get('x-fleet-overhead-ms')) < 1000);
  });
  await t.test('a stream, with usage', async (t) => {
    const stream = await chat.create({
      model,
      messages: user('long 30'),
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let usage: unknown = null;
    let finish: string | null = null;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      finish = chunk.choices[0]?.finish_reason ?? finish;
      usage = chunk.usage ?? usage;
    }
    t.equal(text, 'word '.repeat(30));
    t.equal(finish, 'stop');
    t.match(usage, { completion_tokens: 5 });
  });
  await t.test('sampling reaches the model server', async (t) => {
    await chat.create({
      model,
      messages: user('Hi'),
      temperature: 0.3,
      top_p: 0.9,
      seed: 7,
      stop: ['END'],
      max_completion_tokens: 50,
      presence_penalty: 0.5,
    });
    t.match(engine.asked.at(-1), {
      temperature: 0.3,
      top_p: 0.9,
      seed: 7,
      stop: ['END'],
      max_tokens: 50,
      presence_penalty: 0.5,
    });
    await chat.create({ model, messages: user('Hi') });
    t.notOk('temperature' in (engine.asked.at(-1) ?? {}), 'what is not named is left to the server');
  });
  await t.test('tools, and what they answered', async (t) => {
    const tools = [
      {
        type: 'function' as const,
        function: { name: weather.name, description: weather.description, parameters: weather.schema },
      },
    ];
    const { choices } = await chat.create({ model, messages: user('tool'), tools });
    t.equal(choices[0]?.finish_reason, 'tool_calls');
    const call = choices[0]?.message.tool_calls?.[0];
    t.match(call, { type: 'function', function: { name: 'weather', arguments: '{"city":"Berlin"}' } });
    const after = await chat.create({
      model,
      tools,
      messages: [
        ...user('tool'),
        { role: 'assistant', content: null, tool_calls: choices[0]?.message.tool_calls ?? [] },
        { role: 'tool', tool_call_id: call?.id ?? '', content: 'Rain' },
      ],
    });
    t.equal(after.choices[0]?.message.content, 'You said: Rain');
    const streamed = await chat.create({ model, messages: user('tool'), tools, stream: true });
    const names: string[] = [];
    for await (const chunk of streamed)
      for (const piece of chunk.choices[0]?.delta.tool_calls ?? [])
        names.push(`${piece.function?.name} ${piece.function?.arguments}`);
    t.same(names, ['weather {"city":"Berlin"}']);
  });
  await t.test('JSON of a schema, several answers, log probabilities', async (t) => {
    const format = { type: 'json_schema' as const, json_schema: { name: 'echo', schema: { type: 'object' } } };
    const { choices } = await chat.create({ model, messages: user('Hi'), response_format: format, n: 3 });
    t.same(
      choices.map(({ message }) => message.content),
      Array(3).fill('{"echo":true}'),
    );
    t.same(
      choices.map(({ index }) => index),
      [0, 1, 2],
    );
    const told = await chat.create({ model, messages: user('Hi'), logprobs: true, top_logprobs: 1 });
    t.equal(told.choices[0]?.logprobs?.content?.[0]?.logprob, -0.5);
  });
  await t.test('completions and embeddings', async (t) => {
    const { choices } = await client.completions.create({ model, prompt: 'Once upon', max_tokens: 2 });
    t.match(choices[0], { text: 'You said: ', finish_reason: 'length' });
    const { data } = await client.embeddings.create({ model: 'scripted-embed', input: ['one', 'three'] });
    t.equal(data.length, 2);
    t.ok(
      Math.abs(data.reduce((sum, { embedding }) => sum + embedding.reduce((all, x) => all + x * x, 0), 0) - 2) < 1e-3,
      'of unit length',
    );
    t.match(await thrown(chat.create({ model: 'scripted-embed', messages: user('Hi') })), { status: 400 });
  });
  await t.test('responses', async (t) => {
    const whole = await client.responses.create({ model, input: 'Hello' });
    t.equal(whole.output_text, 'You said: Hello');
    t.equal(whole.status, 'completed');
    const stream = client.responses.stream({
      model,
      input: 'tool',
      tools: [
        {
          type: 'function',
          name: weather.name,
          description: weather.description,
          parameters: weather.schema,
          strict: false,
        },
      ],
    });
    const types: string[] = [];
    for await (const { type } of stream) types.push(type);
    const final = await stream.finalResponse();
    t.match(final.output[0], { type: 'function_call', name: 'weather', arguments: '{"city":"Berlin"}' });
    t.equal(types[0], 'response.created');
    t.equal(types.at(-1), 'response.completed');
    const text = client.responses.stream({ model, input: 'long 3' });
    let said = '';
    for await (const event of text) if (event.type === 'response.output_text.delta') said += event.delta;
    t.equal(said, 'word word word ');
    t.equal((await text.finalResponse()).output_text, 'word word word ');
  });
  await t.test('a client that leaves stops the model server', async (t) => {
    const before = engine.left;
    const stream = await chat.create({ model, messages: user('slow 100'), stream: true });
    for await (const _ of stream) break;
    await until('the server was left', async () => engine.left > before && engine.open === 0, 3000);
    const abort = new AbortController();
    const waiting = chat.create({ model, messages: user('hang') }, { signal: abort.signal });
    await until('it works', async () => engine.open === 1, 3000);
    abort.abort();
    await t.rejects(waiting);
    await until('the server was left', async () => engine.open === 0, 3000);
  });
  await t.test('a list of models falls back', async (t) => {
    const { choices } = await chat.create({ model: `not-here,${model}`, messages: user('Hi') });
    t.equal(choices[0]?.message.content, 'You said: Hi');
    t.match(await thrown(chat.create({ model: 'not-here', messages: user('Hi') })), {
      status: 404,
      code: 'model_not_found',
    });
  });
  await t.test('what the fleet does not have is refused', async (t) => {
    t.match(await thrown(chat.create({ model, messages: user('Hi'), logit_bias: { 5: 1 } })), {
      status: 400,
      code: 'unsupported_parameter',
      param: 'logit_bias',
    });
    t.match(await thrown(client.responses.create({ model, input: 'Hi', previous_response_id: 'resp_1' })), {
      status: 400,
    });
    t.match(
      await thrown(
        chat.create({
          model,
          messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://x.example/a.png' } }] }],
        }),
      ),
      { status: 400, message: /expected a data: URL/ },
    );
    t.match(await thrown(chat.create({ model, messages: [] })), { status: 400, param: 'messages' });
    t.match(await thrown(new OpenAI({ baseURL: `${url}/v1`, apiKey: 'brk_no', maxRetries: 0 }).models.list()), {
      status: 401,
      code: 'invalid_api_key',
    });
    t.match(await thrown(chat.create({ model, messages: user('x'.repeat(60_000)) })), {
      status: 400,
      code: 'context_length_exceeded',
    });
  });
  await t.test('failures of the model server', async (t) => {
    t.match(await thrown(chat.create({ model, messages: user('busy') })), { status: 503 });
    t.match(await thrown(chat.create({ model, messages: user('garbage') })), { status: 502 });
    const stream = await until('a stream again', () =>
      chat.create({ model, messages: user('die'), stream: true }).catch(() => null),
    );
    let text = '';
    await t.rejects(
      (async () => {
        for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
      })(),
      /scripted-3b on alice/,
    );
    t.equal(text, 'The first words ');
  });
});

t.test('Anthropic', async (t) => {
  const client = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });
  const again = <T>(work: () => Promise<T>) =>
    until('the model is asked again after its failures', () => work().catch(() => null));

  await t.test('a message', async (t) => {
    const message = await again(() =>
      client.messages.create({ model, max_tokens: 100, system: 'Be brief.', messages: user('Hello') }),
    );
    t.match(message.content[0], { type: 'text', text: 'You said: Hello' });
    t.equal(message.stop_reason, 'end_turn');
    t.match(message.usage, { input_tokens: 7, output_tokens: 5 });
    t.match(messagesAsked()[0], { role: 'system', content: 'Be brief.' });
    t.ok((await client.models.list()).data.some(({ id }) => id === model));
  });
  await t.test('a stream', async (t) => {
    const stream = client.messages.stream({ model, max_tokens: 100, messages: user('long 10') });
    let text = '';
    stream.on('text', (piece) => {
      text += piece;
    });
    const final = await stream.finalMessage();
    t.equal(text, 'word '.repeat(10));
    t.match(final.content, [{ type: 'text', text: 'word '.repeat(10) }]);
    t.equal(final.usage.output_tokens, 5);
  });
  await t.test('tools', async (t) => {
    const tools = [
      { name: weather.name, description: weather.description, input_schema: weather.schema as { type: 'object' } },
    ];
    const final = await client.messages
      .stream({ model, max_tokens: 100, messages: user('tool'), tools })
      .finalMessage();
    t.equal(final.stop_reason, 'tool_use');
    const use = final.content.find(({ type }) => type === 'tool_use');
    t.match(use, { name: 'weather', input: { city: 'Berlin' } });
    const after = await client.messages.create({
      model,
      max_tokens: 100,
      tools,
      messages: [
        ...user('tool'),
        { role: 'assistant', content: final.content },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: (use as { id: string }).id, content: 'Rain' }] },
      ],
    });
    t.match(after.content[0], { text: 'You said: Rain' });
  });
  await t.test('tokens are counted', async (t) => {
    const { input_tokens } = await client.messages.countTokens({ model, messages: user('one two three four') });
    t.ok(input_tokens > 4 && input_tokens < 20, String(input_tokens));
  });
  await t.test('errors', async (t) => {
    t.match(await thrown(client.messages.create({ model: 'not-here', max_tokens: 5, messages: user('Hi') })), {
      status: 404,
      error: { error: { type: 'not_found_error' } },
    });
    t.match(await thrown(client.messages.create({ model, max_tokens: 5, messages: user('busy') })), {
      status: 529,
      error: { error: { type: 'overloaded_error' } },
    });
    t.match(
      await thrown(
        new Anthropic({ baseURL: url, apiKey: 'brk_no', maxRetries: 0 }).messages.create({
          model,
          max_tokens: 5,
          messages: user('Hi'),
        }),
      ),
      {
        status: 401,
        error: { error: { type: 'authentication_error' } },
      },
    );
  });
  await t.test('cancelling', async (t) => {
    const stream = client.messages.stream({ model, max_tokens: 100, messages: user('slow 100') });
    stream.on('text', () => stream.abort());
    await t.rejects(stream.finalMessage());
    await until('the server was left', async () => engine.open === 0, 3000);
  });
});

t.test('Ollama', async (t) => {
  // Its clients have a place for headers, and for programs that have none the key goes into the address.
  const client = new Ollama({ host: url, headers: { authorization: `Bearer ${key}` } });
  const byAddress = new Ollama({ host: `${url}/key/${key}` });

  await t.test('what there is', async (t) => {
    const { models } = await client.list();
    t.ok(models.some(({ name }) => name === model));
    t.ok((await byAddress.list()).models.length > 0, 'with the key in the address');
    t.ok((await client.ps()).models.some(({ name }) => name === model));
    const shown = await client.show({ model });
    t.same(shown.capabilities, ['completion', 'tools']);
    t.same(shown.modified_at, models.find(({ name }) => name === model)?.modified_at);
    t.match(await client.version(), { version: /^\d+\.\d+\.\d+$/ });
    t.match(await thrown(client.show({ model: 'not-here' })), { status_code: 404 });
  });
  await t.test('chat, whole and streamed', async (t) => {
    const whole = await client.chat({
      model,
      messages: user('Hello'),
      options: { temperature: 0, num_predict: 20, num_ctx: 4096 },
    });
    t.equal(whole.message.content, 'You said: Hello');
    t.match(whole, { done: true, done_reason: 'stop', eval_count: 5, prompt_eval_count: 7 });
    t.match(engine.asked.at(-1), { temperature: 0, max_tokens: 20 });
    let text = '';
    let last: { done?: boolean } = {};
    for await (const part of await byAddress.chat({ model, messages: user('long 10'), stream: true })) {
      text += part.message.content;
      last = part;
    }
    t.equal(text, 'word '.repeat(10));
    t.equal(last.done, true);
    t.match(await client.chat({ model, messages: [] }), { done: true });
  });
  await t.test('tools', async (t) => {
    const tools = [
      {
        type: 'function',
        function: { name: weather.name, description: weather.description, parameters: weather.schema as object },
      },
    ];
    const { message } = await client.chat({ model, messages: user('tool'), tools: tools as never });
    t.match(message.tool_calls?.[0], { function: { name: 'weather', arguments: { city: 'Berlin' } } });
    const after = await client.chat({
      model,
      tools: tools as never,
      messages: [...user('tool'), message, { role: 'tool', content: 'Rain', tool_name: 'weather' }],
    });
    t.equal(after.message.content, 'You said: Rain');
    const calls = (engine.asked.at(-1)?.messages as { tool_calls?: { id: string }[]; tool_call_id?: string }[]) ?? [];
    t.equal(calls.at(-1)?.tool_call_id, calls.at(-2)?.tool_calls?.[0]?.id, 'the result is that of the call');
  });
  await t.test('generate and embed', async (t) => {
    t.equal((await client.generate({ model, prompt: 'Hi', system: 'Be brief.' })).response, 'You said: Hi');
    t.equal((await client.generate({ model, prompt: 'Once', raw: true })).response, 'You said: Once');
    const { embeddings } = await client.embed({ model: 'scripted-embed', input: ['a', 'b'] });
    t.equal(embeddings.length, 2);
    t.equal(embeddings[0]?.length, embedDimension);
    t.equal((await client.embeddings({ model: 'scripted-embed', prompt: 'a' })).embedding.length, embedDimension);
    t.match(await thrown(client.pull({ model: 'llama3.2' })), { status_code: 400, error: /POST \/v1\/nodes/ });
  });
  await t.test('errors and cancelling', async (t) => {
    t.match(await thrown(client.chat({ model: 'not-here', messages: user('Hi') })), {
      status_code: 404,
      error: /No machine of the fleet/,
    });
    t.match(await thrown(client.chat({ model, messages: user('Hi'), options: { mirostat: 1 } })), { status_code: 400 });
    const stream = await byAddress.chat({ model, messages: user('slow 100'), stream: true });
    await t.rejects(
      (async () => {
        for await (const _ of stream) stream.abort();
      })(),
    );
    await until('the server was left', async () => engine.open === 0, 3000);
  });
});

t.test('an agent is a model, too', async (t) => {
  await fleet.apply({ name: 'greeter', model: [model] });
  await ready(fleet, 'greeter', 'alice');
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
  t.ok((await client.models.list()).data.some(({ id }) => id === 'agent/greeter'));
  const { choices } = await client.chat.completions.create({
    model: 'agent/greeter',
    messages: [...user('My name is Ada.'), { role: 'assistant', content: 'Hello Ada.' }, ...user('Say 5')],
  });
  t.match(choices[0]?.message.content, /^You said: .*Say 5$/s);
  const roles = messagesAsked().map(({ role }) => role);
  t.same(roles, ['system', 'user', 'assistant', 'user'], 'the conversation is what the client sent');
  const stream = await client.chat.completions.create({
    model: 'agent/greeter',
    messages: user('slow 20'),
    stream: true,
  });
  let text = '';
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
  t.match(text, /You said: .*slow 20/s);
  t.match(await thrown(client.chat.completions.create({ model: 'agent/nobody', messages: user('Hi') })), {
    status: 404,
  });
  t.match(await thrown(client.chat.completions.create({ model: 'agent/greeter', messages: user('Hi'), n: 2 })), {
    status: 400,
  });
});
