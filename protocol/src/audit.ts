// Every action of the audit log: a title, params for programs, and the words for people, which are made from the params here alone. The
// words are made once, when the action is done: a stored row is never rewritten. Params of an action are never renamed or removed; a later
// one is optional.
import { kind } from './audit-kind.ts';
import { Budget } from './budget.ts';
import { budgetInWords } from './budget-words.ts';
import { Role } from './enrol.ts';
import { Count, ModelName, Words } from './event-kind.ts';
import { AgentName, ConversationId, Fingerprint, Labels, NodeId, PlainName, TaskId, TimeMs } from './ids.ts';
import { NodeClassName } from './node.ts';
import { counted } from './quantity-words.ts';
import { InstallRefusal, installRefusalWords, RefusalReason } from './release.ts';
import { TaskState } from './task.ts';
import { type Static, Type } from './typebox.ts';
import { webhookAudit } from './webhook-audit.ts';

const { Optional } = Type;
const Text = Type.String();

const ofNode = ({ node }: { node: string }) => node;
const ofAgent = ({ agent }: { agent: string }) => agent;
const ofTask = ({ task }: { task: string }) => task;
const ofConversation = ({ conversation }: { conversation: string }) => conversation;
const ofToken = ({ token }: { token: string }) => token;
const ofKey = ({ key }: { key: string }) => key;
const ofName = ({ name }: { name: string }) => name;
const ofAlert = ({ alert }: { alert: string }) => alert;
const ofRollout = ({ rollout }: { rollout: string }) => rollout;
const ofModel = ({ model }: { model: string }) => model;
const ofRelease = ({ name, version, arch }: { name: string; version: string; arch: string }) =>
  `${name} ${version} ${arch}`;
function placeOfPin({ node, class: name }: { node?: string; class?: string }): string {
  if (node !== undefined) return `on ${node}`;
  return name === undefined ? 'wherever it is' : `on every node of class ${name}`;
}

const Node = { node: NodeId };
const OfRelease = { name: Text, version: Text, arch: Text, sha256: Fingerprint };
const OfImage = { name: Text, version: Text, sha256: Fingerprint };
const ofImage = ({ name, version }: { name: string; version: string }) => `${name} ${version}`;
const Joined = { ...Node, class: NodeClassName, site: PlainName, key: Text };
const joinedWords = ({ class: name, site, key }: { class: string; site: string; key: string }) =>
  `${name}, site ${site}, key ${key}`;
const Given = { agent: AgentName, memory: Text };
const Version = { agent: AgentName, version: Count };
const Key = { key: Text, name: PlainName, role: Role };
const Session = { name: Text, address: Text };
const Conversation = { conversation: ConversationId, agent: AgentName };
const Rollout = { rollout: Text, what: Text };
const ofWhat = ({ what }: { what: string }) => what;
const Upgraded = { version: Text, from: Text };
const ofUpgrade = ({ version }: { version: string }) => `blackroad-coordinator ${version}`;
const Task = { task: TaskId, agent: AgentName };

export const audit = {
  'node-enrol': kind('joined as a new node', Joined, ofNode, joinedWords),
  'node-reclaim': kind('took the place of its node back', Joined, ofNode, joinedWords),
  'enrol-refused': kind(
    'was not let in',
    { node: Optional(NodeId), hardware: Text, code: Text, problem: Text },
    ({ node, hardware }) => node ?? hardware,
    ({ code, problem }) => `${code}: ${problem}`,
  ),
  'renew-refused': kind(
    'got no new certificate',
    { ...Node, code: Text, problem: Text },
    ofNode,
    ({ code, problem }) => `${code}: ${problem}`,
  ),
  'node-quarantined': kind('quarantined a node', { ...Node, reason: Text }, ofNode, ({ reason }) => reason),
  'node-cordon': kind('cordoned a node', Node, ofNode, () => 'takes no new agents'),
  'node-uncordon': kind('uncordoned a node', Node, ofNode, () => 'takes new agents'),
  'node-drain': kind('began to drain a node', Node, ofNode, () => 'its agents move away'),
  'node-undrain': kind('ended the drain of a node', Node, ofNode, () => 'takes work again'),
  'node-site': kind(
    'changed the site of a node',
    { ...Node, was: PlainName, site: PlainName },
    ofNode,
    ({ was, site }) => `${was} -> ${site}`,
  ),
  'node-labels': kind(
    'changed the labels of a node',
    { ...Node, was: Labels, labels: Labels },
    ofNode,
    ({ was, labels }) => `${JSON.stringify(was)} -> ${JSON.stringify(labels)}`,
  ),
  'node-release': kind('released a node', { ...Node, reason: Text }, ofNode, ({ reason }) => `was: ${reason}`),
  'node-reclaim-allow': kind(
    'allowed a machine to take its node back',
    Node,
    ofNode,
    () => 'its machine may enrol anew',
  ),
  'node-forget': kind('forgot a node', { ...Node, hardware: Text }, ofNode, ({ hardware }) => hardware),
  'node-pull': kind('had a model fetched', { ...Node, model: ModelName }, ofNode, ({ model }) => model),
  'node-unload': kind('had a model put down', { ...Node, model: ModelName }, ofNode, ({ model }) => model),
  'release-add': kind(
    'had a release kept',
    { ...OfRelease, keyId: Text, bytes: Count },
    ofRelease,
    ({ sha256, keyId }) => `${sha256}, signed by ${keyId}`,
  ),
  'release-remove': kind('removed a release', OfRelease, ofRelease, ({ sha256 }) => sha256),
  'release-refused': kind(
    'sent a release that was refused',
    { reason: RefusalReason, problem: Text },
    ({ reason }) => reason,
    ({ problem }) => problem,
  ),
  'install-refused': kind(
    'did not take a release',
    { reason: InstallRefusal, version: Text, arch: Text },
    ({ version, arch }) => `blackroad-node ${version} ${arch}`,
    ({ reason }) => installRefusalWords(reason),
  ),
  'image-add': kind(
    'had an image kept',
    { ...OfImage, bytes: Count, keyId: Optional(Text) },
    ofImage,
    ({ sha256, keyId }) => `${sha256}, ${keyId === undefined ? 'not signed' : `signed by ${keyId}`}`,
  ),
  'image-remove': kind('removed an image', OfImage, ofImage, ({ sha256 }) => sha256),
  'image-personal': kind(
    'had an image made for a card',
    { ...OfImage, node: Optional(Text), token: Optional(Text) },
    ofImage,
    ({ node, token }) =>
      `for ${node ?? 'a machine without a name'}, ${token === undefined ? 'no join token' : `join token ${token}`}`,
  ),
  'upgrade-start': kind('upgraded the coordinator', Upgraded, ofUpgrade, ({ from }) => `it was ${from}`),
  'upgrade-back': kind(
    'had the coordinator go back',
    { ...Upgraded, lose: Type.Boolean() },
    ofUpgrade,
    ({ from, lose }) => `it was ${from}${lose ? '; the database of before the upgrade is taken' : ''}`,
  ),
  'cache-remove': kind(
    'removed a model from the cache',
    { name: Text, bytes: Count },
    ofName,
    ({ bytes }) => `${bytes} bytes`,
  ),
  'cache-prune': kind(
    'removed from the model cache what nobody needs',
    { bytes: Count },
    () => 'model cache',
    ({ bytes }) => `${bytes} bytes`,
  ),
  'backup-create': kind(
    'made a backup',
    { backup: Text },
    ({ backup }) => backup,
    () => '',
  ),
  'backup-fetch': kind(
    'fetched a backup',
    { backup: Text },
    ({ backup }) => backup,
    () => 'it has the keys of the fleet',
  ),
  'backup-delete': kind(
    'removed a backup',
    { backup: Text },
    ({ backup }) => backup,
    () => '',
  ),
  'restore-agent': kind(
    'brought an agent back after a restore',
    Version,
    ofAgent,
    ({ version }) => `version ${version}`,
  ),
  'restore-node': kind('let a node back in after a restore', { ...Node, key: Text }, ofNode, ({ key }) => `key ${key}`),
  'node-stop-pull': kind('stopped the fetch of a model', { ...Node, model: ModelName }, ofNode, ({ model }) => model),
  'node-remove-model': kind('had a model removed', { ...Node, model: ModelName }, ofNode, ({ model }) => model),
  'memory-erase': kind('erased memories', { agent: AgentName, entries: Count }, ofAgent, ({ entries }) =>
    counted(entries, 'memory', 'memories'),
  ),
  'model-pin': kind(
    'pinned a model',
    { model: ModelName, node: Optional(NodeId), class: Optional(NodeClassName) },
    ofModel,
    placeOfPin,
  ),
  'model-unpin': kind(
    'unpinned a model',
    { model: ModelName, node: Optional(NodeId), class: Optional(NodeClassName) },
    ofModel,
    placeOfPin,
  ),
  'node-identify': kind('had a node blink', { ...Node, seconds: Count }, ofNode, ({ seconds }) => `for ${seconds} s`),
  'node-restart': kind('had a node-agent start anew', Node, ofNode, () => ''),
  'agent-create': kind('made an agent', Version, ofAgent, ({ version }) => `version ${version}`),
  'agent-change': kind('changed an agent', Version, ofAgent, ({ version }) => `version ${version}`),
  'agent-rename': kind(
    'renamed an agent',
    { ...Version, was: AgentName },
    ofAgent,
    ({ was, version }) => `was ${was}, version ${version}`,
  ),
  'agent-remove': kind('removed an agent', Version, ofAgent, ({ version }) => `was at version ${version}`),
  'memory-add': kind('gave an agent a memory', { ...Given, kind: Text }, ofAgent, ({ kind: of }) => of),
  'memory-set': kind('set a value of an agent', { agent: AgentName, key: Text }, ofAgent, ({ key }) => key),
  'memory-unset': kind('unset a value of an agent', { agent: AgentName, key: Text }, ofAgent, ({ key }) => key),
  'memory-take-back': kind('took a memory back before it was written', Given, ofAgent, () => ''),
  'document-add': kind(
    'gave an agent a document',
    { agent: AgentName, document: Text, name: Text, sha256: Fingerprint, bytes: Count, chunks: Count },
    ofAgent,
    ({ name, chunks }) => `${name}, ${counted(chunks, 'part')}`,
  ),
  'memory-import': kind(
    'imported memories into an agent',
    { agent: AgentName, document: Text, name: Text, sha256: Fingerprint, bytes: Count, chunks: Count },
    ofAgent,
    ({ name, chunks }) => `${name}, ${counted(chunks, 'memory', 'memories')}`,
  ),
  'memory-export': kind(
    "fetched an agent's whole memory as a file",
    { agent: AgentName, entries: Count },
    ofAgent,
    ({ entries }) => counted(entries, 'entry', 'entries'),
  ),
  'document-remove': kind(
    'took a document back',
    { agent: AgentName, document: Text, name: Text },
    ofAgent,
    ({ name }) => name,
  ),
  'memory-consolidate': kind(
    "consolidated an agent's memory",
    { agent: AgentName, run: Text, results: Count },
    ofAgent,
    ({ run, results }) => `run ${run}, ${counted(results, 'result')}`,
  ),
  'memory-consolidate-undo': kind(
    'took a consolidation back',
    { agent: AgentName, run: Text },
    ofAgent,
    ({ run }) => `run ${run}`,
  ),
  'task-cancel': kind(
    'cancelled a task',
    { ...Task, state: TaskState },
    ofTask,
    ({ agent, state }) => `${agent}, was ${state}`,
  ),
  'task-retry': kind('sent a dead letter round again', { ...Task, as: TaskId }, ofTask, ({ as }) => `as ${as}`),
  'task-dismiss': kind(
    'dismissed a dead letter',
    { ...Task, state: TaskState },
    ofTask,
    ({ agent, state }) => `${agent}, ${state}`,
  ),
  'conversation-share': kind('shared a conversation', Conversation, ofConversation, ofAgent),
  'conversation-unshare': kind('ended the sharing of a conversation', Conversation, ofConversation, ofAgent),
  'conversation-delete': kind('deleted a conversation', Conversation, ofConversation, ofAgent),
  'batch-cancel': kind(
    'cancelled a batch',
    { batch: Text, key: Text },
    ({ batch }) => batch,
    ({ key }) => `of ${key}`,
  ),
  'token-create': kind(
    'made a join token',
    { token: Text, uses: Count, class: Optional(NodeClassName), site: PlainName, seconds: Count },
    ofToken,
    ({ uses, class: name = 'any class', site, seconds }) =>
      `${counted(uses, 'use')}, ${name}, site ${site}, ${seconds} s`,
  ),
  'balena-import': kind(
    'prepared a balena device',
    { device: Text, fleet: Text, node: Text, token: Optional(Text) },
    ({ device }) => device,
    ({ fleet, node, token }) => `of ${fleet}, as ${node}${token === undefined ? '' : `, join token ${token}`}`,
  ),
  'token-revoke': kind(
    'revoked a join token',
    { token: Text, usesLeft: Count },
    ofToken,
    ({ usesLeft }) => `${counted(usesLeft, 'use')} left`,
  ),
  'key-create': kind(
    'made a key',
    { ...Key, expiresMs: Optional(TimeMs), budget: Optional(Budget) },
    ofKey,
    ({ name, role, expiresMs, budget }) =>
      `${name}, ${role}${expiresMs === undefined ? '' : `, until ${new Date(expiresMs).toISOString()}`}${budget ? `, ${budgetInWords(budget)}` : ''}`,
  ),
  'key-revoke': kind('revoked a key', Key, ofKey, ({ name, role }) => `${name}, ${role}`),
  'key-budget': kind(
    'changed the budget of a key',
    { key: Text, name: PlainName, was: Type.Nullable(Budget), budget: Type.Nullable(Budget) },
    ofKey,
    ({ name, was, budget }) =>
      `${name}: ${was ? budgetInWords(was) : 'none'} -> ${budget ? budgetInWords(budget) : 'none'}`,
  ),
  ...webhookAudit,
  'sign-in-code': kind('made a sign-in code', { name: Text }, ofName, () => 'good once'),
  'sign-in': kind('signed in to the console', Session, ofName, ({ address }) => `from ${address}`),
  'sign-out': kind('ended a console session', Session, ofName, ({ address }) => `of ${address}`),
  refused: kind(
    'was refused at the door',
    { tried: Text, problem: Words },
    ({ tried }) => tried,
    ({ problem }) => problem,
  ),
  'alert-ack': kind('acknowledged an alert', { alert: Text, note: Text }, ofAlert, ({ note }) => note),
  'alert-unack': kind('took an acknowledgement back', { alert: Text }, ofAlert, () => ''),
  'rollout-start': kind(
    'started a rollout',
    { ...Rollout, subjects: Count },
    ofRollout,
    ({ what, subjects }) => `${what}, to ${subjects}`,
  ),
  'rollout-pause': kind('paused a rollout', Rollout, ofRollout, ofWhat),
  'rollout-resume': kind('resumed a rollout', Rollout, ofRollout, ofWhat),
  'rollout-approve': kind(
    'approved a wave of a rollout',
    { ...Rollout, wave: Count },
    ofRollout,
    ({ what, wave }) => `${what}, wave ${wave}`,
  ),
  'rollout-abort': kind('aborted a rollout', Rollout, ofRollout, ofWhat),
  'rollout-back': kind('rolled a rollout back', Rollout, ofRollout, ofWhat),
  'moves-release': kind(
    'let frozen moves happen',
    { site: Optional(PlainName), reasons: Type.Array(Text) },
    ({ site }) => (site === undefined ? 'fleet' : `site ${site}`),
    ({ reasons }) => `frozen because: ${reasons.join('; ')}`,
  ),
  other: kind(
    'did what this version does not know',
    { action: Text },
    ({ action }) => action,
    () => '',
  ),
};
export type AuditAction = keyof typeof audit;
export type AuditParams<A extends AuditAction> = Static<(typeof audit)[A]['params']>;
/** One action of any kind, with its params. */
export type AuditNote = { [A in AuditAction]: { action: A; params: AuditParams<A> } }[AuditAction];

export const auditActions = Object.keys(audit) as AuditAction[];
export const AuditAction = Type.OneOf(auditActions, {
  description: 'docs/protocol.md says what each is, and its params.',
});

interface Row<A extends AuditAction> {
  subject(params: AuditParams<A>): string;
  words(params: AuditParams<A>): string;
}
const rows: { [A in AuditAction]: Row<A> } = audit;
export function auditWords<A extends AuditAction>(
  action: A,
  params: AuditParams<A>,
): { subject: string; text: string } {
  return { subject: rows[action].subject(params), text: rows[action].words(params) };
}
/** The title of an action; an action of another version is shown by its own name. */
export function auditTitle({ action, params }: Pick<AuditEntry, 'action' | 'params'>): string {
  return action === 'other' && typeof params.action === 'string' ? params.action : audit[action].title;
}
export function isAuditAction(action: string): action is AuditAction {
  return Object.hasOwn(audit, action);
}

export const AuditEntry = Type.Object({
  id: Type.Integer(),
  atMs: TimeMs,
  actor: Type.String({ description: '`key:<name>`, `node:<id>`, `token:<id>`, `address:<address>`, `coordinator`.' }),
  action: AuditAction,
  title: Type.String({ description: 'The action in words, to be read after the actor.' }),
  subject: Type.String(),
  text: Type.String(),
  params: Type.Record(Type.String(), Type.Unknown(), {
    description: 'Those of its action; none where the entry is older than them.',
  }),
});
export type AuditEntry = Static<typeof AuditEntry>;
