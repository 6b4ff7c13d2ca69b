// What the coordinator says of a device to Home Assistant: the view in a few figures, rounded so that small changes are no news. Pure.
import {
  cutToBytes,
  type HomeAgentState,
  type HomeEnded,
  type HomeFleetState,
  type HomeNodeState,
  homeEnds,
  maxHomeAnswerBytes,
  maxHomeStateChars,
  plainLine,
} from '@blackroad/protocol';
import { nodeConditions } from '../fleet/conditions.ts';
import { agentState } from '../live/show.ts';
import { compareVersions, versionOf } from '../rollouts/versions.ts';
import { subjectKey } from '../state/rollout-rows.ts';
import { type AgentRow, type EndedTask, isEnded, type NodeLive, type NodeRow, type TaskRow } from '../state/rows.ts';
import type { View } from '../state/view.ts';
import type { Trait } from './components.ts';

const gb = 1e9;
const minuteMs = 60_000;
const rounded = (value: number, digits = 1) => Math.round(value * 10 ** digits) / 10 ** digits;

export function nodeStateOf(view: View, row: NodeRow, tokensPerS: number): HomeNodeState {
  const live = view.live.get(row.id);
  const health = live?.health;
  const conditions = nodeConditions(view, row.id).map(({ text }) => text);
  const models = (live?.capacity?.models ?? []).filter(({ resident }) => resident).map(({ name }) => name);
  const isQuarantined = row.status === 'quarantined';
  return {
    type: 'node',
    state: isQuarantined ? 'quarantined' : row.draining && row.presence === 'online' ? 'draining' : row.presence,
    temperatureC: health?.temperatureC === undefined ? null : rounded(health.temperatureC, 0),
    throttled: health?.throttled?.now ?? null,
    powerWeak: health?.undervoltage?.now ?? null,
    diskFreeGb: health ? rounded(health.diskFreeBytes / gb) : null,
    sdWrittenGbPerDay: health?.sdWrittenBytesPerDay === undefined ? null : rounded(health.sdWrittenBytesPerDay / gb),
    tokensPerS: rounded(tokensPerS),
    tasksRunning: view.leasesByNode.get(row.id)?.size ?? 0,
    lastSeen: live?.lastSeenMs ? isoOf(Math.floor(live.lastSeenMs / minuteMs) * minuteMs) : null,
    modelsLoaded: models.length,
    models,
    trouble: conditions.length > 0 || isQuarantined,
    conditions: isQuarantined ? [row.quarantineReason, ...conditions] : conditions,
    cordoned: row.cordoned,
    nodeAgent: nodeAgentOf(view, row),
  };
}

function nodeAgentOf(view: View, row: NodeRow): HomeNodeState['nodeAgent'] {
  const installed = versionOf(view, row.id);
  if (installed === null) return { in_progress: false };
  return {
    installed_version: installed,
    latest_version: newestFor(view, row) ?? installed,
    in_progress: isUpdating(view, row.id),
  };
}
/** The newest release that this node could get and that is newer than its own; null: there is none. */
export function newestFor(view: View, { id, info }: NodeRow): string | null {
  const installed = versionOf(view, id);
  if (!info?.updates || installed === null) return null;
  const versions = view.releases.filter(({ builds }) => builds[info.arch]).map(({ version }) => version);
  const newest = versions.sort(compareVersions).at(-1);
  return newest !== undefined && compareVersions(newest, installed) > 0 ? newest : null;
}
function isUpdating(view: View, node: string): boolean {
  for (const { id: rollout, what, state } of view.rollouts.values()) {
    if (what.kind !== 'node-agent' || state !== 'running') continue;
    if (view.rolloutSubjects.get(subjectKey({ rollout, subject: node }))?.state === 'told') return true;
  }
  return false;
}

/** What the machine of a node tells. A Raspberry Pi tells all of it, also before its first heartbeat. */
export function traitsOf({ info }: NodeRow, live: NodeLive | undefined): Set<Trait> {
  const health = live?.health;
  const isPi = /raspberry pi/i.test(info?.board ?? '');
  const traits = new Set<Trait>();
  if (isPi || health?.temperatureC !== undefined) traits.add('temperature');
  if (isPi || health?.throttled !== undefined) traits.add('throttled');
  if (isPi || health?.undervoltage !== undefined) traits.add('power');
  if (isPi || health?.sdWrittenBytesPerDay !== undefined) traits.add('sd');
  if (live?.can?.restarts) traits.add('restarts');
  return traits;
}

/** The fleet as its totals and alerts have it. */
export interface FleetFigures {
  nodes: Readonly<Record<string, number>>;
  agents: Readonly<Record<string, number>>;
  queued: number;
  running: number;
  alerts: readonly { title: string; text: string; acknowledged: object | null }[];
}
const maxAlertsSaid = 10;
const sumOf = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((sum, each) => sum + each, 0);

export function fleetStateOf(figures: FleetFigures, tokensPerS: number): HomeFleetState {
  const { nodes, agents, queued, running } = figures;
  const alerts = figures.alerts.filter(({ acknowledged }) => acknowledged === null);
  return {
    type: 'fleet',
    nodes: sumOf(nodes),
    nodesOnline: nodes.online ?? 0,
    agents: sumOf(agents),
    agentsReady: agents.ready ?? 0,
    tasksQueued: queued,
    tasksRunning: running,
    tokensPerS: rounded(tokensPerS),
    trouble: alerts.length > 0,
    alertCount: alerts.length,
    alerts: alerts.slice(0, maxAlertsSaid).map(({ title, text }) => cutToBytes(`${title}: ${text}`, 300)),
  };
}

/** Of a conversation only its people know; what is asked over HTTP is not said to everybody who reads MQTT. */
export const isForAll = ({ origin, conversation }: TaskRow) =>
  conversation === undefined && (origin === 'mqtt' || origin === 'cron' || origin === 'trigger');
const lineOf = (text: string) => [...plainLine(text)].slice(0, maxHomeStateChars).join('');

/** `last`: the last end that is for all; null: there was none. */
export function agentStateOf(view: View, row: AgentRow, last: EndedTask | null): HomeAgentState {
  const whole = last ? (last.result ?? last.problem?.text ?? '') : '';
  const text = cutToBytes(whole, maxHomeAnswerBytes);
  return {
    type: 'agent',
    state: agentState(view, row).state,
    question: lineOf(last?.prompt ?? ''),
    answer: lineOf(text),
    text,
    truncated: last !== null && (last.truncated || text.length < whole.length),
    ok: last === null ? null : last.state === 'done',
    task: last?.id ?? null,
    node: last?.node ?? null,
    at: last === null ? null : isoOf(last.endedMs),
  };
}

export function endedOf({ id, state, origin, node, createdMs, endedMs }: EndedTask): HomeEnded | null {
  const end = homeEnds.find((each) => each === state);
  if (!end) return null;
  return { event_type: end, task: id, origin, node, seconds: rounded(Math.max(0, endedMs - createdMs) / 1000) };
}

/** The newest of the tasks of an agent that has ended and is for all. */
export function lastForAll(tasks: readonly (TaskRow | EndedTask)[]): EndedTask | null {
  let last: EndedTask | null = null;
  for (const task of tasks)
    if (isEnded(task) && isForAll(task) && (last === null || task.endedMs > last.endedMs)) last = task;
  return last;
}

const isoOf = (ms: number) => new Date(ms).toISOString();
