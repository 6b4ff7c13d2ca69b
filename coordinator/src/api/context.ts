// What every handler is given: the coordinator, the CA, who may come in, the live feed, and the few settings the API needs.
// One context serves both listeners (loopback HTTP and TLS), so that sessions, codes and counters are one.
import type { FleetTotals } from '@blackroad/protocol';
import { maxFeedBacklogBytes, maxFeedConsoles, maxRefusalsPerMinute, maxRequestsPerMinute } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import type { BusStats } from '../bus/bus.ts';
import type { Coordinator } from '../coordinator.ts';
import { type Refusals as CountedRefusals, createRefusals as createCountedRefusals } from '../counted-refusals.ts';
import { type Access, createAccess } from './access.ts';
import { createLiveFeed, type LiveFeed } from './live.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { createRefusals, type Refusals } from './refusals.ts';
import { type StoredCounts, showTotals } from './show.ts';

/** The private CA as enrolment uses it. Bad requests throw FleetError `csr-invalid`. */
export interface Signer {
  readonly pem: string;
  /** SHA-256 of the CA certificate's DER bytes. */
  readonly fingerprint: string;
  readCsr(pem: string): { keyFingerprint: string } | Promise<{ keyFingerprint: string }>;
  signNode(order: { node: string; csr: string; notAfterMs: number }): string | Promise<string>;
}

export interface ApiSettings {
  fleetName: string;
  version: string;
  /** Where nodes reach the broker; a function, since the port may be chosen by the system. */
  mqttPort: () => number;
  /** Where nodes enrol; null while nothing listens off the machine. */
  tlsPort: () => number | null;
  /** Host name or address under which nodes reach this machine; empty: guessed. */
  publicHost: string;
  /** Host names that requests on the loopback listener may carry beside localhost. */
  knownHosts: readonly string[];
  /** Folder with the console's files; null: no console. */
  consoleDir: string | null;
}
export interface ApiLimits {
  requestsPerMinute: number;
  refusalsPerMinute: number;
  consoles: number;
  backlogBytes: number;
  /** Followed tasks at once, over both listeners. */
  streams: number;
}

export interface ApiParts {
  coordinator: Coordinator;
  ca: Signer;
  settings: ApiSettings;
  clock: Clock;
  random: Random;
  log: Log;
  busStats?: () => BusStats;
  limits?: Partial<ApiLimits>;
}
export interface ApiContext extends Omit<ApiParts, 'limits'> {
  limits: ApiLimits;
  access: Access;
  /** By address: who guesses is slowed down. */
  refusals: Refusals;
  /** By reason: counted for /metrics, told in the log. */
  refused: CountedRefusals;
  live: LiveFeed;
  metrics: Metrics;
  /** Open event streams, to be ended when the API closes. */
  streams: Set<() => void>;
  totals(): Promise<FleetTotals>;
  stop(): void;
}

/** How old counts of ended tasks may be: they cost the store a query. */
const countsAgeMs = 1_000;

export async function createApiContext(parts: ApiParts): Promise<ApiContext> {
  const { coordinator, clock, random, settings } = parts;
  const limits: ApiLimits = {
    requestsPerMinute: maxRequestsPerMinute,
    refusalsPerMinute: maxRefusalsPerMinute,
    consoles: maxFeedConsoles,
    backlogBytes: maxFeedBacklogBytes,
    streams: 2_000,
    ...parts.limits,
  };
  let stored: StoredCounts = { endedLastMinute: 0, deadLetters: 0 };
  let countedMs = Number.NEGATIVE_INFINITY;
  async function totals() {
    const now = clock.monotonicMs();
    if (now - countedMs > countsAgeMs) {
      countedMs = now;
      const counts = await coordinator.store.taskCounts(clock.nowMs() - 60_000);
      stored = { endedLastMinute: counts.endedSince, deadLetters: counts.deadLetters };
    }
    const about = { name: settings.fleetName, version: settings.version, stored };
    return showTotals(coordinator.view, clock.nowMs(), about);
  }
  const access = createAccess(coordinator.view, clock, random);
  const refused = createCountedRefusals(parts.log, clock);
  const live = await createLiveFeed({ coordinator, clock, log: parts.log, limits, totals });
  const context: ApiContext = {
    ...parts,
    limits,
    access,
    refusals: createRefusals(clock, limits.refusalsPerMinute),
    refused,
    live,
    metrics: createMetrics(parts, live, refused.counts),
    streams: new Set(),
    totals,
    stop() {
      live.stop();
      for (const end of context.streams) end();
    },
  };
  return context;
}
