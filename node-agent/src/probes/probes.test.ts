// The probes on recorded machines, and once on this one.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { explain, NodeHealth, NodeInfo } from '@blackroad/protocol';
import { type Clock, systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import t from 'tap';
import { type Machine, unpackMachine } from '../../../test/fixtures/machines/machine.ts';
import { readNvidiaSmi } from './gpu.ts';
import { readFlags } from './power.ts';
import { createProbes, type ProbesOptions } from './probes.ts';
import { type SimulatedProfile, simulatedProbes } from './simulated.ts';

const GiB = 1024 ** 3;
const home = mkdtempSync(join(tmpdir(), 'fleet-probes-'));
t.teardown(() => rmSync(home, { recursive: true, force: true }));

/** Monotonic time as the test wants it; `every` fires when asked. */
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
  const probes = createProbes({
    clock,
    log: silentLog,
    root: machine.root,
    modelsDir: '/var/lib/blackroad/models',
    stateDir: '/var/lib/blackroad',
    random: seededRandom(1),
    ...more,
  });
  t.teardown(() => {
    probes.close();
    machine.close();
  });
  return { machine, clock, probes };
}
const rest = { boot: 'boot-0001', seq: 1, atMs: 1, generation: 0, tasksRunning: 0, tasksWaiting: 0, outboxDepth: 0 };

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
    load1: 0.21,
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

t.test('rates are since the last look, counters since the start, and neither before it is honest', (t) => {
  const { probes, machine, clock } = on(t, 'pi4');
  const first = probes.health();
  t.notOk('sdWrittenBytesPerDay' in first);
  t.notOk('diskWrittenBytesPerDay' in first);
  clock.passMs(10_000);
  // 400 ticks of 1000 busy; the Docker bridge carries the same bytes once more and does not count.
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
  t.notOk('sdWrittenBytesPerDay' in second, 'ten seconds say nothing about a day');
  clock.passMs(110_000);
  t.notOk('sdWrittenBytesPerDay' in probes.health(), 'counting begins when the start is over');
  clock.passMs(600_000);
  machine.set('/proc/self/io', 'write_bytes: 8212000\ncancelled_write_bytes: 1024000\n');
  machine.set('/proc/diskstats', ' 179 0 mmcblk0 1 1 1 1 1 1 1347678 1 0\n 179 1 mmcblk0p1 1 1 1 1 1 1 99999999 1 0\n');
  const third = probes.health();
  t.equal(third.sdWrittenBytesPerDay, 20_000 * 144, '20,000 bytes in ten minutes');
  t.equal(third.diskWrittenBytesPerDay, 2_000 * 512 * 144);
  t.equal(third.cpu, 0, 'no tick passed');
  t.end();
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
  t.match(readNvidiaSmi('NVIDIA H100 80GB HBM3, 81559, 412, 0, 34\n'), [
    { name: 'NVIDIA H100 80GB HBM3', memoryBytes: 81559 * 1024 ** 2, temperatureC: 34 },
  ]);
  t.match(readNvidiaSmi('NVIDIA GB10, [N/A], [N/A], 3, 45\n'), [
    { memoryBytes: null, usedBytes: 0, utilisation: 0.03 },
  ]);
  t.match(readNvidiaSmi('NVIDIA A100-SXM4-80GB, 81920, 5, [N/A], 30\n'), [{ utilisation: 0 }], 'sliced with MIG');
  t.match(readNvidiaSmi('Tesla P100-PCIE-16GB, 16280, 1628, 10, [Not Supported]\n'), [{ temperatureC: null }]);
  t.equal(readNvidiaSmi('No devices were found\n'), null);
  t.equal(readNvidiaSmi(''), null);
  t.equal(readFlags('throttled=0x50005\n'), 0x50005);
  t.equal(readFlags('e0008\n'), 0xe0008);
  t.equal(readFlags('VCHI initialization failed\n'), null);
  t.end();
});

t.test('the fingerprint is the machine, not what is installed on it', async (t) => {
  const of = async (name: string, change: (machine: Machine) => void = () => {}, more: Partial<ProbesOptions> = {}) => {
    const { probes, machine } = on(t, name, more);
    change(machine);
    const fingerprint = await probes.hardwareFingerprint();
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
  t.equal(await probes.hardwareFingerprint(), await probes.hardwareFingerprint());
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
    t.equal(await one.hardwareFingerprint(), await two.hardwareFingerprint());
    const free = one.modelMemory().freeBytes;
    t.equal(inventory.class === 'micro', free === 0);
    one.residentBytes = Math.floor(free / 2);
    t.equal(one.modelMemory().freeBytes, free - one.residentBytes);
  }
});
