// The console's live feed: one WebSocket, many channels. After a subscription the console receives a snapshot in parts, or the changes
// since the sequence number it names; then the changes, at most four times a second, as the same bytes for every console of a channel. Rows
// are whole in `put`, in part in `patch` (only the fields that changed), named in `gone`. A frame holds only changes: figures are rounded,
// so that noise is not sent. The channels of one thing, e.g. `node:alice`, have the whole view.
import { AgentView } from './agent.ts';
import { Alert } from './alerts.ts';
import { Condition } from './conditions.ts';
import { FleetEvent } from './events.ts';
import { FleetTotals } from './feed.ts';
import { AgentName, Labels, NodeId, TaskId, TimeMs } from './ids.ts';
import { maxFeedChannels } from './limits.ts';
import { NodeClassName, NodeView } from './node.ts';
import { OsUpdates } from './os-update.ts';
import { Asker } from './principal.ts';
import { TaskOrigin, TaskState, TaskUsage, TaskView } from './task.ts';
import { type Static, Type } from './typebox.ts';

const Share = Type.Number({ minimum: 0, maximum: 1 });

/** A node in a table of ten thousand. Figures are rounded and change in steps; the node's own channel has the exact ones. */
export const NodeLine = Type.Object({
  id: NodeId,
  class: NodeClassName,
  site: Type.String(),
  labels: Labels,
  status: NodeView.properties.status,
  presence: NodeView.properties.presence,
  sinceMs: Type.Number({ description: 'Of its presence.' }),
  reason: Type.String({ description: 'Of its presence, or of its quarantine.' }),
  lastSeenMs: Type.Nullable(TimeMs, { description: 'Null while it is online, and when it was never heard of.' }),
  cordoned: Type.Boolean(),
  draining: Type.Boolean(),
  simulated: Type.Boolean(),
  condition: Type.Nullable(Type.Object({ ...Condition.properties, more: Type.Integer() }), {
    description: 'The worst, its text without figures; `more` counts the others.',
  }),
  cpu: Type.Nullable(Share, { description: 'In steps of .05.' }),
  memoryTotalBytes: Type.Nullable(Type.Integer({ description: 'What models may use.' })),
  memoryFreeBytes: Type.Nullable(Type.Integer({ description: 'Of that; in steps of 1/32 of it.' })),
  temperatureC: Type.Nullable(Type.Number({ description: 'Of the processor, or the hottest GPU; in steps of 2.' })),
  gpu: Type.Nullable(Share, { description: 'Mean utilisation of its GPUs, in steps of .05.' }),
  models: Type.Array(Type.String(), { description: 'Resident models.' }),
  osUpdates: Type.Nullable(
    Type.Object({
      security: OsUpdates.properties.security,
      others: OsUpdates.properties.others,
      restart: OsUpdates.properties.restart,
    }),
    { description: 'What waits for an update of its operating system. Null: it takes none from the coordinator.' },
  ),
  agents: Type.Integer(),
  staying: Type.Integer({ description: 'Of these, while it drains: those that no other node takes.' }),
  onlyHere: Type.Nullable(
    Type.Integer({ description: 'While it drains: messages and memories that are on it alone. Null: not known.' }),
  ),
  tasksRunning: Type.Integer(),
});
export type NodeLine = Static<typeof NodeLine>;

export const AgentLine = Type.Object({
  name: AgentName,
  state: AgentView.properties.state,
  node: Type.Nullable(NodeId),
  model: Type.Nullable(Type.String()),
  version: Type.Integer(),
  priority: Type.Integer(),
  waiting: Type.Integer({ description: 'Tasks in its queue.' }),
  running: Type.Integer(),
  branches: Type.Integer({ description: 'Memory tails of lost nodes that wait to be merged.' }),
  changedMs: Type.Number({ minimum: 0, description: 'Its spec was changed.' }),
  text: Type.Nullable(Type.String({ description: 'Why it is unplaced, failed or waiting; cut.' })),
  reasonCode: AgentView.properties.reasonCode,
  progress: AgentView.properties.progress,
});
export type AgentLine = Static<typeof AgentLine>;

/** A task with its texts cut to one line. */
export const TaskLine = Type.Object({
  id: TaskId,
  agent: AgentName,
  state: TaskState,
  prompt: Type.String(),
  result: Type.Nullable(Type.String()),
  problem: Type.Nullable(Type.String()),
  priority: Type.Integer(),
  origin: TaskOrigin,
  attempt: Type.Integer(),
  attempts: Type.Integer(),
  node: Type.Nullable(NodeId),
  createdMs: TimeMs,
  leasedMs: Type.Nullable(TimeMs),
  endedMs: Type.Nullable(TimeMs),
  usage: Type.Nullable(TaskUsage),
  by: Type.Optional(Asker),
  isCut: Type.Optional(Type.Boolean({ description: 'A text of it is cut; the task itself has it whole.' })),
});
export type TaskLine = Static<typeof TaskLine>;

/** Every channel with the schema of its rows. `key` names the field that identifies a row ('' where there is only one row). */
export const feedChannels = {
  totals: { key: '', row: FleetTotals },
  nodes: { key: 'id', row: NodeLine },
  agents: { key: 'name', row: AgentLine },
  tasks: { key: 'id', row: TaskLine },
  events: { key: 'id', row: FleetEvent },
  alerts: { key: 'id', row: Alert },
} as const;
/** Channels of one thing: `node:<id>`, `agent:<name>`, `task:<id>`. Their row is the whole view. */
export const feedDetails = {
  node: { key: 'id', row: NodeView },
  agent: { key: 'name', row: AgentView },
  task: { key: 'id', row: TaskView },
} as const;
export type FeedTable = keyof typeof feedChannels;
export type FeedDetail = keyof typeof feedDetails;
export type FeedRow<C extends FeedTable | FeedDetail> = C extends FeedTable
  ? Static<(typeof feedChannels)[C]['row']>
  : C extends FeedDetail
    ? Static<(typeof feedDetails)[C]['row']>
    : never;

const FeedChannel = Type.String({
  pattern: '^(totals|nodes|agents|tasks|events|alerts|(node|agent|task):[a-z0-9-]{1,63})$',
  description: 'totals, nodes, agents, tasks, events, alerts, node:<id>, agent:<name> or task:<id>.',
});
const FeedEpoch = Type.String({
  pattern: '^[0-9a-f]{8,32}$',
  description: 'One life of the feed; another one after a restart of the coordinator: sequence numbers begin anew.',
});

/** Requests of a console. A second subscription to a channel starts it again. */
export const ConsoleRequest = Type.Union([
  Type.Object({
    type: Type.Literal('subscribe'),
    channels: Type.Array(
      Type.Object({
        channel: FeedChannel,
        epoch: Type.Optional(FeedEpoch),
        seq: Type.Optional(Type.Integer({ minimum: 0, description: 'The last it has; with `epoch`, to resume.' })),
      }),
      { minItems: 1, maxItems: maxFeedChannels },
    ),
  }),
  Type.Object({
    type: Type.Literal('unsubscribe'),
    channels: Type.Array(FeedChannel, { minItems: 1, maxItems: maxFeedChannels }),
  }),
]);
export type ConsoleRequest = Static<typeof ConsoleRequest>;

const head = { epoch: FeedEpoch, asOfMs: TimeMs };
const onChannel = { channel: FeedChannel, ...head };
const Seq = Type.Integer({ minimum: 0, description: 'Of the channel; each delta is one more than what came before.' });
const Row = Type.Record(Type.String(), Type.Unknown());
const Key = Type.Union([Type.String(), Type.Integer()]);

export const ConsoleFrame = Type.Union([
  Type.Object(
    {
      type: Type.Literal('snapshot'),
      ...onChannel,
      seq: Seq,
      part: Type.Integer({ minimum: 1 }),
      parts: Type.Integer({ minimum: 1 }),
      rows: Type.Array(Row),
    },
    {
      description:
        'Part 1 empties the table. Deltas may come between the parts and are applied as they come, a patch of a row that is not there yet is left out; the table is whole with the last part.',
    },
  ),
  Type.Object(
    {
      type: Type.Literal('delta'),
      ...onChannel,
      seq: Seq,
      put: Type.Array(Row, { description: 'Of tasks and events the newest, where too many came to show.' }),
      patch: Type.Array(Row, { description: 'The key and the fields that changed.' }),
      gone: Type.Array(Key),
    },
    { description: 'A console that gets a `seq` other than its own plus one subscribes again.' },
  ),
  Type.Object(
    { type: Type.Literal('resumed'), ...onChannel, seq: Seq },
    { description: 'What the console has stands; the deltas after `seq` follow.' },
  ),
  Type.Object(
    { type: Type.Literal('refused'), ...onChannel, detail: Type.String() },
    { description: 'There is no such thing, or too many channels; the channel is not subscribed.' },
  ),
  Type.Object(
    { type: Type.Literal('as-of'), ...head },
    { description: 'Nothing changed on any channel up to now. At least one message comes every five seconds.' },
  ),
]);
export type ConsoleFrame = Static<typeof ConsoleFrame>;

/** One WebSocket message to the console. It brings every channel of the console up to the last frame's `asOfMs`. */
export const ConsoleMessage = Type.Array(ConsoleFrame);
export type ConsoleMessage = Static<typeof ConsoleMessage>;

/** The table or detail that a channel's name stands for, with the name of the one thing. */
export function readChannel(
  channel: string,
): { table: FeedTable; of: null } | { table: FeedDetail; of: string } | null {
  if (channel in feedChannels) return { table: channel as FeedTable, of: null };
  const at = channel.indexOf(':');
  const table = channel.slice(0, at);
  return at > 0 && table in feedDetails ? { table: table as FeedDetail, of: channel.slice(at + 1) } : null;
}
