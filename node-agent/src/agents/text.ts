// Measures of text for prompts. Pure.

/** Cheap, and rather too high: three ASCII characters a token, every other character one. */
export function estimateTokens(text: string): number {
  let ascii = 0;
  let other = 0;
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) < 128) ascii++;
    else other++;
  }
  return Math.ceil(ascii / 3) + other;
}

/** One line of at most `chars` characters. */
export function cut(text: string, chars: number): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= chars ? line : `${line.slice(0, chars).toWellFormed()}...`;
}

/** The words of a text without the rest, to compare two texts. */
export const plain = (text: string) => (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).join(' ');
