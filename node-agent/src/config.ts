// The node-agent's configuration: the only reader of its environment. Each option has a heading in docs/configuration.md.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isBalenaUuid } from '@blackroad/protocol';
import { OptionError, readOptions, type Values } from '@blackroad/std/options';
import { isOwnHost } from './own-host.ts';

export const nodeOptions = {
  data: {
    type: 'text',
    flag: 'data',
    env: 'BLACKROAD_NODE_DATA',
    default: 'data/node',
    text: 'Folder of the identity, the outbox, assignments and memories.',
  },
  models: {
    type: 'text',
    flag: 'models',
    env: 'BLACKROAD_MODELS',
    default: '',
    text: 'Folder of GGUF files for the embedded runtime. Empty: `models` in the data folder.',
  },
  ollama: {
    type: 'url',
    flag: 'ollama',
    env: 'BLACKROAD_OLLAMA',
    otherEnv: 'OLLAMA_HOST',
    default: '',
    form: { schemes: ['http', 'https'], port: 11_434 },
    words: ['none'],
    text: 'Where an Ollama is looked for. Empty: at http://127.0.0.1:11434. Given: it is waited for, and no model is fetched in its place. `none`: nowhere.',
  },
  openai: {
    type: 'url',
    flag: 'openai',
    env: 'BLACKROAD_OPENAI',
    default: '',
    form: { schemes: ['http', 'https'] },
    most: 16,
    text: 'URLs of OpenAI-compatible servers (vLLM, llama-server), with commas between them. Each that answers is used, beside an Ollama too, and is waited for when it does not.',
  },
  openaiKey: {
    type: 'secret',
    flag: 'openai-key-file',
    env: 'BLACKROAD_OPENAI_KEY',
    default: '',
    text: 'API key for these servers; all of them get it.',
  },
  openaiDirect: {
    type: 'choice',
    flag: 'openai-direct',
    env: 'BLACKROAD_OPENAI_DIRECT',
    default: 'off',
    choices: ['off', 'on'],
    text: 'Whether the coordinator may ask these servers itself, which is faster. They run on this machine, and either speak TLS on an address of it that the coordinator reaches, or the coordinator runs here, too.',
  },
  price: {
    type: 'number',
    flag: 'price',
    env: 'BLACKROAD_PRICE',
    default: 0,
    min: 0,
    max: 1_000_000,
    text: 'US dollars that a million tokens, read or written, cost at that server: counted as usage, and agents rather go where it costs less. A node for OpenAI or Anthropic has --cloud instead.',
  },
  cloud: {
    type: 'choice',
    flag: 'cloud',
    env: 'BLACKROAD_CLOUD',
    default: 'none',
    choices: ['none', 'openai', 'anthropic'],
    text: 'The paid API that this node is for, in place of a model server; it joins as class cloud, and only agents that name this class go there (docs/cloud.md).',
  },
  cloudUrl: {
    type: 'url',
    flag: 'cloud-url',
    env: 'BLACKROAD_CLOUD_URL',
    default: '',
    form: { schemes: ['https', 'http'] },
    text: "A gateway, or another provider with the same API, in place of the provider's own address. Its API is under `/v1` there.",
  },
  cloudKey: {
    type: 'secret',
    flag: 'cloud-key-file',
    env: 'BLACKROAD_CLOUD_KEY',
    default: '',
    text: 'API key of the provider. Under systemd also as a credential of the name `cloud-key`.',
  },
  cloudModels: {
    type: 'text',
    flag: 'cloud-models',
    env: 'BLACKROAD_CLOUD_MODELS',
    default: '',
    text: 'Names of the models that are offered, with commas, the one for `auto` first. Empty: all of the provider that the catalogue has.',
  },
  cloudCatalogue: {
    type: 'file',
    flag: 'cloud-catalogue',
    env: 'BLACKROAD_CLOUD_CATALOGUE',
    default: '',
    text: 'JSON file with models and prices that replace or extend the shipped ones; the coordinator takes the same file.',
  },
  mcpServers: {
    type: 'text',
    flag: 'mcp-servers',
    env: 'BLACKROAD_MCP_SERVERS',
    default: '',
    text: 'JSON file with MCP servers of this machine and its network, whose tools agents here may be granted by name (docs/mcp.md). It alone says which programs are started. Empty: none.',
  },
  pins: {
    type: 'text',
    flag: 'pins',
    env: 'BLACKROAD_PINS',
    default: '',
    text: 'YAML or JSON file with the GPIO pins, sensors and camera of this machine that agents here may be granted by name (docs/gpio.md). What it does not list is reached by nobody. Empty: none.',
  },
  fetch: {
    type: 'choice',
    flag: 'fetch',
    env: 'BLACKROAD_FETCH',
    default: 'auto',
    choices: ['auto', 'none'],
    text: 'Whether a node that has no chat model, or no embedding model, fetches a small one by itself (auto) or waits to be given one (none).',
  },
  diskLimit: {
    type: 'number',
    flag: 'disk-limit',
    env: 'BLACKROAD_DISK_LIMIT',
    default: 0.9,
    min: 0.1,
    max: 1,
    text: 'Share of the disk of the models that may be used before the least recently used model that the fleet fetched, and that nobody here needs, is removed. Models that the fleet did not fetch are never removed. 1: none is.',
  },
  context: {
    type: 'number',
    flag: 'context',
    env: 'BLACKROAD_CONTEXT_TOKENS',
    default: 2048,
    min: 256,
    max: 131_072,
    text: 'Context window of models this node loads itself; one value a node, because Ollama reloads a model when it changes.',
  },
  slots: {
    type: 'number',
    flag: 'slots',
    env: 'BLACKROAD_SLOTS',
    default: 0,
    min: 0,
    max: 256,
    text: 'Requests a model works on at once. 0: as its server says or shows; 2 in the embedded runtime.',
  },
  queue: {
    type: 'number',
    flag: 'queue',
    env: 'BLACKROAD_QUEUE',
    default: 64,
    min: 1,
    max: 10_000,
    text: 'Requests that may wait for a model; the next is refused and its task goes back to the coordinator.',
  },
  simulate: {
    type: 'number',
    flag: 'simulate',
    env: 'BLACKROAD_SIMULATE',
    default: 0,
    min: 0,
    max: 20_000,
    text: 'Run this many simulated nodes in one process instead of this machine; labelled as simulated wherever they show.',
  },
  profile: {
    type: 'choice',
    flag: 'profile',
    env: 'BLACKROAD_PROFILE',
    default: 'home',
    choices: ['home', 'gpu-box', 'lab', 'plan'],
    text: 'What simulated nodes are: home (5 Pis and a GPU box), gpu-box (that box alone), lab, plan (the mix of 10,000).',
  },
  seed: {
    type: 'number',
    flag: 'seed',
    env: 'BLACKROAD_SEED',
    default: 1,
    min: 0,
    max: 4_294_967_295,
    text: 'Seed of the simulated machines.',
  },
  badReleases: {
    type: 'text',
    flag: 'bad-releases',
    env: 'BLACKROAD_BAD_RELEASES',
    default: '',
    text: 'Releases that are bad on simulated nodes, as `1.2.0=leak,1.3.0=no-start`: no-start, leak, errors (twice as many tasks fail), goes-away. All others are good.',
  },
  errors: {
    type: 'number',
    flag: 'errors',
    env: 'BLACKROAD_ERRORS',
    default: 0,
    min: 0,
    max: 1,
    text: 'Share of tasks that fail on simulated nodes under a good release.',
  },
  name: {
    type: 'text',
    flag: 'name',
    env: 'BLACKROAD_NODE_NAME',
    default: '',
    text: 'Wanted node id when joining. Empty: the host name.',
  },
  class: {
    type: 'text',
    flag: 'class',
    env: 'BLACKROAD_CLASS',
    default: '',
    text: 'Hardware class when joining. Empty: detected, and followed when a GPU is found later.',
  },
  joinToken: {
    type: 'secret',
    flag: 'join-token-file',
    env: 'BLACKROAD_JOIN_TOKEN',
    default: '',
    text: 'A join token, for a container that has no shell to join from: `run` joins with it where this machine is no node yet, and does not read it afterwards.',
  },
  balenaDevice: {
    type: 'text',
    flag: 'balena-device',
    env: 'BLACKROAD_BALENA_DEVICE',
    otherEnv: 'BALENA_DEVICE_UUID',
    default: '',
    text: 'UUID of the balena device that this container runs on; balena sets it. The coordinator knows the device by it (docs/balena.md).',
  },
  labels: {
    type: 'text',
    flag: 'labels',
    env: 'BLACKROAD_LABELS',
    default: '',
    text: 'Labels of the node when joining, as `room=kitchen,floor=2`; those of the join token count more, and a node that comes back keeps its own.',
  },
  instance: {
    type: 'text',
    flag: 'instance',
    env: 'BLACKROAD_INSTANCE',
    default: '',
    text: 'Sets a second node-agent on one machine apart from the first; both would otherwise be known by the same hardware.',
  },
  keepalive: {
    type: 'number',
    flag: 'keepalive',
    env: 'BLACKROAD_KEEPALIVE_SECONDS',
    default: 30,
    min: 1,
    max: 600,
    text: 'MQTT keepalive: a power cut is seen after one and a half of these.',
  },
  home: {
    type: 'text',
    flag: 'home',
    env: 'BLACKROAD_NODE_HOME',
    default: '',
    text: 'Folder of an installation that updates itself; its `launch` gives it. Empty: this node takes no updates.',
  },
  soak: {
    type: 'number',
    flag: 'soak',
    env: 'BLACKROAD_SOAK_SECONDS',
    default: 60,
    min: 1,
    max: 3600,
    text: 'A new release of the node-agent stays when the coordinator welcomed it, and its models were there, for so many seconds without a break. One that has not managed that within ten times as many goes back.',
  },
  log: {
    type: 'choice',
    flag: 'log',
    env: 'BLACKROAD_LOG',
    default: 'info',
    choices: ['debug', 'info', 'warn', 'error', 'silent'],
    text: 'Least level of log lines.',
  },
} as const;
export type NodeConfig = Values<typeof nodeOptions>;

/** The command as a person typed it, which `bin/fleet-node` passes in a variable: printed commands can then be typed. */
export function calledAs(env: Readonly<Record<string, string | undefined>>): string {
  return env.BLACKROAD_CALLED_AS || 'bin/fleet-node';
}

/** Whether something starts the process again when it ends: systemd, or balena's supervisor. */
export function isStartedAgain(env: Readonly<Record<string, string | undefined>>): boolean {
  return Boolean(env.INVOCATION_ID || env.BALENA);
}

/** Words that are not options go to `rest`: the verb and its argument. @throws OptionError */
export function readConfig(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  rest: string[],
): NodeConfig {
  const config = readOptions(nodeOptions, [...credentialFlags(env.CREDENTIALS_DIRECTORY), ...argv], env, rest);
  if (config.price > 0 && !config.openai)
    throw new OptionError('--price: expected --openai with it, the server that takes the price.');
  if (config.openaiDirect === 'on') {
    if (!config.openai)
      throw new OptionError('--openai-direct: expected --openai with it, the servers on this machine.');
    const elsewhere = config.openai.split(',').find((url) => !isOwnHost(new URL(url).hostname));
    if (elsewhere)
      throw new OptionError(
        `--openai-direct: expected servers of this machine, got ${elsewhere}; a node-agent beside that server can offer it.`,
      );
  }
  if (config.balenaDevice && !isBalenaUuid(config.balenaDevice))
    throw new OptionError(
      `--balena-device: expected the UUID of a balena device, 32 or 62 characters of 0-9 and a-f, got ${JSON.stringify(config.balenaDevice.slice(0, 80))}.`,
    );
  if (config.cloud !== 'none' && config.openai)
    throw new OptionError('--cloud: expected no --openai beside it; a machine that has both runs two node-agents.');
  return config;
}

/** The secrets that systemd gives its service as files; a flag of a person comes after them and wins. */
function credentialFlags(folder: string | undefined): string[] {
  const file = join(folder ?? '', 'cloud-key');
  return folder && existsSync(file) ? ['--cloud-key-file', file] : [];
}
