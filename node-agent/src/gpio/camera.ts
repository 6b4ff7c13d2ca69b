// A still of the camera of this machine, by the program that is installed for it. Out: a JPEG, or why there is none. One at a time: a camera has
// one user.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const folders = ['/usr/bin', '/usr/local/bin'];
/** What writes a picture of a size that models read well to its standard output. */
const programs: readonly { name: string; args: readonly string[] }[] = [
  { name: 'rpicam-still', args: ['--nopreview', '--immediate', '--width', '1024', '--height', '768', '--output', '-'] },
  {
    name: 'libcamera-still',
    args: ['--nopreview', '--immediate', '--width', '1024', '--height', '768', '--output', '-'],
  },
  { name: 'fswebcam', args: ['--quiet', '--no-banner', '--resolution', '1024x768', '--jpeg', '85', '-'] },
];
const stillMs = 20_000;
const maxStillBytes = 3 * 1024 * 1024;
const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

export interface Camera {
  /** Null: nothing is missing. */
  problem(): string | null;
  /** JPEG. @throws Error with words for people and agents */
  still(signal: AbortSignal): Promise<Buffer>;
}

export function createCamera(where: readonly string[] = folders): Camera {
  let last: Promise<unknown> = Promise.resolve();
  const found = () => {
    for (const program of programs)
      for (const folder of where)
        if (existsSync(join(folder, program.name))) return { ...program, path: join(folder, program.name) };
    return null;
  };
  const problem = () => {
    return found()
      ? null
      : `There is no program for a camera here: install one of ${programs.map(({ name }) => name).join(', ')}.`;
  };
  return {
    problem,
    still(signal) {
      const next = last.then(() => {
        const program = found();
        if (!program) throw new Error(problem() ?? '');
        return take(program, signal);
      });
      last = next.catch(() => {});
      return next;
    },
  };
}

function take(
  { name, path, args }: { name: string; path: string; args: readonly string[] },
  signal: AbortSignal,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = {
      env,
      encoding: 'buffer',
      timeout: stillMs,
      killSignal: 'SIGKILL',
      maxBuffer: maxStillBytes,
      signal,
    } as const;
    execFile(path, args, options, (error, stdout, stderr) => {
      const isJpeg = stdout.length > 2 && stdout[0] === 0xff && stdout[1] === 0xd8;
      if (!error && isJpeg) return resolve(stdout);
      const said = stderr.toString('utf8').trim().split('\n').at(-1)?.slice(0, 200);
      reject(new Error(`${name} took no picture: ${said || error?.message || 'it wrote none'}.`));
    });
  });
}
