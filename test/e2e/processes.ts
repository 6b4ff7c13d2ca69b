// Real processes for end-to-end tests: a coordinator, node-agents, the CLI. Each is started over IPC, so that none outlives its test.
import { type ChildProcess, execFile, fork } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentSpec, RouteAnswer } from '@blackroad/protocol';
import { AgentSpec as AgentSpecSchema, mixedLabels, withDefaults } from '@blackroad/protocol';
import { type Client, createClient } from '../../coordinator/cli/src/client.ts';

const root = new URL('../..', import.meta.url).pathname;

export interface Process {
  readonly child: ChildProcess;
  /** What it said when it was ready. */
  readonly ready: Record<string, unknown>;
  log(): string;
  kill(signal: NodeJS.Signals): Promise<void>;
}

interface TestLike {
  teardown(run: () => unknown): unknown;
}

export function startProcess(
  t: TestLike,
  entry: string,
  args: string[],
  deadlineMs = 60_000,
  env: Record<string, string> = {},
): Promise<Process> {
  const child = fork(join(root, entry), args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  let log = '';
  child.stderr?.on('data', (piece) => {
    log = (log + piece).slice(-200_000);
  });
  const kill = (signal: NodeJS.Signals) =>
    new Promise<void>((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve();
      child.once('exit', () => resolve());
      child.kill(signal);
    });
  t.teardown(() => kill('SIGKILL'));
  return new Promise((resolve, reject) => {
    const late = setTimeout(
      () => reject(new Error(`${entry} ${args[0]} was not ready in ${deadlineMs} ms:\n${log}`)),
      deadlineMs,
    );
    child.on('message', (message) => {
      if (!(message as { ready?: boolean }).ready) return;
      clearTimeout(late);
      resolve({ child, ready: message as Record<string, unknown>, log: () => log, kill });
    });
    child.on('exit', (code, signal) => {
      clearTimeout(late);
      reject(new Error(`${entry} ended with ${code ?? signal} before it was ready:\n${log}`));
    });
  });
}

export interface Fleet {
  folder: string;
  client: Client;
  coordinator: Process;
  /** Where nodes and Home Assistant connect, with TLS under this CA. */
  mqttPort: number;
  /** HTTPS for enrolment and other machines. */
  tlsPort: number;
  ca: string;
  /** A join token for `uses` machines on this machine. */
  token(uses?: number): Promise<string>;
  /** Kills the coordinator and starts it again from its folder on the same ports. */
  restartCoordinator(signal: NodeJS.Signals, downMs?: number): Promise<void>;
  stopCoordinator(signal: NodeJS.Signals): Promise<void>;
  startCoordinator(): Promise<void>;
  /** Simulated nodes in a process of their own. `name` keeps its folder and identity over restarts. */
  simulate(
    name: string,
    options?: { nodes?: number; profile?: string; seed?: number; token?: string; extra?: string[]; readyMs?: number },
  ): Promise<Process>;
  /** This machine as a real node: `join`, then `run`. `name` keeps its folder and identity over restarts. */
  runNode(name: string, options?: { models?: string; extra?: string[] }): Promise<Process>;
  apply(spec: Partial<AgentSpec> & { name: string }): Promise<RouteAnswer<'agentApply'>>;
}

/** A coordinator in a folder of its own on free ports, with quick patience so that tests need not wait. */
export async function startFleet(t: TestLike, options: { args?: string[]; port?: number } = {}): Promise<Fleet> {
  const folder = mkdtempSync(join(tmpdir(), 'fleet-e2e-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  let port = options.port ?? 0;
  const args = () => [
    '--data',
    join(folder, 'coordinator'),
    '--port',
    String(port),
    '--host',
    '127.0.0.1',
    '--heartbeat',
    '0.5',
    '--lost-after',
    '1',
    '--restart-grace',
    '20',
    '--reconnect-window',
    '0.5',
    ...(options.args ?? []),
  ];
  if (port === 0) port = await freePorts(3);
  const start = () => startProcess(t, 'coordinator/src/main.ts', args());
  let coordinator = await start();
  const key = readFileSync(coordinator.ready.keyFile as string, 'utf8').trim();
  const client = createClient({ url: coordinator.ready.url as string, key, ca: null });
  const fleet: Fleet = {
    folder,
    client,
    get coordinator() {
      return coordinator;
    },
    mqttPort: port + 2,
    tlsPort: port + 1,
    ca: readFileSync(coordinator.ready.caFile as string, 'utf8'),
    async token(uses = 1) {
      return (
        await client.call('joinTokenCreate', {
          body: { uses, expiresSeconds: 3600, address: '127.0.0.1', labels: mixedLabels },
        })
      ).token;
    },
    stopCoordinator: (signal) => coordinator.kill(signal),
    async startCoordinator() {
      coordinator = await start();
    },
    async restartCoordinator(signal, downMs = 0) {
      await coordinator.kill(signal);
      if (downMs > 0) await new Promise((resolve) => setTimeout(resolve, downMs));
      coordinator = await start();
    },
    async simulate(name, { nodes = 1, profile = 'lab', seed = 1, token, extra = [], readyMs } = {}) {
      const joinWith = token ?? (await fleet.token(nodes));
      const args = [
        'simulate',
        joinWith,
        '--data',
        join(folder, name),
        '--simulate',
        String(nodes),
        '--profile',
        profile,
        '--seed',
        String(seed),
        '--log',
        'info',
        ...extra,
      ];
      return startProcess(t, 'node-agent/src/main.ts', args, readyMs);
    },
    async runNode(name, { models, extra = [] } = {}) {
      const data = join(folder, name);
      if (!existsSync(join(data, 'identity.json'))) {
        const ran = await runNodeAgent(['join', await fleet.token(1), '--data', data, '--name', name]);
        if (ran.code !== 0) throw new Error(`fleet-node join: ${ran.code}\n${ran.stderr}`);
      }
      const args = [
        'run',
        '--data',
        data,
        '--ollama',
        'none',
        '--fetch',
        'none',
        ...(models ? ['--models', models] : []),
        ...extra,
      ];
      return startProcess(t, 'node-agent/src/main.ts', args);
    },
    apply: (spec) => {
      const body = withDefaults<AgentSpec>(AgentSpecSchema, {
        model: ['auto'],
        instructions: `You are ${spec.name}.`,
        ...spec,
      });
      return client.call('agentApply', { params: { agent: spec.name }, body });
    },
  };
  return fleet;
}

/**
 * Three neighbouring ports nobody listens on, below those that the system gives to clients: a node that tries to reach a coordinator
 * while it is down could be given that very port, and would be connected to itself.
 */
async function freePorts(count: number): Promise<number> {
  const { createServer } = await import('node:net');
  for (let tries = 0; tries < 50; tries++) {
    const base = 20_000 + Math.floor((Date.now() * 7919 + tries * 104_729 + process.pid * 31) % 12_000);
    const free = await Promise.all(
      Array.from(
        { length: count },
        (_, i) =>
          new Promise<boolean>((resolve) => {
            const server = createServer();
            server.once('error', () => resolve(false));
            server.listen(base + i, '127.0.0.1', () => server.close(() => resolve(true)));
          }),
      ),
    );
    if (free.every(Boolean)) return base;
  }
  throw new Error('no free ports');
}

/** Asks `probe` until it answers something, or fails with what it saw last. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | null | undefined | false>,
  deadlineMs = 20_000,
): Promise<T> {
  const end = Date.now() + deadlineMs;
  let last: unknown;
  while (Date.now() < end) {
    try {
      const value = await probe();
      if (value) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(
    `${what}: not within ${deadlineMs} ms; last: ${last instanceof Error ? last.message : JSON.stringify(last)}`,
  );
}

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}
/** Runs the CLI as a person does. */
export const runFleet = (args: string[], env: Record<string, string> = {}): Promise<Ran> =>
  run(join(root, 'bin/fleet'), args, env);
/** Runs a verb of the node-agent to its end. */
export const runNodeAgent = (args: string[]): Promise<Ran> =>
  run(process.execPath, [join(root, 'node-agent/src/main.ts'), ...args], {});

function run(program: string, args: string[], env: Record<string, string>): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(program, args, { env: { ...process.env, ...env }, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ code: error ? ((error as { code?: number }).code ?? 1) : 0, stdout, stderr });
    });
  });
}
