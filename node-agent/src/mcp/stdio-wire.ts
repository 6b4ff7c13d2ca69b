// An MCP server that is a program of this machine: messages are lines [MCP 2025-11-25, transports]. It is started without a shell, in a group of
// processes of its own, with the few variables it needs: those of the node-agent have keys in them.
import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '@blackroad/std/clock';
import { maxMessageBytes } from './limits.ts';
import type { ServerPlace } from './servers-file.ts';
import type { Wire, WireEvents } from './wire.ts';

const passed = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TMPDIR', 'TZ'] as const;
/** From the end of its input to SIGTERM, and from there to SIGKILL. */
const graceMs = 1_000;
const maxSaidChars = 300;

/** Groups of processes that are not stopped yet: none outlives the node-agent. */
const groups = new Set<number>();
process.on('exit', () => {
  for (const group of groups) kill(group, 'SIGTERM');
});

type Program = ServerPlace & { kind: 'command' };

export function stdioWire(
  { command, args = [], env = {} }: Program,
  around: Readonly<Record<string, string | undefined>>,
  events: WireEvents,
  clock: Clock,
): Wire {
  const own = Object.fromEntries(passed.flatMap((name) => (around[name] === undefined ? [] : [[name, around[name]]])));
  const child = spawn(command, args, { env: { ...own, ...env }, stdio: 'pipe', detached: true });
  if (child.pid !== undefined) groups.add(child.pid);
  let isOver = false;
  let said = '';
  const end = (why: string) => {
    if (isOver) return;
    isOver = true;
    stop(child, clock);
    events.ended(why);
  };
  const words = () => (said.trim() === '' ? '' : `: ${said.trim().split('\n').at(-1)?.slice(0, maxSaidChars)}`);
  child.on('error', (error) => end(`${command} could not be started: ${error.message}`));
  child.on('exit', (code, signal) => end(`its program ended (${signal ?? `code ${code}`})${words()}`));
  child.stdin.on('error', () => end(`its program takes no messages any more${words()}`));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2 * maxSaidChars);
  });
  const take = lines(
    (line) => {
      if (isOver || line.trim() === '') return;
      try {
        events.message(JSON.parse(line));
      } catch {
        end(`it wrote a line that is no message: ${JSON.stringify(line.slice(0, 80))}`);
      }
    },
    () => end(`it sent a message of more than ${maxMessageBytes} bytes`),
  );
  child.stdout.on('data', (piece: Buffer) => {
    if (!isOver) take(piece);
  });
  return {
    answersLater: true,
    agreed() {},
    async send(message) {
      if (isOver) throw new Error('its program has ended');
      if (child.stdin.writableLength > maxMessageBytes) {
        end('it reads no messages');
        throw new Error('it reads no messages');
      }
      child.stdin.write(`${JSON.stringify(message)}\n`);
    },
    close() {
      isOver = true;
      stop(child, clock);
    },
  };
}

function lines(onLine: (line: string) => void, onTooLong: () => void): (piece: Buffer) => void {
  let parts: Buffer[] = [];
  let bytes = 0;
  return (piece) => {
    let rest = piece;
    for (let at = rest.indexOf(10); at >= 0; at = rest.indexOf(10)) {
      parts.push(rest.subarray(0, at));
      const whole = bytes + at > maxMessageBytes ? null : Buffer.concat(parts).toString('utf8');
      [parts, bytes, rest] = [[], 0, rest.subarray(at + 1)];
      if (whole === null) return onTooLong();
      onLine(whole);
    }
    bytes += rest.length;
    if (bytes > maxMessageBytes) {
      [parts, bytes] = [[], 0];
      return onTooLong();
    }
    if (rest.length > 0) parts.push(rest);
  };
}

/** The end of its input is the sign to stop; what does not is ended, with the processes that it started. */
function stop(child: ChildProcess, clock: Clock): void {
  child.stdin?.destroy();
  child.stdout?.destroy();
  child.stderr?.destroy();
  child.unref();
  const { pid } = child;
  if (pid === undefined) return;
  clock.after(graceMs, () => {
    kill(pid, 'SIGTERM');
    clock.after(graceMs, () => {
      kill(pid, 'SIGKILL');
      groups.delete(pid);
    });
  });
}

function kill(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch {
    // Nobody of the group is left.
  }
}
