// The graphics cards of a machine over time: late, slow, with warnings, lost, silent.
import { readdirSync } from 'node:fs';
import { explain, NodeHealth } from '@blackroad/protocol';
import { type Clock, systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import t from 'tap';
import { type Machine, unpackMachine } from '../../../test/fixtures/node-agent/machines/machine.ts';
import { createProbes, type ProbesOptions } from './probes.ts';

const GiB = 1024 ** 3;
const MiB = 1024 ** 2;
const smi = '/usr/bin/nvidia-smi';

/** A clock that the test moves: `every` fires at `tick`, a deadline at `pass`. */
function handClock() {
  let ms = 0;
  const runs: (() => void)[] = [];
  let timers: { atMs: number; run: () => void }[] = [];
  const clock: Clock = {
    ...systemClock,
    monotonicMs: () => ms,
    every: (_, run) => {
      runs.push(run);
      return { cancel() {} };
    },
    after(delayMs, run) {
      const timer = { atMs: ms + delayMs, run };
      timers.push(timer);
      return { cancel: () => (timers = timers.filter((each) => each !== timer)) };
    },
  };
  return {
    clock,
    tick: () => {
      for (const run of runs) run();
    },
    pass(more: number) {
      ms += more;
      const due = timers.filter(({ atMs }) => atMs <= ms);
      timers = timers.filter(({ atMs }) => atMs > ms);
      for (const { run } of due) run();
    },
  };
}
type Test = { teardown(run: () => unknown): void };
function box(t: Test, script: string | null, more: Partial<ProbesOptions> = {}) {
  const machine: Machine = unpackMachine('gpu-box');
  const put = (text: string) => {
    machine.set(`${smi}.next`, text);
    machine.set(smi, `#!/bin/sh\n. "$0.next"\n`);
  };
  // The recording's program stays executable: only its content changes.
  if (script === null) machine.remove(smi);
  else put(script);
  const { clock, tick, pass } = handClock();
  const options = { modelsDir: '/', random: seededRandom(1), log: silentLog, ...more };
  const start = () => createProbes({ clock, root: machine.root, stateDir: machine.root, ...options });
  const probes = start();
  t.teardown(() => {
    probes.close();
    machine.close();
  });
  return { machine, probes, put, tick, pass, start };
}
type Box = ReturnType<typeof box>;
async function until(is: () => boolean) {
  while (!is()) await new Promise((resolve) => setImmediate(resolve));
}
const says = (text: string, code = 0) => `echo '${text}'; exit ${code}\n`;
const beat = { boot: 'boot-0001', seq: 1, atMs: 1, generation: 0, tasksRunning: 0, outboxDepth: 0 };
function troublesOf({ probes }: Pick<Box, 'probes'>) {
  const health = probes.health();
  if (explain(NodeHealth, { ...beat, ...health }) !== '') throw new Error(explain(NodeHealth, { ...beat, ...health }));
  return health.gpuTroubles ?? [];
}
const rtx4090 = says('NVIDIA GeForce RTX 4090, 24564, 20000, 0, 40');
const nvml = says('Failed to initialize NVML: Unknown Error', 255);
const total4090 = Math.floor(0.85 * 24564 * MiB);

t.test('a driver that is lost while the node-agent runs', async (t) => {
  const gpu = box(t, rtx4090);
  await gpu.probes.inventory();
  const before = gpu.probes.modelMemory();
  t.same(before, { totalBytes: total4090, freeBytes: total4090 - 20000 * MiB });
  t.same(troublesOf(gpu), []);
  gpu.put(nvml);
  gpu.tick();
  await until(() => troublesOf(gpu).length > 0);
  t.same(gpu.probes.modelMemory(), before, "what it had, never the machine's own memory");
  t.same(troublesOf(gpu), [{ kind: 'silent', text: 'Failed to initialize NVML: Unknown Error' }]);
  t.notOk(gpu.probes.health().gpus, 'nothing is known of its cards now');
  t.match(await gpu.probes.inventory(), { class: 'edge-gpu', gpus: [{ name: 'NVIDIA GeForce RTX 4090' }] });
  gpu.machine.remove(smi);
  gpu.tick();
  await until(() => /is gone/.test(troublesOf(gpu)[0]?.text ?? ''));
  t.same(gpu.probes.modelMemory(), before, 'nor while the driver is being replaced');
  t.equal(gpu.probes.machineClass()?.name, 'edge-gpu');
});

t.test('a node-agent that starts while its driver is broken knows its cards', async (t) => {
  const gpu = box(t, rtx4090);
  await gpu.probes.inventory();
  gpu.probes.close();
  gpu.put(nvml);
  gpu.machine.set('/proc/sys/kernel/random/boot_id', 'another-boot\n');
  const again = gpu.start();
  t.teardown(() => again.close());
  t.same(again.modelMemory(), { totalBytes: total4090, freeBytes: 0 }, 'also before the first answer');
  t.equal((await again.inventory()).class, 'edge-gpu');
  t.same(again.modelMemory(), { totalBytes: total4090, freeBytes: 0 });
  t.same(troublesOf({ probes: again }), [{ kind: 'silent', text: 'Failed to initialize NVML: Unknown Error' }]);
});

t.test('a card that is taken out is gone with the next boot, not before', async (t) => {
  const gpu = box(t, rtx4090);
  await gpu.probes.inventory();
  gpu.put(says('No devices were found', 6));
  gpu.tick();
  await until(() => troublesOf(gpu).length > 0);
  t.same(troublesOf(gpu), [{ kind: 'lost', text: 'NVIDIA GeForce RTX 4090' }]);
  t.same(gpu.probes.modelMemory(), { totalBytes: total4090, freeBytes: 0 });
  gpu.probes.close();
  gpu.machine.set('/proc/sys/kernel/random/boot_id', 'another-boot\n');
  const again = gpu.start();
  t.teardown(() => again.close());
  t.match(await again.inventory(), { class: 'cpu', gpus: { length: 0 } });
  t.same(troublesOf({ probes: again }), []);
  t.equal(again.modelMemory().totalBytes, Math.floor(0.6 * 131891234 * 1024));
});

t.test('a card that stops to tell what is used of it is as full as it was', async (t) => {
  const gpu = box(t, says('NVIDIA GeForce RTX 4090, 24564, [N/A], 0, 40'));
  await gpu.probes.inventory();
  t.same(gpu.probes.modelMemory(), { totalBytes: total4090, freeBytes: total4090 }, 'never told: taken for empty');
  const tell = async (used: string, heatC: number) => {
    gpu.put(says(`NVIDIA GeForce RTX 4090, 24564, ${used}, 0, ${heatC}`));
    gpu.tick();
    await until(() => gpu.probes.health().gpus?.[0]?.temperatureC === heatC);
    return gpu.probes.modelMemory().freeBytes;
  };
  t.equal(await tell('20000', 41), total4090 - 20_000 * MiB);
  t.equal(await tell('[Insufficient Permissions]', 42), total4090 - 20_000 * MiB);
  t.equal(await tell('500', 43), total4090 - 500 * MiB);
});

t.test('one lost card of two', async (t) => {
  const lost = 'NVIDIA GeForce RTX 3090, [GPU is lost], [GPU is lost], [GPU is lost], [GPU is lost]';
  const gpu = box(t, says(`NVIDIA GeForce RTX 3090, 24576, 1, 0, 40\n${lost}`));
  t.match((await gpu.probes.inventory()).gpus, [{ name: 'NVIDIA GeForce RTX 3090', memoryBytes: 24 * GiB }]);
  t.equal((await gpu.probes.inventory()).gpus.length, 1);
  t.equal(gpu.probes.modelMemory().totalBytes, Math.floor(0.85 * 24 * GiB));
  t.same(troublesOf(gpu), [{ kind: 'lost', text: 'NVIDIA GeForce RTX 3090: GPU is lost' }]);
  t.equal(gpu.probes.health().gpus?.length, 1);
});

t.test('a card that is not listed any more, or only spoken of, is lost; and found again', async (t) => {
  const [one, two] = ['NVIDIA A100 80GB PCIe, 81920, 4, 0, 30', 'NVIDIA L40S, 46068, 4, 0, 30'];
  const gpu = box(t, says(`${one}\n${two}`));
  t.equal((await gpu.probes.inventory()).gpus.length, 2);
  const handle = 'Unable to determine the device handle for GPU 0000:01:00.0: GPU is lost. Reboot the system';
  for (const script of [says(two), says(`${handle}\n${two}`, 15)]) {
    gpu.put(script);
    gpu.tick();
    await until(() => troublesOf(gpu).length > 0);
    t.same(troublesOf(gpu), [{ kind: 'lost', text: 'NVIDIA A100 80GB PCIe' }]);
    t.equal(gpu.probes.modelMemory().totalBytes, Math.floor(0.9 * 46068 * MiB));
    gpu.put(says(`${one}\n${two}`));
    gpu.tick();
    await until(() => troublesOf(gpu).length === 0);
    t.equal((await gpu.probes.inventory()).gpus.length, 2);
  }
  const spokenOf = box(t, says(handle, 15));
  await spokenOf.probes.inventory();
  t.match(troublesOf(spokenOf), [{ kind: 'lost', text: 'a GPU' }], 'also where it was never seen');
});

t.test('a container that is made anew with fewer cards has fewer cards', async (t) => {
  const two = 'NVIDIA L40S, 46068, 4, 0, 30';
  const gpu = box(t, says(`${two}\n${two}`));
  gpu.machine.set('/.dockerenv', '');
  t.equal((await gpu.probes.inventory()).gpus.length, 2);
  gpu.probes.close();
  gpu.put(says(two));
  const again = gpu.start();
  t.teardown(() => again.close());
  t.equal((await again.inventory()).gpus.length, 1);
  t.same(troublesOf({ probes: again }), []);
});

t.test('a sensor that fails alone is no lost card', async (t) => {
  const gpu = box(t, says('NVIDIA GeForce RTX 3090, 24576, 1, [Unknown Error], ERR!'));
  t.match((await gpu.probes.inventory()).gpus, [{ memoryBytes: 24 * GiB }]);
  t.same(troublesOf(gpu), [{ kind: 'warning', text: 'NVIDIA GeForce RTX 3090: a sensor fails, [Unknown Error]' }]);
  t.same(gpu.probes.health().gpus, [{ memoryUsedBytes: MiB, utilisation: 0 }]);
});

t.test('warnings and exit codes beside good data', async (t) => {
  const line = 'NVIDIA GeForce RTX 3090, 24576, 1, 0, 40';
  const warning = 'WARNING: infoROM is corrupted at gpu 0000:01:00.0';
  for (const [script, text] of [
    [says(`${line}\n${warning}`, 14), warning],
    [says(`${warning}\n${line}`, 0), warning],
    [says(line, 14), 'the infoROM of a GPU is corrupted'],
  ] as const) {
    const gpu = box(t, script);
    t.match(await gpu.probes.inventory(), { class: 'edge-gpu', gpus: [{ memoryBytes: 24 * GiB }] });
    t.same(troublesOf(gpu), [{ kind: 'warning', text }]);
    t.equal(gpu.probes.modelMemory().totalBytes, Math.floor(0.85 * 24 * GiB));
  }
});

t.test('a driver that comes after the node-agent', async (t) => {
  const gpu = box(t, null);
  t.match(await gpu.probes.inventory(), { class: 'cpu', gpus: { length: 0 } });
  t.equal(gpu.probes.modelMemory().totalBytes, Math.floor(0.6 * 131891234 * 1024));
  const failing = box(t, says("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", 9));
  t.match(await failing.probes.inventory(), { class: 'cpu', gpus: { length: 0 } });
  t.same(troublesOf(failing), [], 'a program without a card is no trouble');
  failing.put(says('NVIDIA H100 80GB HBM3, 81559, 4, 0, 30'));
  failing.tick();
  await until(() => failing.probes.modelMemory().totalBytes === Math.floor(0.9 * 81559 * MiB));
  t.match(await failing.probes.inventory(), { class: 'gpu', gpus: [{ memoryBytes: 81559 * MiB }] });
  t.equal(failing.probes.machineClass()?.name, 'gpu');
});

t.test('a card on the bus whose driver does not answer is said', async (t) => {
  const gpu = box(t, nvml);
  gpu.machine.set('/sys/bus/pci/devices/0000:01:00.0/vendor', '0x10de\n');
  gpu.machine.set('/sys/bus/pci/devices/0000:01:00.0/class', '0x030000\n');
  await gpu.probes.inventory();
  t.match(troublesOf(gpu), [{ kind: 'warning', text: /does not answer: Failed to initialize NVML/ }]);
});

t.test('a slow nvidia-smi holds up nothing, and its answer counts when it comes', async (t) => {
  const gate = 'while [ ! -e "$0.go" ]; do sleep 0.05; done\n';
  const gpu = box(t, `${gate}${says('NVIDIA H100 80GB HBM3, 81559, 4, 0, 30')}`);
  const early = gpu.probes.inventory();
  gpu.pass(5_000);
  t.match(await early, { gpus: { length: 0 } }, 'the inventory goes out without it');
  t.equal(gpu.probes.machineClass(), null, 'what it is, is not known yet');
  gpu.pass(60_000);
  t.same(troublesOf(gpu), [], 'a minute is no trouble');
  gpu.machine.set(`${smi}.go`, '');
  await until(() => gpu.probes.machineClass() !== null);
  t.match(await gpu.probes.inventory(), { class: 'gpu', gpus: [{ name: 'NVIDIA H100 80GB HBM3' }] });
});

t.test('one that hangs is ended at its deadline, and asked again', async (t) => {
  const gpu = box(t, rtx4090);
  await gpu.probes.inventory();
  const marker = `${smi}.started`;
  gpu.put('echo $$ >> "$0.started"; exec sleep 1000\n');
  gpu.tick();
  await until(() => gpu.machine.has(marker));
  gpu.pass(120_000);
  await until(() => troublesOf(gpu).length > 0);
  t.same(troublesOf(gpu), [{ kind: 'silent', text: 'it did not answer within 120 s' }]);
  t.equal(gpu.probes.modelMemory().totalBytes, total4090);
  gpu.put(rtx4090);
  gpu.pass(120_000);
  await until(() => {
    gpu.tick();
    return troublesOf(gpu).length === 0;
  });
  t.equal(gpu.probes.modelMemory().freeBytes, total4090 - 20000 * MiB, 'it answers again');
});

t.test('a machine without the program keeps no file', async (t) => {
  const gpu = box(t, null);
  await gpu.probes.inventory();
  t.notOk(readdirSync(gpu.machine.root).includes('gpus.json'));
});
