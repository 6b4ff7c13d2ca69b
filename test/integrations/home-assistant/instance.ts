// A real Home Assistant, set up through its onboarding and config-flow API alone, as a person does it in the browser. In: the root that has
// it, a folder for its configuration, a port. Out: its states, registries, actions and log. Needs root, for chroot.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import WebSocket from 'ws';

export interface State {
  entity_id: string;
  state: string;
  attributes: Record<string, unknown>;
  last_changed: string;
}
export interface Entity {
  entity_id: string;
  unique_id: string;
  platform: string;
  device_id: string | null;
}
export interface BrokerSettings {
  host: string;
  port: number;
  user?: { name: string; password: string };
  /** PEM of the CA; missing: without TLS. */
  ca?: string;
  protocol: '3.1.1' | '5';
}

const startMs = 180_000;
const ticksPerS = 100;

export class HomeAssistantInstance {
  readonly #root: string;
  readonly #folder: string;
  readonly #port: number;
  #child: ChildProcess | null = null;
  #token = '';
  #refresh = '';

  /** `more`: lines of its configuration, such as devices of the house. */
  constructor(root: string, folder: string, port: number, more: readonly string[] = []) {
    this.#root = root;
    this.#folder = folder;
    this.#port = port;
    mkdirSync(folder, { recursive: true });
    const configuration = [
      'frontend:',
      'http:',
      `  server_port: ${port}`,
      '  server_host: 127.0.0.1',
      'logger:',
      '  default: warning',
      '  logs:',
      '    homeassistant.components.mqtt: info',
      ...more,
      '',
    ];
    writeFileSync(join(folder, 'configuration.yaml'), configuration.join('\n'));
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    // Its own mount namespace: nothing stays mounted when it ends, however it ends.
    const script = [
      'mount -t proc proc "$1/proc"',
      'mount --bind /dev "$1/dev"',
      'mount -t tmpfs tmpfs "$1/tmp"',
      'mount -t tmpfs tmpfs "$1/media" && mkdir "$1/media/config"',
      'mount --bind "$2" "$1/media/config"',
      'exec setpriv --pdeathsig KILL chroot "$1" /ha/bin/hass -c /media/config --skip-pip',
    ].join(' && ');
    const child = spawn(
      'unshare',
      ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', this.#root, this.#folder],
      {
        stdio: ['ignore', 'ignore', 'ignore'],
      },
    );
    this.#child = child;
    const end = Date.now() + startMs;
    for (;;) {
      if (child.exitCode !== null) throw new Error(`Home Assistant ended with ${child.exitCode}:\n${this.log()}`);
      const answer = await fetch(`${this.url}/api/onboarding`).catch(() => null);
      if (answer?.ok || answer?.status === 401 || answer?.status === 404) break;
      if (Date.now() > end) throw new Error(`Home Assistant does not answer:\n${this.log()}`);
      await pause(250);
    }
    if (this.#refresh) await this.#takeToken({ grant_type: 'refresh_token', refresh_token: this.#refresh });
  }
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  /** Seconds of processor that it has used since its start. */
  cpuS(): number {
    const stat = readFileSync(`/proc/${this.#child?.pid}/stat`, 'utf8');
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
      .map(Number);
    return ((user ?? 0) + (system ?? 0)) / ticksPerS;
  }

  /** What it says in its log, all starts since the folder was made (it keeps the one before as `.1`). */
  log(): string {
    const read = (name: string) => {
      try {
        return readFileSync(join(this.#folder, name), 'utf8');
      } catch {
        return '';
      }
    };
    return read('home-assistant.log.1') + read('home-assistant.log');
  }

  /** Makes the owner, and answers the questions of the first start. */
  async onboard(): Promise<void> {
    const client = `${this.url}/`;
    const owner = { client_id: client, name: 'Owner', username: 'owner', password: 'correct horse', language: 'en' };
    const { auth_code: code } = await this.call<{ auth_code: string }>('POST', '/api/onboarding/users', owner);
    await this.#takeToken({ grant_type: 'authorization_code', code });
    await this.call('POST', '/api/onboarding/core_config', {});
    await this.call('POST', '/api/onboarding/analytics', {});
    await this.call('POST', '/api/onboarding/integration', { client_id: client, redirect_uri: client });
  }
  async #takeToken(grant: Record<string, string>): Promise<void> {
    const answer = await fetch(`${this.url}/auth/token`, {
      method: 'POST',
      body: new URLSearchParams({ ...grant, client_id: `${this.url}/` }),
    });
    if (!answer.ok) throw new Error(`/auth/token: ${answer.status} ${await answer.text()}`);
    const got = (await answer.json()) as { access_token: string; refresh_token?: string };
    this.#token = got.access_token;
    this.#refresh = got.refresh_token ?? this.#refresh;
  }
  /** For a browser that is to be signed in. */
  get signedIn() {
    return { access_token: this.#token, refresh_token: this.#refresh, clientId: `${this.url}/`, hassUrl: this.url };
  }

  /** Adds the MQTT integration, as its form asks; returns the id of its entry. */
  async addMqtt({ host, port, user, ca, protocol }: BrokerSettings): Promise<string> {
    const begun = await this.call<FlowStep>('POST', '/api/config/config_entries/flow', {
      handler: 'mqtt',
      show_advanced_options: true,
    });
    const basic = {
      broker: host,
      port,
      ...(user ? { username: user.name, password: user.password } : {}),
    };
    const tls = { set_client_cert: false, set_ca_cert: ca ? 'custom' : 'off', tls_insecure: false, transport: 'tcp' };
    const path = `/api/config/config_entries/flow/${begun.flow_id}`;
    let step = begun;
    if (begun.data_schema?.some(({ name }) => name === 'other_settings')) {
      const certificate = ca ? { certificate: await this.#upload('ca.pem', ca) } : {};
      step = await this.call('POST', path, { ...basic, protocol, other_settings: { ...tls, ...certificate } });
    } else {
      // Until 2026.2: a box shows more of the form, and a certificate has a form of its own.
      const whole = { ...basic, ...tls, protocol };
      for (const values of [{ ...basic, advanced_options: true }, whole])
        if (!step.result) step = await this.call('POST', path, values);
      if (ca && !step.result)
        step = await this.call('POST', path, { ...whole, certificate: await this.#upload('ca.pem', ca) });
    }
    if (!step.result) throw new Error(`the form of MQTT was not taken: ${JSON.stringify(step)}`);
    return step.result.entry_id;
  }
  /** Adds an integration by its forms, one after the other; returns the id of its entry. */
  addIntegration(handler: string, ...forms: object[]): Promise<string> {
    return this.#fill('/api/config/config_entries/flow', { handler }, forms);
  }
  /** Adds what an entry may have several of, such as a conversation agent. */
  async addSubentry(entry: string, kind: string, ...forms: object[]): Promise<void> {
    await this.#fill('/api/config/config_entries/subentries/flow', { handler: [entry, kind] }, forms);
  }
  async #fill(path: string, begin: object, forms: readonly object[]): Promise<string> {
    let step = await this.call<FlowStep>('POST', path, begin);
    for (const values of forms) step = await this.call<FlowStep>('POST', `${path}/${step.flow_id}`, values);
    if (step.type !== 'create_entry') throw new Error(`a form was not taken: ${JSON.stringify(step)}`);
    // That of a subentry names none.
    return step.result?.entry_id ?? '';
  }
  async #upload(name: string, text: string): Promise<string> {
    const form = new FormData();
    form.append('file', new Blob([text]), name);
    const answer = await fetch(`${this.url}/api/file_upload`, { method: 'POST', headers: this.#headers(), body: form });
    if (!answer.ok) throw new Error(`/api/file_upload: ${answer.status} ${await answer.text()}`);
    return ((await answer.json()) as { file_id: string }).file_id;
  }

  states(): Promise<State[]> {
    return this.call('GET', '/api/states');
  }
  async state(entity: string): Promise<State | null> {
    return (await this.states()).find(({ entity_id }) => entity_id === entity) ?? null;
  }
  async entities(): Promise<Entity[]> {
    const all = await this.command<Entity[]>({ type: 'config/entity_registry/list' });
    return all.filter(({ platform }) => platform === 'mqtt');
  }
  devices(): Promise<{ id: string; name: string; identifiers: [string, string][] }[]> {
    return this.command({ type: 'config/device_registry/list' });
  }
  async act(action: string, data: Record<string, unknown>): Promise<void> {
    await this.call('POST', `/api/services/${action.replace('.', '/')}`, data);
  }

  /** One command over its WebSocket. */
  command<T>(message: Record<string, unknown>): Promise<T> {
    const socket = new WebSocket(`${this.url.replace('http', 'ws')}/api/websocket`);
    return new Promise<T>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('close', () => reject(new Error('its WebSocket closed')));
      socket.on('message', (data) => {
        const said = JSON.parse(String(data)) as { type: string; success?: boolean; result?: T; error?: unknown };
        if (said.type === 'auth_required') socket.send(JSON.stringify({ type: 'auth', access_token: this.#token }));
        else if (said.type === 'auth_ok') socket.send(JSON.stringify({ id: 1, ...message }));
        else if (said.type === 'result') {
          if (said.success) resolve(said.result as T);
          else reject(new Error(JSON.stringify(said.error)));
          socket.close();
        }
      });
    });
  }

  async call<T>(method: string, path: string, body?: object): Promise<T> {
    const answer = await fetch(`${this.url}${path}`, {
      method,
      headers: { ...this.#headers(), ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 500)}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }
  #headers(): Record<string, string> {
    return this.#token ? { authorization: `Bearer ${this.#token}` } : {};
  }
}

interface FlowStep {
  data_schema?: { name: string }[];
  type: string;
  flow_id: string;
  /** As soon as the entry is made. */
  result?: { entry_id: string };
}
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
