// Progress on a terminal: one line a thing, redrawn in place; plain lines, few of them, where there is no terminal.
import type { Clock } from '@blackroad/std/clock';
import { bytes, type Paint } from '../words.ts';

export interface Progress {
  /** A step with no measure: `starting the coordinator`. */
  step(text: string): void;
  bar(name: string, status: string, completed: number, total: number): void;
  done(text: string): void;
  warn(text: string): void;
}

const barWidth = 28;
const redrawMs = 100;
/** Without a terminal a bar says something each quarter. */
const quarter = 0.25;

/** Where progress is drawn: standard output, or nowhere. */
export interface Canvas {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export function createProgress(out: Canvas, paint: Paint, clock: Clock): Progress {
  const live = out.isTTY === true;
  let open = false;
  let drawnMs = Number.NEGATIVE_INFINITY;
  let said = '';
  let started: { name: string; atMs: number; from: number } | null = null;
  const clear = () => {
    if (open) out.write('\r\u001b[2K');
    open = false;
  };
  return {
    step(text) {
      clear();
      if (live) {
        out.write(`  ${paint('dim', `${text} ...`)}`);
        open = true;
      } else out.write(`  ${text} ...\n`);
    },
    bar(name, status, completed, total) {
      const now = clock.monotonicMs();
      if (started?.name !== name + status) started = { name: name + status, atMs: now, from: completed };
      const share = total > 0 ? Math.min(1, completed / total) : 0;
      if (!live) {
        const mark = `${name} ${status} ${Math.floor(share / quarter)}`;
        if (mark !== said) out.write(`  ${name}: ${status} ${Math.round(share * 100)} % of ${bytes(total)}\n`);
        said = mark;
        return;
      }
      if (now - drawnMs < redrawMs && share < 1) return;
      drawnMs = now;
      const full = Math.round(share * barWidth);
      const elapsed = (now - started.atMs) / 1000;
      const speed = elapsed > 0.5 ? `  ${bytes((completed - started.from) / elapsed)}/s` : '';
      out.write(
        `\r\u001b[2K  ${name}  ${paint('pink', '━'.repeat(full))}${paint('dim', '─'.repeat(barWidth - full))} ${String(Math.round(share * 100)).padStart(3)} %  ${bytes(completed)} of ${bytes(total)}${speed}  ${paint('dim', status)}`,
      );
      open = true;
    },
    done(text) {
      clear();
      out.write(`  ${paint('green', '✓')} ${text}\n`);
    },
    warn(text) {
      clear();
      out.write(`  ${paint('yellow', '!')} ${text}\n`);
    },
  };
}
