// Paid APIs: what is sent to each provider, what its answers and its errors become, and what is not asked again after them. Against a
// scripted server in the documented wire forms; no real API is called.

import type { ChatEvent, ChatRequest } from '@blackroad/model-server/chat';
import type { RuntimeError } from '@blackroad/model-server/runtime-error';
import { type CloudProviderName, shippedCatalogue } from '@blackroad/protocol/cloud-models';
import { type Clock, systemClock } from '@blackroad/std/clock';
import { seededRandom } from '@blackroad/std/random';
import t, { type Test } from 'tap';
import { type CloudServer, cloudKey, startCloudServer } from '../../../test/fixtures/cloud-server.ts';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { createCloud } from './cloud.ts';
import type { Runtime } from './runtime.ts';

const names = { openai: 'gpt-6-luna', anthropic: 'claude-haiku-4-5' } as const;
const never = new AbortController().signal;
const providers = ['openai', 'anthropic'] as const;

interface Rig {
  server: CloudServer;
  runtime: Runtime;
  model: string;
  ask(content: string, more?: Partial<ChatRequest>, signal?: AbortSignal): Promise<ChatEvent[]>;
}
async function rigOf(
  t: Test,
  provider: CloudProviderName,
  given: { clock?: Clock; apiKey?: string; url?: string } = {},
): Promise<Rig> {
  const server = await startCloudServer();
  const model = names[provider];
  const runtime = createCloud({
    provider,
    url: server.url,
    apiKey: cloudKey,
    models: shippedCatalogue.models.filter((each) => each.provider === provider),
    clock: systemClock,
    random: seededRandom(1),
    ...given,
  });
  t.teardown(async () => {
    await runtime.close();
    await server.close();
  });
  const ask: Rig['ask'] = async (content, more = {}, signal = never) => {
    const messages = [{ role: 'user' as const, content }];
    const events: ChatEvent[] = [];
    for await (const event of runtime.chat({ model, messages, sampling: {}, ...more }, signal)) events.push(event);
    return events;
  };
  return { server, runtime, model, ask };
}
const textIn = (events: ChatEvent[]) => events.map((event) => (event.type === 'text' ? event.text : '')).join('');
const endOf = (events: ChatEvent[]) => events.at(-1) as Extract<ChatEvent, { type: 'end' }>;
async function failed(work: Promise<unknown>): Promise<RuntimeError> {
  return work.then(
    () => Promise.reject(new Error('it succeeded')),
    (error) => error as RuntimeError,
  );
}

for (const provider of providers) {
  t.test(provider, async (t) => {
    const about = (name: string, test: (t: Test, rig: Rig) => Promise<void>, given?: Parameters<typeof rigOf>[2]) =>
      t.test(name, async (t) => test(t, await rigOf(t, provider, given)));

    await about('usage tells what the provider had, and what it wrote', async (t, { ask }) => {
      const { reason, usage } = endOf(await ask('Hello you'));
      t.equal(reason, 'stop');
      t.match(usage, { promptTokens: 100, cachedTokens: 40, completionTokens: 4 });
      t.equal(endOf(await ask('a b c d e f', { maxTokens: 3 })).reason, 'length');
    });

    await about('tools, with their results sent back', async (t, { ask, server }) => {
      const tools = [{ name: 'weather', description: 'Weather now', parameters: { type: 'object', properties: {} } }];
      const events = await ask('tool now', { tools, toolChoice: 'tool:weather' });
      const calls = events.find((event) => event.type === 'tool-calls')?.calls ?? [];
      t.match(calls, [{ name: 'weather', arguments: { city: 'Berlin' } }]);
      t.equal(endOf(events).reason, 'tool-calls');
      const messages: ChatRequest['messages'] = [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'tool now' },
        { role: 'assistant', content: '', toolCalls: [...calls, { id: 'call 2/b', name: 'weather', arguments: {} }] },
        { role: 'tool', content: 'sunny', toolCallId: calls[0]?.id ?? '' },
        { role: 'tool', content: '', toolCallId: 'call 2/b' },
      ];
      t.match(endOf(await ask('', { messages, tools })), { reason: 'stop' });
      t.match(server.asked.at(-1)?.messages, toolMessages[provider]);
    });

    await about('what it does not take is left out, once it has said so', async (t, { ask, server, runtime }) => {
      server.refuses.add('temperature');
      const sampling = { temperature: 0.7, stop: ['END'] };
      t.match(textIn(await ask('Hello', { sampling })), /Hello/);
      t.equal(server.asked.length, 2, 'refused, then asked without it');
      await ask('Hello', { sampling });
      t.equal(server.asked.length, 3, 'and it is remembered');
      const { temperature, ...kept } = server.asked[2] as Record<string, unknown>;
      t.equal(temperature, undefined);
      t.same(kept.stop ?? kept.stop_sequences, ['END']);
      t.match(runtime.notes?.(), [/takes no temperature/]);
    });

    await about('pictures, a schema, and no thinking', async (t, { ask, server }) => {
      const schema = { type: 'object', properties: { a: { type: 'string' } } };
      const messages = [{ role: 'user' as const, content: 'What is this?', images: ['/9j/4AAQ'] }];
      await ask('', { messages, schema, think: false });
      t.match(server.asked[0], richBody[provider]);
    });

    const kinds: [string, RuntimeError['code'], RegExp][] = [
      ['overloaded', 'provider-overloaded', /is overloaded/],
      ['rate', 'rate-limited', /asked too much lately/],
      ['quota', 'no-credit', /wants money first .* restart the node-agent/],
      ['gone', 'unknown-model', /./],
      ['die', 'unavailable', /./],
      ['garbage', 'unavailable', /not JSON/],
      ['decline', 'filtered', /filter|declined/],
    ];
    for (const [word, code, text] of kinds) {
      await about(`${word}: ${code}`, async (t, { ask, server }) => {
        const { code: told, message } = await failed(ask(`${word} please`));
        t.equal(told, code);
        t.match(message, text);
        t.equal(server.asked.length, 1, 'its client tries nothing again');
      });
    }

    await about('an error in the middle ends the answer', async (t, { runtime, model, server }) => {
      const seen: ChatEvent[] = [];
      const request = { model, messages: [{ role: 'user' as const, content: 'midway please' }], sampling: {} };
      const reading = (async () => {
        for await (const event of runtime.chat(request, never)) seen.push(event);
      })();
      const error = await failed(reading);
      t.equal(error.code, provider === 'openai' ? 'unavailable' : 'provider-overloaded');
      t.same(seen, [{ type: 'text', text: 'You ' }], 'nothing follows what was said');
      t.equal(server.asked.length, 1);
    });

    await about('a rate limit holds for its model, for as long as the provider says', async (t, { ask, server }) => {
      t.equal((await failed(ask('rate please'))).retryAfterS, 7);
      const again = await failed(ask('Hello'));
      t.match(again, { code: 'rate-limited' });
      t.ok((again.retryAfterS ?? 0) > 5 && (again.retryAfterS ?? 0) <= 7, `${again.retryAfterS} s are left`);
      t.equal(server.asked.length, 1, 'nothing is sent meanwhile');
      const other = shippedCatalogue.models.find((each) => each.provider === provider && each.tier === 'large');
      t.match(textIn(await ask('Hello', { model: other?.name ?? '' })), /Hello/, 'another model is asked');
    });

    await t.test('overload holds for all of it, and ends', async (t) => {
      const clock = new HandClock();
      const { ask, server } = await rigOf(t, provider, { clock });
      await failed(ask('overloaded please'));
      const other = shippedCatalogue.models.find((each) => each.provider === provider && each.tier === 'large');
      t.match(await failed(ask('Hello', { model: other?.name ?? '' })), { code: 'provider-overloaded' });
      t.equal(server.asked.length, 1);
      await clock.advance(4_000);
      t.match(textIn(await ask('Hello')), /Hello/);
    });

    await about(
      'an answer that had begun before the refusal does not end the rest',
      async (t, { runtime, ask, server, model }) => {
        const messages = [{ role: 'user' as const, content: 'Hello there' }];
        const early = runtime.chat({ model, messages, sampling: {} }, never)[Symbol.asyncIterator]();
        t.equal((await early.next()).done, false);
        await failed(ask('overloaded please'));
        while (!(await early.next()).done);
        t.match(await failed(ask('Hello')), { code: 'provider-overloaded' });
        t.equal(server.asked.length, 2);
      },
    );

    await about('without credit nothing is asked until a restart', async (t, { ask, server, runtime }) => {
      t.ok((await runtime.models()).length > 0);
      await failed(ask('credit please'));
      t.match(await failed(ask('Hello')), { code: 'no-credit' });
      t.match(await failed(runtime.models()), { code: 'no-credit', message: /pay or raise the limit/ });
      t.equal(server.asked.length, 1);
    });

    await about(
      'a wrong key is told with its cure, and without the key',
      async (t, { ask, server, runtime }) => {
        const error = await failed(runtime.models());
        t.match(error, { code: 'wrong-key', message: /--cloud-key-file/ });
        t.notMatch(error.message, /sk-wrong/);
        t.match(await failed(ask('Hello')), { code: 'wrong-key' });
        t.equal(server.headers.length, 1, 'it is not used again');
      },
      { apiKey: 'sk-wrong-4711' },
    );

    await about('a model that it does not have is left out, with a note', async (t, { ask, runtime, model }) => {
      await failed(ask('gone please'));
      t.notOk((await runtime.models()).some(({ name }) => name === model));
      t.match(runtime.notes?.(), [new RegExp(`does not give ${model} to this key`)]);
    });

    await t.test('a slow first token has a deadline, and so has silence in the middle', async (t) => {
      for (const [word, text] of [
        ['silent', /did not begin its answer: nothing came for 120 s/],
        ['stall', /stopped within its answer: nothing came for 120 s/],
      ] as const) {
        const clock = new HandClock();
        const { ask, server } = await rigOf(t, provider, { clock });
        const work = failed(ask(`${word} please`));
        await until(() => server.open === 1);
        if (word === 'stall') await new Promise((resolve) => setTimeout(resolve, 200));
        await clock.advance(120_000);
        t.match(await work, { code: 'unavailable', message: text });
        await until(() => server.left === 1);
      }
    });

    await about(
      'a reader that leaves, an abort and a close end the request there',
      async (t, { ask, server, runtime, model }) => {
        const abort = new AbortController();
        const work = failed(ask('silent please', {}, abort.signal));
        await until(() => server.open === 1);
        abort.abort();
        t.match(await work, { code: 'aborted' });
        await until(() => server.left === 1);
        const request = { model, messages: [{ role: 'user' as const, content: 'stall please' }], sampling: {} };
        for await (const _ of runtime.chat(request, never)) break;
        await until(() => server.left === 2);
        const last = failed(ask('silent please'));
        await until(() => server.open === 1);
        await runtime.close();
        t.match(await last, { code: 'unavailable', message: /closed/ });
        await until(() => server.left === 3);
      },
    );

    await t.test('where nobody answers it says so', async (t) => {
      const { runtime } = await rigOf(t, provider, { url: 'http://127.0.0.1:9' });
      t.match(await failed(runtime.models()), { code: 'unavailable' });
      t.equal(await runtime.alive(), false);
    });
  });
}

t.test('thoughts of Anthropic’s models are told apart; OpenAI’s think out of sight', async (t) => {
  const { ask } = await rigOf(t, 'anthropic');
  const events = await ask('think please');
  t.match(events[0], { type: 'thought', text: 'hm, hm' });
  t.match(textIn(events), /You said: think please/);
});

t.test('OpenAI’s models that think take tools only without thinking, and others no word about it', async (t) => {
  const { ask, server } = await rigOf(t, 'openai');
  const tools = [{ name: 'weather', description: 'Weather', parameters: { type: 'object' } }];
  server.refuses.add('reasoning_effort');
  await ask('Hello', { tools });
  t.same(
    server.asked.map((body) => [body.reasoning_effort, Array.isArray(body.tools)]),
    [
      ['none', true],
      [undefined, true],
    ],
  );
  t.equal(server.asked[0]?.chat_template_kwargs, undefined);
});

t.test('log probabilities are refused where there are none', async (t) => {
  const { ask } = await rigOf(t, 'anthropic');
  t.match(await failed(ask('Hello', { logprobs: 2 })), { code: 'unsupported' });
});

const image = '/9j/4AAQ';
const richBody = {
  openai: {
    messages: [
      { content: [{ type: 'text' }, { type: 'image_url', image_url: { url: `data:image/jpeg;base64,${image}` } }] },
    ],
    response_format: { type: 'json_schema' },
    reasoning_effort: 'none',
  },
  anthropic: {
    messages: [{ content: [{ type: 'image', source: { media_type: 'image/jpeg', data: image } }, { type: 'text' }] }],
    output_config: { format: { type: 'json_schema', schema: { type: 'object' } } },
    thinking: { type: 'disabled' },
    max_tokens: 32_000,
  },
};
const toolMessages = {
  openai: [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'tool now' },
    { role: 'assistant', content: '', tool_calls: [{ id: 'call_a' }, { id: 'call 2/b' }] },
    { role: 'tool', content: 'sunny', tool_call_id: 'call_a' },
    { role: 'tool', content: '', tool_call_id: 'call 2/b' },
  ],
  anthropic: [
    { role: 'user', content: [{ type: 'text', text: 'tool now' }] },
    {
      role: 'assistant',
      content: [
        { type: 'tool_use', id: 'toolu_a', name: 'weather', input: { city: 'Berlin' } },
        { type: 'tool_use', id: 'call_2_b', name: 'weather', input: {} },
      ],
    },
    {
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: 'toolu_a', content: 'sunny' },
        { type: 'tool_result', tool_use_id: 'call_2_b', content: '(nothing)' },
      ],
    },
  ],
};

async function until(probe: () => boolean, deadlineMs = 5_000): Promise<void> {
  const endMs = Date.now() + deadlineMs;
  while (!probe()) {
    if (Date.now() > endMs) throw new Error('it did not come');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
