// How placement says numbers and lists to people. Rounded on purpose: words that change with every byte would be churn.

/** `alice`, `alice or aria`, `alice, aria and 3 more`. */
export function listInWords(items: readonly string[], last: 'and' | 'or' = 'and', most = 3): string {
  if (items.length <= 1) return items[0] ?? 'none';
  if (items.length > most) return `${items.slice(0, most - 1).join(', ')} and ${items.length - most + 1} more`;
  return `${items.slice(0, -1).join(', ')} ${last} ${items[items.length - 1]}`;
}
const GiB = 1024 ** 3;
export function bytesInWords(bytes: number): string {
  if (bytes >= GiB) return `${(bytes / GiB).toFixed(1)} GiB`;
  return `${Math.round(bytes / 1024 ** 2)} MiB`;
}
export function numberInWords(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(2)));
}
/** `1 node`, `5 nodes`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
/** Exact up to 100, then one digit: `about 3,000`. A sentence that is stored must not change with every node of thousands. */
export function roughly(count: number): string {
  if (count <= 100) return String(count);
  const unit = 10 ** Math.floor(Math.log10(count));
  return `about ${(Math.round(count / unit) * unit).toLocaleString('en-US')}`;
}
