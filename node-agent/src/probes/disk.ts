// Room on the disk, whether it went read-only, and what is written to it a day. SD cards die of writes, so the node counts its own.
import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '@blackroad/std/clock';
import type { Files } from './files.ts';

const dayMs = 86_400_000;
/** Before this the extrapolation to a day says nothing. */
const honestAfterMs = 600_000;
/** Starting, joining and loading write more in a minute than a quiet day does: they are left out. */
const settleMs = 120_000;

/** Bytes free for us at a folder, or at the nearest one above it that exists. */
export function readDiskFree(files: Files, folder: string): number {
  for (let path = folder; ; path = dirname(path)) {
    try {
      const { bavail, bsize } = statfsSync(files.at(path));
      return bavail * bsize;
    } catch {
      if (path === dirname(path)) return 0;
    }
  }
}

/** Whether the file system that holds `folder` is mounted read-only; a dying card is remounted so by the kernel. */
export function readReadOnly(files: Files, folder: string): boolean | undefined {
  let found: { at: string; readOnly: boolean } | undefined;
  for (const line of (files.text('/proc/mounts') ?? '').split('\n')) {
    const [, point, , options] = line.split(' ');
    if (!point || !options) continue;
    // Spaces and backslashes are octal in this file.
    const at = point.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
    const holds = at === '/' || folder === at || folder.startsWith(`${at}/`);
    // Later lines cover earlier ones.
    if (holds && at.length >= (found?.at.length ?? 0)) found = { at, readOnly: options.split(',').includes('ro') };
  }
  return found?.readOnly;
}

/** Bytes a day, extrapolated from a counter since this was made; undefined where there is no counter or it is too early. */
export function createPerDay(clock: Clock, read: () => number | null): () => number | undefined {
  const startMs = clock.monotonicMs();
  let first: { bytes: number; atMs: number } | null = null;
  return () => {
    const bytes = read();
    const atMs = clock.monotonicMs();
    if (bytes === null || atMs - startMs < settleMs) return undefined;
    first ??= { bytes, atMs };
    const spanMs = atMs - first.atMs;
    if (spanMs < honestAfterMs) return undefined;
    return Math.round((Math.max(0, bytes - first.bytes) / spanMs) * dayMs);
  };
}

/** What this process made the kernel write, without what was deleted before it reached the disk. */
export function readOwnWritten(files: Files): number | null {
  const io = files.text('/proc/self/io') ?? '';
  const written = /^write_bytes: (\d+)/m.exec(io);
  const cancelled = /^cancelled_write_bytes: (\d+)/m.exec(io);
  return written ? Math.max(0, Number(written[1]) - Number(cancelled?.[1] ?? 0)) : null;
}

/** Written by the whole machine to its disks: partitions and loop devices would count twice. */
export function readMachineWritten(files: Files): number | null {
  let bytes: number | null = null;
  for (const line of (files.text('/proc/diskstats') ?? '').split('\n')) {
    const [, , device, , , , , , , sectorsWritten] = line.trim().split(/ +/);
    if (!device || !/^(mmcblk\d+|nvme\d+n\d+|(sd|vd|xvd)[a-z]+)$/.test(device)) continue;
    bytes = (bytes ?? 0) + Number(sectorsWritten) * 512; // sectors of /proc are 512 bytes whatever the disk's are
  }
  return bytes;
}
