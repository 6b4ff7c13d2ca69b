// Two texts line by line, side by side: the longest common subsequence, with what was changed on both sides in one row. Pure.
export interface DiffRow {
  left: { line: number; text: string } | null;
  right: { line: number; text: string } | null;
  same: boolean;
}
/** Specs are bounded by their instructions (16 KiB); a thousand lines a side take a million steps. Beyond, all counts as changed. */
const maxLines = 1_000;

export function diff(left: string, right: string): DiffRow[] {
  const a = left.trimEnd().split('\n');
  const b = right.trimEnd().split('\n');
  const rows: DiffRow[] = [];
  let removed: number[] = [];
  let added: number[] = [];
  const side = (lines: string[], at: number | undefined) =>
    at === undefined ? null : { line: at + 1, text: lines[at] as string };
  const flush = () => {
    for (let i = 0; i < Math.max(removed.length, added.length); i++) {
      rows.push({ left: side(a, removed[i]), right: side(b, added[i]), same: false });
    }
    removed = [];
    added = [];
  };
  const common = a.length > maxLines || b.length > maxLines ? null : lengths(a, b);
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (common && i < a.length && j < b.length && a[i] === b[j]) {
      flush();
      rows.push({ left: side(a, i++), right: side(b, j++), same: true });
    } else if (i < a.length && (j >= b.length || !common || at(common, i + 1, j) >= at(common, i, j + 1)))
      removed.push(i++);
    else added.push(j++);
  }
  flush();
  return rows;
}

interface Lengths {
  width: number;
  cells: Uint16Array;
}
const at = ({ width, cells }: Lengths, i: number, j: number) => cells[i * width + j] as number;
/** Of the longest common subsequence of every pair of tails. */
function lengths(a: string[], b: string[]): Lengths {
  const width = b.length + 1;
  const cells = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      cells[i * width + j] =
        a[i] === b[j]
          ? (cells[(i + 1) * width + j + 1] as number) + 1
          : Math.max(cells[(i + 1) * width + j] as number, cells[i * width + j + 1] as number);
    }
  }
  return { width, cells };
}

/** Long runs of what is the same are folded to a few lines around the changes; null stands for what was folded. */
export function folded(rows: readonly DiffRow[], around = 3): (DiffRow | number)[] {
  const near = rows.map((_, i) => rows.slice(Math.max(0, i - around), i + around + 1).some(({ same }) => !same));
  const out: (DiffRow | number)[] = [];
  for (const [i, row] of rows.entries()) {
    const last = out.at(-1);
    if (near[i]) out.push(row);
    else if (typeof last === 'number') out[out.length - 1] = last + 1;
    else out.push(1);
  }
  return out;
}
