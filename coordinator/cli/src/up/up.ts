// `make up`: coordinator, a model where no runtime serves one, this machine as a node, the console's address, a live screen. It configures
// nothing that it can detect, reports in plain words what is missing, and leaves no files but the data folder.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { FleetError, type NodeView } from '@blackroad/protocol';
import { sleep } from '@blackroad/std/clock';
import { holdProcess } from '@blackroad/std/hold-process';
import { type Client, createClient } from '../client.ts';
import { type FleetFile, readFleetFile } from '../find-fleet.ts';
import { numberFlag, type VerbCall, wrongUse } from '../verb.ts';
import { type Paint, paintFor, pieces, wrapped } from '../words.ts';
import { type Child, startChild } from './children.ts';
import { greet } from './first-agent.ts';
import { cloudIn, enrolHere, startNodeAgent, withoutCloud } from './nodes-here.ts';
import { type Canvas, createProgress, type Progress } from './progress.ts';
import { liveScreen, nextSteps } from './screen.ts';

const defaultPort = 8400;
const nodeOnlineMs = 30_000;
/** A little shorter than the life of a sign-in code. */
const signInMs = 9.5 * 60_000;

interface Folders {
  coordinator: string;
  node: string;
  /** Of the node of a paid API. */
  cloud: string;
  models: string;
  logs: string;
}
/** What the fleet shows once it runs. */
interface Started {
  client: Client;
  url: string;
  node: string;
  /** What the first agent answered, as lines; empty where none was asked. */
  answer: string;
  problems: readonly string[];
}

export async function up(call: VerbCall): Promise<void> {
  const { data } = call;
  const folders = {
    coordinator: join(data, 'coordinator'),
    node: join(data, 'node'),
    cloud: join(data, 'cloud'),
    models: join(data, 'models'),
    logs: join(data, 'logs'),
  };
  const port = numberFlag(call, 'port') ?? defaultPort;
  if (!Number.isInteger(port) || port < 1 || port > 65_530)
    throw wrongUse(`--port: expected a whole number from 1 to 65530, got ${port}.`);
  const pidFile = join(data, 'up.pid');
  const running = readPid(pidFile);
  if (running !== null) {
    const place = readFleetFile(folders.coordinator);
    throw new FleetError('conflict', {
      detail: `A fleet runs already from ${data} (process ${running}${place ? `, ${place.url}` : ''}). Stop it with: ${call.as.make('down')}`,
    });
  }
  nodeAgentEntry(call.root);
  for (const folder of Object.values(folders)) mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(pidFile, `${process.pid}\n`);

  const fleet = new LocalFleet(call, folders);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => fleet.abort());
  // Timers of a Clock never keep a process alive; this hold does until a signal ends `up`.
  const letGo = holdProcess();
  try {
    const started = await fleet.start(port);
    if (started) await fleet.show(started);
  } finally {
    await fleet.stop();
    rmSync(pidFile, { force: true });
    letGo();
  }
}

/** The processes of a fleet on this machine, and what of them the terminal shows. */
class LocalFleet {
  readonly #call: VerbCall;
  readonly #folders: Folders;
  readonly #out: Canvas;
  readonly #paint: Paint;
  readonly #progress: Progress;
  readonly #aborting = new AbortController();
  readonly #children: Child<unknown>[] = [];
  readonly #notices: string[] = [];

  constructor(call: VerbCall, folders: Folders) {
    this.#call = call;
    this.#folders = folders;
    // With --json no progress is printed, only one value when the fleet runs.
    this.#out = call.json ? { isTTY: false, write: () => true } : process.stdout;
    this.#paint = paintFor(this.#out.isTTY === true && call.env.NO_COLOR === undefined);
    this.#progress = createProgress(this.#out, this.#paint, call.clock);
  }

  abort(): void {
    this.#aborting.abort();
  }

  /** Null: it was aborted. */
  async start(port: number): Promise<Started | null> {
    const { signal } = this.#aborting;
    const paint = this.#paint;
    const progress = this.#progress;
    const call = this.#call;
    this.#out.write(
      `\n${paint('pink', '  BlackRoad Fleet')}  ${paint('dim', 'Your AI. Your hardware. Your rules.')}\n\n`,
    );
    const { client, url } = await this.#startCoordinator(port);
    const entry = nodeAgentEntry(call.root);
    // First, because a node fetches its models through the cache of the coordinator: other machines then get them from there.
    await enrolHere(call, entry, this.#folders.node, progress);
    const problems = await prepareModels(call, entry, this.#folders, progress, signal);
    if (signal.aborted) return null;
    const here = await this.#startNode(entry, client);
    await this.#startCloud(entry);
    const chat = here.capacity?.models.find(({ kind }) => kind === 'chat');
    if (chat) progress.done(`model ${chat.name} (${chat.runtime})`);
    for (const problem of problems) progress.warn(problem);

    const greeting = chat && !call.flags.bare ? await greet(call, client, progress, signal) : null;
    const answer = greeting
      ? wrapped(`  ${greeting.agent} answers: `, `${greeting.answer} (${greeting.how})`, columns() - 1)
      : '';
    return signal.aborted ? null : { client, url, node: here.id, answer, problems };
  }

  async #startCoordinator(port: number): Promise<{ client: Client; url: string }> {
    const { root, clock } = this.#call;
    this.#progress.step('starting the coordinator');
    const coordinator = await startChild<FleetFile>({
      name: 'coordinator',
      entry: join(root, 'coordinator/src/main.ts'),
      args: ['--data', this.#folders.coordinator, '--port', String(port)],
      logFile: join(this.#folders.logs, 'coordinator.log'),
      clock,
      onRestart: (text) => this.#notices.push(text),
    });
    this.#children.push(coordinator);
    const { url, keyFile } = coordinator.ready;
    this.#progress.done(`coordinator at ${url}`);
    return { client: createClient({ url, key: readFileSync(keyFile, 'utf8').trim(), ca: null }), url };
  }

  async #startNode(entry: string, client: Client): Promise<NodeView> {
    const { node: data, models, logs } = this.#folders;
    const { clock } = this.#call;
    this.#progress.step('starting the node-agent');
    const node = await startNodeAgent(this.#call, {
      entry,
      args: ['--data', data, '--models', models],
      logFile: join(logs, 'node.log'),
      env: withoutCloud(this.#call.env),
      onRestart: (text) => this.#notices.push(text),
    });
    this.#children.push(node);
    const deadline = clock.monotonicMs() + nodeOnlineMs;
    while (clock.monotonicMs() < deadline && !this.#aborting.signal.aborted) {
      const seen = await client.call('node', { params: { node: node.ready.node } });
      if (seen.presence === 'online' && seen.capacity) break;
      await sleep(clock, 100);
    }
    const here = await client.call('node', { params: { node: node.ready.node } });
    if (here.presence === 'online') this.#progress.done(`this machine is node ${here.id}, class ${here.class}`);
    else this.#progress.warn(`this machine is node ${here.id}, but it is ${here.presence}: see ${logs}/node.log`);
    return here;
  }

  /** A mistake in its options costs only the paid API: the fleet goes on. */
  async #startCloud(entry: string): Promise<void> {
    const call = this.#call;
    const provider = cloudIn(call.env);
    if (provider === null) return;
    const { cloud: data, models, logs } = this.#folders;
    try {
      await enrolHere(call, entry, data, this.#progress, { class: 'cloud', name: `cloud-${provider}` });
      this.#progress.step(`starting the node for ${provider}`);
      const node = await startNodeAgent(call, {
        entry,
        args: ['--data', data, '--models', models, '--instance', 'cloud'],
        logFile: join(logs, 'cloud.log'),
        env: call.env,
        onRestart: (text) => this.#notices.push(text),
      });
      this.#children.push(node);
      this.#progress.done(`node ${node.ready.node} asks ${provider}; only agents that name class cloud go there`);
    } catch (error) {
      this.#progress.warn((error as Error).message);
    }
  }

  /** Until it is aborted: the live screen on a terminal, elsewhere a few lines. */
  async show({ client, url, node, answer, problems }: Started): Promise<void> {
    const call = this.#call;
    const { signal } = this.#aborting;
    const paint = this.#paint;
    const { url: signIn, networkUrl } = await client.call('signInCode');
    if (this.#out.isTTY) {
      const signInUntilMs = call.clock.monotonicMs() + signInMs;
      const signInLines = () =>
        call.clock.monotonicMs() < signInUntilMs
          ? this.#signInLines(signIn, networkUrl)
          : [`to sign in: ${call.as.fleet('console')}`];
      const head = () => [
        `${paint('pink', 'BlackRoad Fleet')}  console ${paint('bold', url)}`,
        ...signInLines(),
        ...(answer === '' ? [] : ['', ...answer.split('\n')]),
        ...problems.map((problem) => paint('yellow', problem)),
        ...this.#notices.slice(-3).map((notice) => paint('yellow', notice)),
      ];
      await liveScreen(call, client, head, signal);
      return;
    }
    if (call.json) call.show({ url, signIn, node, problems }, () => '');
    const agents = await client.call('agents');
    const tries = nextSteps(call, agents[0]?.name ?? null, agents.length);
    this.#out.write(
      `${answer === '' ? '' : `${answer}\n`}\n  console      ${url}\n  sign in once ${signIn}\n${networkUrl === null ? '' : `  elsewhere    ${networkUrl}\n`}\n  Try: ${tries.join('\n       ')}\n\n  Ctrl-C or \`${call.as.make('down')}\` stops the fleet.\n`,
    );
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve());
    });
  }
  #signInLines(signIn: string, networkUrl: string | null): string[] {
    const paint = this.#paint;
    const width = columns() - 1;
    const here = [paint('dim', 'sign in once, within 10 minutes, here:'), ...pieces(signIn, width)];
    if (networkUrl === null) return here;
    const elsewhere = 'or on another device (its browser warns once: the fleet signs its certificate):';
    return [...here, paint('dim', elsewhere), ...pieces(networkUrl, width)];
  }

  async stop(): Promise<void> {
    this.#out.write('\n  stopping ...\n');
    for (const child of this.#children.toReversed()) await child.stop();
  }
}

/** As wide as the terminal is in this moment. */
function columns(): number {
  return process.stdout.columns ?? 80;
}

/** Stops the fleet of a data folder and waits until it has stopped. */
export async function down(call: VerbCall): Promise<void> {
  const pid = readPid(join(call.data, 'up.pid'));
  if (pid === null) {
    call.show({ stopped: false }, () => `No fleet runs from ${call.data}.`);
    return;
  }
  process.kill(pid, 'SIGTERM');
  const deadline = call.clock.monotonicMs() + 30_000;
  const letGo = holdProcess();
  while (isAlive(pid) && call.clock.monotonicMs() < deadline) await sleep(call.clock, 50);
  letGo();
  if (isAlive(pid)) throw new FleetError('deadline-passed', { detail: `Process ${pid} did not stop within 30 s.` });
  call.show({ stopped: true, pid }, () => 'The fleet is stopped.');
}

/** The bundle where it was built, otherwise the source. @throws FleetError in a release of the coordinator, which has neither */
export function nodeAgentEntry(root: string): string {
  const found = ['node-agent/dist/main.mjs', 'node-agent/src/main.ts'].map((file) => join(root, file)).find(existsSync);
  if (found) return found;
  const detail =
    'This needs a checkout of the project: a release of the coordinator has no node-agent. Here systemd runs the coordinator: systemctl start blackroad-coordinator.';
  throw new FleetError('not-supported', { detail });
}

/** Runs the node-agent's search for a model server, and its fetch of a small model where there is none. Returns problems in words. */
async function prepareModels(
  call: VerbCall,
  entry: string,
  folders: Folders,
  progress: Progress,
  signal: AbortSignal,
): Promise<string[]> {
  progress.step('looking for a model server');
  const child = spawn(process.execPath, [entry, 'models', '--data', folders.node, '--models', folders.models], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: withoutCloud(call.env),
    signal,
  });
  child.on('error', () => {});
  let end: { problems: string[]; found: string[] } = { problems: [], found: [] };
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line) as {
      type: string;
      name: string;
      status: string;
      completedBytes: number;
      totalBytes: number;
      problems: string[];
      found: string[];
    };
    if (said.type === 'progress') progress.bar(said.name, said.status, said.completedBytes, said.totalBytes);
    else end = said;
  }
  for (const found of end.found) progress.done(found);
  return end.problems;
}

function readPid(pidFile: string): number | null {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8'));
    return pid > 0 && isAlive(pid) ? pid : null;
  } catch {
    return null;
  }
}
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
