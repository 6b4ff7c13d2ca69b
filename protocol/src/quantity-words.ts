// Quantities as sentences say them. Rounded on purpose: words that change with every byte would be churn.

const GiB = 1024 ** 3;
export function bytesInWords(bytes: number): string {
  if (bytes >= GiB) return `${(bytes / GiB).toFixed(1)} GiB`;
  return `${Math.round(bytes / 1024 ** 2)} MiB`;
}
export function numberInWords(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(2)));
}
