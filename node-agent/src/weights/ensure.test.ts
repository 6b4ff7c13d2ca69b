import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { ggufChunks } from '@blackroad/model-server/weights/gguf-write';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { systemRandom } from '@blackroad/std/random';
import t, { type Test } from 'tap';
import { testModels } from '../../../test/fixtures/node-agent/test-models.ts';
import { ensureModels } from './ensure.ts';

// A machine without hub and index: addresses that never resolve, and a version that pip cannot find either.
const offline = {
  kinds: ['chat', 'embed'] as const,
  clock: systemClock,
  random: systemRandom,
  log: silentLog,
  memoryBytes: 8e9,
  diskFreeBytes: 50e9,
  hubUrl: 'http://hub.invalid',
  pipIndexUrl: 'http://index.invalid/simple',
};

async function folder(t: Test): Promise<string> {
  const modelsDir = await mkdtemp(join(tmpdir(), 'blackroad-ensure-'));
  t.teardown(() => rm(modelsDir, { recursive: true, force: true }));
  return modelsDir;
}

t.test('what is there is used: the owner’s own file, the catalogue’s when it is whole', async (t) => {
  const models = await testModels();
  if ('skip' in models) return void t.pass(models.skip, { skip: models.skip });
  const modelsDir = await folder(t);
  const own = join(modelsDir, 'my-own.gguf');
  const architecture = { key: 'general.architecture', type: 'string', value: 'llama' } as const;
  await writeFile(own, Buffer.concat([...ggufChunks([architecture], [])]));
  await copyFile(models.embed, join(modelsDir, basename(models.embed)));
  t.strictSame(await ensureModels({ ...offline, modelsDir }), {
    chat: own,
    embed: join(modelsDir, basename(models.embed)),
    problems: [],
  });
});

t.test('without a network: no error, but what is missing and what would help', async (t) => {
  const modelsDir = await folder(t);
  const abort = new AbortController();
  const ensured = await ensureModels({ ...offline, modelsDir, signal: abort.signal });
  t.equal(ensured.chat, undefined);
  t.equal(ensured.embed, undefined);
  t.equal(ensured.problems.length, 2);
  t.match(ensured.problems[0]?.text, /^no chat model: agents cannot answer\. hub\.invalid cannot be reached/);
  t.match(ensured.problems[0]?.text, new RegExp(`To fix it: put a GGUF file into ${modelsDir}`));
  t.match(ensured.problems[1]?.text, /^no embedding model: memory is searched by words only/);
});

t.test('a machine too small for any says so without asking anybody', async (t) => {
  const modelsDir = await folder(t);
  const { problems } = await ensureModels({ ...offline, modelsDir, memoryBytes: 3e8 });
  t.match(problems[0]?.text, /^no chat model: the smallest chat model needs 512 MiB of memory/);
});

t.test('only the kinds that lack are fetched', async (t) => {
  const modelsDir = await folder(t);
  const begun: string[] = [];
  const { problems } = await ensureModels({
    ...offline,
    kinds: ['embed'],
    modelsDir,
    onProgress: ({ entry }) => begun.push(entry.kind),
  });
  t.strictSame(
    problems.map(({ kind }) => kind),
    ['embed'],
  );
  t.notOk(begun.includes('chat'), 'a chat model that a server has is not fetched again');
});
