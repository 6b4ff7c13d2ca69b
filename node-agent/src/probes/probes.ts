// Reads the machine: its identity, its present state, the memory that models may use. Spawns nothing during a heartbeat; nvidia-smi and
// vcgencmd run in the background. A value that cannot be read is left out, never guessed, and never becomes another quantity. Reads no
// environment, writes nothing (but the id of a container, once, and the graphics cards, when they change).
import { uptime } from 'node:os';
import { type ClassRow, classes, classify, cloudClass, type NodeHealth, type NodeInfo } from '@blackroad/protocol';
import { type Clock, sleep } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { type Random, systemRandom } from '@blackroad/std/random';
import { createCpuShare, readCores } from './cores.ts';
import { createWrittenPerDay, readDiskFree, readDiskUsed, readReadOnly } from './disk.ts';
import { createFiles, type Files } from './files.ts';
import { type KnownCard, watchGpus } from './gpu-watch.ts';
import { type MachineIdentity, readIdentity, readInventory } from './hardware.ts';
import { readMemory } from './memory.ts';
import { createTrafficRate, readWifi } from './network.ts';
import { createPowerProbe, findFlagsFile, vcgencmd } from './power.ts';
import { watchProgram } from './programs.ts';

/** Reads the machine without spawning anything; called once a heartbeat. */
export interface Probes {
  /** The hardware as far as it is known now: graphics cards may be found later. May spawn. */
  inventory(): Promise<Omit<NodeInfo, 'boot' | 'runtimes' | 'notes' | 'simulated'>>;
  /** The class this machine is recognised as; null while that is not known. */
  machineClass(): ClassRow | null;
  /** May write the id of a container to the state folder. */
  machineIdentity(): Promise<MachineIdentity>;
  /** Present measurements; rates are since the last call. Missing values are left out, never guessed. */
  health(): Omit<
    NodeHealth,
    'boot' | 'seq' | 'atMs' | 'generation' | 'tasksRunning' | 'models' | 'outboxDepth' | 'memoriesUnacked'
  >;
  /** Memory that models may use, and the free part of it now: VRAM where there is a GPU. */
  modelMemory(): { totalBytes: number; freeBytes: number };
  diskFreeBytes(): number;
  /** The share of the disk of the models that is used, from 0 to 1. */
  diskUsed(): number;
  close(): void;
}

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
  /** How long the inventory waits for nvidia-smi's first answer; a later answer is in the next inventory. */
  patienceMs?: number;
  random?: Random;
}

const usualPatienceMs = 5_000;
const slowMs = 3_000;

export function createProbes(options: ProbesOptions): Probes {
  const { clock, log, modelsDir, stateDir, root = '/', classRows = classes, random = systemRandom } = options;
  const files = createFiles(root);
  const patienceMs = options.patienceMs ?? usualPatienceMs;
  const inventory = readInventory(files);
  const gpus = watchGpus({ files, stateDir, board: `${inventory.board ?? ''} ${readCompatible(files)}`, clock, log });
  let hasAnswered = false;
  void gpus.first.then(() => {
    hasAnswered = true;
  });
  const isPi = /Raspberry Pi/.test(files.text('/proc/device-tree/model') ?? '');
  const askFirmware = isPi && findFlagsFile(files) === null;
  const flags = askFirmware ? watchProgram({ ...vcgencmd, files, clock, log }) : null;
  const cpuShare = createCpuShare(files, clock);
  const traffic = createTrafficRate(files, clock);
  const power = createPowerProbe(files, () => (flags?.now.state === 'answered' ? flags.now.answer : null));
  const writtenPerDay = createWrittenPerDay(files, clock);
  /** Free memory of the cards at the last successful reading. */
  let freeBytes: number | null = null;
  const memoryOf = ({ memoryBytes, sharesMemory }: KnownCard) =>
    memoryBytes ?? (sharesMemory ? readMemory(files).totalBytes : 0);

  const classRow = (): ClassRow => {
    const declared = [...classRows, cloudClass].find(({ name }) => name === options.class);
    if (declared) return declared;
    const { totalBytes } = readMemory(files);
    const cards = gpus.cards.map((card) => ({ name: card.name, memoryBytes: memoryOf(card) }));
    return classify(
      { board: inventory.board ?? '', memoryBytes: totalBytes, gpus: cards, arch: inventory.arch },
      classRows,
    );
  };

  return {
    async inventory() {
      const answers = Promise.all([gpus.first, flags?.first]);
      const slow = clock.after(slowMs, () =>
        log.info({}, 'nvidia-smi takes its time; the class of this machine follows from its answer'),
      );
      await Promise.race([answers, sleep(clock, patienceMs)]);
      slow.cancel();
      const working = gpus.cards.filter(({ isLost }) => !isLost);
      return {
        class: options.class ?? classRow().name,
        ...inventory,
        cores: readCores(files),
        memoryBytes: readMemory(files).totalBytes,
        gpus: working.map((card) => ({ name: card.name.slice(0, 100), memoryBytes: memoryOf(card) })),
      };
    },
    machineClass() {
      // Before the first answer, a machine without known cards may still have some.
      return hasAnswered || gpus.cards.length > 0 ? classRow() : null;
    },
    async machineIdentity() {
      return readIdentity(files, { stateDir, random, ...(options.instance ? { instance: options.instance } : {}) });
    },
    health() {
      const memory = readMemory(files);
      const readOnly = readReadOnly(files, stateDir);
      const synced = readClockSynced(files);
      const wifi = readWifi(files);
      const network = traffic();
      const graphics = gpus.readings.map(({ usedBytes, utilisation, temperatureC }) => ({
        memoryUsedBytes: usedBytes ?? 0,
        utilisation,
        ...(temperatureC === null ? {} : { temperatureC }),
      }));
      const { troubles } = gpus;
      return {
        uptimeS: files.number('/proc/uptime') ?? (root === '/' ? uptime() : 0),
        cpu: cpuShare(),
        memoryFreeBytes: memory.availableBytes,
        diskFreeBytes: readDiskFree(files, modelsDir),
        ...power(),
        ...writtenPerDay(),
        ...(readOnly === undefined ? {} : { readOnlyDisk: readOnly }),
        ...(synced === undefined ? {} : { clockSynced: synced }),
        ...(wifi ? { wifi } : {}),
        ...(graphics.length > 0 ? { gpus: graphics } : {}),
        ...(troubles.length > 0 ? { gpuTroubles: troubles } : {}),
        ...(network ? { network } : {}),
        agentRssBytes: process.memoryUsage.rss(),
      };
    },
    modelMemory() {
      const { modelMemoryShare: share } = classRow();
      const own = gpus.cards.filter(({ sharesMemory }) => !sharesMemory);
      if (own.length > 0) {
        const working = own.filter(({ isLost }) => !isLost);
        // Lost or silent cards keep their memory in the total: models must never be given the machine's memory instead.
        const counted = working.length > 0 ? working : own;
        const totalBytes = Math.floor(share * counted.reduce((sum, card) => sum + memoryOf(card), 0));
        const read = gpus.readings.filter(({ memoryBytes }) => memoryBytes !== null);
        // A card that never reported its used memory counts as empty; one that stops reporting it counts as full as before.
        const isTold = read.every(({ usedBytes }) => usedBytes !== null);
        if (read.length > 0 && (isTold || freeBytes === null))
          freeBytes = totalBytes - read.reduce((sum, { usedBytes }) => sum + (usedBytes ?? 0), 0);
        else if (working.length === 0) freeBytes = 0;
        return { totalBytes, freeBytes: Math.max(0, Math.min(totalBytes, freeBytes ?? 0)) };
      }
      const { totalBytes, availableBytes } = readMemory(files);
      return { totalBytes: Math.floor(share * totalBytes), freeBytes: Math.floor(share * availableBytes) };
    },
    diskFreeBytes: () => readDiskFree(files, modelsDir),
    diskUsed: () => readDiskUsed(files, modelsDir),
    close() {
      gpus.close();
      flags?.close();
    },
  };
}

/** The chips of a device-tree board, such as `nvidia,tegra234`: some boards have only their maker's name. */
function readCompatible(files: Files): string {
  const text = files.text('/proc/device-tree/compatible') ?? '';
  return /nvidia,tegra/.test(text) ? 'Tegra' : '';
}

/** systemd-timesyncd creates a file once the clock is in step. Other daemons leave no such file: unknown. */
function readClockSynced(files: Files): boolean | undefined {
  if (files.exists('/run/systemd/timesync/synchronized')) return true;
  return files.exists('/run/systemd/timesync') ? false : undefined;
}
