// Verbs for what people give to the memory of an agent: single memories and documents.
import { createReadStream, existsSync, statSync } from 'node:fs';
import { basename, extname } from 'node:path';
import {
  counted,
  type DocumentAdded,
  type DocumentView,
  FleetError,
  type MemoryAddition,
  maxDocumentBytes,
  type WaitingMemory,
} from '@blackroad/protocol';
import { givenKinds, waitsInWords } from '@blackroad/protocol/memory-words';
import { placeFor } from '../place-for.ts';
import { argument, numberFlag, textFlag, textsFlag, type Verb, type VerbCall, wrongUse } from '../verb.ts';
import { ago, bytes, table } from '../words.ts';

const endings = new Set(['.pdf', '.md', '.markdown', '.html', '.htm', '.txt', '.text']);
const isFile = (path: string) => existsSync(path) && statSync(path).isFile();

/** How far a document is written, in words. */
function standOf({ type, written, chunks, removing, waits, node }: DocumentView): string {
  const isMemories = type === 'memories';
  if (removing) return `is erased: ${waits ? waitsInWords({ waits, node }) : 'soon'}`;
  const what = isMemories ? 'memories' : 'parts';
  if (waits === null) return `all ${chunks} ${what} written`;
  return `${written} of ${chunks} ${what} written: ${waitsInWords({ waits, node })}`;
}

async function addMemory(call: VerbCall, agent: string, text: string): Promise<void> {
  const importance = numberFlag(call, 'importance');
  const kind = textFlag(call, 'kind') as MemoryAddition['kind'];
  const tags = textsFlag(call, 'tag');
  const given: WaitingMemory = await call.client().call('memoryAdd', {
    params: { agent },
    body: {
      text,
      ...(kind === undefined ? {} : { kind }),
      ...(tags.length > 0 ? { tags } : {}),
      ...(importance === undefined ? {} : { importance }),
    },
  });
  const way = given.waits === 'sent' ? `${given.node} writes it now` : `it waits: ${waitsInWords(given)}`;
  call.show(given, () => `${given.agent} is given it; ${way}.`);
}

async function addDocuments(call: VerbCall, agent: string, paths: readonly string[]): Promise<void> {
  const odd = ['kind', 'tag', 'importance'].find((flag) => call.flags[flag] !== undefined);
  if (odd) throw wrongUse(`--${odd}: expected it with a text, got it with a file.`);
  const added: DocumentAdded[] = [];
  const refused: FleetError[] = [];
  for (const path of paths) {
    const { size } = statSync(path);
    const file = { name: basename(path), bytes: size, fields: {}, content: () => createReadStream(path) };
    if (size > maxDocumentBytes)
      throw wrongUse(`${path}: expected at most ${bytes(maxDocumentBytes)}, got ${bytes(size)}.`);
    try {
      added.push(await call.client().upload('documentAdd', file, { params: { agent } }));
    } catch (error) {
      // The others are not to blame.
      if (paths.length === 1 || !(error instanceof FleetError) || error.code !== 'document-refused') throw error;
      refused.push(error);
      call.note(error.message);
    }
  }
  call.show(added, () => added.map(({ document, already }) => addedWords(document, already)).join('\n'));
  const [first] = refused;
  if (first) throw first;
}
function addedWords(document: DocumentView, already: boolean): string {
  const { name, agent, pages, emptyPages } = document;
  if (already) return `${name}: ${agent} has this very file already (${document.name}, ${document.id}).`;
  const size = pages === null ? '' : `${counted(pages, 'page')}, `;
  const pictures = emptyPages > 0 ? ` ${counted(emptyPages, 'page')} without text: pictures of text are not read.` : '';
  return `${name}: ${size}${counted(document.chunks, 'part')}; ${standOf(document)}.${pictures}`;
}

export const documentVerbs: Verb[] = [
  {
    words: 'memory add',
    args: '<agent> <text or file...>',
    text: 'Gives an agent a memory, or documents: PDF, Markdown, HTML or plain text.',
    flags: {
      kind: { type: 'string', value: '<kind>', values: givenKinds, text: `Of a text: ${givenKinds.join(', ')}.` },
      tag: { type: 'string', value: '<tag>', many: true, text: 'Of a text; may be given more than once.' },
      importance: { type: 'string', value: '<0 to 1>', text: 'Of a text; 0.7 by default.' },
    },
    completes: 'agents',
    async run(call) {
      const agent = argument(call, 0, '<agent>');
      argument(call, 1, '<text or file...>');
      const rest = call.args.slice(1);
      const files = rest.filter(isFile);
      const missing = rest.find((each) => !files.includes(each));
      if (missing === undefined) return addDocuments(call, agent, files);
      if (files.length > 0) throw wrongUse(`${missing}: there is no such file, and ${files[0]} is one.`);
      if (rest.length === 1 && endings.has(extname(missing).toLowerCase()) && !missing.includes(' '))
        throw wrongUse(`${missing}: there is no such file.`);
      return addMemory(call, agent, rest.join(' '));
    },
  },
  {
    words: 'memory waiting',
    args: '<agent>',
    text: 'Memories that people gave an agent and that its node has not written yet.',
    completes: 'agents',
    async run(call) {
      const rows = await call.client().call('memoryWaiting', { params: { agent: argument(call, 0, '<agent>') } });
      const now = call.clock.nowMs();
      const cells = rows.map((row) => [
        row.id,
        row.kind,
        `${ago(row.givenMs, now)} by ${row.by}`,
        waitsInWords(row),
        row.key === undefined ? row.text : row.text === '' ? `${row.key} is unset` : `${row.key}: ${row.text}`,
      ]);
      call.show(rows, () =>
        rows.length === 0
          ? 'Nothing waits.'
          : table(['MEMORY', 'KIND', 'GIVEN', 'WAITS', 'TEXT'], cells, call.columns, call.paint),
      );
    },
  },
  {
    words: 'memory take-back',
    args: '<agent> <memory>',
    text: 'Takes a memory back that its node has not written yet.',
    completes: 'agents',
    async run(call) {
      const [agent, memory] = [argument(call, 0, '<agent>'), argument(call, 1, '<memory>')];
      await call.client().call('memoryTakeBack', { params: { agent, memory } });
      call.show({ agent, memory }, () => 'Taken back.');
    },
  },
  {
    words: 'memory documents',
    args: '<agent>',
    text: 'The documents of an agent, and how far they are written into its memory.',
    completes: 'agents',
    async run(call) {
      const agent = argument(call, 0, '<agent>');
      const rows = await call.client().call('documents', { params: { agent } });
      const now = call.clock.nowMs();
      const cells = rows.map((row) => [
        row.id,
        row.name,
        row.pages === null ? row.type : `${row.type}, ${counted(row.pages, 'page')}`,
        bytes(row.bytes),
        standOf(row),
        `${ago(row.addedMs, now)} by ${row.by}`,
      ]);
      call.show(rows, () =>
        rows.length === 0
          ? `${agent} has no documents. Give it one: ${call.as.fleet(`memory add ${agent} <file>`)}`
          : table(['DOCUMENT', 'NAME', 'KIND', 'SIZE', 'STATE', 'ADDED'], cells, call.columns, call.paint, [
              'ADDED',
              'SIZE',
            ]),
      );
    },
  },
  {
    words: 'memory save-document',
    args: '<agent> <document>',
    text: 'Fetches the file of a document.',
    flags: { to: { type: 'string', value: '<path>', text: 'Where; this folder by default.' } },
    completes: 'agents',
    async run(call) {
      const [agent, document] = [argument(call, 0, '<agent>'), argument(call, 1, '<document>')];
      const row = await documentOf(call, agent, document);
      const path = placeFor(textFlag(call, 'to') ?? './', basename(row.name));
      await call.client().save('documentContent', { params: { agent, document: row.id } }, path, call.signal);
      call.show({ path }, () => `${path}: ${bytes(row.bytes)}.`);
    },
  },
  {
    words: 'memory remove-document',
    args: '<agent> <document>',
    text: 'Takes a document back: its parts are erased from the memory of the agent.',
    completes: 'agents',
    async run(call) {
      const [agent, typed] = [argument(call, 0, '<agent>'), argument(call, 1, '<document>')];
      const { id, name } = await documentOf(call, agent, typed);
      await call.client().call('documentRemove', { params: { agent, document: id } });
      call.show({ agent, document: id }, () => `${name} is taken back; its node erases what it has written of it.`);
    },
  },
];

/** By id, or by its name where one document has it. */
async function documentOf(call: VerbCall, agent: string, typed: string): Promise<DocumentView> {
  const rows = (await call.client().call('documents', { params: { agent } })).filter(({ removing }) => !removing);
  const fits = rows.filter(({ id, name }) => id === typed || name === typed);
  const [row] = fits;
  if (row && fits.length === 1) return row;
  if (row) throw wrongUse(`${typed}: ${fits.length} documents have this name; type the id of one.`);
  const detail = `${agent} has no document ${typed}; ${call.as.fleet(`memory documents ${agent}`)} lists them.`;
  throw new FleetError('no-such-document', { detail });
}
