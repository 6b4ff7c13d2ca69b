// The capacity of this node as it is reported to the fleet. Pure, but for the probes that it reads.
import { type ModelFetch, mixedPrice, type NodeCapacity, type NodeModel } from '@blackroad/protocol';
import type { Probes } from '../probes/probes.ts';
import type { Runtime } from '../runtimes/runtime.ts';

interface Known {
  probes: Pick<Probes, 'modelMemory' | 'diskFreeBytes'>;
  models: NodeModel[];
  /** Runtimes that can fetch a model that the node lacks. */
  fetchers: readonly Runtime[];
  fetches: ModelFetch[];
  evictable: string[];
  /** Why there is no chat model; empty: there is one, or none is wanted. */
  noModel: string;
  defaultChat: string | null;
  embedder: string | null;
  /** Of a million tokens of its server, US dollars; undefined: nothing. */
  price: number | undefined;
}

export function capacityOf(boot: string, known: Known): NodeCapacity {
  const { models, fetchers, fetches, evictable, noModel, defaultChat, embedder, price } = known;
  const { totalBytes, freeBytes } = known.probes.modelMemory();
  const names = fetchers.map(({ fetchable }) => fetchable);
  const pricePerMillionTokens = dearest(models) ?? price;
  return {
    boot,
    memoryTotalBytes: totalBytes,
    memoryFreeBytes: freeBytes,
    diskFreeBytes: known.probes.diskFreeBytes(),
    models,
    pulls: [...new Set(fetchers.map((runtime) => runtime.kind))],
    ...(fetchers.length > 0 && !names.includes(undefined) ? { fetchable: names.flatMap((each) => each ?? []) } : {}),
    ...(fetches.length > 0 ? { fetches } : {}),
    ...(evictable.length > 0 ? { evictable } : {}),
    ...(noModel ? { noModel: noModel.slice(0, 300) } : {}),
    defaultChat,
    embedder,
    ...(pricePerMillionTokens === undefined ? {} : { pricePerMillionTokens }),
  };
}

/** One figure for the node: of models with prices of their own, the dearest, so that no agent pays more than it allows. */
function dearest(models: readonly NodeModel[]): number | undefined {
  const prices = models.flatMap(({ kind, price }) => (kind === 'chat' && price ? [mixedPrice(price)] : []));
  return prices.length > 0 ? Math.max(...prices) : undefined;
}
