// Where large content lies, in words for the console and the command. Without a schema: the console imports it too.
import type { ObjectsView } from './objects.ts';
import { bytesInWords, counted } from './quantity-words.ts';

const size = (bytes: number) => (bytes < 1024 ** 2 ? 'less than 1 MiB' : bytesInWords(bytes));
/** Of a backup. */
export function elsewhereInWords({ where, count, bytes }: { where: string; count: number; bytes: number }): string {
  const are = count === 1 ? 'is' : 'are';
  return `${counted(count, 'file')} of documents (${size(bytes)}) ${are} not in it: ${count === 1 ? 'it lies' : 'they lie'} in ${where}, which a restore needs too.`;
}

/** What is on its way; empty: all is where it belongs. */
export function objectsMovingInWords({ store, home, onDisk, inStore, removals }: ObjectsView): string {
  const parts: string[] = [];
  if (store !== null && home === 'store' && onDisk.count > 0)
    parts.push(`${counted(onDisk.count, 'object')} (${size(onDisk.bytes)}) to be brought to the store`);
  if (store !== null && home === 'disk' && inStore.count > 0)
    parts.push(`${counted(inStore.count, 'object')} (${size(inStore.bytes)}) to be brought back to the disk`);
  if (removals > 0) parts.push(`${counted(removals, 'object')} to be removed from the store`);
  return parts.join(', ');
}
