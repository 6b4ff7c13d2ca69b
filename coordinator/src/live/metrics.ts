// The metrics as Prometheus text: gauges of the fleet, read from the view at each scrape, counters of the loop and the broker, and figures
// of the process itself.

import {
  type BudgetView,
  installRefusals,
  maxBudgetRows,
  moveCauses,
  refusalReasons,
  shareUsed,
  type VectorStoreStand,
} from '@blackroad/protocol';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Backups } from '../backup/backups.ts';
import { allAccounts, viewOf } from '../budgets/books.ts';
import type { BusStats } from '../bus/bus.ts';
import type { PeopleDoor } from '../bus/people/people-door.ts';
import type { FleetVectors } from '../drivers/fleet-vectors.ts';
import type { Embedder } from '../embedder/embedder.ts';
import type { GatewayFigures } from '../gateway/figures.ts';
import type { HomeAssistant } from '../home-assistant/home-assistant.ts';
import type { CacheProcess } from '../model-cache/cache-process.ts';
import type { Objects } from '../objects/objects.ts';
import type { Checkpoints } from '../proofs/checkpoints.ts';
import type { Images } from '../releases/images.ts';
import type { Releases } from '../releases/releases.ts';
import type { Coordinator } from '../road/coordinator.ts';
import type { View } from '../state/view.ts';
import type { Triggers } from '../triggers/triggers.ts';
import type { Webhooks } from '../webhooks/webhooks.ts';
import type { ConsoleFeed } from './feed/feed.ts';
import { readHome } from './home-metrics.ts';
import { readCheckpoints, readVectorStore, readVectors } from './memory-metrics.ts';
import type { Read } from './metric-read.ts';
import { type ModelRow, modelRows } from './model-rows.ts';
import { readObjects } from './object-metrics.ts';
import { readPeopleDoor } from './people-door-metrics.ts';
import { agentState } from './show.ts';
import { readWebhooks } from './webhook-metrics.ts';

export interface Metrics {
  text(): Promise<string>;
  contentType: string;
  /** Counts one answered HTTP request. */
  answered(route: string, status: number, seconds: number): void;
}

type KeptImages = Pick<Images, 'figures' | 'list'>;
type KeptReleases = Pick<Releases, 'figures' | 'heldBytes' | 'list'>;
type CacheOfModels = Pick<CacheProcess, 'figures' | 'problem'>;

const modelHelp: Record<Exclude<keyof ModelRow, 'node' | 'model'>, string> = {
  busy: 'Requests that a model of an online node works on; node "*" is all nodes beyond the bound together.',
  waiting: 'Requests that wait for a slot of the model.',
  slots: 'Requests that the node lets the model work on at once.',
  others: 'Requests in the server of the model that are not those of the node, where the server tells.',
};

export function createMetrics(
  {
    coordinator,
    busStats,
    peopleDoor,
    modelCache,
    backups,
    releases,
    images,
    checkpoints,
    embedder,
    fleetVectors,
    giving,
    vectorStore,
    homeAssistant,
    triggers,
    webhooks,
  }: {
    coordinator: Coordinator;
    busStats?: () => BusStats;
    peopleDoor?: Pick<PeopleDoor, 'stand'> | null;
    modelCache?: CacheOfModels | null;
    backups?: Pick<Backups, 'view'>;
    releases: KeptReleases;
    images: KeptImages;
    checkpoints: Pick<Checkpoints, 'faults' | 'figures'>;
    embedder?: Pick<Embedder, 'figures' | 'isRunning' | 'problem'> | null;
    fleetVectors: Pick<FleetVectors, 'stand'>;
    giving: { objects: Pick<Objects, 'figures'> };
    vectorStore?: () => VectorStoreStand | null;
    homeAssistant?: Pick<HomeAssistant, 'figures'> | null | undefined;
    triggers: Pick<Triggers, 'figures'>;
    webhooks: Pick<Webhooks, 'figures'>;
  },
  feed: ConsoleFeed,
  refused: () => Record<string, number>,
  gateway: Readonly<GatewayFigures>,
  openBatches: () => number,
): Metrics {
  const registers = [new Registry()];
  const [register] = registers as [Registry];
  // Event loop lag, memory, CPU, file descriptors.
  collectDefaultMetrics({ register });
  const read: Read = (Kind, name, help, labelNames, fill) => {
    new Kind({
      name: `blackroad_${name}`,
      help,
      labelNames,
      registers,
      collect() {
        this.reset();
        fill((labels, value) => (this as Gauge).inc(labels, value));
      },
    });
  };
  readFleet(read, coordinator.view);
  readModels(read, coordinator.view);
  readLoop(read, coordinator);
  readConsoles(read, feed, refused);
  readGateway(read, gateway, coordinator);
  readBudgets(read, coordinator.view);
  read(Gauge, 'batches', 'Batches that are not over.', [], (set) => set({}, openBatches()));
  if (backups) readBackups(read, backups);
  readReleases(read, releases);
  readImages(read, images);
  readCheckpoints(read, coordinator.view, checkpoints);
  readVectors(read, fleetVectors, embedder ?? null);
  readObjects(read, giving.objects);
  if (vectorStore?.()) readVectorStore(read, vectorStore);
  if (busStats) readBus(read, busStats);
  if (homeAssistant) readHome(read, homeAssistant);
  readWebhooks(read, { triggers, webhooks });
  if (peopleDoor) readPeopleDoor(read, peopleDoor);
  if (modelCache) readModelCache(read, modelCache);
  const requests = new Histogram({
    name: 'blackroad_http_seconds',
    help: 'Answered HTTP requests by route and status.',
    labelNames: ['route', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2],
    registers,
  });
  return {
    text: () => register.metrics(),
    contentType: register.contentType,
    answered: (route, status, seconds) => requests.observe({ route, status }, seconds),
  };
}

function readFleet(read: Read, view: View): void {
  read(Gauge, 'nodes', 'Nodes by presence and status.', ['presence', 'status'], (set) => {
    for (const presence of ['online', 'suspect', 'lost', 'never']) set({ presence, status: 'active' }, 0);
    for (const { presence, status } of view.nodes.values()) set({ presence, status }, 1);
  });
  read(Gauge, 'agents', 'Agents by state.', ['state'], (set) => {
    for (const state of ['unplaced', 'placed', 'starting', 'hydrating', 'ready', 'failed', 'waiting'])
      set({ state }, 0);
    for (const row of view.agents.values()) set({ state: agentState(view, row).state }, 1);
  });
  read(Gauge, 'tasks', 'Tasks that have not ended, by state.', ['state'], (set) => {
    for (const state of ['queued', 'leased', 'running']) set({ state }, 0);
    for (const { state } of view.tasks.values()) set({ state }, 1);
  });
  read(Gauge, 'rollouts', 'Rollouts that are kept, by state.', ['state'], (set) => {
    for (const state of ['running', 'paused', 'stopped', 'rolling-back', 'done', 'rolled-back', 'aborted'])
      set({ state }, 0);
    for (const { state } of view.rollouts.values()) set({ state }, 1);
  });
  read(
    Gauge,
    'rollout_subjects',
    'Nodes and agents of rollouts that are not over, by state.',
    ['rollout', 'state'],
    (set) => {
      for (const { rollout, state } of view.rolloutSubjects.values())
        if (view.rollouts.get(rollout)?.endedMs === null) set({ rollout, state }, 1);
    },
  );
  read(
    Gauge,
    'moves_frozen',
    '1 while moves of agents are frozen at the site; site "*" is the fleet.',
    ['site'],
    (set) => {
      for (const { site } of view.frozen) set({ site: site ?? '*' }, 1);
    },
  );
}

function readModels(read: Read, view: View): void {
  let rows: readonly ModelRow[] = [];
  Object.entries(modelHelp).forEach(([name, help], index) => {
    const figure = name as keyof typeof modelHelp;
    read(Gauge, `model_${figure}`, help, ['node', 'model'], (set) => {
      // A scrape fills gauges in the order in which they were made: the first of these reads the nodes for all of them.
      if (index === 0) rows = modelRows(view);
      for (const { node, model, [figure]: value } of rows) set({ node, model }, value);
    });
  });
}

function readLoop(read: Read, { planning, commits, counters }: Coordinator): void {
  read(Counter, 'plans_total', 'Plans that placement made.', [], (set) => set({}, planning.plans));
  read(Counter, 'plan_cpu_ms_total', 'Computing of plans and rounds of rebalancing.', [], (set) =>
    set({}, planning.cpuMs),
  );
  read(Gauge, 'plan_last_cpu_ms', 'Computing of the last one.', [], (set) => set({}, planning.lastCpuMs));
  read(Gauge, 'plan_longest_slice_ms', 'The longest that planning held the event loop.', [], (set) =>
    set({}, planning.longestSliceMs),
  );
  read(Counter, 'plan_stale_total', 'Planned steps that no longer fitted and were planned anew.', [], (set) =>
    set({}, planning.stale),
  );
  read(Counter, 'moves_total', 'Agents that got or changed their node, by cause.', ['cause'], (set) => {
    for (const cause of moveCauses) set({ cause }, planning.moves[cause] ?? 0);
  });
  read(Counter, 'commits_total', 'Transactions.', [], (set) => set({}, commits.count));
  read(Counter, 'commit_ms_total', 'Time that they took.', [], (set) => set({}, commits.sumMs));
  read(Gauge, 'commit_max_ms', 'The longest of them.', [], (set) => set({}, commits.maxMs));
  read(Counter, 'coordinator_total', 'What the loop counted: inputs by kind, remarks by reason.', ['what'], (set) => {
    for (const [what, count] of counters) set({ what }, count);
  });
}

/** Figures of the console feed and of requests over HTTP. */
function readConsoles(read: Read, feed: ConsoleFeed, refused: () => Record<string, number>): void {
  read(Gauge, 'feed_consoles', 'Live consoles.', [], (set) => set({}, feed.counts().consoles));
  read(Counter, 'feed_cut_total', 'Consoles cut off because they did not read.', [], (set) =>
    set({}, feed.counts().cut),
  );
  read(Counter, 'http_refused_total', 'Refused HTTP requests by the code of their problem.', ['reason'], (set) => {
    for (const [reason, count] of Object.entries(refused())) set({ reason }, count);
  });
}

function readGateway(read: Read, gateway: Readonly<GatewayFigures>, coordinator: Coordinator): void {
  read(Gauge, 'gateway_requests', 'Requests of the gateway under way.', [], (set) => set({}, gateway.underWay));
  read(Counter, 'gateway_requests_total', 'Requests of the gateway that ended, by outcome.', ['outcome'], (set) => {
    set({ outcome: 'answered' }, gateway.answered);
    set({ outcome: 'failed' }, gateway.failed);
    set({ outcome: 'left' }, gateway.left);
  });
  read(Counter, 'gateway_retries_total', 'Attempts after the first, before the first piece of an answer.', [], (set) =>
    set({}, gateway.retried),
  );
  read(Gauge, 'gateway_channels', 'Channels of nodes that are busy with requests.', [], (set) =>
    set({}, coordinator.requestWays.channels.size),
  );
  read(
    Counter,
    'gateway_sent_total',
    'Attempts by the way to their model: its server, a channel, MQTT.',
    ['way'],
    (set) => {
      for (const [way, count] of Object.entries(coordinator.requestWays.sent)) set({ way }, count);
    },
  );
  read(Gauge, 'gateway_direct_servers', 'Model servers that may be asked directly.', [], (set) =>
    set({}, coordinator.requestWays.direct.size),
  );
  read(Counter, 'gateway_tokens_total', 'Tokens of answered requests.', ['kind'], (set) => {
    set({ kind: 'prompt' }, gateway.promptTokens);
    set({ kind: 'completion' }, gateway.completionTokens);
  });
}

/** One row a limit: `unit` is usd or tokens. */
function readBudgets(read: Read, view: View): void {
  const figures: Record<string, [help: string, figure: (budget: BudgetView, unit: 'usd' | 'tokens') => number]> = {
    limit: ['The most that a key or an agent may use in its period.', (budget, unit) => budget[unit] ?? 0],
    used: [
      'What is used of it in the present period.',
      (budget, unit) => (unit === 'usd' ? budget.usedUsd : budget.usedTokens),
    ],
    reserved: [
      'What is reserved of it for work under way.',
      (budget, unit) => (unit === 'usd' ? budget.reservedUsd : budget.reservedTokens),
    ],
  };
  let rows: { of: string; name: string; budget: BudgetView }[] = [];
  Object.entries(figures).forEach(([name, [help, figure]], index) => {
    read(Gauge, `budget_${name}`, help, ['of', 'name', 'unit'], (set) => {
      // A scrape fills gauges in the order in which they were made: the first of these reads the budgets for all of them.
      if (index === 0) rows = fullestBudgets(view);
      for (const { of, name: whose, budget } of rows)
        for (const unit of ['usd', 'tokens'] as const)
          if (budget[unit] !== null) set({ of, name: whose, unit }, figure(budget, unit));
    });
  });
}
/** The ones that are nearest to their end, where there are more than a scrape should tell. */
function fullestBudgets(view: View) {
  const rows = [...allAccounts(view)].map((account) => ({
    of: account.of,
    name: account.name,
    budget: viewOf(view, account),
  }));
  return rows.sort((a, b) => shareUsed(b.budget) - shareUsed(a.budget)).slice(0, maxBudgetRows);
}

function readBackups(read: Read, backups: Pick<Backups, 'view'>): void {
  const figures = {
    last_success_seconds: [
      'When the last backup was made, seconds since 1970; 0: none is known.',
      (atMs: number) => atMs / 1000,
      'atMs',
    ],
    last_bytes: ['The size of the last backup.', (bytes: number) => bytes, 'bytes'],
    last_duration_seconds: [
      'How long the last backup took, where this process made it.',
      (seconds: number) => seconds,
      'seconds',
    ],
  } as const;
  for (const [name, [help, inUnit, field]] of Object.entries(figures))
    read(Gauge, `backup_${name}`, help, [], (set) => set({}, inUnit(backups.view().last?.[field] ?? 0)));
  read(Gauge, 'backup_failed', '1 while the last backup failed.', [], (set) => set({}, backups.view().failed ? 1 : 0));
}

function readBus(read: Read, busStats: () => BusStats): void {
  read(Gauge, 'bus_connections', 'Connections to the broker.', [], (set) => set({}, busStats().connections));
  read(Counter, 'bus_messages_total', 'Messages through the broker.', ['direction'], (set) => {
    const { received, sent } = busStats();
    set({ direction: 'received' }, received);
    set({ direction: 'sent' }, sent);
  });
  read(Counter, 'bus_refused_total', 'Refused connections, publishes, subscriptions.', ['reason'], (set) => {
    for (const [reason, count] of Object.entries(busStats().refused)) set({ reason }, count);
  });
  read(Counter, 'bus_stalled_total', 'Connections cut because they did not read.', [], (set) =>
    set({}, busStats().stalled),
  );
}

function readReleases(read: Read, releases: KeptReleases): void {
  read(Gauge, 'releases', 'Releases that are kept for the nodes.', [], (set) => set({}, releases.list().length));
  read(Gauge, 'releases_bytes', 'Bytes that they take.', [], (set) => set({}, releases.heldBytes));
  read(Counter, 'releases_served_total', 'Downloads of releases.', [], (set) => set({}, releases.figures.served));
  read(Counter, 'releases_served_bytes_total', 'Bytes of these.', [], (set) => set({}, releases.figures.servedBytes));
  read(Counter, 'releases_refused_total', 'Releases that were sent and refused, by reason.', ['reason'], (set) => {
    for (const reason of refusalReasons) set({ reason }, releases.figures.refused[reason] ?? 0);
  });
  read(Counter, 'installs_refused_total', 'Releases that machines did not take, by reason.', ['reason'], (set) => {
    for (const reason of installRefusals) set({ reason }, releases.figures.refusedThere[reason] ?? 0);
  });
}

function readImages(read: Read, images: KeptImages): void {
  read(Gauge, 'images', 'Images for cards that are kept.', [], (set) => set({}, images.list().length));
  read(Gauge, 'images_bytes', 'Bytes that they take.', [], (set) =>
    set(
      {},
      images.list().reduce((sum, { manifest }) => sum + manifest.download.bytes, 0),
    ),
  );
  read(Counter, 'images_sent_total', 'Downloads of images, with and without settings.', ['settings'], (set) => {
    for (const settings of ['with', 'without'] as const) set({ settings }, images.figures[settings]);
  });
}

function readModelCache(read: Read, cache: CacheOfModels): void {
  const gauges = {
    heldBytes: ['held_bytes', 'Bytes on the disk of the model cache.'],
    maxBytes: ['max_bytes', 'Bytes that the model cache may hold.'],
    fetching: ['fetches', 'Fetches of the model cache under way.'],
    readers: ['readers', 'Answers of the model cache under way.'],
    names: ['names', 'Models and files that the model cache knows by name.'],
  } as const;
  read(Gauge, 'model_cache_up', '1 while nodes can read from the model cache.', [], (set) =>
    set({}, cache.problem === null ? 1 : 0),
  );
  for (const [figure, [name, help]] of Object.entries(gauges))
    read(Gauge, `model_cache_${name}`, help, [], (set) => set({}, cache.figures?.[figure as keyof typeof gauges] ?? 0));
  read(Counter, 'model_cache_bytes_total', 'Bytes that the cache fetched, and bytes that it gave.', ['way'], (set) => {
    set({ way: 'fetched' }, cache.figures?.fetchedBytes ?? 0);
    set({ way: 'served' }, cache.figures?.servedBytes ?? 0);
  });
  read(Counter, 'model_cache_problems_total', 'Answers that the model cache refused, by kind.', ['kind'], (set) => {
    for (const [kind, count] of Object.entries(cache.figures?.problems ?? {})) set({ kind }, count);
  });
}
