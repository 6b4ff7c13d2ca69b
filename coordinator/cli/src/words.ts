// Figures and times as people read them, and plain tables. No colour where stdout is no terminal.
import type { NodeView } from '@blackroad/protocol';

export function bytes(count: number): string {
  if (count >= 1024 ** 3) return `${(count / 1024 ** 3).toFixed(1)} GiB`;
  if (count >= 1024 ** 2) return `${Math.round(count / 1024 ** 2)} MiB`;
  return `${Math.round(count / 1024)} KiB`;
}

/** `1 node`, `5,000 nodes`. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`;
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

/** Health of a node in one phrase: what is wrong, or what is fine. */
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

/** Columns as wide as their widest cell; the last one is cut at the edge of the screen. */
export function table(head: string[], rows: string[][], columns: number, paint: Paint): string {
  const widths = head.map((name, i) => Math.max(width(name), ...rows.map((row) => width(row[i] ?? ''))));
  const line = (cells: string[]) => {
    let out = '';
    cells.forEach((cell, i) => {
      if (i < cells.length - 1) out += cell + ' '.repeat((widths[i] as number) - width(cell) + 2);
      else {
        const room = Math.max(20, columns - width(out));
        const text = cell.replaceAll('\n', ' ');
        out += width(text) > room ? `${text.slice(0, room - 1)}…` : text;
      }
    });
    return out.trimEnd();
  };
  return [paint('dim', line(head)), ...rows.map(line)].join('\n');
}

/** A part of a whole as a bar of `cells`; the second part, drawn lighter, goes up from the first. */
export function bar(share: number, cells: number, more = share): string {
  const cell = (part: number) => Math.round(Math.max(0, Math.min(1, part)) * cells);
  const [full, light] = [cell(Math.min(share, more)), cell(Math.max(share, more))];
  return '█'.repeat(full) + '▒'.repeat(light - full) + '·'.repeat(cells - light);
}

/** Text broken at spaces to fit the screen; lines after the first stand under `indent`. */
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
