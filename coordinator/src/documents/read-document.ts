// A file as the parts that become memories, whatever kind of document it is. In: its bytes and its name. Out: the parts, or a refusal in words.
import { type DocumentView, maxDocumentChars, maxDocumentChunks } from '@blackroad/protocol';
import { type Block, UnreadableDocument } from './block.ts';
import { type Part, partsOf } from './chunks.ts';
import { htmlBlocks } from './html-text.ts';
import { kindOf, textOf } from './kind.ts';
import { pdfBlocks } from './pdf-text.ts';
import { markdownBlocks, plainBlocks } from './plain-text.ts';

export interface ReadDocument extends Pick<DocumentView, 'type' | 'pages' | 'emptyPages'> {
  parts: Part[];
}

export async function readDocument(bytes: Uint8Array, name: string): Promise<ReadDocument> {
  const type = kindOf(bytes, name);
  if (type === 'pdf') {
    const { blocks, pages, emptyPages } = await pdfBlocks(bytes);
    return { type, pages, emptyPages, parts: checked(blocks) };
  }
  const text = textOf(bytes, type === 'html');
  if (text.length > maxDocumentChars)
    throw new UnreadableDocument(`it has ${text.length} characters; at most ${maxDocumentChars} are taken: split it`);
  const read = { html: htmlBlocks, markdown: markdownBlocks, text: plainBlocks }[type](text);
  // Of headings alone the text itself is what there is.
  const blocks = read.length > 0 || type === 'html' ? read : plainBlocks(text);
  return { type, pages: null, emptyPages: 0, parts: checked(blocks) };
}

function checked(blocks: readonly Block[]): Part[] {
  const parts = partsOf(blocks);
  if (parts.length === 0) throw new UnreadableDocument('there is no text in it');
  if (parts.length > maxDocumentChunks)
    throw new UnreadableDocument(`it has ${parts.length} parts; at most ${maxDocumentChunks} are taken: split it`);
  return parts;
}
