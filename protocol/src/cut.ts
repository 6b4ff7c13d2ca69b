// Cuts text to a limit of limits.ts, for the code that sends it.

/** At most `maxBytes` of UTF-8, never half a character; lone surrogates become U+FFFD, so that every store keeps the same text. */
export function cutToBytes(text: string, maxBytes: number): string {
  const whole = text.toWellFormed();
  if (whole.length * 3 <= maxBytes) return whole;
  const bytes = Buffer.from(whole, 'utf8');
  if (bytes.length <= maxBytes) return whole;
  let end = maxBytes;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}
