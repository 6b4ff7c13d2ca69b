// Free bytes of the disk, whether it went read-only, and the bytes written a day to the machine's disks. Writes wear out SD cards and eMMC.
import { type StatsFs, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '@blackroad/std/clock';
import { freeBytesOf } from '@blackroad/std/free-bytes';
import type { Files } from './files.ts';

const dayMs = 86_400_000;
/** From a shorter time a day could only be guessed: one update of the system writes more than a quiet day. */
const leastSpanMs = 6 * 3_600_000;
const sampleMs = 3_600_000;

/** Bytes free for this user at a folder, or at the nearest one above it that exists. */
export function readDiskFree(files: Files, folder: string): number {
  return statAt(files, folder, freeBytesOf);
}
/** The share of the disk of a folder that is used, from 0 to 1: of what users may use. */
export function readDiskUsed(files: Files, folder: string): number {
  return statAt(files, folder, ({ blocks, bfree, bavail }) => {
    const used = blocks - bfree;
    return used + bavail > 0 && bavail >= 0 && bavail < 2 ** 63 ? used / (used + bavail) : 0;
  });
}
function statAt(files: Files, folder: string, figure: (stat: StatsFs) => number): number {
  for (let path = folder; ; path = dirname(path)) {
    try {
      return figure(statfsSync(files.at(path)));
    } catch {
      if (path === dirname(path)) return 0;
    }
  }
}

/** Whether the file system of `folder` is mounted read-only; the kernel remounts a failing card this way. */
export function readReadOnly(files: Files, folder: string): boolean | undefined {
  let found: { at: string; readOnly: boolean } | undefined;
  for (const line of (files.text('/proc/mounts') ?? '').split('\n')) {
    const [, point, , options] = line.split(' ');
    if (!point || !options) continue;
    // Spaces and backslashes are written as octal numbers in this file.
    const at = point.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
    const holds = at === '/' || folder === at || folder.startsWith(`${at}/`);
    // A later mount covers an earlier one at the same path.
    if (holds && at.length >= (found?.at.length ?? 0)) found = { at, readOnly: options.split(',').includes('ro') };
  }
  return found?.readOnly;
}

interface Written {
  all: number;
  /** Bytes to SD cards and eMMC alone; null where the machine has none. */
  flash: number | null;
}
interface WrittenPerDay {
  diskWrittenBytesPerDay?: number;
  sdWrittenBytesPerDay?: number;
}

/** Bytes written over the last day; over the time since the boot until the node-agent has run for a day. Nothing before six hours. */
export function createWrittenPerDay(files: Files, clock: Clock): () => WrittenPerDay {
  const upMs = (files.number('/proc/uptime') ?? 0) * 1000;
  const startMs = clock.monotonicMs();
  // The kernel's counters begin at the boot.
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

/** Bytes written since the boot by the machine: partitions and loop devices would count twice. Null where the kernel has no figures. */
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
