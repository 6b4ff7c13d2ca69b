// The blocks of an HTML page. In: the text of a page of anybody. Out: paragraphs, list items, rows of tables and their headings. Nothing of it
// runs or is fetched: the parser reports tags, and what stands in scripts, styles and the navigation is left out.
import { Parser } from 'htmlparser2';
import { type Block, HeadingPath, oneLine } from './block.ts';

const left = new Set('script style template noscript svg math iframe object embed canvas nav select button'.split(' '));
const breaks = new Set(
  'address article aside blockquote body br caption dd details div dl dt figcaption figure footer header hr html legend li main ol p pre section summary table tbody tfoot thead tr ul'.split(
    ' ',
  ),
);

export function htmlBlocks(source: string): Block[] {
  const blocks: Block[] = [];
  const path = new HeadingPath();
  let text = '';
  let heading: number | null = null;
  /** Tags inside one that is left out, itself included. */
  let skipped = 0;
  let pre = 0;
  let isTitle = false;
  const close = () => {
    const read = pre > 0 ? text.replace(/^\n+|\s+$/g, '') : oneLine(text);
    text = '';
    if (read === '') return;
    if (heading !== null) path.enter(heading, oneLine(read));
    else blocks.push({ text: read, page: null, headings: path.texts });
  };
  const parser = new Parser(
    {
      onopentag(name, attributes) {
        if (skipped > 0 || left.has(name) || attributes.hidden !== undefined || attributes['aria-hidden'] === 'true') {
          // Elements without an end, such as <br>, are closed by the parser too.
          skipped++;
          return;
        }
        if (name === 'title') isTitle = true;
        const level = /^h([1-6])$/.exec(name)?.[1];
        if (level || breaks.has(name)) close();
        if (level) heading = Number(level);
        if (name === 'pre') pre++;
        if (name === 'li') text = '- ';
        if ((name === 'td' || name === 'th') && text.trim() !== '') text += ' | ';
        if (name === 'img' && attributes.alt) text += ` ${attributes.alt} `;
      },
      ontext(data) {
        if (skipped === 0 && !isTitle) text += data;
      },
      onclosetag(name) {
        if (skipped > 0) {
          skipped--;
          return;
        }
        if (name === 'title') isTitle = false;
        if (breaks.has(name) || /^h[1-6]$/.test(name)) close();
        if (/^h[1-6]$/.test(name)) heading = null;
        if (name === 'pre') pre = Math.max(0, pre - 1);
      },
    },
    { decodeEntities: true },
  );
  parser.end(source);
  close();
  return blocks.filter(({ text: read }) => read !== '-');
}
