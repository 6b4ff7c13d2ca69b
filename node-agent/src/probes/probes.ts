// Reads the machine: who it is, how it is now, what models may take of it. Spawns nothing in the heartbeat's path; nvidia-smi and
// vcgencmd run in the background. What cannot be read is left out, never guessed. Reads no environment, writes nothing
// (but the id of a container, once).
import { loadavg, uptime } from 'node:os';
import { type ClassRow, classes, classify, cloudClass } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { type Random, systemRandom } from '@blackroad/std/random';
import type { Probes } from '../contracts.ts';
import { createCpuShare, readCores } from './cores.ts';
import { createPerDay, readDiskFree, readMachineWritten, readOwnWritten, readReadOnly } from './disk.ts';
import { createFiles, type Files } from './files.ts';
import { type GpuReading, nvidiaSmi } from './gpu.ts';
import { readFingerprint, readInventory } from './hardware.ts';
import { readMemory } from './memory.ts';
import { createTrafficRate, readWifi } from './network.ts';
import { createPowerProbe, findFlagsFile, vcgencmd } from './power.ts';
import { type ProgramWatch, watchProgram } from './programs.ts';

export interface ProbesOptions {
  clock: Clock;
  log: Log;
  modelsDir: string;
  stateDir: string;
  /** `/`, or an unpacked recording of another machine. */
  root?: string;
  /** Declared class; else it is detected. */
  class?: string;
  /** The class table, where configuration adds rows. */
  classRows?: readonly ClassRow[];
  /** Names a second node-agent on this machine. */
  instance?: string;
  random?: Random;
}

export function createProbes(options: ProbesOptions): Probes {
  const { clock, log, modelsDir, stateDir, root = '/', classRows = classes, random = systemRandom } = options;
  const files = createFiles(root);
  const gpus: ProgramWatch<GpuReading[]> = watchProgram({ ...nvidiaSmi, files, clock, log });
  const isPi = /Raspberry Pi/.test(files.text('/proc/device-tree/model') ?? '');
  const askFirmware = isPi && findFlagsFile(files) === null;
  const flags = askFirmware ? watchProgram({ ...vcgencmd, files, clock, log }) : null;
  const cpuShare = createCpuShare(files, clock);
  const traffic = createTrafficRate(files, clock);
  const power = createPowerProbe(files, () => flags?.last ?? null);
  const ownPerDay = createPerDay(clock, () => readOwnWritten(files));
  const machinePerDay = createPerDay(clock, () => readMachineWritten(files));
  const inventory = readInventory(files);
  /** The cards seen at the start, by which the class is known, also while nvidia-smi fails for a moment. */
  let cards: { name: string; memoryBytes: number }[] = [];
  const own = () =>
    (gpus.last ?? []).map((gpu) => ({ ...gpu, memoryBytes: gpu.memoryBytes ?? readMemory(files).totalBytes }));

  const classRow = (): ClassRow => {
    const declared = [...classRows, cloudClass].find(({ name }) => name === options.class);
    if (declared) return declared;
    const { totalBytes } = readMemory(files);
    return classify(
      { board: inventory.board ?? '', memoryBytes: totalBytes, gpus: cards, arch: inventory.arch },
      classRows,
    );
  };

  return {
    async inventory() {
      await Promise.all([gpus.first, flags?.first]);
      const now = own();
      if (now.length > 0) cards = now.map(({ name, memoryBytes }) => ({ name: name.slice(0, 100), memoryBytes }));
      return {
        class: options.class ?? classRow().name,
        ...inventory,
        cores: readCores(files),
        memoryBytes: readMemory(files).totalBytes,
        gpus: cards.slice(0, 32),
      };
    },
    async hardwareFingerprint() {
      return readFingerprint(files, { stateDir, random, ...(options.instance ? { instance: options.instance } : {}) });
    },
    health() {
      const memory = readMemory(files);
      const [sd, disk] = [ownPerDay(), machinePerDay()];
      const readOnly = readReadOnly(files, stateDir);
      const synced = readClockSynced(files);
      const wifi = readWifi(files);
      const network = traffic();
      const graphics = (gpus.last ?? []).slice(0, 32).map(({ usedBytes, utilisation, temperatureC }) => ({
        memoryUsedBytes: usedBytes,
        utilisation,
        ...(temperatureC === null ? {} : { temperatureC }),
      }));
      return {
        uptimeS: files.number('/proc/uptime') ?? (root === '/' ? uptime() : 0),
        cpu: cpuShare(),
        load1: files.number('/proc/loadavg') ?? (root === '/' ? (loadavg()[0] ?? 0) : 0),
        memoryFreeBytes: memory.availableBytes,
        diskFreeBytes: readDiskFree(files, modelsDir),
        ...power(),
        ...(sd === undefined ? {} : { sdWrittenBytesPerDay: sd }),
        ...(disk === undefined ? {} : { diskWrittenBytesPerDay: disk }),
        ...(readOnly === undefined ? {} : { readOnlyDisk: readOnly }),
        ...(synced === undefined ? {} : { clockSynced: synced }),
        ...(wifi ? { wifi } : {}),
        ...(graphics.length > 0 ? { gpus: graphics } : {}),
        ...(network ? { network } : {}),
        agentRssBytes: process.memoryUsage.rss(),
      };
    },
    modelMemory() {
      const { modelMemoryShare: share } = classRow();
      const withMemory = (gpus.last ?? []).filter(({ memoryBytes }) => memoryBytes !== null);
      if (cards.length > 0 && withMemory.length > 0) {
        const sum = (of: (gpu: GpuReading) => number) => withMemory.reduce((total, gpu) => total + of(gpu), 0);
        const totalBytes = Math.floor(share * sum(({ memoryBytes }) => memoryBytes ?? 0));
        return { totalBytes, freeBytes: Math.max(0, totalBytes - sum(({ usedBytes }) => usedBytes)) };
      }
      const { totalBytes, availableBytes } = readMemory(files);
      return { totalBytes: Math.floor(share * totalBytes), freeBytes: Math.floor(share * availableBytes) };
    },
    diskFreeBytes: () => readDiskFree(files, modelsDir),
    close() {
      gpus.close();
      flags?.close();
    },
  };
}

/** systemd-timesyncd touches a file once it is in step. Other daemons leave no such trace: unknown. */
function readClockSynced(files: Files): boolean | undefined {
  if (files.exists('/run/systemd/timesync/synchronized')) return true;
  return files.exists('/run/systemd/timesync') ? false : undefined;
}
