// Consolidation over the API, with a real database file, objects on a disk, and a node and a model that are scripted: shown, written, seen in
// searches, taken back, erased, begun at night.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AuditEntry,
  encodeVector,
  type GivenMemory,
  hashHeader,
  type MemoryEntry,
  type MemoryHit,
  type MemoryRun,
  type RunAnswer,
  type RunResult,
} from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import t, { type Test } from 'tap';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { type ModelWork, nodeWith } from '../../../test/fixtures/coordinator/model-node.ts';
import { modelOf } from '../../../test/fixtures/coordinator/sample-supply.ts';
import { memoryEntries } from '../../../test/fixtures/coordinator/stored-rows.ts';
import { until } from '../../../test/fixtures/until.ts';
import type { NightlyRuns } from '../drivers/consolidator.ts';

const vector = (degrees: number) => {
  const angle = (degrees / 180) * Math.PI;
  return { model: 'm', dimension: 2, vector: encodeVector(Float32Array.of(Math.cos(angle), Math.sin(angle))) };
};
const soon = (holds: () => boolean | Promise<boolean>) => until(holds, 10_000);
const said = (text: string, degrees: number) => ({ text, embedding: vector(degrees) });

interface Wanted {
  work?: (work: ModelWork) => void;
  nightly?: NightlyRuns;
  marks?: boolean;
}
/** An agent on a node that writes what it is given. */
async function fleetOf(t: Test, { work = () => {}, nightly, marks = true }: Wanted = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'consolidate-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const nights: (() => void)[] = [];
  const every: typeof systemClock.every = (ms, run) => {
    if (ms === 60_000) nights.push(run);
    return systemClock.every(ms, run);
  };
  const fleet = await openApiFleet({
    path: join(dir, 'fleet.sqlite'),
    dataDir: dir,
    every,
    ...(nightly ? { nightly } : {}),
  });
  const look = () => {
    for (const run of nights) run();
  };
  t.teardown(() => fleet.close());
  const node = await fleet.node('alice');
  await nodeWith(fleet, 'bob', [modelOf('judge')], work);
  const boot = fleet.coordinator.view.live.get('alice')?.helloBoot as string;
  const hardware = fleet.coordinator.view.nodes.get('alice')?.hardware as string;
  const able = { given: true as const, ...(marks ? { marks: true as const } : {}) };
  node.say(
    'nodeHello',
    {},
    { boot, version: '0.1.0', hardware, generation: 0, agentIds: true, upMs: 1, held: [], ...able },
  );
  const body = { name: 'ada', model: ['auto'], instructions: 'x', placement: { nodes: ['alice'] } };
  await fleet.call('PUT', '/v1/agents/ada', { body });
  await soon(() => fleet.agent('ada')?.placement != null);
  const { id, placement } = fleet.agent('ada') as NonNullable<ReturnType<typeof fleet.agent>>;
  const epoch = placement?.epoch as number;
  const log: MemoryEntry[] = [];
  const bring = async (payloads: Parameters<typeof memoryEntries>[1], kinds: string[] = []) => {
    const fresh = memoryEntries(id, payloads, { epoch, previous: log.at(-1) }).map((entry, at) => ({
      ...entry,
      ...(kinds[at] ? { kind: kinds[at] as string } : {}),
    }));
    log.push(...fresh);
    const [{ seq: from, previousHash }] = fresh as [MemoryEntry];
    node.say('memoryUp', { agent: id }, { type: 'batch', epoch, from, previousHash, entries: rehashed(fresh) });
    await soon(() => fleet.coordinator.view.heads.get(id)?.seq === log.at(-1)?.seq);
  };
  const gives: GivenMemory[] = [];
  const before = node.onMessage;
  node.onMessage = (decoded) => {
    before(decoded);
    if (decoded.name === 'memoryDown' && decoded.message.type === 'give') gives.push(...decoded.message.memories);
  };
  /** Writes what came, as the node does. */
  const write = async (count: number) => {
    await soon(() => gives.length >= count);
    const some = gives.splice(0);
    await bring(
      some.map(({ kind: _, ...memory }) => ({ ...memory })),
      some.map(({ kind }) => kind),
    );
  };
  /** The kind is part of what the hash covers. */
  const rehashed = (entries: MemoryEntry[]) => {
    let previousHash = entries[0]?.previousHash as string;
    return entries.map((entry, at) => {
      const next = { ...entry, previousHash };
      next.hash = hashHeader(next);
      previousHash = next.hash;
      log[log.length - entries.length + at] = next;
      return next;
    });
  };
  const run = (body: unknown = {}, key?: string) =>
    fleet.call<RunAnswer>('POST', '/v1/agents/ada/memory/consolidate', { body, ...(key ? { key } : {}) });
  const search = async (q: string) =>
    (await fleet.call<MemoryHit[]>('GET', `/v1/memory/search?q=${q}`)).body.map(({ seq }) => seq);
  const runs = async () => (await fleet.call<MemoryRun[]>('GET', '/v1/memory/runs')).body;
  return { ...fleet, dir, id, bring, write, gives, run, search, runs, log, look };
}

const twice = [
  said('It begins.', 170),
  said('User: I live in Oslo.\nAssistant: I see.', 0),
  said('User: Tea at eight.\nAssistant: Yes.', 90),
];
const later = [
  said('User: Tea at eight.\nAssistant: Yes.', 90),
  said('User: Now I live in Cork.\nAssistant: I see.', 10),
];

t.test('a run is shown, written by the node, seen in searches, and taken back', async (t) => {
  const fleet = await fleetOf(t);
  await fleet.bring([...twice, ...later]);
  const dry = (await fleet.run({ dryRun: true })).body;
  t.match(dry, {
    ...{ run: null, entries: 4, model: null, tokens: 0, refused: 0 },
    results: [
      {
        how: 'replaced',
        model: null,
        sources: [
          { seq: 2, text: /Oslo/ },
          { seq: 5, text: /Cork/ },
        ],
      },
      { how: 'same', sources: [{ seq: 3 }, { seq: 4 }] },
    ],
  });
  t.same(await fleet.runs(), [], 'it was only shown');
  const refused = async (body: unknown) => fleet.problem('POST', '/v1/agents/ada/memory/consolidate', { body });
  t.match(await refused({ shown: dry.shown, model: 'auto' }), {
    code: 'invalid-request',
    detail: /body: model: does not/,
  });
  t.match(await refused({ shown: 'gone' }), { code: 'no-such-run', detail: /look again/ });
  const other = (await fleet.run({ dryRun: true })).body;
  t.equal((await fleet.run({}, fleet.keys.viewer)).status, 403);
  const written = (await fleet.run({ shown: dry.shown })).body as { run: MemoryRun; results: unknown };
  const { run } = written;
  t.same(written.results, dry.results, 'what was shown is written');
  t.match(run, {
    id: dry.shown as string,
    agent: 'ada',
    by: 'admin',
    results: 2,
    written: 0,
    state: 'writing',
    counts: { same: 1, replaced: 1 },
  });
  t.match(await fleet.problem('POST', '/v1/agents/ada/memory/consolidate', { body: {} }), { code: 'conflict' });
  t.same((await fleet.search('tea')).sort(), [3, 4], 'an order is no mark yet');
  await fleet.write(2);
  t.match(await fleet.runs(), [{ id: run.id, written: 2, state: 'written' }]);
  t.same(await fleet.search('tea'), [4]);
  t.same((await fleet.search('Oslo')).slice(0, 2), [5, 2]);
  t.match(
    (await fleet.run()).body,
    { run: null, shown: null, entries: 2, results: { length: 0 } },
    'nothing is found twice',
  );
  t.match(await refused({ shown: other.shown }), { code: 'no-such-run' }, 'others saw what is written by now');

  t.equal((await fleet.call('DELETE', `/v1/memory/runs/${run.id}`, { key: fleet.keys.viewer })).status, 403);
  await fleet.call('DELETE', `/v1/memory/runs/${run.id}`);
  t.same((await fleet.search('tea')).sort(), [3, 4], 'at once, before the node has heard of it');
  t.match(await fleet.problem('DELETE', `/v1/memory/runs/${run.id}`), { code: 'no-such-run' });
  await fleet.write(1);
  t.match(await fleet.runs(), [{ id: run.id, state: 'undone' }]);
  t.match(
    (await fleet.run()).body,
    { run: null, results: { length: 0 } },
    'what a person took back is not found again',
  );
  const chain = await fleet.call<{ valid: boolean; redacted: number }>('GET', '/v1/agents/ada/memory/verify');
  t.match(chain.body, { valid: true, redacted: 2 });
  const audit = (await fleet.call<AuditEntry[]>('GET', '/v1/audit')).body.map(({ action, text }) => [action, text]);
  t.match(
    audit.filter(([action]) => action?.startsWith('memory-consolidate')),
    [
      ['memory-consolidate-undo', `run ${run.id}`],
      ['memory-consolidate', `run ${run.id}, 2 results`],
    ],
  );
});

const cats = ['The cat is Nori', 'Nori sleeps long', 'Nori likes fish', 'The cat of Ada is old', 'Nori is two'];
const answers = (...texts: string[]) => {
  const asked: ModelWork[] = [];
  const work = (work: ModelWork) => {
    if (work.request.kind === 'embed') return;
    asked.push(work);
    work.say(texts[(asked.length - 1) % texts.length] as string);
    work.end();
  };
  return { asked, work };
};

t.test(
  'a model marks and sums up; an answer of another form is refused; an erased memory takes its summary along',
  async (t) => {
    const good = { same: [], replaced: [], contradicts: [[4, 5]], summary: 'Ada has a xylophonist cat, Nori.' };
    const model = answers('I think so.', JSON.stringify({ ...good, same: [[1, 9]] }), `Here: ${JSON.stringify(good)}`);
    const fleet = await fleetOf(t, { work: model.work });
    await fleet.bring([said('It begins.', 170), ...cats.map((text, at) => said(text, at))]);
    for (const refused of [1, 1])
      t.match((await fleet.run({ dryRun: true, model: 'judge' })).body, { refused, results: { length: 0 } });
    const { run, results, tokens } = (await fleet.run({ model: 'judge' })).body;
    t.match(results, [
      { how: 'contradicts', model: 'judge', sources: [{ seq: 5 }, { seq: 6 }] },
      { how: 'summary', model: 'judge', text: good.summary, sources: cats.map((text, at) => ({ seq: at + 2, text })) },
    ]);
    t.ok(tokens > 0);
    t.match(model.asked[0]?.request, { maxTokens: 500, think: false, schema: { type: 'object' } });
    t.match(model.asked[0]?.request.messages?.[1]?.content, /^1\. The cat is Nori\n2\. /);
    await fleet.write(2);
    t.same(await fleet.search('xylophonist'), [8], 'the summary is a memory');
    await fleet.run({ model: 'judge' });
    t.equal(model.asked.length, 3, 'what is summed up is not asked about again');
    const objects = () =>
      readdirSync(join(fleet.dir, 'objects'), { recursive: true, encoding: 'utf8' }).filter((path) => path.length > 60);
    const isKept = () =>
      objects().some((path) => readFileSync(join(fleet.dir, 'objects', path)).includes('xylophonist'));
    t.ok(isKept());
    await fleet.call('POST', '/v1/agents/ada/memory/erase', { body: { seqs: [3] } });
    t.same(await fleet.search('xylophonist'), []);
    const shown = await fleet.call<{ results: RunResult[] }>('GET', `/v1/memory/runs/${run?.id}`);
    t.match(shown.body.results[1], { how: 'summary', text: '' });
    t.match(shown.body.results[1]?.sources[1], { seq: 3, text: '' });
    await fleet.context.giving.objects.keep(
      new Set([...fleet.coordinator.view.runs.values()].map(({ parts }) => parts)),
      0,
    );
    t.notOk(isKept(), 'nor in the file of the run');
    t.match(await fleet.problem('POST', '/v1/agents/ada/memory/consolidate', { body: { model: 'agent/ada' } }), {
      code: 'invalid-request',
      detail: /model: expected a model or a tier/,
    });
    t.match(await fleet.problem('POST', '/v1/agents/ada/memory/consolidate', { body: { model: 'nobodys' } }), {
      code: /./,
    });
  },
);

t.test('an older node is not given what it could not read', async (t) => {
  const fleet = await fleetOf(t, { marks: false });
  await fleet.bring([...twice, ...later]);
  await fleet.run();
  await fleet.call('POST', '/v1/agents/ada/memory', { body: { text: 'Rain at nine' } });
  await soon(() => fleet.gives.length > 0);
  t.match(fleet.gives, [{ kind: 'note' }]);
});

t.test('in the quiet hours it begins by itself, once for what is new', async (t) => {
  const fleet = await fleetOf(t, { nightly: { window: { from: '00:00', to: '00:00' }, model: null } });
  await fleet.bring([...twice, ...later]);
  fleet.look();
  await soon(async () => (await fleet.runs()).length === 1);
  t.match(await fleet.runs(), [{ by: /coordinator/, results: 2 }]);
  await fleet.write(2);
  fleet.look();
  await fleet.run({ dryRun: true });
  t.equal((await fleet.runs()).length, 1);
});
