// The server half of the console feed's bench, a process of its own so that its CPU is the server's alone: real API, real coordinator,
// SQLite in memory, ten thousand nodes and thirty thousand agents, a thousand heartbeats a second from inside. Talks over IPC.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { coordinatorSelf, defaultSpace, interpretingChecker, type NodeHealth } from '@blackroad/protocol';
import { shippedCatalogue } from '@blackroad/protocol/cloud-models';
import { type Clock, systemClock as clock } from '@blackroad/std/clock';
import { silentLog as log } from '@blackroad/std/log';
import { systemRandom as random } from '@blackroad/std/random';
import { createApi } from '../../coordinator/src/api/server.ts';
import type { Bus } from '../../coordinator/src/bus/bus.ts';
import { readConfig } from '../../coordinator/src/config.ts';
import { createDoorkeeper } from '../../coordinator/src/door/doorkeeper.ts';
import { mintKey } from '../../coordinator/src/http/access.ts';
import { createApiContext } from '../../coordinator/src/http/context.ts';
import { policyOf } from '../../coordinator/src/policy.ts';
import { openSigningKey } from '../../coordinator/src/proofs/signing-key.ts';
import { startCoordinator } from '../../coordinator/src/road/coordinator.ts';
import type { DurableChange } from '../../coordinator/src/state/change.ts';
import { openSqliteStore } from '../../coordinator/src/store/sqlite/sqlite-store.ts';
import { Triggers } from '../../coordinator/src/triggers/triggers.ts';
import { Webhooks } from '../../coordinator/src/webhooks/webhooks.ts';
import { claimed } from '../fixtures/coordinator/claimed-store.ts';
import { agentRow, nodeRow } from '../fixtures/coordinator/stored-rows.ts';

const nodes = Number(process.env.BENCH_NODES ?? 10_000);
const agents = nodes * 3;
const heartbeatsPerS = 1_000;
const gib = 2 ** 30;

const store = await openSqliteStore({ path: ':memory:', log, clock });
const begun = await claimed(store);
const ids = Array.from({ length: nodes }, (_, i) => `node-${String(i).padStart(5, '0')}`);
const boot = (id: string) => `boot-${id}`;
const rows: DurableChange[] = ids.map((id, i) => {
  const row = nodeRow(id, {
    boot: boot(id),
    site: `site-${i % 40}`,
    generation: 0,
    certificateExpiresMs: clock.nowMs() + 1e10,
  });
  return { type: 'node', row };
});
const at = (i: number) => ids[i % nodes] as string;
for (let i = 0; i < agents; i++) {
  const name = `agent-${String(i).padStart(5, '0')}`;
  const placement = { node: at(i), epoch: 1, model: 'tiny', placedMs: 1, baseSeq: 0, baseHash: 'genesis', from: null };
  rows.push({ type: 'agent', row: agentRow(name, { placement, epoch: 1, unplaced: null }) });
}
for (let from = 0; from < rows.length; from += 2_000) await begun.commit(rows.slice(from, from + 2_000));

const bus: Bus = {
  async start() {},
  publish() {},
  disconnect() {},
  stats: () => ({ connections: nodes, received: 0, sent: 0, refused: {}, stalled: 0 }),
  async stop() {},
};
const coordinator = await startCoordinator({
  store,
  bus,
  policy: policyOf(readConfig([], {})),
  clock,
  random,
  log,
  check: interpretingChecker,
  fenced() {},
  fatal(error) {
    throw error;
  },
});
const { text: key, row: keyRow } = mintKey(
  { name: 'bench', role: 'viewer', space: defaultSpace },
  clock.nowMs(),
  random,
);
await coordinator.submit('key-create', { by: coordinatorSelf, row: keyRow });

const model = {
  name: 'tiny',
  aliases: [],
  runtime: 'ollama' as const,
  kind: 'chat' as const,
  sizeBytes: 1e8,
  contextTokens: 2048,
  resident: true,
  residentBytes: 2e8,
  parametersB: 0.1,
  slots: 4,
  tools: true,
  speed: { prefillTps: 100, decodeTps: 20, samples: 1 },
};
const seqs = new Map<string, number>();
/** Figures that jump about more than a Pi's do: most heartbeats move a line by a step. */
function health(id: string): NodeHealth {
  const seq = (seqs.get(id) ?? 0) + 1;
  seqs.set(id, seq);
  const noise = (width: number) => (Math.random() - 0.5) * width;
  return {
    boot: boot(id),
    atMs: clock.nowMs(),
    uptimeS: seq * 10,
    generation: 0,
    cpu: 0.4 + noise(0.2),
    memoryFreeBytes: 4 * gib,
    diskFreeBytes: 50 * gib,
    temperatureC: 55 + noise(6),
    network: { receivedBytesPerS: 1000 + noise(500), sentBytesPerS: 900 + noise(500) },
    tasksRunning: 0,
    models: [{ name: model.name, busy: Math.floor(Math.random() * 5), waiting: 0, slots: model.slots }],
    outboxDepth: 0,
    agentRssBytes: 6e7,
  };
}
for (const [i, id] of ids.entries()) {
  const said = [
    coordinator.submit('node-state', { node: id, message: { state: 'online', boot: boot(id) } }),
    coordinator.submit('node-hello', {
      node: id,
      message: {
        boot: boot(id),
        version: '0.1.0',
        hardware: id.padEnd(64, '0'),
        generation: 0,
        upMs: 1e6,
        held: [],
      },
    }),
    coordinator.submit('node-capacity', {
      node: id,
      message: {
        boot: boot(id),
        memoryTotalBytes: 6 * gib,
        memoryFreeBytes: 4 * gib,
        diskFreeBytes: 50 * gib,
        models: [model],
        defaultChat: 'tiny',
        embedder: null,
      },
    }),
    coordinator.submit('node-health', { node: id, message: health(id) }),
  ];
  if (i % 1_000 === 999) await Promise.all(said);
}
for (let i = 0; i < agents; i++) {
  const agent = `agent-${String(i).padStart(5, '0')}`;
  const message = { boot: boot(at(i)), agent, epoch: 1, state: 'ready' as const, model: 'tiny' };
  const said = coordinator.submit('agent-observed', { node: at(i), message });
  if (i % 1_000 === 999) await said;
}

/** The longest a step of the API held the loop, in CPU time of this thread: other processes on the machine do not count. */
let longestMs = 0;
function timed(run: () => void): () => void {
  return () => {
    const before = process.threadCpuUsage();
    run();
    const { user, system } = process.threadCpuUsage(before);
    longestMs = Math.max(longestMs, (user + system) / 1000);
  };
}
const timedClock: Clock = {
  ...clock,
  every: (periodMs, run) => clock.every(periodMs, timed(run)),
  soon: (run) => clock.soon(timed(run)),
};
const context = await createApiContext({
  coordinator,
  doorkeeper: createDoorkeeper(clock, { refusalsPerMinute: 30, requestsPerMinute: 100_000 }, () => {}),
  ca: {
    pem: '',
    fingerprint: '',
    readCsr: () => ({ keyFingerprint: '' }),
    isSignedBy: () => false,
    signNode: () => '',
  },
  settings: {
    fleetName: 'bench',
    version: '0',
    mqtt: () => ({ host: null, port: 0 }),
    discoveryPrefix: null,
    tlsPort: () => null,
    boundTo: '127.0.0.1',
    publicHost: '',
    knownHosts: [],
    origins: [],
    cloud: shippedCatalogue,
    installer: { text: '', sha256: '' },
    consoleDir: process.env.BENCH_CONSOLE ?? null,
    dataDir: mkdtempSync(join(tmpdir(), 'bench-feed-')),
    memoryModel: null,
  },
  signingKey: openSigningKey(mkdtempSync(join(tmpdir(), 'bench-key-'))),
  triggers: new Triggers({ clock, random, log }),
  webhooks: new Webhooks({ hosts: 'public', fleetName: 'bench', version: '0', clock, random, log }),
  clock: timedClock,
  random,
  log,
});
const api = await createApi({ context, listener: 'loopback' });
const port = await api.listen('127.0.0.1', 0);

let next = 0;
let sent = 0;
const startMs = clock.monotonicMs();
setInterval(() => {
  const due = Math.floor(((clock.monotonicMs() - startMs) / 1000) * heartbeatsPerS);
  for (; sent < due; sent++) {
    const id = at(next++);
    coordinator.submit('node-health', { node: id, message: health(id) }).catch(() => {});
  }
}, 10);

process.on('message', (question) => {
  if (question === 'mark') {
    longestMs = 0;
    process.send?.({ cpu: process.cpuUsage(), sent });
  }
  if (question === 'measure') {
    const { consoles, messages } = context.feed.counts();
    const rssMb = process.memoryUsage().rss / 1e6;
    const { nodes: presence } = context.tally.counts();
    process.send?.({
      cpu: process.cpuUsage(),
      sent,
      consoles,
      messages,
      rssMb,
      online: presence.online,
      longestMs,
    });
  }
});
process.on('disconnect', () => process.exit(0));
process.send?.({ port, key });
