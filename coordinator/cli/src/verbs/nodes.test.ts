import t from 'tap';
import type { VerbCall } from '../verb.ts';
import { paintFor } from '../words.ts';
import { nodeVerbs } from './nodes.ts';

t.test('a drain that is asked for again says how far it is', async (t) => {
  const verb = nodeVerbs.find(({ words }) => words === 'drain');
  const says = async (node: object) => {
    const shown: string[] = [];
    const call = {
      args: ['alice'],
      client: () => ({ call: async () => ({ id: 'alice', draining: true, staying: 0, ...node }) }),
      show: (_: unknown, text: () => string) => shown.push(text()),
    } as unknown as VerbCall;
    await verb?.run(call);
    return shown[0];
  };
  t.equal(await says({ agents: ['echo'], onlyHere: null }), 'alice drains already: its agent moves away.');
  t.equal(
    await says({ agents: [], onlyHere: 7 }),
    'alice drains already: it is empty, but 7 of its messages and memories are not with the coordinator yet.',
  );
  t.match(await says({ agents: [], onlyHere: 0 }), /: it is empty, and .*: it may be switched off\.$/);
});

t.test('a release says what it opens: a quarantine ends, or a machine set up anew may come back', async (t) => {
  const verb = nodeVerbs.find(({ words }) => words === 'nodes release');
  for (const [status, words] of [
    ['quarantined', 'ct101 is released.'],
    ['active', 'ct101 is not quarantined; its machine, set up anew, may join as ct101 within an hour.'],
  ] as const) {
    const asked: string[] = [];
    const shown: string[] = [];
    const call = {
      args: ['ct101'],
      client: () => ({
        call: async (route: string) => {
          asked.push(route);
          return { id: 'ct101', status: route === 'node' ? status : 'active' };
        },
      }),
      show: (_: unknown, text: () => string) => shown.push(text()),
    } as unknown as VerbCall;
    await verb?.run(call);
    t.same(asked, ['node', 'nodeRelease'], status);
    t.same(shown, [words]);
  }
});

t.test('a node shows what each of its models has to do', async (t) => {
  const model = (name: string, more = {}) => ({
    name,
    kind: 'chat',
    resident: true,
    sizeBytes: 1e9,
    contextTokens: 2048,
    runtime: 'ollama',
    slots: 2,
    speed: { prefillTps: 240.4, decodeTps: 12.34, samples: 3 },
    ...more,
  });
  const node = {
    id: 'alice',
    class: 'pi',
    site: 'home',
    labels: {},
    status: 'active',
    presence: 'online',
    presenceReason: '',
    lastSeenMs: 0,
    conditions: [],
    agents: [],
    info: null,
    capacity: {
      models: [
        model('small'),
        model('big', { resident: false, speed: { prefillTps: 0, decodeTps: 3, loadMs: 42_000, samples: 0 } }),
        model('odd'),
      ],
      embedder: null,
    },
    health: { cpu: 0, models: [{ name: 'small', busy: 2, waiting: 1, slots: 2, others: 4 }] },
  };
  const shown = async (columns: number) => {
    let text = '';
    const call = {
      args: ['alice'],
      flags: {},
      client: () => ({ call: async () => node }),
      show: (_: unknown, words: () => string) => {
        text = words();
      },
      clock: { nowMs: () => 0 },
      paint: paintFor(false),
      columns,
    } as unknown as VerbCall;
    await nodeVerbs.find(({ words }) => words === 'nodes show')?.run(call);
    return text.split('\n');
  };
  const lines = await shown(140);
  t.match(
    lines.find((line) => line.startsWith('MODEL')),
    /STATE +BUSY +SIZE/,
  );
  t.match(
    lines.find((line) => line.startsWith('small')),
    / loaded +2 of 2, 1 waiting, 4 of others +954 MiB +2048 +12.3, reads 240 +ollama$/,
  );
  t.match(
    lines.find((line) => line.startsWith('big')),
    / on disk, loads in 42 s +0 of 2 .* ~3 /,
  );
  t.match(
    lines.find((line) => line.startsWith('odd')),
    / loaded +\? /,
  );
  const narrow = await shown(100);
  t.ok(narrow.some((line) => line.includes('2 of 2, 1 waiting, 4 of others')));
});
