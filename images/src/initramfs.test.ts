// What runs before the root is there has the shell and the small programs of klibc alone: no grep, sed or cp. A script that calls another one fails on
// the Pi and nowhere else.
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';

const folder = resolve(import.meta.dirname, '../early/etc/initramfs-tools/scripts');
const words = '[ case esac if then else elif fi while do done for in exit echo read . :'.split(' ');
/** Of /scripts/functions. */
const functions = ['log_failure_msg', 'log_warning_msg', 'log_success_msg', 'panic', 'resolve_device'];
/** In an initrd of Debian 13 without busybox. */
const klibc =
  'cat chroot dd dmesg false insmod kill ln ls mkdir mknod mount mv readlink sleep sync true umount uname'.split(' ');
const others = ['modprobe', 'rmmod', 'blkid', 'udevadm'];
const known = new Set([...words, ...functions, ...klibc, ...others]);

/** The first word of each command of a script that has one command a line, or several with `;`, `||` and `&&` between them. */
function commands(script: string): string[] {
  return script
    .split('\n')
    .filter((line) => !line.trim().startsWith('#'))
    .flatMap((line) => line.replaceAll(/"[^"]*"/g, '""').split(/;|\|\|?|&&/))
    .map((part) => part.trim().replace(/^(?:(?:if|then|else|while|do|!|case \S+ in|\w*\))\s+)+/, ''))
    .map((part) => part.split(/\s+/)[0] ?? '')
    .filter((word) => word !== '' && !/^\w+=/.test(word) && !/^[<>]/.test(word));
}

t.test('scripts of the initramfs call what is there', async (t) => {
  const scripts = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
  t.not(scripts.length, 0);
  for (const { parentPath, name } of scripts) {
    const script = readFileSync(join(parentPath, name), 'utf8');
    t.same(
      commands(script).filter((word) => !known.has(word) && !/^done/.test(word)),
      [],
      name,
    );
    t.notMatch(script, /\bmount .*--\w/, 'its mount has no long options');
  }
  t.same(
    commands('if ! grep -qw overlay /proc/filesystems; then\n  sed x a >b && cp a b\nfi').filter(
      (word) => !known.has(word),
    ),
    ['grep', 'sed', 'cp'],
    'and others are found',
  );
});
