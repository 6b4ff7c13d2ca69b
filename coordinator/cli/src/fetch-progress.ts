// The progress of a model on its way to several nodes: one line a node, redrawn in place on a terminal; elsewhere a line at each quarter. In:
// the stands of the nodes, again and again. Out: text.
import type { Clock } from '@blackroad/std/clock';
import type { FetchStand } from './fetch-stand.ts';
import type { Canvas } from './up/progress.ts';
import { bytes, cutTo, type Paint } from './words.ts';

export interface FetchProgress {
  draw(stands: ReadonlyMap<string, FetchStand>): void;
}

const usualColumns = 80;
const maxBarWidth = 24;
const leastBarWidth = 6;
/** More nodes than a screen has lines would scroll: the others are counted. */
const maxLines = 16;
const quarter = 0.25;

export function createFetchProgress(out: Canvas, paint: Paint, clock: Clock): FetchProgress {
  const begun = new Map<string, { atMs: number; bytes: number }>();
  const said = new Map<string, string>();
  let drawn = 0;

  /** Bytes a second since the first look at this node; null: not known yet. */
  function speedOf(node: string, completedBytes: number): number | null {
    const first = begun.get(node);
    const nowMs = clock.monotonicMs();
    if (!first || completedBytes < first.bytes) {
      begun.set(node, { atMs: nowMs, bytes: completedBytes });
      return null;
    }
    const seconds = (nowMs - first.atMs) / 1000;
    return seconds > 0.5 ? (completedBytes - first.bytes) / seconds : null;
  }

  function line(node: string, stand: FetchStand, nameWidth: number): string {
    const columns = (out.columns ?? usualColumns) - 1;
    const name = `  ${markOf(stand, paint)} ${node.padEnd(nameWidth)}  `;
    if (stand.state !== 'fetching' || stand.totalBytes === 0) return cutTo(columns, `${name}${wordsOf(stand, paint)}`);
    const share = Math.min(1, stand.completedBytes / stand.totalBytes);
    const speed = speedOf(node, stand.completedBytes);
    const figures = ` ${String(Math.floor(share * 100)).padStart(3)} %  ${bytes(stand.completedBytes)} of ${bytes(stand.totalBytes)}`;
    const more = speed === null ? '' : `  ${bytes(speed)}/s`;
    const room = columns - nameWidth - 6 - figures.length - more.length;
    const width = Math.max(leastBarWidth, Math.min(maxBarWidth, room));
    const full = Math.round(share * width);
    const bar = `${paint('pink', '━'.repeat(full))}${paint('dim', '─'.repeat(width - full))}`;
    return cutTo(columns, `${name}${bar}${figures}${paint('dim', more)}`);
  }

  function redraw(stands: ReadonlyMap<string, FetchStand>): void {
    const shown = [...stands].sort(([, a], [, b]) => order[a.state] - order[b.state]).slice(0, maxLines);
    const nameWidth = Math.min(24, Math.max(...shown.map(([node]) => node.length)));
    const lines = shown.map(([node, stand]) => line(node, stand, nameWidth));
    const rest = stands.size - shown.length;
    if (rest > 0) lines.push(paint('dim', `    and ${rest} more`));
    out.write(`${drawn > 0 ? `\u001b[${drawn}A` : ''}${lines.map((each) => `\r\u001b[2K${each}\n`).join('')}\u001b[0J`);
    drawn = lines.length;
  }

  return {
    draw(stands) {
      if (stands.size === 0) return;
      if (out.isTTY === true) {
        redraw(stands);
        return;
      }
      for (const [node, stand] of stands) {
        const share = stand.state === 'fetching' && stand.totalBytes > 0 ? stand.completedBytes / stand.totalBytes : 0;
        const mark = `${stand.state} ${Math.floor(share / quarter)}`;
        if (said.get(node) === mark) continue;
        said.set(node, mark);
        const percent = share > 0 ? ` ${Math.floor(share * 100)} %` : '';
        out.write(`  ${node}: ${wordsOf(stand, paint)}${percent}\n`);
      }
    },
  };
}

/** Failures first, then what is on its way: with many nodes only the first lines are shown. */
const order: Record<FetchStand['state'], number> = { failed: 0, fetching: 1, silent: 2, here: 3 };

function markOf({ state }: FetchStand, paint: Paint): string {
  if (state === 'here') return paint('green', '✓');
  if (state === 'failed') return paint('red', '✗');
  return paint('dim', '↓');
}
function wordsOf(stand: FetchStand, paint: Paint): string {
  if (stand.state === 'here') return 'is here';
  if (stand.state === 'failed') return paint('red', stand.problem);
  return paint('dim', stand.state === 'fetching' ? stand.status || 'begins' : 'waits for word of the node');
}
