// A throw-away Debian that has booted its own systemd, with nothing in it but what Debian has and wget: the other machine of install-check. In:
// a folder to work in. Out: commands run in it, its file system as a list. Needs root, mmdebstrap and systemd-nspawn.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { debianArchive } from '../fixtures/debian-archive.ts';
import { boot, type Said } from './boot.ts';

const packages = 'systemd,systemd-sysv,dbus,udev,iproute2,wget';
/** Of the link between this machine and that one. */
export const addresses = { here: '10.78.31.1', there: '10.78.31.2' };

export interface Machine {
  /** In a shell of its root user. */
  run(command: string): Promise<Said>;
  /** Every file with its kind, mode, owner, size and where it leads. */
  files(): Promise<string[]>;
  /** It has restarted itself: waits for it, and links it to this machine again. */
  cameBack(): Promise<void>;
  /** Its power fails, and comes back. */
  cutPower(): Promise<void>;
  close(): void;
}

/** `more`: packages beside those. */
export async function bootMachine(work: string, suite: string, more: readonly string[] = []): Promise<Machine> {
  const archive = debianArchive(join(work, `${[suite, ...more].join('-')}.tar`), suite, [packages, ...more].join(','));
  const root = join(work, `root-${process.pid}`);
  mkdirSync(root);
  execFileSync('tar', ['-xf', archive, '-C', root]);
  const name = `fi${process.pid}`;
  const { run, isUp, cutPower, end } = await boot(root, name, '--network-veth');
  const close = () => {
    end();
    rmSync(root, { recursive: true, force: true });
  };
  const link = async () => {
    execFileSync('ip', ['addr', 'replace', `${addresses.here}/24`, 'dev', `ve-${name}`]);
    execFileSync('ip', ['link', 'set', `ve-${name}`, 'up']);
    await run(`ip addr replace ${addresses.there}/24 dev host0; ip link set host0 up`);
  };
  await link();
  const list =
    "find / -xdev \\( -path /proc -o -path /sys -o -path /run -o -path /dev -o -path /var/log \\) -prune -o \\( -type d -printf '%y %m %U %G %l %p\\n' -o -printf '%y %m %U %G %s %l %p\\n' \\); md5sum /etc/passwd /etc/group";
  return {
    run,
    files: async () => (await run(list)).text.split('\n').sort(),
    async cameBack() {
      await isUp();
      await link();
    },
    async cutPower() {
      await cutPower();
      await link();
    },
    close,
  };
}
