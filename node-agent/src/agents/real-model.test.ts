// The smallest real models: an agent uses what a person told it before, and recall finds memories by meaning without a shared word.
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { systemRandom } from '@blackroad/std/random';
import t from 'tap';
import { testModels } from '../../../test/fixtures/node-agent/test-models.ts';
import { assignedAgent } from '../../../test/fixtures/node-agent/tiny-coordinator.ts';
import type { Embedder } from '../memory/agent-memory.ts';
import { createNodeMemory } from '../memory/node-memory.ts';
import { createLlama } from '../runtimes/llama.ts';
import { createAgent } from './agent.ts';
import { toolBoxFor } from './tool-box.ts';

const models = await testModels();
const skip = 'skip' in models ? models.skip : false;

t.test('a 135M model answers from memory', { skip }, async (t) => {
  if ('skip' in models) return;
  const runtime = createLlama({
    modelsDir: models.modelsDir,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
  });
  const known = await runtime.models();
  const chat = known.find((model) => model.kind === 'chat')!;
  const embedding = known.find((model) => model.kind === 'embed')!;
  const embed: Embedder = async (texts, signal) => ({
    model: embedding.name,
    vectors: await runtime.embed(embedding.name, texts, signal),
  });
  const memory = createNodeMemory({
    dir: ':memory:',
    node: 'alice',
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    embed,
  });
  // Our timers and the model's child process do not keep a process alive by themselves.
  const alive = setInterval(() => {}, 1_000);
  t.teardown(async () => {
    clearInterval(alive);
    await memory.close();
    await runtime.close();
  });
  const assigned = assignedAgent('greeter', 1, { baseSeq: 0, baseHash: 'genesis', from: null });
  assigned.spec.instructions = 'You are a friendly assistant. Answer in one or two short sentences.';
  assigned.spec.limits.maxTokens = 80;
  assigned.model = chat.name;
  const log = memory.open(assigned);
  const facts = () => ['This node is called alice. It is a Linux computer with 2 CPU cores and 8 GB of memory.'];
  const agent = createAgent(assigned, {
    runtimeFor: () => runtime,
    modelStand: () => ({ state: 'ready', reason: '' }),
    enter: async () => () => {},
    memory: log,
    tools: toolBoxFor([], {
      agent: 'greeter',
      memory: log,
      facts,
      mayActOutside: () => true,
      publish: () => true,
      clock: systemClock,
      log: silentLog,
    }),
    facts,
    mayActOutside: () => true,
    clock: systemClock,
    log: silentLog,
    parametersB: () => chat.parametersB,
    contextTokens: () => chat.contextTokens,
    toolsSupported: () => chat.tools,
    sees: () => chat.sees !== false,
  });
  let attempt = 0;
  const ask = async (prompt: string) => {
    let streamed = '';
    const task = { task: `t${++attempt}`, attempt: 1, prompt, signal: new AbortController().signal };
    const end = await agent.run(task, ({ text }) => {
      streamed += text;
    });
    if (end.state !== 'done') throw new Error(JSON.stringify(end));
    t.equal(streamed, end.result, 'streamed as it came');
    t.comment(`${prompt} -> ${end.result} (recalled ${end.usage.recalled}, ${Math.round(end.usage.totalMs)} ms)`);
    return end;
  };

  await ask('My name is Ada. What can you do on this node?');
  await ask('How do I boil an egg?');
  const answer = await ask('What is my name?');
  t.match(answer.result, /Ada/);
  t.match((await ask('What is my name?')).result, /Ada/, 'also when it was asked before');

  await log.append({ kind: 'note', text: 'The garage door is open.', source: 'test', actorId: 'user:test' });
  await log.append({ kind: 'note', text: 'The cat prefers tuna.', source: 'test', actorId: 'user:test' });
  const found = await log.recall('Did somebody shut the carport?', 1, new AbortController().signal);
  t.equal(found.how, 'hybrid');
  t.equal(found.memories[0]?.text, 'The garage door is open.');
});
