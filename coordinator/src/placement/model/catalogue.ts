// The wanted models that exist in the fleet, as their largest report describes them, and the estimate of a model on a node that would have
// to fetch it. A model that neither a node reports nor the coordinator's catalogue has is unknown here: its size is not known either.
import {
  classes,
  cloudClass,
  fetchName,
  findModel,
  isFetchable,
  isTierWish,
  type KnownModel,
  modelKey,
  type NodeModel,
  priorDecodeTps,
  type RuntimeKind,
} from '@blackroad/protocol';
import type { SupplyNode } from './supply.ts';

export interface Catalogue {
  /** Reports by the key of a model's own name, then by runtime. */
  models: Map<string, Map<RuntimeKind, NodeModel>>;
  /** The model key of each alias, from the first node that reports the alias. */
  aliases: Map<string, string>;
}
export function emptyCatalogue(): Catalogue {
  return { models: new Map(), aliases: new Map() };
}

const GiB = 1024 ** 3;
/** A fetch writes a temporary file first, and on a completely full disk the node's journal stops. */
const pullOverhead = 1.1;
export const diskKeptFreeBytes = GiB;
export function pullBytes(model: Pick<NodeModel, 'sizeBytes'>): number {
  return Math.ceil(model.sizeBytes * pullOverhead);
}

/** Adds the report of a node. Nodes must come in the order of their ids, so that equal reports always give the same catalogue. */
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
/**
 * Adds the models that nobody reports and that nodes can fetch all the same, with the figures of the coordinator's catalogue. A report of
 * the same runtime is better than any figure.
 */
export function learnKnown(catalogue: Catalogue, known: readonly KnownModel[]): void {
  const { models, aliases } = catalogue;
  for (const entry of known) {
    if (entry.kind !== 'chat') continue;
    const names = [fetchName(entry), entry.name, ...entry.aliases].map(modelKey);
    const reported = names.find((key) => models.has(key)) ?? names.map((key) => aliases.get(key)).find(Boolean);
    const key = reported ?? (names[0] as string);
    const byRuntime = models.get(key) ?? new Map<RuntimeKind, NodeModel>();
    for (const runtime of ['ollama', 'llama'] as const)
      if (!byRuntime.has(runtime) && isFetchable(entry, [runtime])) byRuntime.set(runtime, estimateOf(entry, runtime));
    if (byRuntime.size === 0) continue;
    models.set(key, byRuntime);
    for (const name of names) if (name !== key && !models.has(name) && !aliases.has(name)) aliases.set(name, key);
  }
}
function estimateOf(entry: KnownModel, runtime: RuntimeKind): NodeModel {
  const { aliases, kind, sizeBytes, contextTokens, parametersB, tools, vision, tier } = entry;
  const name = fetchName(entry);
  return {
    name,
    aliases: [entry.name, ...aliases].filter((alias) => alias !== name),
    runtime,
    kind,
    sizeBytes,
    contextTokens,
    parametersB,
    tools,
    sees: vision,
    ...(tier === undefined ? {} : { tier }),
    slots: 1,
    resident: false,
    residentBytes: 0,
    speed: { prefillTps: 0, decodeTps: 0, samples: 0 },
  };
}

/** The reports of a wanted model, by runtime. */
export function reportsOf({ models, aliases }: Catalogue, wanted: string): ReadonlyMap<RuntimeKind, NodeModel> {
  const key = modelKey(wanted);
  return models.get(key) ?? models.get(aliases.get(key) ?? '') ?? noReports;
}
const noReports: ReadonlyMap<RuntimeKind, NodeModel> = new Map();

/** Whether the name refers to an embedding model of the node: it is present, but no agent can run on it. */
export function makesEmbeddings({ models }: Pick<SupplyNode, 'models'>, wanted: string): boolean {
  return findModel(models, wanted)?.kind === 'embed';
}
/** Whether a runtime of the node can fetch a model of this name. */
export function canFetch({ pulls, fetchable }: Pick<SupplyNode, 'pulls' | 'fetchable'>, wanted: string): boolean {
  if (pulls.length === 0) return false;
  return fetchable === null || fetchable.some((name) => modelKey(name) === modelKey(wanted));
}

/** The estimate of the model on this node after a fetch, or null: no node has it, or this node cannot fetch it. */
export function pullable(catalogue: Catalogue, node: SupplyNode, wanted: string): NodeModel | null {
  if (node.pulls.length === 0 || isTierWish(wanted)) return null;
  const byRuntime = reportsOf(catalogue, wanted);
  for (const runtime of node.pulls) {
    const model = byRuntime.get(runtime);
    if (!model || !canFetch(node, model.name)) continue;
    if (node.models.some(({ name }) => modelKey(name) === modelKey(model.name))) continue;
    // The number of slots is a setting of the runtime on this node, not of the model on another.
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

// A class may have several rows: the slowest counts.
const bandwidths = new Map<string, number>();
const batchGains = new Map<string, number>();
for (const { name, bandwidthBytesPerS, batchGain } of [...classes, cloudClass]) {
  bandwidths.set(name, Math.min(bandwidths.get(name) ?? Number.POSITIVE_INFINITY, bandwidthBytesPerS));
  batchGains.set(name, Math.min(batchGains.get(name) ?? 1, batchGain));
}
const unknownClass = classes[classes.length - 1]!;
/** The prior memory bandwidth of a class, bytes a second. */
export function bandwidthOf(name: string): number {
  return bandwidths.get(name) ?? unknownClass.bandwidthBytesPerS;
}
/** The tokens a second that each further stream adds to a model, as a share of the first stream's. */
export function batchGainOf(name: string): number {
  return batchGains.get(name) ?? unknownClass.batchGain;
}
