// The options of the coordinator's own embedder, and the embedder that they mean.
import { existsSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { modelNameOf } from '@blackroad/model-server/weights/catalogue';
import { readGguf } from '@blackroad/model-server/weights/gguf';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { OptionError, type Values } from '@blackroad/std/options';
import type { Random } from '@blackroad/std/random';
import { Embedder } from './embedder/embedder.ts';
import { CacheDisk } from './model-cache/disk.ts';
import type { Store } from './store/store.ts';

export const embedderOptions = {
  embedder: {
    type: 'choice',
    flag: 'embedder',
    env: 'BLACKROAD_EMBEDDER',
    default: 'on',
    choices: ['on', 'off'],
    text: "Whether the coordinator makes vectors of memories and of questions itself where no node has the fleet's embedding model, or none answers in time. It fetches that model then, and holds it in memory while it is needed (docs/memory.md).",
  },
  embedderFile: {
    type: 'text',
    flag: 'embedder-file',
    env: 'BLACKROAD_EMBEDDER_FILE',
    default: '',
    text: 'GGUF file of the embedding model that the coordinator makes vectors with; the name of the file without .gguf is that of the model. Empty: all-minilm-l6-v2, which it fetches.',
  },
} as const;

interface Settings extends Values<typeof embedderOptions> {
  cacheDir: string;
  cacheHub: string;
}

/** Null: it is switched off. @throws OptionError */
export function embedderOf(
  config: Settings,
  {
    data,
    store,
    ...parts
  }: { data: string; store: Pick<Store, 'vectorSamples'>; clock: Clock; random: Random; log: Log },
): Embedder | null {
  const { embedder, embedderFile, cacheDir, cacheHub } = config;
  if (embedder === 'off') {
    if (embedderFile) throw new OptionError('--embedder-file: expected --embedder on with it, got --embedder off.');
    return null;
  }
  const held = new CacheDisk(cacheDir ? resolve(cacheDir) : join(data, 'model-cache'));
  const settings = {
    dir: join(data, 'embedder'),
    file: embedderFile ? fileOf(resolve(embedderFile)) : null,
    hubUrl: cacheHub === 'none' ? null : cacheHub.replace(/\/+$/, ''),
    async held(sha256: string) {
      const path = held.wholePath(`sha256:${sha256}`);
      return existsSync(path) ? path : null;
    },
  };
  return new Embedder({ ...parts, settings, samples: (model) => store.vectorSamples(model) });
}

/** @throws OptionError */
function fileOf(path: string): { path: string; model: string } {
  const expected = '--embedder-file: expected a GGUF file of an embedding model';
  try {
    if (!statSync(path).isFile()) throw new OptionError(`${expected}, got the folder ${path}.`);
    const { kind } = readGguf(path);
    if (kind !== 'embed') throw new OptionError(`${expected}, got a model that chats: ${path}.`);
  } catch (error) {
    if (error instanceof OptionError) throw error;
    throw new OptionError(`${expected}, got ${(error as Error).message}.`);
  }
  return { path, model: modelNameOf(basename(path)) };
}
