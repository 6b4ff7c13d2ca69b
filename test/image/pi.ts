// The image in QEMU, as a card in a machine: its own kernel, initrd and root. In: an image, the personal file. Out: a machine whose power can be
// cut, a shell in it over a second console, which the image itself does not offer, and its card, which can be looked at while the power is off.
// QEMU has no Raspberry Pi's firmware: the kernel is given to it.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  copyFileSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { ImageManifest } from '@blackroad/protocol';
import { padded } from '@blackroad/std/padded';
import { partitionsOf } from '../../images/src/read-image.ts';
import { until } from '../fixtures/processes.ts';

const cardBytes = 8 * 1024 ** 3;
/** QEMU's emulation of a processor of another kind is slow, and ten times slower beside other work. */
export const startMs = 1_800_000;
const commandMs = 180_000;

export interface Pi {
  /** Starts it; what its consoles say is added to the log. */
  start(): void;
  cut(): Promise<void>;
  /** In a shell of root, for which it waits. */
  run(command: string, withinMs?: number): Promise<string>;
  /** From now on the card holds this image again, with this personal file. */
  flash(personal: string): void;
  /** Restarts the system by its own means, and resolves when the next one runs. */
  restart(): Promise<void>;
  /** Its node-agent has this model server from now on, also on a card whose system is read-only. */
  modelsAt(url: string): Promise<void>;
  /**
   * What e2fsck says of a partition of the card, and whether it is clean. `journal` is replayed before, on a copy, as the next start would do it,
   * and so are the counts of free blocks and the list of files that were being deleted: what a start mends without asking is no fault. With `empty`
   * a file system is clean only as it is.
   */
  checkedCard(partition: number, journal: 'replayed' | 'empty'): { isClean: boolean; said: string };
}

export function piOf(image: string, work: string): Pi {
  const manifest = JSON.parse(readFileSync(image.replace(/\.img$/, '.json'), 'utf8')) as ImageManifest;
  const [boot] = manifest.partitions;
  mkdirSync(work, { recursive: true });
  const at = (name: string) => join(work, name);
  const fat = `${image}@@${boot?.offset}`;
  const config = execFileSync('mtype', ['-i', fat, '::config.txt'], { encoding: 'utf8' });
  const folder = /\[all\]\s+os_prefix=(\S+)\//.exec(config)?.[1];
  for (const name of ['vmlinuz', 'initrd.img'])
    execFileSync('mcopy', ['-n', '-o', '-i', fat, `::${folder}/${name}`, at(name)]);
  const words = execFileSync('mtype', ['-i', fat, `::${folder}/cmdline.txt`], { encoding: 'utf8' }).trim();
  const line = `${words.replaceAll(/console=\S+ /g, '')} console=ttyAMA0 systemd.debug_shell=hvc0 systemd.mask=serial-getty@hvc0.service systemd.show_status=no`;
  let machine: ChildProcess | null = null;
  // Of a Raspberry Pi's chip, by which a card that is written anew takes its node back.
  const dtb = at('machine.dtb');
  const board = '-M virt -cpu cortex-a72 -smp 2 -m 1024';
  execFileSync(
    'qemu-system-aarch64',
    `${board.replace('virt', `virt,dumpdtb=${dtb}`)} -display none -nic none`.split(' '),
    {
      stdio: 'ignore',
    },
  );
  execFileSync('fdtput', ['-t', 's', dtb, '/', 'serial-number', '10000000c0ffee00']);

  const start = () => {
    const log = openSync(at('serial.log'), 'a');
    const options = `${board} -dtb ${dtb} -accel tcg,thread=multi -display none -monitor none
      -kernel ${at('vmlinuz')} -initrd ${at('initrd.img')} -drive file=${at('card.img')},if=virtio,format=raw,cache=none,aio=threads
      -netdev user,id=n0 -device virtio-net-pci,netdev=n0,romfile= -device virtio-rng-pci -serial stdio
      -device virtio-serial-pci -chardev socket,id=shell,path=${at('shell')},server=on,wait=off -device virtconsole,chardev=shell`;
    const all = [...options.trim().split(/\s+/), '-append', line];
    machine = spawn('qemu-system-aarch64', all, { stdio: ['ignore', log, log] });
    closeSync(log);
  };
  const cut = () =>
    new Promise<void>((done) => {
      if (machine === null || machine.exitCode !== null || machine.signalCode !== null) return done();
      machine.once('exit', () => done());
      machine.kill('SIGKILL');
    });
  const run = async (command: string, withinMs = startMs) => {
    // An answer may be empty.
    const probe = async () => {
      const text = await asked(at('shell'), command);
      return text === null ? null : { text };
    };
    return (await until(`the shell: ${command}`, probe, withinMs)).text;
  };
  const flash = (personal: string) => {
    copyFileSync(image, at('card.img'), constants.COPYFILE_FICLONE);
    truncateSync(at('card.img'), cardBytes);
    const { offset, bytes } = manifest.personalFile;
    const card = openSync(at('card.img'), 'r+');
    writeSync(card, padded(personal, bytes), 0, bytes, offset);
    closeSync(card);
  };
  const bootId = () => run('cat /proc/sys/kernel/random/boot_id');
  return {
    start,
    cut,
    run,
    flash,
    async restart() {
      const before = await bootId();
      await run('systemctl --no-block reboot');
      await until('another start', async () => (await bootId()) !== before, startMs);
    },
    async modelsAt(url) {
      // On the card itself where what is written lies in memory.
      const put = `card=; if [ -d /media/root-ro/etc ]; then card=/media/root-ro; mount -o remount,rw $card; fi; echo BLACKROAD_OPENAI=${url} | tee $card/etc/blackroad/node.env >/etc/blackroad/node.env`;
      await run(`${put}; sync; [ -z "$card" ] || mount -o remount,ro $card; systemctl restart blackroad-node`);
    },
    checkedCard: (partition, journal) => checkedCard(at('card.img'), at('partition.img'), partition, journal),
  };
}

/** Of e2fsck: every fault was one that it may mend by itself. */
const mendedWithoutAsking = 1;

function checkedCard(card: string, copy: string, partition: number, journal: 'replayed' | 'empty') {
  const found = partitionsOf(card)[partition - 1];
  if (!found) throw new Error(`${card}: expected a partition ${partition}`);
  const mb = 1024 * 1024;
  const words = [`if=${card}`, `of=${copy}`, `bs=${mb}`, 'conv=sparse', 'status=none', 'iflag=skip_bytes,count_bytes'];
  execFileSync('dd', [...words, `skip=${found.offset}`, `count=${found.bytes}`]);
  const fsck = (...options: string[]) => {
    const { status, stdout, stderr } = spawnSync('e2fsck', [...options, copy], {
      encoding: 'utf8',
      env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin`, LC_ALL: 'C' },
    });
    return { status, said: `${stderr}${stdout}`.trim() };
  };
  try {
    if (journal === 'replayed') {
      fsck('-y', '-E', 'journal_only');
      const mended = fsck('-f', '-p');
      if (mended.status !== 0 && mended.status !== mendedWithoutAsking) return { isClean: false, said: mended.said };
    }
    const { status, said } = fsck('-f', '-n');
    return { isClean: status === 0 && !/skipping journal recovery/.test(said), said };
  } finally {
    rmSync(copy, { force: true });
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what a terminal is told
const ofATerminal = /\r|\u001b\[[0-9;?]*[A-Za-z]/g;

/** Null: nobody answers yet. */
function asked(socket: string, command: string): Promise<string | null> {
  return new Promise((done) => {
    const mark = `end-${Math.random().toString(36).slice(2)}`;
    let said = '';
    const line = connect(socket);
    const end = (answer: string | null) => {
      clearTimeout(late);
      line.destroy();
      done(answer);
    };
    const late = setTimeout(() => end(null), commandMs);
    line.on('error', () => end(null));
    line.on('close', () => end(null));
    line.on('data', (piece) => {
      said += piece.toString();
      const answer = new RegExp(`begin-${mark}\\r?\\n([\\s\\S]*)\\r?\\n?${mark}-(\\d+)`).exec(said);
      if (answer) end(`${answer[1]}`.replaceAll(ofATerminal, '').trimEnd());
    });
    // The marks are put together by the shell, so that its echo of this line has none.
    line.write(`\nm=${mark}; echo "begin-$m"; ${command}; echo "$m-$?"\n`);
  });
}
