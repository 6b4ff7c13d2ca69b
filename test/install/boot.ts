// Boots the root of a Debian with its own systemd in a container. In: the folder, a name, how it is connected. Out: commands run in it, and its end.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Said {
  code: number;
  text: string;
}
interface Booted {
  /** In a shell of its root user. */
  run(command: string): Promise<Said>;
  end(): void;
}
const deadlineMs = 60_000;

export async function boot(root: string, name: string, network: string): Promise<Booted> {
  const options = ['--quiet', '--boot', '--register=no', '--keep-unit', '--console=pipe', network];
  const container = spawn('systemd-nspawn', [...options, '-D', root, '-M', name], { stdio: 'ignore' });
  const leader = await found(`the first process of ${name}`, () => childOf(container.pid as number));
  const inside = ['-t', leader, '-m', '-u', '-i', '-n', '-p', '--'];
  const run = (command: string) =>
    new Promise<Said>((resolve) => {
      const env = {
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        HOME: '/root',
        LANG: 'C.UTF-8',
      };
      const words = [...inside, 'sh', '-c', `exec 2>&1; cd /root; ${command}`];
      // Somebody between the machines may be a server of this process, which therefore must not wait.
      execFile('nsenter', words, { env, timeout: 240_000, maxBuffer: 2 ** 26 }, (error, text) =>
        resolve({ code: error ? Number(error.code ?? 1) : 0, text }),
      );
    });
  const end = () => {
    try {
      process.kill(Number(leader), 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
    container.kill('SIGKILL');
  };
  try {
    await found(
      `${name}, booted`,
      async () => /running|degraded/.exec((await run('systemctl is-system-running')).text)?.[0],
    );
  } catch (error) {
    end();
    throw error;
  }
  return { run, end };
}

function childOf(parent: number): string | null {
  try {
    return execFileSync('pgrep', ['-P', String(parent), '-x', 'systemd'], { encoding: 'utf8' }).trim() || null;
  } catch {
    return null;
  }
}
async function found<T>(what: string, probe: () => T | null | undefined | Promise<T | null | undefined>): Promise<T> {
  const endMs = performance.now() + deadlineMs;
  while (performance.now() < endMs) {
    const value = await probe();
    if (value) return value;
    await sleep(100);
  }
  throw new Error(`${what}: not within ${deadlineMs / 1000} s`);
}
