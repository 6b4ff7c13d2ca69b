// A throw-away Debian that has booted its own systemd, with nothing in it but what Debian has and wget: the other machine of install-check. In:
// a folder to work in. Out: commands run in it, its file system as a list. Needs root, mmdebstrap and systemd-nspawn.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const packages = 'systemd,systemd-sysv,dbus,udev,iproute2,wget';
/** Of the link between this machine and that one. */
export const addresses = { here: '10.78.31.1', there: '10.78.31.2' };

interface Said {
  code: number;
  text: string;
}
export interface Machine {
  /** In a shell of its root user. */
  run(command: string): Promise<Said>;
  /** Every file with its kind, mode, owner, size and where it leads. */
  files(): Promise<string[]>;
  close(): void;
}

export async function bootMachine(work: string, suite: string): Promise<Machine> {
  mkdirSync(work, { recursive: true });
  const archive = join(work, `${suite}.tar`);
  if (!existsSync(archive)) {
    const order = ['--mode=root', '--variant=minbase', '--format=tar', `--include=${packages}`, suite];
    execFileSync('mmdebstrap', [...order, `${archive}.part`], { stdio: 'ignore' });
    renameSync(`${archive}.part`, archive);
  }
  const root = join(work, `root-${process.pid}`);
  mkdirSync(root);
  execFileSync('tar', ['-xf', archive, '-C', root]);
  const name = `fi${process.pid}`;
  const options = ['--quiet', '--boot', '--register=no', '--keep-unit', '--console=pipe', '--network-veth'];
  const container = spawn('systemd-nspawn', [...options, '-D', root, '-M', name], { stdio: 'ignore' });
  const leader = await found(() => pid(container.pid as number));
  const inside = ['-t', leader, '-m', '-u', '-i', '-n', '-p', '--'];
  const run = (command: string) =>
    new Promise<Said>((resolve) => {
      const env = {
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        HOME: '/root',
        LANG: 'C.UTF-8',
      };
      const words = [...inside, 'sh', '-c', `exec 2>&1; cd /root; ${command}`];
      // Somebody between the machines is a server of this process, which therefore must not wait.
      execFile('nsenter', words, { env, timeout: 240_000, maxBuffer: 2 ** 26 }, (error, text) =>
        resolve({ code: error ? Number(error.code ?? 1) : 0, text }),
      );
    });
  const close = () => {
    try {
      execFileSync('kill', ['-9', leader]);
    } catch {
      // It has ended by itself.
    }
    container.kill('SIGKILL');
    rmSync(root, { recursive: true, force: true });
  };
  await found(async () => /running|degraded/.exec((await run('systemctl is-system-running')).text)?.[0] ?? null);
  execFileSync('ip', ['addr', 'add', `${addresses.here}/24`, 'dev', `ve-${name}`]);
  execFileSync('ip', ['link', 'set', `ve-${name}`, 'up']);
  await run(`ip addr add ${addresses.there}/24 dev host0; ip link set host0 up`);
  const list =
    "find / -xdev \\( -path /proc -o -path /sys -o -path /run -o -path /dev -o -path /var/log \\) -prune -o \\( -type d -printf '%y %m %U %G %l %p\\n' -o -printf '%y %m %U %G %s %l %p\\n' \\); md5sum /etc/passwd /etc/group";
  return { run, files: async () => (await run(list)).text.split('\n').sort(), close };
}

function pid(parent: number): string | null {
  try {
    return execFileSync('pgrep', ['-P', String(parent), '-x', 'systemd'], { encoding: 'utf8' }).trim() || null;
  } catch {
    return null;
  }
}
async function found<T>(probe: () => T | null | Promise<T | null>): Promise<T> {
  for (let tries = 0; tries < 300; tries++) {
    const value = await probe();
    if (value !== null) return value;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the machine did not boot within 30 s');
}
