// The memory of an agent as one file, over HTTP, with a real database: exported whole, recomputed, and imported elsewhere, once. The nodes here
// are scripted; test/e2e/memory-file.test.ts has real ones.
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  type AuditEntry,
  canonicalJson,
  type DocumentView,
  type MemoryDown,
  type MemoryEntry,
  type MemoryFileFound,
  MemoryFileReader,
  type MemoryImported,
  type Problem,
} from '@blackroad/protocol';
import t from 'tap';
import { type ApiFleet, type FakeNode, openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { memoryEntries } from '../../../test/fixtures/coordinator/stored-rows.ts';
import { eventually } from '../../../test/fixtures/until.ts';

const fleet = await openApiFleet();
t.teardown(() => fleet.close());
const node = await fleet.node('alice');
const idOf = (name: string) => fleet.agent(name) as NonNullable<ReturnType<ApiFleet['agent']>>;
async function placed(name: string) {
  const body = { name, model: ['auto'], instructions: 'x', placement: { nodes: ['alice'] } };
  await fleet.call('PUT', `/v1/agents/${name}`, { body });
  await eventually(`${name} is placed`, () => fleet.agent(name)?.placement);
}
async function bring(from: FakeNode, name: string, entries: MemoryEntry[]) {
  const { id } = idOf(name);
  const [first] = entries as [MemoryEntry];
  const batch = { type: 'batch' as const, epoch: first.epoch, from: first.seq, previousHash: first.previousHash };
  from.say('memoryUp', { agent: id }, { ...batch, entries });
  const { seq } = entries.at(-1) as MemoryEntry;
  await eventually('the batch is stored', () => fleet.coordinator.view.heads.get(id)?.seq === seq);
}
async function exported(name: string, key = fleet.keys.viewer) {
  const headers = { authorization: `Bearer ${key}` };
  const response = await fetch(`${fleet.base}/v1/agents/${name}/memory/export`, { headers });
  return { status: response.status, headers: response.headers, text: await response.text() };
}
function recomputed(text: string): MemoryFileFound & { faults: string[] } {
  const reader = new MemoryFileReader();
  const faults = text
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => reader.read(line).fault ?? []);
  return { ...reader.end(), faults };
}
async function imports(name: string, content: string, key = fleet.keys.operator) {
  const form = new FormData();
  form.append('file', new Blob([content]), 'echo.memory.jsonl');
  const response = await fetch(`${fleet.base}/v1/agents/${name}/memory/import`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    body: form,
  });
  return { status: response.status, body: (await response.json()) as MemoryImported & Problem };
}
const objects = () =>
  readdirSync(join(fleet.context.settings.dataDir, 'objects'), { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.length > 60,
  ).length;

await placed('echo');
await placed('other');
const count = 120;
const { placement } = idOf('echo');
const epoch = placement?.epoch as number;
const texts = ['It begins.', ...Array.from({ length: count }, (_, at) => `Tea ${at}`)];
const log = memoryEntries(
  idOf('echo').id,
  texts.map((text, at) => (at === 7 ? null : { text })),
  { epoch },
);
for (let from = 0; from < log.length; from += 40) await bring(node, 'echo', log.slice(from, from + 40));

t.test('an export can be recomputed by whoever has it, with the signed checkpoint', async (t) => {
  await fleet.context.checkpoints.make();
  const { status, headers, text } = await exported('echo');
  t.equal(status, 200);
  t.match(headers.get('content-disposition'), /filename="echo\.memory\.jsonl"/);
  t.equal(text.split('\n').length, 1 + log.length + 1, 'a head, and a line for each entry');
  const last = log.at(-1)?.hash;
  const checkpoint = { number: 1, entries: log.length };
  t.match(recomputed(text), {
    format: 'export',
    agent: 'echo',
    fault: null,
    faults: { length: 0 },
    redacted: 1,
    headHash: last,
    checkpoint,
  });
  const lines = text.split('\n');
  const other = JSON.parse(lines[0] as string);
  other.anchor.checkpoint.number = 2;
  t.match(recomputed([JSON.stringify(other), ...lines.slice(1)].join('\n')).fault, /signature of checkpoint 2/);
  other.anchor.log.root = 'ab'.repeat(32);
  t.match(recomputed([JSON.stringify(other), ...lines.slice(1)].join('\n')).fault, /do not have the root/);
  t.match(recomputed((await exported('other')).text), { entries: 0, fault: null }, 'of one that remembers nothing');
  t.equal((await exported('nobody')).status, 404);
});

t.test('an import is given to the node in the order of the file, once, in whatever file it comes', async (t) => {
  const { text } = await exported('echo');
  const heard: MemoryDown[] = [];
  node.onMessage = (decoded) => {
    if (decoded.name === 'memoryDown') heard.push(decoded.message);
  };
  t.equal((await imports('other', 'x', fleet.keys.viewer)).status, 403);
  const before = objects();
  const { body } = await imports('other', text);
  t.match(body, {
    format: 'export',
    of: 'echo',
    entries: log.length,
    already: 0,
    left: 0,
    isWhole: true,
    faults: { length: 0 },
  });
  t.match(body.document, { type: 'memories', chunks: count - 1, written: 0, name: 'echo.memory.jsonl' });
  t.equal(objects() - before, 2, 'what is to be written, and by what it is known; not the file');
  t.match((await imports('other', text)).body, { document: null, already: count - 1 }, 'the same again');
  const mixed = text.split('\n').slice(0, -1);
  const more = memoryEntries(idOf('echo').id, [{ text: 'Later' }], { epoch, previous: log.at(-1) });
  const head = { ...JSON.parse(mixed[0] as string), entries: log.length + 1, head: more[0]?.hash };
  const longer = [JSON.stringify(head), ...mixed.slice(1), JSON.stringify(more[0])].join('\n');
  t.match((await imports('other', longer)).body, { isWhole: true, already: count - 1, document: { chunks: 1 } });
  t.match((await imports('echo', longer)).body, { already: count - 1, document: { chunks: 1 } }, 'its own are its own');
  const id = body.document?.id as string;
  const row = await fetch(`${fleet.base}/v1/agents/other/documents/${id}`, {
    headers: { authorization: `Bearer ${fleet.keys.viewer}` },
  });
  t.match(await row.json(), { code: 'no-such-document', detail: /file of the import .* is not kept/ });
  const audit = (await fleet.call<AuditEntry[]>('GET', '/v1/audit?limit=50', { key: fleet.keys.admin })).body;
  const rows = audit.filter(({ action }) => action === 'memory-import' || action === 'memory-export');
  t.same(
    rows.slice(0, 4).map(({ action, subject, text }) => [action, subject, text]),
    [
      ['memory-import', 'echo', 'echo.memory.jsonl, 1 memory'],
      ['memory-import', 'other', 'echo.memory.jsonl, 1 memory'],
      ['memory-import', 'other', `echo.memory.jsonl, ${count - 1} memories`],
      ['memory-export', 'echo', `${log.length} entries`],
    ],
  );
  t.equal(heard.length, 0, 'a node that does not know imports is not given any');
  const list = (await fleet.call<DocumentView[]>('GET', '/v1/agents/other/documents')).body;
  t.match(list, [{ waits: 'node-older' }, { waits: 'node-older' }]);
  t.equal((await fleet.call('DELETE', `/v1/agents/other/documents/${id}`)).status, 204);
  t.match((await imports('other', text)).body, { document: { chunks: count - 1 } }, 'taken back, it may come again');
});

t.test('what is damaged is said by its line, and only what verifies is taken', async (t) => {
  const { text } = await exported('echo');
  await placed('third');
  const edited = text.replace('"Tea 3"', '"Tea 33"');
  const { body } = await imports('third', edited);
  t.match(body, {
    isWhole: false,
    faultyLines: 1,
    faults: [{ line: 6, text: 'entry 5: its content was changed: the commitment does not match' }],
    document: { chunks: count - 2 },
  });
  const broken = await imports('third', 'not a memory\n');
  t.match(broken, { status: 400, body: { code: 'document-refused', detail: /line 1: it is not JSON/ } });
  t.match(await imports('nobody', 'x'), { status: 404 });
});

t.test('a journal of another system', async (t) => {
  await placed('fourth');
  let previousHash = 'genesis';
  const lines = ['The key is under the mat', 'Rain'].map((text) => {
    const line = { actorId: 'lucidia', actionType: 'remember', timestamp: '2026-03-01T08:00:00Z', payload: { text } };
    const hash = createHash('sha256')
      .update(canonicalJson({ ...line, previousHash }))
      .digest('hex');
    const whole = { ...line, previousHash, hash };
    previousHash = hash;
    return JSON.stringify(whole);
  });
  const { body } = await imports('fourth', lines.join('\n'));
  t.match(body, { format: 'journal', of: 'lucidia', isWhole: true, rule: /^SHA-256/, document: { chunks: 2 } });
  t.match((await imports('fourth', lines.join('\n'))).body, { document: null, already: 2 });
  const wrong = await imports('fourth', `${lines[0]}\n${(lines[1] as string).replace('Rain', 'Sun')}`);
  t.match(wrong.body, { isWhole: false, faults: [{ line: 2, text: 'its hash is not that of its content' }] });
});
