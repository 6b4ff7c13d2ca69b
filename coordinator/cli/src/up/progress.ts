// Progress on a terminal: one line for each step, redrawn in place; where there is no terminal, a few plain lines.
import type { Clock } from '@blackroad/std/clock';
import { bytes, cutTo, type Paint } from '../words.ts';

export interface Progress {
  /** A step whose progress cannot be measured: `starting the coordinator`. */
  step(text: string): void;
  bar(name: string, status: string, completed: number, total: number): void;
  done(text: string): void;
  warn(text: string): void;
}

const maxBarWidth = 28;
/** The width where the terminal does not report one. */
const usualColumns = 80;
const redrawMs = 100;
/** Without a terminal a bar prints one line each quarter. */
const quarter = 0.25;

/** The destination of progress: standard output, or nothing. */
export interface Canvas {
  readonly isTTY?: boolean;
  /** Width of the terminal in characters. */
  readonly columns?: number;
  write(text: string): unknown;
}

export function createProgress(out: Canvas, paint: Paint, clock: Clock): Progress {
  const live = out.isTTY === true;
  let open = false;
  let drawnMs = Number.NEGATIVE_INFINITY;
  let said = '';
  let started: { name: string; atMs: number; from: number } | null = null;
  // A line of the terminal's full width makes some terminals wrap: the next redraw would then begin on a new line.
  const room = () => (out.columns ?? usualColumns) - 1;
  const clear = () => {
    if (open) out.write('\r\u001b[2K');
    open = false;
  };
  return {
    step(text) {
      clear();
      if (live) {
        out.write(cutTo(room(), `  ${paint('dim', `${text} ...`)}`));
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
      const elapsed = (now - started.atMs) / 1000;
      const speed = elapsed > 0.5 ? `  ${bytes((completed - started.from) / elapsed)}/s` : '';
      const percent = `${String(Math.round(share * 100)).padStart(3)} %`;
      const figures = ` ${percent}  ${bytes(completed)} of ${bytes(total)}${speed}`;
      const barWidth = Math.max(0, Math.min(maxBarWidth, room() - name.length - figures.length - 4));
      const full = Math.round(share * barWidth);
      const drawn = `${paint('pink', '━'.repeat(full))}${paint('dim', '─'.repeat(barWidth - full))}`;
      out.write(`\r\u001b[2K${cutTo(room(), `  ${name}  ${drawn}${figures}  ${paint('dim', status)}`)}`);
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
