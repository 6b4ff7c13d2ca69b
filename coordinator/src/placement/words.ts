// How placement says to people how many there are.

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
