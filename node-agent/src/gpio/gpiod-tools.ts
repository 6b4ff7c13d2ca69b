// The programs of libgpiod, in the syntax of its version 1 (Debian 12) and 2 (Debian 13): what is asked of them, and what they print. Each is
// started without a shell, by its path, with a deadline. A program that holds a line ends when its standard input does, or when the kernel tells
// it that the node-agent has ended (setpriv): none outlives it.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, sleep } from '@blackroad/std/clock';
import type { Chip } from './chips.ts';
import { allowGroup, type LineOrder, PinError } from './pins.ts';

export interface Gpiod {
  version: string;
  /** Whether the syntax is that of version 1. */
  isOld: boolean;
  /** Where its programs are. */
  folder: string;
}
type Wanted = Pick<LineOrder, 'line' | 'activeLow' | 'pull'>;

/** A Pi Zero with a full processor takes seconds to start a program. */
const askMs = 15_000;
const maxOutputBytes = 256 * 1024;
const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
const usual = ['/usr/bin', '/usr/local/bin', '/bin'];
/** What gpioinfo names as the holder of a line that a program of this process has. */
const consumer = 'blackroad-fleet';

/** Null: it is not installed. */
export async function findGpiod(folders: readonly string[] = usual): Promise<Gpiod | null> {
  const folder = folders.find((each) => existsSync(join(each, 'gpiodetect')));
  if (folder === undefined) return null;
  const said = await ask(folder, 'gpiodetect', ['--version']);
  const version = /v(\d+\.\d+(\.\d+)?)/.exec(said.text)?.[1];
  return version === undefined ? null : { version, isOld: Number.parseInt(version, 10) < 2, folder };
}

/** `gpiochip0 [pinctrl-rp1] (54 lines)`, in both versions. @throws PinError */
export async function detectChips({ folder }: Gpiod): Promise<Chip[]> {
  const { text, failed } = await ask(folder, 'gpiodetect', []);
  const chips = [...text.matchAll(/^(\S+) \[([^\]\n]*)\] \((\d+) lines?\)$/gm)];
  if (failed && chips.length === 0) throw faultIn('The chips of this machine', text);
  return chips.map(([, name = '', label = '', lines]) => ({ name, label, lines: Number(lines) }));
}

/** The program that has a line, as the kernel knows it; null: none. */
export async function holderOf({ folder, isOld }: Gpiod, chip: string, line: number): Promise<string | null> {
  const { text } = await ask(folder, 'gpioinfo', isOld ? [chip] : ['--chip', chip]);
  const row = text.split('\n').find((each) => new RegExp(`(^|\\s)line\\s+${line}:`).test(each)) ?? '';
  // 2: `line 17: "GPIO17" input consumer="motion"`, 1: `line 17: "GPIO17" "motion" input active-high [used]`.
  const named =
    /consumer="?([^"\s]+)"?/.exec(row) ?? (row.includes('[used]') ? /"([^"]+)"\s+(?:in|out)put/.exec(row) : null);
  return named?.[1] ?? (/\[used\]/.test(row) ? 'another program' : null);
}

/** @throws PinError */
export async function getLine(gpiod: Gpiod, chip: Chip, wanted: Wanted, where: string): Promise<boolean> {
  const flags = flagsOf(gpiod, wanted, 'in');
  const line = String(wanted.line);
  const args = gpiod.isOld
    ? [...flags, chip.name, line]
    : ['--numeric', '--consumer', consumer, ...flags, '--chip', chip.name, line];
  const { text, failed } = await ask(gpiod.folder, 'gpioget', args);
  const value = /^\s*([01])\s*$/m.exec(text)?.[1];
  if (failed || value === undefined) throw await heldOr(gpiod, chip, wanted.line, where, text);
  return value === '1';
}

/** Of `gpioset`, which keeps the line until it ends. */
export function setArgs(gpiod: Gpiod, chip: Chip, wanted: Wanted, on: boolean): string[] {
  const value = `${wanted.line}=${on ? 1 : 0}`;
  const flags = flagsOf(gpiod, wanted, 'out');
  return gpiod.isOld
    ? ['--mode=wait', ...flags, chip.name, value]
    : ['--consumer', consumer, ...flags, '--chip', chip.name, value];
}
/** Of `gpiomon`: a line of output at each edge. */
export function monitorArgs(gpiod: Gpiod, chip: Chip, wanted: Wanted): string[] {
  const flags = flagsOf(gpiod, wanted, 'in');
  return gpiod.isOld
    ? ['--line-buffered', '--format=%e', ...flags, chip.name, String(wanted.line)]
    : ['--format=%e', '--consumer', consumer, ...flags, '--chip', chip.name, String(wanted.line)];
}
/** 1 is a rising edge in both versions; falling is 0 in the first and 2 in the second. */
export function edgeIn(line: string): boolean | null {
  const text = line.trim();
  if (text === '1') return true;
  return text === '0' || text === '2' ? false : null;
}

function flagsOf({ isOld }: Gpiod, { activeLow, pull }: Wanted, direction: 'in' | 'out'): string[] {
  const bias = pull === null ? null : pull === 'none' ? (isOld ? 'disable' : 'disabled') : `pull-${pull}`;
  return [...(activeLow ? ['--active-low'] : []), ...(bias === null || direction === 'out' ? [] : [`--bias=${bias}`])];
}

/** A program that has a line while it runs. */
export interface HoldingProgram {
  readonly child: ChildProcess;
  /** What it wrote last to its standard error, or why it ended. */
  said(): string;
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGTERM');
});
const graceMs = 1_000;
const setpriv = '/usr/bin/setpriv';

export function hold(folder: string, program: string, args: readonly string[], clock: Clock): HoldingProgram {
  // Version 2 of gpioset reads nothing, and would keep its line for good when the node-agent is killed.
  const words = [join(folder, program), ...args];
  const [command = '', ...rest] = existsSync(setpriv) ? [setpriv, '--pdeathsig', 'TERM', ...words] : words;
  const child = spawn(command, rest, { env, stdio: 'pipe' });
  running.add(child);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-600);
  });
  child.stdin.on('error', () => {});
  const ended = new Promise<void>((resolve) => {
    child.on('error', (error) => {
      said = error.message;
      running.delete(child);
      resolve();
    });
    child.on('exit', (code, signal) => {
      said ||= `${program} ended (${signal ?? `code ${code}`})`;
      running.delete(child);
      resolve();
    });
  });
  return {
    child,
    said: () => said,
    ended,
    async stop() {
      if (!running.has(child)) return;
      child.stdin.end();
      child.kill('SIGTERM');
      const late = clock.after(graceMs, () => child.kill('SIGKILL'), true);
      await ended;
      late.cancel();
    },
  };
}

/** Resolves when the program has its line, by the kernel's word; false: it ended before. */
export async function hasLine({ child, ended }: HoldingProgram, clock: Clock): Promise<boolean> {
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  const untilMs = clock.monotonicMs() + askMs;
  while (!isOver && clock.monotonicMs() < untilMs) {
    if (child.pid !== undefined && holdsLine(child.pid)) return true;
    await sleep(clock, 5);
  }
  return false;
}
/** A line that a process has is an open file of it. */
function holdsLine(pid: number): boolean {
  try {
    const at = `/proc/${pid}/fd`;
    return readdirSync(at).some((fd) => /^anon_inode:\[?gpio-(line|event)/.test(linkOf(join(at, fd))));
  } catch {
    return false;
  }
}
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** What a program's words mean. */
export async function heldOr(gpiod: Gpiod, chip: Chip, line: number, where: string, text: string): Promise<PinError> {
  const fault = faultIn(where, text);
  if (fault.fault !== 'held') return fault;
  const holder = await holderOf(gpiod, chip.name, line);
  return new PinError('held', `${holder ?? 'Another program'} has ${where}.`);
}
function faultIn(where: string, text: string): PinError {
  if (/busy/i.test(text)) return new PinError('held', `Another program has ${where}.`);
  if (/permission denied|not permitted/i.test(text))
    return new PinError('denied', `${where} may not be opened: ${allowGroup}.`);
  const words = text.trim().split('\n').at(-1)?.slice(0, 200) || 'its program gave no answer';
  return new PinError('failed', `${where}: ${words}`);
}

function ask(folder: string, program: string, args: readonly string[]): Promise<{ text: string; failed: boolean }> {
  return new Promise((resolve) => {
    const options = { env, timeout: askMs, killSignal: 'SIGKILL', maxBuffer: maxOutputBytes } as const;
    const child = execFile(join(folder, program), args, options, (error, stdout, stderr) => {
      const why = error && stderr === '' ? error.message : stderr;
      resolve({ text: error ? `${stdout}${why}` : stdout, failed: error !== null });
    });
    child.stdin?.end();
  });
}
