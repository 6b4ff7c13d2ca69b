import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { systemRandom } from '@blackroad/std/random';
import t, { type Test } from 'tap';
import { type Replay, startReplay } from '../../../test/fixtures/node-agent/replay-server.ts';
import { createFinder } from './find.ts';
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

t.test('an Ollama that answers, and every server given by URL that does', async (t) => {
  const servers = [await ollama(), await llamaServer(), await llamaServer()];
  t.teardown(() => Promise.all(servers.map((server) => server.close())));
  const [one, two, three] = servers.map(({ url }) => url) as [string, string, string];
  const away = await deadUrl();
  const openAiUrls = [two, away, `${three}/v1`];
  const finder = createFinder({ ...common, ollamaUrl: one, openAiUrls, modelsDir: await folder(t) });
  const found = await finder.find();
  t.strictSame(
    found.map(({ label }) => label),
    [found[0]?.label, `llama-server at ${two}`, `llama-server at ${three}`, found[3]?.label],
  );
  t.strictSame(
    found.map(({ standsIn }) => standsIn ?? false),
    [false, false, false, true],
    'the embedded one serves only what the others have none of',
  );
  t.match(found[0]?.label, /^ollama/);
  t.strictSame(finder.absent(), [away]);
  t.equal(await finder.findMore(), null, 'the absent one still is');
  await closed(found);
});

t.test('a server that comes later joins those that are there, which stay as they are', async (t) => {
  const first = await llamaServer();
  const gone = await llamaServer();
  const port = Number(new URL(gone.url).port);
  await gone.close();
  const openAiUrls = [first.url, gone.url];
  const finder = createFinder({ ...common, ollamaUrl: await deadUrl(), openAiUrls, modelsDir: await folder(t) });
  const before = await finder.find();
  t.strictSame(kindsOf(before), ['openai', 'llama']);
  t.ok(finder.hasServer);
  const late = createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(request.url === '/v1/models' ? '{"data":[{"id":"late","owned_by":"vllm"}]}' : '{}');
  });
  await new Promise<void>((resolve) => late.listen(port, '127.0.0.1', resolve));
  t.teardown(async () => {
    late.closeAllConnections();
    late.close();
    await first.close();
  });
  const after = await finder.findMore();
  t.strictSame(kindsOf(after ?? []), ['openai', 'openai', 'llama']);
  t.equal(after?.[0], before[0], 'with what it has learned');
  t.match(after?.[1]?.label, /^vLLM at/);
  t.strictSame(finder.absent(), []);
  t.equal(await finder.findMore(), null, 'an Ollama that nobody named is not looked for beside a server');
  await closed([...before, ...(after ?? [])]);
});

t.test('with nothing at all the embedded runtime is left; no Ollama wanted, none asked', async (t) => {
  const modelsDir = join(await folder(t), 'not-there');
  for (const ollamaUrl of [await deadUrl(), null]) {
    const finder = createFinder({ ...common, ollamaUrl, modelsDir });
    const found = await finder.find();
    t.strictSame(kindsOf(found), ['llama']);
    t.notOk(found[0]!.standsIn);
    t.notOk(finder.hasServer);
    t.strictSame(await found[0]!.models(), []);
    await closed(found);
  }
});

t.test('an Ollama that starts after the node is found', async (t) => {
  const replay = await ollama();
  t.teardown(() => replay.close());
  const finder = createFinder({ ...common, ollamaUrl: replay.url, modelsDir: await folder(t) });
  const found = await finder.findMore();
  t.strictSame(kindsOf(found ?? []), ['ollama', 'llama']);
  t.equal(await finder.findMore(), null);
  await closed(found ?? []);
});
