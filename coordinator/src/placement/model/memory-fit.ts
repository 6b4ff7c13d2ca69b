// The memory that a model takes with the contexts of its agents: arithmetic on reported figures, and estimates where none were reported.
// Independent of agents and rooms.
import type { NodeModel } from '@blackroad/protocol';

// Key-value bytes a token for common sizes, measured on models with grouped-query attention: 0.5B, 3B, 8B, 70B. Where a node reports no
// such figure, placement estimates it from the parameter count, log-linear in between.
const kvPoints: readonly (readonly [number, number])[] = [
  [0.5, 12 * 1024],
  [3, 112 * 1024],
  [8, 128 * 1024],
  [70, 320 * 1024],
];
/** About four-bit weights: 0.6 bytes a parameter, for runtimes that report the size of the file but not the parameters. */
const bytesPerParameter = 0.6;

type Sized = Pick<NodeModel, 'parametersB' | 'sizeBytes' | 'kvBytesPerToken'>;
/** Key-value memory of one token of context: as reported, else estimated; 0 when neither parameters nor size are known. */
export function expectedKvBytesPerToken(model: Sized): number {
  if (model.kvBytesPerToken) return model.kvBytesPerToken;
  const billions = model.parametersB > 0 ? model.parametersB : model.sizeBytes / bytesPerParameter / 1e9;
  if (!(billions > 0)) return 0;
  const [smallest, largest] = [kvPoints[0]!, kvPoints[kvPoints.length - 1]!];
  if (billions <= smallest[0]) return smallest[1];
  if (billions >= largest[0]) return Math.round((largest[1] * billions) / largest[0]);
  const above = kvPoints.findIndex(([size]) => size >= billions);
  const [low, high] = [kvPoints[above - 1]!, kvPoints[above]!];
  const share = Math.log(billions / low[0]) / Math.log(high[0] / low[0]);
  return Math.round(low[1] * (high[1] / low[1]) ** share);
}

/** The memory of a resident model now. */
export function heldBytes(model: NodeModel): number {
  return model.resident ? Math.max(model.residentBytes, model.sizeBytes) : 0;
}
/**
 * The memory of a model while agents use it. No more sequences run at once than the model has slots, so a thousand agents on four slots
 * need four contexts, not a thousand. A measurement raises the estimate but never lowers it: a measured peak contains only the contexts so
 * far, and a larger one may follow.
 */
export function wholeBytes(model: NodeModel, slots: number, kvSumBytes: number, kvMaxBytes: number): number {
  const reckoned = model.sizeBytes + Math.min(kvSumBytes, slots * kvMaxBytes);
  return Math.max(reckoned, model.peakBytes ?? 0, heldBytes(model));
}
