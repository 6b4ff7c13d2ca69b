// A session of each official client (OpenAI, Anthropic, Ollama), unchanged, with a fleet that runs: what a person with a base URL and a key
// would try in the first ten minutes. In: where the fleet is, what to ask it for. Out: one line for each thing tried. The model may be a very
// small one: nothing here depends on what it says, but for the schema that it is held to.
import Anthropic from '@anthropic-ai/sdk';
import { Ollama } from 'ollama';
import OpenAI from 'openai';

export interface SessionWith {
  url: string;
  key: string;
  /** A chat model of the fleet. */
  model: string;
  /** A model that makes vectors; null: the fleet has none. */
  embed: string | null;
  /** The name of an agent; null: the fleet has none. */
  agent: string | null;
  /** Resolves once the model server of the answer works on nothing, or rejects. */
  idle(): Promise<void>;
}
export interface Step {
  client: 'OpenAI' | 'Anthropic' | 'Ollama';
  what: string;
  /** What was seen. Throws where it is not as promised. */
  run(): Promise<string>;
}

const user = (content: string) => [{ role: 'user' as const, content }];
const long = user('Write a very long story about a lighthouse keeper, in many chapters.');
const schema = {
  type: 'object',
  // Of few words, so that no model goes on writing one until its tokens are used up.
  properties: { name: { type: 'string', enum: ['Ada', 'Grace'] }, age: { type: 'integer', enum: [36, 37] } },
  required: ['name', 'age'],
  additionalProperties: false,
};
const tool = {
  name: 'weather',
  description: 'Tells the weather of a city.',
  parameters: { type: 'object' as const, properties: { city: { type: 'string' } }, required: ['city'] },
};
const openaiTools = [{ type: 'function' as const, function: tool }];

function hold(condition: unknown, words: string): asserts condition {
  if (!condition) throw new Error(words);
}
/** The status of the error that the client throws. */
async function refused(work: Promise<unknown>, status: number): Promise<string> {
  const answer = await work.then(
    () => null,
    (error: { status?: number; status_code?: number; message: string }) => error,
  );
  hold(answer !== null, `expected an error ${status}, got an answer`);
  const got = answer.status ?? answer.status_code;
  hold(got === status, `expected ${status}, got ${got}: ${answer.message}`);
  return answer.message;
}
function heldTo(text: string): string {
  const { name, age } = JSON.parse(text) as { name?: unknown; age?: unknown };
  hold(typeof name === 'string' && Number.isInteger(age), `not of the schema: ${text}`);
  return text;
}
const dot = (a: number[], b: number[]) => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);

export function session(given: SessionWith): Step[] {
  return [...openaiSteps(given), ...anthropicSteps(given), ...ollamaSteps(given)];
}

function openaiSteps({ url, key, model, embed, agent, idle }: SessionWith): Step[] {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
  const chat = client.chat.completions;
  const ask = (more: object = {}) => chat.create({ model, messages: user('Say hello.'), max_tokens: 40, ...more });
  const say = async (more: object) => {
    const { data, response } = await ask(more).withResponse();
    const text = data.choices[0]?.message.content ?? '';
    hold(text !== '', 'no text');
    for (const name of ['x-fleet-node', 'x-fleet-route', 'x-fleet-overhead-ms'])
      hold(response.headers.get(name), `no header ${name}`);
    return `${response.headers.get('x-fleet-route')}: ${JSON.stringify(text)}`;
  };
  const callsTools = async () => {
    const { capabilities } = await new Ollama({ host: `${url}/key/${key}` }).show({ model });
    return capabilities.includes('tools');
  };
  const step = (what: string, run: Step['run']): Step => ({ client: 'OpenAI', what, run });
  return [
    step('the list of models', async () => {
      const names = (await client.models.list()).data.map(({ id }) => id);
      for (const name of ['auto', ...(agent ? [`agent/${agent}`] : [])])
        hold(names.includes(name), `${name} is not among ${names.join(', ')}`);
      hold((await client.models.retrieve(model)).id, 'the model alone');
      return names.join(', ');
    }),
    step('an answer', () => say({})),
    step('a stream, with usage', async () => {
      const stream = await chat.create({
        ...{ model, messages: user('Tell me about the sea.'), max_tokens: 60 },
        ...{ stream: true as const, stream_options: { include_usage: true } },
      });
      let pieces = 0;
      let tokens = 0;
      for await (const { choices, usage } of stream) {
        if (choices[0]?.delta.content) pieces++;
        tokens = usage?.completion_tokens ?? tokens;
      }
      hold(pieces > 1 && tokens > 0, `${pieces} pieces, ${tokens} tokens`);
      return `${pieces} pieces, ${tokens} tokens`;
    }),
    step('a stream that is left', async () => {
      const stream = await chat.create({ model, messages: long, max_tokens: 1500, stream: true });
      for await (const { choices } of stream) if (choices[0]?.delta.content) break;
      await idle();
      return 'its model server has stopped';
    }),
    step('JSON of a schema', async () => {
      const format = { type: 'json_schema' as const, json_schema: { name: 'person', schema, strict: true } };
      const asked = { messages: user('Ada is 36 years old. Answer as JSON.'), response_format: format, max_tokens: 80 };
      return heldTo((await ask(asked)).choices[0]?.message.content ?? '');
    }),
    step('tools', async () => {
      const asked = ask({ tools: openaiTools, tool_choice: 'required', max_tokens: 80 });
      // A server that was started without a parser of tools shows it only when it is asked.
      const answer = await asked.catch((error) => error as Error);
      if (answer instanceof Error || !(await callsTools())) return refused(asked, 400);
      const [call] = answer.choices[0]?.message.tool_calls ?? [];
      hold(call?.type === 'function' && call.function.name === tool.name, 'no call');
      return `${call.function.name} ${call.function.arguments}`;
    }),
    step('a tier', () => say({ model: 'auto' })),
    step('a list that falls back', () => say({ model: `nothing-of-that-name,${model}` })),
    step('responses', async () => {
      const { output_text } = await client.responses.create({ model, input: 'Say hello.', max_output_tokens: 40 });
      hold(output_text !== '', 'no text');
      return JSON.stringify(output_text);
    }),
    ...(embed === null
      ? []
      : [
          step('embeddings', async () => {
            const input = ['The garage door is open.', 'Is the garage closed?', 'Shares fell in Tokyo.'];
            const { data } = await client.embeddings.create({ model: embed, input });
            const [a, b, c] = data.map(({ embedding }) => embedding) as [number[], number[], number[]];
            hold(dot(a, b) > dot(a, c), 'what is alike is not nearer');
            return `${a.length} numbers; alike ${dot(a, b).toFixed(2)}, unlike ${dot(a, c).toFixed(2)}`;
          }),
        ]),
    ...(agent === null ? [] : [step('an agent', () => say({ model: `agent/${agent}`, max_tokens: undefined }))]),
    step('a wrong key', () =>
      refused(new OpenAI({ baseURL: `${url}/v1`, apiKey: 'no', maxRetries: 0 }).models.list(), 401),
    ),
    step('an unknown model', () => refused(ask({ model: 'nothing-of-that-name' }), 404)),
  ];
}

function anthropicSteps({ url, key, model, agent, idle }: SessionWith): Step[] {
  const client = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });
  const asked = { model, max_tokens: 40, messages: user('Say hello.') };
  const textOf = (content: Anthropic.ContentBlock[]) => {
    const text = content.map((block) => (block.type === 'text' ? block.text : '')).join('');
    hold(text !== '', 'no text');
    return JSON.stringify(text);
  };
  const step = (what: string, run: Step['run']): Step => ({ client: 'Anthropic', what, run });
  return [
    step('a message', async () => textOf((await client.messages.create(asked)).content)),
    step('a stream', async () => {
      const stream = client.messages.stream(asked);
      let pieces = 0;
      stream.on('text', () => pieces++);
      const { content, usage } = await stream.finalMessage();
      hold(pieces > 0 && usage.output_tokens > 0, `${pieces} pieces, ${usage.output_tokens} tokens`);
      return textOf(content);
    }),
    step('a stream that is left', async () => {
      const stream = client.messages.stream({ ...asked, messages: long, max_tokens: 1500 });
      stream.on('text', () => stream.abort());
      await stream.finalMessage().catch(() => {});
      await idle();
      return 'its model server has stopped';
    }),
    step('tokens are counted', async () => {
      const { input_tokens } = await client.messages.countTokens({ model, messages: asked.messages });
      hold(input_tokens > 0, 'none');
      return `${input_tokens}`;
    }),
    ...(agent === null
      ? []
      : [
          step('an agent', async () =>
            textOf((await client.messages.create({ ...asked, model: `agent/${agent}`, max_tokens: 200 })).content),
          ),
        ]),
    step('a wrong key', () =>
      refused(new Anthropic({ baseURL: url, apiKey: 'no', maxRetries: 0 }).messages.create(asked), 401),
    ),
    step('an unknown model', () => refused(client.messages.create({ ...asked, model: 'claude-of-nobody' }), 404)),
  ];
}

function ollamaSteps({ url, key, model, embed, agent, idle }: SessionWith): Step[] {
  const client = new Ollama({ host: url, headers: { authorization: `Bearer ${key}` } });
  const options = { num_predict: 40 };
  const step = (what: string, run: Step['run']): Step => ({ client: 'Ollama', what, run });
  return [
    step('the lists', async () => {
      const { models } = await client.list();
      hold(models.length > 0 && (await client.version()).version, 'nothing');
      hold((await new Ollama({ host: `${url}/key/${key}` }).list()).models.length > 0, 'with the key in the address');
      return `${models.length} models, ${(await client.ps()).models.length} loaded`;
    }),
    step('what a model is', async () => {
      const { details, capabilities } = await client.show({ model });
      return `${details.parameter_size} ${capabilities.join(', ')}`;
    }),
    step('a chat', async () => {
      const { message, eval_count } = await client.chat({ model, messages: user('Say hello.'), options });
      hold(message.content !== '' && eval_count > 0, 'no text');
      return JSON.stringify(message.content);
    }),
    step('a stream that is left', async () => {
      const stream = await client.chat({ model, messages: long, stream: true });
      try {
        for await (const { message } of stream) if (message.content !== '') stream.abort();
      } catch {
        // What it throws says only that it was left.
      }
      await idle();
      return 'its model server has stopped';
    }),
    step('JSON of a schema', async () => {
      const messages = user('Ada is 36 years old. Answer as JSON.');
      return heldTo(
        (await client.chat({ model, messages, format: schema, options: { num_predict: 80 } })).message.content,
      );
    }),
    ...(embed === null
      ? []
      : [
          step('embeddings', async () => {
            const { embeddings } = await client.embed({ model: embed, input: ['one', 'two'] });
            hold(embeddings.length === 2 && (embeddings[0]?.length ?? 0) > 0, 'none');
            return `${embeddings.length} of ${embeddings[0]?.length} numbers`;
          }),
        ]),
    ...(agent === null
      ? []
      : [
          step('an agent', async () => {
            const { message } = await client.chat({ model: `agent/${agent}`, messages: user('Hello') });
            hold(message.content !== '', 'no text');
            return JSON.stringify(message.content);
          }),
        ]),
    step('a wrong key', () => refused(new Ollama({ host: `${url}/key/no` }).list(), 401)),
    step('an unknown model', () => refused(client.chat({ model: 'nothing:1b', messages: user('Hi') }), 404)),
  ];
}
