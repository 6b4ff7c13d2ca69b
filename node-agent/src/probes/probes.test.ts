// The probes on recorded machines, and once on the machine that runs the test.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { explain, maxCount, NodeHealth, NodeInfo } from '@blackroad/protocol';
import { type Clock, systemClock } from '@blackroad/std/clock';
import { freeBytesOf } from '@blackroad/std/free-bytes';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import t from 'tap';
import { type Machine, unpackMachine } from '../../../test/fixtures/node-agent/machines/machine.ts';
import { readNvidiaSmi } from './gpu.ts';
import { readFlags } from './power.ts';
import { createProbes, type ProbesOptions } from './probes.ts';
import { type SimulatedProfile, simulatedProbes } from './simulated.ts';

const GiB = 1024 ** 3;
const home = mkdtempSync(join(tmpdir(), 'fleet-probes-'));
t.teardown(() => rmSync(home, { recursive: true, force: true }));

/** Monotonic time that the test moves; `every` fires at `tick`. */
function handClock(): Clock & { passMs(ms: number): void; tick(): void } {
  let ms = 0;
  const runs: (() => void)[] = [];
  return {
    ...systemClock,
    monotonicMs: () => ms,
    every: (_, run) => {
      runs.push(run);
      return { cancel() {} };
    },
    passMs(more) {
      ms += more;
    },
    tick: () => {
      for (const run of runs) run();
    },
  };
}
type Test = { teardown(run: () => unknown): void };
function on(t: Test, name: string, more: Partial<ProbesOptions> = {}) {
  const machine: Machine = unpackMachine(name);
  const clock = handClock();
  const options = {
    clock,
    log: silentLog,
    modelsDir: '/var/lib/blackroad/models',
    stateDir: '/var/lib/blackroad',
    random: seededRandom(1),
    ...more,
  };
  const probes = createProbes({ ...options, root: machine.root });
  t.teardown(() => {
    probes.close();
    machine.close();
  });
  return { machine, clock, probes, options };
}
const rest = { boot: 'boot-0001', seq: 1, atMs: 1, generation: 0, tasksRunning: 0, outboxDepth: 0 };

t.test('what a machine is', async (t) => {
  const expected = {
    pi5: {
      class: 'pi',
      hostname: 'alice',
      board: 'Raspberry Pi 5 Model B Rev 1.0',
      cpu: 'Cortex-A76',
      arch: 'arm64',
      cores: 4,
    },
    pi4: {
      class: 'pi',
      hostname: 'octavia',
      cpu: 'Cortex-A72',
      os: 'Debian GNU/Linux 12 (bookworm), 6.6.31+rpt-rpi-v8',
    },
    zero2: { class: 'micro', hostname: 'codex', memoryBytes: 426704 * 1024, gpus: [] },
    'linux-vm': { class: 'cpu', arch: 'x64', cores: 2, cpu: 'Intel(R) Xeon(R) Processor' },
    'gpu-box': {
      class: 'edge-gpu',
      board: 'ASUS',
      gpus: [
        { name: 'NVIDIA GeForce RTX 3090', memoryBytes: 24 * GiB },
        { name: 'NVIDIA GeForce RTX 3090', memoryBytes: 24 * GiB },
      ],
    },
    container: { class: 'cpu', memoryBytes: 4 * GiB, cores: 2 },
  };
  for (const [name, facts] of Object.entries(expected)) {
    const { probes } = on(t, name, { stateDir: join(home, name) });
    const inventory = await probes.inventory();
    t.match(inventory, facts, name);
    t.equal(
      explain(NodeInfo, { ...inventory, boot: 'boot-0001', runtimes: [], notes: [], simulated: false }),
      '',
      name,
    );
    t.equal(explain(NodeHealth, { ...rest, ...probes.health() }), '', name);
  }
});

t.test('a Pi 5 in good health', (t) => {
  const { probes, machine } = on(t, 'pi5');
  const health = probes.health();
  t.match(health, {
    uptimeS: 61667.42,
    memoryFreeBytes: 7412345 * 1024,
    temperatureC: 54.3,
    throttled: { now: false, sinceBoot: false },
    undervoltage: { now: false, sinceBoot: false },
    readOnlyDisk: false,
    clockSynced: true,
  });
  t.notOk('wifi' in health, 'Wi-Fi is off');
  t.ok(health.diskFreeBytes > 0);
  machine.set('/sys/class/hwmon/hwmon3/in0_lcrit_alarm', '1\n');
  t.match(probes.health().undervoltage, { now: true, sinceBoot: true });
  machine.set('/sys/class/hwmon/hwmon3/in0_lcrit_alarm', '0\n');
  t.match(probes.health().undervoltage, { now: false, sinceBoot: true }, 'the driver forgets, the node does not');
  t.same(probes.modelMemory(), {
    totalBytes: Math.floor(0.6 * 8256384 * 1024),
    freeBytes: Math.floor(0.6 * 7412345 * 1024),
  });
  t.end();
});

t.test('a hot Pi 4 on Wi-Fi', (t) => {
  const { probes } = on(t, 'pi4');
  t.match(probes.health(), {
    temperatureC: 82.764,
    throttled: { now: true, sinceBoot: true },
    undervoltage: { now: false, sinceBoot: false },
    wifi: { signalDbm: -63, reconnects: 3 },
  });
  t.end();
});

t.test('a Zero 2 W with a weak supply and a dying card asks the firmware in the background', async (t) => {
  const { probes, machine, clock } = on(t, 'zero2');
  await probes.inventory();
  t.match(probes.health(), {
    undervoltage: { now: true, sinceBoot: true },
    throttled: { now: false, sinceBoot: true },
    readOnlyDisk: true,
    clockSynced: false,
    wifi: { signalDbm: -75, reconnects: 0 },
  });
  t.same(probes.modelMemory(), { totalBytes: 0, freeBytes: 0 }, 'no model of its own');
  machine.set('/usr/bin/vcgencmd.output', 'throttled=0x50000\n');
  clock.tick();
  while (probes.health().undervoltage?.now) await new Promise((resolve) => setImmediate(resolve));
  t.match(probes.health().undervoltage, { now: false, sinceBoot: true });
});

t.test('rates are since the last look', (t) => {
  const { probes, machine, clock } = on(t, 'pi4');
  probes.health();
  clock.passMs(10_000);
  // 400 of 1000 ticks are busy; the Docker bridge carries the same bytes once more and is not counted.
  machine.set('/proc/stat', 'cpu  912645 0 298865 14124056 25123 0 12345 0 0 0\ncpu0 1 0 0 0 0 0 0 0 0 0\n');
  const net = [
    'Inter-|',
    ' face |',
    ' wlan0: 612445678 0 0 0 0 0 0 0 71254567 0 0 0 0 0 0 0',
    'docker0: 999999999999 0 0 0 0 0 0 0 999999999999 0 0 0 0 0 0 0',
  ];
  machine.set('/proc/net/dev', `${net.join('\n')}\n`);
  const second = probes.health();
  t.equal(second.cpu, 0.4);
  t.same(second.network, { receivedBytesPerS: 10_000, sentBytesPerS: 2_000 });
  t.equal(probes.health().cpu, 0, 'no tick passed');
  t.end();
});

t.test('what is written a day is measured of the disks, over hours, and wear is of SD cards and eMMC alone', (t) => {
  const hour = 3_600_000;
  const line = (device: string, bytes: number) => ` 179 0 ${device} 1 1 1 1 1 1 ${bytes / 512} 1 0`;
  const { machine, clock } = on(t, 'zero2');
  // This node-agent starts a minute after the boot.
  const fresh = on(t, 'zero2');
  fresh.machine.set('/proc/uptime', '60.00 1.0\n');
  fresh.machine.set('/proc/diskstats', `${line('mmcblk0', 0)}\n`);
  const young = createProbes({ ...fresh.options, root: fresh.machine.root });
  t.teardown(() => young.close());
  const written = (which: Pick<ReturnType<typeof createProbes>, 'health'>) => {
    const { sdWrittenBytesPerDay: sd, diskWrittenBytesPerDay: all } = which.health();
    return [sd, all];
  };
  t.same(written(young), [undefined, undefined]);
  fresh.machine.set('/proc/diskstats', `${line('mmcblk0', 512e6)}\n${line('mmcblk0p1', 512e6)}\n`);
  fresh.clock.passMs(20 * 60_000);
  t.same(written(young), [undefined, undefined], 'nor do twenty minutes');
  fresh.clock.passMs(12 * hour - 21 * 60_000);
  t.same(written(young), [1024e6, 1024e6], 'half a day does');
  for (let i = 0; i < 48; i++) {
    fresh.clock.passMs(hour);
    written(young);
  }
  t.same(written(young), [0, 0], 'what was written before the last day does not count for ever');

  machine.set('/proc/diskstats', `${line('nvme0n1', 5120e6)}\n${line('mmcblk0', 512e6)}\n`);
  machine.set('/proc/uptime', `${10 * 86400}.00 1.0\n`);
  const old = createProbes({ ...fresh.options, clock, root: machine.root });
  t.teardown(() => old.close());
  t.same(written(old), [51.2e6, 563.2e6], 'a machine that has run for ten days knows at once');

  const pc = on(t, 'gpu-box');
  t.notOk('sdWrittenBytesPerDay' in pc.probes.health(), 'a PC has no card to wear out');
  t.ok('diskWrittenBytesPerDay' in pc.probes.health());
  t.end();
});

t.test('traffic is of real cards: a VLAN, a bridge or a tunnel carries the same bytes once more', (t) => {
  const { probes, machine, clock } = on(t, 'pi4');
  const counters = (received: number, sent: number) => ` ${received} 10 0 0 0 0 0 0 ${sent} 10 0 0 0 0 0 0`;
  const virtual = ['eth0.20', 'vmbr0', 'hassio', 'podman0', 'ppp0', 'macvlan0', 'mybridge', 'br0', 'wg0'];
  const net = (received: number, sent: number, names: string[]) =>
    machine.set(
      '/proc/net/dev',
      ['', '', ...names.map((name) => `${name}:${counters(received, sent)}`), ''].join('\n'),
    );
  net(0, 0, ['lo', 'eth0', ...virtual]);
  probes.health();
  clock.passMs(1000);
  net(1000, 500, ['lo', 'eth0', ...virtual]);
  t.same(probes.health().network, { receivedBytesPerS: 1000, sentBytesPerS: 500 });
  machine.remove('/sys/class/net');
  clock.passMs(1000);
  net(3000, 1500, ['lo', 'eth0', ...virtual.filter((name) => name !== 'mybridge')]);
  t.same(probes.health().network, { receivedBytesPerS: 2000, sentBytesPerS: 1000 }, 'a container has no real card');
  t.end();
});

t.test('Wi-Fi is the card that is in use', (t) => {
  const { probes, machine } = on(t, 'pi4');
  const wireless = (...rows: string[]) =>
    machine.set('/proc/net/wireless', ['Inter-| sta-|', ' face | tus |', ...rows, ''].join('\n'));
  machine.set('/sys/class/net/wlan1/carrier_up_count', '3\n');
  const usb = ' wlan1: 0000   58.  -52.  -256        0      0      0      0     80        0';
  for (const level of ['0     0     0', '0     -256.  -256.', '58.   70.   0', '0   -200.  0']) {
    wireless(` wlan0: 0000    ${level}        0      0      0      0      0        0`, usb);
    t.same(probes.health().wifi, { signalDbm: -52, reconnects: 2 }, level);
    wireless(` wlan0: 0000    ${level}        0      0      0      0      0        0`);
    t.equal(probes.health().wifi, undefined, level);
  }
  t.end();
});

t.test('a temperature that cannot be is none', (t) => {
  const { machine, options } = on(t, 'linux-vm');
  for (const name of ['thermal', 'hwmon']) machine.remove(`/sys/class/${name}`);
  machine.set('/sys/class/thermal/thermal_zone0/type', 'acpitz\n');
  for (const milli of ['-274000', '-273000', '255000', '4294967']) {
    machine.set('/sys/class/thermal/thermal_zone0/temp', `${milli}\n`);
    const probes = createProbes({ ...options, root: machine.root });
    t.teardown(() => probes.close());
    t.notOk('temperatureC' in probes.health(), milli);
    machine.set('/sys/class/thermal/thermal_zone0/temp', '41500\n');
    t.equal(probes.health().temperatureC, 41.5, 'the sensor came to itself');
  }
  machine.set('/sys/class/thermal/thermal_zone0/temp', '-274000\n');
  machine.set('/sys/class/thermal/thermal_zone1/type', 'pch_cannonlake\n');
  machine.set('/sys/class/thermal/thermal_zone1/temp', '38000\n');
  const probes = createProbes({ ...options, root: machine.root });
  t.teardown(() => probes.close());
  t.equal(probes.health().temperatureC, 38, 'the next one is asked');
  t.end();
});

t.test('the cache of ZFS is free memory', (t) => {
  const { probes, machine } = on(t, 'linux-vm');
  machine.remove('/sys/fs/cgroup');
  machine.set(
    '/proc/meminfo',
    'MemTotal:       65752708 kB\nMemFree:         3500000 kB\nMemAvailable:    4200000 kB\n',
  );
  machine.set(
    '/proc/spl/kstat/zfs/arcstats',
    '13 1 0x01 147 39984 4283000 9999999\nname                            type data\nc_min                           4    2104086656\nsize                            4    50465865728\n',
  );
  const available = 4200000 * 1024 + 50465865728 - 2104086656;
  t.equal(probes.health().memoryFreeBytes, available);
  t.equal(probes.modelMemory().freeBytes, Math.floor(0.6 * available));
  t.equal(Math.round(probes.modelMemory().freeBytes / GiB), 29);
  machine.set('/proc/spl/kstat/zfs/arcstats', 'c_min 4 2104086656\nsize 4 1000000\n');
  t.equal(probes.health().memoryFreeBytes, 4200000 * 1024, 'a cache below its least gives nothing back');
  t.end();
});

t.test('a set of processors is a limit as a quota is', async (t) => {
  const { machine, options, clock } = on(t, 'container', { stateDir: join(home, 'cpuset') });
  const eight = ['cpu  800 0 0 800 0 0 0 0 0 0', ...Array.from({ length: 8 }, (_, i) => `cpu${i} 100 0 0 100 0 0 0 0`)];
  machine.set('/proc/stat', `${eight.join('\n')}\n`);
  machine.remove('/sys/fs/cgroup/cpu.max');
  const cores = async () => {
    const probes = createProbes({ ...options, root: machine.root });
    t.teardown(() => probes.close());
    return { probes, cores: (await probes.inventory()).cores };
  };
  t.equal((await cores()).cores, 8);
  machine.set('/sys/fs/cgroup/cpuset.cpus.effective', '0-1\n');
  const two = await cores();
  t.equal(two.cores, 2);
  clock.passMs(10_000);
  const usec = Number(/usage_usec (\d+)/.exec(machine.text('/sys/fs/cgroup/cpu.stat'))?.[1]);
  machine.set('/sys/fs/cgroup/cpu.stat', `usage_usec ${usec + 10_000_000}\n`);
  t.equal(two.probes.health().cpu, 0.5, '10 s of the 20 s that two cores have in ten seconds');
  machine.remove('/sys/fs/cgroup/cpuset.cpus.effective');
  machine.set('/proc/self/status', 'Name:\tnode\nCpus_allowed:\tff\nCpus_allowed_list:\t0,2-3\n');
  t.equal((await cores()).cores, 3);
  machine.remove('/proc/self/status');
  machine.set('/sys/fs/cgroup/cpuset/cpuset.cpus', '4-7\n');
  t.equal((await cores()).cores, 4);
  machine.set('/sys/fs/cgroup/cpuset/cpuset.cpus', '\n');
  t.equal((await cores()).cores, 8, 'an empty set says nothing');
});

t.test('disk space is counted in the unit of the counters', (t) => {
  const [fuse, nfs, ext4] = [0x65735546, 0x6969, 0xef53];
  const virtiofs = { bsize: 1_048_576, frsize: 4096, bavail: 31_000_000 };
  t.equal(Math.round(freeBytesOf({ ...virtiofs, type: fuse }) / GiB), 118);
  t.equal(freeBytesOf({ bsize: 1_048_576, bavail: 31_000_000, type: fuse }), 31_000_000 * 4096, 'the unit is not told');
  t.equal(freeBytesOf({ bsize: 1_048_576, bavail: 1000, type: nfs }), 1000 * 4096);
  t.equal(freeBytesOf({ bsize: 1024, bavail: 1000, type: nfs }), 1000 * 1024);
  t.equal(freeBytesOf({ bsize: 65_536, bavail: 1000, type: ext4 }), 1000 * 65_536);
  t.equal(freeBytesOf({ bsize: 4096, frsize: 0, bavail: 1000, type: ext4 }), 1000 * 4096);
  t.equal(freeBytesOf({ bsize: 4096, bavail: 2 ** 50, type: fuse }), maxCount, 'a store of objects');
  t.equal(freeBytesOf({ bsize: 4096, bavail: 2 ** 64 - 5000, type: ext4 }), 0, 'more is used than users may');
  t.end();
});

t.test('a Pi with 2 GB runs models', async (t) => {
  for (const model of ['Raspberry Pi 5 Model B Rev 1.1', 'Raspberry Pi 4 Model B Rev 1.5']) {
    const { probes, machine } = on(t, 'pi4');
    machine.set(
      '/proc/meminfo',
      'MemTotal:        2063904 kB\nMemFree:         1700000 kB\nMemAvailable:    1850000 kB\n',
    );
    machine.set('/proc/device-tree/model', model);
    const again = createProbes({ ...on(t, 'pi4').options, root: machine.root });
    t.teardown(() => again.close());
    t.equal((await again.inventory()).class, 'pi', model);
    t.equal(probes.modelMemory().totalBytes, Math.floor(0.6 * 2063904 * 1024));
  }
});

t.test('a container sees its own limits', (t) => {
  const { probes, machine, clock } = on(t, 'container', { stateDir: join(home, 'limits') });
  const health = probes.health();
  t.equal(health.memoryFreeBytes, 4 * GiB - 0.5 * GiB, 'page cache that can go is free');
  t.equal(probes.modelMemory().totalBytes, Math.floor(0.6 * 4 * GiB));
  clock.passMs(10_000);
  machine.set('/sys/fs/cgroup/cpu.stat', 'usage_usec 17500000\n');
  t.equal(probes.health().cpu, 0.5, '7.5 s of the 15 s that 1.5 cores have in ten seconds');
  t.end();
});

t.test('graphics cards are read in the background and give the memory for models', async (t) => {
  const { probes, machine, clock } = on(t, 'gpu-box');
  await probes.inventory();
  t.same(probes.health().gpus, [
    { memoryUsedBytes: 1234 * 1024 ** 2, utilisation: 0.05, temperatureC: 41 },
    { memoryUsedBytes: 20000 * 1024 ** 2, utilisation: 0.95, temperatureC: 71 },
  ]);
  t.equal(probes.health().temperatureC, 51.25, "the processor's, not the disk's");
  const totalBytes = Math.floor(0.85 * 48 * GiB);
  t.same(probes.modelMemory(), { totalBytes, freeBytes: totalBytes - 21234 * 1024 ** 2 });
  machine.set(
    '/usr/bin/nvidia-smi',
    '#!/bin/sh\necho "Failed to initialize NVML: Driver/library version mismatch"\nexit 18\n',
  );
  clock.tick();
  while (probes.health().gpus) await new Promise((resolve) => setImmediate(resolve));
  t.match((await probes.inventory()).gpus, [{}, {}], 'the cards are still in the machine');
});

t.test('nvidia-smi in all its moods', (t) => {
  const read = (stdout: string, board?: string) => readNvidiaSmi({ stdout, stderr: '', code: 0 }, board);
  const card = (stdout: string, board?: string) => read(stdout, board)?.cards[0];
  const fine = { fault: null, sharesMemory: false };
  t.match(card('NVIDIA H100 80GB HBM3, 81559, 412, 0, 34\n'), {
    ...fine,
    name: 'NVIDIA H100 80GB HBM3',
    memoryBytes: 81559 * 1024 ** 2,
    temperatureC: 34,
  });
  const gb10 = { fault: null, sharesMemory: true, memoryBytes: null, usedBytes: null, utilisation: 0.03 };
  t.match(card('NVIDIA GB10, [N/A], [N/A], 3, 45\n'), gb10);
  t.match(card('Orin (nvgpu), [N/A], [N/A], [N/A], [N/A]\n'), { fault: null, sharesMemory: true });
  t.match(card('NVIDIA A100-SXM4-80GB, 81920, 5, [N/A], 30\n'), { ...fine, utilisation: 0 }, 'sliced with MIG');
  t.match(card('Tesla P100-PCIE-16GB, 16280, 1628, 10, [Not Supported]\n'), { ...fine, temperatureC: null });
  t.match(
    card('NVIDIA RTX 9999, [N/A], [N/A], 0, 40\n'),
    { fault: /how much memory/, memoryBytes: null, sharesMemory: false },
    'a card that does not say its memory does not take the memory of the machine',
  );
  for (const fault of ['[GPU is lost]', '[Unknown Error]', '[GPU requires reset]', 'ERR!', 'Unknown Error'])
    t.match(card(`NVIDIA GB10, ${fault}, ${fault}, ${fault}, ${fault}\n`), { fault, sharesMemory: false }, fault);
  t.match(card('NVIDIA GeForce RTX 3090, 24576, [Unknown Error], 0, 40\n'), { fault: '[Unknown Error]' });
  for (const total of ['0', '-5', '99999999999999999999'])
    t.match(card(`RTX 3090, ${total}, 3, 0, 40`), { memoryBytes: null, fault: /how much memory/ }, total);
  t.match(card('RTX 3090, 24576.5, -1, 0, 40'), { memoryBytes: 24576.5 * 1024 ** 2, usedBytes: null, fault: null });
  t.match(read('RTX 3090, 24576, 3, 0, 40\r\nA100, [Not Found], [Not Found], 0, 30\r\n'), {
    cards: [
      { name: 'RTX 3090', usedBytes: 3 * 1024 ** 2, fault: null },
      { name: 'A100', fault: /how much memory/ },
    ],
  });
  t.match(read('No devices were found\n'), { cards: { length: 0 }, lost: { length: 0 }, warnings: { length: 0 } });
  t.match(read('Unable to determine the device handle for GPU0: 0000:01:00.0: Unknown Error\n'), { lost: [/GPU0/] });
  t.equal(read('Failed to initialize NVML: Unknown Error\n'), null);
  t.equal(read(''), null);
  t.equal(readFlags('throttled=0x50005\n'), 0x50005);
  t.equal(readFlags('e0008\n'), 0xe0008);
  t.equal(readFlags('VCHI initialization failed\n'), null);
  t.end();
});

t.test('the fingerprint is the machine, not what is installed on it', async (t) => {
  const of = async (name: string, change: (machine: Machine) => void = () => {}, more: Partial<ProbesOptions> = {}) => {
    const { probes, machine } = on(t, name, more);
    change(machine);
    const fingerprint = (await probes.machineIdentity()).hardware;
    t.match(fingerprint, /^[0-9a-f]{64}$/);
    return fingerprint;
  };
  const pi = await of('pi5');
  t.equal(await of('pi5', (m) => m.set('/etc/machine-id', 'f'.repeat(32))), pi, 're-flashed: another machine id');
  t.equal(await of('pi5', (m) => m.remove('/sys/class/net/eth0')), pi, 'moved to Wi-Fi');
  t.not(await of('pi4'), pi);
  t.not(await of('pi5', undefined, { instance: 'second' }), pi, 'a second node-agent on the machine is another node');

  const box = await of('gpu-box');
  t.equal(
    await of('gpu-box', (m) => m.set('/sys/class/net/wlp5s0/address', 'aa:aa:aa:00:00:01')),
    box,
    'random Wi-Fi address',
  );
  t.equal(
    await of('gpu-box', (m) => m.set('/sys/class/net/docker0/address', '02:42:00:00:00:01')),
    box,
    'Docker installed',
  );
  t.not(
    await of('gpu-box', (m) => m.set('/sys/class/net/enp6s0/address', '04:42:1a:00:00:10')),
    box,
    'cloned disk, other box',
  );
  t.not(await of('gpu-box', (m) => m.set('/etc/machine-id', 'f'.repeat(32))), box, 'a new installation');

  const stateDir = join(home, 'container-state');
  const container = await of('container', undefined, { stateDir });
  t.equal(
    await of('container', undefined, { stateDir, random: seededRandom(2) }),
    container,
    'recreated with its volume',
  );
  const other = { stateDir: join(home, 'other-state'), random: seededRandom(3) };
  t.not(await of('container', undefined, other), container);
});

t.test('what changes by itself is not the machine; what a copied image shares is weak', async (t) => {
  const machineId = 'fcd142be70fc4067a8504138aa61c5fb';
  const of = async (change: (machine: Machine) => void, stateDir: string, seed = 1) => {
    const { probes, machine } = on(t, 'linux-vm', { stateDir: join(home, stateDir), random: seededRandom(seed) });
    machine.set('/etc/machine-id', `${machineId}\n`);
    change(machine);
    return probes.machineIdentity();
  };
  const card = '/sys/class/net/eth0';
  const wsl = (address: string) => (machine: Machine) => {
    machine.set('/proc/sys/kernel/osrelease', '5.15.153.1-microsoft-standard-WSL2\n');
    machine.set(`${card}/address`, `${address}\n`);
  };
  const [monday, tuesday] = [await of(wsl('00:15:5d:01:aa:01'), 'wsl'), await of(wsl('00:15:5d:01:bb:02'), 'wsl')];
  t.not(monday.hardware, tuesday.hardware);
  t.equal(monday.machine, tuesday.machine, 'WSL: another address at every start');
  t.ok(monday.isWeak, 'a distribution imported twice');

  const early = await of(() => {}, 'laptop');
  const late = await of((machine) => machine.set(`${card}/addr_assign_type`, '3\n'), 'laptop');
  t.equal(early.machine, late.machine, 'before and after NetworkManager');
  t.same([early.isWeak, late.isWeak], [false, true]);

  const signs: ((machine: Machine) => void)[] = [
    (machine) => machine.set('/proc/1/environ', 'TERM=linux\0container=lxc\0'),
    (machine) => machine.set('/run/systemd/container', 'systemd-nspawn\n'),
    (machine) => machine.set('/proc/1/cgroup', '12:cpuset:/lxc/ct101\n'),
    (machine) => machine.set('/run/.containerenv', ''),
    (machine) => machine.set('/.dockerenv', ''),
  ];
  for (const [at, sign] of signs.entries()) {
    const [one, two] = [await of(sign, `ct101-${at}`, 101), await of(sign, `ct102-${at}`, 102)];
    t.ok(one.isWeak && two.isWeak);
    t.not(one.hardware, two.hardware, 'two containers of one image');
    t.not(one.machine, two.machine);
    t.same(await of(sign, `ct101-${at}`, 3), one, 'the same at every start, and after its folder was copied');
    t.equal(
      (await of(() => {}, `ct101-${at}`)).machine,
      one.machine,
      'also for who may not read the environment of process 1',
    );
  }
});

t.test('this machine', async (t) => {
  const state = join(home, 'here');
  const probes = createProbes({ clock: systemClock, log: silentLog, modelsDir: state, stateDir: state });
  t.teardown(() => probes.close());
  const inventory = await probes.inventory();
  t.equal(explain(NodeInfo, { ...inventory, boot: 'boot-0001', runtimes: [], notes: [], simulated: false }), '');
  const health = probes.health();
  t.equal(explain(NodeHealth, { ...rest, ...health }), '');
  t.ok(health.memoryFreeBytes > 0 && health.memoryFreeBytes <= inventory.memoryBytes);
  t.ok(health.diskFreeBytes > 0 && health.uptimeS > 0 && health.agentRssBytes > 1e7);
  t.equal((await probes.machineIdentity()).hardware, (await probes.machineIdentity()).hardware);
  const fds = () => readdirSync('/proc/self/fd').length;
  if (process.platform === 'linux') {
    const before = fds();
    for (let i = 0; i < 100; i++) probes.health();
    t.equal(fds(), before, 'no descriptor stays open');
  }
});

t.test('simulated machines are whole, and the same for the same seed', async (t) => {
  for (const profile of ['pi5', 'pi4', 'zero2', 'gpu', 'cpu'] satisfies SimulatedProfile[]) {
    const make = () => simulatedProbes({ profile, seed: 7, clock: handClock(), random: seededRandom(7) });
    const [one, two] = [make(), make()];
    const inventory = await one.inventory();
    t.equal(
      explain(NodeInfo, { ...inventory, boot: 'boot-0001', runtimes: [], notes: [], simulated: true }),
      '',
      profile,
    );
    for (let i = 0; i < 20; i++) {
      const health = one.health();
      t.equal(explain(NodeHealth, { ...rest, ...health }), '', profile);
      t.same(two.health(), health);
    }
    t.equal((await one.machineIdentity()).hardware, (await two.machineIdentity()).hardware);
    const free = one.modelMemory().freeBytes;
    t.equal(inventory.class === 'micro', free === 0);
    one.residentBytes = Math.floor(free / 2);
    t.equal(one.modelMemory().freeBytes, free - one.residentBytes);
  }
});
