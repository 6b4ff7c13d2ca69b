// Programs of the machine that builds or looks at an image. In: words. Out: what they print; a program that fails ends the work, with the
// end of what it said. Nothing here asks a person.
import { execFileSync, spawnSync } from 'node:child_process';
import { BuildError } from '../../release/src/source.ts';

/** Programs of administration are not on the PATH of every user. */
const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const maxOutputBytes = 256 * 1024 * 1024;

interface Options {
  cwd?: string;
  env?: Record<string, string>;
  input?: string;
  /** Not caught: a person sees it as it comes. */
  isShown?: boolean;
}

/** @throws BuildError */
export function run(program: string, words: readonly string[], { cwd, env, input, isShown }: Options = {}): string {
  const { status, signal, stdout, stderr, error } = spawnSync(program, words, {
    cwd,
    encoding: 'utf8',
    input: input ?? '',
    maxBuffer: maxOutputBytes,
    env: { PATH: path, LC_ALL: 'C.UTF-8', HOME: '/root', ...env },
    stdio: isShown ? ['pipe', 'inherit', 'inherit'] : 'pipe',
  });
  if (status === 0) return stdout ?? '';
  const said = `${stderr ?? ''}`.trim().split('\n').slice(-6).join('\n    ');
  const why = error?.message ?? (signal ? `it was ended by ${signal}` : said || `it ended with code ${status}`);
  throw new BuildError(`${program} ${words.slice(0, 4).join(' ')}: ${why}`);
}

function has(program: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { env: { PATH: path }, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Programs, and the packages of Debian that have them. @throws BuildError */
export function need(programs: Readonly<Record<string, string>>): void {
  const missing = Object.entries(programs).filter(([program]) => !has(program));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map(([, name]) => name))].sort().join(' ');
  throw new BuildError(
    `missing on this machine: ${missing.map(([program]) => program).join(', ')}. On Debian and Ubuntu: sudo apt-get install ${packages}`,
  );
}
