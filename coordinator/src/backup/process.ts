// The process that packs one backup: it begins here, gets one order over its channel, answers it and ends. The coordinator's loop computes
// nothing of it. When its parent dies, it ends too.
import { setPriority } from 'node:os';
import { keepPrivate } from '@blackroad/std/data-folder';
import { errnoSentence } from '@blackroad/std/errno';
import type { Manifest } from './manifest.ts';
import { type PackOrder, pack } from './pack.ts';

export type Packed = { bytes: number; counts: Manifest['counts'] } | { problem: string };

/** Steps of Linux: the coordinator and the database have the processor first. */
const niceness = 10;

try {
  setPriority(niceness);
} catch {
  // Not all systems allow it; it then has the same share as the coordinator.
}
keepPrivate();
process.on('disconnect', () => process.exit(1));
process.once('message', (order: PackOrder) => {
  const tell = (packed: Packed) => process.send?.(packed, () => process.exit(0));
  pack(order).then(
    ({ bytes, manifest }) => tell({ bytes, counts: manifest.counts }),
    (error: Error) => tell({ problem: errnoSentence(error) ?? error.message }),
  );
});
