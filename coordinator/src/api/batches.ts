// The routes of files and batches, in the forms of OpenAI's API; and those of batches for people.
import { FleetError, mayDo, type Principal } from '@blackroad/protocol';
import { ownerOf } from '../batches/batches.ts';
import type { FileRow } from '../batches/files.ts';
import { secondsOf } from '../gateway/dialects/dialect.ts';
import type { ApiContext } from '../http/context.ts';
import { accepted, answered, type Call, type Handlers } from '../http/handler.ts';
import { sendJson } from './send-json.ts';

const maxPurposeBytes = 100;

const wrong = (detail: string) => new FleetError('invalid-request', { detail });

function shownFile({ id, name, purpose, bytes, createdMs, expiresMs }: FileRow): object {
  return {
    id,
    object: 'file',
    bytes,
    created_at: secondsOf(createdMs),
    expires_at: secondsOf(expiresMs),
    filename: name,
    purpose,
    status: 'processed',
  };
}

/** One page, newest first. */
function pageOf<Row extends { id: string }>(
  rows: readonly Row[],
  { limit, after }: { limit: number; after?: string | undefined },
  show: (row: Row) => object,
): object {
  const newest = rows.toSorted((a, b) => (a.id < b.id ? 1 : -1)).filter(({ id }) => after === undefined || id < after);
  const page = newest.slice(0, limit);
  return {
    object: 'list',
    data: page.map(show),
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
    has_more: newest.length > page.length,
  };
}

async function takeForm(
  { batches }: ApiContext,
  by: Principal,
  request: Call<'fileCreate'>['request'],
): Promise<FileRow> {
  if (!request.isMultipart()) throw wrong('headers: content-type: expected multipart/form-data, got another');
  let row: FileRow | null = null;
  let purpose: string | null = null;
  for await (const part of request.parts({ limits: { files: 1, fields: 20, fieldSize: maxPurposeBytes } })) {
    if (part.type === 'field') {
      if (part.fieldname === 'purpose') purpose = String(part.value);
    } else if (part.fieldname === 'file') {
      const name = (part.filename || 'file').slice(0, 200);
      row = await batches.files.take({ owner: ownerOf(by), name, purpose: 'batch' }, part.file);
    } else part.file.resume();
  }
  if (row && purpose === 'batch') return row;
  if (row) await batches.files.remove(row.owner, row.id);
  throw wrong(
    row ? `purpose: expected batch, got ${JSON.stringify(purpose).slice(0, 80)}` : 'file: expected a file, got nothing',
  );
}

/** Whose batches the caller may see and end; null: everybody's. */
const within = (by: Principal) => (mayDo(by.roles, 'tasks:write') ? null : ownerOf(by));

export const batchHandlers = {
  batches: ({ context: { batches }, by }) => batches.seen(by, within(by)),
  batch: ({ context: { batches }, by, params }) => batches.view(batches.get(within(by), params.batch), by),
  async batchEnd({ context: { batches, coordinator }, by, params }) {
    const row = await batches.cancel(within(by), params.batch);
    const about = { batch: row.id, key: row.by.name };
    accepted(await coordinator.submit('audit', { by, action: 'batch-cancel', params: about }));
    return batches.view(row, by);
  },
  async fileCreate({ context, by, request, reply }) {
    return sendJson(reply, shownFile(await takeForm(context, by, request)));
  },
  fileList({ context: { batches }, by, query: { purpose, ...page }, reply }) {
    const own = batches.files.list(ownerOf(by)).filter((row) => purpose === undefined || row.purpose === purpose);
    return sendJson(reply, pageOf(own, page, shownFile));
  },
  fileShow: ({ context: { batches }, by, params, reply }) =>
    sendJson(reply, shownFile(batches.files.get(ownerOf(by), params.file))),
  fileContent({ context: { batches }, by, params, reply }) {
    const { id, bytes } = batches.files.get(ownerOf(by), params.file);
    reply.type('application/octet-stream').header('content-length', bytes).send(batches.files.read(id));
    return answered;
  },
  async fileDelete({ context: { batches }, by, params, reply }) {
    const owner = ownerOf(by);
    const user = batches.list(owner).find((row) => row.order.input_file_id === params.file && batches.isOpen(row));
    if (user) throw new FleetError('conflict', { detail: `The batch ${user.id} reads this file.` });
    await batches.files.remove(owner, params.file);
    return sendJson(reply, { id: params.file, object: 'file', deleted: true });
  },
  async batchCreate({ context: { batches }, by, body, reply }) {
    return sendJson(reply, batches.shown(await batches.create(by, body)));
  },
  batchList: ({ context: { batches }, by, query, reply }) =>
    sendJson(
      reply,
      pageOf(batches.list(ownerOf(by)), query, (row) => batches.shown(row)),
    ),
  batchShow: ({ context: { batches }, by, params, reply }) =>
    sendJson(reply, batches.shown(batches.get(ownerOf(by), params.batch))),
  async batchCancel({ context: { batches }, by, params, reply }) {
    return sendJson(reply, batches.shown(await batches.cancel(ownerOf(by), params.batch)));
  },
} satisfies Partial<Handlers>;
