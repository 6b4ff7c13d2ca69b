// The part of a join token for people: the address that the machine will dial. Pure.
/** Null when it cannot be read; then nothing is shown. */
export function dialledBy(token: string): { url: string; onlyHere: boolean } | null {
  try {
    const text = token
      .replace(/^brj1\./, '')
      .replace(/-/g, '+')
      .replace(/_/g, '/');
    const { url } = JSON.parse(atob(text)) as { url: string };
    const { hostname } = new URL(url);
    return { url, onlyHere: hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.') };
  } catch {
    return null;
  }
}
/** `room=kitchen` a line; what has no `=` is a label without a value. */
export function labelsOf(text: string): Record<string, string> {
  const pairs = text
    .split(/[\n,]/)
    .map((line) => line.trim())
    .filter(Boolean)
    .map((line): [string, string] => {
      const at = line.indexOf('=');
      return at < 0 ? [line, ''] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    });
  return Object.fromEntries(pairs);
}
