// The blocks of a PDF. In: its bytes, of anybody: this runs in a process that may be killed. Out: paragraphs with their pages and headings.
// A PDF knows letters at places and no paragraphs: lines are what stands at one height, paragraphs end where the distance to the next line
// is larger, and a short line in larger letters than most is a heading. What stands on most pages, such as their numbers, is left out.
import { maxDocumentChars, maxDocumentPages } from '@blackroad/protocol';
import { getDocumentProxy } from 'unpdf';
import { type Block, HeadingPath, oneLine, UnreadableDocument } from './block.ts';

interface Line {
  text: string;
  /** Of its letters, in points. */
  size: number;
  y: number;
}
type Pdf = Awaited<ReturnType<typeof getDocumentProxy>>;

const headingTimes = 1.15;
const longestHeading = 120;
/** Distances between lines of one paragraph are up to this many times the size of letters. */
const paragraphTimes = 1.75;

export async function pdfBlocks(bytes: Uint8Array): Promise<{ blocks: Block[]; pages: number; emptyPages: number }> {
  const pdf = await opened(bytes);
  const { numPages } = pdf;
  if (numPages > maxDocumentPages)
    throw new UnreadableDocument(`it has ${numPages} pages; at most ${maxDocumentPages} are taken`);
  const pages: Line[][] = [];
  let characters = 0;
  for (let number = 1; number <= numPages; number++) {
    const lines = await linesOf(pdf, number);
    characters += lines.reduce((sum, { text }) => sum + text.length, 0);
    if (characters > maxDocumentChars)
      throw new UnreadableDocument(`it has more than ${maxDocumentChars} characters of text: split it`);
    pages.push(lines);
  }
  const emptyPages = pages.filter((lines) => lines.length === 0).length;
  if (emptyPages === numPages)
    throw new UnreadableDocument(
      `there is no text in it: its ${numPages === 1 ? 'page is a picture' : `${numPages} pages are pictures`}. A program that recognises text (OCR) makes one with text`,
    );
  return { blocks: blocksOf(withoutRepeated(pages)), pages: numPages, emptyPages };
}

async function opened(bytes: Uint8Array): Promise<Pdf> {
  try {
    return await getDocumentProxy(bytes, { verbosity: 0, maxImageSize: 1 });
  } catch (error) {
    const { name, message } = error as Error;
    if (name === 'PasswordException')
      throw new UnreadableDocument('it is encrypted: save it without a password, and give it again');
    throw new UnreadableDocument(`it is no whole PDF: ${message.slice(0, 200)}`);
  }
}

async function linesOf(pdf: Pdf, number: number): Promise<Line[]> {
  const page = await pdf.getPage(number);
  const { items } = await page.getTextContent();
  page.cleanup();
  const lines: Line[] = [];
  let open: Line | null = null;
  let rightX = 0;
  for (const item of items) {
    if (!('str' in item)) continue;
    const [, , , , x, y] = item.transform as number[] as [number, number, number, number, number, number];
    const size = item.height || open?.size || 0;
    if (open && item.str !== '' && Math.abs(open.y - y) > Math.max(2, size / 2)) {
      lines.push(open);
      open = null;
    }
    if (item.str !== '') {
      open ??= { text: '', size: 0, y };
      // Columns of a table, and words that only their places separate.
      const gap = open.text === '' || /\s$/.test(open.text) ? 0 : x - rightX;
      open.text += (gap > size / 5 ? ' ' : '') + item.str;
      if (item.str.trim() !== '') open.size = Math.max(open.size, size);
      rightX = x + item.width;
    }
    if (item.hasEOL && open) {
      lines.push(open);
      open = null;
    }
  }
  if (open) lines.push(open);
  return lines.map((line) => ({ ...line, text: oneLine(line.text) })).filter(({ text }) => text !== '');
}

/** The first and last lines of pages that say the same on half of them, numbers aside. */
function withoutRepeated(pages: Line[][]): Line[][] {
  const shape = ({ text }: Line) => text.replace(/\d+/g, '#');
  const counts = new Map<string, number>();
  const edges = (lines: Line[]) => new Set([...lines.slice(0, 2), ...lines.slice(-2)].map(shape));
  for (const lines of pages) for (const each of edges(lines)) counts.set(each, (counts.get(each) ?? 0) + 1);
  const least = Math.max(4, pages.length / 2);
  const isRepeated = (line: Line) => (counts.get(shape(line)) ?? 0) >= least;
  return pages.map((lines) => {
    const own = lines.filter((line, at) => (at > 1 && at < lines.length - 2) || !isRepeated(line));
    // Pages of one line each may differ in their numbers alone.
    return own.length > 0 ? own : lines;
  });
}

function blocksOf(pages: readonly Line[][]): Block[] {
  const body = commonSize(pages);
  const sizes = [...new Set(pages.flatMap((lines) => lines.map(({ size }) => rounded(size))))]
    .filter((size) => size > body * headingTimes)
    .sort((a, b) => b - a);
  const levelOf = ({ size, text }: Line) =>
    size > body * headingTimes && text.length <= longestHeading ? 1 + sizes.indexOf(rounded(size)) : 0;
  const blocks: Block[] = [];
  const path = new HeadingPath();
  for (const [at, lines] of pages.entries()) {
    let open: Line[] = [];
    const close = () => {
      const text = joined(open.map((line) => line.text));
      if (text !== '') blocks.push({ text, page: at + 1, headings: path.texts });
      open = [];
    };
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i] as Line;
      const level = levelOf(line);
      if (level > 0) {
        close();
        // A title of two lines is one.
        let text = line.text;
        while (i + 1 < lines.length && levelOf(lines[i + 1] as Line) === level && text.length < longestHeading)
          text = joined([text, (lines[++i] as Line).text]);
        path.enter(level, text);
        continue;
      }
      const before = open.at(-1);
      if (before && Math.abs(before.y - line.y) > paragraphTimes * Math.max(line.size, before.size)) close();
      open.push(line);
    }
    close();
  }
  return blocks.length > 0 ? blocks : headingsAlone(pages);
}
/** A page that is nothing but large letters, such as a sign. */
function headingsAlone(pages: readonly Line[][]): Block[] {
  return pages.flatMap((lines, at) =>
    lines.length === 0 ? [] : [{ text: joined(lines.map(({ text }) => text)), page: at + 1, headings: [] }],
  );
}

const rounded = (size: number) => Math.round(size * 2) / 2;
/** The size of most letters. */
function commonSize(pages: readonly Line[][]): number {
  const letters = new Map<number, number>();
  for (const { size, text } of pages.flat())
    letters.set(rounded(size), (letters.get(rounded(size)) ?? 0) + text.length);
  return [...letters].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 0;
}

const unspaced = /[\u0e00-\u0eff\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]/u;
/** Lines as one text: a word that was cut at the end of a line is whole again, and scripts without spaces get none. */
function joined(lines: readonly string[]): string {
  let text = '';
  for (const line of lines) {
    if (/\p{Ll}-$/u.test(text) && /^\p{Ll}/u.test(line)) text = text.slice(0, -1) + line;
    else if (text === '' || (unspaced.test(text.at(-1) as string) && unspaced.test(line.charAt(0)))) text += line;
    else text += ` ${line}`;
  }
  return text;
}
