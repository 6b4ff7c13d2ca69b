// The script that puts kernels onto the boot partition, on a folder that looks like a system: the part of a kernel's update that must leave a
// card that starts.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import t from 'tap';

const early = resolve(import.meta.dirname, '../early');
const script = join(early, 'usr/lib/blackroad-image/write-boot');

function systemIn(folder: string) {
  const at = (path: string) => join(folder, path);
  const write = (path: string, content: string) => {
    mkdirSync(dirname(at(path)), { recursive: true });
    writeFileSync(at(path), content);
  };
  for (const name of ['boards', 'config.txt', 'cmdline.txt'])
    write(`usr/share/blackroad-image/${name}`, readFileSync(join(early, 'usr/share/blackroad-image', name), 'utf8'));
  write('usr/lib/raspi-firmware/bootcode.bin', 'firmware');
  mkdirSync(at('boot/firmware'), { recursive: true });
  const kernel = (version: string, trees: string) => {
    write(`boot/vmlinuz-${version}`, `kernel ${version}`);
    write(`boot/initrd.img-${version}`, `initrd ${version}`);
    write(`${trees}/broadcom/bcm2711-rpi-4-b.dtb`, `tree of ${version}`);
  };
  const boot = (path: string) => readFileSync(at(`boot/firmware/${path}`), 'utf8');
  const run = () => execFileSync('sh', [script, folder]);
  const folders = () =>
    readdirSync(at('boot/firmware'), { withFileTypes: true })
      .filter((each) => each.isDirectory())
      .map(({ name }) => name)
      .sort();
  return { at, write, kernel, boot, run, folders };
}
const [stable, newer, five] = ['6.12.9+deb13-arm64', '6.12.118+deb13-arm64', '7.3.4+deb13-arm64-16k'];

t.test('each kind of board starts its own kernel, the newest that has an initrd', async (t) => {
  const { at, write, kernel, boot, run, folders } = systemIn(t.testdir());
  kernel(stable, `usr/lib/linux-image-${stable}`);
  kernel(five, `usr/lib/modules/${five}/dtb`);
  // Newer kernels have their trees at both places.
  write(`usr/lib/linux-image-${five}/broadcom/bcm2711-rpi-4-b.dtb`, 'the same by a link');
  run();
  t.same(folders(), [stable, five]);
  t.match(
    boot('config.txt'),
    new RegExp(
      `\\[all\\]\nos_prefix=${stable.replace('+', '\\+')}/\n[^[]*\\[pi5\\]\nos_prefix=${five.replace('+', '\\+')}/\n`,
    ),
  );
  t.equal(boot('bootcode.bin'), 'firmware');
  for (const version of [stable, five]) {
    t.equal(boot(`${version}/vmlinuz`), `kernel ${version}`);
    t.equal(boot(`${version}/initrd.img`), `initrd ${version}`);
    t.equal(boot(`${version}/bcm2711-rpi-4-b.dtb`), `tree of ${version}`);
    t.match(boot(`${version}/cmdline.txt`), 'root=LABEL=BLACKROAD-ROOT ');
  }

  kernel(newer, `usr/lib/linux-image-${newer}`);
  renameSync(at(`boot/initrd.img-${newer}`), at('kept'));
  run();
  t.same(folders(), [stable, five], 'a kernel without its initrd does not start yet');
  renameSync(at('kept'), at(`boot/initrd.img-${newer}`));
  run();
  t.same(folders(), [newer, five], '118 is newer than 9, and the old one makes room');
  write(`boot/initrd.img-${newer}`, 'another initrd');
  run();
  t.equal(boot(`${newer}/initrd.img`), 'another initrd');
  t.notOk(existsSync(at('boot/firmware/config.txt.new')));
});

t.test('a kernel without device trees leaves what starts now', async (t) => {
  const { at, kernel, boot, folders, run } = systemIn(t.testdir());
  kernel(stable, `usr/lib/linux-image-${stable}`);
  run();
  const before = boot('config.txt');
  kernel(newer, `usr/lib/linux-image-${newer}`);
  rmSync(at(`usr/lib/linux-image-${newer}`), { recursive: true });
  const { status, stderr } = spawnSync('sh', [script, at('')], { encoding: 'utf8' });
  t.not(status, 0);
  t.match(stderr, `the kernel ${newer} brings no device trees`);
  t.equal(boot('config.txt'), before);
  t.ok(folders().includes(stable));
});
