// What the readers of the kinds of documents give: text in blocks, each a paragraph, a list or a table, with where it stands.

export interface Block {
  text: string;
  /** From 1; null: the kind has no pages. */
  page: number | null;
  /** The headings above it, the outermost first. */
  headings: readonly string[];
}
/** Why a document cannot be taken, in words for who gave it. */
export class UnreadableDocument extends Error {}

/** The headings above what comes next, as headings come by. */
export class HeadingPath {
  #levels: { level: number; text: string }[] = [];

  /** A heading of this level ends all of its own and of deeper levels. */
  enter(level: number, text: string): void {
    this.#levels = [...this.#levels.filter((above) => above.level < level), { level, text }];
  }
  get texts(): readonly string[] {
    return this.#levels.map(({ text }) => text);
  }
}

/** One line, without what separates nothing. */
export function oneLine(text: string): string {
  return text.replace(/[\s\u00a0\u00ad\u200b\ufeff]+/gu, (space) => (/[\s\u00a0]/u.test(space) ? ' ' : '')).trim();
}
