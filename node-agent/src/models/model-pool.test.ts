import type { ChatEvent } from '@blackroad/model-server/chat';
import { RuntimeError } from '@blackroad/model-server/runtime-error';
import { explain, maxCapacityBytes, maxModelsInHealth, NodeCapacity } from '@blackroad/protocol';
import { type Clock, systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import t from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import { createSimulated } from '../runtimes/simulated.ts';
import { createLearned } from './learned.ts';
import { ModelPool } from './model-pool.ts';

const probes = {
  modelMemory: () => ({ totalBytes: 4e9, freeBytes: 3e9 }),
  diskFreeBytes: () => 5e10,
  diskUsed: () => 0.5,
};
const chat = (name: string, given = {}) => ({ name, kind: 'chat' as const, sizeBytes: 1e9, ...given });
const runtimeOf = (...models: Parameters<typeof createSimulated>[0]['models']): Runtime =>
  createSimulated({ models, decodeTps: Number.POSITIVE_INFINITY, clock: systemClock, random: seededRandom(1) });
function poolOf(
  runtimes: Runtime[],
  lookAgain?: (present: readonly Runtime[]) => Promise<Runtime[] | null>,
  runsModels = true,
  clock: Clock = systemClock,
  price?: number,
) {
  return new ModelPool({
    runtimes,
    ...(price === undefined ? {} : { pricePerMillionTokens: price }),
    ...(lookAgain ? { lookAgain } : {}),
    probes,
    bandwidth: () => 10e9,
    runsModels: () => runsModels,
    queue: 4,
    learned: createLearned({ path: ':memory:', clock: systemClock, log: silentLog }),
    clock,
    random: seededRandom(1),
    log: silentLog,
  });
}

t.test('models are found by name and by alias, the first runtime first', async (t) => {
  const pool = poolOf([runtimeOf(chat('a', { aliases: ['small'] })), runtimeOf(chat('b', { aliases: ['small'] }))]);
  await pool.refresh();
  t.equal(pool.find('b')?.model.name, 'b');
  t.equal(pool.find('small')?.model.name, 'a');
  t.equal(pool.find('c'), null);
});

t.test('what a server says of one model never voids the word of its node', async (t) => {
  const odd = [
    chat('x'.repeat(300)),
    chat('', {}),
    chat('huge', { contextTokens: 1e308, sizeBytes: Number.POSITIVE_INFINITY, slots: 2.4 }),
    chat('none', { contextTokens: Number.NaN, parametersB: -1, sizeBytes: '7' as never }),
    chat('named', { aliases: [...Array.from({ length: 40 }, (_, n) => `alias-${n}`), 'y'.repeat(300)] }),
  ];
  const many = Array.from({ length: 300 }, (_, n) => chat(`m${n}`));
  const runtime: Runtime = { ...runtimeOf(), models: () => runtimeOf(...odd, ...many).models() };
  const pool = poolOf([runtime, runtimeOf(chat('last'))]);
  await pool.refresh();
  const capacity = pool.capacity('boot-0001');
  t.equal(explain(NodeCapacity, capacity), '');
  t.ok(JSON.stringify(capacity).length < maxCapacityBytes);
  const { length } = capacity.models;
  t.ok(length > 100 && length <= 200, `${length} models`);
  t.match(capacity.models[0], { name: 'huge', contextTokens: 0, sizeBytes: 0, slots: 2 });
  t.match(pool.situation().runtimes[0]?.notes, [new RegExp(`^${305 - length} of the models of .* are not used`)]);
  t.match(pool.situation().runtimes[1]?.notes, [/^1 of the models/]);
});

t.test('auto is what is loaded, then what is largest; never an embedding model', async (t) => {
  const pool = poolOf([
    runtimeOf(chat('big', { sizeBytes: 9e9 }), chat('loaded', { resident: true }), {
      name: 'e',
      kind: 'embed',
      resident: true,
      dimension: 8,
    }),
  ]);
  await pool.refresh();
  t.equal(pool.defaultChat(), 'loaded');
  t.match(pool.capacity('boot'), { defaultChat: 'loaded', embedder: 'e', memoryFreeBytes: 3e9 });
  const none = poolOf([runtimeOf()]);
  await none.refresh();
  t.match(none.capacity('boot'), { defaultChat: null, embedder: null, models: { length: 0 } });
  t.equal(await none.embed(['x'], AbortSignal.timeout(1000)), null, 'no embedding model is no error');
});

t.test('speed is a prior from bandwidth until it is learned', async (t) => {
  const pool = poolOf([runtimeOf(chat('a'))]);
  await pool.refresh();
  t.match(pool.capacity('b').models[0]?.speed, { samples: 0, decodeTps: 10 });
  pool.learn('a', { promptTokens: 100, completionTokens: 1, loadMs: 0, prefillMs: 1000, decodeMs: 100 });
  t.match(pool.capacity('b').models[0]?.speed, { samples: 0, prefillTps: 100, decodeTps: 10 }, 'one word says nothing');
  pool.learn('a', { promptTokens: 100, completionTokens: 50, loadMs: 0, prefillMs: 1000, decodeMs: 10_000 });
  t.match(pool.capacity('b').models[0]?.speed, { samples: 2, decodeTps: 5 });
});

t.test('a model server that comes later is taken when nothing runs, and the old runtimes are closed', async (t) => {
  const embedded = runtimeOf(chat('tiny'));
  const server = runtimeOf(chat('real'));
  let looked = 0;
  const pool = poolOf([embedded], async (present) => {
    looked++;
    return present[0] === embedded ? [server] : null;
  });
  const release = await pool.admission.enter('tiny', AbortSignal.timeout(1000), 1000);
  await pool.refresh();
  t.equal(looked, 0, 'not while a model runs');
  t.equal(pool.defaultChat(), 'tiny');
  release();
  await pool.refresh();
  t.equal(pool.defaultChat(), 'real');
  await t.rejects(embedded.load('tiny'), { code: 'unavailable' });
  await pool.refresh();
  t.equal(looked, 2, 'it is asked again; it says there is nothing better');
  t.equal(pool.defaultChat(), 'real');
});

t.test('a runtime that does not answer takes only its own models away', async (t) => {
  const broken = { ...runtimeOf(chat('x')), models: () => Promise.reject(new Error('gone')) } as Runtime;
  const pool = poolOf([broken, runtimeOf(chat('y'))]);
  await pool.refresh();
  t.equal(pool.defaultChat(), 'y');
});

const never = new AbortController().signal;
const hello = { messages: [{ role: 'user' as const, content: 'hi' }], maxTokens: 8, sampling: { temperature: 0 } };
async function answer(runtime: Runtime | null, model: string): Promise<ChatEvent | undefined> {
  let last: ChatEvent | undefined;
  for await (const event of runtime!.chat({ ...hello, model }, never)) last = event;
  return last;
}

t.test('capacity carries what placement needs: the price of a token, the peak, who can fetch', async (t) => {
  const pool = poolOf([
    {
      ...runtimeOf(chat('a', { resident: true, residentBytes: 7e8, kvBytesPerToken: 12_288 }), chat('b')),
      canFetch: () => 'unknown' as const,
    },
    runtimeOf(chat('c')),
  ]);
  await pool.refresh();
  const { models, pulls } = pool.capacity('boot');
  t.match(models[0], { name: 'a', kvBytesPerToken: 12_288, peakBytes: 7e8 });
  t.notOk('peakBytes' in models[1]!, 'never seen loaded');
  t.notOk('kvBytesPerToken' in models[1]!, 'not told');
  t.strictSame(pulls, ['simulated'], 'a kind is named once');
  t.strictSame(poolOf([runtimeOf(chat('c'))]).capacity('boot').pulls, []);
  const away = poolOf([
    {
      ...runtimeOf(chat('d')),
      canFetch: () => 'unknown' as const,
      models: () => Promise.reject(new Error('connection refused')),
    },
  ]);
  await away.refresh();
  t.strictSame(away.capacity('boot').pulls, [], 'one that does not answer is not offered');
});

t.test('the price is that of the server in the OpenAI dialect, while that is what runs', async (t) => {
  const own = runtimeOf(chat('a'));
  const paid: Runtime = { ...own, kind: 'openai' };
  const priceOf = (runtime: Runtime, price?: number) =>
    poolOf([runtime], undefined, true, systemClock, price).capacity('boot').pricePerMillionTokens;
  t.equal(priceOf(paid, 0.6), 0.6);
  t.equal(priceOf(paid), undefined);
  t.equal(priceOf(own, 0.6), undefined, 'an Ollama that answers is used instead');
});

t.test(
  'paid models tell their prices; memory has vectors of its own, and the node the price of its dearest model',
  async (t) => {
    const cheap = { read: 1, written: 5 };
    const dear = { read: 2, written: 10 };
    const listed = [
      chat('luna', { price: cheap, tier: 'small' }),
      chat('sol', { price: dear, tier: 'large' }),
      { name: 'paid-embed', kind: 'embed' as const, price: { read: 50, written: 0 } },
    ];
    const paid: Runtime = { ...runtimeOf(...listed), kind: 'cloud' };
    const models = async () =>
      (await runtimeOf(...listed).models()).map((model, at) => ({ ...model, ...listed[at], sizeBytes: 0 }));
    const own: Runtime = { ...runtimeOf({ name: 'minilm', kind: 'embed' }), standsIn: true };
    const pool = poolOf([{ ...paid, models }, own]);
    await pool.refresh();
    const capacity = pool.capacity('boot-0001');
    t.equal(explain(NodeCapacity, capacity), '');
    t.match(capacity, { embedder: 'minilm', defaultChat: 'luna', pricePerMillionTokens: 4 });
    t.match(capacity.models, [
      { price: cheap, tier: 'small' },
      { price: dear },
      { name: 'paid-embed' },
      { name: 'minilm' },
    ]);
  },
);

t.test('a model is put down when it rests, its next answer loads it again, and both are news', async (t) => {
  const pool = poolOf([runtimeOf(chat('a', { resident: true, aliases: ['small'] }))]);
  await pool.refresh();
  let told = 0;
  const news = () =>
    new Promise<void>((resolve) => {
      pool.onNews = () => {
        told++;
        resolve();
      };
    });
  void news();
  const leave = await pool.enter('small', never, 1000);
  await t.rejects(pool.unload('a'), { code: 'overloaded', message: 'a is in use: 1 answer under way' });
  leave();
  t.equal(told, 0);
  await pool.unload('small');
  t.equal(told, 1);
  t.match(pool.capacity('boot').models[0], { resident: false });
  const loaded = news();
  t.match(await answer(pool.runtimeFor('small'), 'small'), { type: 'end' });
  await loaded;
  t.match(pool.capacity('boot').models[0], { resident: true });
  await t.rejects(pool.unload('nope'), { code: 'unknown-model' });
  const server: Runtime = {
    ...runtimeOf(chat('b', { resident: true })),
    unload: () => Promise.reject(new RuntimeError('unsupported', 'vLLM keeps b for as long as it runs')),
  };
  const other = poolOf([server]);
  await other.refresh();
  await t.rejects(other.unload('b'), { code: 'unsupported', message: /keeps b/ });
});

t.test('a fetch is tried on each runtime until one knows the model', async (t) => {
  const cannot: Runtime = {
    ...runtimeOf(),
    // biome-ignore lint/correctness/useYield: it has none to give
    async *pull() {
      throw new RuntimeError('unsupported', 'this one cannot');
    },
  };
  const pool = poolOf([cannot, runtimeOf()]);
  await pool.refresh();
  const seen: string[] = [];
  await pool.pull('new', ({ status }) => seen.push(status), never);
  t.equal(seen.at(-1), 'success');
  t.ok(pool.find('new'), 'it is served at once');
  await t.rejects(
    poolOf([cannot]).pull('new', () => {}, never),
    { code: 'unsupported', message: /this one cannot/ },
  );
});

t.test('an answer that fails because the server or the model is gone tells the fleet at once', async (t) => {
  for (const code of ['unavailable', 'unknown-model', 'wrong-key', 'no-credit'] as const) {
    let isGone = false;
    const plain = runtimeOf(chat('a', { resident: true }));
    const pool = poolOf([
      {
        ...plain,
        models: () =>
          isGone && code !== 'unknown-model'
            ? Promise.reject(new RuntimeError(code, 'gone'))
            : isGone
              ? Promise.resolve([])
              : plain.models(),
        // biome-ignore lint/correctness/useYield: it has none to give
        async *chat() {
          isGone = true;
          throw new RuntimeError(code, 'gone');
        },
      },
    ]);
    await pool.refresh();
    const told = new Promise<void>((resolve) => {
      pool.onNews = resolve;
    });
    await t.rejects(answer(pool.runtimeFor('a'), 'a'), { code });
    await told;
    t.strictSame(pool.capacity('b').models, [], `${code}: nobody is sent here any more`);
  }
});

t.test(
  'a server that restarts is seen again within seconds, one that stays away is not asked all the time',
  async (t) => {
    const clock = new HandClock();
    let isAway = false;
    let looks = 0;
    const plain = runtimeOf(chat('a'));
    const models = () => {
      looks++;
      return isAway ? Promise.reject(new RuntimeError('unavailable', 'ECONNREFUSED')) : plain.models();
    };
    const pool = poolOf([{ ...plain, models }], undefined, true, clock);
    await pool.refresh();
    isAway = true;
    await pool.refresh();
    t.strictSame(pool.capacity('b').models, []);
    isAway = false;
    await clock.advance(2000);
    t.equal(pool.capacity('b').models.length, 1);
    isAway = true;
    await pool.refresh();
    looks = 0;
    await clock.advance(10 * 60_000);
    t.ok(looks > 2 && looks <= 6, `${looks} looks`);
    await pool.close();
  },
);

t.test('a failing embedding tells it too', async (t) => {
  let isGone = false;
  const plain = runtimeOf({ name: 'e', kind: 'embed', dimension: 8 });
  const pool = poolOf([
    {
      ...plain,
      models: () => (isGone ? Promise.resolve([]) : plain.models()),
      embed: () => {
        isGone = true;
        return Promise.reject(new RuntimeError('unavailable', 'gone'));
      },
    },
  ]);
  await pool.refresh();
  const told = new Promise<void>((resolve) => {
    pool.onNews = resolve;
  });
  await t.rejects(pool.embed(['x'], never));
  await told;
  t.equal(pool.capacity('b').embedder, null);
});

t.test('names are compared as Ollama does', async (t) => {
  const pool = poolOf([runtimeOf(chat('llama3.2:3b'), chat('tiny:latest'))]);
  await pool.refresh();
  t.equal(pool.find('Llama3.2:3B')?.model.name, 'llama3.2:3b');
  t.equal(pool.find('TINY')?.model.name, 'tiny:latest');
  t.match(await answer(pool.runtimeFor('Llama3.2:3B'), 'Llama3.2:3B'), { type: 'end' });
});

t.test('what a runtime can fetch is asked of the runtime; a class without models fetches none', async (t) => {
  const canFetch = (name: string) => (name === 'qwen' ? ('chat' as const) : null);
  const embedded = { ...runtimeOf(), canFetch, fetchable: ['qwen'] };
  const pool = poolOf([embedded]);
  await pool.refresh();
  t.match(pool.capacity('b'), { pulls: ['simulated'], fetchable: ['qwen'] });
  const both = poolOf([{ ...runtimeOf(), canFetch: () => 'unknown' as const }, embedded]);
  await both.refresh();
  t.notOk('fetchable' in both.capacity('b'), 'a registry has more than a list');
  const micro = poolOf([embedded], undefined, false);
  await micro.refresh();
  t.match(micro.capacity('b'), { pulls: { length: 0 } });
});

t.test('what stands in for a server fetches only what it would serve', async (t) => {
  const fetched: string[] = [];
  const server = {
    ...runtimeOf(chat('a')),
    // biome-ignore lint/correctness/useYield: it has none to give
    async *pull() {
      throw new RuntimeError('unsupported', 'it serves what it was started with');
    },
  } as Runtime;
  const standIn = {
    ...runtimeOf(),
    standsIn: true,
    canFetch: (name: string) => (name === 'qwen' ? ('chat' as const) : name === 'minilm' ? ('embed' as const) : null),
    async *pull(name: string) {
      fetched.push(name);
      yield { status: 'success', completedBytes: 1, totalBytes: 1 };
    },
  } as Runtime;
  const pool = poolOf([server, standIn]);
  await pool.refresh();
  t.strictSame(pool.capacity('b').pulls, [], 'no chat model would be fetched here');
  await t.rejects(
    pool.pull('qwen', () => {}, never),
    { message: 'it serves what it was started with' },
  );
  await pool.pull('minilm', () => {}, never);
  t.strictSame(fetched, ['minilm']);
});

t.test('a server that shows how much it works on at once is given that much, from the next answer on', async (t) => {
  let slots: number | undefined;
  const runtime = { ...runtimeOf(chat('a', { slots: 1 })), slotsNow: () => slots };
  const pool = poolOf([runtime]);
  await pool.refresh();
  const given = () => pool.admission.load().find(({ model }) => model === 'a')?.slots;
  t.equal(given(), 1, 'as its list says');
  slots = 3;
  const messages = [{ role: 'user' as const, content: 'Hello' }];
  const request = { model: 'a', messages, maxTokens: 5, sampling: { temperature: 0 } };
  for await (const _ of pool.runtimeFor('a')!.chat(request, new AbortController().signal));
  t.equal(given(), 3);
  slots = 2;
  await pool.refresh();
  t.equal(given(), 2);
  await pool.close();
});

t.test('the load of a model: who was let in, who waits, and what others ask of its server', async (t) => {
  let looks = 0;
  const others: Record<string, number> = { hers: 3 };
  const runtime: Runtime = {
    ...runtimeOf(
      chat('idle', { resident: true, slots: 2 }),
      chat('disk', { aliases: ['small'] }),
      chat('hers', { slots: 8 }),
      { name: 'e', kind: 'embed', resident: true, slots: 1, dimension: 8 },
    ),
    others: (model) => others[model] ?? 0,
    lookInside: () => looks++,
  };
  const pool = poolOf([runtime]);
  await pool.refresh();
  t.same(pool.loads(), [
    { name: 'hers', busy: 0, waiting: 0, slots: 8, others: 3 },
    { name: 'idle', busy: 0, waiting: 0, slots: 2 },
    { name: 'e', busy: 0, waiting: 0, slots: 1 },
  ]);
  t.equal(looks, 1, 'the server is asked for the next heartbeat');
  pool.admission.setSlots('disk', 2);
  const enter = () => pool.enter('small', new AbortController().signal, 60_000);
  const running = [await enter(), await enter()];
  const waiting = [enter(), enter()];
  t.same(pool.loads()[0], { name: 'disk', busy: 2, waiting: 2, slots: 2 }, 'under its own name, and first');
  t.equal(pool.loads().length, 4);
  running[0]?.();
  await waiting[0];
  t.same(pool.loads()[0], { name: 'disk', busy: 2, waiting: 1, slots: 2 });
  running[1]?.();
  for (const each of waiting) (await each)();
  t.notOk(
    pool.loads().some(({ name }) => name === 'disk'),
    'it has none any more and is not loaded',
  );
  await pool.close();
});

t.test('of many loaded models those with the most requests are told', async (t) => {
  const names = Array.from({ length: 40 }, (_, at) => `m${at}`);
  const pool = poolOf([runtimeOf(...names.map((name) => chat(name, { resident: true })))]);
  await pool.refresh();
  const leave = await pool.enter('m39', new AbortController().signal, 60_000);
  const loads = pool.loads();
  t.equal(loads.length, maxModelsInHealth);
  t.match(loads[0], { name: 'm39', busy: 1 });
  leave();
  await pool.close();
});

t.test('capacity tells what was learned of a model: reading, writing, loading', async (t) => {
  const pool = poolOf([runtimeOf(chat('a'))]);
  await pool.refresh();
  t.same(pool.capacity('boot-0001').models[0]?.speed, { prefillTps: 0, decodeTps: 10, samples: 0 }, 'a guess');
  pool.learn('a', { promptTokens: 500, completionTokens: 50, loadMs: 2150.4, prefillMs: 1000, decodeMs: 5000 });
  t.same(pool.capacity('boot-0001').models[0]?.speed, { prefillTps: 500, decodeTps: 10, loadMs: 2150, samples: 1 });
  await pool.close();
});
