// What every runtime must do, as one suite that runs on each: ollama, openai, llama, simulated, and real servers where they
// answer. In: a subject (a runtime and the names of its models). A runtime that passes can be used by the node-agent
// without knowing which one it is. Errors count as much as answers: their codes decide what happens to a task.

import type { ChatEvent, ChatRequest } from '@blackroad/model-server/chat';
import { RuntimeError, type RuntimeErrorCode } from '@blackroad/model-server/runtime-error';
import type { Test } from 'tap';
import type { Runtime } from '../../node-agent/src/runtimes/runtime.ts';

export interface Subject {
  runtime: Runtime;
  chatModel: string;
  /** Absent where the server has no embedding model. */
  embedModel?: string;
  /** Its exchanges were recorded, and no completion is among them. */
  isRecorded?: true;
  close?(): Promise<void>;
}

export const prompts = {
  hello: 'Say hello.',
  long: 'Write a very long story about a lighthouse keeper and the sea, with many chapters.',
  tooLong: 'word '.repeat(40_000),
} as const;

export const pair = ['The garage door is open.', 'Is the garage closed?'] as const;

type Setup = (t: Test) => Promise<Subject | { skip: string }>;

export function runtimeConformance(t: Test, name: string, setup: Setup): Promise<unknown> {
  return t.test(name, async (t) => {
    const subject = await setup(t);
    if ('skip' in subject) {
      t.pass(`skipped: ${subject.skip}`, { skip: subject.skip });
      return;
    }
    const { runtime, chatModel, embedModel } = subject;
    const never = new AbortController().signal;
    const ask = (content: string, more: Partial<ChatRequest> = {}): ChatRequest => ({
      model: chatModel,
      messages: [
        { role: 'system', content: 'You are greeter.' },
        { role: 'user', content },
      ],
      maxTokens: 12,
      sampling: { temperature: 0 },
      ...more,
    });

    await t.test('is alive and says what it is', async (t) => {
      t.equal(await runtime.alive(), true);
      t.match(runtime.label, /\S/);
    });

    await t.test('lists its models with facts', async (t) => {
      const models = await runtime.models();
      const chat = models.find((model) => model.name === chatModel);
      t.match(chat, { kind: 'chat', dimension: 0 });
      t.ok(chat!.contextTokens > 0 && chat!.slots >= 1, 'context and slots are known');
      t.notOk(chat!.aliases.includes(chat!.name), 'an alias is another name');
      t.equal(new Set(models.map((model) => model.name)).size, models.length, 'names are unique');
      if (embedModel) {
        const embed = models.find((model) => model.name === embedModel);
        t.match(embed, { kind: 'embed', tools: false });
        t.ok(embed!.dimension > 0, 'its dimension is known');
      }
    });

    await t.test('makes a model resident', async (t) => {
      await runtime.load(chatModel);
      t.equal((await runtime.models()).find((model) => model.name === chatModel)?.resident, true);
      await t.rejects(runtime.load('no-such-model:1b'), { code: 'unknown-model' });
    });

    await t.test('streams an answer: text, then one end', async (t) => {
      const events = await all(runtime.chat(ask(prompts.hello), never));
      const text = events.filter((event) => event.type === 'text');
      t.ok(text.length >= 1);
      t.match(text.map((event) => event.text).join(''), /\w/);
      t.equal(
        events.findIndex((event) => event.type === 'end'),
        events.length - 1,
        'the end is last',
      );
      const end = events.at(-1) as Extract<ChatEvent, { type: 'end' }>;
      t.match(end.reason, /^(stop|length)$/);
      t.ok(end.usage.promptTokens > 0 && end.usage.completionTokens > 0);
      t.ok(end.usage.completionTokens <= 12, 'no more tokens than allowed');
      for (const ms of [end.usage.loadMs, end.usage.prefillMs, end.usage.decodeMs])
        t.ok(Number.isFinite(ms) && ms >= 0);
    });

    await t.test('answers a conversation, and one asked without thinking', async (t) => {
      const messages: ChatRequest['messages'] = [
        { role: 'system', content: 'You are greeter.' },
        { role: 'user', content: 'My name is Ada.' },
        { role: 'assistant', content: 'Hello Ada.' },
        { role: 'user', content: prompts.hello },
      ];
      for (const think of [undefined, false] as const) {
        const events = await all(runtime.chat(ask('', { messages, ...(think === false ? { think } : {}) }), never));
        t.equal(events.at(-1)?.type, 'end');
        t.notOk(
          events.some((event) => event.type === 'retract'),
          'what was said stays said',
        );
        t.match(answerIn(events), /\w/);
      }
    });

    const hasCompletions = runtime.complete !== undefined && !subject.isRecorded;
    await t.test('goes on with a text', { skip: hasCompletions ? false : 'none is there' }, async (t) => {
      if (!runtime.complete) return;
      const request = {
        model: chatModel,
        prompt: 'The capital of France is',
        maxTokens: 4,
        sampling: { temperature: 0 },
      };
      const events = await all(runtime.complete(request, never));
      t.ok(events.some((event) => event.type === 'text' && /\w/.test(event.text)));
      t.match(events.at(-1), { type: 'end' });
      const abort = new AbortController();
      abort.abort();
      await t.rejects(all(runtime.complete(request, abort.signal)), { code: 'aborted' });
    });

    await t.test('aborts', async (t) => {
      const before = AbortSignal.abort();
      await refuses(t, all(runtime.chat(ask(prompts.hello), before)), 'aborted', 'before the request');
      const abort = new AbortController();
      const seen: ChatEvent[] = [];
      const reading = (async () => {
        for await (const event of runtime.chat(ask(prompts.long, { maxTokens: 400 }), abort.signal)) {
          seen.push(event);
          if (event.type === 'text') abort.abort();
        }
      })();
      // An instant answer may be complete when it is aborted; it must not be both.
      await reading.then(
        () => t.equal(seen.at(-1)?.type, 'end'),
        (error) => {
          t.equal((error as RuntimeError).code, 'aborted');
          t.notOk(
            seen.some((event) => event.type === 'end'),
            'nothing ended',
          );
        },
      );
      const events = await all(runtime.chat(ask(prompts.hello), never));
      t.equal(events.at(-1)?.type, 'end', 'the next answer is whole');
    });

    await t.test('gives the slot back when the reader leaves', async (t) => {
      for (let i = 0; i < 3; i++) {
        for await (const event of runtime.chat(ask(prompts.long, { maxTokens: 400 }), never)) {
          t.equal(event.type, 'text');
          break;
        }
      }
      t.equal((await all(runtime.chat(ask(prompts.hello), never))).at(-1)?.type, 'end');
    });

    await t.test('refuses with codes', async (t) => {
      await refuses(
        t,
        all(runtime.chat(ask(prompts.hello, { model: 'no-such-model:1b' }), never)),
        'unknown-model',
        'chat',
      );
      await refuses(t, runtime.embed('no-such-model:1b', ['one'], never), 'unknown-model', 'embed');
      await refuses(t, runtime.embed(chatModel, ['one', 'two'], never), 'wrong-kind', 'a chat model asked to embed');
      await refuses(t, all(runtime.chat(ask(prompts.tooLong), never)), 'too-long', 'a prompt over the context');
      if (embedModel) {
        const wrong = all(runtime.chat(ask(prompts.hello, { model: embedModel }), never));
        await refuses(t, wrong, 'wrong-kind', 'an embedding model asked to chat');
      }
      const model = (await runtime.models()).find((each) => each.name === chatModel);
      if (!model?.tools) {
        const tools = [{ name: 'weather', description: 'Weather now', parameters: { type: 'object', properties: {} } }];
        await refuses(t, all(runtime.chat(ask('Weather?', { tools }), never)), 'unsupported', 'tools it cannot use');
      }
    });

    await t.test('embeds', { skip: embedModel ? false : 'the server has no embedding model' }, async (t) => {
      const model = (await runtime.models()).find((each) => each.name === embedModel)!;
      const vectors = await runtime.embed(embedModel!, [...pair], never);
      t.equal(vectors.length, 2);
      for (const vector of vectors) {
        t.equal(vector.length, model.dimension);
        t.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-3, 'unit length');
      }
      t.ok(cosine(vectors[0]!, vectors[1]!) > 0.2, 'related sentences are near each other');
      t.equal((await runtime.embed(embedModel!, [], never)).length, 0, 'nothing in, nothing out');
      const [cut] = await runtime.embed(embedModel!, ['word '.repeat(2000)], never);
      t.equal(cut?.length, model.dimension, 'a text over the context is cut by us');
      await refuses(t, runtime.embed(embedModel!, ['one'], AbortSignal.abort()), 'aborted', 'aborted before');
    });

    await t.test('puts a model down, or says that it cannot', async (t) => {
      const isResident = async () => (await runtime.models()).find(({ name }) => name === chatModel)?.resident;
      const freed = await runtime.unload(chatModel).then(
        () => true,
        (error) => {
          t.equal((error as RuntimeError).code, 'unsupported');
          return false;
        },
      );
      t.equal(await isResident(), !freed);
      const events = await all(runtime.chat(ask(prompts.hello), never));
      t.equal(events.at(-1)?.type, 'end', 'the next answer loads it again');
      if (freed) await runtime.unload(chatModel);
      await refuses(t, runtime.unload('no-such-model:1b'), 'unknown-model', 'unload');
    });

    await t.test('pulls, or says that it cannot', async (t) => {
      try {
        for await (const progress of runtime.pull('conformance/probe:none')) {
          t.type(progress.completedBytes, 'number');
          if (progress.totalBytes > 0) t.ok(progress.completedBytes <= progress.totalBytes);
        }
      } catch (error) {
        t.match((error as RuntimeError).code, /^(unsupported|unknown-model|unavailable)$/);
      }
    });

    await t.test('closes once and for all', async (t) => {
      await runtime.close();
      await runtime.close();
      t.equal(await runtime.alive(), false);
      await refuses(t, all(runtime.chat(ask(prompts.hello), never)), 'unavailable', 'chat after close');
    });
    await subject.close?.();
  });
}

/** A runtime whose server says what the test wants: the last message is a JSON array of its pieces, `(cut)` for the end of tokens. */
export interface ScriptedSubject {
  runtime: Runtime;
  chatModel: string;
  close(): Promise<void>;
}

/** Reasoning is not an answer, in whatever form a server sends it. */
export function thoughtConformance(
  t: Test,
  name: string,
  own: object,
  setup: () => Promise<ScriptedSubject>,
): Promise<unknown> {
  return t.test(name, async (t) => {
    const { runtime, chatModel, close } = await setup();
    t.teardown(async () => {
      await runtime.close();
      await close();
    });
    const rows: [string, unknown[], string, boolean][] = [
      ['words alone', ['Fo', 'ur.'], 'Four.', false],
      ['between tags', ['<think>\nthe pin is 4711\n</think>\n\n', 'Four.'], 'Four.', true],
      ['other tags', ['<thinking>the pin is 4711</thinking>', 'Four.'], 'Four.', true],
      ['tags cut by pieces', ['<th', 'ink>the pin', ' is 4711</', 'thi', 'nk>\n', 'Four.'], 'Four.', true],
      ['in a field of its own', [own, 'Four.'], 'Four.', true],
      ['without the opening tag', ['the pin is', ' 4711\n</th', 'ink>\n\nFo', 'ur.'], 'Four.', true],
      ['the same model again', ['the pin is 4711</think>', 'Four.'], 'Four.', true],
      ['nothing but thought', ['<think>hm hm', ' hm', '(cut)'], '', true],
      ['nothing but thought, in a field of its own', [own, '(cut)'], '', true],
    ];
    for (const [what, pieces, answer, thought] of rows) {
      const messages = [{ role: 'user' as const, content: JSON.stringify(pieces) }];
      const stream = runtime.chat(
        { model: chatModel, messages, maxTokens: 50, sampling: { temperature: 0 } },
        new AbortController().signal,
      );
      const events = await all(stream);
      t.equal(answerIn(events), answer, what);
      t.equal(
        events.some((event) => event.type === 'thought'),
        thought,
        `${what}: thoughts are told apart`,
      );
      t.equal(events.at(-1)?.type, 'end');
    }
  });
}

/** What a reader has at the end. */
function answerIn(events: ChatEvent[]): string {
  let text = '';
  for (const event of events) {
    if (event.type === 'text') text += event.text;
    else if (event.type === 'retract') text = '';
  }
  return text;
}

async function all(stream: AsyncIterable<ChatEvent>): Promise<ChatEvent[]> {
  const events: ChatEvent[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

async function refuses(t: Test, work: Promise<unknown>, code: RuntimeErrorCode, what: string): Promise<void> {
  await work.then(
    () => t.fail(`${what}: expected ${code}, it succeeded`),
    (error) => {
      t.type(error, RuntimeError, `${what}: a RuntimeError, got ${error}`);
      t.equal((error as RuntimeError).code, code, `${what}: ${(error as Error).message}`);
    },
  );
}

export function cosine(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
