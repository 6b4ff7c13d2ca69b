// "Did you mean": the names closest to one that does not exist.

/** At most three names within a third of the wanted one's length, closest first. */
export function nearNames(wanted: string, names: Iterable<string>): string[] {
  const most = Math.max(1, Math.floor(wanted.length / 3));
  const found: { name: string; distance: number }[] = [];
  let looked = 0;
  for (const name of names) {
    // Thousands of names are compared in a few milliseconds; a whole large fleet would block the event loop for too long.
    if (++looked > 5_000) break;
    if (name.startsWith(wanted) || wanted.startsWith(name)) found.push({ name, distance: 0.5 });
    else if (Math.abs(name.length - wanted.length) <= most) {
      const distance = editDistance(wanted, name);
      if (distance <= most) found.push({ name, distance });
    }
  }
  return found
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, 3)
    .map(({ name }) => name);
}

function editDistance(a: string, b: string): number {
  let last: number[] = [];
  let before = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (before[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      // Two neighbouring letters in the wrong order count as one mistake.
      const turned =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (last[j - 2] as number) + 1 : swap;
      row.push(Math.min(swap, turned, (before[j] as number) + 1, (row[j - 1] as number) + 1));
    }
    last = before;
    before = row;
  }
  return before[b.length] as number;
}

/** `no agent "greter"; did you mean greeter?` */
export function notFoundText(what: string, wanted: string, names: Iterable<string>): string {
  const near = nearNames(wanted, names);
  return `There is no ${what} "${wanted}"${near.length > 0 ? `; did you mean ${near.join(' or ')}?` : '.'}`;
}
