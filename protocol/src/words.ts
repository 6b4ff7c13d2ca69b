// The words of a text, as both search indexes hold them and every question asks for them: one rule for text and question, on nodes
// and at the coordinator. Pure. Words are folded: composed and decomposed letters, cases, widths and accents are one.
// Scripts that part no words by spaces are held as single characters and as pairs, and asked for by pairs.

/** Longer words are held in pieces: no word is cut, and no index holds one of a megabyte. */
const pieceChars = 128;
/** Words of one question; more say little and cost much. */
export const maxQuestionWords = 32;
/** A whole memory may be the question. */
const maxQuestionChars = 8_192;

/** Accents of Latin, Greek and Cyrillic, vowel points of Hebrew and Arabic: left out as often as written. Other marks are letters, and so is the iota
 * below a Greek letter: its upper case is one. */
const accents =
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: each of these marks by itself
  /[\u0300-\u0344\u0346-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]/gu;
/** Soft hyphens, joiners, variation selectors: seen by nobody. A zero-width space parts words. */
const unseen = /\p{Default_Ignorable_Code_Point}/gu;
const letters = /[\p{L}\p{N}\p{M}]+/gu;
const unspaced =
  '\\p{scx=Han}\\p{scx=Hiragana}\\p{scx=Katakana}\\p{scx=Bopomofo}\\p{scx=Hangul}\\p{scx=Thai}\\p{scx=Lao}\\p{scx=Khmer}\\p{scx=Myanmar}';
/** Runs of characters of unspaced scripts, or of all others. */
const runs = new RegExp(`(?:[${unspaced}]\\p{M}*)+|(?:(?![${unspaced}]).)+`, 'gsu');
const isUnspaced = new RegExp(`^[${unspaced}]`, 'u');
/** A character with the marks that belong to it. */
const characters = /.\p{M}*/gsu;

/** Every word of a text, in its order and as often as it stands there: what an index holds. Letters and digits only. */
export function wordsOf(text: string): string[] {
  const words: string[] = [];
  for (const run of runsOf(text)) words.push(...(run.isUnspaced ? [...run.parts, ...pairsOf(run.parts)] : run.parts));
  return words;
}

/** What to ask an index for: each word once, the first of the question where there are too many. */
export function questionWords(text: string): string[] {
  const words = new Set<string>();
  for (const { isUnspaced, parts } of runsOf(text.slice(0, maxQuestionChars))) {
    for (const word of isUnspaced && parts.length > 1 ? pairsOf(parts) : parts) {
      if (words.size >= maxQuestionWords) return [...words];
      words.add(word);
    }
  }
  return [...words];
}

function* runsOf(text: string): Generator<{ isUnspaced: boolean; parts: string[] }> {
  for (const [word] of folded(text).matchAll(letters)) {
    for (const [run] of word.matchAll(runs)) {
      if (isUnspaced.test(run)) yield { isUnspaced: true, parts: run.match(characters) ?? [] };
      else yield { isUnspaced: false, parts: run.length <= pieceChars ? [run] : piecesOf(run) };
    }
  }
}
function pairsOf(characters: readonly string[]): string[] {
  return characters.slice(1).map((character, i) => `${characters[i]}${character}`);
}
function piecesOf(word: string): string[] {
  const points = [...word];
  const count = Math.ceil(points.length / pieceChars);
  return Array.from({ length: count }, (_, i) => points.slice(i * pieceChars, (i + 1) * pieceChars).join(''));
}

function folded(text: string): string {
  // The usual case.
  if (/^\p{ASCII}*$/u.test(text)) return text.toLowerCase();
  const plain = text.toWellFormed().replaceAll('\u200b', ' ').replace(unseen, '');
  // Twice: what a case maps to may decompose again.
  return foldedOnce(foldedOnce(plain)).normalize('NFC');
}
/** Through the upper case: `ß` is `ss`, and the dotless `ı` is `i`. */
function foldedOnce(text: string): string {
  const bare = text.normalize('NFKD').replace(accents, '');
  return bare
    .toUpperCase()
    .normalize('NFKD')
    .replace(accents, '')
    .toLowerCase()
    .replace(accents, '')
    .replaceAll('ς', 'σ');
}
