// NVIDIA GPUs, as nvidia-smi prints them. Fields that a card does not have are `[N/A]`, `[Not Supported]` or an error in brackets.
import type { ProgramOptions } from './programs.ts';

export interface GpuReading {
  name: string;
  /** Null where the GPU has no memory of its own (Jetson, GB10: it shares the machine's). */
  memoryBytes: number | null;
  usedBytes: number;
  utilisation: number;
  temperatureC: number | null;
}
const MiB = 1024 * 1024;

export const nvidiaSmi: Pick<ProgramOptions<GpuReading[]>, 'paths' | 'args' | 'read' | 'everyMs'> = {
  paths: [
    '/usr/bin/nvidia-smi',
    '/usr/local/bin/nvidia-smi',
    '/usr/lib/wsl/lib/nvidia-smi',
    '/usr/local/nvidia/bin/nvidia-smi',
  ],
  args: ['--query-gpu=name,memory.total,memory.used,utilization.gpu,temperature.gpu', '--format=csv,noheader,nounits'],
  everyMs: 15_000,
  read: readNvidiaSmi,
};

/** Null when it is not the expected table ("No devices were found" comes with exit code 0 on some drivers). */
export function readNvidiaSmi(output: string): GpuReading[] | null {
  const gpus: GpuReading[] = [];
  for (const line of output.split('\n')) {
    if (line.trim() === '') continue;
    const fields = line.split(',').map((field) => field.trim());
    if (fields.length !== 5) return null;
    const number = (index: number) => {
      const value = Number(fields[index]);
      return fields[index] === '' || Number.isNaN(value) ? null : value;
    };
    const total = number(1);
    gpus.push({
      name: fields[0] as string,
      memoryBytes: total === null ? null : total * MiB,
      usedBytes: (number(2) ?? 0) * MiB,
      utilisation: Math.min(1, Math.max(0, (number(3) ?? 0) / 100)),
      temperatureC: number(4),
    });
  }
  return gpus.length > 0 ? gpus : null;
}
