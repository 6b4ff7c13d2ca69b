// The coordinator's own embedder with a real MiniLM and a real process: what it costs at rest, what it makes, how it fails and comes back. Left out, with
// the reason, where the model cannot be fetched.
import { linkSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { systemRandom } from '@blackroad/std/random';
import t, { type Test } from 'tap';
import { testModels } from '../../../test/fixtures/node-agent/test-models.ts';
import { childWith } from '../../../test/fixtures/processes.ts';
import { until } from '../../../test/fixtures/until.ts';
import { Embedder } from './embedder.ts';

const models = await testModels(['embed']);
const skip = 'skip' in models ? models.skip : false;
const model = 'all-minilm-l6-v2';
const file = { path: 'skip' in models ? '' : models.embed, model };
const longMs = 30_000;
const child = () => childWith({ child: process } as never, 'llama-child');
const cosine = (a?: Float32Array, b?: Float32Array) => a!.reduce((sum, value, i) => sum + value * b![i]!, 0);

function opened(t: Test, more: Partial<ConstructorParameters<typeof Embedder>[0]> = {}) {
  const settings = { dir: '/nowhere', file, hubUrl: null, held: async () => null, ...more.settings };
  const parts = { samples: async () => [], clock: systemClock, random: systemRandom, log: silentLog };
  const embedder = new Embedder({ ...parts, ...more, settings });
  t.teardown(() => embedder.stop());
  return embedder;
}

t.test('it begins when it is needed and ends when nobody asks', { skip }, async (t) => {
  const hasty = {
    ...systemClock,
    after: (ms: number, run: () => void) => systemClock.after(ms >= 300_000 ? 50 : ms, run),
  };
  const embedder = opened(t, { clock: hasty });
  t.match(embedder.stand(), { state: 'resting', model, text: null });
  t.equal(child(), null);
  const [cat, kitten, router] = await embedder.embed(
    'all-minilm',
    ['The cat prefers tuna.', 'Which fish do kittens eat?', 'The router'],
    longMs,
  );
  t.equal(cat?.length, 384);
  t.ok(Math.abs(cosine(cat, cat) - 1) < 1e-5, 'of unit length');
  t.ok(cosine(cat, kitten) > 0.5 && cosine(cat, router) < 0.2, 'what means the same is near');
  t.equal(embedder.figures.texts, 3);
  t.ok(embedder.isRunning);
  await until(async () => !embedder.isRunning && child() === null);
  t.equal(embedder.stand().state, 'resting');
  t.equal((await embedder.embed(model, ['again'], longMs)).length, 1);
});

t.test('what it does not do', { skip }, async (t) => {
  const embedder = opened(t);
  await t.rejects(
    embedder.embed('nomic-embed-text', ['a'], longMs),
    { code: 'model-away' },
    'never with another model',
  );
  await t.rejects(embedder.embed(model, Array(257).fill('a'), longMs), { code: 'queue-full' });
  await t.rejects(embedder.embed(model, ['a'], 1), { code: 'deadline-passed' });
  t.equal(embedder.figures.failures, 1);
});

t.test('its process is killed while it works', { skip }, async (t) => {
  const embedder = opened(t);
  await embedder.embed(model, ['a'], longMs);
  const work = embedder.embed(model, Array(200).fill('a long text about many things '.repeat(40)), longMs);
  await until(async () => embedder.stand().state === 'working');
  process.kill(child() as number, 'SIGKILL');
  await t.rejects(work, { code: 'model-failed' }, 'one of the texts may have been the reason');
  await until(async () => (await embedder.embed(model, ['a'], longMs).catch(() => [])).length === 1);
});

t.test('its process hangs', { skip }, async (t) => {
  const hasty = {
    ...systemClock,
    after: (ms: number, run: () => void) => systemClock.after(ms === 60_000 ? 3_000 : ms, run),
  };
  const childPath = join(import.meta.dirname, '../../../test/fixtures/node-agent/scripted-child.ts');
  const embedder = opened(t, { clock: hasty, childPath });
  const scripted = () => childWith({ child: process } as never, 'scripted-child');
  await embedder.embed(model, ['a'], longMs);
  const first = scripted();
  await t.rejects(embedder.embed(model, ['hang'], 60_000), { code: 'deadline-passed' });
  await until(async () => (await embedder.embed(model, ['a'], longMs).catch(() => [])).length === 1);
  t.not(scripted(), first, 'another one answers');
});

t.test('a machine without the memory', { skip }, async (t) => {
  let free = 50e6;
  const embedder = opened(t, { freeMemoryBytes: () => free });
  await t.rejects(embedder.embed(model, ['a'], longMs), { code: 'model-away' });
  t.match(embedder.stand(), {
    state: 'failed',
    text: /^it could not load all-minilm-l6-v2: it needs 1\d\d MiB of memory, 4\d MiB are free$/,
  });
  t.equal(child(), null, 'nothing was started');
  free = 4e9;
  t.equal((await embedder.embed(model, ['a'], longMs)).length, 1);
  t.match(embedder.stand(), { state: 'ready', text: null });
});

t.test('a file that is another model than its name says', { skip }, async (t) => {
  const values = Float32Array.from({ length: 384 }, (_, i) => Math.sin(i));
  let samples = [{ text: 'The cat prefers tuna.', values }];
  const embedder = opened(t, { samples: async () => samples });
  await t.rejects(embedder.embed(model, ['a'], longMs), { code: 'model-away' });
  t.match(embedder.stand(), { state: 'failed', text: /it is another model$/ });
  samples = [{ text: 'The cat prefers tuna.', values: values.subarray(0, 100) }];
  await t.rejects(embedder.embed(model, ['a'], longMs), { code: 'model-away' }, 'of another length');
  samples = [];
  const [own] = await embedder.embed(model, ['The cat prefers tuna.'], longMs);
  samples = [{ text: 'The cat prefers tuna.', values: own!.map((value) => value * 3) }];
  t.equal((await embedder.embed(model, ['a'], longMs)).length, 1, 'the length of a vector means nothing');
});

t.test('the file of the catalogue', { skip }, async (t) => {
  if ('skip' in models) return;
  const dir = mkdtempSync(join(tmpdir(), 'fleet-embedder-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const looked: string[] = [];
  const held = async (sha256: string) => {
    looked.push(sha256);
    return null;
  };
  const embedder = opened(t, { settings: { dir, file: null, hubUrl: null, held } });
  t.notOk(embedder.isReady);
  await t.rejects(embedder.embed(model, ['a'], longMs), { code: 'model-away' });
  t.match(embedder.stand(), {
    state: 'failed',
    text: /^it could not fetch all-minilm-l6-v2: the model cache on this machine does not have/,
  });
  t.equal(looked.length, 1);
  await t.rejects(embedder.embed(model, ['a'], longMs), { code: 'model-away' });
  t.equal(looked.length, 1, 'it is not tried again at once');
  const fresh = opened(t, { settings: { dir, file: null, hubUrl: null, held } });
  for (const path of [models.embed, `${models.embed}.verified`]) linkSync(path, join(dir, basename(path)));
  t.ok(fresh.isReady);
  t.equal((await fresh.embed(model, ['a'], longMs)).length, 1);
});
