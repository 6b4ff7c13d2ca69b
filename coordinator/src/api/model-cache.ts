// The model cache: what it holds, for people, and what they remove from it. All of it is asked of its process.
import { FleetError, type ModelCacheView, maxCacheNames, type Principal } from '@blackroad/protocol';
import type { ApiContext } from '../http/context.ts';
import type { Handlers } from '../http/handler.ts';

const off: ModelCacheView = {
  on: false,
  problem: null,
  port: null,
  openPort: null,
  registry: null,
  hub: null,
  bytesPerS: null,
  heldBytes: 0,
  maxBytes: 0,
  diskFreeBytes: 0,
  fetchedBytes: 0,
  servedBytes: 0,
  savedBytes: 0,
  names: [],
};

async function viewOf({ modelCache }: ApiContext): Promise<ModelCacheView> {
  if (!modelCache) return off;
  const { problem, port, openPort, settings, figures } = modelCache;
  const { heldBytes = 0, maxBytes = 0, diskFreeBytes = 0, fetchedBytes = 0, servedBytes = 0 } = figures ?? {};
  return {
    on: true,
    problem,
    port,
    openPort,
    registry: settings.registryUrl,
    hub: settings.hubUrl,
    bytesPerS: settings.bytesPerS,
    heldBytes,
    maxBytes,
    diskFreeBytes,
    fetchedBytes,
    servedBytes,
    savedBytes: Math.max(0, servedBytes - fetchedBytes),
    names: problem === null ? (await modelCache.call({ call: 'list' })).slice(0, maxCacheNames) : [],
  };
}

function cacheOf({ modelCache }: ApiContext) {
  if (modelCache) return modelCache;
  throw new FleetError('conflict', { detail: 'The model cache is switched off (--cache off).' });
}

async function audited(
  { coordinator }: ApiContext,
  by: Principal,
  note:
    | { action: 'cache-remove'; params: { name: string; bytes: number } }
    | { action: 'cache-prune'; params: { bytes: number } },
): Promise<{ bytes: number }> {
  await coordinator.submit('audit', { by, ...note });
  return { bytes: note.params.bytes };
}

export const modelCacheHandlers = {
  modelCache: ({ context }) => viewOf(context),
  async modelCacheRemove({ context, body: { name }, by }) {
    const bytes = await cacheOf(context).call({ call: 'remove', name });
    return audited(context, by, { action: 'cache-remove', params: { name, bytes } });
  },
  async modelCachePrune({ context, by }) {
    const bytes = await cacheOf(context).call({ call: 'prune' });
    return audited(context, by, { action: 'cache-prune', params: { bytes } });
  },
} satisfies Partial<Handlers>;
