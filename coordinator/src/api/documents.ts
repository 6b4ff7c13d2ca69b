// What people give to agents' memories over HTTP: single memories, and documents, whose text is taken out before the answer.

import {
  type DocumentAdded,
  type DocumentView,
  type Fault,
  FleetError,
  type MemoryAddition,
  maxDocumentBytes,
  maxMemoryTextBytes,
  type WaitingMemory,
} from '@blackroad/protocol';
import { sortableId } from '@blackroad/std/random';
import { accepted, type Call, type Handlers, refuseFaults, shown } from '../http/handler.ts';
import { documentsOf, givenTo, waitsOf } from '../memory/given.ts';
import type { Objects } from '../objects/objects.ts';
import { type DocumentRow, type GivenRow, isImport } from '../state/given-rows.ts';
import { agentNameOf, type View } from '../state/view.ts';
import { agentOr404 } from './agents.ts';
import { memoryOr404 } from './memory.ts';
import { refuseTooMany } from './memory-quota.ts';
import { sendFile } from './send-file.ts';
import { hold, letGo, takeFile } from './taken-file.ts';

/** As much as a node keeps of one. */
const maxTagBytes = 60;

function showWaiting(view: View, { space: _, document: __, agent, tags, ...row }: GivenRow): WaitingMemory {
  return {
    ...row,
    tags: [...tags],
    agent: agentNameOf(view, agent),
    ...waitsOf(view, agent, row.kind === 'value' ? 'values' : 'given'),
  };
}

export function showDocument(view: View, row: DocumentRow, objects: Pick<Objects, 'isOutOfReach'>): DocumentView {
  const { space: _, parts: __, origins: ___, agent, removing, values, ...document } = row;
  const isDone = !removing && row.written === row.chunks;
  const stand = isDone
    ? { waits: null, node: null }
    : waitsOf(view, agent, values ? 'values' : isImport(row) ? 'imports' : 'given');
  // Its node could write it: the parts cannot be had.
  const waits = stand.waits === 'sent' && !removing && objects.isOutOfReach(row.parts) ? 'objects-away' : stand.waits;
  return { ...document, agent: agentNameOf(view, agent), removing: removing === true, ...stand, waits };
}

/** A document whose removal waits has no file any more. */
function documentOr404(view: View, agent: string, id: string): DocumentRow {
  const row = view.documents.get(id);
  if (row && row.agent === agent && !row.removing) return row;
  throw new FleetError('no-such-document', { detail: `${agentNameOf(view, agent)} has no document ${id}.` });
}

async function takeDocument(call: Call<'documentAdd'>, agent: string): Promise<DocumentAdded> {
  const file = await takeFile(call, maxDocumentBytes, 'a PDF, Markdown, HTML or plain text');
  return keepDocument(call, { agent, ...file });
}

/** What a schema cannot say: it counts characters, and a memory has room for bytes. */
function textFaults({ text, tags = [] }: MemoryAddition): Fault[] {
  const bytes = Buffer.byteLength(text);
  const faults: Fault[] = [];
  if (text.trim() === '') faults.push({ field: 'text', expected: 'something to remember', got: 'only spaces' });
  if (bytes > maxMemoryTextBytes)
    faults.push({ field: 'text', expected: `at most ${maxMemoryTextBytes} bytes`, got: `${bytes} bytes` });
  tags.forEach((tag, at) => {
    const size = Buffer.byteLength(tag);
    if (size > maxTagBytes)
      faults.push({ field: `tags.${at}`, expected: `at most ${maxTagBytes} bytes`, got: `${size} bytes` });
  });
  return faults;
}

async function keepDocument(
  { context, by }: Call<'documentAdd'>,
  file: { agent: string; name: string; sha256: string; bytes: number },
): Promise<DocumentAdded> {
  const { coordinator, clock, random } = context;
  const { objects, documents } = context.giving;
  const { view } = coordinator;
  const known = documentsOf(view, file.agent).find(
    (row) => row.sha256 === file.sha256 && !row.removing && !isImport(row),
  );
  if (known) return { document: showDocument(view, known, objects), already: true };
  const mine = [file.sha256];
  hold(file.sha256, 1);
  let isKept = false;
  try {
    const { parts, ...read } = await objects.withFile(file.sha256, (path) => documents.read(path, file.name));
    const lines = await objects.put(parts.map((part) => JSON.stringify(part)).join('\n'));
    mine.push(lines.sha256);
    await refuseTooMany(context, file.agent, parts.length);
    const id = sortableId(clock.nowMs(), random);
    const row = { id, ...file, ...read, chunks: parts.length, parts: lines.sha256 };
    const added = accepted(await coordinator.submit('document-add', { by, row }));
    isKept = true;
    const kept = showDocument(view, shown(view.documents.get(added.id) ?? null), objects);
    return { document: kept, already: added.already };
  } finally {
    hold(file.sha256, -1);
    if (!isKept) await letGo(context, mine);
  }
}

const types = {
  ...{ pdf: 'application/pdf', markdown: 'text/markdown', html: 'text/html', text: 'text/plain' },
  memories: 'application/x-ndjson',
};

export const documentHandlers = {
  async memoryAdd({ context, params, body, by }) {
    const { coordinator, clock, random } = context;
    const agent = agentOr404(context, by, params.agent);
    refuseFaults(textFaults(body));
    await refuseTooMany(context, agent, 1);
    const id = sortableId(clock.nowMs(), random);
    accepted(await coordinator.submit('memory-add', { by, id, agent, addition: body }));
    return showWaiting(coordinator.view, shown(coordinator.view.given.get(id) ?? null));
  },
  memoryWaiting({ context, params, by }) {
    const { view } = context.coordinator;
    const rows = givenTo(view, memoryOr404(context, by, params.agent));
    return rows.filter(({ kind }) => kind !== 'withdraw').map((row) => showWaiting(view, row));
  },
  async memoryTakeBack({ context, params, by }) {
    const agent = memoryOr404(context, by, params.agent);
    accepted(await context.coordinator.submit('memory-take-back', { by, id: params.memory, agent }));
  },
  documents({ context, params, by }) {
    const { view } = context.coordinator;
    const rows = documentsOf(view, memoryOr404(context, by, params.agent));
    const { objects } = context.giving;
    return rows.sort((a, b) => b.addedMs - a.addedMs).map((row) => showDocument(view, row, objects));
  },
  documentAdd: (call) => takeDocument(call, agentOr404(call.context, call.by, call.params.agent)),
  async documentContent(call) {
    const { context, params, by, reply } = call;
    const row = documentOr404(context.coordinator.view, memoryOr404(context, by, params.agent), params.document);
    const { type, name, bytes, sha256 } = row;
    if (isImport(row))
      throw new FleetError('no-such-document', {
        detail: `The file of the import ${name} is not kept: its memories are.`,
      });
    // A file that was lost with a disk, or that a backup was made beside.
    if (context.giving.objects.bytesOf(sha256) === null)
      throw new FleetError('no-such-document', { detail: `The file of ${name} is not here any more; its parts are.` });
    // A browser shows a PDF itself, at the page of the address; a page of a stranger must not run among the console's own.
    const how = type === 'pdf' ? 'inline' : 'attachment';
    const quoted = encodeURIComponent(name).replace(/['()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`);
    return sendFile(call, { type: types[type], bytes, sha256 }, async (range) => {
      const stream = await context.giving.objects.read(sha256, range);
      reply.header('content-disposition', `${how}; filename*=UTF-8''${quoted}`);
      return stream;
    });
  },
  async documentRemove({ context, params, by }) {
    const agent = memoryOr404(context, by, params.agent);
    const { view } = context.coordinator;
    const row = view.documents.get(params.document);
    accepted(await context.coordinator.submit('document-remove', { by, id: params.document, agent }));
    if (row) await letGo(context, [row.sha256, row.parts, ...(row.origins === undefined ? [] : [row.origins])]);
  },
} satisfies Partial<Handlers>;
