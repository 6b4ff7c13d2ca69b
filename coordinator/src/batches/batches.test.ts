// Batches over the real API: forms, lines that are wrong, answers and errors in files, people first, ends, and what a restart leaves.
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { type ApiFleet, openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { type ModelWork, nodeWith } from '../../../test/fixtures/coordinator/model-node.ts';
import { modelOf } from '../../../test/fixtures/coordinator/sample-supply.ts';
import { until } from '../../../test/fixtures/until.ts';

interface BatchView {
  id: string;
  status: string;
  output_file_id: string | null;
  error_file_id: string | null;
  errors: { data: { line: number | null; message: string }[] } | null;
  request_counts: { total: number; completed: number; failed: number };
}
const line = (id: string, content = id, more: object = {}) =>
  JSON.stringify({
    custom_id: id,
    method: 'POST',
    url: '/v1/chat/completions',
    body: { model: 'm', messages: [{ role: 'user', content }], ...more },
  });

async function rig(test: { teardown(run: () => unknown): unknown }, options: Parameters<typeof openApiFleet>[0] = {}) {
  const fleet = await openApiFleet(options);
  test.teardown(() => fleet.close());
  return fleet;
}
async function upload(fleet: ApiFleet, text: string, { key = fleet.keys.admin, purpose = 'batch' } = {}) {
  const form = new FormData();
  form.set('purpose', purpose);
  form.set('file', new Blob([text]), 'requests.jsonl');
  const response = await fetch(`${fleet.base}/v1/files`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    body: form,
  });
  return { status: response.status, body: (await response.json()) as { id: string; error?: { message: string } } };
}
async function begin(fleet: ApiFleet, text: string, endpoint = '/v1/chat/completions'): Promise<string> {
  const { body: file } = await upload(fleet, text);
  const made = await fleet.call<BatchView>('POST', '/v1/batches', {
    body: { input_file_id: file.id, endpoint, completion_window: '24h' },
  });
  if (made.status !== 200) throw new Error(JSON.stringify(made.body));
  return made.body.id;
}
const view = async (fleet: ApiFleet, id: string) => (await fleet.call<BatchView>('GET', `/v1/batches/${id}`)).body;
async function over(fleet: ApiFleet, id: string): Promise<BatchView> {
  for (;;) {
    const batch = await view(fleet, id);
    if (!['validating', 'in_progress', 'cancelling'].includes(batch.status)) return batch;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
async function contentOf(fleet: ApiFleet, file: string | null): Promise<{ custom_id: string; response: never }[]> {
  const response = await fetch(`${fleet.base}/v1/files/${file}/content`, {
    headers: { authorization: `Bearer ${fleet.keys.admin}` },
  });
  const text = await response.text();
  return text
    .trim()
    .split('\n')
    .map((each) => JSON.parse(each));
}
const asks = ({ request }: ModelWork) => request.messages?.[0]?.content ?? '';
const answering = (work: ModelWork) => {
  work.say(`re ${asks(work)}`);
  work.end();
};
const model = modelOf('m', { resident: true, slots: 4 });

t.test('requests of a file get their answers in a file, and what fails in another', async (t) => {
  const fleet = await rig(t);
  await nodeWith(fleet, 'alice', [model], (work) => (asks(work) === 'b' ? work.fail('too-long') : answering(work)));
  const id = await begin(fleet, `${line('a')}\n\n${line('b')}\n${line('c')}`);
  const batch = await over(fleet, id);
  t.match(batch, { status: 'completed', request_counts: { total: 3, completed: 2, failed: 1 }, errors: null });
  const answers = await contentOf(fleet, batch.output_file_id);
  t.same(answers.map(({ custom_id }) => custom_id).sort(), ['a', 'c']);
  t.match(answers[0], {
    error: null,
    response: {
      status_code: 200,
      body: { object: 'chat.completion', choices: [{ message: { content: /^re [ac]$/ } }] },
    },
  });
  t.match(await contentOf(fleet, batch.error_file_id), [
    { custom_id: 'b', response: { status_code: 400, body: { error: { code: 'context_length_exceeded' } } } },
  ]);
  const { body } = await fleet.call<{ data: { purpose: string }[] }>('GET', '/v1/files?purpose=batch_output');
  t.equal(body.data.length, 2);
  t.match(await fleet.call('GET', '/v1/batches'), { body: { object: 'list', data: [{ id }], has_more: false } });
});

t.test('a file that is wrong fails as a whole, with its lines', async (t) => {
  const fleet = await rig(t);
  const wrong = [
    line('a'),
    'not json',
    line('a'),
    line('b').replace('completions', 'others'),
    line('c', 'c', { temperature: 'hot' }),
    line('d', 'd', { stream: true }),
  ];
  const batch = await over(fleet, await begin(fleet, wrong.join('\n')));
  t.equal(batch.status, 'failed');
  t.match(batch.errors?.data, [
    { line: 2, message: /not JSON/ },
    { line: 3, message: /custom_id: expected one of its own/ },
    { line: 4, message: /url: expected/ },
    { line: 5, message: /body\.temperature: expected/ },
    { line: 6, message: /body\.stream: expected false/ },
  ]);
  t.match(await over(fleet, await begin(fleet, '\n')), { status: 'failed', errors: { data: [{ line: null }] } });
});

t.test('what is no form, no batch, or of another key is refused in the words of the API', async (t) => {
  const fleet = await rig(t);
  t.match(await upload(fleet, line('a'), { purpose: 'fine-tune' }), {
    status: 400,
    body: { error: { message: /purpose: expected batch/ } },
  });
  t.match(await fleet.call('POST', '/v1/files', { body: {} }), {
    status: 400,
    body: { error: { message: /multipart/ } },
  });
  await nodeWith(fleet, 'alice', [model], () => {});
  const { body: file } = await upload(fleet, line('a'));
  const order = { input_file_id: file.id, endpoint: '/v1/chat/completions', completion_window: '24h' };
  const key = fleet.keys.client;
  t.match(await fleet.call('POST', '/v1/batches', { key, body: order }), {
    status: 404,
    body: { error: { message: /no file .* of this key/ } },
  });
  t.equal((await fleet.call('GET', `/v1/files/${file.id}/content`, { key })).status, 404);
  t.equal((await fleet.call('DELETE', `/v1/files/${file.id}`, { key })).status, 404);
  t.match(await fleet.call('POST', '/v1/batches', { body: { ...order, endpoint: '/v1/images' } }), { status: 400 });
  const made = await fleet.call<BatchView>('POST', '/v1/batches', { body: order });
  t.equal((await fleet.call('GET', `/v1/batches/${made.body.id}`, { key })).status, 404);
  t.equal((await fleet.call('POST', `/v1/batches/${made.body.id}/cancel`, { key })).status, 404);
  t.match(await fleet.call('DELETE', `/v1/files/${file.id}`), { status: 409 }, 'a batch reads it');
  t.match(await fleet.call('POST', `/v1/batches/${made.body.id}/cancel`), { status: 200 });
  t.equal((await over(fleet, made.body.id)).status, 'cancelled');
  t.match(await fleet.call('DELETE', `/v1/files/${file.id}`), { status: 200, body: { deleted: true } });
});

t.test('people come first: a request of a batch steps aside, and is asked again', async (t) => {
  const fleet = await rig(t);
  const held: ModelWork[] = [];
  const { stopped } = await nodeWith(fleet, 'alice', [modelOf('m', { resident: true, slots: 1 })], (work) => {
    if (asks(work).startsWith('batch')) held.push(work);
    else answering(work);
  });
  const id = await begin(fleet, `${line('1', 'batch 1')}\n${line('2', 'batch 2')}`);
  await until(() => held.length === 1);
  const answer = await fleet.call('POST', '/v1/chat/completions', {
    body: { model: 'm', messages: [{ role: 'user', content: 'person' }] },
  });
  t.match(answer, { status: 200, body: { choices: [{ message: { content: 're person' } }] } });
  t.same(stopped, [held[0]?.id], 'the model stopped its work for the batch');
  const asked = new Set<string>();
  for (;;) {
    await until(() => held.some((work) => !asked.has(work.id) && !stopped.includes(work.id)));
    for (const work of held.filter(({ id: one }) => !asked.has(one) && !stopped.includes(one))) {
      asked.add(work.id);
      answering(work);
    }
    if (asked.size === 2) break;
  }
  t.match(await over(fleet, id), { status: 'completed', request_counts: { completed: 2 } });
});

t.test('a batch outlives its coordinator: what is answered stays, half a line goes, the rest is asked', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'batches-'));
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }));
  const options = { dataDir, path: join(dataDir, 'fleet.sqlite') };
  const first = await openApiFleet(options);
  const seen: string[] = [];
  await nodeWith(first, 'alice', [model], (work) => {
    if (asks(work) === 'slow') return;
    seen.push(asks(work));
    answering(work);
  });
  const id = await begin(first, [line('a'), line('b'), line('slow')].join('\n'));
  await until(() => seen.length === 2);
  for (;;) if ((await view(first, id)).request_counts.completed === 2) break;
  await first.close();
  appendFileSync(join(dataDir, 'batches', `${id}.answers`), '{"id":"batch_req_x","custom_id":"sl');

  const second = await openApiFleet(options);
  t.teardown(() => second.close());
  const again: string[] = [];
  await nodeWith(second, 'bob', [model], (work) => {
    again.push(asks(work));
    answering(work);
  });
  const { context } = second;
  await until(() => context.batches.open === 0);
  t.same(again, ['slow']);
  const rows = readdirSync(join(dataDir, 'files')).filter((name) => name.endsWith('.data'));
  t.equal(rows.length, 2, 'the requests, the answers');
  t.notOk(existsSync(join(dataDir, 'batches', `${id}.answers`)));
});

t.test('the time of a batch ends it: what is not answered is named', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'batches-'));
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }));
  const options = { dataDir, path: join(dataDir, 'fleet.sqlite') };
  const first = await openApiFleet(options);
  await nodeWith(first, 'alice', [model], (work) => (asks(work) === 'slow' ? {} : answering(work)));
  const id = await begin(first, [line('a'), line('slow')].join('\n'));
  while ((await view(first, id)).request_counts.completed === 0);
  await first.close();
  const path = join(dataDir, 'batches', `${id}.json`);
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), expiresMs: Date.now() }));

  const second = await openApiFleet(options);
  t.teardown(() => second.close());
  const { batches } = second.context;
  await until(() => batches.open === 0);
  const owner = `key ${[...second.coordinator.view.keys.values()].find(({ id: key }) => batches.list(`key ${key}`).length > 0)?.id}`;
  const row = batches.get(owner, id);
  t.match(row, { state: 'expired', counts: { completed: 1, failed: 1 } });
  t.match(JSON.parse(readFileSync(batches.files.pathOf(row.errorFile as string), 'utf8')), {
    custom_id: 'slow',
    response: null,
    error: { code: 'batch_expired' },
  });
});

t.test('a batch ends with its key', async (t) => {
  const fleet = await rig(t);
  const { body: made } = await fleet.call<{ id: string; key: string }>('POST', '/v1/keys', {
    body: { name: 'short', role: 'client' },
  });
  const held: ModelWork[] = [];
  await nodeWith(fleet, 'alice', [model], (work) => void held.push(work));
  const { body: file } = await upload(fleet, line('a'), { key: made.key });
  const order = { input_file_id: file.id, endpoint: '/v1/chat/completions', completion_window: '24h' };
  const { body: batch } = await fleet.call<BatchView>('POST', '/v1/batches', { key: made.key, body: order });
  await until(() => held.length === 1);
  await fleet.call('DELETE', `/v1/keys/${made.id}`);
  held[0]?.fail('overloaded');
  await until(() => fleet.context.batches.open === 0);
  t.match(fleet.context.batches.get(`key ${made.id}`, batch.id), {
    state: 'failed',
    faults: [{ line: null, message: /key .* was revoked/ }],
  });
});
