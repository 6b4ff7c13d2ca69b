// What the kernel counted for a process: CPU seconds, resident and private memory, bytes written.
import { readFileSync } from 'node:fs';

/** Linux counts in ticks of 10 ms. */
const ticksPerSecond = 100;

export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}
export function memoryOf(pid: number): { rssMb: number; privateMb: number } {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kb = (pattern: RegExp) => [...rollup.matchAll(pattern)].reduce((sum, [, value]) => sum + Number(value), 0);
  return {
    rssMb: (kb(/^Rss:\s+(\d+)/gm) * 1024) / 1e6,
    privateMb: (kb(/^Private_(?:Clean|Dirty):\s+(\d+)/gm) * 1024) / 1e6,
  };
}
export function writtenBytes(pid: number): number {
  return Number(/^write_bytes: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1] ?? 0);
}
