// The limits with their reasons, read from the source of limits.ts: the reason is the comment above each limit, so it is written in one
// place. In: that source text and its exported values. Out: rows, and an error for a limit without a reason.
export interface LimitRow {
  name: string;
  value: number;
  reason: string;
}

export function limitRows(source: string, values: Record<string, unknown>): LimitRow[] {
  const rows: LimitRow[] = [];
  let reason = '';
  let comment = '';
  let isOpen = false;
  for (const line of source.split('\n')) {
    const isBegun = line.startsWith('/**');
    if (isBegun || isOpen) {
      const words = line.replace(/^\/\*\* | ?\*\/$|^ \* ?/g, '');
      comment = isBegun ? words : `${comment} ${words}`;
      isOpen = !line.endsWith('*/');
    }
    const name = /^export const (\w+) =/.exec(line)?.[1];
    if (name === undefined) continue;
    // Two limits under one comment share its reason.
    reason = comment || reason;
    comment = '';
    const value = values[name];
    if (typeof value !== 'number') throw new Error(`limits.ts: ${name} is not a number`);
    if (reason === '') throw new Error(`limits.ts: ${name} has no reason above it`);
    rows.push({ name, value, reason });
  }
  return rows;
}

/** `131,072 (128 KiB)`; seconds and counts as they are. */
export function shownLimit({ name, value }: LimitRow): string {
  const plain = value.toLocaleString('en-US');
  if (!name.endsWith('Bytes')) return plain;
  const [unit, size] = value >= 1024 ** 2 ? ['MiB', 1024 ** 2] : ['KiB', 1024];
  return `${plain} (${value / (size as number)} ${unit})`;
}
