// A fleet that Home Assistant sees: a coordinator with its own broker, or behind a Mosquitto, and simulated nodes, each a process of its own.
// In: which broker. Out: the fleet, and what Home Assistant needs to connect.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AgentSpec, AgentSpec as AgentSpecSchema, mixedLabels, withDefaults } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { systemRandom } from '@blackroad/std/random';
import { type Client, createClient } from '../../../coordinator/cli/src/client.ts';
import { coordinatorUser, openCa } from '../../../coordinator/src/ca/ca.ts';
import { type Mosquitto, startMosquitto } from '../../fixtures/mosquitto.ts';
import { freePorts } from '../../fixtures/ports.ts';
import { type Process, startProcess } from '../../fixtures/processes.ts';
import { findProgram, noProgram } from '../../fixtures/programs.ts';
import type { BrokerSettings } from './instance.ts';

export type BrokerKind = 'embedded' | 'mosquitto';
export interface Stage {
  client: Client;
  broker: BrokerSettings;
  coordinator(): Process;
  restartCoordinator(downMs?: number): Promise<void>;
  /** Null: the broker is the coordinator's own. */
  restartBroker: ((downMs?: number) => Promise<void>) | null;
  /** Simulated nodes in one process; the same name again is the same nodes. */
  nodes(name: string, count?: number, extra?: string[]): Promise<{ process: Process; ids: string[] }>;
  apply(spec: Partial<AgentSpec> & { name: string }): Promise<unknown>;
  /** As Prometheus reads them. */
  metrics(): Promise<string>;
  /** How long the coordinator's event loop was held, each time that it was noticeable. */
  holdsMs(sinceMs: number): number[];
}
interface TestLike {
  teardown(run: () => unknown): unknown;
}

const home = 'homeassistant';
const password = 'correct horse';
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export const noMosquitto = () => noProgram('mosquitto') || null;

export async function openStage(t: TestLike, kind: BrokerKind, heartbeatS: number): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'fleet-home-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const data = join(folder, 'coordinator');
  const port = await freePorts(6);
  const peoplePort = port + 5;
  const own = kind === 'mosquitto' ? await openMosquitto(t, folder, data) : null;
  const args = [
    '--data',
    data,
    '--port',
    String(port),
    '--host',
    '127.0.0.1',
    '--heartbeat',
    String(heartbeatS),
    '--lost-after',
    '5',
  ];
  const all = [
    ...args,
    '--cache',
    'off',
    '--embedder',
    'off',
    ...(own ? own.args() : ['--people-port', String(peoplePort)]),
  ];
  const holds = join(folder, 'holds');
  writeFileSync(holds, '');
  const watch = { HOLD_WATCH: holds, NODE_OPTIONS: `--import ${new URL('../hold-watch.ts', import.meta.url).href}` };
  const start = () => startProcess(t, 'coordinator/src/main.ts', all, 60_000, watch);
  let coordinator = await start();
  const seeds = new Map<string, number>();
  const key = readFileSync(coordinator.ready.keyFile as string, 'utf8').trim();
  const ca = readFileSync(coordinator.ready.caFile as string, 'utf8');
  const client = createClient({ url: coordinator.ready.url as string, key, ca: null });
  return {
    client,
    broker: own?.settings() ?? { ...(await keyFor(client)), host: '127.0.0.1', port: peoplePort, ca, protocol: '5' },
    coordinator: () => coordinator,
    async restartCoordinator(downMs = 0) {
      await coordinator.kill('SIGKILL');
      await pause(downMs);
      coordinator = await start();
    },
    restartBroker: own?.restart ?? null,
    async nodes(name, count = 1, extra = []) {
      const body = { uses: count, expiresSeconds: 3600, address: `127.0.0.1:${port + 1}`, labels: mixedLabels };
      const { token } = await client.call('joinTokenCreate', { body });
      const where = join(folder, name);
      const profile = extra.includes('--profile') ? [] : ['--profile', 'lab'];
      // Machines of one seed are one machine.
      const seed = seeds.get(name) ?? 1 + seeds.size * 10_000;
      seeds.set(name, seed);
      const args = [
        'simulate',
        token,
        '--data',
        where,
        '--simulate',
        String(count),
        ...profile,
        '--seed',
        String(seed),
        ...extra,
      ];
      const process = await startProcess(t, 'node-agent/src/main.ts', args, 300_000);
      const ids = Array.from({ length: count }, (_, i) => {
        const identity = readFileSync(join(where, `n${i}`, 'identity.json'), 'utf8');
        return (JSON.parse(identity) as { node: string }).node;
      });
      return { process, ids };
    },
    apply(spec) {
      const standard = { model: ['auto'], instructions: `You are ${spec.name}.` };
      const body = withDefaults<AgentSpec>(AgentSpecSchema, { ...standard, ...spec });
      return client.call('agentApply', { params: { agent: spec.name }, body });
    },
    metrics: async () => String(await client.call('metrics')),
    holdsMs: (sinceMs) =>
      readFileSync(holds, 'utf8')
        .split('\n')
        .map((line) => line.split(' ').map(Number) as [number, number])
        .flatMap(([atMs, ms]) => (atMs >= sinceMs && ms > 0 ? [ms] : [])),
  };
}

/** As docs/home-assistant.md says it: a key with the role operator. */
async function keyFor(client: Client): Promise<Pick<Required<BrokerSettings>, 'user'>> {
  const { id, key } = await client.call('keyCreate', { body: { name: home, role: 'operator' } });
  return { user: { name: id, password: key.slice(`brk_${id}_`.length) } };
}

async function openMosquitto(t: TestLike, folder: string, data: string) {
  const program = findProgram('mosquitto') as string;
  const parts = { clock: systemClock, random: systemRandom, fleetName: 'BlackRoad Fleet', enrolled: async () => 0 };
  const ca = await openCa({ dir: join(data, 'ca'), ...parts });
  const tls = { ...(await ca.issueServer({ hosts: [] })), ca: ca.pem };
  const users = { [home]: password, [coordinatorUser]: password };
  let broker: Mosquitto = await startMosquitto(program, folder, tls, { users, home });
  t.teardown(() => broker.stop());
  const { port, plainPort } = broker;
  return {
    args: () => ['--broker', `mqtts://127.0.0.1:${port}`],
    settings: (): BrokerSettings => ({
      host: '127.0.0.1',
      port: plainPort,
      user: { name: home, password },
      protocol: '5',
    }),
    /** It keeps nothing: what was retained is gone. */
    async restart(downMs = 0) {
      await broker.stop();
      await pause(downMs);
      broker = await startMosquitto(program, folder, tls, { users, home, port, plainPort });
    },
  };
}
