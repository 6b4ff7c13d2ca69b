// What the fleet makes of recorded and of made-up answers of systeminformation, and of answers that no machine should give.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { explain, Hardware, maxHardwareBytes, maxPartsOfAKind } from '@blackroad/protocol';
import { partsInWords } from '@blackroad/protocol/hardware-words';
import t from 'tap';
import { hardwareOf, type Told } from './parts.ts';

const folder = join(import.meta.dirname, '../../../test/fixtures/node-agent/hardware');
interface Recorded {
  from: string;
  platform: NodeJS.Platform;
  told: Told;
  right: Hardware;
}
const machine = (file: string): Recorded => JSON.parse(readFileSync(join(folder, file), 'utf8'));

for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
  const { from, platform, told, right } = machine(file);
  t.test(`${file}, ${from}`, async (t) => {
    const hardware = hardwareOf(told, [], platform);
    t.strictSame(JSON.parse(JSON.stringify(hardware)), right);
    t.equal(explain(Hardware, hardware), '');
  });
}

t.test('in words, each part with what tells it from its twin', async (t) => {
  const rows = partsInWords(machine('gpu-box.json').right).map(({ kind, text, own }) => `${kind}: ${text} (${own})`);
  t.strictSame(rows, [
    'machine: Gigabyte Technology Co., Ltd. MZ33-AR0, 0100 (serial 01234567)',
    'board: Gigabyte Technology Co., Ltd. MZ33-AR0-000, 01000100 (serial NF9P0000001)',
    'firmware: GIGABYTE R31_F07, 2024-05-10 ()',
    'processor: AMD EPYC 9354P, 64 cores, 32 of them physical ()',
    'memory: 64.0 GiB DDR5 DIMM, 4800 MHz, in P0 CHANNEL A, Samsung M321R8GA0BB0-CQKZJ (serial 80CE01234567)',
    'memory: 64.0 GiB DDR5 DIMM, 4800 MHz, in P0 CHANNEL B, Samsung M321R8GA0BB0-CQKZJ (serial 80CE01234568)',
    'graphics: NVIDIA GeForce RTX 3090, 24.0 GiB, driver 570.86.10, at 00000000:01:00.0 ()',
    'graphics: NVIDIA GeForce RTX 3090, 24.0 GiB, driver 570.86.10, at 00000000:81:00.0 ()',
    'graphics: ASPEED Graphics Family, 16 MiB, at c3:00.0 ()',
    'disk: /dev/nvme0n1, Samsung SSD 990 PRO 2TB, 2.0 TB PCIe NVMe, firmware 4B2QJXD7, SMART: good, 3 % of its writes used (serial S7KHNJ0W000001)',
    'disk: /dev/sda, Seagate ST16000NM000J, 16.0 TB SATA HD, firmware SN02, SMART: it will fail soon (serial ZRS00001)',
    'network: enp1s0f0 wired, 10000 Mbit/s (d8:5e:d3:00:00:01)',
  ]);
});

t.test('a PC that lets nobody but root read its modules says so', async (t) => {
  const { told } = machine('gpu-box.json');
  const all = { ...told.memLayout?.[0], bank: '', type: '', manufacturer: '', partNum: '', serialNum: '' };
  const { memory, lacks } = hardwareOf(
    { ...told, memLayout: [all as never] },
    ['Nothing is known of its USB.'],
    'linux',
  );
  t.same(memory, []);
  t.same(lacks, [
    'Nothing is known of its USB.',
    'The memory modules are not told: on a PC only root may read them, with dmidecode.',
  ]);
});

t.test('garbage, figures out of all bounds and thousands of parts fit the message all the same', async (t) => {
  const evil = `\u001b[31m\u0000 ${'é\ud800'.repeat(5000)}`;
  const usb = Array.from({ length: 5000 }, (_, id) => ({
    id,
    name: `${id} ${evil}`,
    vendor: evil,
    serialNumber: evil,
  }));
  const disks = Array.from({ length: 200 }, (_, at) => ({
    device: `/dev/sd${at} ${evil}`,
    size: 1e300,
    serialNum: evil,
  }));
  const told = {
    system: { manufacturer: evil, model: 7, version: null, serial: {} },
    cpu: { brand: evil, cores: Number.NaN, physicalCores: -3, processors: 1.4 },
    memLayout: 'none',
    graphics: { controllers: [null, 7, { model: evil, vram: Number.POSITIVE_INFINITY }] },
    diskLayout: disks,
    usb,
    battery: { hasBattery: true, designedCapacity: 1, maxCapacity: 1e9, type: 'To Be Filled By O.E.M.' },
  } as unknown as Told;
  const hardware = hardwareOf(
    told,
    Array.from({ length: 99 }, () => evil),
    'linux',
  );
  t.equal(explain(Hardware, hardware), '');
  t.ok(Buffer.byteLength(JSON.stringify(hardware)) <= maxHardwareBytes);
  t.ok(hardware.usb.length > 5 && hardware.usb.length < maxPartsOfAKind);
  t.match(hardware.lacks.at(-1), /^\d+ parts are left out: there are too many\.$/);
  t.notMatch(JSON.stringify(hardware), /\\u001b|\\u0000/);
  t.match(hardware, { cpu: { sockets: 1 }, memory: { length: 0 }, batteries: { length: 0 } });
});
