// A real Node-RED with the package installed from its archive, as a person has it: driven through its admin API, heard through the WebSocket of
// its editor. In: a folder and a port. Out: flows deployed, what their nodes' status and debug nodes said, its log.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import WebSocket from 'ws';
import { fetched, npm, quietly } from '../fetched.ts';

export const version = '5.0.7';
export const packageName = 'node-red-contrib-blackroad-fleet';
const root = resolve(import.meta.dirname, '../../..');
const startMs = 60_000;

export interface FlowEntry {
  id: string;
  type: string;
  [name: string]: unknown;
}
interface Status {
  fill: string;
  text: string;
}

/** The program that starts it. */
export const nodeRedProgram = (say: (line: string) => void): string =>
  join(fetched('node-red', version, '117 MB', say), 'node_modules/node-red/red.js');

/** Packs the package and installs the archive into the folder of a Node-RED. Resolves with its files. */
export function installPackage(folder: string): string[] {
  mkdirSync(folder, { recursive: true });
  execFileSync(process.execPath, ['node-red/build.ts'], { cwd: root });
  const packed = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    ...{ cwd: join(root, 'node-red'), encoding: 'utf8' },
  });
  const [{ filename, files }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }];
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'node-red-project', private: true }));
  npm(folder, ['install', ...quietly, join(folder, filename)]);
  return files.map(({ path }) => path);
}

export class NodeRedInstance {
  readonly #program: string;
  readonly #folder: string;
  readonly #port: number;
  #child: ChildProcess | null = null;
  #socket: WebSocket | null = null;
  #log = '';
  /** By the id of a node: the last one. */
  readonly statuses = new Map<string, Status>();
  /** What debug nodes said, in their order. */
  readonly debugged: { id: string; message: unknown }[] = [];

  constructor(program: string, folder: string, port: number) {
    this.#program = program;
    this.#folder = folder;
    this.#port = port;
    const settings = {
      ...{ uiHost: '127.0.0.1', uiPort: port, flowFile: 'flows.json', credentialSecret: 'integration' },
      ...{ diagnostics: { enabled: false }, telemetry: { enabled: false, updateNotification: false } },
      ...{ logging: { console: { level: 'info', metrics: false, audit: false } }, editorTheme: { tours: false } },
    };
    writeFileSync(join(folder, 'settings.js'), `module.exports = ${JSON.stringify(settings, null, 2)};\n`);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }
  log(): string {
    return this.#log;
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, [this.#program, '--userDir', this.#folder], {
      ...{ cwd: this.#folder, stdio: ['ignore', 'pipe', 'pipe'] },
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (piece) => {
        this.#log = (this.#log + piece).slice(-500_000);
      });
    const end = Date.now() + startMs;
    for (;;) {
      if (child.exitCode !== null) throw new Error(`Node-RED ended with ${child.exitCode}:\n${this.#log}`);
      const answer = await fetch(`${this.url}/flows`).catch(() => null);
      if (answer?.ok) break;
      if (Date.now() > end) throw new Error(`Node-RED does not answer:\n${this.#log}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await this.#listen();
  }
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.#socket?.terminate();
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }
  async #listen(): Promise<void> {
    const socket = new WebSocket(`${this.url.replace('http', 'ws')}/comms`);
    this.#socket = socket;
    socket.on('error', () => {});
    socket.on('message', (data) => {
      const said = JSON.parse(String(data)) as { topic: string; data: unknown } | { topic: string; data: unknown }[];
      for (const { topic, data } of Array.isArray(said) ? said : [said]) {
        if (topic.startsWith('status/')) this.statuses.set(topic.slice('status/'.length), data as Status);
        if (topic === 'debug') {
          const { id, msg } = data as { id: string; msg: unknown };
          this.debugged.push({ id, message: typeof msg === 'string' && /^[[{]/.test(msg) ? JSON.parse(msg) : msg });
        }
      }
    });
    await once(socket, 'open');
    for (const topic of ['status/#', 'debug']) socket.send(JSON.stringify({ subscribe: topic }));
  }

  /** What debug node `id` said, from the so-manieth message of all on. */
  said(id: string, from = 0): unknown[] {
    return this.debugged
      .slice(from)
      .filter((each) => each.id === id)
      .map(({ message }) => message);
  }
  statusOf(id: string): string {
    return this.statuses.get(id)?.text ?? '';
  }
  /** Green: connected, or what it did last. */
  isWell(id: string): boolean {
    return this.statuses.get(id)?.fill === 'green';
  }
  async deploy(flows: readonly FlowEntry[]): Promise<void> {
    this.statuses.clear();
    const starts = () => this.#log.split('Started flows').length;
    const before = starts();
    await this.call('POST', '/flows', { flows });
    // It answers before the nodes are there.
    for (let i = 0; i < 200 && starts() === before; i++) await new Promise((resolve) => setTimeout(resolve, 50));
  }
  async flows(): Promise<FlowEntry[]> {
    return (await this.call<{ flows: FlowEntry[] }>('GET', '/flows')).flows;
  }
  /** The dialogs and help of the package, as the page of the editor takes them. */
  async editorHtml(): Promise<string> {
    const answer = await fetch(`${this.url}/nodes/${packageName}/fleet`, { headers: { accept: 'text/html' } });
    if (!answer.ok) throw new Error(`GET /nodes/${packageName}/fleet: ${answer.status}`);
    return answer.text();
  }
  press(id: string): Promise<unknown> {
    return this.call('POST', `/inject/${id}`);
  }
  async call<T>(method: string, path: string, body?: object): Promise<T> {
    const answer = await fetch(this.url + path, {
      method,
      headers: {
        accept: 'application/json',
        'Node-RED-API-Version': 'v2',
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 500)}`);
    return (/^[[{]/.test(text) ? JSON.parse(text) : text) as T;
  }
}
