// The node-agent process. Verbs: `run` (what systemd starts), `join <token>`, `models` (fetches one where there is none), `simulate
// <token>`, `check-release` (what install.sh asks). The only place that builds probes, runtimes and files. Exit code 3: the coordinator forgot this node; 4: it is quarantined.
import { realpathSync } from 'node:fs';
import { uptime as machineUptimeS } from 'node:os';
import { dirname, join as joinPath, resolve } from 'node:path';
import { classNames, cloudClass, FleetError, maxReleaseKeys } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { DataFolderError, keepPrivate, openDataFolder, tightenedWords } from '@blackroad/std/data-folder';
import { errnoSentence } from '@blackroad/std/errno';
import { createLog, type Log, silentLog } from '@blackroad/std/log';
import { asksForHelp, OptionError, optionsHelp } from '@blackroad/std/options';
import { isBundle, ownVersion } from '@blackroad/std/own-version';
import { systemRandom } from '@blackroad/std/random';
import { trustedKeys } from '@blackroad/std/trusted-keys';
import { createFleetCache, type FleetCache } from './cache/fleet-cache.ts';
import { composeNode } from './compose.ts';
import { calledAs, isStartedAgain, type NodeConfig, nodeOptions, readConfig } from './config.ts';
import { createHardwareLook } from './hardware/look.ts';
import { clockFault, createFleetTime } from './identity/fleet-time.ts';
import { type Identity, loadIdentity } from './identity/identity.ts';
import { join, labelsFrom } from './identity/join.ts';
import { callAsMachine, type MachineCaller, postAsMachine } from './identity/machine-call.ts';
import { createRenewal, renewOnce } from './identity/renew.ts';
import { mcpHere } from './mcp/servers.ts';
import type { EnsureKinds } from './models/default-models.ts';
import { createModelLook, lackingKinds, standOf } from './models/model-look.ts';
import { type ModelPlaces, modelNotes } from './models/model-notes.ts';
import { findOsUpdates } from './os-update/os-updates.ts';
import { createProbes, type Probes } from './probes/probes.ts';
import { createFinder } from './runtimes/find.ts';
import { ollamaComing, ollamaStateFolder } from './runtimes/ollama-coming.ts';
import { ensureModels } from './weights/ensure.ts';

const clock = systemClock;
const random = systemRandom;
const here = dirname(new URL(import.meta.url).pathname);
const version = ownVersion(import.meta.url, '../package.json');
const bundled = isBundle(import.meta.url);
/** Forgotten: systemd must not start the process again. Quarantined: it may, because a person can release the node. */
const exitCodes = { forgotten: 3, quarantined: 4 };
const stopDeadlineMs = 10_000;
const joinPatienceMs = 60_000;
const defaultOllamaUrl = 'http://127.0.0.1:11434';
/** After a power cut a model server may start later than this process: for so long after the boot nothing is fetched in its place. */
const bootGraceS = 120;
/** How often a node without a task returns unused memory to the system. */
const collectMs = 60_000;
const usage = 'fleet-node run | join <token> | models | simulate <token> | uninstall';

function folders(config: NodeConfig) {
  const data = resolve(config.data);
  return { data, models: config.models ? resolve(config.models) : joinPath(data, 'models') };
}
function runtimeOptions(config: NodeConfig, modelsDir: string, cache?: FleetCache) {
  return {
    ollamaUrl: config.ollama === 'none' ? null : config.ollama || defaultOllamaUrl,
    isOllamaNamed: config.ollama !== '',
    openAiUrls: config.openai === '' ? [] : config.openai.split(','),
    ...(config.openaiKey ? { openAiKey: config.openaiKey } : {}),
    isDirect: config.openaiDirect === 'on',
    modelsDir,
    contextTokens: config.context,
    ...(config.slots > 0 ? { slots: config.slots } : {}),
    // A node that never fetches needs no relay.
    cache: cache && {
      cache,
      openRelay: async (names: { asked: string; meant: string }) =>
        (await import('./cache/relay.ts')).openRelay(cache, names),
    },
    clock,
    random,
  };
}

/** With the paid API that the node is for; what that takes is loaded for such a node alone. @throws OptionError */
async function allRuntimeOptions(config: NodeConfig, modelsDir: string, cache?: FleetCache) {
  const options = runtimeOptions(config, modelsDir, cache);
  if (config.cloud === 'none') return options;
  return { ...options, cloud: (await import('./cloud-offer.ts')).cloudOffer(config.cloud, config) };
}

function placesOf(config: NodeConfig, modelsDir: string): ModelPlaces {
  const { ollamaUrl, openAiUrls } = runtimeOptions(config, modelsDir);
  const isServerNamed =
    config.cloud !== 'none' || config.openai !== '' || (config.ollama !== '' && config.ollama !== 'none');
  const coming = ollamaUrl === null ? null : ollamaComing(ollamaStateFolder);
  return { ollamaUrl, openAiUrls, ollamaComing: coming, modelsDir, isServerNamed, isBooting: false };
}

function ensureHere(modelsDir: string, diskFreeBytes: () => number, log: Log, cache?: FleetCache): EnsureKinds {
  return (kinds, onProgress, signal) =>
    ensureModels({
      kinds,
      modelsDir,
      signal,
      // In a container with a limit: the memory that the limit leaves.
      memoryBytes: process.availableMemory(),
      diskFreeBytes: diskFreeBytes(),
      clock,
      random,
      log,
      cache,
      onProgress,
    });
}

const hardwareChild = joinPath(here, bundled ? 'hardware-child.mjs' : 'hardware/look-child.ts');
const own = { files: /\.(db|sqlite|json|jsonl|pem|key|new)(-wal|-shm|-unfinished)?$|^hardware-id$/, folders: [] };
/** Other users of this machine must not read keys, memories and prompts. */
function openPrivately(data: string, log: Log): void {
  for (const words of tightenedWords(data, openDataFolder(data, own))) log.warn({}, words);
}

function ownIdentity(data: string): Identity {
  const identity = loadIdentity(data);
  if (identity) return identity;
  throw new FleetError('invalid-request', {
    detail: `This machine is no node yet (${data} holds no identity). Make a token with \`fleet join-token create\` and run \`${calledAs(process.env)} join <token>\` here.`,
  });
}

/** Agents that did not say so would spend money there. */
function notACloudNode({ node, class: own }: Identity, data: string): string {
  return `--cloud: expected a node of class cloud, ${node} is of class ${own}. Join once more with a token for that class (\`fleet join-token create --class cloud\`) and another --data folder than ${data}.`;
}

/** The runtimes of this machine, and where and when others are looked for. */
async function runtimesHere(config: NodeConfig, modelsDir: string, log: Log, cache: FleetCache) {
  const options = { ...(await allRuntimeOptions(config, modelsDir, cache)), log };
  const finder = createFinder(options);
  const runtimes = await finder.find();
  // After a power cut a model server often starts later than this process.
  const lookAgain = () => finder.findMore();
  const sinceBootS = machineUptimeS() - clock.monotonicMs() / 1000;
  const places = (): ModelPlaces => ({
    ...placesOf(config, modelsDir),
    openAiUrls: finder.absent(),
    isBooting:
      config.fetch === 'auto' &&
      config.ollama !== 'none' &&
      !finder.hasServer &&
      sinceBootS + clock.monotonicMs() / 1000 < bootGraceS,
  });
  const mayFetch = () => !places().isBooting && (finder.hasServer || !places().isServerNamed);
  return { runtimes, lookAgain, places, mayFetch };
}

/** Logs that the clock of this machine is wrong, once while it lasts: a welcome comes with every connection. */
function createClockCheck(log: Log): (coordinatorMs: number) => void {
  let isOff = false;
  return (coordinatorMs) => {
    const fault = clockFault(clock.nowMs(), coordinatorMs);
    if (fault && !isOff) log.warn({ coordinatorMs }, fault);
    isOff = fault !== null;
  };
}

/** `patienceMs`: how long a probe is waited for; by default not long. */
function probesOf(config: NodeConfig, log: Log, patienceMs?: number): Probes {
  const { data, models } = folders(config);
  return createProbes({
    clock,
    log,
    modelsDir: models,
    stateDir: data,
    ...(config.instance ? { instance: config.instance } : {}),
    ...(patienceMs === undefined ? {} : { patienceMs }),
  });
}

/** Null: this node takes no updates. Only its launcher says where the releases are, and only one of them is updated. */
async function updatesHere(config: NodeConfig, caller: MachineCaller, restart: () => void, log: Log) {
  if (config.home === '') return null;
  const home = (await import('./update/release-home.ts')).openHome(resolve(config.home));
  if (!home?.holds(version, realpathSync(here))) {
    log.warn({ home: config.home, here }, 'this node-agent is no release of that home: it takes no updates');
    return null;
  }
  const keys = (to: Log) => trustedKeys(joinPath(config.home, 'release-keys'), maxReleaseKeys, to);
  const { stage } = await import('./update/stage.ts');
  const staging = {
    home,
    keys: () => keys(log),
    call: (path: string, headers: Record<string, string>, signal: AbortSignal) =>
      callAsMachine(caller, path, headers, signal),
    clock,
    random,
    log,
  };
  return (await import('./update/updates.ts')).createUpdates({
    home,
    version,
    stage: (order, signal) => stage(order, staging, signal),
    // Asked with each inventory: a file that is no key is said when there is an order.
    hasKeys: async () => (await keys(silentLog)).length > 0,
    refuse: (refusal) => postAsMachine(caller, '/v1/releases/refusals', refusal),
    soakMs: config.soak * 1000,
    restart,
    clock,
    log,
  });
}

/** A container is given a join token in place of a person who types `join`. */
async function identityHere(config: NodeConfig): Promise<Identity> {
  const { data } = folders(config);
  if (config.joinToken && !loadIdentity(data)) await joinFleet(config, config.joinToken);
  return ownIdentity(data);
}

async function run(config: NodeConfig): Promise<void> {
  const log = createLog('node-agent', config.log);
  const { data, models } = folders(config);
  let identity = await identityHere(config);
  if (config.cloud !== 'none' && identity.class !== cloudClass.name)
    throw new OptionError(notACloudNode(identity, data));
  openPrivately(data, log);
  const probes = probesOf(config, log);
  const machine = await probes.machineIdentity();
  const cache = createFleetCache(() => identity, clock);
  const { runtimes, lookAgain, places, mayFetch } = await runtimesHere(config, models, log, cache);
  const time = createFleetTime(clock, identity.issuedMs);
  const renewal = createRenewal({
    identity: () => identity,
    renew: (present) => renewOnce({ dir: data, machine: async () => machine, time, clock }, present),
    onRenewed: (renewed) => {
      identity = renewed;
    },
    onRefused: (problem) => log.error({ code: problem.code }, `the certificate is not renewed: ${problem.message}`),
    time,
    clock,
    random,
    log,
  });
  const checkClock = createClockCheck(log);
  const node = composeNode({
    identity: () => identity,
    machine,
    version,
    simulated: false,
    places,
    mcp: mcpHere(config.mcpServers, { version, env: process.env, clock, log }),
    board: config.pins ? (await import('./gpio/node-board.ts')).boardHere(config.pins, { clock, random, log }) : null,
    defaults:
      config.fetch === 'none' ? null : { ensure: ensureHere(models, probes.diskFreeBytes, log, cache), mayFetch },
    probes,
    lookAtHardware: createHardwareLook({ childPath: hardwareChild, clock }),
    runtimes,
    lookAgain,
    dir: data,
    queue: config.queue,
    ...(config.price > 0 ? { pricePerMillionTokens: config.price } : {}),
    diskLimit: config.diskLimit,
    keepaliveS: config.keepalive,
    ...(config.balenaDevice ? { balenaDevice: config.balenaDevice } : {}),
    clock,
    random,
    log,
    onTime: (nowMs) => {
      checkClock(nowMs);
      time.note(nowMs);
    },
    onModelCache: cache.tell,
    updates: await updatesHere(config, { identity: () => identity, time, clock }, () => void stop(0), log),
    osUpdates: findOsUpdates({ dir: data, clock, log }),
    onNotAccepted: () => renewal.nudge(),
    restart: isStartedAgain(process.env) ? () => void stop(0) : null,
    onFarewell: (reason, text) => {
      log.error({ reason }, text);
      void stop(exitCodes[reason]);
    },
  });
  const stop = async (code: number) => {
    clock.after(stopDeadlineMs, () => process.exit(code || 1));
    renewal.stop();
    await node.stop();
    process.exit(code);
  };
  process.on('SIGTERM', () => void stop(0));
  process.on('SIGINT', () => void stop(0));
  process.on('disconnect', () => void stop(0));
  await node.start();
  renewal.start();
  log.info({ node: identity.node, class: identity.class, version }, 'the node-agent works');
  process.send?.({ ready: true, node: identity.node });
  clock.every(collectMs, () => node.tasksRunning === 0 && collect());
}

async function joinFleet(config: NodeConfig, token: string | undefined): Promise<void> {
  if (!token) throw new OptionError(`join needs a token. Usage: ${usage}`);
  if (config.class && !classNames.includes(config.class))
    throw new OptionError(`--class: expected ${classNames.join(', ')}, got ${JSON.stringify(config.class)}`);
  const { data } = folders(config);
  const log = createLog('node-agent', config.log);
  openPrivately(data, log);
  // The class is probed only once here, so wait for it: a driver without persistence mode needs half a minute for its first answer.
  const probes = probesOf(config, log, joinPatienceMs);
  const joined = await join({
    token,
    dir: data,
    probes,
    ...(config.name ? { name: config.name } : {}),
    ...(config.class ? { class: config.class } : {}),
    ...(config.labels ? { labels: labelsFrom(config.labels) } : {}),
    clock,
    random,
    log,
  });
  probes.close();
  const again = joined.reclaimed ? ' again' : '';
  process.stdout.write(
    `This machine is node ${joined.identity.node}${again}, class ${joined.identity.class}, site ${joined.identity.site}.\nStart it: ${calledAs(process.env)} run${config.data === nodeOptions.data.default ? '' : ` --data ${data}`}\n`,
  );
}

/** One JSON line a progress step on stdout, then one `{ type: 'end' }`: `fleet up` draws it. */
async function models(config: NodeConfig): Promise<void> {
  const { data, models: modelsDir } = folders(config);
  const log = createLog('node-agent', 'error');
  // A machine that has not joined yet fetches from elsewhere.
  const identity = loadIdentity(data);
  const cache = identity ? createFleetCache(() => identity, clock) : undefined;
  const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
  const finder = createFinder({ ...(await allRuntimeOptions(config, modelsDir, cache)), log });
  const runtimes = await finder.find();
  const places = { ...placesOf(config, modelsDir), openAiUrls: finder.absent() };
  const look = await createModelLook({ clock, log })(runtimes);
  const stand = { runtimes: standOf(runtimes, look), underWay: [], fetching: [], problems: [], runsModels: true };
  await Promise.all(runtimes.map((runtime) => runtime.close()));
  const kinds = lackingKinds(look);
  const isWaiting = places.isServerNamed && runtimes.every(({ kind }) => kind === 'llama');
  if (kinds.length === 0 || isWaiting || config.fetch === 'none') {
    const notes = modelNotes(stand, places);
    say({ type: 'end', problems: kinds.length === 0 ? [] : notes, found: kinds.length === 0 ? notes : [] });
    return;
  }
  // pip runs in a process group of its own: only the signal reaches it.
  const abort = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => abort.abort());
  const ensured = await ensureHere(
    modelsDir,
    () => Number.MAX_SAFE_INTEGER,
    log,
    cache,
  )(
    kinds,
    ({ entry, status, completedBytes, totalBytes }) =>
      say({ type: 'progress', name: entry.id, status, completedBytes, totalBytes }),
    abort.signal,
  );
  say({ type: 'end', problems: ensured.problems.map(({ text }) => text), found: [] });
}

const help = `${usage}

run       works as a node of the fleet that this machine has joined; systemd starts this
join      enrols this machine with a token (bin/fleet join-token create, on the coordinator's machine)
models    sees to it that there is a model; one JSON line a step
simulate  runs made-up nodes in one process
uninstall removes what the installer has put onto this machine, and the data of the node

--version prints the version.`;

/** V8 collects when it needs memory, which an idle node never does: it would keep the 3 MB of the start. It takes 25 ms here. */
function collect(): void {
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

const words: string[] = [];
keepPrivate();
// The MALLOC_ settings of bin/fleet-node are for this process alone: llama.cpp and pip in children have many threads and large blocks.
for (const name of Object.keys(process.env)) if (name.startsWith('MALLOC_')) delete process.env[name];
try {
  if (asksForHelp(process.argv.slice(2))) {
    process.stdout.write(`${help}\n\n${optionsHelp(nodeOptions, process.stdout.columns ?? 80)}\n`);
    process.exit(0);
  }
  if (process.argv[2] === '--version') {
    process.stdout.write(`${version}\n`);
    process.exit(0);
  }
  const config = readConfig(process.argv.slice(2), process.env, words);
  const [verb = 'run', token] = words;
  if (verb === 'run') await run(config);
  else if (verb === 'join') await joinFleet(config, token);
  else if (verb === 'models') await models(config);
  else if (verb === 'simulate') await (await import('./simulate.ts')).simulate(config, token, version);
  else if (verb === 'check-release')
    process.stdout.write(`${await (await import('./install/check-release.ts')).checkReleaseVerb(words.slice(1))}\n`);
  else if (verb === 'uninstall')
    throw new OptionError(
      'uninstall: expected a node-agent that the installer has put here, got a folder of the project.',
    );
  else throw new OptionError(`${verb}: no such verb. Usage: ${usage}`);
} catch (error) {
  const expected = error instanceof OptionError || error instanceof FleetError || error instanceof DataFolderError;
  const { message, stack } = error as Error;
  process.stderr.write(`fleet-node: ${expected ? message : (errnoSentence(error) ?? stack)}\n`);
  process.exit(error instanceof OptionError ? 2 : 1);
}
