// The parts of a machine in words, the same in the terminal and in the console. Pure. In: what a node told. Out: one row for each part, with
// what tells it apart from an equal one. No validator is imported, so that a browser need not load one.
import type { Hardware } from './hardware.ts';
import { bytesInWords, counted } from './quantity-words.ts';

export interface PartWords {
  kind: string;
  text: string;
  /** Serial number or address; empty where the machine does not tell it. */
  own: string;
}
type Facts = readonly (string | false | undefined)[];

export function partsInWords(hardware: Hardware): PartWords[] {
  const { machine, board, firmware, cpu } = hardware;
  const size = (bytes: number | undefined) => bytes !== undefined && bytesInWords(bytes);
  return [
    ...one('machine', machine, [together(machine?.maker, machine?.model), machine?.version], serial(machine)),
    ...one('board', board, [together(board?.maker, board?.model), board?.version], serial(board)),
    ...one('firmware', firmware, [together(firmware?.maker, firmware?.version), firmware?.released]),
    ...one('processor', cpu, [
      cpu?.model,
      cpu?.cores !== undefined && counted(cpu.cores, 'core'),
      cpu?.physicalCores !== undefined && cpu.physicalCores !== cpu.cores && `${cpu.physicalCores} of them physical`,
      (cpu?.sockets ?? 1) > 1 && `${cpu?.sockets} sockets`,
    ]),
    ...hardware.memory.map((module) =>
      row(
        'memory',
        [
          together(size(module.bytes), module.kind, module.form),
          module.mhz !== undefined && `${module.mhz} MHz`,
          module.slot && `in ${module.slot}`,
          together(module.maker, module.part),
        ],
        serial(module),
      ),
    ),
    ...hardware.graphics.map((card) =>
      row('graphics', [
        together(card.maker, card.model),
        size(card.memoryBytes),
        card.driver && `driver ${card.driver}`,
        card.address && `at ${card.address}`,
      ]),
    ),
    ...hardware.disks.map(diskInWords),
    ...hardware.network.map((card) =>
      row(
        'network',
        [together(card.name, card.kind), card.mbitPerS !== undefined && `${card.mbitPerS} Mbit/s`],
        address(card),
      ),
    ),
    ...hardware.wifi.map((card) => row('Wi-Fi', [card.name, together(card.maker, card.model)], address(card))),
    ...hardware.usb.map((device) => row('USB', [together(device.maker, device.name), device.kind], serial(device))),
    ...hardware.batteries.map((battery) =>
      row(
        'battery',
        [
          together(battery.maker, battery.model),
          battery.kind,
          battery.healthPercent !== undefined && `holds ${battery.healthPercent} % of what it held when new`,
        ],
        serial(battery),
      ),
    ),
  ];
}

function diskInWords(disk: Hardware['disks'][number]): PartWords {
  const { wornPercent, smart } = disk;
  return row(
    'disk',
    [
      disk.device,
      together(disk.maker, disk.model),
      together(disk.bytes !== undefined && diskSize(disk.bytes), disk.bus, disk.kind !== disk.bus && disk.kind),
      disk.firmware && `firmware ${disk.firmware}`,
      smart && (smart === 'good' ? 'SMART: good' : 'SMART: it will fail soon'),
      wornPercent !== undefined && `${wornPercent} % of its writes used`,
    ],
    serial(disk),
  );
}

const serial = (part: { serial?: string } | undefined) => (part?.serial ? `serial ${part.serial}` : '');
const address = (part: { address?: string }) => part.address ?? '';

/** In one piece. A maker whose first word the model begins with is left out: `NVIDIA Corporation`, `NVIDIA GeForce RTX 3090`. */
function together(...words: Facts): string {
  const [first = '', ...rest] = words.filter((word) => typeof word === 'string');
  const [name = ''] = first.toLowerCase().split(' ');
  return rest[0]?.toLowerCase().startsWith(name) ? rest.join(' ') : [first, ...rest].join(' ');
}
/** As makers of disks count: a terabyte has 10^12 bytes. */
function diskSize(bytes: number): string {
  return bytes >= 1e12 ? `${(bytes / 1e12).toFixed(1)} TB` : `${Math.round(bytes / 1e9)} GB`;
}
function row(kind: string, facts: Facts, own = ''): PartWords {
  return { kind, text: facts.filter(Boolean).join(', '), own };
}
function one(kind: string, part: object | undefined, facts: Facts, own = ''): PartWords[] {
  return part ? [row(kind, facts, own)] : [];
}
