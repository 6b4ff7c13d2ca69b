/** A list in words: `alice`, `alice or aria`, `alice, aria and 3 more`. */
export function listInWords(items: readonly string[], last: 'and' | 'or' = 'and', most = 3): string {
  if (items.length <= 1) return items[0] ?? 'none';
  if (items.length > most) return `${items.slice(0, most - 1).join(', ')} and ${items.length - most + 1} more`;
  return `${items.slice(0, -1).join(', ')} ${last} ${items[items.length - 1]}`;
}
/** `room=kitchen`, one for each label, sorted by name. */
export function labelList(labels: Readonly<Record<string, string>>): string[] {
  return Object.keys(labels)
    .sort()
    .map((key) => `${key}=${labels[key]}`);
}
