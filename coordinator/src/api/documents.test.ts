// Documents over HTTP: uploads of every kind of client, what is kept of a file and how long, and who may read it. The node here is a scripted
// one that writes nothing; test/e2e/documents.test.ts has a real one.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditEntry, DocumentAdded, DocumentView, Problem } from '@blackroad/protocol';
import t from 'tap';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { pdfOf } from '../../../test/fixtures/documents/pdf.ts';

const fleet = await openApiFleet();
t.teardown(() => fleet.close());
await fleet.call('PUT', '/v1/agents/echo', { body: { name: 'echo', instructions: 'x', model: ['tiny'] } });
const path = '/v1/agents/echo/documents';

async function upload(name: string, content: string | Uint8Array, key = fleet.keys.operator) {
  const form = new FormData();
  form.append('file', new Blob([content as string]), name);
  const response = await fetch(`${fleet.base}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    body: form,
  });
  return { status: response.status, body: (await response.json()) as DocumentAdded & Problem };
}
const objects = () => {
  const dir = join(fleet.context.settings.dataDir, 'objects');
  return existsSync(dir)
    ? readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((each) => each.length > 60)
    : [];
};
const list = async () => (await fleet.call<DocumentView[]>('GET', path)).body;
const get = (id: string, headers: Record<string, string> = {}) =>
  fetch(`${fleet.base}${path}/${id}`, { headers: { authorization: `Bearer ${fleet.keys.viewer}`, ...headers } });

t.test('a file is read, kept once, and served to who may read memories', async (t) => {
  const manual = pdfOf([[{ text: 'Press both buttons.' }], [{ text: 'Wait (ten) seconds.' }]]);
  const { status, body } = await upload("Pump “manual”'s.pdf", manual);
  t.equal(status, 201);
  t.match(body, {
    already: false,
    document: { name: "Pump “manual”'s.pdf", type: 'pdf', pages: 2, written: 0, waits: 'no-node', by: 'operator' },
  });
  t.equal(objects().length, 2, 'the file and its parts');
  t.match(await upload('again.pdf', manual), { body: { already: true, document: { id: body.document.id } } });
  t.equal(objects().length, 2);

  const whole = await get(body.document.id);
  t.equal(whole.headers.get('content-type'), 'application/pdf');
  t.match(
    whole.headers.get('content-disposition'),
    /^inline; filename\*=UTF-8''Pump%20%E2%80%9Cmanual%E2%80%9D%27s\.pdf$/,
  );
  t.same(Buffer.from(await whole.arrayBuffer()), manual);
  const part = await get(body.document.id, { range: 'bytes=0-3' });
  t.same([part.status, await part.text()], [206, '%PDF']);
  t.equal((await get('none')).status, 404);
});

t.test('a page of a stranger is never shown as one of the console', async (t) => {
  const { body } = await upload('page.html', '<html><h1>Hi</h1><p>There<script>alert(1)</script>');
  const page = await get(body.document.id);
  t.match(page.headers.get('content-disposition'), /^attachment; /);
  t.equal(page.headers.get('x-content-type-options'), 'nosniff');
});

t.test('the same file at the same time is one document, and its file stays', async (t) => {
  const text = '# Twice\n\nAt once.';
  const both = await Promise.all([upload('one.md', text), upload('two.md', text)]);
  t.same(both.map(({ body }) => body.already).sort(), [false, true]);
  t.equal(both[0]?.body.document.id, both[1]?.body.document.id);
  t.equal(await (await get(both[0]?.body.document.id as string)).text(), text);
});

t.test('what cannot be taken leaves nothing behind', async (t) => {
  const before = objects().length;
  const scan = await upload('scan.pdf', pdfOf([null]));
  t.match(scan, {
    status: 400,
    body: { code: 'document-refused', detail: /^scan\.pdf: there is no text in it: its page is a picture/ },
  });
  t.match(await upload('a.docx', Buffer.from('504b030414000600', 'hex')), { status: 400, body: { detail: /Word/ } });
  t.match(await upload('none.txt', ''), { status: 400, body: { detail: 'none.txt: it is empty' } });
  t.equal(objects().length, before);
  t.match(await upload('x.md', '# x\n\ny', fleet.keys.viewer), { status: 403 });
  const noForm = await fleet.call<Problem>('POST', path, { body: {} });
  t.match(noForm, { status: 400, body: { detail: /expected multipart\/form-data/ } });
});

t.test('a memory that is no memory is refused by its field, and one whose file is gone says so', async (t) => {
  const add = (body: object) => fleet.call<Problem>('POST', '/v1/agents/echo/memory', { body });
  t.match(await add({ text: ' \n' }), {
    status: 400,
    body: { detail: /text: expected something to remember, got only spaces/ },
  });
  t.match(await add({ text: '水'.repeat(3_000) }), {
    body: { detail: /text: expected at most 8192 bytes, got 9000 bytes/ },
  });
  t.match(await add({ text: 'x', tags: ['水'.repeat(21)] }), {
    body: { detail: /tags\.0: expected at most 60 bytes/ },
  });
  t.match(await add({ text: 'x', kind: 'turn' }), { status: 400, body: { detail: /kind/ } });
  t.match(await fleet.call('POST', '/v1/agents/nobody/memory', { body: { text: 'x' } }), { status: 404 });
  t.match(await add({ text: 'x', importance: 0.2 }), {
    status: 201,
    body: { kind: 'note', importance: 0.2, waits: 'no-node' },
  });
  const { body } = await upload('lost.md', '# Lost\n\nIt was here.');
  await fleet.context.giving.objects.remove(body.document.sha256);
  t.match(await (await get(body.document.id)).json(), {
    code: 'no-such-document',
    detail: /lost\.md is not here any more/,
  });
});

t.test(
  'an agent is given no more than its spec allows: orders that wait count, and a file is taken whole or not at all',
  async (t) => {
    const spec = { name: 'small', instructions: 'x', model: ['tiny'], memory: { atMost: 3 } };
    await fleet.call('PUT', '/v1/agents/small', { body: spec });
    const add = (text: string) => fleet.call<Problem>('POST', '/v1/agents/small/memory', { body: { text } });
    const send = async (content: string) => {
      const form = new FormData();
      form.append('file', new Blob([content]), 'x.md');
      const headers = { authorization: `Bearer ${fleet.keys.operator}` };
      const response = await fetch(`${fleet.base}/v1/agents/small/documents`, { method: 'POST', headers, body: form });
      return { status: response.status, body: (await response.json()) as DocumentAdded & Problem };
    };
    t.equal((await add('one')).status, 201);
    t.equal((await add('two')).status, 201);
    const before = objects().length;
    t.match(await send('# One\n\nfirst\n\n# Two\n\nsecond'), {
      status: 507,
      body: {
        code: 'fleet-full',
        detail:
          'small may have 3 memories (memory.atMost of its spec) and has 2, and this is 2 more: erase some, or allow more.',
      },
    });
    t.equal(objects().length, before);
    t.equal((await send('# One\n\nfirst')).status, 201);
    t.match(await add('four'), { status: 507, body: { code: 'fleet-full', detail: /and has them/ } });
  },
);

t.test('a document that is taken back: its file goes at once, and it waits for its node', async (t) => {
  const { body } = await upload('gone.md', '# Gone\n\nThe code is 4711.');
  const { id, sha256 } = body.document;
  t.equal((await fleet.call('DELETE', `${path}/${id}`)).status, 204);
  t.notOk(objects().some((name) => name.endsWith(sha256)));
  t.match(
    (await list()).find((row) => row.id === id),
    { removing: true, waits: 'no-node' },
  );
  t.equal((await get(id)).status, 404);
  t.equal((await fleet.call('DELETE', `${path}/${id}`)).status, 404);
  t.match(await upload('gone.md', '# Gone\n\nThe code is 4711.'), { body: { already: false } }, 'it may come again');
  const audit = (await fleet.call<AuditEntry[]>('GET', '/v1/audit?limit=10', { key: fleet.keys.admin })).body;
  t.match(
    audit
      .filter(({ action }) => action.startsWith('document-'))
      .map(({ action, subject, text }) => [action, subject, text]),
    [
      ['document-add', 'echo', 'gone.md, 1 part'],
      ['document-remove', 'echo', 'gone.md'],
      ['document-add', 'echo', 'gone.md, 1 part'],
    ],
  );
});
