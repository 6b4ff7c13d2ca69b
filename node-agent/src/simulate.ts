// Simulated nodes for load tests and for trying the fleet: the real node-agent with simulated probes and runtimes, many in one process,
// labelled as simulated wherever they are shown. They enrol, use MQTT over TLS, store memories, answer and take releases like any node; only
// machine, model and releases are made up.
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { holdProcess } from '@blackroad/std/hold-process';
import { createLog } from '@blackroad/std/log';
import { OptionError } from '@blackroad/std/options';
import type { NodeConfig } from './config.ts';
import { type MachineKind, type SimulatedMachine, startMachine } from './simulated-machine.ts';
import { readBadReleases } from './update/simulated-releases.ts';

const kinds = {
  pi5: { probes: 'pi5', name: 'pi5', model: 'sim-1b', parametersB: 1, sizeBytes: 0.8e9, decodeTps: 12, slots: 1 },
  pi4: { probes: 'pi4', name: 'pi4', model: 'sim-0.5b', parametersB: 0.5, sizeBytes: 0.4e9, decodeTps: 6, slots: 1 },
  zero2: { probes: 'zero2', name: 'zero', model: '', parametersB: 0, sizeBytes: 0, decodeTps: 0, slots: 0 },
  gpu: { probes: 'gpu', name: 'gpu', model: 'sim-8b', parametersB: 8, sizeBytes: 16e9, decodeTps: 120, slots: 64 },
  cpu: { probes: 'cpu', name: 'cpu', model: 'sim-3b', parametersB: 3, sizeBytes: 2e9, decodeTps: 15, slots: 4 },
} as const satisfies Record<string, MachineKind>;

const gpuBox: MachineKind = {
  ...kinds.gpu,
  ...{ name: 'gpu-box', model: 'sim-70b', parametersB: 70, sizeBytes: 42e9, decodeTps: 40, slots: 16 },
};

/** The nodes of each profile, repeated up to the wanted count. */
const profiles: Record<NodeConfig['profile'], readonly MachineKind[]> = {
  // Names of the owner's own making, so that a first look at the console resembles home.
  home: [
    { ...kinds.pi5, name: 'alice', hasPins: true },
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
/** A few nodes use the disk like real ones; thousands would only measure this machine's disk. */
const onDiskUpTo = 50;

export async function simulate(config: NodeConfig, token: string | undefined, version: string): Promise<void> {
  if (!token) throw new OptionError('simulate needs a join token with as many uses as there are nodes.');
  if (config.simulate < 1) throw new OptionError('--simulate: expected how many nodes, got 0.');
  const log = createLog('simulated-nodes', config.log);
  const folder = resolve(config.data);
  mkdirSync(folder, { recursive: true });
  const kindsOf = profiles[config.profile];
  const badReleases = readBadReleases(config.badReleases);
  if (badReleases.size > 0 && config.simulate > onDiskUpTo)
    throw new OptionError(
      `--bad-releases: expected at most ${onDiskUpTo} nodes beside it, got ${config.simulate}: only so many have a disk, and take releases.`,
    );
  const nodes: SimulatedMachine[] = [];
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

  // Timers of a Clock do not keep the process alive, and machines whose connections are all broken have nothing else.
  holdProcess();
  let next = 0;
  const worker = async () => {
    while (next < config.simulate && !stopping) {
      const index = next++;
      const kind = kindsOf[index % kindsOf.length] as MachineKind;
      const round = Math.floor(index / kindsOf.length);
      const name = round === 0 && config.profile !== 'lab' ? kind.name : `${kind.name}-${index}`;
      nodes.push(
        await startMachine({
          kind,
          name,
          seed: config.seed + index,
          token,
          folder: join(folder, `n${index}`),
          hasDisk: config.simulate <= onDiskUpTo,
          version,
          badReleases,
          errors: config.errors,
          soakMs: config.soak * 1000,
          queue: config.queue,
          keepaliveS: config.keepalive,
          log,
        }),
      );
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, config.simulate) }, worker));
  process.send?.({ ready: true, nodes: nodes.length });
  log.info({ nodes: nodes.length }, 'simulated nodes run');
}
