// What `make cloud-init-check` runs: a Debian as clouds have it, with cloud-init and no more of ours than a user-data file, starts in QEMU, joins
// by itself, and its agent answers. In: nothing. Out: a line a step; exit code 1 with what differed. Needs root (for mmdebstrap alone), qemu,
// mtools, dosfstools and e2fsprogs. The release is the real one, the model is scripted. QEMU emulates the processor: minutes, not seconds.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parse, stringify } from 'yaml';
import { debianArchive } from '../fixtures/debian-archive.ts';
import { startModelServer } from '../fixtures/model-server.ts';
import { runFleet, startFleet, until } from '../fixtures/processes.ts';
import { sampleKey } from '../fixtures/sample-release.ts';
import { ended, submit } from '../fixtures/steps.ts';
import { releaseMaker } from './release-maker.ts';
import { add } from './steps.ts';

const work = process.env.CLOUD_INIT_CHECK_DIR || join(resolve(import.meta.dirname, '../..'), '.cloud-init-check');
const suite = process.argv[2] || 'trixie';
/** This machine, as QEMU shows it to the one inside. */
const host = '10.0.2.2';
const startMs = 1_200_000;
/** What such images have, and no tool of ours. */
const packages =
  'systemd,systemd-sysv,dbus,udev,iproute2,systemd-resolved,libpam-systemd,netplan.io,cloud-init,curl,ca-certificates,sudo,linux-image-cloud-amd64,initramfs-tools,zstd';
const ends: (() => unknown)[] = [];
const t = { teardown: (run: () => unknown) => ends.unshift(run) };
const beganMs = performance.now();
const say = (words: string) =>
  process.stdout.write(`  ${((performance.now() - beganMs) / 1000).toFixed(0).padStart(4)} s  ${words}\n`);

/** The disk of the machine, its kernel and its initrd. */
function machineIn(folder: string): { disk: string; kernel: string; initrd: string } {
  const archive = join(work, `${suite}.tar`);
  if (!existsSync(archive)) say(`packing a ${suite} with cloud-init (minutes, the first time)`);
  debianArchive(archive, suite, packages);
  const root = join(folder, 'root');
  mkdirSync(root);
  execFileSync('tar', ['-xf', archive, '-C', root]);
  writeFileSync(join(root, 'etc/fstab'), '/dev/vda / ext4 defaults 0 1\n');
  const disk = join(folder, 'disk.ext4');
  execFileSync('mke2fs', ['-q', '-t', 'ext4', '-d', root, disk, '4G']);
  const boot = join(root, 'boot');
  const [kernel, initrd] = ['vmlinuz-', 'initrd.img-'].map((begin) => {
    const found = readdirSync(boot).find((name) => name.startsWith(begin)) as string;
    renameSync(join(boot, found), join(folder, found));
    return join(folder, found);
  }) as [string, string];
  rmSync(root, { recursive: true });
  return { disk, kernel, initrd };
}
/** The disk on which clouds hand a machine its files. */
function seedIn(folder: string, userData: string): string {
  const seed = join(folder, 'seed.img');
  writeFileSync(join(folder, 'user-data'), userData);
  writeFileSync(join(folder, 'meta-data'), 'instance-id: first\nlocal-hostname: gpubox\n');
  execFileSync('mkfs.vfat', ['-n', 'CIDATA', '-C', seed, '1024'], { stdio: 'ignore' });
  for (const name of ['user-data', 'meta-data']) execFileSync('mcopy', ['-i', seed, join(folder, name), `::${name}`]);
  return seed;
}
function started(folder: string, { disk, kernel, initrd }: ReturnType<typeof machineIn>, seed: string): ChildProcess {
  const log = openSync(join(work, 'serial.log'), 'w');
  const options = `-M q35 -accel tcg,thread=multi -cpu max -smp 2 -m 1024 -display none -monitor none -no-reboot -kernel ${kernel} -initrd ${initrd}
    -drive file=${disk},if=virtio,format=raw,cache=writeback -drive file=${seed},if=virtio,format=raw,readonly=on
    -netdev user,id=n0 -device virtio-net-pci,netdev=n0 -device virtio-rng-pci -serial stdio`;
  const line = 'root=/dev/vda rw console=ttyS0 systemd.show_status=no';
  const words = [...options.trim().split(/\s+/), '-append', line];
  const machine = spawn('qemu-system-x86_64', words, { cwd: folder, stdio: ['ignore', log, log] });
  closeSync(log);
  return machine;
}

async function main(): Promise<void> {
  mkdirSync(work, { recursive: true });
  const folder = mkdtempSync(join(tmpdir(), 'cloud-init-check-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const parts = machineIn(folder);
  const key = sampleKey();
  const make = await releaseMaker(folder, say);
  const fleet = await startFleet(t, { args: ['--address', host, '--lost-after', '30'] });
  const model = await startModelServer();
  t.teardown(() => model.close());
  writeFileSync(join(fleet.folder, 'coordinator/release-keys/ours.pub'), key.pub);
  const given = ['--data', join(fleet.folder, 'coordinator')];
  const printed = async () => {
    const flags = ['--cloud-init', '--address', host, '--labels', 'room=rack', '--expires', '2h'];
    const { code, stdout, stderr } = await runFleet(['join-token', 'create', ...flags, ...given]);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  assert.match(
    await printed(),
    /^# It works once .* releases add blackroad-node-<version>/m,
    'what is missing is said',
  );
  await add(fleet, await make('0.2.0', key));
  const file = await printed();
  assert.match(file, /^# The coordinator has the node-agent for .* alone/m);
  // As docs/gpu-box.md says where its model server is.
  const server = `BLACKROAD_OPENAI=${model.url.replace('127.0.0.1', host)}\n`;
  const mine = { write_files: [{ path: '/etc/blackroad/node.env', content: server }], ...(parse(file) as object) };
  const machine = started(folder, parts, seedIn(folder, `#cloud-config\n${stringify(mine)}`));
  t.teardown(() => machine.kill('SIGKILL'));
  say('a machine that has cloud-init and a user-data file starts');
  const node = await until(
    'it joins',
    async () => (await fleet.client.call('nodes')).find(({ presence, info }) => presence === 'online' && info),
    startMs,
  );
  say(`node ${node.id} has joined by itself: ${node.info?.os}, labels ${JSON.stringify(node.labels)}`);
  assert.equal(node.labels.room, 'rack');
  await fleet.apply({ name: 'greeter' });
  const { id } = await submit(fleet, 'greeter', 'Are you there?');
  const { state, result, problem } = await ended(fleet, id, startMs);
  assert.equal(state, 'done', JSON.stringify(problem));
  say(`greeter answers ${JSON.stringify(result)}`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`cloud-init-check: ${(error as Error).stack}\n  The console: ${join(work, 'serial.log')}\n`);
  process.exitCode = 1;
} finally {
  for (const end of ends) await end();
}
process.exit();
