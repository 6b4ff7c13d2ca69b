// How many cores this machine (or container) may use and how busy they were since the last look: /proc/stat, cgroup cpu limits.
import { availableParallelism, cpus } from 'node:os';
import type { Clock } from '@blackroad/std/clock';
import type { Files } from './files.ts';

/** Busy and total ticks since boot, over all cores. */
export function readTicks(files: Files): { busy: number; total: number } | null {
  const line = /^cpu +(.+)$/m.exec(files.text('/proc/stat') ?? '')?.[1];
  if (line) {
    // user nice system idle iowait irq softirq steal; guest time is part of user already.
    const ticks = line.split(/ +/).map(Number).slice(0, 8);
    const total = ticks.reduce((sum, each) => sum + each, 0);
    return { busy: total - (ticks[3] ?? 0) - (ticks[4] ?? 0), total };
  }
  if (files.root !== '/') return null;
  const times = cpus().map(({ times }) => times);
  const total = times.reduce((sum, { user, nice, sys, idle, irq }) => sum + user + nice + sys + idle + irq, 0);
  return { busy: total - times.reduce((sum, { idle }) => sum + idle, 0), total };
}

/** Cores a container may use; null where there is no limit. */
export function readCpuLimit(files: Files): number | null {
  const v2 = /^(\d+) (\d+)/.exec(files.text('/sys/fs/cgroup/cpu.max') ?? '');
  if (v2) return Number(v2[1]) / Number(v2[2]);
  const quota = files.number('/sys/fs/cgroup/cpu/cpu.cfs_quota_us');
  const period = files.number('/sys/fs/cgroup/cpu/cpu.cfs_period_us');
  return quota !== null && quota > 0 && period ? quota / period : null;
}

export function readCores(files: Files): number {
  const counted = (files.text('/proc/stat') ?? '').match(/^cpu\d+ /gm)?.length;
  const cores = counted ?? (files.root === '/' ? availableParallelism() : 1);
  return Math.max(1, Math.min(cores, Math.ceil(readCpuLimit(files) ?? cores)));
}

/** Share of all cores in use since the last call, 0 to 1. In a limited container: of what it may use. */
export function createCpuShare(files: Files, clock: Clock): () => number {
  let last = readTicks(files);
  let lastOwn = readOwnCpuMs(files);
  let lastMs = clock.monotonicMs();
  return () => {
    const [ticks, own, nowMs] = [readTicks(files), readOwnCpuMs(files), clock.monotonicMs()];
    const limit = readCpuLimit(files);
    let share = 0;
    if (limit !== null && own !== null && lastOwn !== null && nowMs > lastMs) {
      share = (own - lastOwn) / ((nowMs - lastMs) * limit);
    } else if (ticks && last && ticks.total > last.total) {
      share = (ticks.busy - last.busy) / (ticks.total - last.total);
    }
    [last, lastOwn, lastMs] = [ticks, own, nowMs];
    return Math.min(1, Math.max(0, share));
  };
}

function readOwnCpuMs(files: Files): number | null {
  const usec = /^usage_usec (\d+)/m.exec(files.text('/sys/fs/cgroup/cpu.stat') ?? '');
  if (usec) return Number(usec[1]) / 1000;
  const nsec = files.number('/sys/fs/cgroup/cpuacct/cpuacct.usage');
  return nsec === null ? null : nsec / 1e6;
}
