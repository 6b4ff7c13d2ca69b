// Room on the disk, whether it went read-only, and what is written a day to the machine's disks. SD cards and eMMC die of writes.
import { type StatsFs, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { maxCount } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Files } from './files.ts';

const dayMs = 86_400_000;
/** Of a shorter time, a day would be a guess: one update of the system writes more than a quiet day. */
const leastSpanMs = 6 * 3_600_000;
const sampleMs = 3_600_000;

/** Linux file systems whose block size is what they like to transfer at once, not what their blocks are counted in. */
const remoteTypes: readonly number[] = [
  0x65735546, // FUSE, virtiofs
  0x6969, // NFS
  0xff534d42, // CIFS
  0xfe534d42, // SMB2
  0x517b, // SMB
  0x01021997, // 9p
  0x00c36400, // Ceph
];
const pageBytes = 4096;

/** Node.js reports the unit of the counters (`frsize`) since 24.21; types do not know it yet. */
type FileSystemStat = Pick<StatsFs, 'bavail' | 'bsize' | 'type'> & { frsize?: number };

/** Bytes free for us. Where the unit is not told and the block size is not to be trusted, the smallest usual unit: rather too little. */
export function freeBytesOf({ bavail, bsize, frsize, type }: FileSystemStat): number {
  const unit = frsize || (remoteTypes.includes(type) ? Math.min(bsize, pageBytes) : bsize);
  // Less than nothing, where more is used than users may, is written as a number near 2^64.
  if (bavail < 0 || bavail >= 2 ** 63) return 0;
  // Stores of objects say exbibytes, more than the fleet may be told.
  return Math.min(maxCount, bavail * unit);
}

/** Bytes free for us at a folder, or at the nearest one above it that exists. */
export function readDiskFree(files: Files, folder: string): number {
  for (let path = folder; ; path = dirname(path)) {
    try {
      return freeBytesOf(statfsSync(files.at(path)));
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

interface Written {
  all: number;
  /** To SD cards and eMMC alone; null where the machine has none. */
  flash: number | null;
}
interface WrittenPerDay {
  diskWrittenBytesPerDay?: number;
  sdWrittenBytesPerDay?: number;
}

/** What was written over the last day; over the time since the boot until the node-agent has run for a day. Nothing before six hours. */
export function createWrittenPerDay(files: Files, clock: Clock): () => WrittenPerDay {
  const upMs = (files.number('/proc/uptime') ?? 0) * 1000;
  const startMs = clock.monotonicMs();
  // The kernel counts from the boot.
  let samples: { atMs: number; written: Written }[] = [{ atMs: startMs - upMs, written: { all: 0, flash: 0 } }];
  return () => {
    const written = readWritten(files);
    if (written === null) return {};
    const nowMs = clock.monotonicMs();
    const since = samples.findLast(({ atMs }) => nowMs - atMs >= dayMs) ?? samples[0]!;
    samples = samples.slice(samples.indexOf(since));
    if (nowMs - samples.at(-1)!.atMs >= sampleMs) samples.push({ atMs: nowMs, written });
    const spanMs = nowMs - since.atMs;
    if (spanMs < leastSpanMs) return {};
    const perDay = (from: number, to: number) => Math.round((Math.max(0, to - from) / spanMs) * dayMs);
    return {
      diskWrittenBytesPerDay: perDay(since.written.all, written.all),
      ...(written.flash === null ? {} : { sdWrittenBytesPerDay: perDay(since.written.flash ?? 0, written.flash) }),
    };
  };
}

/** Since the boot, by the whole machine: partitions and loop devices would count twice. Null where the kernel does not say. */
function readWritten(files: Files): Written | null {
  let all: number | null = null;
  let flash: number | null = null;
  for (const line of (files.text('/proc/diskstats') ?? '').split('\n')) {
    const [, , device, , , , , , , sectorsWritten] = line.trim().split(/ +/);
    if (!device || !/^(mmcblk\d+|nvme\d+n\d+|(sd|vd|xvd)[a-z]+)$/.test(device)) continue;
    const bytes = Number(sectorsWritten) * 512; // sectors of /proc are 512 bytes whatever the disk's are
    all = (all ?? 0) + bytes;
    if (device.startsWith('mmcblk')) flash = (flash ?? 0) + bytes;
  }
  return all === null ? null : { all, flash };
}
