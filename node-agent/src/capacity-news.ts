// Whether a node's capacity is worth another message. Most of it counts as soon as it is another; figures that creep (free memory and disk,
// what a model holds, learned speeds) count when they have moved by a step. Pure.
import type { NodeCapacity } from '@blackroad/protocol';

/** A change of free memory below this share of the total is no news. */
const memoryNews = 0.05;

export function isCapacityNews(before: NodeCapacity, after: NodeCapacity): boolean {
  const { memoryFreeBytes: freeBefore, diskFreeBytes: diskBefore, ...restBefore } = before;
  const { memoryFreeBytes: freeAfter, diskFreeBytes: diskAfter, ...restAfter } = after;
  if (Math.abs(freeBefore - freeAfter) > memoryNews * after.memoryTotalBytes) return true;
  if (Math.abs(diskBefore - diskAfter) > memoryNews * Math.max(diskBefore, 1)) return true;
  return outline(restBefore) !== outline(restAfter);
}

/** Equal for capacities between which nobody would choose otherwise. */
function outline(capacity: Omit<NodeCapacity, 'memoryFreeBytes' | 'diskFreeBytes'>): string {
  return JSON.stringify({
    ...capacity,
    models: capacity.models.map(({ speed, ...model }) => ({
      ...model,
      residentBytes: tenths(model.residentBytes),
      peakBytes: tenths(model.peakBytes),
      decode: tenths(speed.decodeTps),
      // What reading a prompt and loading take depends on the prompt and on the disk's cache: they swing by more.
      prefill: quarters(speed.prefillTps),
      load: quarters(speed.loadMs),
      isMeasured: speed.samples > 0,
    })),
  });
}
const tenths = (value = 0) => Math.round(Math.log(value + 1) * 10);
const quarters = (value = 0) => Math.round(Math.log(value + 1) * 4);
