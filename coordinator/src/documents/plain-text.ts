// The blocks of plain text and of Markdown. In: text with any line ends. Out: paragraphs, and of Markdown also its headings. Markdown stays
// as it is written, as models read it well; only what is no text is left out.
import { type Block, HeadingPath, oneLine } from './block.ts';

const lineEnds = /\r\n?|\u2028/g;

export function plainBlocks(text: string): Block[] {
  return text
    .replace(lineEnds, '\n')
    .split(/\n[ \t]*\n+|\f/)
    .map((paragraph) => ({ text: paragraph.trim(), page: null, headings: [] }))
    .filter((block) => block.text !== '');
}

export function markdownBlocks(source: string): Block[] {
  const lines = source
    .replace(lineEnds, '\n')
    .replace(/^\ufeff?---\n[\s\S]*?\n(---|\.\.\.)\n/, '')
    .replace(/<!--[\s\S]*?-->/g, '')
    .split('\n');
  const blocks: Block[] = [];
  const path = new HeadingPath();
  let open: string[] = [];
  let fence: string | null = null;
  const close = () => {
    const text = open.join('\n').trim();
    if (text !== '') blocks.push({ text: withoutLinks(text), page: null, headings: path.texts });
    open = [];
  };
  for (const line of lines) {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence !== null) {
      open.push(line);
      if (mark?.startsWith(fence)) {
        fence = null;
        close();
      }
      continue;
    }
    if (mark) fence = mark;
    const heading = mark ? null : headingOf(line, open);
    if (heading) {
      if (heading.isUnderlined) open = open.slice(0, -1);
      close();
      path.enter(heading.level, heading.text);
    } else if (line.trim() === '') close();
    else open.push(line);
  }
  close();
  return blocks;
}

/** `# Title`, or a line of = or - below a title. */
function headingOf(
  line: string,
  open: readonly string[],
): { level: number; text: string; isUnderlined: boolean } | null {
  const marked = /^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#*)?[ \t]*$/.exec(line);
  if (marked?.[2]) return { level: marked[1]!.length, text: oneLine(withoutLinks(marked[2])), isUnderlined: false };
  const title = open.length === 1 ? open[0] : undefined;
  if (title === undefined || !/^ {0,3}(=+|-{2,})[ \t]*$/.test(line) || /^\s*([-*+>|]|\d+\.)/.test(title)) return null;
  return { level: line.trim().startsWith('=') ? 1 : 2, text: oneLine(withoutLinks(title)), isUnderlined: true };
}
/** An address of a link says nothing to a reader; its words and those of a picture do. */
function withoutLinks(text: string): string {
  return text.replace(/!?\[([^\]\n]{0,300})\]\([^)\n]{0,2000}\)/g, '$1');
}
