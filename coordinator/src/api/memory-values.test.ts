// Values of an agent over HTTP, with a real database and a scripted node: set, read exactly, listed in pages, ended, and what waits meanwhile.
import type {
  GivenMemory,
  MemoryEntry,
  MemoryHit,
  MemoryValue,
  MemoryValues,
  NodeAbilities,
} from '@blackroad/protocol';
import t from 'tap';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { memoryEntries } from '../../../test/fixtures/coordinator/stored-rows.ts';
import { eventually } from '../../../test/fixtures/until.ts';

const fleet = await openApiFleet();
t.teardown(() => fleet.close());
const node = await fleet.node('alice');
const echo = { name: 'echo', model: ['auto'], instructions: 'x', placement: { nodes: ['alice'] } };
await fleet.call('PUT', '/v1/agents/echo', { body: echo });
await eventually('echo is placed', () => fleet.agent('echo')?.placement);
const { id = '', placement } = fleet.agent('echo') ?? {};
const epoch = placement?.epoch as number;
const path = '/v1/agents/echo/memory/values';
const at = (key: string) => `${path}/${encodeURIComponent(key)}`;
const value = (key: string) => fleet.call<MemoryValue>('GET', at(key), { key: fleet.keys.viewer });
const put = (key: string, text: string) =>
  fleet.call<MemoryValue>('PUT', at(key), { body: { text }, key: fleet.keys.operator });

let last: MemoryEntry | undefined;
/** The node writes what it is given, or other entries. */
async function write(said: (Partial<NonNullable<MemoryEntry['payload']>> & { kind: string })[]): Promise<void> {
  const kinds = said.map(({ kind }) => kind);
  const payloads = said.map(({ kind: _, ...payload }) => payload);
  const entries = memoryEntries(id, payloads, { previous: last, epoch, kinds });
  const [first] = entries as [MemoryEntry];
  const batch = { type: 'batch' as const, epoch, from: first.seq, previousHash: first.previousHash };
  node.say('memoryUp', { agent: id }, { ...batch, entries });
  last = entries.at(-1);
  await eventually('the batch is stored', () => fleet.coordinator.view.heads.get(id)?.seq === last?.seq);
}
t.test('a value waits for its node, then holds, and the newest holds', async (t) => {
  t.match(await value('door code'), { status: 404, body: { code: 'no-such-memory' } });
  const { status, body } = await put('door code', '1234');
  t.equal(status, 200);
  t.match(body, { key: 'door code', text: null, entry: null, others: { length: 0 } });
  t.match(body.waiting, [{ text: '1234', by: 'operator', waits: 'node-older', node: 'alice' }]);
  t.match(await value('door code'), { body: { text: null, waiting: [{ text: '1234' }] } });
  await write([
    { kind: 'genesis', text: '' },
    { kind: 'value', key: 'door code', text: '1234', source: 'person:operator', given: body.waiting[0]?.id },
  ]);
  t.match(await value('door code'), {
    body: { text: '1234', entry: { seq: 2, source: 'person:operator', kind: 'value' }, waiting: { length: 0 } },
  });
  await write([{ kind: 'value', key: 'door code', text: '5678', source: 'tool:memory' }]);
  t.match(await value('door code'), { body: { text: '5678', entry: { seq: 3, source: 'tool:memory' } } });
  t.match(await value('door cod'), { status: 404, body: { detail: /did you mean door code\?/ } });
  t.match(await value('Door code'), { status: 404 }, 'exactly');
  const found = await fleet.call<MemoryHit[]>('GET', '/v1/memory/search?q=door&limit=9');
  t.match(found.body, [{ key: 'door code', text: 'door code: 5678' }]);
  t.equal(found.body.length, 1);
});

t.test('it is unset, which waits as well', async (t) => {
  t.match(await fleet.call('DELETE', at('none')), { status: 404, body: { code: 'no-such-memory' } });
  const { status, body } = await fleet.call<MemoryValue>('DELETE', at('door code'));
  t.equal(status, 200);
  t.match(body, { text: '5678', waiting: [{ text: null }] });
  await write([{ kind: 'value', key: 'door code', text: '', given: body.waiting[0]?.id }]);
  t.match(await value('door code'), { status: 404 });
});

t.test('what a branch says otherwise is shown until somebody settles it', async (t) => {
  await write([
    { kind: 'value', key: 'gate', text: 'open' },
    { kind: 'merge', key: 'gate', text: 'shut', holds: false, source: 'branch:x.bob.1' },
  ]);
  t.match(await value('gate'), { body: { text: 'open', others: [{ text: 'shut', kind: 'merge' }] } });
  await write([{ kind: 'value', key: 'gate', text: 'shut' }]);
  t.match(await value('gate'), { body: { text: 'shut', others: { length: 0 } } });
});

t.test('pages, in the order of the keys, with those that only wait', async (t) => {
  await write(Array.from({ length: 7 }, (_, each) => ({ kind: 'value', key: `k${each}`, text: `${each}` })));
  for (const key of ['a', 'k3b', 'z/%?#é🦊', 'é'.repeat(100)]) t.equal((await put(key, 'x')).status, 200, key);
  const seen: string[] = [];
  let pages = 0;
  for (let after: string | null = ''; after !== null; pages++) {
    const query: string = `?limit=3${after === '' ? '' : `&after=${encodeURIComponent(after)}`}`;
    const { body }: { body: MemoryValues } = await fleet.call<MemoryValues>('GET', `${path}${query}`);
    for (const { key, entry, waiting } of body.values) {
      seen.push(key);
      t.equal(entry === null, waiting.length === 1, key);
    }
    after = body.next;
  }
  t.equal(pages, 3);
  const ks = ['k0', 'k1', 'k2', 'k3', 'k3b', 'k4', 'k5', 'k6'];
  t.same(seen, ['a', 'gate', ...ks, 'z/%?#é🦊', 'é'.repeat(100)]);
  t.match(await value('z/%?#é🦊'), { status: 200 });
  t.match(await value('é'.repeat(100).normalize('NFD').slice(0, 2)), { status: 404 });
});

t.test('keys and values that are none are refused in words', async (t) => {
  for (const key of ['two\nlines', ' before', 'after ', '...'])
    t.match(await put(key, 'x'), { status: 400, body: { detail: /1 to 100 characters, none of them a control/ } }, key);
  t.match(await put('x'.repeat(101), 'x'), { status: 400, body: { detail: /more than 100 characters/ } });
  t.equal((await put('.env', 'x')).status, 200);
  t.match(await put('k', ''), { status: 400, body: { code: 'invalid-request' } });
  t.match(await put('k', 'é'.repeat(8_000)), {
    status: 400,
    body: { detail: /text: expected at most 8192 bytes, got 16000 bytes/ },
  });
  t.match(await fleet.call('PUT', at('k'), { body: { text: 'x' }, key: fleet.keys.viewer }), { status: 403 });
  t.match(await fleet.call('GET', '/v1/agents/nobody/memory/values'), { status: 404 });
});

t.test('an older node-agent gets what it can read; a newer one all, in its order', async (t) => {
  const given: GivenMemory[] = [];
  node.onMessage = ({ name, message }) => {
    if (name === 'memoryDown' && message.type === 'give') given.push(...message.memories);
  };
  const boot = fleet.coordinator.view.live.get('alice')?.helloBoot as string;
  const { hardware } = fleet.coordinator.view.nodes.get('alice') as { hardware: string };
  const say = (can: NodeAbilities) =>
    node.say(
      'nodeHello',
      {},
      { boot, version: '0.1.0', hardware, generation: 0, agentIds: true, ...can, upMs: 1, held: [] },
    );
  await fleet.call('POST', '/v1/agents/echo/memory', { body: { text: 'Tea at eight' } });
  say({ given: true });
  await eventually('the note is sent', () => given.length > 0);
  t.match(given, [{ kind: 'note' }]);
  t.equal(given.length, 1);
  given.length = 0;
  say({ given: true, values: true });
  await eventually('all is sent', () => given.length > 0);
  t.match(given.slice(0, 2), [
    { kind: 'value', key: 'a', text: 'x' },
    { kind: 'value', key: 'k3b' },
  ]);
  t.match(await value('a'), { body: { waiting: [{ waits: 'sent', node: 'alice' }] } });
});

t.test('an agent whose spec allows no more takes none', async (t) => {
  await fleet.call('PUT', '/v1/agents/echo', { body: { ...echo, memory: { atMost: 3 } } });
  t.match(await put('k', 'x'), { body: { code: 'fleet-full' } });
});
