// An image that was built is as it should be; one that is not is said to be so, in every way that counts. Nothing is built here but small file
// systems, without a right.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import t from 'tap';
import { noProgram } from '../../test/fixtures/programs.ts';
import { check, imageIn } from './check.ts';
import { readDescription } from './description.ts';

const root = resolve(import.meta.dirname, '../..');
const description = readDescription(root);
const env = { PATH: `${process.env.PATH}:/usr/sbin:/sbin`, MTOOLS_SKIP_CHECK: '1' };
const run = (program: string, words: string[], input = '') =>
  execFileSync(program, words, { env, input, stdio: ['pipe', 'pipe', 'pipe'] });

const built = imageIn(join(root, 'dist'));
t.test(
  'the image that was built last',
  { skip: built ? false : 'SKIPPED: no image in dist/ (make image)' },
  async (t) => {
    t.same(check(built as string, description).problems, []);
  },
);

function fill(folder: string, files: Record<string, string>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}

t.test(
  'an image with everything wrong',
  { skip: noProgram('mkfs.vfat', 'mcopy', 'mdir', 'sfdisk', 'mke2fs', 'debugfs') },
  async (t) => {
    const folder = t.testdir();
    const at = (name: string) => join(folder, name);
    const image = at('bad.img');
    fill(at('root'), {
      'etc/passwd': 'root:x:0:0::/root:/bin/sh\npi:x:1000:1000::/home/pi:/bin/bash\n',
      'etc/shadow': 'root::1::::::\npi:$y$x:1::::::\n',
      'etc/machine-id': 'f'.repeat(32),
      'etc/ssh/ssh_host_ed25519_key': 'secret',
      'etc/systemd/system/multi-user.target.wants/ssh.service': '',
      'etc/nftables.d/input-ssh.nft': 'tcp dport 22 accept',
      'etc/systemd/system/blackroad-node.service': '',
      'var/lib/blackroad-node/identity.json': '{}',
      'home/pi/note': '',
    });
    mkdirSync(at('root/opt/blackroad-node'), { recursive: true });
    symlinkSync('/tmp/elsewhere', at('root/opt/blackroad-node/current'));
    run('mkfs.vfat', ['-F', '32', '-n', 'OTHER', '-C', at('boot.fat'), '40960']);
    fill(at('boot'), {
      'config.txt': '[all]\nos_prefix=6.12-arm64/\n',
      'user-data': '#cloud-config\n',
      'blackroad.yaml': `join: brj1.${'a'.repeat(60)}\n`,
      'cmdline.txt': 'root=/dev/sda1\n',
    });
    run('mmd', ['-i', at('boot.fat'), '::6.12-arm64']);
    for (const name of ['config.txt', 'user-data', 'blackroad.yaml'])
      run('mcopy', ['-i', at('boot.fat'), at(`boot/${name}`), `::${name}`]);
    run('mcopy', ['-i', at('boot.fat'), at('boot/cmdline.txt'), '::6.12-arm64/cmdline.txt']);
    run('mke2fs', ['-q', '-t', 'ext4', '-d', at('root'), at('root.ext4'), '16M']);
    run('truncate', ['--size', '64M', image]);
    run('sfdisk', ['--quiet', image], 'label: dos\nstart=2048, size=81920, type=c\nstart=83968, size=32768, type=83\n');
    run('dd', [`if=${at('boot.fat')}`, `of=${image}`, 'bs=1M', 'seek=1', 'conv=notrunc', 'status=none']);
    run('dd', [`if=${at('root.ext4')}`, `of=${image}`, 'bs=1M', 'seek=41', 'conv=notrunc', 'status=none']);

    const text = check(image, description).problems.join('\n');
    for (const wanted of [
      /bootable FAT/,
      /root to end with the file/,
      /the labels; got \["OTHER",""\]/,
      /boot partition: expected bootcode\.bin/,
      /boot partition: expected no user-data/,
      /Raspberry Pi 4 B: expected 6\.12-arm64\/vmlinuz/,
      /Raspberry Pi 5: expected a section of config\.txt for a kernel arm64-16k/,
      /6\.12-arm64\/cmdline\.txt: expected the root by its label/,
      /blackroad\.yaml: expected no secret/,
      /no user of a person; got \["pi"\]/,
      /no password; got \["root","pi"\]/,
      /machine-id: expected it empty/,
      /no host keys; got \["ssh_host_ed25519_key"\]/,
      /unit ssh\.service not to start unasked/,
      /unit nftables\.service to start/,
      /nftables\.d: expected no opening/,
      /home: expected nobody/,
      /current: expected a link to a release/,
      /blackroad-node\.service: expected it to start the launcher/,
      /expected the program of the first boot/,
      /\/usr\/bin\/gpiomon: expected it, by which the node-agent reaches pins/,
      /\/etc\/group: expected the group gpio/,
      /gpio\.rules: expected it to give the chips of pins to the group gpio/,
      /gpio\.conf: expected the node-agent in the group gpio/,
      /blackroad-node: expected an empty folder of updates alone; got \["identity\.json"\]/,
    ])
      t.match(text, wanted);

    copyFileSync(image, at('cut.img'));
    truncateSync(at('cut.img'), 20 * 1024 * 1024);
    t.throws(() => check(at('cut.img'), description), { name: 'BuildError' }, 'what cannot be read is no finding');
    writeFileSync(at('text.img'), 'x'.repeat(600));
    t.throws(() => check(at('text.img'), description), { message: /expected a partition table, got none/ });
  },
);
