// The number of cores that this machine (or container) may use and how busy they were since the last look: from /proc/stat, cgroup quotas,
// and the sets of processors that a container or a unit is bound to.
import { availableParallelism, cpus } from 'node:os';
import type { Clock } from '@blackroad/std/clock';
import type { Files } from './files.ts';

/** Busy and total ticks since boot, over all cores. */
function readTicks(files: Files): { busy: number; total: number } | null {
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

/** The number of cores that a quota leaves a container, or of those it is bound to, whichever is less; null: no limit. */
function readCpuLimit(files: Files): number | null {
  const limits = [readQuota(files), ...boundTo(files)].filter((limit) => limit !== null);
  const least = Math.min(...limits);
  const counted = countCores(files);
  return Number.isFinite(least) && (counted === null || least < counted) ? least : null;
}

function readQuota(files: Files): number | null {
  const v2 = /^(\d+) (\d+)/.exec(files.text('/sys/fs/cgroup/cpu.max') ?? '');
  if (v2) return Number(v2[1]) / Number(v2[2]);
  const quota = files.number('/sys/fs/cgroup/cpu/cpu.cfs_quota_us');
  const period = files.number('/sys/fs/cgroup/cpu/cpu.cfs_period_us');
  return quota !== null && quota > 0 && period ? quota / period : null;
}

/** `/proc/stat` shows a container every processor of its host; these files list the ones it may run on. */
function boundTo(files: Files): (number | null)[] {
  const own = /^Cpus_allowed_list:\s*(\S+)$/m.exec(files.text('/proc/self/status') ?? '')?.[1];
  const sets = ['cpuset.cpus.effective', 'cpuset/cpuset.effective_cpus', 'cpuset/cpuset.cpus'];
  return [own ?? '', ...sets.map((name) => files.text(`/sys/fs/cgroup/${name}`) ?? '')].map(countList);
}

/** The number of processors in a kernel list such as `0-1,4`; null where the list is empty. */
function countList(text: string): number | null {
  if (!/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(text.trim())) return null;
  return text
    .trim()
    .split(',')
    .map((part) => part.split('-').map(Number) as [number, number?])
    .reduce((sum, [first, last = first]) => sum + Math.max(0, last - first + 1), 0);
}

function countCores(files: Files): number | null {
  return (files.text('/proc/stat') ?? '').match(/^cpu\d+ /gm)?.length ?? null;
}

export function readCores(files: Files): number {
  const cores = countCores(files) ?? (files.root === '/' ? availableParallelism() : 1);
  return Math.max(1, Math.min(cores, Math.ceil(readCpuLimit(files) ?? cores)));
}

/** Share of all cores in use since the last call, 0 to 1. In a limited container: of its limit. */
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
