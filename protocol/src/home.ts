// The fleet in Home Assistant: what the coordinator says of a device (a node, the fleet, an agent) on topics of their own, what people tell
// one, and the topics below a prefix by which Home Assistant discovers devices and announces itself. The names of these topics and
// everything in the messages that a device is told apart by stay for good: Home Assistant keeps the history of an entity by them.
import { maxModelsPerNode, maxSmallMessageBytes } from './limits.ts';
import { topicRow as row, type TopicRow } from './topic-row.ts';
import { type Static, Type } from './typebox.ts';

const { Nullable, Optional } = Type;

/** Home Assistant takes no longer state. */
export const maxHomeStateChars = 255;
/** Its recorder keeps at most 16 KiB of attributes of a state. */
export const maxHomeAnswerBytes = 12 * 1024;

export const homeNodeStates = ['online', 'draining', 'suspect', 'lost', 'never', 'quarantined'] as const;
const Short = (description: string) => Type.String({ maxLength: maxHomeStateChars, description });
const Count = (description: string) => Type.Integer({ minimum: 0, description });

export const HomeNodeState = Type.Object({
  type: Type.Literal('node'),
  state: Type.OneOf(homeNodeStates),
  temperatureC: Nullable(Type.Number()),
  throttled: Nullable(Type.Boolean(), { description: 'Now; null: it does not tell.' }),
  powerWeak: Nullable(Type.Boolean(), { description: 'Undervoltage now; null: it does not tell.' }),
  diskFreeGb: Nullable(Type.Number({ minimum: 0 })),
  sdWrittenGbPerDay: Nullable(Type.Number({ minimum: 0 })),
  tokensPerS: Type.Number({
    minimum: 0,
    description: 'Answer tokens of tasks that ended in the last minute, over it.',
  }),
  tasksRunning: Count('Tasks under way.'),
  lastSeen: Nullable(Type.String({ description: 'To the minute, in ISO 8601.' })),
  modelsLoaded: Count('Models in its memory.'),
  models: Type.Array(Type.String({ maxLength: 200 }), { maxItems: maxModelsPerNode, description: 'Their names.' }),
  trouble: Type.Boolean({ description: 'Whether something is wrong with it.' }),
  conditions: Type.Array(Type.String(), { description: 'What is wrong with it, worst first.' }),
  cordoned: Type.Boolean(),
  nodeAgent: Type.Object(
    {
      installed_version: Optional(Short('Of its node-agent; missing: not known.')),
      latest_version: Optional(Short('The newest that it could get from the coordinator.')),
      in_progress: Type.Boolean(),
    },
    { description: 'In the words of an update entity.' },
  ),
});
export type HomeNodeState = Static<typeof HomeNodeState>;

export const HomeFleetState = Type.Object({
  type: Type.Literal('fleet'),
  nodes: Count('All nodes.'),
  nodesOnline: Count('Those that are online.'),
  agents: Count('All agents.'),
  agentsReady: Count('Those that are ready.'),
  tasksQueued: Count('Tasks that wait.'),
  tasksRunning: Count('Tasks under way.'),
  tokensPerS: Type.Number({ minimum: 0 }),
  trouble: Type.Boolean({ description: 'Whether an alert asks for a person.' }),
  alertCount: Count('Alerts that nobody has acknowledged.'),
  alerts: Type.Array(Type.String(), { description: 'The first of them, worst first.' }),
});
export type HomeFleetState = Static<typeof HomeFleetState>;

export const HomeAgentState = Type.Object({
  type: Type.Literal('agent'),
  state: Type.String(),
  question: Short('The beginning of the last one.'),
  answer: Short('The beginning of the last one.'),
  text: Type.String({ description: 'The answer, cut where it is long.' }),
  truncated: Type.Boolean(),
  ok: Nullable(Type.Boolean(), { description: 'Null: it was not asked yet.' }),
  task: Nullable(Type.String()),
  node: Nullable(Type.String()),
  at: Nullable(Type.String({ description: 'In ISO 8601.' })),
});
export type HomeAgentState = Static<typeof HomeAgentState>;

export const homeEnds = ['done', 'failed', 'cancelled', 'expired'] as const;
export const HomeEnded = Type.Object({
  event_type: Type.OneOf(homeEnds),
  task: Type.String(),
  origin: Type.String({ description: 'Where the question came from.' }),
  node: Nullable(Type.String()),
  seconds: Type.Number({ minimum: 0, description: 'From the question to the end.' }),
});
export type HomeEnded = Static<typeof HomeEnded>;

/** What a switch or a button says. */
const HomeSet = Type.Object({
  wanted: Type.Boolean({ description: '`false` takes a cordon or a drain back.' }),
});

/** What a person may tell a node there. */
export const homeOrders = ['cordon', 'identify', 'drain', 'restart', 'update'] as const;
export type HomeOrder = (typeof homeOrders)[number];

export const homeTopics = {
  homeState: row(
    'coordinator',
    'home/{device}/state',
    1,
    true,
    Type.Union([HomeNodeState, HomeFleetState, HomeAgentState]),
    maxSmallMessageBytes + 2 * maxHomeAnswerBytes,
    'A device in Home Assistant: `node-<node>`, `agent-<id>` or `fleet`. When it changes, at most four times a second.',
  ),
  homeEnded: row(
    'coordinator',
    'home/{device}/ended',
    1,
    false,
    HomeEnded,
    maxSmallMessageBytes,
    'A task of an agent that is in Home Assistant has ended.',
  ),
  homeSet: {
    ...row(
      'people',
      'home/{device}/set/{order}',
      1,
      false,
      HomeSet,
      maxSmallMessageBytes,
      `What a switch or button of a node in Home Assistant says: ${homeOrders.join(', ')}.`,
    ),
    needs: 'nodes:write',
  },
} as const;

/** Where Home Assistant looks for devices unless it is told otherwise. */
export const discoveryPrefix = 'homeassistant';
export const discoveryTopic = (prefix: string, device: string) => `${prefix}/device/blackroad-${device}/config`;
/** Of all devices, also those of others. */
export const discoveryFilter = (prefix: string) => `${prefix}/device/+/config`;
/** Home Assistant announces itself there. */
export const birthTopic = (prefix: string) => `${prefix}/status`;
/** Its permission is the one for reading: whoever announces itself gets what is retained once more. */
export const birthRow: TopicRow = {
  ...row('people', 'status', 1, false, Type.Unknown(), maxSmallMessageBytes, 'Home Assistant announces itself.'),
  needs: 'feed:read',
};

/** What is wrong with a prefix; null: nothing. */
export function prefixFault(prefix: string): string | null {
  const levels = prefix.split('/');
  if (prefix.length > 100) return 'at most 100 characters';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a broker closes the connection on them
  if (/[+#\u0000-\u001f\u007f]/.test(prefix)) return 'a topic without wildcards (#, +)';
  if (levels.some((level) => level.trim() === '')) return 'a topic without an empty level';
  if (prefix.startsWith('$')) return 'a topic that does not begin with $';
  if (levels[0] === 'blackroad') return 'a topic outside of blackroad/, which the fleet uses itself';
  return null;
}
