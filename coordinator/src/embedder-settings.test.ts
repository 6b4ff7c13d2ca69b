// The options of the coordinator's own embedder: what they mean, and what is said of a file that is none.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ggufChunks } from '@blackroad/model-server/weights/gguf-write';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { systemRandom } from '@blackroad/std/random';
import t from 'tap';
import { readConfig } from './config.ts';
import { embedderOf } from './embedder-settings.ts';

const data = mkdtempSync(join(tmpdir(), 'fleet-embedder-options-'));
t.teardown(() => rmSync(data, { recursive: true, force: true }));
const parts = {
  data,
  store: { vectorSamples: async () => [] },
  clock: systemClock,
  random: systemRandom,
  log: silentLog,
};
const of = (...args: string[]) => embedderOf(readConfig(args, {}), parts);
function gguf(name: string, architecture: string): string {
  const path = join(data, name);
  const text = (key: string, value: string) => ({ key, type: 'string' as const, value });
  const number = (key: string, value: number) => ({ key, type: 'u32' as const, value });
  const entries = [
    text('general.architecture', architecture),
    number(`${architecture}.context_length`, 512),
    number(`${architecture}.embedding_length`, 8),
    ...(architecture === 'bert'
      ? [number('bert.pooling_type', 1)]
      : [text('tokenizer.chat_template', '{{ messages }}')]),
  ];
  writeFileSync(path, Buffer.concat([...ggufChunks(entries, [])]));
  return path;
}

t.test('which model it has', async (t) => {
  t.equal(of()?.model, 'all-minilm-l6-v2');
  t.equal(of('--embedder', 'off'), null);
  const named = of('--embedder-file', gguf('Nomic-Embed-Text.gguf', 'bert'));
  t.equal(named?.model, 'nomic-embed-text', 'the name of its file');
  t.ok(named?.makes('nomic-embed-text:latest'));
  t.notOk(named?.makes('all-minilm'));
  t.equal(
    of('--embedder-file', gguf('all-minilm-l6-v2-q8_0.gguf', 'bert'))?.model,
    'all-minilm-l6-v2',
    'a file of the catalogue',
  );
});

t.test('a file that is none', async (t) => {
  const expected = '--embedder-file: expected a GGUF file of an embedding model, got';
  t.throws(() => of('--embedder-file', join(data, 'none.gguf')), {
    name: 'OptionError',
    message: new RegExp(`^${expected} ENOENT`),
  });
  t.throws(() => of('--embedder-file', data), { message: `${expected} the folder ${data}.` });
  const chats = gguf('chats.gguf', 'llama');
  t.throws(() => of('--embedder-file', chats), { message: `${expected} a model that chats: ${chats}.` });
  writeFileSync(join(data, 'text.gguf'), 'no model');
  t.throws(() => of('--embedder-file', join(data, 'text.gguf')), { name: 'OptionError', message: /text\.gguf: / });
  t.throws(() => of('--embedder', 'off', '--embedder-file', chats), {
    message: '--embedder-file: expected --embedder on with it, got --embedder off.',
  });
});
