// A text in a file of a given size: what is left is lines of spaces, which YAML passes over and editors show as a few empty pages. Pure.
const lineBytes = 128;

export function padded(text: string, bytes: number): Buffer {
  const content = Buffer.from(text.endsWith('\n') ? text : `${text}\n`);
  const left = bytes - content.length;
  if (left < 0) throw new RangeError(`expected at most ${bytes} bytes, got ${content.length}`);
  const lines = Buffer.from(`${' '.repeat(lineBytes - 1)}\n`.repeat(Math.ceil(left / lineBytes)));
  return Buffer.concat([content, lines.subarray(lines.length - left)]);
}
