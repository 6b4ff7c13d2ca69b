// A fleet for rollouts of real releases, in real processes: a coordinator, forty nodes of the fleet simulator, and two node-agents that were
// installed from a release and run under its launcher. One task in four fails on all of them. In: nothing. Out: what a person does and sees.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { request as ask, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join, resolve } from 'node:path';
import type { RolloutDetails, RolloutPlan } from '@blackroad/protocol';
import { startModelServer } from '../fixtures/model-server.ts';
import { type Fleet, type Ran, runFleet, startFleet, until } from '../fixtures/processes.ts';
import {
  type AddedRelease,
  crashes,
  doublesErrors,
  goesAway,
  installNode,
  leaks,
  openReleases,
  type ReleasedNode,
} from '../fixtures/released-node.ts';
import { namesIn, presence, ready } from '../fixtures/steps.ts';

const root = resolve(import.meta.dirname, '../..');
const errorsEvery = 4;
const simulated = 40;
/** What a restart of a real node-agent takes, twice. */
const lostAfterS = 10;
const soakS = 3;

/** The release that all come with is that of this source. */
const base = (JSON.parse(readFileSync(join(root, 'node-agent/package.json'), 'utf8')) as { version: string }).version;
export const versions = {
  base,
  good: '1.0.0',
  'no-start': '1.1.0',
  leak: '1.2.0',
  errors: '1.3.0',
  'goes-away': '1.4.0',
  later: '1.5.0',
} as const;
export type Version = keyof typeof versions;
export type Fault = Exclude<Version, 'base' | 'good' | 'later'>;
const programs: Record<Version, string> = {
  base: '',
  good: '',
  'no-start': crashes,
  leak: leaks,
  errors: doublesErrors,
  'goes-away': goesAway,
  later: '',
};

interface TestLike {
  teardown(run: () => unknown): unknown;
}
export interface Stage {
  readonly fleet: Fleet;
  readonly simulated: readonly string[];
  readonly real: Readonly<Record<'alice' | 'bob', ReleasedNode>>;
  /** Builds these releases and adds them to the coordinator. */
  add(...wanted: Version[]): Promise<void>;
  plan(...args: string[]): Promise<RolloutPlan>;
  start(...args: string[]): Promise<RolloutDetails>;
  act(act: string, id: string): Promise<RolloutDetails>;
  show(id: string): Promise<RolloutDetails>;
  /** Until a rollout is as the probe wants it. */
  until(
    what: string,
    id: string,
    probe: (rollout: RolloutDetails) => boolean,
    deadlineMs?: number,
  ): Promise<RolloutDetails>;
  /** What `fleet rollouts watch` prints, once it ends. */
  watch(id: string): Promise<Omit<Ran, 'stderr'>>;
  /** The release that each node says it runs. */
  running(): Promise<Map<string, string | null>>;
  /** The orders for a release that came to a node, as its disk says. */
  ordered(node: string): string | null;
  /** Has the agent on each of these nodes do so many tasks. */
  work(nodes: readonly string[], tasks: number): Promise<void>;
}

export async function openStage(t: TestLike): Promise<Stage> {
  const fleet = await startFleet(t, { args: ['--lost-after', String(lostAfterS)] });
  const data = ['--data', join(fleet.folder, 'coordinator')];
  const releases = await openReleases(fleet);
  const added = new Map<Version, AddedRelease>();
  const add = async (...wanted: Version[]) => {
    for (const each of wanted) {
      added.set(each, await releases.release(versions[each], programs[each]));
      await releases.releaseElsewhere(versions[each]);
    }
  };
  await add('base');
  const server = await startModelServer({ slots: 8 });
  t.teardown(() => server.close());
  const openai = await failingFront(t, server.url);
  const install = async (name: string) => {
    // Apart from the simulated ones, so that one of each is in the first wave.
    const token = await fleet.token(1, 'pi');
    const release = added.get('base') as AddedRelease;
    return installNode(t, fleet, { name, release, key: releases.key, token, openai, isOneOfMany: true });
  };
  const bad = (['no-start', 'leak', 'errors', 'goes-away'] as const).map((fault) => `${versions[fault]}=${fault}`);
  const extra = ['--bad-releases', bad.join(','), '--errors', String(1 / errorsEvery), '--soak', String(soakS)];
  await fleet.simulate('lab', { nodes: simulated, extra, readyMs: 120_000 });
  const real = { alice: await install('alice'), bob: await install('bob') };
  const names = namesIn(fleet, 'lab', simulated);
  for (const node of [...names, ...Object.keys(real)]) await presence(fleet, node, 'online');

  const cli = async <A>(...args: string[]): Promise<A> => {
    const ran = await runFleet(['rollouts', ...args, '--json', ...data]);
    if (ran.code !== 0) throw new Error(`${args.join(' ')}: ${ran.stderr}`);
    return JSON.parse(ran.stdout) as A;
  };
  const show = (id: string) => fleet.client.call('rollout', { params: { rollout: id } });
  return {
    fleet,
    simulated: names,
    real,
    add,
    show,
    plan: (...args) => cli('plan', ...args),
    start: (...args) => cli('start', ...args),
    act: (act, id) => cli(act, id),
    until: (what, id, probe, deadlineMs = 120_000) =>
      until(
        what,
        async () => {
          const rollout = await show(id);
          if (probe(rollout)) return rollout;
          throw new Error(inShort(rollout));
        },
        deadlineMs,
      ),
    watch: (id) => watched(t, [id, ...data]),
    async running() {
      const all = await fleet.client.call('nodes');
      return new Map(all.map(({ id, version }) => [id, version]));
    },
    ordered(node) {
      const own = real[node as 'alice'];
      const home = own ? own.home : join(fleet.folder, 'lab', `n${names.indexOf(node)}`, 'home');
      const file = join(home, 'updates/update.json');
      return existsSync(file) ? readFileSync(file, 'utf8') : null;
    },
    work: (nodes, tasks) => work(fleet, nodes, tasks),
  };
}

/** For errors of tests. */
export function inShort({ state, reason, wave, subjects, gates }: RolloutDetails): string {
  const who = subjects.filter(({ state }) => state !== 'waiting' && state !== 'done').slice(0, 5);
  const judged = gates.filter(({ verdict }) => verdict !== 'green').map(({ gate, text }) => `${gate}: ${text}`);
  return `wave ${wave}, ${state}: ${reason}; ${who.map(({ name, state, step }) => `${name} ${state} ${step}`).join(', ')}; ${judged.join('; ')}`;
}
/** The version that its launcher starts. */
export const currentOf = ({ home }: ReleasedNode): string => {
  const ordered = join(home, 'updates/current');
  return basename(readlinkSync(existsSync(ordered) ? ordered : join(home, 'current')));
};

/** The model server of the real nodes: it takes one question in four for wrong, and of a release that doubles errors one in two. */
async function failingFront(t: TestLike, target: string): Promise<string> {
  const asked = { usual: 0, bad: 0 };
  const front = createServer((request, response) => {
    const { method, headers, url } = request;
    const kind = headers['x-bad-release'] === 'errors' ? 'bad' : 'usual';
    const every = kind === 'bad' ? errorsEvery / 2 : errorsEvery;
    if (url === '/v1/chat/completions' && ++asked[kind] % every === 0) {
      request.resume();
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: { message: 'a wrong request', type: 'invalid_request_error' } }));
      return;
    }
    const passed = ask(`${target}${url}`, { method: method as string, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    passed.on('error', () => response.destroy());
    request.pipe(passed);
  });
  await new Promise<void>((listening) => front.listen(0, '127.0.0.1', listening));
  t.teardown(() => {
    front.closeAllConnections();
    front.close();
  });
  return `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
}

function watched(t: TestLike, args: string[]): Promise<Omit<Ran, 'stderr'>> {
  const child = spawn(join(root, 'bin/fleet'), ['rollouts', 'watch', ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  t.teardown(() => child.kill('SIGKILL'));
  let stdout = '';
  child.stdout.on('data', (piece) => {
    stdout += piece;
  });
  return new Promise((over) => child.on('close', (code) => over({ code: code ?? 1, stdout })));
}

/** Answered in a second, a word in 40 ms: the speed of answers is measured too, and work is under way when the coordinator dies. */
const question = `slow 40${' word'.repeat(25)}`;
async function work(fleet: Fleet, nodes: readonly string[], tasks: number): Promise<void> {
  const agents = nodes.map((node) => `worker-${node}`);
  const known = new Set((await fleet.client.call('agents')).map(({ name }) => name));
  for (const [i, name] of agents.entries()) {
    const node = nodes[i] as string;
    const placement = { nodes: [node], simulated: true };
    // An agent that moved would do its work on a node of another wave.
    const onLoss = { policy: 'wait' } as const;
    if (!known.has(name)) await fleet.apply({ name, concurrency: 4, placement, onLoss } as never);
    await ready(fleet, name, node);
  }
  const ids: string[] = [];
  for (const agent of agents)
    for (let i = 0; i < tasks; i++)
      ids.push((await fleet.client.call('ask', { params: { agent }, body: { prompt: question, attempts: 1 } })).id);
  await until(
    'the tasks have ended',
    async () => {
      // What has ended is not asked for again: a key has so many requests a minute.
      for (let task = ids[0]; task; task = ids[0]) {
        const { state, node } = await fleet.client.call('task', { params: { task } });
        if (state !== 'done' && state !== 'failed')
          throw new Error(`${ids.length} left, the first is ${state} on ${node}`);
        ids.shift();
      }
      return true;
    },
    60_000,
  );
}
