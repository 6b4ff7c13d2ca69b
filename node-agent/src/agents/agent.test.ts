// Turns of an agent with a scripted runtime: recall, tools, streaming, memories, failures, stopping.
import { setImmediate as turnOfLoop } from 'node:timers/promises';
import type { ChatEvent, ChatRequest } from '@blackroad/model-server/chat';
import { RuntimeError } from '@blackroad/model-server/runtime-error';
import { maxResultBytes, maxTraceBytes } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import t from 'tap';
import { scriptedOpenAi } from '../../../test/fixtures/node-agent/scripted-runtimes.ts';
import { assignedAgent } from '../../../test/fixtures/node-agent/tiny-coordinator.ts';
import type { AgentMemory } from '../memory/agent-memory.ts';
import { createNodeMemory } from '../memory/node-memory.ts';
import { createAdmission } from '../runtimes/admission.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import { createSimulated } from '../runtimes/simulated.ts';
import { createAgent } from './agent.ts';
import { DeadlinePassed } from './deadline-passed.ts';
import { toolBoxFor } from './tool-box.ts';
import type { BoardTools } from './tools/board.ts';
import type { TurnChunk } from './turn.ts';

type Script = (request: ChatRequest, signal: AbortSignal) => AsyncIterable<ChatEvent>;
const usage = { promptTokens: 10, completionTokens: 5, loadMs: 0, prefillMs: 1, decodeMs: 1 };
const end = (reason: 'stop' | 'length' | 'tool-calls' = 'stop'): ChatEvent => ({ type: 'end', reason, usage });

function setup(
  t: Tap.Test,
  script: Script | null,
  over: {
    acts?: boolean;
    nowMs?: () => number;
    facts?: string[];
    runtime?: Runtime;
    part?: () => AgentMemory['part'];
    board?: BoardTools;
  } = {},
) {
  const memory = createNodeMemory({
    dir: ':memory:',
    node: 'alice',
    clock: systemClock,
    random: seededRandom(7),
    log: silentLog,
    embed: async () => null,
  });
  const alive = setInterval(() => {}, 1_000);
  t.teardown(async () => {
    clearInterval(alive);
    await memory.close();
  });
  const assigned = assignedAgent('ada', 1, { baseSeq: 0, baseHash: 'genesis', from: null });
  assigned.spec.tools = over.board ? [{ tool: 'camera' }] : [{ tool: 'memory' }, { tool: 'mqtt', topics: ['lamp'] }];
  const log = memory.open(assigned);
  if (over.part) Object.defineProperty(log, 'part', { get: over.part });
  const published: unknown[] = [];
  const simulated = createSimulated({
    models: [{ name: 'smollm2', kind: 'chat' }],
    decodeTps: Number.POSITIVE_INFINITY,
    clock: systemClock,
    random: seededRandom(1),
  });
  const runtime: Runtime = over.runtime ?? (script ? { ...simulated, chat: script } : simulated);
  const admission = createAdmission({ slots: 1, queue: 2, clock: systemClock });
  const agent = createAgent(assigned, {
    runtimeFor: (model) => (model !== 'gone' || over.runtime ? runtime : null),
    modelStand: (model) =>
      model === 'smollm2' ? { state: 'ready', reason: '' } : { state: 'starting', reason: 'fetching gone' },
    enter: (model, signal, deadlineMs) => admission.enter(model, signal, deadlineMs),
    memory: log,
    tools: toolBoxFor(assigned.spec.tools, {
      agent: 'ada',
      memory: log,
      facts: () => [],
      mayActOutside: () => over.acts ?? true,
      publish: (topic, message) => published.push({ topic, message }) > 0,
      ...(over.board ? { board: over.board } : {}),
      clock: systemClock,
    }),
    facts: () => over.facts ?? [],
    mayActOutside: () => over.acts ?? true,
    clock: over.nowMs ? { ...systemClock, nowMs: over.nowMs } : systemClock,
    log: silentLog,
    parametersB: () => 7,
    contextTokens: () => 4096,
    toolsSupported: () => script !== null || over.runtime !== undefined,
    sees: (model) => model !== 'blind',
  });
  const chunks: TurnChunk[] = [];
  const abort = new AbortController();
  const ask = (prompt: string) =>
    agent.run({ task: 't1', attempt: 1, prompt, signal: abort.signal }, (chunk) => chunks.push(chunk));
  return { agent, assigned, ask, chunks, abort, log, memory, published, admission };
}
declare namespace Tap {
  type Test = { teardown(work: () => unknown): void };
}

t.test('an exchange is streamed, remembered, and recalled in the next', async (t) => {
  const { ask, chunks, log, agent } = setup(t, null);
  t.match(
    agent,
    { state: 'hydrating', reason: /where its memory stands/, code: 'memory-asking' },
    'and it answers all the same',
  );
  const first = await ask('My name is Ada.');
  t.match(first, { state: 'done', truncated: false, usage: { model: 'smollm2', recalled: 0 } });
  if (first.state !== 'done') return;
  t.equal(chunks.map(({ text }) => text).join(''), first.result);
  const { memories } = await log.recall('name', 1, new AbortController().signal);
  t.match(memories[0]?.text, /^User: My name is Ada\.\nAssistant: Simulated answer/);
  t.match(await ask('What is my name?'), { state: 'done', usage: { recalled: 1 } });
});

t.test('a simulated model answers the question, not the figures beside it', async (t) => {
  const { ask } = setup(t, null, { facts: ['This node is called alice.', 'It uses 3 % of its CPU.'] });
  t.match(await ask('Hello'), { state: 'done', result: 'Simulated answer to: Hello' });
});

t.test('what was just said stands before the question, for an hour; what a trigger began does not', async (t) => {
  const seen: ChatRequest[] = [];
  let laterMs = 0;
  const { agent, ask, assigned } = setup(
    t,
    async function* (request) {
      seen.push(structuredClone(request));
      yield { type: 'text', text: `answer ${seen.length}` };
      yield end();
    },
    { nowMs: () => systemClock.nowMs() + laterMs },
  );
  const before = async (prompt: string) => {
    await ask(prompt);
    return seen
      .at(-1)!
      .messages.slice(1, -1)
      .map(({ content }) => content);
  };
  t.same(await before('My dog is called Rex.'), []);
  const task = { task: 't2', attempt: 1, prompt: 'Look around.', triggered: true };
  await agent.run({ ...task, signal: new AbortController().signal }, () => {});
  t.equal(seen.at(-1)!.messages.length, 2, 'a trigger begins no conversation');
  t.same(await before('What did I just say?'), ['My dog is called Rex.', 'answer 1']);
  assigned.spec.memory.turns = 1;
  t.same(await before('And before?'), ['What did I just say?', 'answer 3']);
  assigned.spec.memory.turns = 0;
  t.same(await before('And before?'), []);
  delete assigned.spec.memory.turns;
  t.equal((await before('And before?')).length, 8, 'four exchanges where the spec says nothing');
  laterMs = 3_700_000;
  t.same(await before('And now?'), [], 'an hour later it is another conversation');
});

t.test('tools are called, their answers go back, and a wrong call is told to the model', async (t) => {
  const seen: ChatRequest[] = [];
  const { ask, chunks, published, log } = setup(t, async function* (request) {
    seen.push(structuredClone(request));
    const calls = [
      { id: '1', name: 'memory_save', arguments: { text: 'The lamp is in the hall.' } },
      { id: '2', name: 'mqtt_publish', arguments: { topic: 'lamp', payload: '{"on":true}' } },
      { id: '3', name: 'mqtt_publish', arguments: { topic: 'door', payload: 'open' } },
      { id: '4', name: 'memory_search', arguments: { query: 5 } },
      { id: '5', name: 'rm', arguments: {} },
    ];
    if (seen.length === 1) {
      yield { type: 'tool-calls', calls };
      yield end('tool-calls');
    } else {
      yield { type: 'text', text: 'The lamp is on.' };
      yield end();
    }
  });
  const result = await ask('Turn on the lamp in the hall.');
  t.match(result, { state: 'done', result: 'The lamp is on.', usage: { toolCalls: 5, promptTokens: 20 } });
  t.same(published, [{ topic: 'lamp', message: { on: true } }]);
  t.same(
    seen[1]!.messages.filter(({ role }) => role === 'tool').map(({ content }) => content),
    [
      'Saved.',
      'Published.',
      'Refused: the topic door is not allowed. Allowed: lamp.',
      'The arguments of memory_search are wrong: query: expected string, got 5',
      'There is no tool rm. Tools: memory_search, memory_save, memory_get, memory_set, mqtt_publish.',
    ],
  );
  t.equal(chunks[0]?.tool, 'memory_save');
  const { memories } = await log.recall('lamp hall', 5, new AbortController().signal);
  t.ok(memories.some(({ kind, text }) => kind === 'note' && text === 'The lamp is in the hall.'));
});

t.test(
  'an agent with tools, on a vLLM that was started without them and a template without a system role',
  async (t) => {
    const server = await scriptedOpenAi('vllm', (body) => {
      if (body.tools) return { status: 400, message: '"auto" tool choice requires --enable-auto-tool-choice' };
      return body.messages[0].role === 'system' ? { status: 400, message: 'System role not supported' } : null;
    });
    t.teardown(server.close);
    const { ask, assigned } = setup(t, null, { runtime: server.runtime });
    assigned.model = server.chatModel;
    t.match(await ask('Hello'), { state: 'done', result: 'Hello there.' });
    t.equal(server.asked.length, 3, 'asked again without each of the two');
    t.match(await ask('Hello again'), { state: 'done' });
    t.equal(server.asked.length, 4, 'and then known');
    await server.runtime.close();
  },
);

t.test('a model that only calls tools is asked for words in the end', async (t) => {
  let rounds = 0;
  const { ask, assigned, published } = setup(
    t,
    async function* (request) {
      rounds++;
      if (request.tools) {
        const call = { id: '1', name: 'mqtt_publish', arguments: { topic: 'lamp', payload: 'x' } };
        yield { type: 'tool-calls', calls: [call] };
        yield end('tool-calls');
      } else {
        const refusal = request.messages.findLast(({ role }) => role === 'tool')!.content;
        yield { type: 'text', text: refusal };
        yield end();
      }
    },
    { acts: false },
  );
  assigned.spec.limits.toolRounds = 3;
  t.match(await ask('go on'), { state: 'done', result: /another node may still act/, usage: { toolCalls: 3 } });
  t.equal(rounds, 4);
  t.same(published, [], 'without a licence nothing acts outside');
});

t.test('thoughts are no answer: asked once more without thinking, then a problem; nothing is remembered', async (t) => {
  const thinks = (request: ChatRequest) => request.think !== false;
  const one = setup(t, async function* (request) {
    yield thinks(request) ? { type: 'thought', text: 'hm hm' } : { type: 'text', text: 'Four.' };
    yield end(thinks(request) ? 'length' : 'stop');
  });
  t.match(await one.ask('What is 2+2?'), { state: 'done', result: 'Four.', usage: { completionTokens: 10 } });

  const never = setup(t, async function* () {
    yield { type: 'thought', text: 'hm hm' };
    yield end('length');
  });
  t.match(await never.ask('What is 2+2?'), {
    state: 'failed',
    problem: { code: 'no-answer', text: /^smollm2 thought for all of its 5 tokens/, retryable: false },
  });
  t.equal(never.memory.unacked, 0);

  const silent = setup(t, async function* () {
    yield { type: 'text', text: ' \n' };
    yield end();
  });
  t.match(await silent.ask('What is 2+2?'), { state: 'failed', problem: { code: 'no-answer', text: /no answer/ } });
  t.equal(silent.memory.unacked, 0);
});

t.test('an agent that only acts and says nothing is asked for words; words before the act are enough', async (t) => {
  const call = { id: '1', name: 'mqtt_publish', arguments: { topic: 'lamp', payload: 'on' } };
  const acting = (before: string, after: (request: ChatRequest) => string): Script =>
    async function* (request) {
      if (request.messages.at(-1)?.role === 'user') {
        yield { type: 'text', text: before };
        yield { type: 'tool-calls', calls: [call] };
        yield end('tool-calls');
      } else {
        yield { type: 'text', text: after(request) };
        yield end();
      }
    };
  const asked = setup(
    t,
    acting('', ({ think }) => (think === false ? 'Done.' : '')),
  );
  t.match(await asked.ask('Lamp on'), { state: 'done', result: 'Done.' });
  t.equal(asked.published.length, 1, 'what was done is not done twice');
  const said = setup(
    t,
    acting('I turn it on.', () => ''),
  );
  t.match(await said.ask('Lamp on'), { state: 'done', result: 'I turn it on.' });
});

t.test('a thought that was streamed as answer is taken back', async (t) => {
  const { ask, chunks, log } = setup(t, async function* () {
    yield { type: 'text', text: 'the pin is 4711' };
    yield { type: 'retract' };
    yield { type: 'text', text: 'Four.' };
    yield end();
  });
  t.match(await ask('What is 2+2?'), { state: 'done', result: 'Four.' });
  t.match(chunks, [{ text: 'the pin is 4711' }, { text: '', retract: 15 }, { text: 'Four.' }]);
  const { memories } = await log.recall('pin', 5, new AbortController().signal);
  t.notMatch(JSON.stringify(memories), /4711/);
});

t.test('failures become problems that say whether to try again', async (t) => {
  const table = [
    ['unavailable', 'runtime-unavailable', true],
    ['overloaded', 'runtime-overloaded', true],
    ['unknown-model', 'model-missing', true],
    ['too-long', 'prompt-too-long', false],
    ['wrong-kind', 'model-cannot-chat', false],
  ] as const;
  for (const [code, problem, retryable] of table) {
    const { ask, memory } = setup(t, async function* (): AsyncIterable<ChatEvent> {
      yield { type: 'text', text: 'half' };
      throw new RuntimeError(code, 'as said');
    });
    t.match(await ask('hello'), { state: 'failed', problem: { code: problem, retryable } }, code);
    t.equal(memory.unacked, 0, 'half an answer is not remembered');
  }
  const { assigned, agent, ask } = setup(t, null);
  assigned.model = 'gone';
  t.match(agent, { state: 'starting', reason: /gone/ });
  t.match(await ask('hello'), { state: 'failed', problem: { code: 'model-missing', retryable: true } });
  const long = setup(t, null);
  t.match(await long.ask('word '.repeat(5_000)), {
    state: 'failed',
    problem: { code: 'prompt-too-long', retryable: false },
  });
});

t.test('an answer without end is cut, and the model is let go', async (t) => {
  let closed = false;
  const { ask, admission } = setup(t, async function* () {
    try {
      for (;;) yield { type: 'text', text: 'é'.repeat(5_000) };
    } finally {
      closed = true;
    }
  });
  const result = await ask('say much');
  t.match(result, { state: 'done', truncated: true });
  if (result.state === 'done') t.equal(Buffer.byteLength(result.result), maxResultBytes);
  t.ok(closed);
  t.equal(admission.load()[0]?.busy, 0);
});

t.test('an abort cancels, a deadline fails, a stop lets turns end and then ends them', async (t) => {
  const hang: Script = async function* (_, signal) {
    yield { type: 'text', text: 'thinking' };
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
  };
  const started = async (chunks: unknown[]) => {
    while (chunks.length === 0) await turnOfLoop();
  };
  const one = setup(t, hang);
  const cancelled = one.ask('hello');
  await started(one.chunks);
  t.equal(one.agent.busy, 1);
  one.abort.abort(new Error('a person said so'));
  t.same(await cancelled, { state: 'cancelled' });
  t.equal(one.agent.busy, 0);
  t.equal(one.admission.load()[0]?.busy, 0, 'the slot is free again');

  const two = setup(t, hang);
  const late = two.ask('hello');
  await started(two.chunks);
  two.abort.abort(new DeadlinePassed());
  t.match(await late, { state: 'failed', problem: { code: 'deadline-passed', retryable: false } });

  const three = setup(t, hang);
  const stopped = three.ask('hello');
  await started(three.chunks);
  await three.agent.stop(5);
  t.match(await stopped, { state: 'failed', problem: { code: 'agent-stopped', retryable: true } });
  t.equal(three.agent.state, 'stopped');
  t.match(await three.ask('more'), { state: 'failed', problem: { code: 'agent-stopped' } });
});

t.test(
  'an agent that may have no more memories answers, says that it remembers nothing, and its tool is told why',
  async (t) => {
    let round = 0;
    const { agent, assigned, ask, memory, log } = setup(t, async function* (request) {
      round++;
      const last = request.messages.at(-1);
      if (last?.role === 'tool') yield { type: 'text', text: String(last.content) };
      else if (round === 2)
        yield { type: 'tool-calls', calls: [{ id: 'c', name: 'memory_save', arguments: { text: 'x' } }] };
      else yield { type: 'text', text: 'Hello.' };
      yield end(round === 2 ? 'tool-calls' : 'stop');
    });
    assigned.spec.memory.atMost = 1;
    const first = await ask('My dog is called Rex.');
    t.match(first, { state: 'done' });
    t.notMatch(first, { usage: { notRemembered: true } });
    t.match(await ask('Save x.'), {
      state: 'done',
      result:
        /^Not saved: ada may have 1 memory \(memory\.atMost of its spec\) and has them: erase some, or allow more\.$/,
      usage: { notRemembered: true },
    });
    t.equal((await log.recall('Rex', 5, new AbortController().signal)).memories.length, 1);
    t.equal(memory.unacked, 1);
    t.equal(agent.state, 'hydrating');
  },
);

t.test('an agent whose memory is still on its way answers with a part of it, and says so', async (t) => {
  const seen: ChatRequest[] = [];
  let part: AgentMemory['part'] = null;
  const { agent, ask } = setup(
    t,
    async function* (request) {
      seen.push(structuredClone(request));
      yield { type: 'text', text: 'The code is 4444.' };
      yield end();
    },
    { facts: ['This node is called alice.'], part: () => part },
  );
  t.equal(agent.state, 'hydrating');
  part = { have: 130, of: 10_000 };
  const reason = 'answers with 130 of 10,000 memories: the rest is being fetched';
  t.match(agent, { state: 'ready', reason, code: 'memory-fetching', progress: 0.013 });
  t.match(await ask('What is the gate code?'), { state: 'done', usage: { partialMemory: part } });
  t.match(JSON.stringify(seen), /it has 130 of 10,000 entries, the newest and the most important ones/);
  part = null;
  t.notMatch(await ask('And now?'), { usage: { partialMemory: {} } });
  t.notMatch(JSON.stringify(seen.at(-1)), /on the way here/);
});

t.test('an answer that cannot be remembered is a failed turn that is tried again', async (t) => {
  const { ask, memory } = setup(t, null);
  await memory.close();
  t.match(await ask('hello'), { state: 'failed', problem: { code: 'memory-not-stored', retryable: true } });
});

t.test(
  'a turn that is to tell how it came about: what was recalled, each call of a tool, the prompt as sent',
  async (t) => {
    let round = 0;
    const { agent, ask } = setup(t, async function* () {
      round++;
      if (round === 2)
        yield { type: 'tool-calls', calls: [{ id: 'c', name: 'remember', arguments: { text: 'Rex is a dog.' } }] };
      else yield { type: 'text', text: 'Noted.' };
      yield end(round === 2 ? 'tool-calls' : 'stop');
    });
    t.equal('trace' in (await ask('My dog is called Rex.')), false, 'nobody asked');
    const task = {
      task: 't2',
      attempt: 1,
      prompt: 'What is my dog called?',
      trace: true,
      turns: [{ said: 'Hello', answered: 'Hi.' }],
    };
    const told = await agent.run({ ...task, signal: new AbortController().signal }, () => {});
    if (told.state !== 'done' || !told.trace) throw new Error(JSON.stringify(told));
    const { recalled, calls, messages, isCut } = told.trace;
    t.match(recalled, [{ kind: 'turn', text: /^User: My dog is called Rex\./ }]);
    t.match(calls, [{ name: 'remember', arguments: '{"text":"Rex is a dog."}' }]);
    t.same(
      messages.map(({ role }) => role),
      ['system', 'user', 'assistant', 'user'],
      'without what the tools added',
    );
    t.match(messages.at(-1)?.content, /My dog is called Rex[\s\S]*What is my dog called\?$/);
    t.notOk(isCut);
  },
);

t.test('what is told of a turn is bounded', async (t) => {
  const { agent, assigned } = setup(t, async function* () {
    yield { type: 'text', text: 'Long.' };
    yield end();
  });
  assigned.spec.limits.contextTokens = 8_192;
  const turns = Array.from({ length: 3 }, (_, i) => ({
    said: `${i}${'ü'.repeat(1_000)}`,
    answered: 'ö'.repeat(1_000),
  }));
  const task = { task: 't2', attempt: 1, prompt: '"'.repeat(8_100), trace: true, turns };
  const told = await agent.run({ ...task, signal: new AbortController().signal }, () => {});
  if (told.state !== 'done' || !told.trace) throw new Error(JSON.stringify(told));
  t.ok(Buffer.byteLength(JSON.stringify(told.trace)) <= maxTraceBytes);
  t.ok(told.trace.isCut);
  t.match(told.trace.messages.at(-1)?.content, /…$/);
});

t.test('pictures stand beside the question; a model that sees none is not asked', async (t) => {
  const seen: ChatRequest[] = [];
  const { agent, assigned } = setup(t, async function* (request) {
    seen.push(structuredClone(request));
    yield { type: 'text', text: 'A dog.' };
    yield end();
  });
  const task = {
    task: 't2',
    attempt: 1,
    prompt: 'What is it?',
    images: ['AAAA'],
    turns: [{ said: 'Hello', answered: 'Hi.' }],
  };
  const signal = new AbortController().signal;
  t.match(await agent.run({ ...task, signal }, () => {}), { state: 'done' });
  t.same(
    seen[0]?.messages.map(({ images }) => images),
    [undefined, undefined, undefined, ['AAAA']],
  );
  assigned.model = 'blind';
  t.match(await agent.run({ ...task, signal }, () => {}), { state: 'failed', problem: { text: /blind/ } });
  t.equal(seen.length, 1);
});

t.test('about to leave its node it begins no turn, and what runs ends', async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { agent, ask, log } = setup(t, async function* () {
    await promise;
    yield { type: 'text', text: 'late' };
    yield end();
  });
  const running = ask('One?');
  await turnOfLoop();
  agent.leaving = true;
  t.match(agent, { state: 'ready', code: 'memory-leaving', reason: 'waits for the end of 1 turn' });
  t.match(await ask('Two?'), { state: 'failed', problem: { code: 'agent-stopped', retryable: true } });
  let isIdle = false;
  const idle = agent.idle().then(() => {
    isIdle = true;
  });
  await turnOfLoop();
  t.notOk(isIdle);
  resolve();
  t.match(await running, { state: 'done', result: 'late' });
  await idle;
  t.equal(log.status.ackedSeq, 0);
  t.match(agent.reason, /^(waits for \d+ entr(y|ies)|all of its memory is brought)$/);
  agent.leaving = false;
  t.match(await ask('Three?'), { state: 'done' });
});

t.test('a picture of the camera is shown to the model with the answers of its tools, two a round', async (t) => {
  const seen: ChatRequest[] = [];
  let stills = 0;
  const board = { still: async () => `still-${++stills}` } as unknown as BoardTools;
  const script: Script = async function* (request) {
    seen.push(structuredClone(request));
    if (seen.length === 1) {
      const calls = [1, 2, 3].map((n) => ({ id: `c${n}`, name: 'camera_still', arguments: {} }));
      yield { type: 'tool-calls', calls };
      yield end('tool-calls');
      return;
    }
    yield { type: 'text', text: 'A cat.' };
    yield end();
  };
  const { ask } = setup(t, script, { board });
  t.match(await ask('What do you see?'), { state: 'done', result: 'A cat.', usage: { toolCalls: 3 } });
  t.match(seen[1]?.messages.slice(-2), [
    { role: 'tool', content: 'The picture follows.' },
    { role: 'user', images: ['still-1', 'still-2'] },
  ]);
});
