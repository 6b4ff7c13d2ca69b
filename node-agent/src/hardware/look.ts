// A look at the parts of the machine, by a child process that loads what that takes and ends. In: the path of the child. Out: the parts, or
// why there are none, in words. One look at a time; it ends within its deadline with everything that it started, and what it prints is
// bounded and checked: a failure changes nothing else.
import { spawn } from 'node:child_process';
import { explain, Hardware, maxHardwareBytes } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';

export type HardwareLook = { hardware: Hardware } | { problem: string };

interface LookParts {
  childPath: string;
  deadlineMs?: number;
  clock: Clock;
}

/** `system_profiler` of a Mac takes some seconds for each kind of part; a Pi Zero takes as long for all of them. */
const usualDeadlineMs = 75_000;
const heapMb = 96;
const maxErrorChars = 2_000;

/** An aborted signal stops the look that runs. */
export function createHardwareLook(parts: LookParts): (signal: AbortSignal) => Promise<HardwareLook> {
  let running: Promise<HardwareLook> | null = null;
  return (signal) => {
    running ??= look(parts, signal).finally(() => {
      running = null;
    });
    return running;
  };
}

function look(
  { childPath, clock, deadlineMs = usualDeadlineMs }: LookParts,
  signal: AbortSignal,
): Promise<HardwareLook> {
  return new Promise((resolve) => {
    // A process group of its own, so that stopping it stops the programs that it started, too.
    const child = spawn(
      process.execPath,
      [`--max-old-space-size=${heapMb}`, '--disable-warning=ExperimentalWarning', childPath],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      },
    );
    let printed = '';
    let errors = '';
    let stopped = '';
    const stop = (why: string) => {
      stopped ||= why;
      killGroup(child.pid);
    };
    const timer = clock.after(deadlineMs, () => {
      stop(`it took longer than ${deadlineMs / 1000} s`);
      // A program that the kernel cannot end keeps the pipes open: it is not waited for.
      end({ problem: stopped });
    });
    const onAbort = () => stop('the node-agent stopped');
    const end = (outcome: HardwareLook) => {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
      resolve(outcome);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
      if (printed.length > maxHardwareBytes) stop(`it printed more than ${maxHardwareBytes} characters`);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-maxErrorChars);
    });
    child.on('error', (error) => end({ problem: `it cannot be started: ${error.message}` }));
    child.on('close', (code, signal) => {
      const why = stopped || (code === 0 ? '' : `it ended with ${signal ?? `code ${code}`}${lastLine(errors)}`);
      end(why ? { problem: why } : read(printed));
    });
  });
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid) process.kill(-pid, 'SIGKILL');
  } catch {
    // All of them have ended.
  }
}

function read(printed: string): HardwareLook {
  try {
    const hardware = JSON.parse(printed);
    const fault = explain(Hardware, hardware);
    return fault ? { problem: `what it printed does not fit: ${fault}` } : { hardware };
  } catch {
    return { problem: `it printed no JSON${lastLine(printed)}` };
  }
}

function lastLine(text: string): string {
  const line = text.trim().split('\n').at(-1) ?? '';
  return line === '' ? '' : `: ${line.slice(0, 200)}`;
}
