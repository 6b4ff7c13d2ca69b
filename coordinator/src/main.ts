// The coordinator process: the only place that builds adapters. Reads the configuration, opens the store, the CA, the bus and the
// API, writes fleet.json for the CLI, and stops all of it in order. A parent that started it over IPC and dies takes it along.
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { FleetError, maxRefusalsPerMinute, maxRequestsPerMinute, problems, toProblem } from '@blackroad/protocol';
import { shippedModels } from '@blackroad/protocol/shipped-models';
import { sleep, systemClock } from '@blackroad/std/clock';
import { DataFolderError, keepPrivate, openDataFolder, tightenedWords } from '@blackroad/std/data-folder';
import { errnoSentence } from '@blackroad/std/errno';
import { createLog } from '@blackroad/std/log';
import { asksForHelp, OptionError, optionsHelp } from '@blackroad/std/options';
import { isBundle, ownVersion } from '@blackroad/std/own-version';
import { systemRandom } from '@blackroad/std/random';
import { createApi } from './api/server.ts';
import { Backups } from './backup/backups.ts';
import { finishRestore, forgetRestored, readRestored } from './backup/finish.ts';
import { backupSettingsOf } from './backup-settings.ts';
import { openBalena } from './balena/open-balena.ts';
import { createAedesBus } from './bus/aedes.ts';
import type { Bus } from './bus/bus.ts';
import { createExternalBus } from './bus/external.ts';
import type { PeopleDoor } from './bus/people/people-door.ts';
import { judgeReader } from './bus/reader-judge.ts';
import { coordinatorUser, openCa } from './ca/ca.ts';
import { machineHosts } from './ca/hosts.ts';
import { cacheOf } from './cache-settings.ts';
import { type CoordinatorConfig, cloudCatalogueOf, coordinatorOptions, readConfig } from './config.ts';
import { nightlyOf } from './consolidation-settings.ts';
import { createDoorkeeper } from './door/doorkeeper.ts';
import { openModelFile } from './drivers/model-file.ts';
import { embedderOf } from './embedder-settings.ts';
import { admit, type Claim, type Gate } from './fleet/gate.ts';
import { openHomeAssistant } from './home-assistant/open.ts';
import { homePrefixOf } from './home-assistant-options.ts';
import { keepAdminKey } from './http/admin-key.ts';
import { compiledCheck } from './http/compiled-check.ts';
import { createApiContext } from './http/context.ts';
import { readInstaller } from './http/installer.ts';
import { originsOf } from './http/other-origins.ts';
import { brokerOf } from './http/reach.ts';
import { openObjectStore } from './object-settings.ts';
import { peopleDoorOf } from './people-settings.ts';
import { policyOf } from './policy.ts';
import { openSigningKey } from './proofs/signing-key.ts';
import { type Coordinator, startCoordinator } from './road/coordinator.ts';
import type { Store } from './store/store.ts';
import { openWorkerStore } from './store/worker/worker-store.ts';
import { Triggers } from './triggers/triggers.ts';
import { answersAt } from './upgrade/answers.ts';
import { installationOf } from './upgrade/installation.ts';
import { takeBackDatabase } from './upgrade/take-back.ts';
import { enterUpgrade, openUpgradeHome } from './upgrade/upgrade-home.ts';
import { Upgrades } from './upgrade/upgrades.ts';
import { vectorStoreOf } from './vector-settings.ts';
import { Webhooks } from './webhooks/webhooks.ts';

const clock = systemClock;
const random = systemRandom;
const here = new URL('.', import.meta.url).pathname;
const version = ownVersion(import.meta.url, '../../package.json');
const installerFile = new URL(
  isBundle(import.meta.url) ? './install.sh' : '../../node-agent/install.sh',
  import.meta.url,
);
const consoleDir = new URL(isBundle(import.meta.url) ? './console' : '../console/dist', import.meta.url).pathname;
const pruneEveryMs = 10 * 60_000;
const pruneRestMs = 50;
const dayMs = 86_400_000;
const stopDeadlineMs = 10_000;
/** A copy of the database is made before another release is started. */
const lastDeadlineMs = 30 * 60_000;

async function main(config: CoordinatorConfig): Promise<void> {
  const log = createLog('coordinator', config.log);
  const data = resolve(config.data);
  const kept = {
    files: /^(fleet\.sqlite.*|fleet\.json|admin\.key|.*\.pem|ticket-keys|file-.*|batch_.*)$/,
    folders: ['ca', 'files', 'batches', 'objects', 'objects-fetched', 'backups', 'restoring'],
  };
  for (const words of tightenedWords(data, openDataFolder(data, kept))) log.warn({}, words);
  if (await finishRestore(data)) log.warn({ data }, 'a restore that was interrupted is complete now');
  const home = config.upgrades === '' ? null : openUpgradeHome(resolve(config.upgrades));
  const lineage = random.hex(16);
  if (home) await takeBackDatabase({ data, home, version, lineage, nowMs: clock.nowMs(), log });
  const fleetFile = join(data, 'fleet.json');
  const keyFile = join(data, 'admin.key');
  const policy = policyOf(config);
  const cloud = cloudCatalogueOf(config);
  const vectors = vectorStoreOf(config);
  const discoveryPrefix = homePrefixOf(config);

  const fatal = (error: Error) => {
    log.error({ err: error }, 'the coordinator cannot go on; a restart continues from what is stored');
    process.exit(70);
  };
  const store = await openWorkerStore({ path: join(data, 'fleet.sqlite'), vectors, log, clock, died: fatal });
  const embedder = embedderOf(config, { data, store, clock, random, log });
  if (home) await enterUpgrade(home, here, version, log);
  const ca = await openCa({
    dir: join(data, 'ca'),
    clock,
    random,
    fleetName: config.name,
    enrolled: () => countNodes(store),
  });
  // Before anybody connects: a store that is set wrongly ends this start.
  const objectStore = await openObjectStore(config, {
    ...{ dataDir: data, fleet: ca.fingerprint.slice(0, 16), clock, random, log },
  });
  const hosts = [...machineHosts(), ...(config.address ? [config.address] : [])];
  const server = await ca.issueServer({ hosts });

  let coordinator: Coordinator | null = null;
  let keyUsed: (id: string) => void = () => {};
  const gate: Gate = (claim) => {
    const admitted = admit(coordinator?.view ?? null, claim, clock.nowMs(), policy.certificateMs);
    if (admitted.as === 'people') keyUsed(admitted.keyId);
    if (admitted.as === 'refused' && coordinator) noteUnknown(coordinator, claim, admitted.reason);
    return admitted;
  };

  const doorkeeper = createDoorkeeper(
    clock,
    { refusalsPerMinute: maxRefusalsPerMinute, requestsPerMinute: maxRequestsPerMinute },
    (row) => void coordinator?.submit('audit', row).catch(() => {}), // its loss is counted by the loop
  );
  let people: PeopleDoor | null = null;
  const mqttPort = config.port === 0 ? 0 : config.port + 2;
  const embedded = config.broker
    ? null
    : createAedesBus({
        tls: { ...server, ca: ca.pem, ticketKeys: ca.ticketKeys() },
        ...{ host: config.host, port: mqttPort, gate, doorkeeper },
        ...{ log, clock, discoveryPrefix, onForward: (message) => people?.forward(message) },
      });
  const bus: Bus =
    embedded ??
    createExternalBus({
      url: config.broker,
      clientId: coordinatorUser,
      ...(config.brokerUser ? { user: { name: config.brokerUser, password: config.brokerPassword } } : {}),
      tls: { ...(await ca.issueCoordinatorClient()), ca: ca.pem },
      ...{ clock, random, log, discoveryPrefix },
    });
  const triggers = new Triggers({ clock, random, log });
  const { name: fleetName, webhookHosts: hookHosts } = config;
  const webhooks = new Webhooks({ hosts: hookHosts, fleetName, version, clock, random, log });
  const homeAssistant = openHomeAssistant(discoveryPrefix, { version, clock, random, log, check: compiledCheck });

  process.on('uncaughtException', fatal);
  process.on('unhandledRejection', (reason) => fatal(reason as Error));

  const modelCache =
    config.cache === 'off' ? null : cacheOf(config, { data, tls: { ...server, ca: ca.pem }, gate, clock, random, log });
  // Otherwise the port is known without waiting for the process.
  if (config.port === 0) await modelCache?.listening;
  const modelCachePort = config.port === 0 ? modelCache?.port : config.port + 3;

  const restored = readRestored(data);
  coordinator = await startCoordinator({
    store,
    restored,
    bus: triggers.around(homeAssistant?.around(bus) ?? bus),
    policy: modelCache && modelCachePort ? { ...policy, modelCachePort } : policy,
    clock,
    random,
    log,
    check: compiledCheck,
    fatal,
    fenced(text) {
      log.error({}, text);
      // Not 70: a supervisor that restarts it at once would take the store back.
      process.exit(75);
    },
  });

  forgetRestored(data);
  people = peopleDoorOf(config, {
    bus: embedded,
    tls: { ...server, cert: `${server.cert}${ca.pem}` },
    gate,
    ...{ doorkeeper, discoveryPrefix },
    clock,
    random,
    log,
  });
  if (config.port === 0) await people?.listening;

  const models = await openModelFile({
    path: config.models ? resolve(config.models) : join(data, 'models.yaml'),
    shipped: shippedModels,
    async learn(models) {
      const outcome = await (coordinator as Coordinator).submit('models-known', { models });
      if (!outcome.ok) throw new FleetError(outcome.code, outcome.details);
    },
    clock,
    log,
  });
  const backups = new Backups({
    settings: await backupSettingsOf(config, { data, version, timeZone: policy.timeZone }),
    store,
    told: async (stand, ended) => {
      await (coordinator as Coordinator).submit('backup-told', ended ? { stand, ended } : { stand });
    },
    clock,
    log,
  });
  const balena = openBalena(config, { coordinator, clock, random, log });
  const tls = { ca: ca.pem, port: 0 };
  const mqtt = () => (embedded ? { host: null, port: embedded.port } : brokerOf(config.broker));
  const context = await createApiContext({
    coordinator,
    ca,
    doorkeeper,
    settings: {
      fleetName: config.name,
      version,
      mqtt,
      discoveryPrefix,
      tlsPort: () => tls.port || null,
      boundTo: config.host,
      publicHost: config.address,
      knownHosts: hosts,
      origins: originsOf(config.origins),
      cloud,
      installer: readInstaller(installerFile.pathname),
      consoleDir: existsSync(consoleDir) ? consoleDir : null,
      dataDir: data,
      memoryModel: config.memoryModel || null,
      nightly: nightlyOf(config),
    },
    ...{ clock, random, log },
    busStats: () => bus.stats(),
    peopleDoor: people,
    modelCache,
    judgeNode: (peer) => judgeReader(peer, gate, clock.nowMs()),
    modelFile: models,
    objectStore,
    vectorStore: store.vectorStore,
    signingKey: openSigningKey(join(data, 'ca')),
    ...{ backups, balena, embedder, homeAssistant, triggers, webhooks },
  });
  keyUsed = context.access.used;
  const overTls = await createApi({ context, listener: 'tls', tls: server });
  tls.port = await overTls.listen(config.host, config.port === 0 ? 0 : config.port + 1);
  const onLoopback = await createApi({ context, listener: 'loopback' });
  const port = await onLoopback.listen('127.0.0.1', config.port);

  await keepAdminKey(coordinator, keyFile, clock, random);
  const url = `http://127.0.0.1:${port}`;
  writeFileSync(join(data, 'ca.pem'), ca.pem);
  const place = {
    url,
    tlsUrl: `https://127.0.0.1:${tls.port}`,
    keyFile,
    caFile: join(data, 'ca.pem'),
    pid: process.pid,
  };
  writeFileSync(fleetFile, `${JSON.stringify(place, null, 2)}\n`, { mode: 0o600 });
  log.info(
    { url, tlsPort: tls.port, mqttPort: mqtt().port, peoplePort: people?.port, nodes: coordinator.view.nodes.size },
    'the coordinator works',
  );
  process.send?.({ ready: true, ...place });
  const upgrades = new Upgrades({
    installed: installationOf(
      here,
      isBundle(import.meta.url) && existsSync(join(here, 'release.json')),
      config.upgrades,
    ),
    ...{ home, here, version, data, backups, releases: context.releases },
    copyTo: (path) => store.copyTo(path),
    nodesOnline: () => context.tally.counts().nodes.online,
    answers: () => answersAt(`${url}/healthz`, clock),
    told: async ({ version, from, state, text, by }) => {
      await (coordinator as Coordinator).submit('upgrade-told', { version, from, state, text, by });
    },
    restart: (last) => void stop('another release is started', last),
    soakMs: config.upgradeSoak * 1000,
    startMs: clock.monotonicMs(),
    clock,
    log,
  });
  context.upgrades = upgrades;

  const prune = async () => {
    const before = clock.nowMs() - config.keepTasksDays * dayMs;
    // A call takes a few milliseconds, and commits have their turn between two calls.
    while ((await store.prune({ tasksMs: before, eventsMs: before, auditMs: before })) > 0)
      await sleep(clock, pruneRestMs);
    await context.recorder.prune();
  };
  const pruning = clock.every(pruneEveryMs, () => {
    prune().catch((error) => log.warn({ err: error }, 'old rows could not be pruned'));
  });

  await upgrades.start();

  let stopping = false;
  const stop = async (reason: string, last?: () => Promise<void>) => {
    if (stopping) return;
    stopping = true;
    log.info({ reason }, 'the coordinator stops');
    clock.after(last ? lastDeadlineMs : stopDeadlineMs, () => process.exit(1));
    upgrades.stop();
    pruning.cancel();
    models.stop();
    await backups.stop();
    await Promise.all([balena?.stop(), embedder?.stop(), people?.stop()]);
    await context.batches.stop();
    // Before the listeners: a client that keeps its connection may hold them until the deadline, and the costs of the last minute were lost.
    await context.recorder.flush();
    const closed = Promise.all([onLoopback.close(), overTls.close()]);
    // A client that holds its connection must not hold an upgrade: requests are refused from here on.
    await (last ? Promise.race([closed, sleep(clock, stopDeadlineMs)]) : closed);
    await context.recorder.flush();
    await context.stop();
    await modelCache?.stop();
    await coordinator?.stop(last);
    rmSync(fleetFile, { force: true });
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop('SIGTERM'));
  process.on('SIGINT', () => void stop('SIGINT'));
  process.on('disconnect', () => void stop('the process that started it is gone'));
}

/** After a restore: a machine whose certificate was made after the backup is named in the report. */
function noteUnknown(coordinator: Coordinator, claim: Claim, reason: string): void {
  const { view } = coordinator;
  if (!view.restored || claim.kind !== 'node' || claim.certificateExpiresMs === undefined) return;
  if (reason !== 'unknown-node' && reason !== 'old-key') return;
  const { node, keyFingerprint, certificateExpiresMs } = claim;
  const known = view.found.get(`node ${node}`);
  if (known?.kind === 'node' && known.keyFingerprint === keyFingerprint) return;
  coordinator.submit('node-unknown', { node, keyFingerprint, certificateExpiresMs }).catch(() => {}); // it comes again
}

async function countNodes(store: Store): Promise<number> {
  let count = 0;
  for (const { type } of (await store.load()).changes) if (type === 'node') count++;
  return count;
}

keepPrivate();
try {
  if (asksForHelp(process.argv.slice(2))) {
    process.stdout.write(
      `The coordinator in the foreground; --version prints its version. Options:\n\n${optionsHelp(coordinatorOptions, process.stdout.columns ?? 80)}\n`,
    );
    process.exit(0);
  }
  if (process.argv[2] === '--version') {
    process.stdout.write(`${version}\n`);
    process.exit(0);
  }
  const [verb, ...words] = process.argv.slice(2);
  if (verb === 'verify' || verb === 'restore') {
    const { runBackupVerb } = await import('./backup/commands.ts');
    await runBackupVerb(verb, words, process.env.BLACKROAD_DATA || coordinatorOptions.data.default);
  } else await main(readConfig(process.argv.slice(2), process.env));
} catch (error) {
  if (error instanceof FleetError && process.argv.includes('--json')) {
    process.stderr.write(`${JSON.stringify(toProblem(error))}\n`);
    process.exit(problems[error.code].exit);
  }
  const expected = error instanceof OptionError || error instanceof FleetError || error instanceof DataFolderError;
  const { message, stack } = error as Error;
  process.stderr.write(`${expected ? message : (errnoSentence(error) ?? stack)}\n`);
  process.exit(error instanceof OptionError ? 2 : error instanceof FleetError ? problems[error.code].exit : 1);
}
