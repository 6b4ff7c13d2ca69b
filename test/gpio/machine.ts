// A Debian in QEMU whose kernel plays the chip of a Pi 5 (gpio-sim, called `pinctrl-rp1`): no systemd, its first process is a shell script. In: a
// folder, a suite, files for it. Out: commands run in it as root, by HTTP. Needs root and mmdebstrap (to pack it), qemu-system-x86 and e2fsprogs.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, cpSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { debianArchive } from '../fixtures/debian-archive.ts';
import { freePorts } from '../fixtures/ports.ts';
import { until } from '../fixtures/processes.ts';

const packages =
  'iproute2,kmod,gpiod,linux-image-amd64,initramfs-tools,zstd,libstdc++6,ca-certificates,linux-headers-amd64,linux-source,make,gcc,xz-utils';
/**
 * Debian's kernel leaves gpio-sim out: it is built here from Debian's own source of that kernel, with the simulated interrupts that it needs. The one
 * function of theirs that the kernel keeps to itself has another that does the same.
 */
const buildModule = `chroot "$1" sh -ec '
v=$(ls /lib/modules | head -1); mkdir -p /sim /lib/modules/$v/extra; cd /sim
tar -xf /usr/src/linux-source-*.tar.xz --wildcards --strip-components=1 "*/drivers/gpio/gpio-sim.c" "*/drivers/gpio/gpiolib.h" "*/kernel/irq/irq_sim.c"
sed -i "s/handle_simple_irq(irq_to_desc(\\(.*\\)));/generic_handle_irq(\\1);/" kernel/irq/irq_sim.c
printf "obj-m := gpio-sim-check.o\\ngpio-sim-check-y := drivers/gpio/gpio-sim.o kernel/irq/irq_sim.o\\n" >Makefile
make -C /lib/modules/$v/build M=/sim modules
cp gpio-sim-check.ko /lib/modules/$v/extra/; depmod $v; cd /; rm -rf /sim
apt-get purge -y linux-headers-amd64 linux-source gcc make; apt-get autoremove -y --purge; rm -rf /usr/src/linux-source*; apt-get clean'`;
/** It emulates the processor: the start takes half a minute. */
const startMs = 600_000;
export const chip = { label: 'pinctrl-rp1', lines: 54 };
/** This machine, as QEMU shows it to the one inside. */
export const host = '10.0.2.2';

const init = `#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev 2>/dev/null; mkdir -p /dev/shm; mount -t tmpfs tmp /tmp
modprobe virtio_net; modprobe configfs; modprobe gpio-sim-check
mount -t configfs none /sys/kernel/config
ip link set lo up
for net in /sys/class/net/e*; do ip link set "\${net##*/}" up; ip addr add 10.0.2.15/24 dev "\${net##*/}"; ip route add default via ${host}; done
# A chip of another kind comes first, as on a Pi 5.
for each in other:10c01000.gpio:32 board:${chip.label}:${chip.lines}; do
  at=/sys/kernel/config/gpio-sim/\${each%%:*}; mkdir -p $at/bank0
  rest=\${each#*:}; echo \${rest%:*} >$at/bank0/label; echo \${rest#*:} >$at/bank0/num_lines; echo 1 >$at/live
done
exec /check/node /check/orders.mjs
`;
/** Its only program: commands come as the body of a POST. */
const orders = `import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
createServer((request, response) => {
  let text = '';
  request.setEncoding('utf8').on('data', (piece) => { text += piece; }).on('end', () => {
    execFile('/bin/sh', ['-c', text], { maxBuffer: 1e7 }, (error, stdout, stderr) =>
      response.end(JSON.stringify({ code: error ? (error.code ?? 255) : 0, text: stdout + stderr })));
  });
}).listen(9000, '0.0.0.0');
`;

export interface GpioMachine {
  run(command: string): Promise<{ code: number; text: string }>;
  /** Drives a line of the chip from outside. */
  drive(line: number, high: boolean): Promise<void>;
  level(line: number): Promise<boolean>;
  /** Folders and files of this machine, as they are to be there. */
  close(): void;
}

/** `files`: what is put there, by its path in the machine. */
export async function startGpioMachine(
  work: string,
  folder: string,
  suite: string,
  files: Readonly<Record<string, string>>,
): Promise<GpioMachine> {
  const root = join(folder, 'root');
  mkdirSync(root);
  execFileSync('tar', ['-xf', debianArchive(join(work, `${suite}.tar`), suite, packages, buildModule), '-C', root]);
  mkdirSync(join(root, 'check'));
  for (const [path, from] of Object.entries(files))
    cpSync(from, join(root, path), { recursive: true, dereference: true });
  writeFileSync(join(root, 'check/init'), init, { mode: 0o755 });
  writeFileSync(join(root, 'check/orders.mjs'), orders);
  const disk = join(folder, 'disk.ext4');
  execFileSync('mke2fs', ['-q', '-t', 'ext4', '-d', root, disk, '3G']);
  const [kernel, initrd] = ['vmlinuz-', 'initrd.img-'].map((begin) => {
    const found = readdirSync(join(root, 'boot')).find((name) => name.startsWith(begin)) as string;
    renameSync(join(root, 'boot', found), join(folder, found));
    return join(folder, found);
  }) as [string, string];
  rmSync(root, { recursive: true });
  const port = await freePorts(1);
  const machine = started(join(work, 'serial.log'), { disk, kernel, initrd, port });
  const run = async (command: string) => {
    const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: command });
    return (await answer.json()) as { code: number; text: string };
  };
  await until(
    'the machine starts',
    async () => (machine.exitCode === null ? (await run('true')).code === 0 : Promise.reject(new Error('QEMU ended'))),
    startMs,
  );
  const found = await run(
    'at=/sys/kernel/config/gpio-sim/board; echo /sys/devices/platform/$(cat $at/dev_name)/$(cat $at/bank0/chip_name)',
  );
  const home = found.text.trim();
  return {
    run,
    async drive(line, high) {
      await run(`echo pull-${high ? 'up' : 'down'} >${home}/sim_gpio${line}/pull`);
    },
    level: async (line) => (await run(`cat ${home}/sim_gpio${line}/value`)).text.startsWith('1'),
    close: () => machine.kill('SIGKILL'),
  };
}

function started(
  log: string,
  { disk, kernel, initrd, port }: { disk: string; kernel: string; initrd: string; port: number },
): ChildProcess {
  const out = openSync(log, 'w');
  const options = `-M q35 -accel tcg,thread=multi -cpu max -smp 2 -m 1024 -display none -monitor none -no-reboot -kernel ${kernel} -initrd ${initrd}
    -drive file=${disk},if=virtio,format=raw,cache=unsafe -netdev user,id=n0,hostfwd=tcp:127.0.0.1:${port}-:9000
    -device virtio-net-pci,netdev=n0 -device virtio-rng-pci -serial stdio`;
  const words = [...options.trim().split(/\s+/), '-append', 'root=/dev/vda rw console=ttyS0 init=/check/init'];
  const machine = spawn('qemu-system-x86_64', words, { stdio: ['ignore', out, out] });
  closeSync(out);
  return machine;
}
