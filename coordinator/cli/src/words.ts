// Figures and times in words for people, and plain tables. No colour where stdout is no terminal.
import type { NodeView } from '@blackroad/protocol';

export function bytes(count: number): string {
  if (count >= 1024 ** 3) return `${(count / 1024 ** 3).toFixed(1)} GiB`;
  if (count >= 1024 ** 2) return `${Math.round(count / 1024 ** 2)} MiB`;
  return count < 1024 ? `${count} B` : `${Math.round(count / 1024)} KiB`;
}

/** `3 s`, `5 min`, `2 h`, `4 d`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}
export function ago(ms: number | null, nowMs: number): string {
  return ms === null ? 'never' : `${duration(nowMs - ms)} ago`;
}

/** Health of a node in one phrase: the worst condition, or the state when there is none. */
export function healthWords(node: NodeView): string {
  if (node.status === 'quarantined') return `quarantined: ${node.quarantineReason ?? ''}`;
  if (node.presence !== 'online') return node.presenceReason;
  const worst = node.conditions.find(({ severity }) => severity === 'error') ?? node.conditions[0];
  if (worst) return worst.text;
  const { health } = node;
  if (!health) return 'no heartbeat yet';
  const temperature = health.temperatureC === undefined ? '' : `, ${Math.round(health.temperatureC)} °C`;
  return `fine, CPU ${Math.round(health.cpu * 100)} %${temperature}`;
}

export type Paint = (code: 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'pink', text: string) => string;
const codes = { bold: '1', dim: '2', red: '31', green: '32', yellow: '33', pink: '38;2;255;29;108' };
export function paintFor(colour: boolean): Paint {
  return colour ? (code, text) => `\u001b[${codes[code]}m${text}\u001b[0m` : (_, text) => text;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes take no room on a terminal
const colourCode = /\u001b\[[0-9;]*m/g;
const width = (text: string) => [...text.replace(colourCode, '')].length;

/** The text cut to `room` columns, with an ellipsis where text is missing. A colour ends at the cut. */
export function cutTo(room: number, text: string): string {
  if (width(text) <= room) return text;
  let left = Math.max(0, room - 1);
  let out = '';
  let isColoured = false;
  // Matches a colour code or a single character.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes take no room on a terminal
  for (const [piece] of text.matchAll(/\u001b\[[0-9;]*m|./gsu)) {
    if (piece.startsWith('\u001b')) {
      out += piece;
      isColoured = piece !== '\u001b[0m';
    } else if (left-- > 0) out += piece;
    else break;
  }
  return `${out}…${isColoured ? '\u001b[0m' : ''}`;
}

/** An address in lines of at most `columns` characters: no character of it may be cut off. */
export function pieces(text: string, columns: number): string[] {
  const room = Math.max(20, columns);
  return Array.from({ length: Math.ceil(text.length / room) }, (_, i) => text.slice(i * room, (i + 1) * room));
}

const gap = 2;
/** The minimum width of the last column, the one that explains. */
const lastColumns = 20;
const leastColumns = 6;

/**
 * Columns as wide as their widest cell. Where they do not fit, the columns of `spare` are left out, in that order; then the widest are cut.
 * No line is longer than `columns`.
 */
export function table(
  head: string[],
  rows: string[][],
  columns: number,
  paint: Paint,
  spare: readonly string[] = [],
): string {
  const flat = rows.map((row) => row.map((cell) => cell.replaceAll('\n', ' ')));
  let shown = head.map((_, i) => i);
  const widths = head.map((name, i) => Math.max(width(name), ...flat.map((row) => width(row[i] ?? ''))));
  const needed = () =>
    shown.reduce((sum, i) => {
      const own = widths[i] as number;
      return sum + (i === head.length - 1 ? Math.min(own, lastColumns) : own + gap);
    }, 0);
  for (const name of spare) {
    if (needed() <= columns) break;
    shown = shown.filter((i) => head[i] !== name);
  }
  while (needed() > columns) {
    const widest = shown
      .slice(0, -1)
      .reduce((most, i) => ((widths[i] as number) > (widths[most] as number) ? i : most));
    if ((widths[widest] as number) <= leastColumns) break;
    widths[widest] = (widths[widest] as number) - 1;
  }
  const line = (cells: string[]) => {
    let out = '';
    for (const i of shown) {
      const isLast = i === shown.at(-1);
      const room = isLast ? Math.max(1, columns - width(out)) : (widths[i] as number);
      const cell = cutTo(room, cells[i] ?? '');
      out += isLast ? cell : cell + ' '.repeat((widths[i] as number) - width(cell) + gap);
    }
    return cutTo(columns, out.trimEnd());
  };
  return [paint('dim', line(head)), ...flat.map(line)].join('\n');
}

/** Compares names with their numbers: alice-6 before alice-12. */
export const byName = new Intl.Collator('en', { numeric: true }).compare;

/** A part of a whole as a bar of `cells`; the part between `share` and `more` is drawn lighter. */
export function bar(share: number, cells: number, more = share): string {
  const cell = (part: number) => Math.round(Math.max(0, Math.min(1, part)) * cells);
  const [full, light] = [cell(Math.min(share, more)), cell(Math.max(share, more))];
  return '█'.repeat(full) + '▒'.repeat(light - full) + '·'.repeat(cells - light);
}

/** Text broken at spaces to fit the screen; lines after the first begin below `text`. */
export function wrapped(first: string, text: string, columns: number): string {
  const indent = ' '.repeat(width(first));
  const room = Math.max(24, columns - indent.length);
  const lines: string[] = [];
  let line = '';
  for (const word of text.replaceAll('\n', ' ').split(' ')) {
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.map((each, i) => `${i === 0 ? first : indent}${each}`).join('\n');
}
