// A whole node-agent without a broker: its messages and acts while models are unloaded, fetched, and fail.
import { setImmediate as turn } from 'node:timers/promises';
import { RuntimeError } from '@blackroad/model-server/runtime-error';
import { catalogue } from '@blackroad/model-server/weights/catalogue';
import {
  type AgentObserved,
  type AssignedAgent,
  type Decoded,
  decode,
  encode,
  idOf,
  type NodeCapacity,
  type NodeEvent,
  type NodeHealth,
  type NodeInfo,
  type Reply,
  type TopicMessage,
  type TopicName,
  topicOf,
} from '@blackroad/protocol';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import Database from 'better-sqlite3';
import t, { type Test } from 'tap';
import { drivenPull } from '../../../test/fixtures/node-agent/driven-pull.ts';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { TinyCoordinator } from '../../../test/fixtures/node-agent/tiny-coordinator.ts';
import { composeNode, type NodeOrder } from '../compose.ts';
import { ConnectProblem } from '../identity/trust.ts';
import type { Probes } from '../probes/probes.ts';
import { simulatedProbes } from '../probes/simulated.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import { createSimulated } from '../runtimes/simulated.ts';
import type { LinkOptions } from '../transport/dial.ts';

const node = 'alice';

async function rig(
  t: Test,
  over: (plain: Runtime) => Partial<Runtime> = () => ({}),
  order: Partial<Pick<NodeOrder, 'disk' | 'probes' | 'places' | 'defaults' | 'onTime'>> & { clock?: HandClock } = {},
  joined: { class?: string; classDetected?: boolean } = {},
) {
  const clock = order.clock ?? new HandClock();
  const random = seededRandom(5);
  const plain = createSimulated({
    models: [{ name: 'small', kind: 'chat', resident: true }],
    decodeTps: Number.POSITIVE_INFINITY,
    clock,
    random,
  });
  const coordinator = new TinyCoordinator();
  const heard: Decoded[] = [];
  const farewells: string[] = [];
  let link: LinkOptions | null = null;
  let links = 0;
  let isAway = false;
  const tell = <N extends TopicName>(name: N, message: TopicMessage<N>) => {
    const { payload } = encode(name, { node }, message);
    link!.onMessage(topicOf(name, { node }), Buffer.from(payload), false);
  };
  const running = composeNode({
    identity: () => ({
      node,
      key: '',
      certificate: '',
      ca: '',
      caFingerprint: '',
      issuedMs: 0,
      expiresMs: 0,
      url: '',
      mqtt: { host: '', port: 0 },
      class: 'pi',
      site: 'home',
      ...joined,
    }),
    machine: { hardware: 'f'.repeat(64), machine: 'e'.repeat(64), isWeak: false },
    version: '0',
    simulated: true,
    places: null,
    notes: [],
    defaults: null,
    probes: simulatedProbes({ profile: 'pi5', seed: 1, clock, random }),
    lookAtHardware: null,
    runtimes: [{ ...plain, canFetch: () => 'unknown', ...over(plain) }],
    dir: ':memory:',
    ...order,
    clock,
    dial: async (options) => {
      if (isAway) throw new ConnectProblem('nobody is there');
      link = options;
      links++;
      return {
        async publish(topic, payload) {
          const decoded = decode(topic, Buffer.from(payload));
          if ('refused' in decoded) throw new Error(decoded.text);
          heard.push(decoded);
          if (decoded.name !== 'memoryUp') return;
          for (const message of coordinator.answer(node, decoded.params.agent!, decoded.message))
            tell('memoryDown', message);
        },
        subscribe: async () => {},
        backlogBytes: 0,
        end: async () => {},
        destroy: () => {},
      };
    },
    queue: 4,
    keepaliveS: 20,
    random,
    log: silentLog,
    onFarewell: (reason, text) => farewells.push(`${reason}: ${text}`),
  });
  t.teardown(() => running.stop());
  await running.start();
  await clock.advance(100);
  const { boot } = (heard.find(({ name }) => name === 'nodeHello') as Extract<Decoded, { name: 'nodeHello' }>).message;
  tell('welcome', { boot, coordinator: boot, nowMs: 0, heartbeatMs: 60_000, leaseMs: 60_000, generation: 0 });
  const all = <M>(name: TopicName) => heard.filter((each) => each.name === name).map((each) => each.message as M);
  let generation = 0;
  return {
    clock,
    plain,
    tell,
    running,
    boot,
    farewells,
    states: () => all<AgentObserved>('agentState').map(({ state, reason }) => (reason ? `${state}: ${reason}` : state)),
    replies: () => all<Reply>('reply'),
    beats: () => all<NodeHealth>('nodeHealth'),
    infos: () => all<NodeInfo>('nodeInfo'),
    hellos: () => all<TopicMessage<'nodeHello'>>('nodeHello'),
    lose: () => link!.onClose(new ConnectProblem('the broker closed it')),
    links: () => links,
    /** The coordinator does not answer until it is called with false. */
    away: (now: boolean) => {
      isAway = now;
    },
    events: () =>
      all<NodeEvent>('nodeEvent').map(({ type, severity, text, data }) => [type, severity, text, data] as const),
    told: () => all<NodeEvent>('nodeEvent'),
    capacities: () => all<NodeCapacity>('nodeCapacity'),
    /** The prompts that a model received. */
    asked: [] as string[],
    published: () => heard.flatMap(({ name, params }) => (name === 'agentOut' ? [params.topic] : [])),
    names: () => heard.flatMap(({ name, params }) => (name === 'agentOut' ? [params.agent] : [])),
    assign(agent: string, model: string, spec: Partial<AssignedAgent['spec']> = {}) {
      // Like the coordinator: the agent has an id and a name.
      const id = `id-of-${agent}`;
      const placed = coordinator.place(id, node);
      const assigned: AssignedAgent = { ...placed, id, spec: { ...placed.spec, name: agent, ...spec }, model };
      tell('assign', { from: generation, to: ++generation, put: [assigned], remove: [] });
      return assigned;
    },
    task: (id: string, assigned: AssignedAgent) => {
      const { epoch } = assigned;
      tell('task', { task: id, attempt: 1, agent: idOf(assigned), epoch, prompt: 'hi', leftMs: 60_000 });
    },
    /** Each end once: they are not settled here, so they are sent again. */
    ends: () => {
      const ends = all<TopicMessage<'taskReport'>>('taskReport').filter(({ state }) => state !== 'running');
      return ends.filter(({ task }, i) => ends.findIndex((other) => other.task === task) === i);
    },
    /** Advances the time until `met`; the test's own limit ends it otherwise. */
    async until(met: () => boolean) {
      while (!met()) {
        await clock.advance(250);
        await turn();
      }
    },
  };
}

t.test('a model is put down on command, capacity says so at once, its next task loads it again', async (t) => {
  const { tell, replies, capacities, until, assign, task, ends, states, clock } = await rig(t);
  const assigned = assign('ada', 'small');
  await until(() => states().at(-1) === 'ready');
  t.match(capacities().at(-1), { models: [{ name: 'small', resident: true }], pulls: ['simulated'] });
  const before = clock.monotonicMs();
  tell('unload', { command: 'c.1', model: 'small' });
  while (replies().length === 0) await turn();
  t.match(replies(), [{ command: 'c.1', ok: true, text: /small is put down; its next task loads it again/ }]);
  t.match(capacities().at(-1), { models: [{ name: 'small', resident: false, residentBytes: 0 }] });
  t.equal(clock.monotonicMs(), before, 'no timer had to pass');
  t.equal(states().at(-1), 'ready', 'its agent still takes tasks');
  task('t1', assigned);
  await until(() => ends().length === 1);
  t.match(ends(), [{ task: 't1', state: 'done' }]);
  t.match(capacities().at(-1), { models: [{ resident: true }] });
});

/** A node that works on the task `t1` until `finish`. */
async function atWork(t: Test) {
  let finish: (() => void) | null = null;
  const busy = await rig(t, (plain) => ({
    async *chat(request, signal) {
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      yield* plain.chat(request, signal);
    },
  }));
  const assigned = busy.assign('ada', 'small');
  await busy.until(() => busy.states().at(-1) === 'ready');
  busy.task('t1', assigned);
  await busy.until(() => finish !== null);
  return { ...busy, finish: () => finish?.() };
}

t.test('a heartbeat says what each model has to do', async (t) => {
  const finishes: (() => void)[] = [];
  const { beats, until, tell, boot, task, assign, ends, states } = await rig(t, (plain) => ({
    async *chat(request, signal) {
      await new Promise<void>((resolve) => finishes.push(resolve));
      yield* plain.chat(request, signal);
    },
  }));
  tell('welcome', { boot, coordinator: boot, nowMs: 0, heartbeatMs: 1000, leaseMs: 60_000, generation: 0 });
  const isTold = (wanted: string) => JSON.stringify(beats().at(-1)?.models) === wanted;
  await until(() => isTold('[{"name":"small","busy":0,"waiting":0,"slots":4}]'));
  const agents = ['ada', 'eve', 'bob', 'cleo', 'dora'].map((name) => assign(name, 'small'));
  await until(() => states().filter((state) => state === 'ready').length === 5);
  for (const agent of agents) task(`t-${agent.spec.name}`, agent);
  await until(() => isTold('[{"name":"small","busy":4,"waiting":1,"slots":4}]'));
  t.equal(beats().at(-1)?.tasksRunning, 5);
  await until(() => {
    for (const finish of finishes.splice(0)) finish();
    return ends().length === 5;
  });
  await until(() => isTold('[{"name":"small","busy":0,"waiting":0,"slots":4}]'));
});

t.test('a model that works is not put down, one that is not here neither: words say why', async (t) => {
  const { tell, replies, until, ends, finish } = await atWork(t);
  tell('unload', { command: 'c.1', model: 'small' });
  tell('unload', { command: 'c.2', model: 'large' });
  await until(() => replies().length === 2);
  t.match(replies(), [
    { command: 'c.1', ok: false, text: 'small is in use: 1 answer under way', problem: { retryable: true } },
    { command: 'c.2', ok: false, text: /no runtime on this node serves large/, problem: { retryable: false } },
  ]);
  finish();
  await until(() => ends().length === 1);
});

t.test('an agent whose model is not here is ready when it is, and says how far it is', async (t) => {
  const { push, pullOf } = drivenPull();
  const { assign, states, until, capacities } = await rig(t, (plain) => ({ pull: pullOf(plain) }));
  assign('ada', 'new');
  await until(() => states().at(-1) === 'starting: waiting to fetch new');
  push({ completedBytes: 40, totalBytes: 100 });
  await until(() => states().at(-1) === 'starting: fetching new, 40 %');
  t.notOk(states().includes('ready'));
  push(null);
  await until(() => states().at(-1) === 'ready');
  t.ok(
    capacities()
      .at(-1)!
      .models.some(({ name }) => name === 'new'),
    'capacity knew before the agent was ready',
  );
});

t.test('a model that cannot be had fails its agent in words, not the other agents', async (t) => {
  const { assign, states, until, running } = await rig(t, () => ({
    // biome-ignore lint/correctness/useYield: it has none to give
    async *pull() {
      throw new RuntimeError('unknown-model', 'pull model manifest: file does not exist');
    },
  }));
  assign('ada', 'nope');
  await until(() => states().at(-1)?.startsWith('failed') === true);
  t.equal(states().at(-1), 'failed: nope could not be fetched: pull model manifest: file does not exist');
  assign('bob', 'small');
  await until(() => states().at(-1) === 'ready');
  t.equal(running.agents.get('id-of-bob')?.state, 'ready');
});

t.test('hands are still until the node before has let go, and without a welcome', async (t) => {
  const { clock, tell, running, until, assign, states, boot } = await rig(t);
  const assigned = assign('ada', 'small');
  await until(() => states().at(-1) === 'ready');
  t.notOk(running.mayActOutside('id-of-ada'), 'the welcome answered no hello');
  const welcome = { boot, coordinator: boot, nowMs: 0, heartbeatMs: 60_000, leaseMs: 30_000, upMs: 0 };
  const announced = (nowMs: number) =>
    tell('fleetState', { state: 'online', coordinator: boot, nowMs, reconnectWindowMs: 1000 });
  tell('welcome', { ...welcome, generation: 1 });
  t.ok(running.mayActOutside('id-of-ada'));
  t.notOk(running.mayActOutside('nobody'));

  const moved = { ...assigned, id: 'id-of-eve', spec: { ...assigned.spec, name: 'eve' } };
  tell('assign', { from: 1, to: 2, put: [{ ...moved, quietMs: 5_000 }], remove: [] });
  t.notOk(running.mayActOutside('id-of-eve'));
  tell('assign', { from: 2, to: 3, put: [{ ...moved, quietMs: 4_000 }], remove: [] });
  await clock.advance(4_999);
  t.notOk(running.mayActOutside('id-of-eve'), 'said again while it lasts');
  await clock.advance(1);
  t.ok(running.mayActOutside('id-of-eve'));
  const again = { ...moved, epoch: moved.epoch + 1 };
  tell('assign', { from: 3, to: 4, put: [{ ...again, quietMs: 5_000 }], remove: [] });
  t.notOk(running.mayActOutside('id-of-eve'));
  tell('assign', { from: 4, to: 5, put: [again], remove: [] });
  t.ok(running.mayActOutside('id-of-eve'), 'the node before said that it let go');

  tell('assign', { from: 8, to: 9, put: [], remove: [] });
  await clock.advance(25_000);
  announced(clock.monotonicMs());
  await clock.advance(5_001);
  t.notOk(running.mayActOutside('id-of-ada'), 'its assignment is behind: word renews nothing');
});

t.test('only the coordinator that this node knows tells the time, and not by its will', async (t) => {
  const times: number[] = [];
  const { tell, boot, clock } = await rig(t, undefined, { onTime: (nowMs) => times.push(nowMs) });
  const welcome = { boot, coordinator: boot, heartbeatMs: 60_000, leaseMs: 30_000, upMs: 0, generation: 0 };
  const nowMs = clock.monotonicMs();
  tell('welcome', { ...welcome, nowMs });
  times.length = 0;
  const presence = { coordinator: boot, reconnectWindowMs: 1000 };
  tell('fleetState', { ...presence, state: 'offline', nowMs: 5 });
  tell('fleetState', { ...presence, coordinator: 'another-coordinator', state: 'online', nowMs: 6 });
  t.same(times, [], 'a broker keeps these for days');
  tell('fleetState', { ...presence, state: 'online', nowMs });
  t.same(times, [nowMs]);
});

t.test(
  'an agent is known by its id: a new name is one of the same agent, also from a coordinator that told ids for names',
  async (t) => {
    const { tell, assign, states, until, running, hellos, task, ends } = await rig(t);
    t.equal(hellos()[0]?.agentIds, true);
    const assigned = assign('ada', 'small', { name: 'id-of-ada' });
    await until(() => states().at(-1) === 'ready');
    const named = (name: string, version = 1) => ({ ...assigned, version, spec: { ...assigned.spec, name } });
    const nameNow = () => running.agents.get('id-of-ada')?.assigned.spec.name;
    tell('snapshot', { generation: 1, part: 1, parts: 1, agents: [named('ada')] });
    await until(() => nameNow() === 'ada');
    tell('assign', { from: 1, to: 2, put: [named('eve', 2)], remove: [] });
    await until(() => nameNow() === 'eve' && states().at(-1) === 'ready');
    t.same([...running.agents.keys()], ['id-of-ada']);
    task('t1', assigned);
    await until(() => ends().length === 1);
    t.match(ends(), [{ agent: 'id-of-ada', state: 'done' }]);
    const { id: _, ...older } = named('bob', 3);
    tell('assign', { from: 2, to: 3, put: [older], remove: [{ agent: 'id-of-ada', epoch: assigned.epoch }] });
    await until(() => running.agents.has('bob'));
    t.notOk(running.agents.has('id-of-ada'), 'an older coordinator knows it by its name');
  },
);

t.test('a node that is back says hello at once, whatever it said before', async (t) => {
  const { hellos, lose, until, links } = await rig(t);
  t.equal(hellos().length, 1);
  lose();
  await until(() => links() === 2);
  t.equal(hellos().length, 2);
});

t.test('an agent that was let go has no hands in its grace', async (t) => {
  let answer = () => {};
  const { tell, until, assign, task, states, ends, boot, published, names, asked } = await rig(t, (plain) => ({
    async models() {
      return (await plain.models()).map((model) => ({ ...model, tools: true }));
    },
    async *chat(request, signal) {
      if (request.messages.at(-1)?.role === 'user') {
        await new Promise<void>((resolve) => {
          answer = resolve;
        });
        const call = { id: 'c', name: 'mqtt_publish', arguments: { topic: 'lamp', payload: 'on' } };
        yield { type: 'tool-calls', calls: [call] };
        return;
      }
      asked.push(request.messages.at(-1)?.content ?? '');
      yield* plain.chat({ ...request, tools: [] }, signal);
    },
  }));
  const idle = answer;
  const hands = { tools: [{ tool: 'mqtt' as const, topics: ['lamp'] }] };
  const welcome = { boot, coordinator: boot, nowMs: 0, heartbeatMs: 60_000, leaseMs: 30_000, upMs: 0 };
  tell('welcome', { ...welcome, generation: 0 });
  const assigned = assign('ada', 'small', hands);
  await until(() => states().at(-1) === 'ready');
  task('t1', assigned);
  await until(() => answer !== idle);
  answer();
  await until(() => ends().length === 1);
  t.same(published(), ['lamp'], 'it has hands');
  t.same(names(), ['ada'], 'what it publishes bears its name');
  const before = answer;
  task('t2', assigned);
  await until(() => answer !== before);
  tell('assign', { from: 1, to: 2, put: [], remove: [{ agent: idOf(assigned), epoch: assigned.epoch }] });
  answer();
  await until(() => ends().length === 2 && asked.length === 2);
  t.match(asked.at(-1), /^Refused: another node may still act/);
  t.same(published(), ['lamp']);
});

t.test('a node that stops says of no agent that it has stopped while a turn of it goes on (seed 120112)', async (t) => {
  const { tell, states, running, clock, boot, finish } = await atWork(t);
  const stopped = running.stop();
  // Any message of the coordinator once made the node report the states of its agents.
  tell('welcome', { boot, coordinator: boot, nowMs: 0, heartbeatMs: 60_000, leaseMs: 60_000, generation: 1 });
  await clock.advance(100);
  t.equal(running.tasksRunning, 1, 'the turn goes on');
  t.equal(states().at(-1), 'ready');
  finish();
  await clock.advance(60_000);
  await stopped;
});

t.test('an order that the disk does not take leaves hands still', async (t) => {
  const { disk, refuseAssignments } = diskInMemory();
  const { clock, tell, running, until, assign, states, boot } = await rig(t, undefined, { disk });
  const welcome = { boot, coordinator: boot, nowMs: 0, heartbeatMs: 60_000, leaseMs: 30_000, upMs: 0 };
  const assigned = assign('ada', 'small');
  await until(() => states().at(-1) === 'ready');
  tell('welcome', { ...welcome, generation: 1 });
  t.ok(running.mayActOutside('id-of-ada'));
  refuseAssignments();
  tell('assign', { from: 1, to: 2, put: [], remove: [{ agent: idOf(assigned), epoch: assigned.epoch }] });
  t.ok(running.agents.has('id-of-ada'), 'not applied');
  await clock.advance(25_000);
  tell('fleetState', { state: 'online', coordinator: boot, nowMs: clock.monotonicMs(), reconnectWindowMs: 1000 });
  await clock.advance(5_001);
  t.notOk(running.mayActOutside('id-of-ada'));
});
/** A disk whose assignments can be read, and which can be made to refuse writes. */
function diskInMemory() {
  const files = new Map<string, Database.Database>();
  const assignments = () => files.get('assignment.sqlite') as Database.Database;
  return {
    disk: {
      open(name: string) {
        const db = new Database(':memory:');
        files.set(name, db);
        return db;
      },
      sync: (_: string, done: (error: null) => void) => done(null),
      append: () => {},
      rewrite: () => {},
    },
    assigned: () => assignments().prepare('SELECT count(*) FROM assigned').pluck().get(),
    refuseAssignments: () => assignments().pragma('query_only = 1'),
  };
}

t.test(
  'graphics cards that appear are told within a minute, with the class and the memory that come of them',
  async (t) => {
    const machine = (profile: 'cpu' | 'gpu') =>
      simulatedProbes({ profile, seed: 1, clock: new HandClock(), random: seededRandom(1) });
    let found = machine('cpu');
    const gpu = machine('gpu');
    const probes: Probes = {
      ...found,
      inventory: () => found.inventory(),
      machineClass: () => found.machineClass(),
      modelMemory: () => found.modelMemory(),
    };
    const joined = { class: 'cpu', classDetected: true };
    const { infos, capacities, clock } = await rig(t, () => ({}), { probes }, joined);
    t.match(infos(), [{ class: 'cpu', gpus: { length: 0 } }]);
    const before = capacities().at(-1)?.memoryTotalBytes ?? 0;
    await clock.advance(60_000);
    t.equal(infos().length, 1, 'nothing changed, nothing is told');
    found = gpu;
    await clock.advance(60_000);
    t.match(infos().slice(1), [{ class: 'gpu', gpus: [{ name: 'NVIDIA H100 80GB HBM3' }] }]);
    t.equal(capacities().at(-1)?.memoryTotalBytes, gpu.modelMemory().totalBytes);
    t.not(before, gpu.modelMemory().totalBytes);
  },
);

t.test('a pull is answered when it is known whether the model can be had', async (t) => {
  const { push, pullOf } = drivenPull();
  const { tell, replies, until, capacities, clock } = await rig(t, (plain) => ({ pull: pullOf(plain) }));
  const pull = (command: string, model: string) => tell('pull', { command, model });
  pull('c.1', 'nosuchmodel');
  await until(() => capacities().at(-1)?.fetches?.length === 1);
  push({});
  await turn();
  t.strictSame(replies(), [], 'a manifest that is asked for is no model yet');
  push(new RuntimeError('unknown-model', 'pull model manifest: file does not exist'));
  await until(() => replies().length === 1);
  t.match(replies()[0], {
    command: 'c.1',
    ok: false,
    problem: { code: 'fetch-name', text: 'pull model manifest: file does not exist', retryable: false },
  });
  t.match(capacities().at(-1)?.fetches, [{ model: 'nosuchmodel', problem: /file does not exist/, fault: 'name' }]);

  pull('c.2', 'new');
  await turn();
  push({ completedBytes: 10, totalBytes: 100 });
  await until(() => replies().length === 2);
  t.match(replies()[1], { command: 'c.2', ok: true, text: 'alice fetches new.' });
  pull('c.3', 'next');
  await until(() => replies().length === 3);
  t.match(replies()[2], { ok: true, text: 'alice fetches next after new.' });
  await clock.advance(2000);
  push({ completedBytes: 50, totalBytes: 100 });
  await until(
    () =>
      capacities()
        .at(-1)
        ?.fetches?.some(({ completedBytes }) => completedBytes === 50) === true,
  );
  push(null);
  await until(
    () =>
      capacities()
        .at(-1)
        ?.models.some(({ name }) => name === 'new') === true,
  );

  await turn();
  pull('c.4', 'slow');
  await clock.advance(15_000);
  await until(() => replies().length === 4);
  t.match(replies()[3], { ok: true }, 'nobody waits longer than the coordinator does');
});

const places = {
  ollamaUrl: null,
  openAiUrls: [],
  modelsDir: '/models',
  isServerNamed: false,
  isBooting: false,
  ollamaComing: null,
};

t.test('notes and runtimes are told again when they change, and a machine without a model says why', async (t) => {
  let error: RuntimeError | null = null;
  const { clock, infos, capacities, until } = await rig(
    t,
    (plain) => ({ models: () => (error ? Promise.reject(error) : plain.models()) }),
    { places: () => places },
  );
  const noEmbedder = /no embedding model: memory is searched by words only/;
  t.match(infos().at(-1)?.notes.join(), noEmbedder);
  t.notOk(capacities().at(-1)?.noModel);
  const told = infos().length;
  await clock.advance(60_000);
  t.equal(infos().length, told, 'nothing new, nothing said');
  error = new RuntimeError('unavailable', 'ECONNREFUSED');
  await clock.advance(30_000);
  await until(() => capacities().at(-1)?.models.length === 0);
  t.match(capacities().at(-1)?.noModel, /does not say which models it has \(ECONNREFUSED\)/);
  await until(() => infos().length > told);
  t.notMatch(infos().at(-1)?.notes.join(), noEmbedder);
  error = null;
  await clock.advance(30_000);
  await until(() => capacities().at(-1)?.models.length === 1);
  await until(() => noEmbedder.test(infos().at(-1)?.notes.join() ?? ''));
  t.notOk(capacities().at(-1)?.noModel);
});

t.test(
  'triggers are meant in the zone they name, else in that of the fleet, whatever this machine thinks',
  async (t) => {
    const { assign, until, states, tell, boot, ends, clock } = await rig(t);
    // The hand clock begins on 14 November 2023 at 22:13:20 UTC.
    const prompt = 'What time is it?';
    const triggers = [
      { cron: '30 22 * * *', prompt, timeZone: 'UTC' },
      { cron: '45 3 * * *', prompt },
    ];
    assign('clock', 'small', { triggers });
    await until(() => states().at(-1) === 'ready');
    const welcome = { boot, coordinator: boot, nowMs: 0, heartbeatMs: 60_000, leaseMs: 60_000, generation: 1 };
    tell('welcome', { ...welcome, timeZone: 'Mars/Base' });
    tell('welcome', { ...welcome, timeZone: 'Asia/Kolkata' });
    const at = (hour: number, minute: number) => Date.UTC(2023, 10, 14, hour, minute) - clock.nowMs();
    await clock.advance(at(22, 14));
    t.equal(ends().length, 0);
    await clock.advance(at(22, 16) - 0);
    await until(() => ends().length === 1);
    t.equal(new Date(clock.nowMs()).toISOString().slice(11, 16), '22:16', 'a quarter to four in Kolkata');
    await clock.advance(at(22, 31));
    await until(() => ends().length === 2);
  },
);

t.test('a trigger that cannot fire is told with every heartbeat until that is mended', async (t) => {
  const { assign, until, states, tell, boot, clock, beats } = await rig(t);
  const beat = async () => {
    await clock.advance(60_000);
    return beats().at(-1)?.triggerTroubles;
  };
  const prompt = 'What time is it?';
  const own = { cron: '30 22 * * *', prompt, timeZone: 'UTC' };
  const triggers = (timeZone: string) => [{ cron: '0 8 * * *', prompt, timeZone }, own];
  const assigned = assign('clock', 'small', { triggers: triggers('Mars/Base') });
  await until(() => states().at(-1) === 'ready');
  t.same(await beat(), ['"0 8 * * *" of clock never fires: this machine does not know the time zone Mars/Base']);
  const mended = { ...assigned, version: 2, spec: { ...assigned.spec, triggers: triggers('Europe/Berlin') } };
  tell('assign', { from: 1, to: 2, put: [mended], remove: [] });
  t.equal(await beat(), undefined, 'another zone is named');

  const welcome = { boot, coordinator: boot, nowMs: 0, heartbeatMs: 60_000, leaseMs: 60_000, generation: 2 };
  tell('welcome', { ...welcome, timeZone: 'Asia/Kolkata' });
  tell('welcome', { ...welcome, timeZone: 'Mars/Base' });
  t.equal(await beat(), undefined, 'no trigger is meant in the zone of the fleet');
  tell('assign', { from: 2, to: 3, put: [{ ...mended, version: 3, spec: withZoneless(mended) }], remove: [] });
  t.same(await beat(), [
    "those that name no time zone follow the machine's own: this machine does not know the fleet's, Mars/Base",
  ]);
  tell('welcome', { ...welcome, timeZone: 'Asia/Kolkata' });
  t.equal(await beat(), undefined, 'the fleet is back where this machine can follow');
  tell('welcome', { ...welcome, timeZone: 'Mars/Base' });
  t.same(await beat(), [
    "those that name no time zone follow Asia/Kolkata: this machine does not know the fleet's, Mars/Base",
  ]);
  tell('assign', { from: 3, to: 4, put: [], remove: [{ agent: idOf(assigned), epoch: assigned.epoch }] });
  t.equal(await beat(), undefined, 'the agent is gone');

  assignTen(tell, assigned, prompt);
  const told = await beat();
  t.equal(told?.length, 8);
  t.equal(told?.at(-1), 'and 3 more');
});
function withZoneless({ spec }: AssignedAgent): AssignedAgent['spec'] {
  return { ...spec, triggers: [{ cron: '0 9 * * *', prompt: 'x' }] };
}
/** Ten triggers in an unknown zone. */
function assignTen(tell: (name: 'assign', message: never) => void, assigned: AssignedAgent, prompt: string): void {
  const triggers = Array.from({ length: 10 }, (_, i) => ({ cron: `${i} 8 * * *`, prompt, timeZone: 'Mars/Base' }));
  const put = [{ ...assigned, epoch: assigned.epoch + 1, spec: { ...assigned.spec, triggers } }];
  tell('assign', { from: 4, to: 5, put, remove: [] } as never);
}

t.test("the fleet's zone is looked up for the first trigger that is meant in it", async (t) => {
  const { assign, until, states, tell, boot, ends, clock } = await rig(t);
  const looked: string[] = [];
  const { DateTimeFormat } = Intl;
  t.teardown(() => Object.assign(Intl, { DateTimeFormat }));
  Intl.DateTimeFormat = class extends DateTimeFormat {
    constructor(locale?: string, options?: Intl.DateTimeFormatOptions) {
      super(locale, options);
      looked.push(options?.timeZone ?? '');
    }
  } as never;
  assign('plain', 'small', {});
  await until(() => states().at(-1) === 'ready');
  const welcome = { boot, coordinator: boot, nowMs: 0, heartbeatMs: 60_000, leaseMs: 60_000, generation: 1 };
  tell('welcome', { ...welcome, timeZone: 'Asia/Kolkata' });
  await clock.advance(1);
  t.same(looked, [], 'a node without triggers loads no table of zones');
  assign('clock', 'small', { triggers: [{ cron: '45 3 * * *', prompt: 'What time is it?' }] });
  await until(() => looked.includes('Asia/Kolkata'));
  await clock.advance(Date.UTC(2023, 10, 14, 22, 16) - clock.nowMs());
  await until(() => ends().length === 1);
});

t.test('a machine that joins without a model gets one by itself, and is told of until it has it', async (t) => {
  const served: string[] = [];
  let arrive = () => {};
  let isTold = true;
  const { clock, plain, capacities, infos, until } = await rig(
    t,
    (plain) => ({ models: async () => (await plain.models()).filter(({ name }) => served.includes(name)) }),
    {
      places: () => places,
      defaults: {
        mayFetch: () => isTold,
        async ensure([kind], onProgress) {
          const entry = catalogue.find((each) => each.kind === kind)!;
          onProgress({ entry, status: 'downloading', completedBytes: 1, totalBytes: 4 });
          if (kind === 'embed') return { problems: [{ kind, text: 'no embedding model: no network' }] };
          await new Promise<void>((resolve) => {
            arrive = resolve;
          });
          served.push('small');
          return { problems: [] };
        },
      },
    },
  );
  const { id } = catalogue.find(({ kind }) => kind === 'chat')!;
  await until(() => capacities().at(-1)?.fetches?.length === 1);
  t.match(capacities().at(-1), {
    models: { length: 0 },
    noModel: `${id} is being fetched`,
    fetches: [{ model: id, completedBytes: 1, totalBytes: 4 }],
  });
  arrive();
  await until(() => capacities().at(-1)?.models.length === 1);
  t.notOk(capacities().at(-1)?.noModel);
  await until(() => infos().at(-1)?.notes.includes('no embedding model: no network') === true);
  t.notMatch(infos().at(-1)?.notes.join(), /no chat model/);
  isTold = false;
  served.length = 0;
  await plain.unload('small');
  await clock.advance(30_000);
  await until(() => capacities().at(-1)?.models.length === 0);
  t.match(
    capacities().at(-1)?.noModel,
    /has none; put a GGUF file into \/models/,
    'told not to fetch: what would help',
  );
});

t.test(
  'a trigger asks its agent, says of itself what it asked and when, and is skipped while the last one runs',
  async (t) => {
    const finish: (() => void)[] = [];
    const asked: string[] = [];
    const { assign, tell, until, states, ends, clock } = await rig(t, (plain) => ({
      async *chat(request, signal) {
        asked.push(request.messages.at(-1)?.content ?? '');
        await new Promise<void>((resolve) => finish.push(resolve));
        yield* plain.chat(request, signal);
      },
    }));
    const prompt = 'Is the garage closed?';
    const every = (cron: string) => ({ cron, prompt, timeZone: 'UTC' });
    const assigned = assign('ada', 'small', { triggers: [every('99 8 * * *'), every('*/5 * * * *')] });
    await until(() => states().at(-1) === 'ready');
    const beginMs = clock.nowMs();
    await clock.advance(5 * 60_000);
    await until(() => finish.length === 1);
    t.match(asked, [new RegExp(prompt.replace('?', '\\?'))], 'one that can never run takes no other with it');
    await clock.advance(6 * 60_000);
    t.equal(finish.length, 1, 'its agent is at work: what came meanwhile would only queue up');
    finish[0]?.();
    await until(() => ends().length === 1);
    const [end] = ends();
    t.match(end, { agent: idOf(assigned), epoch: assigned.epoch, attempt: 1, state: 'done', local: { prompt } });
    const atMs = end?.local?.atMs ?? 0;
    t.ok(atMs > beginMs && atMs % (5 * 60_000) === 0, new Date(atMs).toISOString());
    await clock.advance(5 * 60_000);
    await until(() => finish.length === 2);
    finish[1]?.();
    await until(() => ends().length === 2);
    t.not(ends()[1]?.task, end?.task, 'each is a task of its own');

    tell('assign', { from: 1, to: 2, put: [], remove: [{ agent: idOf(assigned), epoch: assigned.epoch }] });
    await clock.advance(20 * 60_000);
    t.equal(finish.length, 2, 'an agent that left is asked no more');
  },
);

t.test('a changed agent keeps no trigger of its earlier spec', async (t) => {
  const { assign, tell, until, states, ends, clock } = await rig(t);
  const trigger = (cron: string, prompt: string) => ({ triggers: [{ cron, prompt, timeZone: 'UTC' }] });
  const assigned = assign('ada', 'small', trigger('*/5 * * * *', 'old'));
  await until(() => states().at(-1) === 'ready');
  const spec = { ...assigned.spec, ...trigger('*/7 * * * *', 'new') };
  tell('assign', { from: 1, to: 2, put: [{ ...assigned, version: 2, spec }], remove: [] });
  await clock.advance(60 * 60_000);
  await until(() => ends().length === 8 || ends().length > 9);
  t.same(new Set(ends().map(({ local }) => local?.prompt)), new Set(['new']));
});

t.test(
  'farewell: all agents and triggers stop, nothing is left to start from, and whoever runs the node is told why',
  async (t) => {
    const { disk, assigned } = diskInMemory();
    const { assign, tell, until, states, ends, clock, running, farewells } = await rig(t, undefined, { disk });
    assign('ada', 'small', { triggers: [{ cron: '* * * * *', prompt: 'hi', timeZone: 'UTC' }] });
    assign('bob', 'small');
    await until(() => states().filter((state) => state === 'ready').length === 2);
    t.equal(assigned(), 2);
    tell('farewell', { reason: 'forgotten', text: 'ada removed it' });
    t.same(farewells, ['forgotten: ada removed it']);
    t.equal(running.agents.size, 0);
    t.ok(
      states()
        .slice(-2)
        .every((state) => state.startsWith('stopped')),
      states().join(),
    );
    t.equal(assigned(), 0);
    const before = ends().length;
    await clock.advance(10 * 60_000);
    t.equal(ends().length, before, 'no trigger fires any more');
  },
);

t.test('a node is sent away also when its disk takes no writes', async (t) => {
  const { disk, refuseAssignments } = diskInMemory();
  const { assign, tell, until, states, running, farewells } = await rig(t, undefined, { disk });
  assign('ada', 'small');
  await until(() => states().at(-1) === 'ready');
  refuseAssignments();
  tell('farewell', { reason: 'quarantined', text: 'two machines speak as alice' });
  t.same(farewells, ['quarantined: two machines speak as alice']);
  t.equal(running.agents.size, 0);
});

const minuteMs = 60_000;
const type = ([name]: readonly [string, ...unknown[]]) => name;
/** A Pi that a test gives troubles; its events without those on its model server. */
async function ailing(t: Test, over: Partial<Omit<ReturnType<typeof simulatedProbes>, 'health'>> = {}) {
  const clock = new HandClock();
  const probes = Object.assign(simulatedProbes({ profile: 'pi5', seed: 1, clock, random: seededRandom(1) }), over);
  const made = await rig(t, () => ({}), { probes, clock });
  const events = () => made.events().filter((each) => !type(each).startsWith('runtime-'));
  return { ...made, probes, events };
}

t.test('each trouble of the machine is told when it begins and when it is over, in plain words', async (t) => {
  const { probes, events, clock } = await ailing(t);
  const troubles: [on: () => void, off: () => void, begun: unknown[][], over: unknown[][]][] = [
    [
      () => Object.assign(probes, { undervoltage: true }),
      () => Object.assign(probes, { undervoltage: false }),
      [['undervoltage', 'error', 'has too weak a power supply: undervoltage', { over: false }]],
      [['undervoltage', 'info', 'has enough power again', { over: true }]],
    ],
    [
      () => Object.assign(probes, { extraC: 45 }),
      () => Object.assign(probes, { extraC: 0 }),
      [
        ['overheated', 'error', /^is overheated: \d+ °C; it needs cooling$/, { over: false, temperatureC: Number }],
        ['throttled', 'warning', 'is throttled: it runs slower than it could', { over: false }],
      ],
      [
        ['overheated', 'info', /^has cooled down: \d+ °C$/, { over: true, temperatureC: Number }],
        ['throttled', 'info', 'is throttled no more', { over: true }],
      ],
    ],
    [
      () => Object.assign(probes, { diskFull: true }),
      () => Object.assign(probes, { diskFull: false }),
      [['disk-low', 'error', 'is short of disk: 0.0 GiB left', { over: false, freeBytes: 0 }]],
      [['disk-low', 'info', 'has room on its disk again: 100.0 GiB left', { over: true, freeBytes: 100 * 1024 ** 3 }]],
    ],
    [
      () => Object.assign(probes, { readOnlyDisk: true }),
      () => Object.assign(probes, { readOnlyDisk: false }),
      [['disk-read-only', 'error', /^has a read-only disk: its agents can remember nothing/, { over: false }]],
      [['disk-read-only', 'info', 'can write to its disk again', { over: true }]],
    ],
    [
      () => Object.assign(probes, { clockSynced: false }),
      () => Object.assign(probes, { clockSynced: true }),
      [['clock-unsynced', 'warning', /^has a clock that no time server sets/, { over: false }]],
      [['clock-unsynced', 'info', 'has the right time again', { over: true }]],
    ],
  ];
  await clock.advance(10 * minuteMs);
  t.same(events(), [], 'nothing is wrong');
  for (const [on, off, begun, over] of troubles) {
    const before = events().length;
    on();
    await clock.advance(20 * minuteMs);
    t.match(events().slice(before), begun);
    t.equal(events().length, before + begun.length, 'once');
    off();
    await clock.advance(4 * minuteMs);
    t.equal(events().length, before + begun.length, 'it may come again');
    await clock.advance(3 * minuteMs);
    t.match(events().slice(before + begun.length), over);
    t.equal(events().length, before + begun.length + over.length);
  }
});

t.test('a machine that wavers tells it once; a disk that fills up is told twice', async (t) => {
  const { probes, events, clock } = await ailing(t);
  for (let i = 0; i < 120; i++) {
    probes.undervoltage = i % 2 === 0;
    await clock.advance(minuteMs);
  }
  t.same(events().map(type), ['undervoltage'], 'two hours of a power supply that is just too weak');
  probes.undervoltage = false;
  await clock.advance(6 * minuteMs);
  const health = probes.health.bind(probes);
  const gib = 1024 ** 3;
  for (const free of [1.9, 2.2, 1.9, 0.4, 0.9, 0.4, 1.9, 3, 3, 3, 3, 3, 3, 3]) {
    probes.health = () => ({ ...health(), diskFreeBytes: free * gib });
    await clock.advance(minuteMs);
  }
  t.match(events().slice(2), [
    ['disk-low', 'warning', 'is short of disk: 1.9 GiB left', { over: false }],
    ['disk-low', 'error', 'is short of disk: 0.4 GiB left', { over: false }],
    ['disk-low', 'info', 'has room on its disk again: 3.0 GiB left', { over: true }],
  ]);
  t.equal(events().length, 5);
});

t.test('what is wrong at the start is told once; a clock gets time to be set', async (t) => {
  const { events, clock, probes } = await ailing(t, { undervoltage: true, clockSynced: false });
  await clock.advance(minuteMs);
  t.same(events().map(type), ['undervoltage']);
  probes.clockSynced = true;
  await clock.advance(60 * minuteMs);
  t.same(events().map(type), ['undervoltage']);
});

t.test('what happened while nobody was there is told afterwards, with its time', async (t) => {
  const { probes, told, clock, lose, away } = await ailing(t);
  away(true);
  lose();
  const cutMs = clock.nowMs();
  await clock.advance(2 * minuteMs);
  probes.extraC = 45;
  await clock.advance(2 * minuteMs);
  probes.extraC = 0;
  await clock.advance(30 * minuteMs);
  t.notOk(told().some(({ type }) => type === 'overheated'));
  away(false);
  await clock.advance(2 * minuteMs);
  const heat = told().filter(({ type }) => type === 'overheated');
  t.match(heat, [{ data: { over: false } }, { data: { over: true } }]);
  t.ok(
    heat.every(
      ({ atMs }, i) => atMs - cutMs > (i === 0 ? 2 : 9) * minuteMs && atMs - cutMs < (i === 0 ? 4 : 11) * minuteMs,
    ),
  );
});

t.test('a model server is told of when it is found, when it is lost for a while, and when it is back', async (t) => {
  let isDown = false;
  const { events, clock } = await rig(t, (plain) => ({
    kind: 'ollama',
    label: 'ollama 0.12 at http://127.0.0.1:11434',
    async models() {
      if (isDown) throw new RuntimeError('unavailable', 'connect ECONNREFUSED');
      return plain.models();
    },
  }));
  const data = { kind: 'ollama', runtime: 'ollama 0.12 at http://127.0.0.1:11434' };
  const found = ['runtime-found', 'info', `${data.runtime} answers`, data];
  t.same(events(), [found], 'at the start');
  await clock.advance(5 * minuteMs);
  t.same(events(), [found]);
  isDown = true;
  await clock.advance(40_000);
  isDown = false;
  await clock.advance(5 * minuteMs);
  t.same(events(), [found], 'it was started anew');
  isDown = true;
  await clock.advance(5 * minuteMs);
  t.match(events().slice(1), [
    [
      'runtime-lost',
      'warning',
      /^ollama 0.12 at .* \(connect ECONNREFUSED\): start Ollama, or look why it hangs$/,
      data,
    ],
  ]);
  isDown = false;
  await clock.advance(5 * minuteMs);
  t.same(events().slice(2), [found]);
});

t.test('the embedded runtime is no server', async (t) => {
  const { events, clock } = await rig(t, () => ({ kind: 'llama' }));
  await clock.advance(5 * minuteMs);
  t.same(events(), []);
});
