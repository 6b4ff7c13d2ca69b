// Which wanted models exist in the fleet, as their largest report describes them, and what one would be on a node that
// still has to fetch it. A model that no node reports is unknown here: nobody could say how large it is.
import {
  classes,
  cloudClass,
  findModel,
  modelKey,
  type NodeModel,
  priorDecodeTps,
  type RuntimeKind,
} from '@blackroad/protocol';
import type { SupplyNode } from './supply.ts';

export interface Catalogue {
  /** By the key of a model's own name, then by runtime. */
  models: Map<string, Map<RuntimeKind, NodeModel>>;
  /** Which model the key of an alias means: what the first node says that knows the alias. */
  aliases: Map<string, string>;
}
export function emptyCatalogue(): Catalogue {
  return { models: new Map(), aliases: new Map() };
}

const GiB = 1024 ** 3;
/** Fetching writes to a temporary place first, and a disk that is full to the last byte stops the node's journal. */
const pullOverhead = 1.1;
export const diskKeptFreeBytes = GiB;
export function pullBytes(model: Pick<NodeModel, 'sizeBytes'>): number {
  return Math.ceil(model.sizeBytes * pullOverhead);
}

/** Adds what a node reports. Nodes come in the order of their ids, so that equal reports always give the same catalogue. */
export function learnModels({ models, aliases }: Catalogue, node: SupplyNode): void {
  for (const model of node.models) {
    if (model.kind !== 'chat' || model.sizeBytes === 0) continue;
    const key = modelKey(model.name);
    const byRuntime = models.get(key) ?? new Map<RuntimeKind, NodeModel>();
    models.set(key, byRuntime);
    const known = byRuntime.get(model.runtime);
    if (!known || model.sizeBytes > known.sizeBytes) byRuntime.set(model.runtime, model);
    for (const alias of model.aliases) if (!aliases.has(modelKey(alias))) aliases.set(modelKey(alias), key);
  }
}
/** What is known of a wanted model, by runtime. */
export function reportsOf({ models, aliases }: Catalogue, wanted: string): ReadonlyMap<RuntimeKind, NodeModel> {
  const key = modelKey(wanted);
  return models.get(key) ?? models.get(aliases.get(key) ?? '') ?? noReports;
}
const noReports: ReadonlyMap<RuntimeKind, NodeModel> = new Map();

/** Whether the name means an embedding model of the node: it is there, and no agent can run on it. */
export function makesEmbeddings({ models }: Pick<SupplyNode, 'models'>, wanted: string): boolean {
  return findModel(models, wanted)?.kind === 'embed';
}
/** Whether a runtime of the node knows where to get it, by this name. */
export function canFetch({ pulls, fetchable }: Pick<SupplyNode, 'pulls' | 'fetchable'>, wanted: string): boolean {
  if (pulls.length === 0) return false;
  return fetchable === null || fetchable.some((name) => modelKey(name) === modelKey(wanted));
}

/** What the model would be on this node once fetched, or null: nobody has it, or this node cannot fetch it. */
export function pullable(catalogue: Catalogue, node: SupplyNode, wanted: string): NodeModel | null {
  if (node.pulls.length === 0 || wanted === 'auto') return null;
  const byRuntime = reportsOf(catalogue, wanted);
  for (const runtime of node.pulls) {
    const model = byRuntime.get(runtime);
    if (!model || !canFetch(node, model.name)) continue;
    if (node.models.some(({ name }) => modelKey(name) === modelKey(model.name))) continue;
    // How many run at once is a setting of the runtime here, not of the model there.
    const slots = node.models.find((each) => each.runtime === runtime && each.kind === 'chat')?.slots ?? 1;
    const decodeTps = priorDecodeTps(bandwidthOf(node.class), model.sizeBytes);
    return {
      ...model,
      resident: false,
      residentBytes: 0,
      peakBytes: 0,
      slots: Math.max(1, slots),
      speed: { prefillTps: 0, decodeTps, samples: 0 },
    };
  }
  return null;
}

// A class may have several rows: the slowest is assumed.
const bandwidths = new Map<string, number>();
const batchGains = new Map<string, number>();
for (const { name, bandwidthBytesPerS, batchGain } of [...classes, cloudClass]) {
  bandwidths.set(name, Math.min(bandwidths.get(name) ?? Number.POSITIVE_INFINITY, bandwidthBytesPerS));
  batchGains.set(name, Math.min(batchGains.get(name) ?? 1, batchGain));
}
const unknownClass = classes[classes.length - 1]!;
function bandwidthOf(name: string): number {
  return bandwidths.get(name) ?? unknownClass.bandwidthBytesPerS;
}
/** What each further stream adds to a model's tokens a second, as a share of the first one's. */
export function batchGainOf(name: string): number {
  return batchGains.get(name) ?? unknownClass.batchGain;
}
