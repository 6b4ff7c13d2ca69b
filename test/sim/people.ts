// Actions of people and their programs on the fleet, by chance: apply, change and remove agents, submit, cancel and retry tasks in bursts,
// ask over MQTT, cordon, drain, forget, release. Each row is one kind of action with its weight.

import { type AgentSpec, defaultSpace } from '@blackroad/protocol';
import { type Random, sortableId } from '@blackroad/std/random';
import { people } from './people-principal.ts';
import type { World } from './world.ts';

export interface Happening {
  name: string;
  weight: number;
  /** False: there was nothing to act on. */
  run(world: World, random: Random): boolean | undefined;
}

const agentNames = 14;
const rooms = ['hall', 'cellar'];
const pick = <T>(random: Random, items: readonly T[]): T | undefined => items[Math.floor(random.next() * items.length)];

export function specOf(world: World, index: number, version = 0): AgentSpec {
  const random = world.chance(`agent ${index} ${version}`);
  const chance = (share: number) => random.next() < share;
  const models = pick(random, [
    ['auto'],
    ['sim-1b', 'auto'],
    ['sim-3b', 'sim-1b', 'sim-0.5b'],
    ['sim-8b', 'auto'],
    ['sim-7b', 'sim-3b', 'auto'],
    ['sim-7b'],
    ['auto'],
  ]);
  const sites = [...new Set(world.machines.map(({ options }) => options.site))];
  return {
    name: `a${index}`,
    model: models ?? ['auto'],
    instructions: `Version ${version}.`,
    concurrency: 1 + Math.floor(random.next() * 2),
    queue: 2 + Math.floor(random.next() * 8),
    priority: pick(random, [20, 50, 50, 80]) ?? 50,
    memory: { recall: chance(0.3) ? 2 : 0, remember: chance(0.8) ? 'turns' : 'none' },
    tools: chance(0.5) ? [{ tool: 'mqtt', topics: ['signal'] }] : [],
    triggers: chance(0.15) ? [{ cron: '*/40 * * * * *', prompt: 'Look around.' }] : [],
    placement: {
      class: [],
      site: chance(0.1) ? [pick(random, sites) ?? 'garage'] : [],
      labels: chance(0.08) ? { room: pick(random, rooms) ?? 'hall' } : {},
      nodes: chance(0.05) ? [pick(random, [...world.stored.nodes.keys()]) ?? 'm0'] : [],
      avoidAgents: chance(0.1) ? [`a${(index + 1) % agentNames}`] : [],
      ...(chance(0.1) ? { nearAgents: [`a${(index + 3) % agentNames}`] } : {}),
      ...(chance(0.15) ? { spread: { group: 'crew', over: pick(random, ['node', 'site'] as const) ?? 'node' } } : {}),
      ...(chance(0.08) ? { pool: 'dedicated' as const } : {}),
      ...(chance(0.05) ? { maxPricePerMillionTokens: 1 } : {}),
    },
    onLoss: {
      policy: pick(random, ['replace', 'replace', 'replace', 'wait', 'keep'] as const) ?? 'replace',
      afterSeconds: chance(0.2) ? Math.floor(random.next() * 20) : 0,
    },
    limits: {
      maxTokens: 64,
      contextTokens: 1024,
      toolRounds: 2,
      deadlineSeconds: 30 + Math.floor(random.next() * 150),
      attempts: 1 + Math.floor(random.next() * 4),
    },
    temperature: 0,
  };
}

const nodeOf = (world: World, random: Random) => pick(random, [...world.stored.nodes.keys()]);
const agentOf = (world: World, random: Random) => pick(random, [...world.stored.agents.keys()]);
function nameOf(world: World, agent: string): string {
  return world.stored.agents.get(agent)?.spec.name ?? agent;
}
/** Applies a spec with a new id, in the order of names, in case the agent is new. */
export function applySpec(world: World, spec: AgentSpec): void {
  world.ask('agent-apply', { by: people, spec, newId: `id-${spec.name}-${world.timeline.fired}` });
}
interface Edit {
  cordoned?: boolean;
  draining?: boolean;
  site?: string;
  labels?: Record<string, string>;
}
function edit(world: World, random: Random, change: Edit): boolean {
  const node = nodeOf(world, random);
  if (node === undefined) return false;
  world.ask('node-edit', { by: people, node, ...change });
  return true;
}
function submit(world: World, random: Random, agent: string): void {
  const id = sortableId(world.wallMs(), random);
  const attempts = random.next() < 0.2 ? 1 : undefined;
  const idempotencyKey = random.next() < 0.2 ? `key-${Math.floor(random.next() * 50)}` : undefined;
  const request = {
    // The prompt of each task is unique.
    prompt: `Question ${world.timeline.fired}-${Math.floor(random.next() * 1e9)}?`,
    priority: Math.floor(random.next() * 100),
    ...(attempts === undefined ? {} : { attempts }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  };
  world.ask('task-submit', { by: people, id, agent, request, origin: 'api' }, (outcome) => {
    if (!outcome.ok) return;
    if (outcome.value.agent !== agent)
      world.broke('people', `asked ${agent}, answered with ${outcome.value.id} of ${outcome.value.agent}`);
    world.accepted.add(outcome.value.id);
  });
}

/** In some worlds; beside the other actions, whose order must not depend on it. */
export const erasures: readonly Happening[] = [
  {
    name: 'erase',
    weight: 1,
    run(world, random) {
      const agent = pick(random, [...world.stored.heads.keys()]);
      const store = world.host.coordinator?.store;
      if (agent === undefined || !store) return false;
      const upto = world.stored.heads.get(agent)?.seq ?? 0;
      const seqs = [1, 2].map(() => 1 + Math.floor(random.next() * upto));
      const what = { agent, limit: 1_000, ...(random.next() < 0.2 ? {} : { seqs }) };
      // The coordinator may be gone by then.
      store.erasable(what).then(
        (places) => places.length > 0 && world.ask('memory-erase', { by: people, places }),
        () => {},
      );
      return true;
    },
  },
];

export const actions: readonly Happening[] = [
  {
    name: 'submit',
    weight: 30,
    run(world, random) {
      const agent = agentOf(world, random);
      if (agent === undefined) return false;
      submit(world, random, agent);
      return true;
    },
  },
  {
    name: 'burst',
    weight: 4,
    run(world, random) {
      const agent = agentOf(world, random);
      if (agent === undefined) return false;
      const count = 5 + Math.floor(random.next() * 15);
      for (let i = 0; i < count; i++) submit(world, random, agent);
      return true;
    },
  },
  {
    name: 'ask',
    weight: 8,
    run(world, random) {
      const agent = agentOf(world, random);
      if (agent === undefined) return false;
      const id = `ask-${Math.floor(random.next() * 40)}`;
      return world.network.say(
        `blackroad/v1/agent/${nameOf(world, agent)}/ask`,
        JSON.stringify({ id, prompt: 'And you?' }),
      );
    },
  },
  {
    name: 'cancel',
    weight: 5,
    run(world, random) {
      const id = pick(random, [...world.stored.tasks.keys()]);
      if (id === undefined) return false;
      world.ask('task-cancel', { by: people, id });
      return true;
    },
  },
  {
    name: 'retry',
    weight: 4,
    run(world, random) {
      const rows = world.host.stored<{ id: string }>(
        "SELECT id FROM task WHERE state IN ('failed', 'expired') ORDER BY id",
      );
      const id = pick(random, rows)?.id;
      if (id === undefined) return false;
      world.ask('task-retry', { by: people, id, newId: sortableId(world.wallMs(), random) }, (outcome) => {
        if (outcome.ok) world.accepted.add(outcome.value.id);
      });
      return true;
    },
  },
  {
    name: 'apply',
    weight: 6,
    run(world, random) {
      const index = Math.floor(random.next() * agentNames);
      applySpec(world, specOf(world, index, Math.floor(random.next() * 1e6)));
      return true;
    },
  },
  {
    name: 'remove',
    weight: 1.5,
    run(world, random) {
      const agent = agentOf(world, random);
      if (agent === undefined) return false;
      world.ask('agent-remove', { by: people, agent });
      return true;
    },
  },
  {
    name: 'rename',
    weight: 1.5,
    run(world, random) {
      const agent = agentOf(world, random);
      if (agent === undefined) return false;
      // Each rename adds or removes an x: the second one returns to the first name, which another agent may have taken meanwhile.
      const was = nameOf(world, agent);
      world.ask('agent-rename', { by: people, agent, name: was.endsWith('x') ? was.slice(0, -1) : `${was}x` });
      return true;
    },
  },
  { name: 'cordon', weight: 2, run: (world, random) => edit(world, random, { cordoned: true }) },
  { name: 'uncordon', weight: 3, run: (world, random) => edit(world, random, { cordoned: false }) },
  { name: 'drain', weight: 2, run: (world, random) => edit(world, random, { draining: true }) },
  { name: 'undrain', weight: 3, run: (world, random) => edit(world, random, { draining: false }) },
  {
    name: 'forget',
    weight: 0.6,
    run(world, random) {
      const node = nodeOf(world, random);
      if (node === undefined) return false;
      world.ask('node-forget', { by: people, node });
      // The machine joins again when a person enrols it.
      const machine = world.machines.find(({ identity }) => identity?.node === node);
      world.lasting(10_000 + random.next() * 40_000, () => {
        if (machine && !machine.isClone && !world.isHealing) {
          machine.kill();
          world.enrol(machine);
        }
      });
      return true;
    },
  },
  {
    name: 'release',
    weight: 2,
    run(world, random) {
      const quarantined = [...world.stored.nodes.values()].filter(({ status }) => status === 'quarantined');
      const node = pick(random, quarantined)?.id;
      if (node === undefined) return false;
      world.ask('node-release', { by: people, node }, (outcome) => {
        const machine = world.machines.find(({ identity, isClone }) => identity?.node === node && !isClone);
        if (!outcome.ok || !machine) return;
        machine.isOut = false;
        machine.boot();
      });
      return true;
    },
  },
  {
    name: 'edit many',
    weight: 1,
    run(world, random) {
      const nodes = [...world.stored.nodes.keys(), 'nobody'].filter(() => random.next() < 0.5);
      if (nodes.length === 0) return false;
      const on = random.next() < 0.3;
      const change = random.next() < 0.5 ? { cordoned: on } : { draining: on };
      world.ask('nodes-edit', { by: people, nodes, ...change });
      return true;
    },
  },
  {
    name: 'move to a site',
    weight: 1,
    run: (world, random) => edit(world, random, { site: pick(random, ['garage', 'attic', 'shed']) ?? 'garage' }),
  },
  {
    name: 'label',
    weight: 1,
    run(world, random) {
      const room = pick(random, rooms) ?? 'hall';
      return edit(world, random, { labels: random.next() < 0.6 ? { room } : {} });
    },
  },
  {
    name: 'renew',
    weight: 2,
    run(world, random) {
      const machine = pick(
        random,
        world.machines.filter(({ identity, isRunning }) => identity && isRunning),
      );
      // A copied card reports the hardware of its machine at the renewal: that shows the copy.
      machine?.process?.renewal.nudge();
      return machine !== undefined;
    },
  },
  {
    name: 'pull',
    weight: 2,
    run(world, random) {
      const node = nodeOf(world, random);
      const { coordinator } = world.host;
      if (node === undefined || !coordinator) return false;
      const model = pick(random, ['sim-1b', 'sim-0.5b', 'sim-new']) ?? 'sim-new';
      coordinator.command(people, node, { name: 'pull', message: { model } }, 10_000).catch(() => {});
      return true;
    },
  },
  {
    name: 'look into a node',
    weight: 1,
    run(world, random) {
      const node = nodeOf(world, random);
      const { coordinator } = world.host;
      if (node === undefined || !coordinator) return false;
      coordinator.command(people, node, { name: 'log', message: { lines: 5 } }, 10_000).catch(() => {});
      coordinator.command(people, node, { name: 'identify', message: { seconds: 1 } }, 10_000).catch(() => {});
      return true;
    },
  },
  {
    name: 'keys and sessions',
    weight: 2,
    run(world, random) {
      const id = `key-${Math.floor(random.next() * 6)}`;
      const createdMs = world.wallMs();
      const name = `person-${id}`;
      const secretHash = random.hex(32);
      const session = random.hex(32);
      const role = 'operator' as const;
      if (random.next() < 0.3) world.ask('key-revoke', { by: people, id });
      else
        world.ask('key-create', {
          by: people,
          row: { id, name, role, space: defaultSpace, secretHash, createdMs, revoked: false },
        });
      const row = {
        id: session,
        space: defaultSpace,
        name,
        roles: [role],
        keyId: id,
        createdMs,
        expiresMs: createdMs + 60_000,
        address: '10.0.0.9',
      };
      world.ask('session-open', { row });
      if (random.next() < 0.5) world.ask('session-close', { by: people, id: session });
      return true;
    },
  },
  {
    name: 'token taken back',
    weight: 1,
    run(world, random) {
      const id = `lost-${Math.floor(random.next() * 4)}`;
      const request = { uses: 3, expiresSeconds: 600 };
      world.ask('token-create', { by: people, id, secretHash: random.hex(32), request });
      world.ask('token-revoke', { by: people, id });
      return true;
    },
  },
  {
    name: 'release moves',
    weight: 1,
    run(world) {
      if ((world.host.coordinator?.view.frozen.length ?? 0) === 0) return false;
      world.ask('moves-release', { by: people });
      return true;
    },
  },
];
