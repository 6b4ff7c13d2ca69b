// The topic table: pattern, schema, direction, QoS, retain, size. ACL files, the AsyncAPI document, docs/protocol.md and the broker's own
// rights are made from it: who may write on a topic is defined only here.
import { AgentHeld, AssignmentDelta, AssignmentSnapshot } from './agent.ts';
import {
  Draining,
  Farewell,
  FleetState,
  Identify,
  KeepModels,
  LookAtHardware,
  PullModel,
  ReadLog,
  RemoveModel,
  Reply,
  RestartNodeAgent,
  StopPull,
  TaskCancel,
  TasksSettled,
  UnloadModel,
  Welcome,
} from './command.ts';
import { NodeHardware } from './hardware.ts';
import { homeTopics } from './home.ts';
import {
  maxAssignmentBytes,
  maxCapacityBytes,
  maxHardwareBytes,
  maxHealthBytes,
  maxMemoryBatchBytes,
  maxPieceChars,
  maxPromptBytes,
  maxResultBytes,
  maxSmallMessageBytes,
  maxTaskImageChars,
  maxTraceBytes,
  maxTurnsChars,
} from './limits.ts';
import { MemoryDown, MemoryUp } from './memory.ts';
import { ModelAnswers, ModelChannel, ModelRequestPiece, ModelRequestStop, ModelServers } from './model-request.ts';
import { AgentObserved, NodeCapacity, NodeHealth, NodeHello, NodeInfo, NodeState } from './node.ts';
import { NodeEvent } from './node-events.ts';
import { UpdateOs } from './os-update.ts';
import { peopleTopics } from './people-topics.ts';
import { TaskChunk, TaskLease, TaskReport } from './task.ts';
import { maxTopicFilterChars } from './topic-filter.ts';
import { topicRow as row, withEnvelope } from './topic-row.ts';
import { type Static, Type } from './typebox.ts';
import { UpdateNode } from './update.ts';

export const topicRoot = 'blackroad/v1';

const small = maxSmallMessageBytes;

export const topics = {
  nodeState: row(
    'node',
    'node/{node}/state',
    1,
    true,
    NodeState,
    small,
    'Birth, and the will. An old will cannot overwrite a new birth: it carries the boot.',
  ),
  nodeHello: row(
    'node',
    'node/{node}/hello',
    1,
    false,
    NodeHello,
    maxMemoryBatchBytes,
    'After every (re)connection: generation and leases held.',
  ),
  nodeInfo: row('node', 'node/{node}/info', 1, true, NodeInfo, maxCapacityBytes, 'Inventory.'),
  nodeHardware: row(
    'node',
    'node/{node}/hardware',
    1,
    false,
    NodeHardware,
    maxHardwareBytes,
    'The parts of the machine, once after each start of the node-agent.',
  ),
  nodeCapacity: row(
    'node',
    'node/{node}/capacity',
    1,
    true,
    NodeCapacity,
    maxCapacityBytes,
    'Memory, models on disk and resident, slots, learned speeds.',
  ),
  nodeHealth: row(
    'node',
    'node/{node}/health',
    0,
    false,
    NodeHealth,
    maxHealthBytes,
    'The heartbeat; its interval is set by the coordinator.',
  ),
  nodeEvent: row('node', 'node/{node}/event/{type}', 1, false, NodeEvent, small, 'Transitions worth keeping.'),
  agentState: row(
    'node',
    'node/{node}/agent/{agent}/state',
    1,
    false,
    AgentObserved,
    small,
    'What really runs, by the id of the agent.',
  ),
  agentHeld: row(
    'node',
    'node/{node}/agent/{agent}/held',
    1,
    false,
    AgentHeld,
    maxAssignmentBytes,
    'Had at a restore.',
  ),
  taskReport: row(
    'node',
    'node/{node}/task/{task}/status',
    1,
    false,
    TaskReport,
    withEnvelope(maxResultBytes * 2 + maxTraceBytes),
    'Progress and the end of an attempt.',
  ),
  taskChunk: row(
    'node',
    'node/{node}/task/{task}/chunk',
    0,
    false,
    TaskChunk,
    small,
    'Tokens: the first chunk at once, the others coalesced to 50 ms.',
  ),
  memoryUp: row(
    'node',
    'node/{node}/memory/{agent}',
    1,
    false,
    MemoryUp,
    maxMemoryBatchBytes,
    'Memory batches upward, by the id of the agent.',
  ),
  agentOut: row(
    'node',
    'node/{node}/out/{agent}/{topic}',
    1,
    false,
    Type.Unknown(),
    small,
    "What an agent's mqtt tool publishes, by its name, for Home Assistant and Node-RED.",
  ),
  reply: row(
    'node',
    'reply/{node}/{command}',
    1,
    false,
    Reply,
    maxMemoryBatchBytes,
    'Answers to commands that carry an id.',
  ),
  modelAnswers: row(
    'node',
    'reply/{node}/request/answers',
    0,
    false,
    ModelAnswers,
    maxMemoryBatchBytes,
    'Parts of answers to the gateway: the first part of each at once, the others of all answers gathered for 50 ms; the last part has the end.',
  ),

  modelServers: row(
    'node',
    'reply/{node}/request/servers',
    1,
    false,
    ModelServers,
    maxMemoryBatchBytes,
    'Model servers that the coordinator may ask itself. Sent over the channel alone, when it opens and when they change: its address is theirs.',
  ),

  welcome: row('coordinator', 'cmd/{node}/welcome', 1, false, Welcome, small, 'Answer to hello.'),
  assign: row(
    'coordinator',
    'cmd/{node}/assign',
    1,
    false,
    AssignmentDelta,
    maxAssignmentBytes,
    'Assignment delta from one generation to the next.',
  ),
  snapshot: row(
    'coordinator',
    'cmd/{node}/snapshot',
    1,
    false,
    AssignmentSnapshot,
    maxAssignmentBytes,
    'The whole assignment, where a delta does not fit.',
  ),
  task: row(
    'coordinator',
    'cmd/{node}/task',
    1,
    false,
    TaskLease,
    withEnvelope((maxPromptBytes + maxTurnsChars) * 2 + maxTaskImageChars),
    'A lease.',
  ),
  settled: row(
    'coordinator',
    'cmd/{node}/settled',
    1,
    false,
    TasksSettled,
    maxMemoryBatchBytes,
    'Ends that are committed: the node forgets them.',
  ),
  cancel: row('coordinator', 'cmd/{node}/cancel', 1, false, TaskCancel, small, 'Stop an attempt.'),
  memoryDown: row(
    'coordinator',
    'cmd/{node}/memory',
    1,
    false,
    MemoryDown,
    maxMemoryBatchBytes,
    'Acks, missing entries, merges.',
  ),
  modelRequest: row(
    'coordinator',
    'cmd/{node}/request',
    1,
    false,
    ModelRequestPiece,
    withEnvelope(maxPieceChars * 6),
    'A request of the gateway to a model, in pieces.',
  ),
  modelRequestStop: row(
    'coordinator',
    'cmd/{node}/request-stop',
    1,
    false,
    ModelRequestStop,
    small,
    'Nobody waits for the answer any more.',
  ),
  modelChannel: row(
    'coordinator',
    'cmd/{node}/request-channel',
    0,
    false,
    ModelChannel,
    small,
    'Open a WebSocket for requests: the node is busy with them. It carries the messages of this table, each as its topic, a line feed and its JSON.',
  ),
  pull: row('coordinator', 'cmd/{node}/pull', 1, false, PullModel, small, 'Fetch a model.'),
  stopPull: row('coordinator', 'cmd/{node}/stop-pull', 1, false, StopPull, small, 'End the fetch of a model.'),
  removeModel: row(
    'coordinator',
    'cmd/{node}/remove-model',
    1,
    false,
    RemoveModel,
    small,
    'Remove a model from the disk.',
  ),
  keep: row('coordinator', 'cmd/{node}/keep', 1, false, KeepModels, small, 'Pinned models, after a change of pins.'),
  unload: row('coordinator', 'cmd/{node}/unload', 1, false, UnloadModel, small, 'Free the memory of a model.'),
  update: row(
    'coordinator',
    'cmd/{node}/update',
    1,
    false,
    UpdateNode,
    small,
    'Install this release of the node-agent.',
  ),
  updateOs: row(
    'coordinator',
    'cmd/{node}/os-update',
    1,
    false,
    UpdateOs,
    small,
    'Update the operating system, or restart the machine.',
  ),
  identify: row('coordinator', 'cmd/{node}/identify', 1, false, Identify, small, 'Blink: a person looks for the box.'),
  draining: row('coordinator', 'cmd/{node}/draining', 1, false, Draining, small, 'Whether the node drains.'),
  restart: row('coordinator', 'cmd/{node}/restart', 1, false, RestartNodeAgent, small, 'Start the node-agent anew.'),
  hardware: row('coordinator', 'cmd/{node}/hardware', 1, false, LookAtHardware, small, 'Look at the parts again.'),
  log: row('coordinator', 'cmd/{node}/log', 1, false, ReadLog, small, 'Send the last lines of the log.'),
  farewell: row('coordinator', 'cmd/{node}/farewell', 1, false, Farewell, small, 'The node is not welcome any more.'),
  fleetState: row(
    'coordinator',
    'fleet/state',
    1,
    true,
    FleetState,
    small,
    'Coordinator presence and the window for coming back.',
  ),

  ...peopleTopics,
  ...homeTopics,
} as const;

export type TopicName = keyof typeof topics;
export type TopicMessage<N extends TopicName> = Static<(typeof topics)[N]['schema']>;
export type TopicParams = Readonly<Record<string, string>>;

/** `topicOf('cmd/{node}/task', { node: 'alice' })` with the root in front. Throws on a missing parameter. */
export function topicOf(name: TopicName, params: TopicParams): string {
  return `${topicRoot}/${topics[name].pattern.replace(/\{(\w+)\}/g, (_, key: string) => {
    const value = params[key];
    if (value === undefined) throw new Error(`topic ${name} needs ${key}`);
    return value;
  })}`;
}

interface Parsed {
  name: TopicName;
  params: TopicParams;
}
interface Level {
  /** The parameter that stands here; null: the text itself does. */
  param: string | null;
  text: string;
}
interface Pattern {
  name: TopicName;
  levels: Level[];
}
const index = new Map<string, Pattern[]>();
/** Rows of whose topics only the beginning is fixed: `in/` and `{below}`. */
const wide: { name: TopicName; start: string }[] = [];
const below = '{below}';
for (const [name, { pattern }] of Object.entries(topics)) {
  if (pattern.endsWith(below)) {
    wide.push({ name: name as TopicName, start: pattern.slice(0, -below.length) });
    continue;
  }
  const texts = pattern.split('/');
  const levels = texts.map((text) => ({ param: text.startsWith('{') ? text.slice(1, -1) : null, text }));
  const key = `${texts[0]}/${texts.length}`;
  index.set(key, [...(index.get(key) ?? []), { name: name as TopicName, levels }]);
}

/** Of one message it is asked whether it may be published, and then what it says. */
let last: { topic: string; parsed: Parsed | null } = { topic: '', parsed: null };

/** The row that a concrete topic belongs to, with its parameters; null where no row matches. */
export function parseTopic(topic: string): Parsed | null {
  if (topic !== last.topic) last = { topic, parsed: parse(topic) };
  return last.parsed;
}
function parse(topic: string): Parsed | null {
  if (!topic.startsWith(`${topicRoot}/`)) return null;
  const own = topic.slice(topicRoot.length + 1);
  for (const { name, start } of wide) {
    if (!own.startsWith(start)) continue;
    const rest = own.slice(start.length);
    return isWide(rest) ? { name, params: { below: rest } } : null;
  }
  const levels = own.split('/');
  const candidates = index.get(`${levels[0]}/${levels.length}`);
  if (!candidates) return null;
  next: for (const candidate of candidates) {
    const params: Record<string, string> = {};
    for (let i = 0; i < levels.length; i++) {
      const { param, text } = candidate.levels[i] as Level;
      const level = levels[i] as string;
      if (param !== null) {
        if (level === '' || level === '+' || level === '#') continue next;
        params[param] = level;
      } else if (text !== level) continue next;
    }
    return { name: candidate.name, params };
  }
  return null;
}

/** One level or more, none of them empty or a wildcard. */
function isWide(rest: string): boolean {
  return rest.length <= maxTopicFilterChars && rest.split('/').every((level) => level !== '' && !/[+#]/.test(level));
}

/** The subscription that a `{x}` pattern means: `cmd/{node}/task` -> `blackroad/v1/cmd/alice/task`; unbound parameters become `+`, `{below}` `#`. */
export function filterOf(pattern: string, bound: TopicParams): string {
  return `${topicRoot}/${pattern.replace(/\{(\w+)\}/g, (_, key: string) => bound[key] ?? (key === 'below' ? '#' : '+'))}`;
}
