// The model cache of the coordinator as people see it: what it holds, what it may hold, how much it has spared the line to the internet.
import { NodeId, TimeMs } from './ids.ts';
import { type Static, Type } from './typebox.ts';

const Bytes = (description: string) => Type.Integer({ minimum: 0, description });

export const maxCacheNames = 1000;
export const CachedName = Type.Object({
  name: Type.String({
    description:
      '`llama3.2:1b`, `someone/model:tag`, `hub:owner/name@revision/path` for a file of the hub, `ollama:version/archive` for a release of Ollama itself.',
  }),
  bytes: Bytes('Of all its files.'),
  heldBytes: Bytes('Of these, on the disk of the cache.'),
  usedMs: TimeMs,
  fetching: Type.Boolean({ description: 'Whether some of it is being fetched now.' }),
  readers: Type.Array(Type.Union([NodeId, Type.String()]), {
    description: 'Who reads it now: nodes, or addresses at the open port.',
  }),
});
export type CachedName = Static<typeof CachedName>;

export const ModelCacheView = Type.Object({
  on: Type.Boolean({ description: 'False: `--cache off`, and everything below is empty.' }),
  problem: Type.Nullable(Type.String({ description: 'Why nodes cannot read from it now.' })),
  port: Type.Nullable(Type.Integer({ description: 'For nodes, TLS; null while it does not listen.' })),
  openPort: Type.Nullable(Type.Integer({ description: 'For programs without a certificate, plain HTTP.' })),
  registry: Type.Nullable(Type.String({ description: 'Where models of Ollama are fetched; null: nowhere.' })),
  hub: Type.Nullable(Type.String({ description: 'Where GGUF and safetensors are fetched; null: nowhere.' })),
  bytesPerS: Type.Nullable(Type.Integer({ description: 'What all fetches together may take of the line.' })),
  heldBytes: Bytes('On the disk of the cache.'),
  maxBytes: Bytes('It may hold so much.'),
  diskFreeBytes: Bytes('Free on its disk.'),
  fetchedBytes: Bytes('Fetched from elsewhere since the cache was first used.'),
  servedBytes: Bytes('Given to nodes since then.'),
  savedBytes: Bytes('Given without having been fetched for it.'),
  names: Type.Array(CachedName, { maxItems: maxCacheNames, description: 'The last used first.' }),
});
export type ModelCacheView = Static<typeof ModelCacheView>;

export const CacheRemove = Type.Object(
  { name: Type.String({ minLength: 1, maxLength: 500, description: 'As the list has it.' }) },
  { additionalProperties: false },
);
export const CacheFreed = Type.Object({ bytes: Bytes('Freed.') });
