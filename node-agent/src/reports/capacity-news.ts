// Whether a change of capacity is worth another message. Most fields count at any change; figures that change gradually (free memory and
// disk, the memory a model holds, learned speeds) count after a step. Pure.
import type { NodeCapacity } from '@blackroad/protocol';

/** A change of free memory below this share of the total is not sent. */
const memoryNews = 0.05;

export function isCapacityNews(before: NodeCapacity, after: NodeCapacity): boolean {
  const { memoryFreeBytes: freeBefore, diskFreeBytes: diskBefore, ...restBefore } = before;
  const { memoryFreeBytes: freeAfter, diskFreeBytes: diskAfter, ...restAfter } = after;
  if (Math.abs(freeBefore - freeAfter) > memoryNews * after.memoryTotalBytes) return true;
  if (Math.abs(diskBefore - diskAfter) > memoryNews * Math.max(diskBefore, 1)) return true;
  return outline(restBefore) !== outline(restAfter);
}

/** Equal for capacities between which placement would not choose otherwise. */
function outline(capacity: Omit<NodeCapacity, 'memoryFreeBytes' | 'diskFreeBytes'>): string {
  return JSON.stringify({
    ...capacity,
    models: capacity.models.map(({ speed, ...model }) => ({
      ...model,
      residentBytes: tenths(model.residentBytes),
      peakBytes: tenths(model.peakBytes),
      decode: tenths(speed.decodeTps),
      // The times for reading a prompt and for loading depend on the prompt and on the disk's cache, so they vary by more.
      prefill: quarters(speed.prefillTps),
      load: quarters(speed.loadMs),
      isMeasured: speed.samples > 0,
    })),
  });
}
const tenths = (value = 0) => Math.round(Math.log(value + 1) * 10);
const quarters = (value = 0) => Math.round(Math.log(value + 1) * 4);
