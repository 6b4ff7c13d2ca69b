// Text that a person types into the palette, read as a verb with a thing: `drain alice`, `alice log`, `ask`. Pure.
export interface Verb {
  /** On the row, before the name. */
  text: string;
  /** Other words people may look for it with. */
  words: readonly string[];
}
/** One letter names half of everything. */
const shortest = 2;

/** The words beside the verb, which must be in the name; null: the verb was not meant. */
export function restOf(typed: string, { text, words }: Verb): string[] | null {
  const tokens = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const names = [...text.toLowerCase().split(' '), ...words];
  const at = tokens.findIndex((token) => token.length >= shortest && names.some((name) => name.startsWith(token)));
  return at < 0 ? null : tokens.filter((token, i) => i !== at && !names.includes(token));
}

/** At most `max` of the things that the words beside the verb name; `first` stands first where it is among them. */
export function namedBy<T>(
  all: Iterable<T>,
  rest: readonly string[],
  nameOf: (each: T) => string,
  max: number,
  first: string | null = null,
): T[] {
  const found: T[] = [];
  for (const each of all) {
    const name = nameOf(each);
    if (!rest.every((word) => name.includes(word))) continue;
    if (name === first) found.unshift(each);
    else found.push(each);
    if (found.length > max && first === null) break;
  }
  return found.slice(0, max);
}
