// The table of what Home Assistant shows of the fleet: one row an entity. Discovery messages, the schema that they are checked against, the
// table in docs/home-assistant.md and the tests are made from it. A key is never changed and never given to something else: the unique id of
// the entity is made of it, and with that its history. Names may change.
import { type HomeOrder, homeEnds, homeNodeStates, maxHomeStateChars } from '@blackroad/protocol';

const platforms = ['sensor', 'binary_sensor', 'switch', 'button', 'update', 'text', 'event', 'notify'] as const;
export type Platform = (typeof platforms)[number];

/** What the entity is shown with, in the words of Home Assistant. */
type Shown = Readonly<Record<string, string | number | boolean | readonly string[]>>;
export interface Component {
  platform: Platform;
  name: string;
  /** For the documentation: what it says, or does. */
  text: string;
  shown?: Shown;
  /** Reads the state of the device; missing: the entity has no state. */
  value?: string;
  /** Reads what stands beside the state. */
  attributes?: string;
  /** What it tells a node. */
  order?: HomeOrder;
  /** It asks the agent. */
  asks?: true;
  /** It shows ends of tasks instead of the state. */
  ended?: true;
  /** It is true, or works, also while the node is away. */
  whileAway?: true;
  /** Nodes have it whose machine tells this; missing: all. */
  needs?: Trait;
}
/** What a machine tells or can do: others have no entity for it. */
export const traits = ['temperature', 'throttled', 'power', 'sd', 'restarts'] as const;
export type Trait = (typeof traits)[number];

const field = (name: string) => `{{ value_json.${name} }}`;
/** `None` makes the state unknown. */
const onOff = (name: string) => `{{ None if value_json.${name} is none else 'ON' if value_json.${name} else 'OFF' }}`;
/** What stands beside the state. */
const beside = (...names: string[]) =>
  `{{ {${names.map((name) => `'${name}': value_json.${name}`).join(', ')}} | to_json }}`;
const wanted = '{"wanted":true}';
const measured = { state_class: 'measurement' } as const;
const diagnostic = { entity_category: 'diagnostic' } as const;

const nodeComponents = {
  state: {
    platform: 'sensor',
    name: 'State',
    text: `${homeNodeStates.join(', ')}; in words beside it what is wrong with the node.`,
    shown: { device_class: 'enum', options: homeNodeStates, icon: 'mdi:server' },
    value: field('state'),
    attributes: beside('conditions'),
    whileAway: true,
  },
  last_seen: {
    platform: 'sensor',
    name: 'Last seen',
    text: 'When the coordinator last heard of it, to the minute.',
    shown: { device_class: 'timestamp', ...diagnostic },
    value: field('lastSeen'),
    whileAway: true,
  },
  problem: {
    platform: 'binary_sensor',
    name: 'Problem',
    text: 'Whether something is wrong with it; what, stands beside it.',
    shown: { device_class: 'problem' },
    value: onOff('trouble'),
    attributes: beside('conditions'),
  },
  temperature: {
    platform: 'sensor',
    name: 'Temperature',
    text: 'Of the processor.',
    shown: { device_class: 'temperature', unit_of_measurement: '°C', suggested_display_precision: 0, ...measured },
    value: field('temperatureC'),
    needs: 'temperature',
  },
  throttled: {
    platform: 'binary_sensor',
    name: 'Throttled',
    text: 'Whether it runs slower than it could, now.',
    shown: { device_class: 'heat', ...diagnostic },
    value: onOff('throttled'),
    needs: 'throttled',
  },
  power_weak: {
    platform: 'binary_sensor',
    name: 'Power supply too weak',
    text: 'Undervoltage now.',
    shown: { device_class: 'problem', ...diagnostic },
    value: onOff('powerWeak'),
    needs: 'power',
  },
  disk_free: {
    platform: 'sensor',
    name: 'Disk left',
    text: 'Free on the disk of its data.',
    shown: {
      ...{ device_class: 'data_size', unit_of_measurement: 'GB', suggested_display_precision: 1 },
      ...measured,
      ...diagnostic,
    },
    value: field('diskFreeGb'),
  },
  sd_wear: {
    platform: 'sensor',
    name: 'SD wear',
    text: 'Written to SD cards and eMMC, GB a day; 10 or more wear a card out within a year or two.',
    shown: { unit_of_measurement: 'GB/d', suggested_display_precision: 1, icon: 'mdi:sd', ...measured, ...diagnostic },
    value: field('sdWrittenGbPerDay'),
    needs: 'sd',
  },
  tokens_per_s: {
    platform: 'sensor',
    name: 'Tokens per second',
    text: 'Answer tokens of tasks that ended in the last minute, spread over it.',
    shown: { unit_of_measurement: 'tokens/s', suggested_display_precision: 1, icon: 'mdi:speedometer', ...measured },
    value: field('tokensPerS'),
  },
  tasks_running: {
    platform: 'sensor',
    name: 'Running tasks',
    text: 'Tasks that it works on.',
    shown: { icon: 'mdi:cog-play', ...measured },
    value: field('tasksRunning'),
  },
  models_loaded: {
    platform: 'sensor',
    name: 'Loaded models',
    text: 'How many models are in its memory; their names stand beside it.',
    shown: { icon: 'mdi:brain', ...measured },
    value: field('modelsLoaded'),
    attributes: beside('models'),
  },
  cordon: {
    platform: 'switch',
    name: 'Cordon',
    text: 'On: the node takes no new agents.',
    shown: {
      icon: 'mdi:traffic-cone',
      state_on: 'ON',
      state_off: 'OFF',
      payload_on: wanted,
      payload_off: '{"wanted":false}',
    },
    value: onOff('cordoned'),
    order: 'cordon',
    whileAway: true,
  },
  identify: {
    platform: 'button',
    name: 'Identify',
    text: 'Blinks its light for ten seconds.',
    shown: { device_class: 'identify', payload_press: wanted },
    order: 'identify',
  },
  drain: {
    platform: 'button',
    name: 'Drain',
    text: 'Its agents finish and move away. The console, or `fleet nodes undrain`, takes it back.',
    shown: { icon: 'mdi:tray-arrow-up', payload_press: wanted },
    order: 'drain',
    whileAway: true,
  },
  restart: {
    platform: 'button',
    name: 'Restart the node-agent',
    text: 'Its node-agent starts anew; what it had begun goes on. Only where something starts it again: systemd, or a container.',
    shown: { device_class: 'restart', payload_press: wanted, entity_category: 'config' },
    order: 'restart',
    needs: 'restarts',
  },
  node_agent: {
    platform: 'update',
    name: 'Node-agent',
    text: 'Its version, and the newest one that the coordinator has for it. Install starts a rollout to this node.',
    shown: { device_class: 'firmware', title: 'BlackRoad node-agent', payload_install: wanted },
    value: '{{ value_json.nodeAgent | to_json }}',
    order: 'update',
  },
} as const satisfies Record<string, Component>;

const fleetComponents = {
  problem: {
    platform: 'binary_sensor',
    name: 'Problem',
    text: 'Whether an alert asks for a person; the first of them stand beside it.',
    shown: { device_class: 'problem' },
    value: onOff('trouble'),
    attributes: beside('alerts'),
  },
  alerts: {
    platform: 'sensor',
    name: 'Alerts',
    text: 'Alerts that nobody has acknowledged.',
    shown: { icon: 'mdi:alert', ...measured },
    value: field('alertCount'),
  },
  nodes_online: {
    platform: 'sensor',
    name: 'Nodes online',
    text: 'Of all nodes, whose number stands beside it.',
    shown: { icon: 'mdi:server-network', ...measured },
    value: field('nodesOnline'),
    attributes: beside('nodes'),
  },
  agents_ready: {
    platform: 'sensor',
    name: 'Agents ready',
    text: 'Of all agents, whose number stands beside it.',
    shown: { icon: 'mdi:robot', ...measured },
    value: field('agentsReady'),
    attributes: beside('agents'),
  },
  tasks_running: {
    platform: 'sensor',
    name: 'Running tasks',
    text: 'Tasks under way.',
    shown: { icon: 'mdi:cog-play', ...measured },
    value: field('tasksRunning'),
  },
  tasks_queued: {
    platform: 'sensor',
    name: 'Waiting tasks',
    text: 'Tasks that wait.',
    shown: { icon: 'mdi:tray-full', ...measured },
    value: field('tasksQueued'),
  },
  tokens_per_s: {
    platform: 'sensor',
    name: 'Tokens per second',
    text: 'Of all nodes.',
    shown: { unit_of_measurement: 'tokens/s', suggested_display_precision: 1, icon: 'mdi:speedometer', ...measured },
    value: field('tokensPerS'),
  },
} as const satisfies Record<string, Component>;

const agentComponents = {
  state: {
    platform: 'sensor',
    name: 'State',
    text: 'As the console has it: ready, unplaced, waiting and so on.',
    shown: { icon: 'mdi:robot' },
    value: field('state'),
  },
  ask: {
    platform: 'text',
    name: 'Ask',
    text: `What is written here is asked. It shows the beginning of the last question. At most ${maxHomeStateChars} characters, as Home Assistant has it: \`notify\` takes more.`,
    shown: { icon: 'mdi:comment-question', max: maxHomeStateChars, mode: 'text' },
    value: field('question'),
    asks: true,
  },
  answer: {
    platform: 'sensor',
    name: 'Answer',
    text: 'The beginning of the last answer to a question over MQTT or by a trigger; `text` beside it has all of it.',
    shown: { icon: 'mdi:comment-text' },
    value: field('answer'),
    attributes: beside('text', 'truncated', 'ok', 'task', 'node', 'at'),
  },
  ended: {
    platform: 'event',
    name: 'Task ended',
    text: `Each end of a task of this agent, whoever asked: ${homeEnds.join(', ')}. For automations.`,
    shown: { event_types: homeEnds, icon: 'mdi:flag-checkered' },
    ended: true,
  },
  notify: {
    platform: 'notify',
    name: 'Ask',
    text: 'The action `notify.send_message` asks the agent, with a question of any length.',
    shown: { icon: 'mdi:robot-happy' },
    asks: true,
  },
} as const satisfies Record<string, Component>;

export const componentTables = { node: nodeComponents, fleet: fleetComponents, agent: agentComponents } as const;
export type DeviceKind = keyof typeof componentTables;
/** By its rows alone, without the literals. */
export const componentsOf = (kind: DeviceKind): Readonly<Record<string, Component>> => componentTables[kind];
