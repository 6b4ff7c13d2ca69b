// The context of every handler: the coordinator, the CA, the access, the live feed, and the few settings of the API. Both listeners
// (loopback HTTP and TLS) share one context, so that they share sessions, codes and counters.
import type { FleetTotals, VectorStoreStand } from '@blackroad/protocol';
import type { CloudCatalogue } from '@blackroad/protocol/cloud-models';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import type { Backups } from '../backup/backups.ts';
import type { Balena } from '../balena/balena.ts';
import { Batches } from '../batches/batches.ts';
import type { BusStats } from '../bus/bus.ts';
import type { PeopleDoor } from '../bus/people/people-door.ts';
import { DocumentReader } from '../documents/reader.ts';
import { type Refusals as CountedRefusals, createRefusals as createCountedRefusals } from '../door/counted-refusals.ts';
import type { Doorkeeper } from '../door/doorkeeper.ts';
import type { Consolidator, NightlyRuns } from '../drivers/consolidator.ts';
import { FleetVectors } from '../drivers/fleet-vectors.ts';
import { type GivenPart, type ImportedPart, MemoryGiver } from '../drivers/memory-giver.ts';
import type { ModelFile } from '../drivers/model-file.ts';
import { createRecorder, type Recorder } from '../drivers/recorder.ts';
import type { Embedder } from '../embedder/embedder.ts';
import { Gateway } from '../gateway/gateway.ts';
import type { HomeAssistant } from '../home-assistant/home-assistant.ts';
import { AlertBoard } from '../live/alert-board.ts';
import { DeadLetters } from '../live/dead-letters.ts';
import { type ConsoleFeed, createConsoleFeed } from '../live/feed/feed.ts';
import { FirstBoots } from '../live/first-boots.ts';
import { createMetrics, type Metrics } from '../live/metrics.ts';
import { type StoredCounts, showTotals } from '../live/show.ts';
import { Tally } from '../live/tally.ts';
import { namedObjects } from '../memory/given.ts';
import type { CacheProcess } from '../model-cache/cache-process.ts';
import type { Judged, ShownPeer } from '../model-cache/wire.ts';
import { type FarStore, Objects } from '../objects/objects.ts';
import { Checkpoints } from '../proofs/checkpoints.ts';
import { Erasing } from '../proofs/erasing.ts';
import { MemoryFiles } from '../proofs/memory-files.ts';
import type { SigningKey } from '../proofs/signing-key.ts';
import { Images } from '../releases/images.ts';
import { knownReleases } from '../releases/known-releases.ts';
import { PersonalImages } from '../releases/personal-images.ts';
import { keptFreeBytes, Releases } from '../releases/releases.ts';
import type { Coordinator } from '../road/coordinator.ts';
import type { Touched } from '../state/touched.ts';
import type { Triggers } from '../triggers/triggers.ts';
import type { Upgrades } from '../upgrade/upgrades.ts';
import type { Webhooks } from '../webhooks/webhooks.ts';
import { type Access, createAccess } from './access.ts';
import { type ApiLimits, limitsOf } from './api-limits.ts';
import { createRoom, type Room } from './bodies.ts';
import { compiledCheck } from './compiled-check.ts';
import { consolidatorOf, readResults } from './consolidating.ts';
import type { Installer } from './installer.ts';
import type { Origins } from './other-origins.ts';
import { tellObjects } from './telling-objects.ts';
import { VectorMakers } from './vector-makers.ts';

/** The private CA as enrolment uses it. Invalid requests throw FleetError `csr-invalid`. */
interface Signer {
  readonly pem: string;
  /** SHA-256 of the CA certificate's DER bytes. */
  readonly fingerprint: string;
  readCsr(pem: string): { keyFingerprint: string } | Promise<{ keyFingerprint: string }>;
  /** Whether the key of a request signed this text. */
  isSignedBy(csr: string, text: string, signature: Buffer): boolean | Promise<boolean>;
  signNode(order: { node: string; csr: string; notAfterMs: number }): string | Promise<string>;
}

interface ApiSettings {
  fleetName: string;
  version: string;
  /** The address of the broker for nodes; a function, since the system may choose the port. Host null: the host at which they enrol. */
  mqtt: () => { host: string | null; port: number };
  /** Below which Home Assistant finds the fleet; null: it does not. */
  discoveryPrefix: string | null;
  /** The port at which nodes enrol; null while only this machine is served. */
  tlsPort: () => number | null;
  /** The address that the TLS listener is bound to: 0.0.0.0, loopback, or one of this machine's own. */
  boundTo: string;
  /** The host name or address under which nodes reach this machine; empty: it is guessed. */
  publicHost: string;
  /** Host names that requests on the loopback listener may have beside localhost. */
  knownHosts: readonly string[];
  /** The origins of other pages that may ask models. */
  origins: Origins;
  /** Models of paid APIs with their list prices. */
  cloud: CloudCatalogue;
  installer: Installer;
  /** The folder with the console's files; null: no console. */
  consoleDir: string | null;
  /** The folder for files of clients, and for their batches. */
  dataDir: string;
  /** The model that every memory gets a vector of; null: it is told by the memories. */
  memoryModel: string | null;
  /** When memories are consolidated by themselves; missing: never. */
  nightly?: NightlyRuns | null;
}
/** The model cache as its handlers and the metrics use it. */
type ModelCacheProcess = Pick<CacheProcess, 'call' | 'figures' | 'openPort' | 'port' | 'problem' | 'settings'>;

interface ApiParts {
  coordinator: Coordinator;
  ca: Signer;
  /** The same as the broker's. */
  doorkeeper: Doorkeeper;
  settings: ApiSettings;
  clock: Clock;
  random: Random;
  log: Log;
  busStats?: () => BusStats;
  /** The MQTT door for people; null or absent: there is none. */
  peopleDoor?: Pick<PeopleDoor, 'stand'> | null;
  /** The process of the model cache; null or absent: it is switched off. */
  modelCache?: ModelCacheProcess | null;
  /** Whether a certificate is that of a node; missing: no node calls. */
  judgeNode?: (peer: ShownPeer) => Judged;
  /** The operator's file of models; missing: none is read. */
  modelFile?: ModelFile;
  /** How the vector store stands; null: there is none. Missing: there is none either. */
  vectorStore?: () => VectorStoreStand | null;
  /** Missing: it is not known yet how the last one ended. */
  upgrades?: Upgrades;
  /** Missing: no backups are made. */
  backups?: Backups;
  /** Beside the data folder; null or absent: there is none. */
  objectStore?: FarStore | null;
  /** Signs checkpoints of memories. */
  signingKey: SigningKey;
  /** Null or absent: no balena fleet is looked after. */
  balena?: Balena | null;
  /** Null or absent: the coordinator makes no vectors itself. */
  embedder?: Embedder | null;
  /** Null or absent: Home Assistant is told nothing. */
  homeAssistant?: HomeAssistant | null;
  /** The triggers that run here, and the webhooks that go out: both begin when all else is there. */
  triggers: Triggers;
  webhooks: Webhooks;
  limits?: Partial<ApiLimits>;
}
export interface ApiContext extends Omit<ApiParts, 'limits'> {
  limits: ApiLimits;
  access: Access;
  /** Refusals by reason: counted for /metrics, and logged. */
  refused: CountedRefusals;
  /** The room of both listeners for unfinished bodies. */
  bodies: { keys: Room; strangers: Room };
  feed: ConsoleFeed;
  tally: Tally;
  alerts: AlertBoard;
  recorder: Recorder;
  gateway: Gateway;
  batches: Batches;
  /** Gives every memory a vector of the fleet's model. */
  fleetVectors: FleetVectors;
  vectorMakers: VectorMakers;
  consolidator: Consolidator;
  releases: Releases;
  images: Images;
  personalImages: PersonalImages;
  giving: Giving;
  firstBoots: FirstBoots;
  checkpoints: Checkpoints;
  memoryFiles: MemoryFiles;
  erasing: Erasing;
  metrics: Metrics;
  /** The ends of open event streams, called when the API closes. */
  streams: Set<() => void>;
  totals(): FleetTotals;
  stop(): Promise<void>;
}

/** In its first minute the tally has less than a minute of ends. */
const endedWindowMs = 60_000;

const sweepEveryMs = 10 * 60_000;

/** What people give to memories. */
interface Giving {
  /** The files of documents, and their parts. */
  objects: Objects;
  documents: DocumentReader;
  /** Also ends what brings them to the nodes that write them. */
  stop(): Promise<void>;
}

async function openGiving({ coordinator, settings, objectStore, clock, random, log }: ApiParts): Promise<Giving> {
  const { view } = coordinator;
  const objects = await Objects.open({
    ...{ dataDir: settings.dataDir, far: objectStore ?? null, named: () => namedObjects(view), clock, random, log },
  });
  // What was on its way when the coordinator ended.
  await objects.keep(namedObjects(view), 0);
  objects.start();
  const telling = tellObjects(objects, coordinator, clock);
  const sweeping = clock.every(sweepEveryMs, () => {
    const swept = objects.keep(namedObjects(view), sweepEveryMs);
    swept.catch((error) => log.warn({ err: error }, 'files of documents that nobody has could not be removed'));
  });
  const documents = new DocumentReader({ clock, log });
  const giver = new MemoryGiver({
    async read({ parts }) {
      const lines = (await objects.readWhole(parts)).toString().split('\n');
      return lines.map((line) => JSON.parse(line) as GivenPart | ImportedPart);
    },
    readResults: async (row) => (await readResults(objects, row)).map(({ memory }) => memory),
    ...{ coordinator, clock, random, log },
  });
  objects.onBack = () => giver.readAgain();
  const stop = async () => {
    telling.cancel();
    sweeping.cancel();
    documents.stop();
    giver.stop();
    await objects.stop();
  };
  return { objects, documents, stop };
}

/** What is kept for machines and cards, and what signs memories; rollouts know the releases from now on. */
async function openKept(
  parts: ApiParts,
): Promise<
  Pick<ApiContext, 'releases' | 'images' | 'personalImages' | 'giving' | 'checkpoints' | 'memoryFiles' | 'erasing'>
> {
  const { coordinator, settings, clock, random, log } = parts;
  const { dataDir } = settings;
  const releases = await Releases.open({ dataDir, clock, log });
  releases.onChange = () => {
    const known = knownReleases(releases.list());
    // A coordinator that stops takes nothing any more, and reads them again at its next start.
    coordinator.submit('releases-known', { releases: known }).catch(() => {});
  };
  releases.onChange();
  const keys = () => releases.keys();
  const images = await Images.open({ dataDir, clock, log, keys, keysDir: releases.keysDir, keptFreeBytes });
  const checkpoints = new Checkpoints({ coordinator, key: parts.signingKey, clock, log });
  const erasing = new Erasing({ coordinator, clock, log });
  const giving = await openGiving(parts);
  const memoryFiles = new MemoryFiles({ store: coordinator.store, check: compiledCheck, clock });
  const personalImages = new PersonalImages(clock, random);
  return { releases, images, personalImages, giving, checkpoints, memoryFiles, erasing };
}

function fleetVectorsOf({ coordinator, embedder = null, clock, random, log, settings }: ApiParts, gateway: Gateway) {
  const { store, policy } = coordinator;
  const vectorMakers = new VectorMakers({ gateway, embedder, clock, nodesComeMs: policy.restartGraceMs });
  const fleetVectors = new FleetVectors({
    ...{ store, clock, random, log, chosen: settings.memoryModel },
    has: (model) => vectorMakers.has(model),
    nobody: (model) => vectorMakers.nobody(model),
    own: () => vectorMakers.own(),
    embed: (model, texts) => vectorMakers.idle(model, texts),
  });
  fleetVectors.start();
  return { fleetVectors, vectorMakers };
}

async function totalsOf({ coordinator, clock, settings }: ApiParts, tally: Tally) {
  const { view, store, policy } = coordinator;
  const begunMs = clock.monotonicMs();
  const before = await store.taskCounts(clock.nowMs() - endedWindowMs);
  const deadLetters = new DeadLetters(store, clock, before.deadLetters);
  function totals(): FleetTotals {
    deadLetters.refresh();
    const nowMs = clock.nowMs();
    const early = clock.monotonicMs() - begunMs < endedWindowMs ? before.endedSince : 0;
    const endedLastMinute = tally.endedLastMinute(nowMs) + early;
    const stored: StoredCounts = { endedLastMinute, deadLetters: deadLetters.count };
    const about = { name: settings.fleetName, version: settings.version, stored, policy };
    return showTotals(view, nowMs, about, tally.counts());
  }
  return { deadLetters, totals };
}

export async function createApiContext(parts: ApiParts): Promise<ApiContext> {
  const { coordinator, clock, random, settings, log } = parts;
  const limits = limitsOf(parts.limits);
  const tally = new Tally(coordinator.view);
  /** The past is read from the store while the fleet goes on: commits of that time are noted once all listeners exist. */
  const meanwhile: Touched[] = [];
  let note = (touched: Touched): void => void meanwhile.push(touched);
  const unwatch = coordinator.watch((touched) => note(touched));
  const { deadLetters, totals } = await totalsOf(parts, tally);
  const access = createAccess(coordinator, clock, random);
  const { vectorStore, peopleDoor } = parts;
  const alerts = new AlertBoard({ coordinator, clock, vectorStore, peopleDoor, deadLetters: () => deadLetters.count });
  const refused = createCountedRefusals(log, clock);
  const gauges = () => {
    const { nodes, agents, queued, running } = tally.counts();
    return { queued, running, nodesOnline: nodes.online, agentsReady: agents.ready };
  };
  const recorder = await createRecorder({ coordinator, cloud: settings.cloud, clock, log, gauges });
  const gateway = new Gateway({
    coordinator,
    clock,
    random,
    log,
    answered({ id }, { model, node }, usage) {
      recorder.noteRequest({ atMs: clock.nowMs(), key: id ?? '', model, node, ...usage });
    },
  });
  const vectors = fleetVectorsOf(parts, gateway);
  const batches = new Batches({
    ...{ dir: settings.dataDir, gateway, clock, random, log, check: compiledCheck },
    stands: (by) => access.stillIn(by, null),
  });
  const kept = { ...vectors, ...(await openKept(parts)) };
  const { objects } = kept.giving;
  const nightly = settings.nightly ?? null;
  const consolidator = consolidatorOf({ coordinator, gateway, ...vectors, objects, nightly, clock, random, log });
  const epoch = random.hex(8);
  const feed = await createConsoleFeed({ coordinator, clock, log, epoch, limits, tally, alerts, totals });
  note = (touched) => {
    const followers = tally.note(touched, clock.nowMs());
    deadLetters.note(touched);
    alerts.note(touched, followers);
    feed.note(touched, followers);
    recorder.note(touched);
    gateway.note(touched);
  };
  meanwhile.splice(0).forEach(note);
  for (const each of [parts.triggers, parts.webhooks]) each.start(coordinator);
  parts.homeAssistant?.start({ coordinator, figures: () => ({ ...tally.counts(), alerts: alerts.alerts() }) });
  const context: ApiContext = {
    ...parts,
    limits,
    access,
    refused,
    bodies: { keys: createRoom(limits.bodies.keys), strangers: createRoom(limits.bodies.strangers) },
    feed,
    tally,
    alerts,
    recorder,
    gateway,
    batches,
    consolidator,
    ...kept,
    firstBoots: new FirstBoots(clock),
    metrics: createMetrics({ ...parts, ...kept }, feed, refused.counts, gateway.figures, () => batches.open),
    streams: new Set(),
    totals,
    async stop() {
      unwatch();
      for (const each of [parts.homeAssistant, parts.triggers, parts.webhooks]) each?.stop();
      for (const each of [feed, recorder, kept.fleetVectors, consolidator, kept.checkpoints, kept.erasing]) each.stop();
      const objectsStopped = kept.giving.stop();
      for (const end of context.streams) end();
      await objectsStopped;
    },
  };
  return context;
}
