// From what systeminformation says to the parts of a machine in the fleet's own words. In: the answers of its functions, some of which are
// missing. Out: `Hardware`, within its bounds. Words for "not known" in its many forms, and parts that say nothing, are left out; so are
// figures that change by use. Pure.
import { type Hardware, maxHardwareBytes, maxHardwareChars, maxPartsOfAKind } from '@blackroad/protocol';
import type { Systeminformation } from 'systeminformation';

/** The answers by the name of the function. A missing one gave none. */
export interface Told {
  system?: Systeminformation.SystemData;
  baseboard?: Systeminformation.BaseboardData;
  bios?: Systeminformation.BiosData;
  cpu?: Systeminformation.CpuData;
  memLayout?: Systeminformation.MemLayoutData[];
  graphics?: Systeminformation.GraphicsData;
  diskLayout?: Systeminformation.DiskLayoutData[];
  networkInterfaces?: Systeminformation.NetworkInterfacesData[];
  wifiInterfaces?: Systeminformation.WifiInterfaceData[];
  usb?: Systeminformation.UsbData[];
  battery?: Systeminformation.BatteryData;
}

type Lists = 'memory' | 'graphics' | 'disks' | 'network' | 'wifi' | 'usb' | 'batteries';

const mebibyte = 1024 ** 2;
/** What vendors and the library write where they know nothing. */
const nothing =
  /^(-|unknown|n\/?a|none|not (specified|available|applicable|defined|settable)|default string|to be filled.*|system .*(name|product|version|serial).*|o\.e\.m\.|0+|0x0+|123456789|no .*installed|undefined|null)$/i;

/** `lacks` are words on functions that gave no answer; words on what the machine does not tell are added. */
export function hardwareOf(told: Told, lacks: readonly string[], platform: NodeJS.Platform): Hardware {
  const { system, baseboard, bios, cpu } = told;
  const hardware: Hardware = {
    ...group('machine', boardOf(system)),
    ...group('board', boardOf(baseboard)),
    ...group('firmware', {
      maker: fact(bios?.vendor),
      version: fact(bios?.version),
      released: fact(bios?.releaseDate),
    }),
    ...group('cpu', {
      model: fact([cpu?.manufacturer, cpu?.brand].filter(Boolean).join(' ')),
      cores: count(cpu?.cores),
      physicalCores: count(cpu?.physicalCores),
      sockets: count(cpu?.processors),
    }),
    memory: listOf(modulesIn(told.memLayout), (module) => ({
      bytes: count(module.size),
      slot: fact(module.bank),
      kind: fact(module.type),
      form: fact(module.formFactor),
      mhz: count(module.clockSpeed),
      maker: fact(module.manufacturer),
      part: fact(module.partNum),
      serial: fact(module.serialNum),
    })),
    graphics: listOf(told.graphics?.controllers, (card) => ({
      maker: fact(card.vendor),
      model: fact(card.name) ?? fact(card.model),
      memoryBytes: bytesOfVram(card),
      address: fact(card.pciBus) ?? fact(card.busAddress),
      driver: fact(card.driverVersion),
    })),
    disks: listOf(told.diskLayout, diskOf),
    network: listOf(
      rowsIn(told.networkInterfaces).filter(({ internal, virtual }) => !internal && !virtual),
      (card) => ({
        name: fact(card.iface),
        kind: fact(card.type),
        address: fact(card.mac),
        // Of Wi-Fi it is the speed of the moment.
        mbitPerS: card.type === 'wired' ? count(card.speed) : undefined,
      }),
    ),
    wifi: listOf(told.wifiInterfaces, (card) => ({
      name: fact(card.iface),
      maker: fact(card.vendor),
      model: fact(card.model),
      address: fact(card.mac),
    })),
    usb: listOf(told.usb, (device) => ({
      name: fact(device.name),
      maker: fact(device.manufacturer) ?? fact(device.vendor),
      kind: fact(device.type),
      serial: fact(device.serialNumber),
    })),
    batteries: listOf(batteriesIn(told.battery), batteryOf),
    lacks: [],
  };
  const all = [...lacks, ...untold(told, hardware, platform)];
  return fitted({ ...hardware, lacks: all.map((text) => oneLine(text, 300)).slice(0, 30) });
}

function boardOf(board: { manufacturer: string; model: string; version: string; serial: string } | undefined) {
  return {
    maker: fact(board?.manufacturer),
    model: fact(board?.model),
    version: fact(board?.version),
    serial: fact(board?.serial),
  };
}

function diskOf(disk: Systeminformation.DiskLayoutData): Hardware['disks'][number] {
  const smart = { Ok: 'good', 'Predicted Failure': 'failing' } as const;
  const verdict = smart[disk.smartStatus as keyof typeof smart];
  const health = disk.smartData as { nvme_smart_health_information_log?: { percentage_used?: number } } | undefined;
  const worn = count(health?.nvme_smart_health_information_log?.percentage_used, true);
  return {
    device: fact(disk.device),
    kind: fact(disk.type),
    bus: fact(disk.interfaceType),
    maker: fact(disk.vendor),
    model: fact(disk.name),
    bytes: count(disk.size),
    firmware: fact(disk.firmwareRevision),
    serial: fact(disk.serialNum),
    smart: verdict,
    wornPercent: worn === undefined ? undefined : Math.min(worn, 255),
  };
}

function batteryOf(battery: Systeminformation.BatteryData): Hardware['batteries'][number] {
  const share = battery.designedCapacity > 0 ? (battery.maxCapacity / battery.designedCapacity) * 100 : 0;
  return {
    maker: fact(battery.manufacturer),
    model: fact(battery.model),
    kind: fact(battery.type),
    serial: fact(battery.serial),
    // Rounded to five: the charge that it measures moves by a percent from day to day.
    healthPercent: share > 0 && share <= 200 ? Math.round(share / 5) * 5 : undefined,
  };
}

/** Where nothing tells of modules, the library answers with one that is all memory of the machine, and a guess of its bank. */
function modulesIn(modules: Systeminformation.MemLayoutData[] | undefined): Systeminformation.MemLayoutData[] {
  return rowsIn(modules).filter(
    ({ size, type, manufacturer, partNum, bank }) =>
      size > 0 && [type, manufacturer, partNum, bank].some((value) => fact(value) !== undefined),
  );
}

function batteriesIn(battery: Systeminformation.BatteryData | undefined): Systeminformation.BatteryData[] {
  return battery?.hasBattery ? [battery, ...rowsIn(battery.additionalBatteries)] : [];
}

function bytesOfVram({ memoryTotal, vram, vramDynamic }: Systeminformation.GraphicsControllerData): number | undefined {
  const mebibytes = count(memoryTotal) ?? (vramDynamic ? undefined : count(vram));
  return mebibytes === undefined ? undefined : mebibytes * mebibyte;
}

/** What people look for and do not find, with its cure. */
function untold(told: Told, hardware: Hardware, platform: NodeJS.Platform): string[] {
  const words: string[] = [];
  const isBare = told.system !== undefined && !told.system.virtual;
  if (platform !== 'linux' || !isBare) return words;
  if (told.memLayout && hardware.memory.length === 0)
    words.push('The memory modules are not told: on a PC only root may read them, with dmidecode.');
  // A card in a slot has no SMART.
  if (hardware.disks.some(({ smart, device }) => smart === undefined && !device?.includes('mmcblk')))
    words.push('Not every disk gave its SMART verdict: that takes smartctl (Debian: smartmontools) and root.');
  return words;
}

/** A text in one line, within its bounds; undefined where it says nothing. */
function fact(value: unknown): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const text = oneLine(String(value), maxHardwareChars);
  return text === '' || nothing.test(text) || /^(00:){5}00$/.test(text) ? undefined : text;
}
function oneLine(text: string, characters: number): string {
  const head = text.slice(0, 4 * characters).toWellFormed();
  const line = head.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
  return [...line].slice(0, characters).join('').trim();
}

function count(value: unknown, zero = false): number | undefined {
  if (typeof value !== 'number' || !Number.isFinite(value) || value > 2 ** 50) return undefined;
  return value > 0 || (zero && value === 0) ? Math.round(value) : undefined;
}

function group<K extends string, V extends object>(name: K, fields: V): { [N in K]?: V } {
  const kept = told(fields);
  return (kept ? { [name]: kept } : {}) as { [N in K]?: V };
}
/** The fields that have a value; null where none has. */
function told<V extends object>(fields: V): V | null {
  const kept = Object.entries(fields).filter(([, value]) => value !== undefined);
  return kept.length > 0 ? (Object.fromEntries(kept) as V) : null;
}
/** The library promises lists of objects; a program that prints something unexpected makes it break that. */
function rowsIn<T>(list: readonly T[] | undefined): T[] {
  return Array.isArray(list) ? list.filter((row) => typeof row === 'object' && row !== null) : [];
}
function listOf<T, V extends object>(parts: readonly T[] | undefined, of: (part: T) => V): V[] {
  return rowsIn(parts)
    .slice(0, 4 * maxPartsOfAKind)
    .flatMap((part) => told(of(part)) ?? [])
    .slice(0, maxPartsOfAKind);
}

/** Within the bytes of a message: of the longest lists the last parts go, and that is said. */
function fitted(hardware: Hardware): Hardware {
  const lists: Lists[] = ['memory', 'graphics', 'disks', 'network', 'wifi', 'usb', 'batteries'];
  const besides = 200;
  let kept = hardware;
  let left = 0;
  while (Buffer.byteLength(JSON.stringify(kept)) > maxHardwareBytes - besides) {
    const longest = lists.toSorted((a, b) => kept[b].length - kept[a].length)[0] as Lists;
    kept = { ...kept, [longest]: kept[longest].slice(0, -1) };
    left++;
  }
  return left === 0 ? kept : { ...kept, lacks: [...kept.lacks, `${left} parts are left out: there are too many.`] };
}
