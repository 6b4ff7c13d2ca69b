// Models that a node's agents need: fetched, loaded, failing, tried again. The pool and its runtime are real ones; where a server would be
// slow, broken or out of memory, the test sets its answer.

import { RuntimeError } from '@blackroad/model-server/runtime-error';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import t from 'tap';
import { drivenPull } from '../../../test/fixtures/node-agent/driven-pull.ts';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import { createSimulated } from '../runtimes/simulated.ts';
import { createLearned } from './learned.ts';
import { ModelPool } from './model-pool.ts';

const never = new AbortController().signal;
const minute = 60_000;
const turn = () => new Promise(setImmediate);

async function rig(over: Partial<Runtime> = {}, ...models: string[]) {
  const clock = new HandClock();
  const random = seededRandom(3);
  const plain = createSimulated({
    models: models.map((name) => ({ name, kind: 'chat', aliases: [`${name}-alias`] })),
    decodeTps: Number.POSITIVE_INFINITY,
    clock,
    random,
  });
  const runtime: Runtime = { ...plain, canFetch: () => 'unknown', ...over };
  const pool = new ModelPool({
    runtimes: [runtime],
    probes: {
      modelMemory: () => ({ totalBytes: 4e9, freeBytes: 3e9 }),
      diskFreeBytes: () => 5e10,
      diskUsed: () => 0.5,
    },
    bandwidth: () => 10e9,
    runsModels: () => true,
    queue: 4,
    learned: createLearned({ path: ':memory:', clock, log: silentLog }),
    clock,
    random,
    log: silentLog,
  });
  await pool.refresh();
  return { pool, clock, plain };
}
async function until(met: () => boolean): Promise<void> {
  while (!met()) await turn();
}

t.test('a model that is here is ready at once and loaded ahead', async (t) => {
  const { pool } = await rig({}, 'a');
  pool.want('ada', 'a-alias');
  t.strictSame(pool.stand('a-alias'), { state: 'ready', reason: '' });
  await until(() => pool.find('a')?.model.resident === true);
  await pool.unload('a');
  await pool.refresh();
  t.equal(pool.find('a')?.model.resident, false, 'what was put down stays down until a task comes');
  pool.want('bob', 'a');
  await until(() => pool.find('a')?.model.resident === true);
  t.pass('a new agent loads it again');
});

t.test('a model that lacks is fetched first; people see how far it is, not too often', async (t) => {
  const { push, pullOf } = drivenPull();
  const { pool, clock, plain } = await rig({ pull: (name, signal) => pullOf(plain)(name, signal) });
  pool.want('ada', 'm');
  pool.want('bob', 'm');
  const say = async (progress: Parameters<typeof push>[0]) => {
    push(progress);
    await turn();
  };
  t.match(pool.stand('m'), { state: 'starting', reason: 'waiting to fetch m', code: 'model-queued' });
  await turn();
  await say({ totalBytes: 1000 });
  t.equal(pool.stand('m').reason, 'fetching m, 0 %');
  await say({ totalBytes: 1000, completedBytes: 400 });
  t.equal(pool.stand('m').reason, 'fetching m, 0 %', 'not at every step');
  await clock.advance(3000);
  await say({ totalBytes: 1000, completedBytes: 419 });
  t.match(pool.stand('m'), { reason: 'fetching m, 41 %', code: 'model-fetching', progress: 0.41 });
  await clock.advance(3000);
  await say({ totalBytes: 10, completedBytes: 10 });
  t.equal(pool.stand('m').reason, 'fetching m, 41 %', 'its small parts are not the model');
  await say(null);
  await until(() => pool.stand('m').state === 'ready');
  await until(() => pool.find('m')?.model.resident === true);
  t.pass('and it is loaded');
});

t.test('a fetch that fails is said, tried again later and later, and not any more when nobody needs it', async (t) => {
  let tries = 0;
  let works = false;
  const { pool, clock, plain } = await rig({
    async *pull(name, signal) {
      tries++;
      if (!works) throw new RuntimeError('unavailable', 'no such host');
      yield* plain.pull(name, signal);
    },
  });
  pool.want('ada', 'm');
  await until(() => pool.stand('m').state === 'failed');
  t.match(pool.stand('m'), { reason: 'm could not be fetched: no such host', code: 'model-not-fetched' });
  await clock.advance(60 * minute);
  t.ok(tries >= 4 && tries <= 30, `${tries} tries in an hour`);
  const before = tries;
  await clock.advance(30 * minute);
  t.ok(tries - before <= 15, `${tries - before} in the next half hour`);
  works = true;
  await clock.advance(31 * minute);
  await until(() => pool.stand('m').state === 'ready');
  pool.want('ada', 'other');
  works = false;
  await until(() => pool.stand('other').state === 'failed');
  pool.drop('ada');
  const last = tries;
  await clock.advance(120 * minute);
  t.equal(tries, last);
});

t.test('a model that somebody brought meanwhile is used at once', async (t) => {
  const { pool, plain } = await rig({
    // biome-ignore lint/correctness/useYield: it has none to give
    async *pull() {
      throw new RuntimeError('unavailable', 'no such host');
    },
  });
  pool.want('ada', 'm');
  await until(() => pool.stand('m').state === 'failed');
  for await (const _ of plain.pull('m')) t.equal(pool.stand('m').state, 'failed');
  await pool.refresh();
  t.equal(pool.stand('m').state, 'ready');
});

t.test('nothing is fetched by a runtime that cannot, nor while the one that can is away', async (t) => {
  let away = false;
  let tries = 0;
  const { pool, plain } = await rig({ canFetch: () => null });
  pool.want('ada', 'm');
  t.match(pool.stand('m'), {
    state: 'starting',
    reason: 'no runtime on this node serves m now',
    code: 'model-missing',
  });
  const other = await rig(
    {
      models: () => (away ? Promise.reject(new RuntimeError('unavailable', 'gone')) : plain.models()),
      // biome-ignore lint/correctness/useYield: it has none to give
      async *pull() {
        tries++;
        throw new RuntimeError('unavailable', 'gone');
      },
    },
    'm',
  );
  away = true;
  await other.pool.refresh();
  other.pool.want('ada', 'm');
  t.match(other.pool.stand('m'), { state: 'starting', reason: /no runtime/ });
  t.equal(tries, 0, 'it may have the model all the while');
  away = false;
  await other.pool.refresh();
  await until(() => tries === 1);
});

t.test(
  'a model that does not load: the reason in words, pauses between the tries, at once when memory was freed',
  async (t) => {
    let tries = 0;
    let fits = false;
    const { pool, clock, plain } = await rig(
      {
        load: (name, signal) => {
          if (name !== 'big') return plain.load(name, signal);
          tries++;
          const words = 'model requires more system memory (5.5 GiB) than is available (3.1 GiB)';
          return fits ? plain.load(name, signal) : Promise.reject(new RuntimeError('refused', words));
        },
      },
      'big',
      'small',
    );
    pool.want('bob', 'small');
    pool.want('ada', 'big');
    await until(() => pool.stand('big').state === 'failed');
    t.match(pool.stand('big').reason, /^big does not load: model requires more system memory/);
    t.equal(pool.stand('small').state, 'ready', 'the other one works on');
    await clock.advance(30 * minute);
    t.ok(tries >= 3 && tries <= 30, `${tries} tries in half an hour`);
    t.equal(pool.stand('big').state, 'failed', 'and it stays failed between them');
    fits = true;
    await pool.unload('small');
    await until(() => pool.stand('big').state === 'ready');
  },
);

t.test('a server that is busy for a moment fails nobody; one that stays away does', async (t) => {
  let tries = 0;
  const { pool, clock } = await rig(
    {
      load: () => {
        tries++;
        return Promise.reject(new RuntimeError('unavailable', 'the runner was killed'));
      },
    },
    'a',
  );
  pool.want('ada', 'a');
  await until(() => tries === 1);
  await turn();
  t.equal(pool.stand('a').state, 'ready');
  await clock.advance(minute);
  t.match(pool.stand('a'), {
    state: 'failed',
    reason: 'a does not load: the runner was killed',
    code: 'model-not-loaded',
  });
});

t.test('a load that hangs is given up', async (t) => {
  const { pool, clock } = await rig({ load: () => new Promise(() => {}) }, 'a');
  pool.want('ada', 'a');
  await clock.advance(22 * minute);
  t.match(pool.stand('a'), { state: 'failed', reason: 'a does not load: loading took longer than 600 s' });
});

t.test('a turn that finds the model does not load fails the agent; a turn that works heals it', async (t) => {
  let refuses = true;
  const { pool, clock, plain } = await rig(
    {
      load: (name, signal) =>
        refuses ? Promise.reject(new RuntimeError('refused', 'no room')) : plain.load(name, signal),
      async *chat(request, signal) {
        if (refuses) throw new RuntimeError('refused', 'no room');
        yield* plain.chat(request, signal);
      },
    },
    'a',
  );
  const ask = async () => {
    const request = { model: 'a', messages: [], maxTokens: 5, sampling: { temperature: 0 } };
    for await (const _ of pool.runtimeFor('a')!.chat(request, never));
  };
  refuses = false;
  pool.want('ada', 'a-alias');
  await until(() => pool.find('a')?.model.resident === true);
  refuses = true;
  await t.rejects(ask(), { code: 'refused' });
  t.match(pool.stand('a-alias'), { state: 'failed', reason: 'a-alias does not load: no room' });
  refuses = false;
  await ask();
  t.equal(pool.stand('a-alias').state, 'ready');
  await clock.advance(60 * minute);
  t.equal(pool.stand('a-alias').state, 'ready');
});

t.test('a fetch in which nothing moves is given up', async (t) => {
  const { pool, clock } = await rig({
    async *pull(_name, signal) {
      yield { status: 'pulling', completedBytes: 0, totalBytes: 0 };
      await new Promise((_, reject) =>
        signal!.addEventListener('abort', () => reject(new RuntimeError('aborted', 'x'))),
      );
    },
  });
  pool.want('ada', 'm');
  await clock.advance(20 * minute + 1000);
  t.match(pool.stand('m'), { state: 'failed', reason: /nothing was heard of it for 20 minutes/ });
  await pool.close();
});
