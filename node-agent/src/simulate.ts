// Simulated nodes for load tests and for trying the fleet: the real node-agent with simulated probes and runtimes, many in one process,
// labelled as simulated wherever they are shown. They enrol, use MQTT over TLS, store memories and answer like any node; only machine and
// model are made up.
import { mkdirSync } from 'node:fs';
import { join as joinPath, resolve } from 'node:path';

import { type Clock, systemClock } from '@blackroad/std/clock';
import { holdProcess } from '@blackroad/std/hold-process';
import { createLog } from '@blackroad/std/log';
import { OptionError } from '@blackroad/std/options';
import { seededRandom, systemRandom } from '@blackroad/std/random';
import { composeNode } from './compose.ts';
import type { NodeConfig } from './config.ts';
import { loadIdentity } from './identity/identity.ts';
import { join } from './identity/join.ts';
import type { RunningNode } from './loop/node.ts';
import { type SimulatedProfile, simulatedProbes } from './probes/simulated.ts';
import { createSimulated } from './runtimes/simulated.ts';

interface Kind {
  probes: SimulatedProfile;
  name: string;
  /** The name of the model it serves. */
  model: string;
  parametersB: number;
  sizeBytes: number;
  decodeTps: number;
  slots: number;
}
const kinds = {
  pi5: { probes: 'pi5', name: 'pi5', model: 'sim-1b', parametersB: 1, sizeBytes: 0.8e9, decodeTps: 12, slots: 1 },
  pi4: { probes: 'pi4', name: 'pi4', model: 'sim-0.5b', parametersB: 0.5, sizeBytes: 0.4e9, decodeTps: 6, slots: 1 },
  zero2: { probes: 'zero2', name: 'zero', model: '', parametersB: 0, sizeBytes: 0, decodeTps: 0, slots: 0 },
  gpu: { probes: 'gpu', name: 'gpu', model: 'sim-8b', parametersB: 8, sizeBytes: 16e9, decodeTps: 120, slots: 64 },
  cpu: { probes: 'cpu', name: 'cpu', model: 'sim-3b', parametersB: 3, sizeBytes: 2e9, decodeTps: 15, slots: 4 },
} as const satisfies Record<string, Kind>;

const gpuBox: Kind = {
  ...kinds.gpu,
  ...{ name: 'gpu-box', model: 'sim-70b', parametersB: 70, sizeBytes: 42e9, decodeTps: 40, slots: 16 },
};

/** The nodes of each profile, repeated up to the wanted count. */
const profiles: Record<NodeConfig['profile'], readonly Kind[]> = {
  // Names of the owner's own making, so that a first look at the console resembles home.
  home: [
    { ...kinds.pi5, name: 'alice' },
    { ...kinds.pi5, name: 'aria' },
    { ...kinds.pi5, name: 'octavia' },
    { ...kinds.pi4, name: 'lucidia' },
    { ...kinds.pi4, name: 'codex' },
    gpuBox,
  ],
  // In a process of its own, so that it can be pulled out while the Pis go on.
  'gpu-box': [gpuBox],
  // Answers at once: measures the fleet, not the models.
  lab: [{ ...kinds.cpu, decodeTps: Number.POSITIVE_INFINITY, slots: 64 }],
  plan: [...Array(12).fill(kinds.pi5), ...Array(5).fill(kinds.pi4), kinds.zero2, kinds.cpu, kinds.gpu],
};

/** How many nodes join and start at once: more would only wait for the coordinator's handshakes. */
const atOnce = 16;
const onDiskUpTo = 20;

export async function simulate(config: NodeConfig, token: string | undefined, version: string): Promise<void> {
  if (!token) throw new OptionError('simulate needs a join token with as many uses as there are nodes.');
  if (config.simulate < 1) throw new OptionError('--simulate: expected how many nodes, got 0.');
  const log = createLog('simulated-nodes', config.log);
  const folder = resolve(config.data);
  mkdirSync(folder, { recursive: true });
  const kindsOf = profiles[config.profile];
  const nodes: RunningNode[] = [];
  let stopping = false;
  const stop = async () => {
    if (stopping) return;
    stopping = true;
    await Promise.all(nodes.map((node) => node.stop()));
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());
  process.on('disconnect', () => void stop());

  const clock = systemClock;
  let next = 0;
  const worker = async () => {
    while (next < config.simulate && !stopping) {
      const index = next++;
      const kind = kindsOf[index % kindsOf.length] as Kind;
      const round = Math.floor(index / kindsOf.length);
      const name = round === 0 && config.profile !== 'lab' ? kind.name : `${kind.name}-${index}`;
      nodes.push(
        await startOne({
          config,
          token,
          version,
          folder: joinPath(folder, `n${index}`),
          kind,
          name,
          seed: config.seed + index,
          clock,
          log,
        }),
      );
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, config.simulate) }, worker));
  process.send?.({ ready: true, nodes: nodes.length });
  log.info({ nodes: nodes.length }, 'simulated nodes run');
  // Timers of a Clock do not keep the process alive, connections do; this does while all connections are broken.
  holdProcess();
}

async function startOne(order: {
  config: NodeConfig;
  token: string;
  version: string;
  folder: string;
  kind: Kind;
  name: string;
  seed: number;
  clock: Clock;
  log: ReturnType<typeof createLog>;
}): Promise<RunningNode> {
  const { config, folder, kind, clock } = order;
  const log = order.log.child({ node: order.name });
  const probes = simulatedProbes({ profile: kind.probes, seed: order.seed, clock, random: seededRandom(order.seed) });
  const identity =
    loadIdentity(folder) ??
    (
      await join({
        token: order.token,
        dir: folder,
        probes,
        name: order.name,
        simulated: true,
        clock,
        random: systemRandom,
        log,
      })
    ).identity;
  const runtime = createSimulated({
    models: kind.model
      ? [
          {
            name: kind.model,
            kind: 'chat',
            parametersB: kind.parametersB,
            sizeBytes: kind.sizeBytes,
            slots: kind.slots,
            tools: true,
            resident: true,
            residentBytes: kind.sizeBytes,
          },
          { name: 'sim-embed', kind: 'embed', sizeBytes: 25e6, slots: kind.slots, dimension: 64 },
        ]
      : [],
    decodeTps: kind.decodeTps,
    clock,
    random: seededRandom(order.seed),
  });
  const { models } = runtime;
  // Loaded models use the machine's memory, as real ones do.
  runtime.models = async () => {
    const found = await models();
    probes.residentBytes = found.reduce((sum, { residentBytes }) => sum + residentBytes, 0);
    return found;
  };
  const node = composeNode({
    identity: () => identity,
    machine: await probes.machineIdentity(),
    lookAtHardware: null,
    version: order.version,
    simulated: true,
    places: null,
    notes: ['This node is simulated: its machine and its model are made up.'],
    defaults: null,
    probes,
    runtimes: [runtime],
    // A few nodes use the disk like real ones; thousands would only measure this machine's disk.
    dir: config.simulate <= onDiskUpTo ? folder : ':memory:',
    queue: config.queue,
    keepaliveS: config.keepalive,
    clock,
    random: systemRandom,
    log,
    onFarewell: (_, text) => {
      log.warn({}, text);
      void node.stop();
    },
  });
  await node.start();
  return node;
}
