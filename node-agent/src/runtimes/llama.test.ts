// The embedded runtime beyond the suite: crashes, orphans, busy slots, damaged files, too little memory. Everything here uses the real
// child process; tests that need a model use the real one.
import { fork } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ChatEvent, ChatRequest } from '@blackroad/model-server/chat';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { systemRandom } from '@blackroad/std/random';
import t, { type Test } from 'tap';
import { cosine, pair } from '../../../test/conformance/runtime.ts';
import { testModels } from '../../../test/fixtures/node-agent/test-models.ts';
import { createLlama, type LlamaOptions } from './llama.ts';

t.setTimeout(120_000);
const never = new AbortController().signal;
const common = { clock: systemClock, random: systemRandom, log: silentLog };
const models = await testModels();
const skip = 'skip' in models ? models.skip : false;
if (skip) t.comment(skip);

const story: ChatRequest = {
  model: 'smollm2-135m-instruct',
  messages: [{ role: 'user', content: 'Tell a very long story.' }],
  maxTokens: 600,
  sampling: { temperature: 0 },
};

function subject(t: Test, more: Partial<LlamaOptions> = {}) {
  const modelsDir = 'skip' in models ? '' : models.modelsDir;
  const llama = createLlama({ ...common, modelsDir, contextTokens: 1024, slots: 1, ...more });
  t.teardown(() => llama.close());
  return llama;
}

async function drain(stream: AsyncIterable<ChatEvent>): Promise<string> {
  let text = '';
  for await (const event of stream) if (event.type === 'text') text += event.text;
  return text;
}

/** Resolves at the first text; `rest` reads the others. */
async function begun(stream: AsyncIterable<ChatEvent>): Promise<{ rest: Promise<string> }> {
  const iterator = stream[Symbol.asyncIterator]();
  await iterator.next();
  const rest = drain({ [Symbol.asyncIterator]: () => iterator });
  rest.catch(() => {});
  return { rest };
}

// One runtime for most tests: starting the child and loading costs seconds on a small machine. The tests can advance its time.
let laterMs = 0;
let tick = () => {};
const clock = {
  ...systemClock,
  monotonicMs: () => systemClock.monotonicMs() + laterMs,
  every(_periodMs: number, run: () => void) {
    tick = run;
    return { cancel() {} };
  },
};
const shared = createLlama({
  ...common,
  clock,
  modelsDir: 'skip' in models ? '' : models.modelsDir,
  contextTokens: 1024,
  slots: 2,
  idleMs: 60_000,
});
t.teardown(() => shared.close());

t.test('the same prompt is read from the cache the second time', { skip }, async (t) => {
  const usages = [];
  for (let i = 0; i < 2; i++) {
    for await (const event of shared.chat({ ...story, maxTokens: 4 }, never))
      if (event.type === 'end') usages.push(event.usage);
  }
  t.equal(usages[0]?.cachedTokens, 0);
  t.ok(usages[0]!.loadMs > 0, 'the first one paid for the load');
  t.equal(usages[1]?.loadMs, 0);
  t.ok(usages[1]!.cachedTokens! > 0);
});

t.test('uses the template inside the file: the same weights say here what they said in Ollama', { skip }, async (t) => {
  const messages: ChatRequest['messages'] = [
    { role: 'system', content: 'You are greeter.' },
    { role: 'user', content: 'Say hello.' },
  ];
  const text = await drain(shared.chat({ ...story, messages, maxTokens: 12 }, never));
  t.equal(text, 'Hello there! How can I assist you today?');
});

t.test('an answer can be forced into a JSON schema', { skip }, async (t) => {
  const schema = { type: 'object', properties: { colour: { type: 'string', maxLength: 20 } }, required: ['colour'] };
  const messages: ChatRequest['messages'] = [{ role: 'user', content: 'Give a colour as JSON.' }];
  const text = await drain(shared.chat({ ...story, messages, schema, maxTokens: 60 }, never));
  t.type(JSON.parse(text).colour, 'string');
});

t.test('MiniLM made by minilm.ts: related sentences near, unrelated ones not', { skip }, async (t) => {
  const texts = [...pair, 'My favourite soup is tomato.', ''];
  const [open, closed, soup, empty] = await shared.embed('minilm', texts, never);
  t.ok(Math.abs(cosine(open!, closed!) - 0.65) < 0.02, `cosine ${cosine(open!, closed!)}`);
  t.ok(cosine(open!, soup!) < 0.1);
  t.equal(empty?.length, 0, 'an empty text has none: its zeros are near to nothing');
  // The vectors that a real Ollama returned for the same model file format.
  const { exchangesOf } = await import('../../../test/fixtures/node-agent/replay-server.ts');
  const recorded = JSON.parse(exchangesOf('ollama').get('embed-two')!.response.lines[0]!.line).embeddings as number[][];
  t.ok(cosine(open!, Float32Array.from(recorded[0]!)) > 0.999);
});

t.test(
  'several answers at once, one refused when all slots are busy, an aborted slot is free again',
  { skip },
  async (t) => {
    const abort = new AbortController();
    const one = await begun(shared.chat(story, abort.signal));
    const two = await begun(shared.chat(story, abort.signal));
    await t.rejects(drain(shared.chat(story, never)), { code: 'overloaded', message: /all 2 slots are busy/ });
    abort.abort();
    await t.rejects(one.rest, { code: 'aborted' });
    await t.rejects(two.rest, { code: 'aborted' });
    t.match(
      await drain(shared.chat({ ...story, maxTokens: 8 }, never)),
      /\w/,
      'at once, without waiting for the abort to arrive',
    );
  },
);

t.test('puts down what nobody used, and its process', { skip }, async (t) => {
  laterMs += 30_000;
  tick();
  t.type(shared.childPid, 'number');
  laterMs += 31_000;
  tick();
  t.equal(shared.childPid, undefined);
  t.strictSame(
    (await shared.models()).map((model) => model.resident),
    [false, false],
  );
  t.match(await drain(shared.chat({ ...story, maxTokens: 4 }, never)), /\w/, 'and takes it up again');
});

t.test('a crash of the child is one lost answer, and the next one starts it anew', { skip }, async (t) => {
  const lost = await begun(shared.chat(story, never));
  const first = shared.childPid!;
  process.kill(first, 'SIGSEGV');
  await t.rejects(lost.rest, { code: 'unavailable', message: /crashed \(SIGSEGV\)/, retryable: true });
  t.equal((await shared.models()).find((model) => model.kind === 'chat')?.resident, false);
  t.match(await drain(shared.chat({ ...story, maxTokens: 8 }, never)), /\w/);
  t.not(shared.childPid, first);
});

t.test('a child that keeps crashing is started later and later', { skip }, async (t) => {
  const llama = subject(t);
  for (let crash = 0; crash < 2; crash++) {
    const loading = llama.load('smollm2-135m-instruct');
    process.kill(llama.childPid ?? (await childOf(llama)), 'SIGKILL');
    await t.rejects(loading, { code: 'unavailable' });
  }
  await t.rejects(llama.load('smollm2-135m-instruct'), {
    code: 'unavailable',
    message: /crashed 2 times; it starts again in/,
  });
});

async function childOf(llama: { childPid: number | undefined }): Promise<number> {
  while (llama.childPid === undefined) await new Promise(setImmediate);
  return llama.childPid;
}

t.test('the child ends when its parent is killed', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'blackroad-orphan-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const script = join(folder, 'parent.mjs');
  const child = fileURLToPath(new URL('../../../model-server/src/llama/llama-child.ts', import.meta.url));
  await writeFile(
    script,
    `import { fork } from 'node:child_process';
     const child = fork(${JSON.stringify(child)}, [], { execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
     process.send(child.pid);
     setInterval(() => {}, 1000);`,
  );
  const parent = fork(script, [], { execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  const pid = await new Promise<number>((resolve) => parent.once('message', (message) => resolve(message as number)));
  t.ok(await isRunning(pid));
  parent.kill('SIGKILL');
  while (await isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
  t.pass('it is gone');
});

// A zombie that init has not collected yet does not count as running.
async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !/\) [ZX] /.test(stat);
}

t.test('memory: fewer slots, then a shorter context, then refused with figures', { skip }, async (t) => {
  const mib = 1024 ** 2;
  const tight = subject(t, { slots: 4, contextTokens: 4096, freeMemoryBytes: () => 300 * mib });
  await tight.load('smollm2-135m-instruct');
  const [model] = (await tight.models()).filter((each) => each.kind === 'chat');
  t.match(model, { slots: 1, resident: true });
  t.ok(model!.contextTokens >= 1024 && model!.contextTokens < 4096, `${model!.contextTokens}`);
  const none = subject(t, { freeMemoryBytes: () => 100 * mib });
  await t.rejects(none.load('smollm2-135m-instruct'), {
    code: 'refused',
    message: /needs \d+ MiB of memory, 100 MiB are free/,
  });
});

t.test('memory: a resting chat model makes room for another, one that works does not', { skip }, async (t) => {
  if ('skip' in models) return;
  const modelsDir = await mkdtemp(join(tmpdir(), 'blackroad-room-'));
  t.teardown(() => rm(modelsDir, { recursive: true }));
  for (const name of ['one.gguf', 'two.gguf']) await symlink(models.chat, join(modelsDir, name));
  await symlink(models.embed, join(modelsDir, 'vectors.gguf'));
  const mib = 1024 ** 2;
  /** This many readings of the memory report too little. */
  let short = 0;
  const llama = subject(t, { modelsDir, freeMemoryBytes: () => (short-- > 0 ? 120 : 400) * mib });
  const resident = async () => {
    const names = (await llama.models()).filter((each) => each.resident).map(({ name }) => name);
    return names.toSorted();
  };
  await llama.load('vectors');
  await llama.load('one');
  const busy = await begun(llama.chat({ ...story, model: 'one', maxTokens: 100 }, never));
  short = Number.POSITIVE_INFINITY;
  await t.rejects(llama.load('two'), { code: 'refused', message: /two needs \d+ MiB of memory, 120 MiB are free/ });
  t.strictSame(await resident(), ['one', 'vectors'], 'nothing goes where that would not help');
  await busy.rest;
  short = 0;
  await llama.load('two');
  t.strictSame(await resident(), ['one', 'two', 'vectors'], 'with room nothing is put down');
  await llama.unload('two');
  short = 2;
  await llama.load('two');
  t.strictSame(await resident(), ['two', 'vectors'], 'room was made and found; the embedding model is the last to go');
});

t.test(
  'put down by hand: at once, not while it works, and the next answer says what loading took',
  { skip },
  async (t) => {
    const busy = await begun(shared.chat({ ...story, maxTokens: 100 }, never));
    await t.rejects(shared.unload('smollm2-135m-instruct'), { code: 'overloaded', message: /in use by 1 requests/ });
    await busy.rest;
    const before = (await shared.models()).find((each) => each.kind === 'chat')!;
    t.ok(before.residentBytes > before.sizeBytes, `${before.residentBytes}: weights and contexts`);
    await shared.unload('smollm2-135m-instruct');
    t.match(
      (await shared.models()).find((each) => each.kind === 'chat'),
      { resident: false, residentBytes: 0 },
    );
    const events = [];
    for await (const event of shared.chat({ ...story, maxTokens: 4 }, never)) events.push(event);
    t.match(events.at(-1), { type: 'end' });
    const [end] = events.filter((event) => event.type === 'end');
    t.ok(end!.usage.loadMs > 0);
  },
);

t.test('fetches what the catalogue has', { skip }, async (t) => {
  const steps = [];
  for await (const step of shared.pull('smollm2:135m')) steps.push(step);
  t.match(steps.at(-1), { status: 'success', completedBytes: 98_362_432 });
  t.equal(shared.canFetch?.('SmolLM2:135M'), 'chat');
  t.equal(shared.canFetch?.('all-minilm:latest'), 'embed');
  t.equal(shared.canFetch?.('llama3.1:8b'), null, 'and offers no other');
  t.ok(shared.fetchable?.includes('qwen2.5:1.5b'));
});

t.test('damaged files are left out of the list, and refused with the reason', async (t) => {
  const modelsDir = await mkdtemp(join(tmpdir(), 'blackroad-damaged-'));
  t.teardown(() => rm(modelsDir, { recursive: true }));
  await writeFile(join(modelsDir, 'page.gguf'), '<html>not found</html>');
  await writeFile(join(modelsDir, 'cut.gguf'), Buffer.concat([Buffer.from('GGUF'), Buffer.alloc(20, 3)]));
  const llama = subject(t, { modelsDir });
  t.strictSame(await llama.models(), []);
  await t.rejects(llama.load('page'), { code: 'refused', message: /does not begin with GGUF/ });
  await t.rejects(llama.load('cut'), { code: 'refused' });
});

t.test('a file with a good header and no weights is refused, and the runtime lives on', { skip }, async (t) => {
  if ('skip' in models) return;
  const modelsDir = await mkdtemp(join(tmpdir(), 'blackroad-cut-'));
  t.teardown(() => rm(modelsDir, { recursive: true }));
  const whole = await readFile(models.chat);
  await writeFile(join(modelsDir, 'half.gguf'), whole.subarray(0, whole.length >> 1));
  const llama = subject(t, { modelsDir });
  await t.rejects(llama.load('half'), { code: /refused|unavailable/ });
  t.match(await llama.models(), [{ name: 'half', resident: false }]);
});
