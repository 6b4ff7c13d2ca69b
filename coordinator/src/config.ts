// The coordinator's configuration: the only reader of its environment. Everything else receives values.
// Each option has a heading in docs/configuration.md; test/contract checks it.
import { isBalenaFleet, maxBalenaFleets } from '@blackroad/protocol';
import { type CloudCatalogue, readCloudCatalogue } from '@blackroad/protocol/cloud-models';
import { cronFault } from '@blackroad/protocol/cron';
import { ollamaReleasesUrl } from '@blackroad/protocol/ollama-release';
import { systemClock } from '@blackroad/std/clock';
import { OptionError, readOptions, type Values } from '@blackroad/std/options';
import { homeAssistantOptions, homePrefixOf } from './home-assistant-options.ts';
import { memoryOptions } from './memory-options.ts';
import { checkObjectOptions, objectOptions } from './object-options.ts';
import { peopleOptions, peoplePortOf } from './people-options.ts';
import { webhookOptions } from './webhook-options.ts';

export const coordinatorOptions = {
  data: {
    type: 'text',
    flag: 'data',
    env: 'BLACKROAD_DATA',
    default: 'data',
    text: 'Folder of everything the coordinator keeps.',
  },
  name: {
    type: 'text',
    flag: 'name',
    env: 'BLACKROAD_NAME',
    default: 'BlackRoad Fleet',
    text: 'Name of the fleet, shown to people.',
  },
  port: {
    type: 'number',
    flag: 'port',
    env: 'BLACKROAD_PORT',
    default: 8400,
    min: 0,
    max: 65_530,
    text: 'HTTP on loopback; HTTPS for nodes and other machines is the next port, MQTT over TLS the one after, then the model cache; the fifth is MQTT for people. 0: any free ports.',
  },
  host: {
    type: 'host',
    flag: 'host',
    env: 'BLACKROAD_HOST',
    default: '0.0.0.0',
    text: 'Address the TLS ports listen on. 127.0.0.1 keeps the fleet on this machine.',
  },
  address: {
    type: 'host',
    isTarget: true,
    flag: 'address',
    env: 'BLACKROAD_ADDRESS',
    default: '',
    text: 'Host name or address that join tokens carry. Empty: the first LAN address of this machine.',
  },
  broker: {
    type: 'url',
    form: { schemes: ['mqtts', 'mqtt'] },
    credentials: '--broker-user, and BLACKROAD_BROKER_PASSWORD or --broker-password-file',
    flag: 'broker',
    env: 'BLACKROAD_BROKER',
    default: '',
    text: 'URL of an external MQTT broker (mqtts://host:8883). Empty: the embedded one. docs/doors.md says how to set it up.',
  },
  brokerUser: {
    type: 'text',
    flag: 'broker-user',
    env: 'BLACKROAD_BROKER_USER',
    default: '',
    text: "User name of the coordinator at the external broker. Empty: the coordinator's certificate says who it is.",
  },
  brokerPassword: {
    type: 'secret',
    flag: 'broker-password-file',
    env: 'BLACKROAD_BROKER_PASSWORD',
    default: '',
    text: 'Password of that user.',
  },
  ...peopleOptions,
  heartbeat: {
    type: 'number',
    flag: 'heartbeat',
    env: 'BLACKROAD_HEARTBEAT_SECONDS',
    default: 10,
    min: 0.1,
    max: 300,
    text: 'Seconds between heartbeats of a small fleet; a large one is slowed down so that at most 1,000 a second arrive.',
  },
  lostAfter: {
    type: 'number',
    flag: 'lost-after',
    env: 'BLACKROAD_LOST_AFTER_SECONDS',
    default: 10,
    min: 0.1,
    max: 86_400,
    text: 'Seconds a node may be suspect before it counts as lost and its agents are placed elsewhere.',
  },
  restartGrace: {
    type: 'number',
    flag: 'restart-grace',
    env: 'BLACKROAD_RESTART_GRACE_SECONDS',
    default: 60,
    min: 0,
    max: 3600,
    text: 'Seconds after a start of the coordinator in which no node counts as lost.',
  },
  reconnectWindow: {
    type: 'number',
    flag: 'reconnect-window',
    env: 'BLACKROAD_RECONNECT_WINDOW_SECONDS',
    default: 2,
    min: 0,
    max: 600,
    text: 'Seconds over which nodes spread their return after a restart of the coordinator.',
  },
  placement: {
    type: 'choice',
    flag: 'placement',
    env: 'BLACKROAD_PLACEMENT',
    default: 'spread',
    choices: ['spread', 'pack'],
    text: 'Whether agents share out over the nodes that suit them (spread) or fill few of them, so that whole nodes stay free (pack).',
  },
  reserve: {
    type: 'number',
    flag: 'reserve',
    env: 'BLACKROAD_RESERVE',
    default: 0.5,
    min: 0,
    max: 1,
    text: 'Share of the slots of a smaller model that a node with a larger one keeps free for that: requests for `small` or `auto` and agents that name no model take the rest, one slot at least.',
  },
  modelIdleMinutes: {
    type: 'number',
    flag: 'model-idle-minutes',
    env: 'BLACKROAD_MODEL_IDLE_MINUTES',
    default: 0,
    min: 0,
    max: 100_000,
    text: 'Minutes without a task after which a loaded model is unloaded; its agents stay, and the next task loads it again. 0: never.',
  },
  reclaim: {
    type: 'choice',
    flag: 'reclaim',
    env: 'BLACKROAD_RECLAIM',
    default: 'auto',
    choices: ['auto', 'ask'],
    text: 'Whether a re-flashed machine takes its old node back by itself (auto) or only after a person allowed it with `fleet nodes release` (ask).',
  },
  certificateDays: {
    type: 'number',
    flag: 'certificate-days',
    env: 'BLACKROAD_CERTIFICATE_DAYS',
    default: 30,
    min: 0.0005,
    max: 3650,
    text: 'Life of a node certificate; it is renewed at two thirds.',
  },
  keepTasksDays: {
    type: 'number',
    flag: 'keep-tasks-days',
    env: 'BLACKROAD_KEEP_TASKS_DAYS',
    default: 30,
    min: 0.01,
    max: 3650,
    text: 'How long ended tasks, events and the audit log are kept.',
  },
  timeZone: {
    type: 'text',
    flag: 'time-zone',
    env: 'BLACKROAD_TIME_ZONE',
    default: '',
    text: 'Time zone in which triggers are meant that name none, such as Europe/Berlin. Empty: that of this machine.',
  },
  ...memoryOptions,
  ...homeAssistantOptions,
  ...webhookOptions,
  cloudCatalogue: {
    type: 'file',
    flag: 'cloud-catalogue',
    env: 'BLACKROAD_CLOUD_CATALOGUE',
    default: '',
    text: "JSON file with models and prices of paid APIs that replace or extend the shipped ones, and the models whose prices the fleet's own answers are compared with (docs/cloud.md).",
  },
  origins: {
    type: 'text',
    flag: 'origins',
    env: 'BLACKROAD_ORIGINS',
    default: '',
    text: 'Origins of web pages that may ask models with a key from within a browser, such as https://chat.example:3000, with commas between them; * for all. Empty: none.',
  },
  cache: {
    type: 'choice',
    flag: 'cache',
    env: 'BLACKROAD_CACHE',
    default: 'on',
    choices: ['on', 'off'],
    text: 'Whether nodes fetch models through a cache of the coordinator, so that the fleet downloads each of them once. Its port, TLS for nodes, is the next one after MQTT.',
  },
  cacheDir: {
    type: 'text',
    flag: 'cache-dir',
    env: 'BLACKROAD_CACHE_DIR',
    default: '',
    text: 'Folder of the model cache, on a disk with room for models. Empty: `model-cache` in the data folder.',
  },
  cacheGib: {
    type: 'number',
    flag: 'cache-gib',
    env: 'BLACKROAD_CACHE_GIB',
    default: 0,
    min: 0,
    max: 1_000_000,
    text: 'Most that the model cache may hold, GiB; what was not used for the longest time goes first. 0: half of what would be free on its disk without it.',
  },
  cacheRate: {
    type: 'number',
    flag: 'cache-rate',
    env: 'BLACKROAD_CACHE_RATE',
    default: 0,
    min: 0,
    max: 100_000,
    text: 'Megabytes a second that all fetches of the model cache together may take from the line to the internet. 0: no bound.',
  },
  cacheRegistry: {
    type: 'url',
    flag: 'cache-registry',
    env: 'BLACKROAD_CACHE_REGISTRY',
    default: 'https://registry.ollama.ai',
    form: { schemes: ['https', 'http'] },
    words: ['none'],
    text: "Where the model cache fetches Ollama's models. `none`: it gives what it has.",
  },
  cacheHub: {
    type: 'url',
    flag: 'cache-hub',
    env: 'BLACKROAD_CACHE_HUB',
    default: 'https://huggingface.co',
    form: { schemes: ['https', 'http'] },
    words: ['none'],
    text: 'Where the model cache fetches GGUF and safetensors files. `none`: it gives what it has.',
  },
  cacheOllama: {
    type: 'url',
    flag: 'cache-ollama',
    env: 'BLACKROAD_CACHE_OLLAMA',
    default: ollamaReleasesUrl,
    form: { schemes: ['https', 'http'] },
    words: ['none'],
    text: 'Where the model cache fetches the releases of Ollama itself, which flashed Pis install from it. `none`: it gives what it has.',
  },
  cacheOpen: {
    type: 'choice',
    flag: 'cache-open',
    env: 'BLACKROAD_CACHE_OPEN',
    default: 'off',
    choices: ['off', 'on'],
    text: 'Whether the model cache also answers plain HTTP without credentials, for an Ollama outside of the fleet: whoever reaches the port after that of the cache reads all it holds and lets it fetch.',
  },
  models: {
    type: 'text',
    flag: 'models',
    env: 'BLACKROAD_MODELS_FILE',
    default: '',
    text: 'File that adds models to the catalogue, or changes what it says of them; read at the start and whenever it changes. docs/models.md has its form. Empty: models.yaml in the data folder.',
  },
  backupFolder: {
    type: 'text',
    flag: 'backup-folder',
    env: 'BLACKROAD_BACKUP_FOLDER',
    default: '',
    text: 'Folder for backups; one on another disk survives the end of this one. Empty: `backups` in the data folder.',
  },
  backupSchedule: {
    type: 'text',
    flag: 'backup-schedule',
    env: 'BLACKROAD_BACKUP_SCHEDULE',
    default: '30 3 * * *',
    text: 'When backups are made by themselves, as a cron expression in the time zone of the fleet. `none`: never.',
  },
  backupKeepDays: {
    type: 'number',
    flag: 'backup-keep-days',
    env: 'BLACKROAD_BACKUP_KEEP_DAYS',
    default: 7,
    min: 1,
    max: 3650,
    text: 'Of so many days with a scheduled backup the newest one is kept. Those that a person made stay until they are removed.',
  },
  backupKeepWeeks: {
    type: 'number',
    flag: 'backup-keep-weeks',
    env: 'BLACKROAD_BACKUP_KEEP_WEEKS',
    default: 4,
    min: 0,
    max: 520,
    text: 'Of so many weeks with a scheduled backup the newest one is kept, beside those of the days.',
  },
  backupAge: {
    type: 'text',
    flag: 'backup-age',
    env: 'BLACKROAD_BACKUP_AGE',
    default: '',
    text: 'Public keys of age (age1...) that backups are encrypted to unless told otherwise, with commas between them. Empty: they are not encrypted, and have the keys of the fleet in them.',
  },
  ...objectOptions,
  balenaFleet: {
    type: 'text',
    flag: 'balena-fleet',
    env: 'BLACKROAD_BALENA_FLEET',
    default: '',
    text: 'Balena fleets whose devices are, or may become, nodes, such as acme/home, with commas between them; --balena-token-file goes with it, and `make balena` has to be run once (docs/balena.md). Empty: none.',
  },
  balenaToken: {
    type: 'secret',
    flag: 'balena-token-file',
    env: 'BLACKROAD_BALENA_TOKEN',
    default: '',
    text: 'API key of balena for these fleets.',
  },
  balenaApi: {
    type: 'url',
    flag: 'balena-api',
    env: 'BLACKROAD_BALENA_API',
    default: 'https://api.balena-cloud.com',
    form: { schemes: ['https', 'http'] },
    text: "Address of balena's API; openBalena has another one.",
  },
  upgrades: {
    type: 'text',
    flag: 'upgrades',
    env: 'BLACKROAD_UPGRADES',
    default: '',
    text: 'Folder of an installation that upgrades itself; its `launch` gives it. Empty: this coordinator does not upgrade itself.',
  },
  upgradeSoak: {
    type: 'number',
    flag: 'upgrade-soak',
    env: 'BLACKROAD_UPGRADE_SOAK_SECONDS',
    default: 60,
    min: 1,
    max: 3600,
    text: 'A new release of the coordinator stays when it answered, and three quarters of the nodes were online that were so before, for so many seconds without a break. One that has not managed that within ten times as many goes back.',
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

export type CoordinatorConfig = Values<typeof coordinatorOptions>;

/** @throws OptionError */
export function readConfig(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): CoordinatorConfig {
  const config = readOptions(coordinatorOptions, argv, env);
  if (config.brokerUser && !config.broker)
    throw new OptionError('--broker-user: expected --broker with it; the embedded broker is not entered with a name.');
  if (config.brokerPassword && !config.brokerUser)
    throw new OptionError('BLACKROAD_BROKER_PASSWORD: expected --broker-user with it, the name that it belongs to.');
  if (config.backupSchedule !== 'none') {
    const fault = cronFault(config.backupSchedule, systemClock.nowMs());
    if (fault) throw new OptionError(`--backup-schedule: expected ${fault.expected} or none, got ${fault.got}.`);
  }
  if (config.cacheOpen === 'on' && config.cache === 'off')
    throw new OptionError('--cache-open: expected --cache on with it, got --cache off.');
  peoplePortOf(config);
  checkObjectOptions(config);
  homePrefixOf(config);
  return { ...config, balenaFleet: balenaFleetsOf(config) };
}

/** @throws OptionError */
function balenaFleetsOf({ balenaFleet, balenaToken }: CoordinatorConfig): string {
  const fleets = [...new Set(balenaFleet.split(',').flatMap((slug) => slug.trim() || []))];
  const wrong = fleets.find((slug) => !isBalenaFleet(slug));
  if (wrong !== undefined)
    throw new OptionError(
      `--balena-fleet: expected organization/fleet in lower case, as balena has it, got ${JSON.stringify(wrong.slice(0, 80))}.`,
    );
  if (fleets.length > maxBalenaFleets)
    throw new OptionError(`--balena-fleet: expected at most ${maxBalenaFleets} fleets, got ${fleets.length}.`);
  if (fleets.length > 0 && balenaToken === '')
    throw new OptionError('--balena-fleet: expected --balena-token-file or BLACKROAD_BALENA_TOKEN with it.');
  if (fleets.length === 0 && balenaToken !== '')
    throw new OptionError('--balena-token-file: expected --balena-fleet with it, the fleets that it is for.');
  return fleets.join(',');
}

/** @throws OptionError */
export function cloudCatalogueOf({ cloudCatalogue }: CoordinatorConfig): CloudCatalogue {
  const catalogue = readCloudCatalogue(cloudCatalogue);
  if ('fault' in catalogue) throw new OptionError(`--cloud-catalogue: ${catalogue.fault}`);
  return catalogue;
}
