// A machine that does not exist, for the simulator: reports what a Pi or a GPU box would report, with small random changes, and the faults
// that a scenario sets. Random numbers come only from the seed, time from the clock: the same seed is the same machine.
import { classify } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import { sha256Hex } from '@blackroad/std/sha256';
import type { Probes } from './probes.ts';

const GiB = 1024 ** 3;
export type SimulatedProfile = 'pi5' | 'pi4' | 'zero2' | 'gpu' | 'cpu';
interface Profile {
  board?: string;
  cpu: string;
  arch: string;
  cores: number;
  memoryBytes: number;
  diskBytes: number;
  gpus: { name: string; memoryBytes: number }[];
  wifi: boolean;
  idleC: number;
}
const profiles: Record<SimulatedProfile, Profile> = {
  pi5: {
    board: 'Raspberry Pi 5 Model B Rev 1.0',
    cpu: 'Cortex-A76',
    arch: 'arm64',
    cores: 4,
    memoryBytes: 7.87 * GiB,
    diskBytes: 100 * GiB,
    gpus: [],
    wifi: false,
    idleC: 47,
  },
  pi4: {
    board: 'Raspberry Pi 4 Model B Rev 1.4',
    cpu: 'Cortex-A72',
    arch: 'arm64',
    cores: 4,
    memoryBytes: 3.7 * GiB,
    diskBytes: 24 * GiB,
    gpus: [],
    wifi: true,
    idleC: 52,
  },
  zero2: {
    board: 'Raspberry Pi Zero 2 W Rev 1.0',
    cpu: 'Cortex-A53',
    arch: 'arm64',
    cores: 4,
    memoryBytes: 0.41 * GiB,
    diskBytes: 10 * GiB,
    gpus: [],
    wifi: true,
    idleC: 44,
  },
  gpu: {
    cpu: 'AMD EPYC 9354',
    arch: 'x64',
    cores: 64,
    memoryBytes: 503 * GiB,
    diskBytes: 3500 * GiB,
    gpus: [{ name: 'NVIDIA H100 80GB HBM3', memoryBytes: 81559 * 1024 ** 2 }],
    wifi: false,
    idleC: 41,
  },
  cpu: {
    cpu: 'Intel(R) Xeon(R) Processor',
    arch: 'x64',
    cores: 8,
    memoryBytes: 31 * GiB,
    diskBytes: 400 * GiB,
    gpus: [],
    wifi: false,
    idleC: 45,
  },
};

interface SimulatedOptions {
  profile: SimulatedProfile;
  /** The number of the machine: fingerprint and host name follow from it. */
  seed: number;
  clock: Clock;
  random: Random;
}
/** The state that a scenario may set. */
export interface SimulatedProbes extends Probes {
  /** Share of the machine that its tasks use, 0 to 1. */
  load: number;
  undervoltage: boolean;
  readOnlyDisk: boolean;
  /** Model memory of resident models. */
  residentBytes: number;
  /** Memory of other programs. */
  foreignBytes: number;
  /** Degrees above those that its load causes: a fan stopped. */
  extraC: number;
  diskFull: boolean;
  clockSynced: boolean;
  /** The node-agent starts, and grows by so many bytes a second from now on. */
  leaks(bytesPerS: number): void;
}

export function simulatedProbes({ profile: name, seed, clock, random }: SimulatedOptions): SimulatedProbes {
  const profile = profiles[name];
  const facts = {
    board: profile.board ?? '',
    memoryBytes: profile.memoryBytes,
    gpus: profile.gpus,
    arch: profile.arch,
  };
  const row = classify(facts);
  const startedMs = clock.monotonicMs();
  const own = ownMemory(clock, profile.memoryBytes);
  const seen = { undervoltage: false, throttled: false };
  /** A value between 0 and 1 that changes slowly. */
  let mood = random.next();
  const wander = () => {
    mood = Math.min(1, Math.max(0, mood + (random.next() - 0.5) / 10));
    return mood;
  };
  const pool = Math.floor(row.modelMemoryShare * (profile.gpus[0]?.memoryBytes ?? profile.memoryBytes));
  const self: SimulatedProbes = {
    load: 0,
    undervoltage: false,
    readOnlyDisk: false,
    residentBytes: 0,
    foreignBytes: 0,
    extraC: 0,
    diskFull: false,
    clockSynced: true,
    leaks: own.leaks,
    async inventory() {
      const { board, cpu, arch, cores, gpus } = profile;
      return {
        ...{ class: row.name, hostname: `sim-${name}-${seed}`, os: 'simulated', arch, cpu, cores },
        ...(board ? { board } : {}),
        memoryBytes: Math.floor(profile.memoryBytes),
        gpus,
      };
    },
    machineClass: () => row,
    async machineIdentity() {
      const hardware = sha256Hex(`simulated:${name}:${seed}`);
      return { hardware, machine: hardware, isWeak: false };
    },
    health() {
      const busy = Math.min(1, self.load + wander() / 20);
      seen.undervoltage ||= self.undervoltage;
      const temperatureC = Math.round((profile.idleC + self.extraC + busy * 35 + mood * 3) * 10) / 10;
      seen.throttled ||= temperatureC > 82;
      return {
        uptimeS: (clock.monotonicMs() - startedMs) / 1000,
        cpu: busy,
        memoryFreeBytes: Math.floor(
          Math.max(0, profile.memoryBytes * (0.85 - mood / 20) - self.residentBytes - self.foreignBytes),
        ),
        diskFreeBytes: self.diskFreeBytes(),
        temperatureC,
        ...(profile.board
          ? {
              throttled: { now: temperatureC > 82, sinceBoot: seen.throttled },
              undervoltage: { now: self.undervoltage, sinceBoot: seen.undervoltage },
            }
          : {}),
        readOnlyDisk: self.readOnlyDisk,
        clockSynced: self.clockSynced,
        ...(profile.wifi ? { wifi: { signalDbm: Math.round(-45 - mood * 25), reconnects: 0 } } : {}),
        ...(profile.gpus.length > 0
          ? { gpus: profile.gpus.map(() => ({ memoryUsedBytes: self.residentBytes, utilisation: busy, temperatureC })) }
          : {}),
        network: { receivedBytesPerS: Math.round(mood * 2000), sentBytesPerS: Math.round(mood * 1000) },
        agentRssBytes: own.bytes(),
      };
    },
    modelMemory: () => ({ totalBytes: pool, freeBytes: Math.max(0, pool - self.residentBytes - self.foreignBytes) }),
    diskUsed: () => 0,
    diskFreeBytes: () => (self.diskFull ? 0 : Math.floor(profile.diskBytes)),
    close() {},
  };
  return self;
}

/** The memory of the node-agent itself. */
function ownMemory(clock: Clock, mostBytes: number) {
  let leak = { bytesPerS: 0, sinceMs: 0 };
  return {
    leaks(bytesPerS: number) {
      leak = { bytesPerS, sinceMs: clock.monotonicMs() };
    },
    bytes() {
      const lostBytes = ((clock.monotonicMs() - leak.sinceMs) / 1000) * leak.bytesPerS;
      return Math.floor(Math.min(mostBytes, 60 * 1024 ** 2 + lostBytes));
    },
  };
}
