// What kind of document a file is, by its first bytes and its name; and its text, where it is one. In: bytes of anybody. Out: the kind or the
// text, or a refusal in words. A file is never taken for what its name says against its bytes.
import type { DocumentView } from '@blackroad/protocol';
import { UnreadableDocument } from './block.ts';

const headBytes = 1024;
/** What people try, by the bytes that it begins with. */
const others: readonly [bytes: string, what: string][] = [
  ['504b0304', 'a zip archive, as files of Word, LibreOffice and e-books are: save it as a PDF or as text'],
  ['d0cf11e0', 'a file of an old Office: save it as a PDF or as text'],
  ['7b5c727466', 'RTF: save it as a PDF or as text'],
  ['89504e47', 'a picture (PNG)'],
  ['ffd8ff', 'a picture (JPEG)'],
  ['47494638', 'a picture (GIF)'],
  ['1f8b', 'a compressed file: unpack it first'],
  ['28b52ffd', 'a compressed file: unpack it first'],
  ['fd377a585a', 'a compressed file: unpack it first'],
  ['7f454c46', 'a program'],
  ['4d5a90', 'a program'],
];
const expected = 'expected a PDF, Markdown, HTML or plain text';

/** A file of memories is no document: it has a way of its own. */
type DocumentKind = Exclude<DocumentView['type'], 'memories'>;

export function kindOf(bytes: Uint8Array, name: string): DocumentKind {
  if (bytes.length === 0) throw new UnreadableDocument('it is empty');
  const head = Buffer.from(bytes.subarray(0, headBytes));
  // Some programs write a few bytes before it.
  if (head.includes('%PDF-')) return 'pdf';
  const hex = head.toString('hex', 0, 8);
  const other = others.find(([begin]) => hex.startsWith(begin));
  if (other) throw new UnreadableDocument(`${expected}, got ${other[1]}`);
  if (!hasUtf16Mark(head) && head.includes(0))
    throw new UnreadableDocument(`${expected}, got a file with bytes that are no text`);
  const ending = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase();
  if (ending === 'pdf') throw new UnreadableDocument('its name ends in .pdf, and it is no PDF');
  if (ending === 'html' || ending === 'htm' || ending === 'xhtml') return 'html';
  if (ending === 'md' || ending === 'markdown') return 'markdown';
  return /^[\ufeff\s]*<(!doctype html|html|head|body)[\s>]/i.test(head.toString('utf8')) ? 'html' : 'text';
}

function hasUtf16Mark(bytes: Uint8Array): boolean {
  const mark = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
  return mark === 0xfffe || mark === 0xfeff;
}

/** UTF-8, or UTF-16 with its mark; `isHtml`: or what the page itself says. */
export function textOf(bytes: Uint8Array, isHtml: boolean): string {
  if (hasUtf16Mark(bytes)) return decoded(bytes, bytes[0] === 0xff ? 'utf-16le' : 'utf-16be');
  const said = isHtml
    ? /<meta[^>]{0,200}?charset\s*=\s*["']?([\w-]{1,40})/i.exec(
        Buffer.from(bytes.subarray(0, 4096)).toString('latin1'),
      )?.[1]
    : undefined;
  return decoded(bytes, said ?? 'utf-8');
}
function decoded(bytes: Uint8Array, encoding: string): string {
  let decoder: InstanceType<typeof TextDecoder>;
  try {
    decoder = new TextDecoder(encoding, { fatal: true });
  } catch {
    throw new UnreadableDocument(`it says that it is written in ${encoding}, which is not known: save it as UTF-8`);
  }
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    const at = encoding === 'utf-8' ? ` (from byte ${wrongByte(bytes)} on)` : '';
    throw new UnreadableDocument(`its text is not ${decoder.encoding.toUpperCase()}${at}: save it as UTF-8`);
  }
  if (text.includes('\0')) throw new UnreadableDocument(`${expected}, got a file with bytes that are no text`);
  return text;
}
/** The first byte that is wrong, by halving: what comes before it decodes as the beginning of a stream. */
function wrongByte(bytes: Uint8Array): number {
  let good = 0;
  let bad = bytes.length;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, middle), { stream: true });
      good = middle;
    } catch {
      bad = middle;
    }
  }
  return good;
}
