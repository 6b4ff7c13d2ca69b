// JSON of a message, from a topic on which anything may stand.

/** Null: it is no object. */
export function readJson<T>(text: string): T | null {
  try {
    const found: unknown = JSON.parse(text);
    return typeof found === 'object' && found !== null ? (found as T) : null;
  } catch {
    return null;
  }
}
