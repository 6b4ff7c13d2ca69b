import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { systemRandom } from '@blackroad/std/random';
import t, { type Test } from 'tap';
import { type Replay, startReplay } from '../../../test/fixtures/node-agent/replay-server.ts';
import { findRuntimes, serverAnswers } from './find.ts';
import type { Runtime } from './runtime.ts';

// A port without a listener: it was released a moment ago.
async function deadUrl(): Promise<string> {
  const replay = await startReplay('ollama', () => 'version');
  await replay.close();
  return replay.url;
}

const ollama = (): Promise<Replay> =>
  startReplay('ollama', ({ path }) =>
    path === '/api/version' ? 'version' : path === '/api/tags' ? 'tags' : 'ps-two-resident',
  );
const llamaServer = (): Promise<Replay> =>
  startReplay(
    'llama-server',
    ({ path }) =>
      ({ '/health': 'health', '/v1/models': 'models', '/props': 'props', '/v1/embeddings': 'embeddings-not-enabled' })[
        path
      ] ?? 'unknown-route',
  );

async function folder(t: Test): Promise<string> {
  const modelsDir = await mkdtemp(join(tmpdir(), 'blackroad-find-'));
  t.teardown(() => rm(modelsDir, { recursive: true }));
  return modelsDir;
}

const common = { clock: systemClock, random: systemRandom, log: silentLog };

const kindsOf = (runtimes: Runtime[]) => runtimes.map((runtime) => runtime.kind);
async function closed(runtimes: Runtime[]): Promise<void> {
  for (const runtime of runtimes) await runtime.close();
}

t.test('an Ollama that answers is taken, whatever else is given', async (t) => {
  const [one, other] = [await ollama(), await llamaServer()];
  t.teardown(() => Promise.all([one.close(), other.close()]));
  const found = await findRuntimes({ ...common, ollamaUrl: one.url, openAiUrl: other.url, modelsDir: await folder(t) });
  t.strictSame(kindsOf(found), ['ollama', 'llama']);
  t.strictSame(
    found.map(({ standsIn }) => standsIn ?? false),
    [false, true],
    'the embedded one serves only what Ollama has none of',
  );
  await closed(found);
});

t.test('else the server given by URL', async (t) => {
  const server = await llamaServer();
  t.teardown(() => server.close());
  const modelsDir = await folder(t);
  const found = await findRuntimes({ ...common, ollamaUrl: await deadUrl(), openAiUrl: `${server.url}/v1`, modelsDir });
  t.strictSame(kindsOf(found), ['openai', 'llama']);
  t.equal(found[0]!.label, `llama-server at ${server.url}`);
  await closed(found);
});

t.test('with nothing at all the embedded runtime is left; no Ollama wanted, none asked', async (t) => {
  const modelsDir = join(await folder(t), 'not-there');
  for (const ollamaUrl of [await deadUrl(), null]) {
    const found = await findRuntimes({ ...common, ollamaUrl, modelsDir });
    t.strictSame(kindsOf(found), ['llama']);
    t.notOk(found[0]!.standsIn);
    t.strictSame(await found[0]!.models(), []);
    await closed(found);
  }
});

t.test('whether a server answers can be asked again without taking it', async (t) => {
  const replay = await ollama();
  t.teardown(() => replay.close());
  const modelsDir = await folder(t);
  t.equal(await serverAnswers({ ...common, ollamaUrl: replay.url, modelsDir }), true);
  t.equal(await serverAnswers({ ...common, ollamaUrl: await deadUrl(), modelsDir }), false);
});
