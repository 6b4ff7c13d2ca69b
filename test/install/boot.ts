// Boots the root of a Debian with its own systemd in a container. In: the folder, a name, how it is connected. Out: commands run in it, and its end.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Said {
  code: number;
  text: string;
}
interface Booted {
  /** In a shell of its root user. */
  run(command: string): Promise<Said>;
  /** Waits until it has booted, also after it restarted itself. */
  isUp(): Promise<void>;
  /** All its processes end at once, and it boots again. */
  cutPower(): Promise<void>;
  end(): void;
}
/** What systemd-nspawn ends with where the system in it restarts. */
const restarts = 133;
const deadlineMs = 60_000;

export async function boot(root: string, name: string, network: string): Promise<Booted> {
  const options = ['--quiet', '--boot', '--register=no', '--keep-unit', '--console=pipe', network];
  let isOver = false;
  const start = () => {
    const started = spawn('systemd-nspawn', [...options, '-D', root, '-M', name], { stdio: 'ignore' });
    started.on('exit', (code) => {
      if (code === restarts && !isOver) container = start();
    });
    return started;
  };
  let container = start();
  const first = () => found(`the first process of ${name}`, () => childOf(container.pid as number));
  await first();
  const run = async (command: string) => {
    const inside = ['-t', await first(), '-m', '-u', '-i', '-n', '-p', '--'];
    return new Promise<Said>((resolve) => {
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
  };
  const isUp = async () => {
    const probe = async () => /running|degraded/.exec((await run('systemctl is-system-running')).text)?.[0];
    await found(`${name}, booted`, probe);
  };
  const cut = () => {
    try {
      process.kill(Number(childOf(container.pid as number)), 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  };
  const end = () => {
    isOver = true;
    cut();
    container.kill('SIGKILL');
  };
  const cutPower = async () => {
    const ended = once(container, 'exit');
    cut();
    await ended;
    container = start();
    await isUp();
  };
  try {
    await isUp();
  } catch (error) {
    end();
    throw error;
  }
  return { run, isUp, cutPower, end };
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
