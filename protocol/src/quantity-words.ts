// Quantities in words, for sentences, tables and titles. They are rounded, so that a text does not change with every byte. Imports nothing,
// so that a browser need not load the validators.

const GiB = 1024 ** 3;
export function bytesInWords(bytes: number): string {
  if (bytes >= GiB) return gibInWords(bytes);
  return `${Math.round(bytes / 1024 ** 2)} MiB`;
}
/** Always in GiB: for figures that are compared with a bound in GiB. */
export function gibInWords(bytes: number): string {
  return `${(bytes / GiB).toFixed(1)} GiB`;
}
export function degreesInWords(degrees: number): string {
  return `${Math.round(degrees)} °C`;
}
export function numberInWords(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(2)));
}
/** `135 million parameters`, `7.6 billion parameters`. */
export function parametersInWords(billions: number): string {
  return billions < 1
    ? `${Math.round(billions * 1000)} million parameters`
    : `${Math.round(billions * 10) / 10} billion parameters`;
}
/** `1 node`, `5,000 nodes`, `2 memories`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? noun : plural}`;
}
/** Exact up to 100, then one digit: `about 3,000`. A sentence that is stored must not change with every node of thousands. */
export function roughly(count: number): string {
  if (count <= 100) return String(count);
  const unit = 10 ** Math.floor(Math.log10(count));
  return `about ${(Math.round(count / unit) * unit).toLocaleString('en-US')}`;
}
