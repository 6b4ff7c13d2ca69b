// The machine: its board, its processor, its system, and the fingerprint by which the coordinator recognises it. Own small readers:
// systeminformation takes 11 MB of memory and up to 87 child processes for the same facts.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, hostname, release, type } from 'node:os';
import { join } from 'node:path';
import type { Random } from '@blackroad/std/random';
import { sha256Hex } from '@blackroad/std/sha256';
import type { Files } from './files.ts';

/** The digests by which the coordinator recognises the machine. */
export interface MachineIdentity {
  /** SHA-256 over what identifies the machine: the serial of its board, or machine id and network address. */
  hardware: string;
  /** SHA-256 over the part that does not change by itself: without the address. */
  machine: string;
  /** True where a copy of the machine's disk image has the same identity. */
  isWeak: boolean;
}

interface Inventory {
  hostname: string;
  board?: string;
  os: string;
  arch: string;
  cpu?: string;
}

export function readInventory(files: Files): Inventory {
  const here = files.root === '/';
  const board = readBoard(files);
  const cpu = readCpuName(files) ?? (here ? cpus()[0]?.model : undefined);
  const pretty = /^PRETTY_NAME="?([^"\n]+)/m.exec(files.text('/etc/os-release') ?? '')?.[1];
  const kernel = firstLine(files, '/proc/sys/kernel/osrelease') ?? (here ? release() : undefined);
  const machine = firstLine(files, '/proc/sys/kernel/arch'); // since Linux 6.1
  const names: Record<string, string> = { aarch64: 'arm64', x86_64: 'x64' };
  return {
    hostname: (firstLine(files, '/proc/sys/kernel/hostname') ?? (here ? hostname() : 'unknown')).slice(0, 255),
    ...(board ? { board: board.slice(0, 100) } : {}),
    os: [pretty ?? (here ? type() : 'Linux'), kernel].filter(Boolean).join(', ').slice(0, 200),
    arch: (names[machine ?? ''] ?? machine ?? process.arch).slice(0, 20),
    ...(cpu ? { cpu: cpu.slice(0, 200) } : {}),
  };
}

function readBoard(files: Files): string | undefined {
  const model = firstLine(files, '/proc/device-tree/model');
  if (model) return model;
  const dmi = ['sys_vendor', 'product_name'].map((name) => firstLine(files, `/sys/class/dmi/id/${name}`));
  const text = dmi.filter((part) => part && !/^(to be filled|default string|system )/i.test(part)).join(' ');
  return text === '' ? undefined : text;
}

/** arm64 kernels report no model, only a part number. */
const armParts: Record<string, string> = {
  '0xd03': 'Cortex-A53',
  '0xd07': 'Cortex-A57',
  '0xd08': 'Cortex-A72',
  '0xd0b': 'Cortex-A76',
  '0xd42': 'Cortex-A78AE',
  '0xd4f': 'Neoverse V2',
};
function readCpuName(files: Files): string | undefined {
  const text = files.text('/proc/cpuinfo') ?? '';
  const name = /^model name\s*: (.+)$/m.exec(text)?.[1];
  return name ?? armParts[/^CPU part\s*: (\S+)$/m.exec(text)?.[1] ?? ''];
}

interface FingerprintOptions {
  /** For a container's own id: a folder that survives the container. */
  stateDir: string;
  random: Random;
  /** Names a second node-agent on one machine, which is then a node of its own. */
  instance?: string;
}

/**
 * The digests by which the coordinator recognises this machine. `hardware`: SHA-256 over all that identifies it, independent of the user
 * and of installed software; `machine`: over the part of that which never changes by itself:
 * - device-tree boards (Pi, Jetson): the serial burnt into the chip. It survives a new SD card: a re-flashed Pi is recognised.
 * - other machines: machine id and the permanent address of the first built-in network card. The id alone is the same on two
 *   boxes cloned from one disk image; the address alone moves with the card. A new installation is a new machine.
 *   The address is not part of `machine`: WSL and Hyper-V generate another at every start, NetworkManager another for Wi-Fi.
 *   DMI serials are readable by root only and would differ between `sudo fleet-node join` and the service, so they are left out.
 * - containers: their machine id is that of their image, and their address is generated, so an id is stored in the state folder.
 */
export function readIdentity(files: Files, options: FingerprintOptions): MachineIdentity {
  const { parts, core, isWeak } = identityParts(files, options);
  const instance = options.instance ? [`instance:${options.instance}`] : [];
  const hash = (of: string[]) => sha256Hex([...of, ...instance].join('\n'));
  return { hardware: hash(parts), machine: hash([core]), isWeak };
}

function identityParts(files: Files, options: FingerprintOptions): { parts: string[]; core: string; isWeak: boolean } {
  const serial = firstLine(files, '/proc/device-tree/serial-number');
  const kept = (kind: string) => {
    const id = keptId(options);
    return { parts: [`${kind}:${id}`], core: `kept:${id}`, isWeak: true };
  };
  // Two containers on one Pi are two nodes; each has its own state folder.
  if (isContainer(files)) return kept('container');
  if (serial && !/^0+$/.test(serial)) return { parts: [`serial:${serial}`], core: `serial:${serial}`, isWeak: false };
  const machineId = firstLine(files, '/etc/machine-id') ?? firstLine(files, '/var/lib/dbus/machine-id');
  // Only root can read the environment of process 1: the service would detect no container where `sudo fleet-node join` did.
  if (!machineId || !/^[0-9a-f]{32}$/.test(machineId) || existsSync(keptPath(options))) return kept('kept');
  const address = firstAddress(files);
  const core = `machine-id:${machineId}`;
  // The distributions of one Windows machine share the address; those imported from one archive share the machine id too.
  const isWsl = /microsoft/i.test(firstLine(files, '/proc/sys/kernel/osrelease') ?? '');
  return { parts: [core, ...(address ? [`address:${address}`] : [])], core, isWeak: !address || isWsl };
}

/** Docker, Podman, LXC, systemd-nspawn, Kubernetes. */
function isContainer(files: Files): boolean {
  return (
    ['/.dockerenv', '/run/.containerenv', '/run/systemd/container'].some((path) => files.exists(path)) ||
    /(^|\0)container=./.test(files.text('/proc/1/environ') ?? '') ||
    /\/(docker|lxc|kubepods|libpod)\b/.test(files.text('/proc/1/cgroup') ?? '')
  );
}

/** Built in, wired before wireless, with its permanent address: a dock or a dongle must not change the fingerprint. */
function firstAddress(files: Files): string | undefined {
  const folder = '/sys/class/net';
  const cards = files
    .list(folder)
    .filter(
      (name) => files.exists(`${folder}/${name}/device`) && !/\/usb\d/.test(files.real(`${folder}/${name}/device`)),
    )
    .filter((name) => files.number(`${folder}/${name}/addr_assign_type`) === 0)
    .map((name) => ({
      address: firstLine(files, `${folder}/${name}/address`) ?? '',
      wireless: files.exists(`${folder}/${name}/wireless`) || files.exists(`${folder}/${name}/phy80211`),
    }))
    .filter(({ address }) => /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(address) && address !== '00:00:00:00:00:00');
  // Interface names change with kernels and slots; the lowest address does not.
  cards.sort((a, b) => Number(a.wireless) - Number(b.wireless) || (a.address < b.address ? -1 : 1));
  return cards[0]?.address;
}

function keptPath({ stateDir }: FingerprintOptions): string {
  return join(stateDir, 'hardware-id');
}

function keptId(options: FingerprintOptions): string {
  const { stateDir, random } = options;
  const path = keptPath(options);
  try {
    const kept = readFileSync(path, 'utf8').trim();
    if (/^[0-9a-f]{32}$/.test(kept)) return kept;
  } catch {
    // the file does not exist yet
  }
  const id = random.hex(16);
  mkdirSync(stateDir, { recursive: true });
  writeFileSync(path, `${id}\n`, { mode: 0o600 });
  return id;
}

/** Device-tree texts end in a zero byte. */
function firstLine(files: Files, path: string): string | undefined {
  const line = (files.text(path) ?? '').split(/[\0\n]/)[0]?.trim();
  return line === '' ? undefined : line;
}
