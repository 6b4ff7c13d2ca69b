import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { systemRandom } from '@blackroad/std/random';
import t, { type Test } from 'tap';
import { testModels } from '../../../test/fixtures/models.ts';
import { type Replay, startReplay } from '../../../test/fixtures/replay-server.ts';
import { findRuntimes, serverAnswers } from './find.ts';

// A port where nothing listens: it was free a moment ago.
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

t.test('an Ollama that answers is taken, whatever else is given', async (t) => {
  const [one, other] = [await ollama(), await llamaServer()];
  t.teardown(() => Promise.all([one.close(), other.close()]));
  const found = await findRuntimes({ ...common, ollamaUrl: one.url, openAiUrl: other.url, modelsDir: await folder(t) });
  t.strictSame(
    found.runtimes.map((runtime) => runtime.kind),
    ['ollama'],
  );
  t.strictSame(found.notes, [`found ollama at ${one.url}`]);
  await found.runtimes[0]!.close();
});

t.test('else the server given by URL; what it lacks is said with a cure', async (t) => {
  const server = await llamaServer();
  t.teardown(() => server.close());
  const modelsDir = await folder(t);
  const found = await findRuntimes({ ...common, ollamaUrl: await deadUrl(), openAiUrl: `${server.url}/v1`, modelsDir });
  t.strictSame(
    found.runtimes.map((runtime) => runtime.kind),
    ['openai'],
  );
  t.strictSame(found.notes, [
    `found llama-server at ${server.url}`,
    `llama-server at ${server.url} has no embedding model: memory is searched by words only; put a GGUF file into ${modelsDir}`,
  ]);
  await found.runtimes[0]!.close();
});

t.test('the models folder stands in for the kind a server lacks', async (t) => {
  const models = await testModels();
  if ('skip' in models) return void t.pass(models.skip, { skip: models.skip });
  const server = await llamaServer();
  t.teardown(() => server.close());
  const found = await findRuntimes({
    ...common,
    ollamaUrl: await deadUrl(),
    openAiUrl: server.url,
    modelsDir: models.modelsDir,
  });
  t.strictSame(
    found.runtimes.map((runtime) => runtime.kind),
    ['openai', 'llama'],
  );
  const standIn = await found.runtimes[1]!.models();
  t.strictSame(
    standIn.map((model) => model.kind),
    ['embed'],
    'only the kind that is missing',
  );
  for (const runtime of found.runtimes) await runtime.close();
});

t.test('with nothing at all the embedded runtime says what would help', async (t) => {
  const modelsDir = join(await folder(t), 'not-there');
  const ollamaUrl = await deadUrl();
  const openAiUrl = await deadUrl();
  const found = await findRuntimes({ ...common, ollamaUrl, openAiUrl, modelsDir });
  t.strictSame(
    found.runtimes.map((runtime) => runtime.kind),
    ['llama'],
  );
  t.strictSame(await found.runtimes[0]!.models(), []);
  t.match(found.notes[0], openAiUrl);
  t.match(found.notes.join('\n'), /no chat model there: agents cannot answer; put a GGUF file into/);
  await found.runtimes[0]!.close();
});

t.test('whether a server answers can be asked again without taking it', async (t) => {
  const replay = await ollama();
  t.teardown(() => replay.close());
  const modelsDir = await folder(t);
  t.equal(await serverAnswers({ ...common, ollamaUrl: replay.url, modelsDir }), true);
  t.equal(await serverAnswers({ ...common, ollamaUrl: await deadUrl(), modelsDir }), false);
});
