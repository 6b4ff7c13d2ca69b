// A fault of a request as a sentence for people: made here alone, told by the API, shown by the console. Pure.
const comparisons: readonly [RegExp, (limit: string) => string][] = [
  [/^>= (.+)$/, (limit) => `must be at least ${limit}`],
  [/^<= (.+)$/, (limit) => `must be at most ${limit}`],
  [/^> (.+)$/, (limit) => `must be more than ${limit}`],
  [/^< (.+)$/, (limit) => `must be less than ${limit}`],
];
const kinds: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a group of fields',
};
const isNothing = (got: string) => got === 'nothing' || got === 'null';

/** A fault as a sentence for people: `uses must be at least 1, not 0.` Never the whole of a text: it may be a page long. */
export function faultInWords({ field, expected, got }: { field: string; expected: string; got: string }): string {
  const name = field === '(root)' ? 'This' : field;
  const unknown = /^no field of that name(?: \(did you mean (.+)\?\))?$/.exec(expected);
  if (unknown) return `There is no field ${name}.${unknown[1] ? ` Did you mean ${unknown[1]}?` : ''}`;
  if (expected === 'a value (it is required)') return `${name} is missing.`;
  const not = isNothing(got) ? 'but nothing came' : `not ${got}`;
  for (const [pattern, words] of comparisons) {
    const limit = pattern.exec(expected)?.[1];
    if (limit !== undefined) return `${name} ${words(limit)}, ${not}.`;
  }
  const kind = kinds[expected];
  if (kind) return `${name} must be ${kind}, ${not}.`;
  const least = /^not have fewer than (\d+) (characters|items)$/.exec(expected);
  if (least?.[1] === '1') return `${name} must not be empty.`;
  if (least) return `${name} must have at least ${least[1]} ${least[2] === 'items' ? 'entries' : 'characters'}.`;
  const mostOf = /^not have more than (\d+) (characters|items)$/.exec(expected);
  if (mostOf) return `${name} must have at most ${mostOf[1]} ${mostOf[2] === 'items' ? 'entries' : 'characters'}.`;
  if (/^".*"( or ".*")+$/.test(expected)) return `${name} must be ${expected.replaceAll('"', '')}, ${not}.`;
  return `${name} must be ${expected}, ${not}.`;
}
