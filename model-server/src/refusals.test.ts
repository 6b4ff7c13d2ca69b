// The refusals of servers, in the texts of vLLM, llama-server, Ollama, templates and clouds, and the requests made instead.
import t from 'tap';
import { HandClock } from '../../test/fixtures/node-agent/hand-clock.ts';
import type { ChatEvent, ChatRequest } from './chat.ts';
import { createRefusals, type Extra, refusedIn, without } from './refusals.ts';
import { RuntimeError } from './runtime-error.ts';

const all = new Set<Extra>(['tools', 'schema', 'system', 'usage', 'penalty', 'think']);
const request: ChatRequest = {
  model: 'm',
  messages: [
    { role: 'system', content: 'You are greeter.' },
    { role: 'user', content: 'Say hello.' },
  ],
  tools: [{ name: 'weather', description: 'Weather now', parameters: { type: 'object' } }],
  schema: { type: 'object' },
  think: false,
  maxTokens: 10,
  sampling: { temperature: 0 },
};

t.test('what an error refuses', async (t) => {
  const said: [string, Extra | null][] = [
    ['"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set', 'tools'],
    ['registry.ollama.ai/library/smollm2:135m does not support tools', 'tools'],
    ['tools param requires --jinja flag', 'tools'],
    ['This model does not support function calling', 'tools'],
    ['System role not supported', 'system'],
    ['Only user and assistant roles are supported!', 'system'],
    ['Conversation roles must alternate user/assistant/user/assistant/...', 'system'],
    ['Unexpected role: system', 'system'],
    ['Developer instruction is not enabled for models/gemma-3-1b-it', 'system'],
    ['Unrecognized request argument supplied: stream_options', 'usage'],
    ["extra fields not permitted: 'repetition_penalty'", 'penalty'],
    ['Unsupported parameter: chat_template_kwargs', 'think'],
    ['This response_format type is unavailable now', 'schema'],
    ['JSON schema conversion failed: unsupported type', 'schema'],
    ['max_tokens must be at least 1', null],
    ['error parsing tool call: raw', null],
  ];
  for (const [message, extra] of said) {
    t.equal(refusedIn(new RuntimeError('bad-request', message), all), extra, message);
  }
  const words = 'System role not supported';
  t.equal(refusedIn(new RuntimeError('bad-request', words), new Set(['tools'])), null, 'what was not asked');
  t.equal(refusedIn(new RuntimeError('overloaded', words), all), null, 'a busy server');
  const gone = new RuntimeError('unavailable', 'http://tools.local does not answer', { cause: new Error('reset') });
  t.equal(refusedIn(gone, all), null, 'a server that is gone');
  t.equal(refusedIn(new Error(words), all), null);
});

t.test('the same request without it', async (t) => {
  t.strictSame(without(request, new Set()), request);
  t.strictSame(without(request, new Set(['system'])).messages, [
    { role: 'user', content: 'You are greeter.\n\nSay hello.' },
  ]);
  const bare = without(request, all);
  t.notOk('tools' in bare || 'schema' in bare || 'think' in bare);
  t.match(bare.messages, [{ role: 'user', content: /^You are greeter\.\n\nSay hello\.\n\nAnswer with JSON alone/ }]);
  const called: ChatRequest = {
    ...request,
    messages: [
      { role: 'user', content: 'Weather?' },
      { role: 'assistant', content: '', toolCalls: [{ id: '1', name: 'weather', arguments: { city: 'Paris' } }] },
      { role: 'tool', content: 'Rain.', toolCallId: '1' },
    ],
  };
  t.strictSame(without(called, new Set(['tools'])).messages, [
    { role: 'user', content: 'Weather?' },
    { role: 'assistant', content: 'weather({"city":"Paris"})' },
    { role: 'user', content: 'Result: Rain.' },
  ]);
});

t.test('asked again without it, remembered for a while, said with what helps', async (t) => {
  const clock = new HandClock();
  const refusals = createRefusals(clock);
  let flags = new Set<string>();
  const sent: string[] = [];
  const ask = async (over: Partial<ChatRequest> = {}) => {
    const text: string[] = [];
    const stream = refusals.asked({ ...request, ...over }, ['usage'], async function* (asked, lacks) {
      const has = [
        asked.tools && 'tools',
        asked.messages[0]?.role === 'system' && 'system',
        !lacks.has('usage') && 'usage',
      ];
      sent.push(has.filter(Boolean).join());
      for (const [flag, words] of [
        ['tools', '"auto" tool choice requires --enable-auto-tool-choice'],
        ['system', 'System role not supported'],
      ] as const)
        if (has.includes(flag) && !flags.has(flag)) throw new RuntimeError('bad-request', words);
      yield { type: 'text', text: 'hello' } satisfies ChatEvent;
    });
    for await (const event of stream) if (event.type === 'text') text.push(event.text);
    return text.join('');
  };
  t.equal(await ask(), 'hello');
  t.strictSame(sent, ['tools,system,usage', 'system,usage', 'usage']);
  sent.length = 0;
  t.equal(await ask(), 'hello');
  t.strictSame(sent, ['usage'], 'known from then on');
  t.equal(await ask({ model: 'other' }), 'hello');
  t.equal(sent[1], 'tools,system,usage', 'another model may know more');
  t.match(refusals.notes('vLLM at http://127.0.0.1:8000').slice(0, 2), [
    /^vLLM at http:.*: m is refused tools.*--enable-auto-tool-choice --tool-call-parser/,
    /knows no system role/,
  ]);
  flags = new Set(['tools', 'system']);
  await clock.advance(30 * 60_000);
  t.equal(refusals.notes('vLLM').length, 4, 'said until it was seen to work');
  sent.length = 0;
  await ask();
  t.strictSame(sent, ['tools,system,usage'], 'a refusal has a life');
  t.equal(refusals.notes('vLLM').length, 2);
  refusals.forget();
  t.same(refusals.notes('vLLM'), []);
});

t.test('who needs its tools or its schema gets an error, not an answer without', async (t) => {
  const refusals = createRefusals(new HandClock());
  let asked = 0;
  const ask = (over: Partial<ChatRequest>) => {
    const stream = refusals.asked({ ...request, ...over, strict: true }, [], async function* ({ tools, schema }) {
      asked++;
      if (tools) throw new RuntimeError('bad-request', 'tool_choice="required" requires --tool-call-parser to be set');
      if (schema) throw new RuntimeError('bad-request', 'response_format is not supported');
      yield { type: 'text', text: 'hello' } satisfies ChatEvent;
    });
    return (async () => {
      for await (const _ of stream);
    })();
  };
  const noTools = { code: 'unsupported', message: /takes no tools.*it says: tool_choice="required" requires/ };
  await t.rejects(ask({}), noTools);
  await t.rejects(ask({}), noTools);
  t.equal(asked, 1, 'the second time without asking the server');
  await t.rejects(ask({ tools: [] }), { code: 'unsupported', message: /holds this model to no JSON schema/ });
  const { schema: _, ...free } = request;
  await ask({ ...free, toolChoice: 'none', schema: undefined as never });
  t.same([...refusals.of('m')].sort(), ['schema', 'tools'], 'it is known for all others');
});

t.test('an answer that began is not asked for again', async (t) => {
  const refusals = createRefusals(new HandClock());
  const stream = refusals.asked(request, [], async function* () {
    yield { type: 'text', text: 'half' } satisfies ChatEvent;
    throw new RuntimeError('bad-request', 'System role not supported');
  });
  await t.rejects(
    (async () => {
      for await (const _ of stream);
    })(),
    { code: 'bad-request' },
  );
  t.same(refusals.notes('x'), []);
});
