// The only writer of a view: the effect of each kind of change on it, indexes included. Stored rows are loaded with it too. In: a view, the
// real one or a layer, and a change that is stored or that is perishable; no change fails.
import { charactersOf, lengthOf, maxHoldersPerAgent } from '@blackroad/protocol';
import { signsOf } from '../fleet/health.ts';
import type { Change } from './change.ts';
import { noteErasure } from './erasures.ts';
import { isUnwritten } from './given-rows.ts';
import { rememberEnd, rememberMerged } from './just-ended.ts';
import { copyOfMap, owned } from './layer.ts';
import { modelWorked, noteFault, useModel } from './model-past.ts';
import { moveHeard } from './moved-times.ts';
import { release, reserve } from './reservations.ts';
import { dropRollout, dropSubject, putSubject } from './rollout-index.ts';
import { type AgentRow, freezeAt, type HolderRow, type NodeLive, type TaskRow } from './rows.ts';
import { dropRun, putRun } from './run-index.ts';
import { countBeat, countBreak, countEnd, countFailure, forgetSums, markSums } from './summed.ts';
import { add, drop, indexTask, moveTasks, turnRound, unindexTask } from './task-index.ts';
import { inSpace, type MutableView } from './view.ts';

type Of<T extends Change['type']> = Extract<Change, { type: T }>;
/** For changes of the store that have no part in the view. */
const onlyStored = (): void => {};

const appliers: { [T in Change['type']]: (view: MutableView, change: Of<T>) => void } = {
  node(view, change) {
    const { row } = change;
    const before = view.nodes.get(row.id);
    if (before && before.hardware !== row.hardware && view.nodesByHardware.get(before.hardware) === row.id)
      view.nodesByHardware.delete(before.hardware);
    if (row.presence === 'online') view.excused.delete(row.id);
    countBreak(view, before, row);
    view.nodes.set(row.id, row);
    view.nodesByHardware.set(row.hardware, row.id);
    if (!view.live.has(row.id))
      view.live.set(row.id, { lastSeenMs: null, capacity: null, health: null, signs: [], helloBoot: null });
  },
  'node-gone'(view, change) {
    const before = view.nodes.get(change.id);
    if (before && view.nodesByHardware.get(before.hardware) === change.id) view.nodesByHardware.delete(before.hardware);
    view.nodes.delete(change.id);
    view.live.delete(change.id);
    forgetSums(view, 'node', change.id);
    view.modelUse.delete(change.id);
    view.modelFaults.delete(change.id);
    view.modelWorked.delete(change.id);
    view.excused.delete(change.id);
  },
  agent(view, change) {
    const { row } = change;
    const before = view.agents.get(row.id);
    if (before?.placement && before.placement.node !== row.placement?.node)
      drop(view.agentsByNode, before.placement.node, row.id);
    if (before?.placement?.epoch !== row.placement?.epoch) view.observed.delete(row.id);
    if (before?.spec.name !== row.spec.name) nameAgent(view, before, row);
    view.agents.set(row.id, row);
    if (row.placement) add(view.agentsByNode, row.placement.node, row.id);
    if (row.placement?.leaving) view.leaving.set(row.id, true);
    else view.leaving.delete(row.id);
  },
  'agent-gone'(view, change) {
    const { row } = change;
    const before = view.agents.get(row.id);
    if (before?.placement) drop(view.agentsByNode, before.placement.node, row.id);
    if (before) view.agentIds.delete(inSpace(before.space, before.spec.name));
    view.agents.delete(row.id);
    view.leaving.delete(row.id);
    view.observed.delete(row.id);
    view.placeTroubles.delete(row.id);
    forgetSums(view, 'agent', row.id);
    view.removedAgents.set(row.id, row);
    view.removedIds.set(inSpace(row.space, row.name), row.id);
  },
  holder(view, change) {
    noteHolder(view, change.row);
  },
  'task-new'(view, change) {
    const { row } = change;
    const before = view.tasks.get(row.id);
    if (before) unindexTask(view, before);
    view.promptCharacters += sizeOf(row) - (before ? sizeOf(before) : 0);
    view.tasks.set(row.id, row);
    if (row.idempotencyKey !== null) view.tasksByIdempotencyKey.set(inSpace(row.space, row.idempotencyKey), row.id);
    indexTask(view, row);
  },
  'task-state'(view, change) {
    const before = view.tasks.get(change.id);
    if (!before) return;
    unindexTask(view, before);
    countFailure(view, before, change.past);
    const { type: _, id: __, ...state } = change;
    const row = { ...before, ...state };
    view.tasks.set(row.id, row);
    indexTask(view, row);
    if (row.leasedMs !== null) useModel(view, row, row.leasedMs);
  },
  'task-end'(view, change) {
    const before = view.tasks.get(change.row.id);
    if (!before) return;
    unindexTask(view, before);
    view.tasks.delete(before.id);
    view.promptCharacters -= sizeOf(before);
    useModel(view, before, change.row.endedMs);
    if (change.row.state === 'done') modelWorked(view, change.row);
    countEnd(view, change.row);
    if (before.idempotencyKey !== null) view.tasksByIdempotencyKey.delete(inSpace(before.space, before.idempotencyKey));
    rememberEnd(view, before);
    const work = view.work.get(before.agent);
    if (work && work.waiting.length === 0 && work.leased.size === 0) view.work.delete(before.agent);
  },
  'tasks-moved'(view, change) {
    moveTasks(view, change.byMs);
  },
  token(view, change) {
    view.tokens.set(change.row.id, change.row);
  },
  'token-gone'(view, change) {
    view.tokens.delete(change.id);
  },
  key(view, change) {
    view.keys.set(change.row.id, change.row);
  },
  session(view, change) {
    view.sessions.set(change.row.id, change.row);
  },
  'session-gone'(view, change) {
    view.sessions.delete(change.id);
  },
  conversation(view, change) {
    view.conversations.set(change.row.id, change.row);
  },
  'conversation-gone'(view, change) {
    view.conversations.delete(change.id);
  },
  memory(view, change) {
    const last = change.entries[change.entries.length - 1];
    if (!last) return;
    const before = view.heads.get(change.agent);
    view.heads.set(change.agent, {
      epoch: last.epoch,
      seq: last.seq,
      hash: last.hash,
      entries: (before?.entries ?? 0) + change.entries.length,
    });
  },
  branch(view, change) {
    if (change.row.merged) rememberMerged(view, change.row);
    else view.branches.set(change.row.id, change.row);
  },
  checkpoint(view, { row, logs }) {
    if (view.checkpoint === null || view.checkpoint.number < row.number) view.checkpoint = row;
    for (const log of logs) view.anchored.set(log.agent, log);
  },
  erasure: (view, change) => noteErasure(view, change),
  spending(view, change) {
    view.spending.set(change.row.account, change.row);
  },
  'spending-gone'(view, change) {
    view.spending.delete(change.account);
  },
  reservation(view, change) {
    reserve(view, change.row);
  },
  'reservation-gone'(view, change) {
    release(view, change.id);
  },
  acknowledged(view, change) {
    view.acknowledged.set(change.row.alert, change.row);
  },
  'acknowledged-gone'(view, change) {
    view.acknowledged.delete(change.alert);
  },
  given(view, { row }) {
    view.given.set(row.id, row);
    add(view.givenByAgent, row.agent, row.id);
  },
  'given-gone'(view, { id }) {
    const row = view.given.get(id);
    if (!row) return;
    view.given.delete(id);
    drop(view.givenByAgent, row.agent, id);
  },
  document(view, { row }) {
    view.documents.set(row.id, row);
    add(view.documentsByAgent, row.agent, row.id);
    if (isUnwritten(row)) add(view.unwritten, row.agent, row.id);
    else drop(view.unwritten, row.agent, row.id);
  },
  'document-gone'(view, { id }) {
    const row = view.documents.get(id);
    if (!row) return;
    view.documents.delete(id);
    drop(view.documentsByAgent, row.agent, id);
    drop(view.unwritten, row.agent, id);
  },
  'memory-run': (view, { row }) => putRun(view, row),
  'memory-run-gone': (view, { id }) => dropRun(view, id),
  pin(view, change) {
    view.pins.set(change.row.id, change.row);
  },
  'pin-gone'(view, change) {
    view.pins.delete(change.id);
  },
  webhook(view, { row }) {
    view.webhooks.set(row.id, row);
  },
  'webhook-gone'(view, { id }) {
    for (const delivery of view.deliveriesByWebhook.get(id) ?? []) view.deliveries.delete(delivery);
    view.deliveriesByWebhook.delete(id);
    view.webhooks.delete(id);
  },
  delivery(view, { row }) {
    view.deliveries.set(row.id, row);
    add(view.deliveriesByWebhook, row.webhook, row.id);
  },
  'delivery-gone'(view, { id }) {
    const row = view.deliveries.get(id);
    if (!row) return;
    view.deliveries.delete(id);
    drop(view.deliveriesByWebhook, row.webhook, id);
  },
  rollout(view, change) {
    view.rollouts.set(change.row.id, change.row);
  },
  'rollout-gone': (view, change) => dropRollout(view, change.id),
  'rollout-subject': (view, change) => putSubject(view, change.row),
  'rollout-subject-gone': (view, change) => dropSubject(view, change),
  event: onlyStored,
  audit: onlyStored,
  'agent-version': onlyStored,
  hardware: onlyStored,
  'task-dismissed': onlyStored,
  seen(view, change) {
    const live = liveOf(view, change.node);
    if (live) live.lastSeenMs = change.atMs;
  },
  health(view, change) {
    const live = liveOf(view, change.node);
    if (live) {
      live.signs = signsOf(change.health, view.nodes.get(change.node)?.info ?? null, live.signs);
      live.health = change.health;
      live.lastSeenMs = change.atMs;
    }
    countBeat(view, change);
  },
  capacity(view, change) {
    const live = liveOf(view, change.node);
    if (!live) return;
    live.capacity = change.capacity;
    const before = view.modelUse.get(change.node);
    const loaded = new Map<string, number>();
    for (const { name, kind, resident } of change.capacity.models)
      if (kind === 'chat' && resident) loaded.set(name, before?.get(name) ?? view.tickedMs ?? view.startedMs);
    view.modelUse.set(change.node, loaded);
  },
  hello(view, change) {
    const live = liveOf(view, change.node);
    if (live) {
      live.helloBoot = change.boot;
      if (change.heartbeatMs !== undefined) live.heartbeatMs = change.heartbeatMs;
      if (change.atMs !== undefined) {
        live.helloMs = change.atMs;
        live.address = change.address;
        live.can = change.can ?? {};
      }
      if (change.version !== undefined) live.version = change.version;
    }
  },
  observed(view, change) {
    view.observed.set(change.agent, { ...change.observed, node: change.node });
  },
  frozen(view, change) {
    for (const { id, presence, site } of view.frozen.length > 0 ? view.nodes.values() : []) {
      if (presence !== 'suspect' && presence !== 'lost') continue;
      if (freezeAt(view.frozen, site) && !freezeAt(change.frozen, site)) view.excused.set(id, true);
    }
    view.frozen = change.frozen;
  },
  boots(view, change) {
    const live = liveOf(view, change.node);
    if (live) live.boots = change.boots;
  },
  connects(view, change) {
    const live = liveOf(view, change.node);
    if (live) live.connects = change.connects;
  },
  refusals(view, change) {
    const live = liveOf(view, change.node);
    if (live) live.refusals = change.refusals;
  },
  spent(view, change) {
    const live = liveOf(view, change.node);
    if (live) live.spent = { ...live.spent, [change.of]: change.spent };
  },
  'model-used'(view, change) {
    owned(view.modelUse, change.node, copyOfMap)?.set(change.model, change.atMs);
  },
  'model-fault'(view, change) {
    noteFault(view.modelFaults, change);
  },
  'memory-copy'(view, { node, agent }) {
    add(view.memoryCopies, agent, node);
  },
  behind(view, change) {
    const live = liveOf(view, change.node);
    if (!live) return;
    if (change.behind) live.behind = change.behind;
    else delete live.behind;
  },
  'place-trouble'(view, change) {
    if (change.trouble) view.placeTroubles.set(change.agent, change.trouble);
    else view.placeTroubles.delete(change.agent);
  },
  'reservation-free'(view, change) {
    reserve(view, change.row);
  },
  'known-models'(view, change) {
    view.known = change.known;
  },
  restored(view, change) {
    view.restored = change.row;
    view.found.clear();
  },
  'restore-found'(view, change) {
    view.found.set(change.row.id, change.row);
  },
  backups(view, change) {
    view.backups = change.stand;
  },
  'object-store'(view, change) {
    view.objectStore = change.stand;
  },
  'known-releases'(view, change) {
    view.releases = change.releases;
  },
  balena(view, change) {
    view.balena = change.stand;
  },
  'measured-anew': (view, change) => markSums(view, change.of, change.id, change.past),
  'rollouts-judged'(view, change) {
    view.judgedMs = change.atMs;
  },
  announced(view, change) {
    view.announcedMs = change.atMs;
  },
  renewed(view, change) {
    view.coordinator = change.coordinator;
    for (const id of [...view.live.keys()]) (liveOf(view, id) as NodeLive).helloBoot = null;
  },
  ticked(view, change) {
    view.tickedMs = change.atMs;
    if (change.resumed) view.resumedMs = change.atMs;
    turnRound(view.unserved, change.served ?? 0);
  },
  'clock-set'(view, change) {
    moveHeard(view, change.byMs);
    if (change.resumed) view.resumedMs = view.tickedMs;
  },
};

export function apply(view: MutableView, change: Change): void {
  const applier = appliers[change.type] as (view: MutableView, change: Change) => void;
  applier(view, change);
}

/** Updates the index of names. The previous name is free from now on, unless another agent got it by an earlier change. */
function nameAgent(view: MutableView, before: AgentRow | undefined, { id, space, spec }: AgentRow): void {
  const old = before && inSpace(before.space, before.spec.name);
  if (old !== undefined && view.agentIds.get(old) === id) view.agentIds.delete(old);
  view.agentIds.set(inSpace(space, spec.name), id);
  const removed = view.removedAgents.get(id);
  if (!removed) return;
  view.removedAgents.delete(id);
  view.removedIds.delete(inSpace(removed.space, removed.name));
}

function noteHolder(view: MutableView, { agent, ...holder }: HolderRow): void {
  const holders = owned(view.holders, agent, copyOfList);
  if (!holders) view.holders.set(agent, [holder]);
  // A row that is applied again has no effect.
  else if ((holders[holders.length - 1] as Omit<HolderRow, 'agent'>).epoch < holder.epoch) holders.push(holder);
  if (holders && holders.length > maxHoldersPerAgent) holders.shift();
}

// Copies of values that a view changes in place, for a layer that needs its own.
const copyOfList = <V>(list: V[]): V[] => [...list];
const copyOfLive = (live: NodeLive): NodeLive => ({ ...live });
const liveOf = (view: MutableView, node: string): NodeLive | undefined => owned(view.live, node, copyOfLive);

/** The characters that a task holds in memory. */
function sizeOf({ prompt, turns, images }: TaskRow): number {
  return prompt.length + charactersOf(turns) + lengthOf(images);
}
