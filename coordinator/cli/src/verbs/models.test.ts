// Models on a terminal of 80 columns: the list, one of them, and the progress of several nodes.
import type { Catalogue, CatalogueModel, NodeView } from '@blackroad/protocol';
import { type Clock, systemClock } from '@blackroad/std/clock';
import t from 'tap';
import type { Client } from '../client.ts';
import { createFetchProgress } from '../fetch-progress.ts';
import type { FetchStand } from '../fetch-stand.ts';
import { modelTable, oneModel } from '../models-screen.ts';
import { paintFor } from '../words.ts';
import { followFetches } from './models.ts';

const GiB = 1024 ** 3;
const paint = paintFor(false);
const call = { columns: 80, paint };
const entry = {
  name: 'llama-3.2-3b-instruct',
  aliases: ['llama3.2'],
  title: 'Llama 3.2 3B Instruct',
  kind: 'chat' as const,
  licence: 'Llama 3.2 Community License',
  ollama: 'llama3.2:3b',
  embedded: true,
  parametersB: 3.21,
  quantisation: 'Q4_K_M',
  sizeBytes: 2e9,
  contextTokens: 131_072,
  tools: true,
  vision: false,
  from: 'shipped' as const,
};
const model = (given: Partial<CatalogueModel>): CatalogueModel => ({
  name: 'llama3.2:3b',
  kind: 'chat',
  runtimes: ['ollama'],
  parametersB: 3.21,
  contextTokens: 131_072,
  tools: true,
  sizeBytes: 2e9,
  residentBytes: 0,
  tier: 'small',
  entry,
  neededBytes: 2.5 * GiB,
  fits: [
    { class: 'gpu', nodes: 1, fitting: 1, free: 1, decodeTps: 92.4, measured: false },
    { class: 'pi', nodes: 5, fitting: 3, free: 2, decodeTps: 4.26, measured: true },
    { class: 'micro', nodes: 2, fitting: 0, free: 0, decodeTps: 1, measured: false },
  ],
  fetchedOn: 1,
  pins: [{ node: null, class: 'pi', by: 'key:ada', atMs: 1 }],
  fetches: [
    { node: 'bob', model: 'llama3.2:3b', status: 'pulling', completedBytes: 1e9, totalBytes: 2e9 },
    { node: 'carol', model: 'llama3.2:3b', status: '', completedBytes: 0, totalBytes: 0, problem: 'no space left' },
  ],
  nodesOnDisk: 1,
  nodesResident: 1,
  classes: [],
  nodes: [{ node: 'alice', class: 'pi', resident: true, decodeTps: 4.26, fetched: true }],
  agents: { using: 2, wanting: 3 },
  ...given,
});
const isNarrow = (text: string) => text.split('\n').every((line) => line.length <= 80);

t.test('the list: what is here first, then the catalogue from small to large', async (t) => {
  const nowhere = { nodesOnDisk: 0, nodesResident: 0, fetches: [], pins: [], fits: [], entry: null };
  const all: Catalogue = {
    file: { path: 'models.yaml', faults: ['models.yaml:3: models.0.sizeGB: expected number, got "big"'] },
    classes: [],
    missing: [],
    models: [
      model({ ...nowhere, name: 'embeds', kind: 'embed', sizeBytes: 1e8 }),
      model({ ...nowhere, name: 'large:70b', sizeBytes: 43e9 }),
      model({ ...nowhere, name: 'a-small:1b', sizeBytes: 1e9 }),
      model({}),
    ],
  };
  const text = modelTable(all, call);
  t.ok(isNarrow(text), text);
  t.same(
    text.split('\n').map((line) => line.split(' ')[0]),
    ['MODEL', 'llama3.2:3b', 'a-small:1b', 'large:70b', 'embeds', '!'],
  );
  t.match(text, /llama3\.2:3b .* gpu, pi \(3 of 5\) +1 node, 1 loaded/);
  t.match(text, /large:70b .* nothing here +in the catalogue/);
  t.match(text, /! models\.yaml:3/);
});

t.test('one model', async (t) => {
  const text = oneModel(model({}), call);
  t.ok(isNarrow(text), text);
  for (const words of [
    /^llama3\.2:3b\n/,
    /size +1\.9 GiB on disk, about 2\.5 GiB in memory/,
    /licence +Llama 3\.2 Community License/,
    /pinned +on every pi/,
    /gpu +fits +1 node +~92/,
    /pi +fits on 3 of 5 +2 nodes +4\.3/,
    /micro +does not fit\n/,
    /↓ bob {2}pulling 50 %/,
    /↓ carol {2}no space left/,
    /alice +pi +loaded +the fleet/,
  ])
    t.match(text, words);
});

function canvas(isTTY: boolean) {
  const out: string[] = [];
  const progress = createFetchProgress({ isTTY, columns: 80, write: (text) => out.push(text) }, paint, systemClock);
  return { out, progress };
}
const on = (completedBytes: number, totalBytes = 4 * GiB): FetchStand => ({
  state: 'fetching',
  status: 'pulling',
  completedBytes,
  totalBytes,
});

t.test('progress: a line a node, drawn over the lines before', async (t) => {
  const { out, progress } = canvas(true);
  progress.draw(
    new Map([
      ['alice', on(0, 0)],
      ['a-much-longer-name', on(GiB)],
    ]),
  );
  progress.draw(
    new Map([
      ['alice', on(3 * GiB)],
      ['a-much-longer-name', { state: 'failed', problem: 'x'.repeat(200) }],
    ]),
  );
  const [first, second] = out as [string, string];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what moves the cursor takes no room
  const plain = (text: string) => text.replaceAll(/\u001b\[\d*[AKJ]|\r/g, '');
  t.ok(isNarrow(plain(first)) && isNarrow(plain(second)), plain(second));
  t.match(plain(first), /↓ alice +pulling\n.*━+─+ +25 % {2}1\.0 GiB of 4\.0 GiB/s);
  t.ok(second.startsWith('\u001b[2A'), 'two lines up');
  t.match(plain(second), /✗ a-much-longer-name +x+…\n.*alice +━+─+ +75 %/s, 'failures first');
  const many = new Map(Array.from({ length: 40 }, (_, i) => [`n${i}`, on(GiB)] as const));
  progress.draw(many);
  t.match(plain(out[2] as string), /and 24 more/);
});

t.test('progress without a terminal: a line at each quarter', async (t) => {
  const { out, progress } = canvas(false);
  for (const share of [0, 0.1, 0.3, 0.31, 0.6, 0.99]) progress.draw(new Map([['alice', on(share * 4 * GiB)]]));
  progress.draw(new Map([['alice', { state: 'here' }]]));
  t.same(out, [
    '  alice: pulling\n',
    '  alice: pulling 30 %\n',
    '  alice: pulling 60 %\n',
    '  alice: pulling 99 %\n',
    '  alice: is here\n',
  ]);
});

t.test('the nodes are followed to their ends, and one that says nothing is given up', async (t) => {
  const clock: Clock = { ...systemClock, after: (_, run) => systemClock.after(0, run, true) };
  const looks: Record<string, Partial<NodeView>[]> = {
    alice: [
      { capacity: { models: [], fetches: [{ model: 'M', ...on(1) }] } as never },
      { capacity: { models: [{ name: 'm', aliases: [] }] } as never },
    ],
    bob: [{}],
    carol: [{ presence: 'lost', presenceReason: 'silent' } as Partial<NodeView>],
  };
  const client = {
    async call(_: string, { params }: { params: { node: string } }) {
      const list = looks[params.node] as Partial<NodeView>[];
      return { id: params.node, presence: 'online', ...(list.length > 1 ? list.shift() : list[0]) };
    },
  } as unknown as Pick<Client, 'call'>;
  const drawn: string[] = [];
  const progress = {
    draw: (stands: ReadonlyMap<string, FetchStand>) =>
      drawn.push([...stands.values()].map(({ state }) => state).join(' ')),
  };
  const order = { model: 'm:latest', nodes: ['alice', 'bob', 'carol'] };
  const ends = await followFetches(client, order, { clock, signal: new AbortController().signal }, progress);
  t.match(Object.fromEntries(ends), {
    alice: { state: 'here' },
    bob: { state: 'failed', problem: /neither has m:latest nor fetches it/ },
    carol: { state: 'failed', problem: /lost: silent/ },
  });
  t.equal(drawn[0], 'fetching silent failed');
});
