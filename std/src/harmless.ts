// Foreign text for a terminal or a log: an ESC sequence in an answer or a name must not colour, move or retitle anything.

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const harmful = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * The text with a visible sign in place of every control character but newline and tab, and of every mark that turns the reading direction.
 * The length stays the same, so that offsets into the text stay right.
 */
export function harmless(text: string): string {
  return text.replace(harmful, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? '\u2421' : '\ufffd';
  });
}
/** The text as `harmless` returns it, on one line. */
export function harmlessLine(text: string): string {
  return harmless(text).replaceAll('\n', '\u240a').replaceAll('\t', ' ');
}
/** Cleans every text in a value that came from elsewhere. */
export function harmlessValue<T>(value: T): T {
  if (typeof value === 'string') return harmless(value) as T;
  if (Array.isArray(value)) return value.map(harmlessValue) as T;
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [harmless(key), harmlessValue(each)])) as T;
}
/** One JSON value as a line: characters that JSON allows and a terminal would act on are escaped. */
export function harmlessJson(value: unknown): string {
  return JSON.stringify(value).replace(
    harmful,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
