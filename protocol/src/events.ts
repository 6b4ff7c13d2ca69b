// Every type of event: its severity, its params for programs, and its words for people, which are made from the params here and nowhere
// else. In `params`, `node` and `agent` name the subjects of the event: lists are selected by them. Words are made once, when the event is
// written: a stored event keeps its words when a later version words it otherwise. Params of a type are never renamed or removed; a later
// one is optional.
import { actorOf } from './asker-words.ts';
import { Count, kind, ModelName, Severity, Words } from './event-kind.ts';
import { AgentName, Epoch, Fingerprint, NodeId, PlainName, Seq, TimeMs } from './ids.ts';
import { NodeClassName, PresenceCause } from './node.ts';
import { nodeEvents } from './node-events.ts';
import { Asker } from './principal.ts';
import { counted } from './quantity-words.ts';
import { InstallRefusal, installRefusalWords, RefusalReason } from './release.ts';
import { ofRollouts } from './rollout-events.ts';
import { type Static, Type } from './typebox.ts';
import { UpgradeState } from './upgrade.ts';
import { upgradeWords } from './upgrade-words.ts';
import { ofWebhooks } from './webhook-events.ts';

const { Nullable, Optional } = Type;
const Text = Type.String();

function because(...reasons: (string | undefined)[]): string {
  const said = reasons.filter((reason) => reason !== undefined);
  return said.length === 0 ? '' : `: ${said.join('; ')}`;
}
/** A missing site means the whole fleet. */
export function placeOf(site: string | null | undefined): string {
  return site === null || site === undefined ? 'the fleet' : `site ${site}`;
}
/** The kind of message that a node sends too often, in words; the page of the node shows it too. */
export function tooMany(of: 'events' | 'records', { burst, perMinute }: { burst: number; perMinute: number }): string {
  const what = of === 'events' ? 'tells more events' : 'brings more tasks of its own and entries of branches';
  return `${what} than ${burst} at once and ${perMinute} a minute`;
}
/** Why an agent moves, in one word. */
export const moveCauses = ['new', 'lost', 'drain', 'rules', 'failing', 'preempt', 'rebalance'] as const;
export type MoveCause = (typeof moveCauses)[number];
const Cause = Type.OneOf(moveCauses);
const Budget = { burst: Count, perMinute: Count };
const OfBranch = { agent: AgentName, node: NodeId, branch: Text, fromSeq: Seq, uptoSeq: Seq };

const ofTheFleet = {
  'coordinator-started': kind(
    'info',
    'The coordinator started, and nodes were online when it stopped',
    { nodes: Count, graceSeconds: Count },
    ({ nodes, graceSeconds }) =>
      `the coordinator started; ${counted(nodes, 'node has', 'nodes have')} ${graceSeconds} s to come back`,
  ),
  'clock-set': kind(
    'warning',
    "The clock of the coordinator's machine was set",
    { byMs: Type.Integer() },
    ({ byMs }) =>
      `the clock of the coordinator went ${byMs > 0 ? 'forward' : 'back'} by ${Math.max(1, Math.round(Math.abs(byMs) / 1000))} s; what is waited for is waited for as long as before`,
  ),
  'storage-back': kind(
    'error',
    'The coordinator can store again, and could not before',
    { seconds: Count, problem: Text, refused: Count },
    ({ seconds, problem, refused }) =>
      `the coordinator could store nothing for ${seconds} s (${problem}); ${counted(refused, 'input was', 'inputs were')} refused`,
  ),
  'release-added': kind(
    'info',
    'The coordinator keeps a release for its nodes',
    { name: Text, version: Text, arch: Text, sha256: Fingerprint, by: Text },
    ({ name, version, arch, by }) => `${name} ${version} for ${arch} is here for the nodes, from ${by}`,
  ),
  'release-refused': kind(
    'warning',
    'A release was sent that this fleet does not take: changed on its way, signed by another key, or of an unknown form',
    { reason: RefusalReason, problem: Text, by: Text },
    ({ problem, by }) => `a release from ${by} was refused: ${problem}`,
  ),
  'coordinator-upgrade': kind(
    'info',
    'The coordinator upgrades itself: it began, the new release stays, it was taken back, or nothing was changed',
    { version: Text, from: Text, state: UpgradeState, text: Words, by: Text },
    upgradeWords,
    ({ state }) => (state === 'rolled-back' ? 'error' : state === 'failed' ? 'warning' : 'info'),
  ),
  'install-refused': kind(
    'warning',
    'A machine did not take the release of the node-agent that it got',
    { reason: InstallRefusal, version: Text, arch: Text, by: Text },
    ({ reason, version, arch, by }) =>
      `blackroad-node ${version} for ${arch} was refused by a machine (${by}): ${installRefusalWords(reason)}`,
  ),
  'moves-frozen': kind(
    'error',
    'Too many nodes went away at once: no agent there is moved until they are back or a person says so',
    { site: Optional(PlainName), away: Count, nodes: Count, seconds: Count },
    ({ site, away, nodes, seconds }) =>
      `${away} of ${nodes} nodes of ${placeOf(site)} went away within ${seconds} s: most likely the network or the coordinator, so no agent there is moved`,
  ),
  'moves-resumed': kind(
    'info',
    'Enough nodes are back: agents are moved again; `frozen` are the sites that are not, null being the whole fleet',
    { site: Optional(PlainName), frozen: Type.Array(Nullable(PlainName)) },
    ({ site, frozen }) =>
      `enough nodes of ${placeOf(site)} are back: agents may be moved again${frozen.length === 0 ? '' : `; still frozen: ${frozen.map(placeOf).join(', ')}`}`,
  ),
  'moves-released': kind(
    'info',
    'A person lets frozen moves happen',
    { site: Optional(PlainName), by: Asker, reasons: Type.Array(Text) },
    ({ site, by, reasons }) =>
      `moves ${site === undefined ? '' : `at ${placeOf(site)} `}released by ${actorOf(by)}; frozen because: ${reasons.join('; ')}`,
  ),
};

const Restore = { backupMs: TimeMs, restoredMs: TimeMs };
const minuteOf = (ms: number) => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
const ofBackups = {
  'backup-made': kind(
    'info',
    'A backup of the coordinator was made',
    { backup: Text, bytes: Count, seconds: Count },
    ({ backup, bytes, seconds }) => `backup ${backup} is made: ${bytes} bytes in ${seconds} s`,
  ),
  'backup-failed': kind(
    'error',
    'A backup of the coordinator could not be made',
    { problem: Text },
    ({ problem }) => `no backup was made: ${problem}`,
  ),
  restored: kind(
    'warning',
    'The coordinator was restored from a backup; `tasks` had not ended in it, and are dead letters now',
    { ...Restore, agents: Count, nodes: Count, tasks: Count },
    ({ backupMs, restoredMs, agents, nodes, tasks }) =>
      `restored from the backup of ${minuteOf(backupMs)}, at ${minuteOf(restoredMs)}, with ${counted(nodes, 'node')} and ${counted(agents, 'agent')}; nodes bring what they have of the time between${tasks === 0 ? '' : `; ${counted(tasks, 'task')} that had not ended may have been done since: see the failed tasks`}`,
  ),
  'restore-found': kind(
    'warning',
    'After a restore a node has an agent, or a machine is a node, that the backup does not know',
    { node: NodeId, agent: Optional(AgentName) },
    ({ node, agent }) =>
      agent === undefined
        ? `${node} has a certificate of this fleet and is not in the backup: it joined since`
        : `${node} has the agent ${agent} as the backup does not know it: it was made or changed since`,
  ),
};

const ofNodes = {
  'node-enrol': kind(
    'info',
    'A machine joined as a new node',
    { node: NodeId, class: NodeClassName },
    ({ node, class: name }) => `${node} joined as ${name}`,
  ),
  'node-reclaim': kind(
    'info',
    'A machine that was set up anew took the place of its node back',
    { node: NodeId },
    ({ node }) => `${node} was set up anew and took its old place back`,
  ),
  'enrol-refused': kind(
    'warning',
    'A machine may not join; `code` is a problem, `node` the one it may be',
    { node: Optional(NodeId), name: Text, hardware: Text, code: Text, problem: Text },
    ({ name, hardware, problem }) => `${name || 'a machine'} (hardware ${hardware}) may not join: ${problem}`,
  ),
  'node-online': kind(
    'info',
    'A node is here for the first time, or back',
    { node: NodeId, isNew: Type.Boolean(), reason: Text },
    ({ node, isNew, reason }) => (isNew ? `${node} is here for the first time` : `${node} is back: ${reason}`),
  ),
  'node-suspect': kind(
    'warning',
    'The connection of a node fell, or it is silent; `info` where its node-agent was stopped in good order',
    { node: NodeId, cause: PresenceCause, reason: Text },
    ({ node, reason }) => `${node} is away: ${reason}`,
    ({ cause }) => (cause === 'stopped' ? 'info' : 'warning'),
  ),
  'node-lost': kind(
    'error',
    'A node is given up for now; `tasks` go back to the queue. `awaySeconds` lacks where it was quarantined',
    { node: NodeId, awaySeconds: Optional(Count), cause: PresenceCause, reason: Text, tasks: Count },
    ({ node, awaySeconds, reason, tasks }) =>
      `${node} ${awaySeconds === undefined ? 'is shut out' : `has been away for ${awaySeconds} s (${reason})`}${tasks === 0 ? '' : `; ${counted(tasks, 'task goes', 'tasks go')} back to the queue`}`,
  ),
  'node-quarantined': kind(
    'error',
    'A node is shut out until a person releases it',
    { node: NodeId, reason: Text },
    ({ node, reason }) => `${node} is quarantined: ${reason}`,
  ),
  'node-forgotten': kind(
    'warning',
    'A person took a node out of the fleet',
    { node: NodeId },
    ({ node }) => `${node} was forgotten`,
  ),
  'node-class': kind(
    'info',
    'The hardware of a node was found to be other than when it joined',
    { node: NodeId, class: NodeClassName, was: NodeClassName },
    ({ node, class: name, was }) =>
      `${node} is of class ${name} now, and was ${was}: its hardware was found to be other than when it joined`,
  ),
  'model-idle': kind(
    'info',
    'A model that nobody used is put down to free its memory',
    { node: NodeId, model: ModelName, minutes: Count },
    ({ node, model, minutes }) =>
      `${model} on ${node} had no task for ${minutes} min: its memory is freed, the next task loads it`,
  ),
  'not-its-own': kind(
    'warning',
    'A node speaks for what it never held, and is not heard; said once an hour',
    { node: NodeId, claim: Text },
    ({ claim }) =>
      `${claim}. It never held that, and is not heard; what more of this comes within an hour is counted at the node`,
  ),
  'over-budget': kind(
    'warning',
    'A node tells too many events: the rest is not kept',
    { node: NodeId, ...Budget },
    ({ node, ...budget }) =>
      `${node} ${tooMany('events', budget)}: what comes beyond that is not kept, and is counted on its page until it has been quieter`,
  ),
  'records-delayed': kind(
    'info',
    'A node brings more ends of its own tasks and entries of branches than are taken at once: the rest comes later',
    { node: NodeId, ...Budget },
    ({ node, ...budget }) =>
      `${node} ${tooMany('records', budget)}: it keeps what comes beyond that, and brings it again`,
  ),
};

const Spending = { of: Type.OneOf(['key', 'agent']), name: Text, agent: Optional(AgentName), words: Text };
const ofBudgets = {
  'budget-low': kind(
    'warning',
    'A key or an agent has used 80 % of its budget',
    Spending,
    ({ of, name, words }) => `the budget of the ${of} ${name} comes to its end: ${words}`,
  ),
  'budget-used-up': kind(
    'error',
    'A key or an agent has used all of its budget',
    Spending,
    ({ of, name, words }) => `the budget of the ${of} ${name} is used up: ${words}`,
  ),
};

const ofNewerNodes = {
  log: kind(
    'info',
    'A node told an event of a type that this version does not know; `type` names it',
    { type: Text },
    ({ type }) => `${type}: this version does not know what that is`,
  ),
};

const ofAgents = {
  'agent-placed': kind(
    'info',
    'An agent that was nowhere goes to a node',
    { agent: AgentName, node: NodeId, model: ModelName, because: Optional(Text) },
    ({ agent, node, model, because: why }) => `${agent} goes to ${node} with ${model}${because(why)}`,
  ),
  'agent-moved': kind(
    'info',
    'An agent goes from one node to another, or to another model of its node',
    { agent: AgentName, from: NodeId, node: NodeId, model: ModelName, cause: Cause, because: Optional(Text) },
    ({ agent, from, node, model, because: why }) =>
      `${agent} moves from ${from} to ${node} with ${model}${because(why)}`,
  ),
  'agent-unplaced': kind(
    'warning',
    'An agent is taken off its node, and goes to none yet; `nowhere` is why',
    { agent: AgentName, node: NodeId, cause: Cause, because: Optional(Text), nowhere: Optional(Text) },
    ({ agent, node, because: why, nowhere }) => `${agent} is taken off ${node}${because(why, nowhere)}`,
  ),
  'agent-failed': kind(
    'error',
    'A node could not run an agent',
    { agent: AgentName, node: NodeId, reason: Optional(Text) },
    ({ agent, node, reason = 'no reason given' }) => `${agent} failed on ${node}: ${reason}`,
  ),
  'agent-renamed': kind(
    'info',
    'A person gave an agent another name',
    { agent: AgentName, was: AgentName },
    ({ agent, was }) => `${was} is called ${agent} from now on`,
  ),
  'agent-removed': kind(
    'info',
    'A person removed an agent',
    { agent: AgentName },
    ({ agent }) => `${agent} was removed`,
  ),
  'memory-fork': kind(
    'error',
    'The node that writes the memory of an agent holds another history of it, which is kept as a branch',
    { agent: AgentName, node: NodeId, fromSeq: Seq },
    ({ agent, node, fromSeq }) =>
      `${node} holds another history of ${agent} from about entry ${fromSeq} on; it will be kept as a branch`,
  ),
  'memory-branch': kind(
    'info',
    'What a node wrote for an agent that had gone elsewhere is here as a branch',
    { ...OfBranch, epoch: Epoch },
    ({ agent, node, branch, epoch, fromSeq, uptoSeq }) =>
      `${node} brought what it had written for ${agent} under epoch ${epoch}: entries ${fromSeq} to ${uptoSeq}, kept as branch ${branch}`,
  ),
  'memory-branch-cut': kind(
    'warning',
    'A branch is not whole: its node was forgotten, or lost the rest, before it had brought all of it',
    { ...OfBranch, cause: Optional(Type.OneOf(['forgotten', 'nothing-left'])) },
    ({ node, branch, fromSeq, uptoSeq, cause = 'forgotten' }) => {
      const why =
        cause === 'forgotten'
          ? `${node} was forgotten before it had brought all of it`
          : `${node} had not brought all of it, and says that it has nothing left to bring`;
      return `branch ${branch} ends at entry ${uptoSeq}: ${why}; entries ${fromSeq} to ${uptoSeq} are kept`;
    },
  ),
  'memory-erased': kind(
    'info',
    'Memories were erased here; the nodes that have them are told',
    { agent: AgentName, erasure: Text, entries: Count, nodes: Count },
    ({ agent, entries, nodes }) =>
      `${counted(entries, 'memory', 'memories')} of ${agent} ${entries === 1 ? 'is' : 'are'} erased; ${counted(nodes, 'node has', 'nodes have')} to confirm it`,
  ),
  'memory-erased-everywhere': kind(
    'info',
    'Every node has confirmed that memories are erased',
    { agent: AgentName, erasure: Text },
    ({ agent, erasure }) => `every node has confirmed erasure ${erasure} of ${agent}`,
  ),
  'memory-damaged': kind(
    'error',
    'What the coordinator has stored of a memory does not verify: it was changed, or is not whole',
    { agent: AgentName, seq: Seq, problem: Text },
    ({ agent, seq, problem }) => `the memory of ${agent} does not verify, entry ${seq}: ${problem}`,
  ),
  'memory-merged': kind(
    'info',
    'What a branch has of an agent is in its memory',
    { agent: AgentName, node: NodeId, branch: Text, epoch: Epoch },
    ({ agent, node, epoch }) => `what ${node} remembered of ${agent} under epoch ${epoch} is brought in`,
  ),
};

export const events = {
  ...ofTheFleet,
  ...ofBackups,
  ...ofNodes,
  ...ofAgents,
  ...ofBudgets,
  ...ofRollouts,
  ...ofWebhooks,
  ...nodeEvents,
  ...ofNewerNodes,
};
export type EventType = keyof typeof events;
export type EventParams<T extends EventType> = Static<(typeof events)[T]['params']>;
/** Params of an event of any type. */
export type AnyParams = Readonly<Record<string, unknown>>;

export const eventTypes = Object.keys(events) as EventType[];
export const EventType = Type.OneOf(eventTypes, { description: 'docs/protocol.md says what each is, and its params.' });

type Row<T extends EventType> = {
  severity: Severity;
  graded?(params: EventParams<T>): Severity;
  words(params: EventParams<T>): string;
};
const rows: { [T in EventType]: Row<T> } = events;
export function eventWords<T extends EventType>(type: T, params: EventParams<T>): string {
  return rows[type].words(params);
}
export function severityOf<T extends EventType>(type: T, params: EventParams<T>): Severity {
  const { severity, graded } = rows[type];
  return graded?.(params) ?? severity;
}
export function isEventType(type: string): type is EventType {
  return Object.hasOwn(events, type);
}

export const FleetEvent = Type.Object({
  id: Type.Integer(),
  atMs: TimeMs,
  node: Nullable(NodeId),
  agent: Nullable(AgentName),
  type: EventType,
  severity: Severity,
  text: Type.String(),
  params: Type.Record(Type.String(), Type.Unknown(), {
    description: 'Those of its type; none where the event is older than them, or its node did not say them.',
  }),
});
export type FleetEvent = Static<typeof FleetEvent>;
