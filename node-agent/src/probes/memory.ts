// Memory of the machine or of the container, whichever is less: /proc/meminfo, the cache of ZFS and cgroup limits.
import { freemem, totalmem } from 'node:os';
import type { Files } from './files.ts';

interface Memory {
  totalBytes: number;
  availableBytes: number;
}

export function readMemory(files: Files): Memory {
  const info = files.text('/proc/meminfo') ?? '';
  const kib = (name: string) => {
    const found = new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(info);
    return found ? Number(found[1]) * 1024 : null;
  };
  const machine = files.root === '/' ? { total: totalmem(), free: freemem() } : { total: 0, free: 0 };
  const totalBytes = kib('MemTotal') ?? machine.total;
  const told = kib('MemAvailable') ?? kib('MemFree') ?? machine.free;
  const availableBytes = Math.min(totalBytes, told + readZfsCache(files));
  const limit = readLimit(files);
  if (limit === null || limit.bytes >= totalBytes) return { totalBytes, availableBytes };
  return {
    totalBytes: limit.bytes,
    availableBytes: Math.max(0, Math.min(availableBytes, limit.bytes - limit.usedBytes)),
  };
}

/** ZFS frees its cache (ARC) down to `c_min` when programs need memory; the kernel counts all of it as used. */
function readZfsCache(files: Files): number {
  const stats = files.text('/proc/spl/kstat/zfs/arcstats') ?? '';
  const value = (name: string) => Number(new RegExp(`^${name} +\\d+ +(\\d+)`, 'm').exec(stats)?.[1] ?? 0);
  return Math.max(0, value('size') - value('c_min'));
}

/**
 * A container sees its own group at the root of the cgroup file system; on a real machine the root has no limit. The unit's own MemoryMax
 * is left out on purpose: Ollama runs in another unit and is not limited by it.
 */
function readLimit(files: Files): { bytes: number; usedBytes: number } | null {
  const v2 = files.number('/sys/fs/cgroup/memory.max'); // `max` has no digits
  if (v2 !== null) {
    return { bytes: v2, usedBytes: used(files, '/sys/fs/cgroup/memory.current', '/sys/fs/cgroup/memory.stat') };
  }
  const v1 = files.number('/sys/fs/cgroup/memory/memory.limit_in_bytes');
  // No limit is written as the largest multiple of a page below 2^63.
  if (v1 === null || v1 > 2 ** 62) return null;
  const folder = '/sys/fs/cgroup/memory';
  return { bytes: v1, usedBytes: used(files, `${folder}/memory.usage_in_bytes`, `${folder}/memory.stat`) };
}

/** Page cache that can be freed counts as free, as in MemAvailable. */
function used(files: Files, usagePath: string, statPath: string): number {
  const cache = /^(?:total_)?inactive_file (\d+)/m.exec(files.text(statPath) ?? '');
  return Math.max(0, (files.number(usagePath) ?? 0) - Number(cache?.[1] ?? 0));
}
