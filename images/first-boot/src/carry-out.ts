// Does what a plan says on this machine: files that are whole or not there, commands with a deadline, and then the question whether it holds.
// In: a setting. Out: whether it holds, or why not. A setting that fails keeps no other from being made.
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { syncFolder } from '@blackroad/std/sync-folder';
import { saveWhole } from '@blackroad/std/whole-file';
import type { Setting, Step } from './plan.ts';
import type { Done } from './result-text.ts';

interface Ran {
  code: number;
  out: string;
  err: string;
}
export interface Machine {
  /** `/`; another folder in tests. */
  root: string;
  run(command: readonly string[], timeoutMs: number): Promise<Ran>;
}

/** `useradd` and `ssh-keygen` take seconds on a Pi Zero; what takes longer hangs. */
const commandMs = 120_000;
const maxOutputBytes = 64 * 1024;

export function thisMachine(root: string): Machine {
  return {
    root,
    run: ([program = '', ...words], timeout) =>
      new Promise((resolve) => {
        const options = { timeout, maxBuffer: maxOutputBytes, encoding: 'utf8', cwd: '/' } as const;
        execFile(program, words, options, (error, out, err) => {
          const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
          resolve({ code, out: out.trim(), err: err.trim() || (code === -1 ? (error as Error).message : '') });
        });
      }),
  };
}

export async function make(setting: Setting, machine: Machine): Promise<Done> {
  const { about, steps, readBack, refused } = setting;
  if (refused !== undefined) return { about, problem: refused };
  try {
    for (const step of steps) await take(step, machine);
    if (readBack) {
      const { out } = await machine.run(readBack.run, commandMs);
      if (out !== readBack.expected)
        return { about, problem: `afterwards ${readBack.run.join(' ')} says ${JSON.stringify(out)}` };
    }
    return { about, problem: null };
  } catch (error) {
    return { about, problem: (error as Error).message };
  }
}

async function take(step: Step, machine: Machine): Promise<void> {
  if ('file' in step) return await put(join(machine.root, step.file), step.content, step.mode);
  if ('gone' in step) {
    const path = join(machine.root, step.gone);
    rmSync(path, { force: true });
    syncFolder(made(dirname(path)));
    return;
  }
  const { code, out, err } = await machine.run(step.run, commandMs);
  if (code !== 0) throw new Error(`${step.run[0]} says: ${(err || out || `exit code ${code}`).split('\n').at(-1)}`);
}

async function put(path: string, content: string, mode: number): Promise<void> {
  if (textAt(path) === content && (statSync(path).mode & 0o777) === mode) return;
  made(dirname(path));
  await saveWhole(path, content);
  chmodSync(path, mode);
  syncFolder(dirname(path));
}

/** The folder, which is there then and enterable. */
function made(folder: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  return folder;
}

/** Null: there is no such file. */
export function textAt(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
