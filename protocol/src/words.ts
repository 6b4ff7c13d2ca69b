// The words of a text, as both search indexes store them and every question looks them up: one rule for text and question, on nodes and at
// the coordinator. Pure. Words are folded: composed and decomposed letters, cases, widths and accents are equal. Text of scripts that do
// not separate words by spaces is stored as single characters and as pairs, and looked up by pairs. An emoji is a word, and so are the parts
// of a name that programs use: `getUserName`, `GPIO17`. Why so and not by trigrams or a dictionary: [decision 33].

/** Longer words are stored in pieces: no part of a word is lost, and no index holds a word of a megabyte. */
const pieceChars = 128;
/** A word of more parts is no name that anybody reads, but a digest. */
const maxNameParts = 6;
/** Words of one question; more of them hardly change the result but cost time. */
export const maxQuestionWords = 32;
/** A person or an agent may use a whole memory as the question. */
const maxQuestionChars = 8_192;

/** Accents of Latin, Greek and Cyrillic, vowel points of Hebrew and Arabic: people leave them out as often as they write them. Other marks
 * are letters, and so is the iota below a Greek letter: its upper case is one. */
const accents =
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: each of these marks by itself
  /[\u0300-\u0344\u0346-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]/gu;
/** Text below the first unspaced script, Thai: the usual case. */
const isSpaced = /^[^\u0e00-\u{10ffff}]+$/u;
const unspaced =
  '\\p{scx=Han}\\p{scx=Hiragana}\\p{scx=Katakana}\\p{scx=Bopomofo}\\p{scx=Hangul}\\p{scx=Thai}\\p{scx=Lao}\\p{scx=Khmer}\\p{scx=Myanmar}';
const madePatterns = () => ({
  /** Soft hyphens, joiners, variation selectors: invisible. A zero-width space separates words. */
  unseen: /\p{Default_Ignorable_Code_Point}/gu,
  /** Letters and digits, or an emoji; flags are two characters. */
  letters: /[\p{L}\p{N}\p{M}]+|\p{RI}{2}|\p{ExtPict}/gu,
  /** Runs of characters of unspaced scripts, or of all others. */
  runs: new RegExp(`(?:[${unspaced}]\\p{M}*)+|(?:(?![${unspaced}]).)+`, 'gsu'),
  isUnspaced: new RegExp(`^[${unspaced}]`, 'u'),
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: each of these by itself
  alike: /[\u0649\u06cc\u0629\u06a9\u0640\u{1f3fb}-\u{1f3ff}]/gu,
  /** A character with the marks that belong to it. */
  characters: /.\p{M}*/gsu,
});
/** Letters that keyboards and habits exchange, in Arabic and Persian. The line that lengthens a word, and the tone of skin, are nothing. */
const sameLetter: Record<string, string> = { ى: 'ي', ی: 'ي', ة: 'ه', ک: 'ك' };
let made: ReturnType<typeof madePatterns> | null = null;
/** Made at the first text: a node without memories does not load the Unicode tables that the patterns need. */
function patterns() {
  made ??= madePatterns();
  return made;
}

/** Every word of a text, in order and with repetitions: an index stores these. Letters, digits and emoji only. */
export function wordsOf(text: string): string[] {
  const words: string[] = [];
  for (const part of nameParts(text)) words.push(part);
  for (const [word] of folded(text).matchAll(patterns().letters)) addWord(word, words, true);
  return words;
}

/** The words to look up in an index: each once, the first ones of the question where there are too many. */
export function questionWords(text: string): string[] {
  const words = new Set<string>();
  for (const [word] of folded(text.slice(0, maxQuestionChars)).matchAll(patterns().letters)) {
    const asked: string[] = [];
    addWord(word, asked, false);
    for (const each of asked) {
      if (words.size >= maxQuestionWords) return [...words];
      words.add(each);
    }
  }
  for (const part of nameParts(text.slice(0, maxQuestionChars))) if (words.size < maxQuestionWords) words.add(part);
  return [...words];
}

/** The parts of names that are written in one: at a capital letter, and where digits begin or end. The whole name is a word too. */
function* nameParts(text: string): Generator<string> {
  for (const [name] of text.normalize('NFKC').matchAll(/[a-z0-9]+/gi)) {
    if (name.length > pieceChars || /^(?:[A-Z]?[a-z]*|[A-Z]+|[0-9]+)$/.test(name)) continue;
    const parts = name.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+/g) ?? [];
    if (parts.length <= maxNameParts) for (const part of parts) yield part.toLowerCase();
  }
}

/** `withSingles`: also the single characters; the pairs cover every run but those of one character. */
function addWord(word: string, words: string[], withSingles: boolean): void {
  // Not for speed alone: Unicode also counts some letters below the limit, as the apostrophe of Ukrainian, to an unspaced script.
  if (isSpaced.test(word)) addPieces(word, words);
  else for (const [run] of word.matchAll(patterns().runs)) addRun(run, words, withSingles);
}
function addRun(run: string, words: string[], withSingles: boolean): void {
  const { isUnspaced, characters } = patterns();
  if (!isUnspaced.test(run)) {
    addPieces(run, words);
    return;
  }
  const parts = run.match(characters) ?? [];
  if (withSingles || parts.length === 1) for (const part of parts) words.push(part);
  for (let i = 1; i < parts.length; i++) words.push(`${parts[i - 1]}${parts[i]}`);
}
function addPieces(word: string, words: string[]): void {
  if (word.length <= pieceChars) {
    words.push(word);
    return;
  }
  const points = [...word];
  for (let at = 0; at < points.length; at += pieceChars) words.push(points.slice(at, at + pieceChars).join(''));
}

function folded(text: string): string {
  // A shortcut for the usual case.
  if (/^\p{ASCII}*$/u.test(text)) return text.toLowerCase();
  const plain = text.toWellFormed().replaceAll('\u200b', ' ').replace(patterns().unseen, '');
  // Twice: an upper-case letter may decompose again.
  const once = foldedOnce(foldedOnce(plain)).normalize('NFC');
  return once.replace(patterns().alike, (letter) => sameLetter[letter] ?? '');
}
/** Folds through the upper case: `ß` becomes `ss`, and the dotless `ı` becomes `i`. */
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
