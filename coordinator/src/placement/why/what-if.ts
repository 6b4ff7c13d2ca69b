// What-if: the plan that placement would make for a supposed fleet, with agents added or changed, nodes lost or drained. It uses the functions of
// placement on a supposed view. Moves are never frozen: the valve is ignored, and so is the patience with lost nodes. In: the view and the
// question. Out: the answer, in slices. Changes nothing.
import {
  type AgentSpec,
  defaultSpace,
  type Fault,
  type FixSteps,
  maxAgents,
  type NodeSelector,
  type WhatIfPlan,
  type WhatIfRequest,
} from '@blackroad/protocol';
import { specFaults } from '../../fleet/spec-faults.ts';
import type { Policy } from '../../state/input.ts';
import type { AgentRow, NodeLive, NodeRow } from '../../state/rows.ts';
import { agentIdOf, agentNameOf, type View } from '../../state/view.ts';
import { snapshotting, supplying } from '../model/snapshot.ts';
import { type Supposed, suppose } from '../model/supposed.ts';
import { planning } from '../plan/place.ts';
import { editAgent } from './edit-agent.ts';
import { answering, Outcome } from './what-if-answer.ts';

/** The number of agents in one slice. */
const sliceAgents = 500;
/** The limit of a name's length, which a numbered name must keep. */
const maxNameLength = 63;

/** Faults of the question for this fleet; its schema was checked before. */
export function whatIfFaults(
  view: View,
  { add, change = [], lose, drain }: WhatIfRequest,
  nowMs: number,
  timeZone: string,
): Fault[] {
  const faults: Fault[] = [];
  for (const [i, { spec }] of add.entries())
    for (const { field, ...fault } of specFaults(view, spec, nowMs, timeZone))
      faults.push({ field: `add.${i}.spec.${field}`, ...fault });
  for (const [i, spec] of change.entries()) {
    if (agentIdOf(view, defaultSpace, spec.name) === undefined)
      faults.push({ field: `change.${i}.name`, expected: 'an agent of the fleet', got: JSON.stringify(spec.name) });
    for (const { field, ...fault } of specFaults(view, spec, nowMs, timeZone))
      faults.push({ field: `change.${i}.${field}`, ...fault });
  }
  const wanted = add.reduce((sum, { count }) => sum + count, 0);
  const free = Math.max(0, maxAgents - view.agents.size);
  if (wanted > free)
    faults.push({
      field: 'add',
      expected: `at most ${free} agents (the fleet's limit is ${maxAgents})`,
      got: `${wanted}`,
    });
  for (const [field, selectors] of [
    ['lose', lose],
    ['drain', drain],
  ] as const) {
    selectors.forEach((selector, index) => {
      if (!someNode(view, selector))
        faults.push({
          field: `${field}.${index}`,
          expected: 'a node of the fleet',
          got: `none with ${selectorInWords(selector)}`,
        });
    });
  }
  return faults;
}
function someNode(view: View, selector: NodeSelector): boolean {
  for (const node of view.nodes.values()) if (isSelected(node, selector)) return true;
  return false;
}
function isSelected(row: NodeRow, { node, site, class: name, labels = {} }: NodeSelector): boolean {
  return (
    (node === undefined || row.id === node) &&
    (site === undefined || row.site === site) &&
    (name === undefined || row.class === name) &&
    Object.entries(labels).every(([key, value]) => row.labels[key] === value)
  );
}
function selectorInWords({ labels = {}, ...rest }: NodeSelector): string {
  const labelled = Object.entries(labels).map(([key, value]) => `label ${key}=${value}`);
  return [...Object.entries(rest).map(([key, value]) => `${key} ${value}`), ...labelled].join(' and ');
}

/** The question must have no faults. */
export function* supposing(
  view: View,
  request: WhatIfRequest,
  nowMs: number,
  policy: Policy,
): Generator<void, WhatIfPlan> {
  const lost = selected(view, request.lose);
  const drained = selected(view, request.drain);
  const machines = nodesSupposed(view, lost, drained);
  const work = workSupposed(view, drained);
  const added = yield* addedRows(view, request.add, nowMs);
  const changed = changedRows(view, request.change ?? []);
  const supposed = suppose(view, { agents: new Map([...added, ...changed]), ...machines, work });
  const { snapshot, needs } = yield* snapshotting(supposed, nowMs, policy);
  const plan = yield* planning(snapshot);

  const outcome = new Outcome((agent) => agentNameOf(supposed, agent));
  let looked = 0;
  for (const { agent, node, model } of plan.placed) {
    outcome.move(agent, view.agents.get(agent)?.placement?.node ?? null, { node, model }, added.has(agent));
    if (++looked % sliceAgents === 0) yield;
  }
  const yielded = new Set(plan.yielded.map(({ agent }) => agent));
  const answered = new Set<string>();
  for (const { agent, why } of plan.unplaced) {
    if (++looked % sliceAgents === 0) yield;
    const from = view.agents.get(agent)?.placement?.node ?? null;
    answered.add(agent);
    if (added.has(agent)) outcome.nowhere(agent, why);
    else if (from === null) {
      if (changed.has(agent)) outcome.nowhere(agent, why);
    } else if (lost.has(from) || yielded.has(agent) || needs.get(agent)?.mayStay === false) {
      outcome.displace(agent, from);
      outcome.nowhere(agent, why);
    } else if (drained.has(from)) {
      outcome.staying++;
      outcome.nowhere(agent, { text: `it stays on the draining node: ${why.text}`, fix: why.fix });
    }
  }
  for (const node of lost) {
    for (const agent of view.agentsByNode.get(node) ?? []) {
      const row = view.agents.get(agent);
      if (++looked % sliceAgents === 0) yield;
      if (!row || answered.has(agent) || outcome.isGone(node, agent)) continue;
      outcome.displace(agent, node);
      outcome.nowhere(agent, { text: lossWords[row.spec.onLoss.policy], fix: replaceInstead });
    }
  }
  // Without demands the snapshot has no nodes.
  const nodes = snapshot.nodes.length > 0 ? snapshot.nodes : (yield* supplying(supposed, nowMs, policy, needs)).nodes;
  return yield* answering({ view, supposed, nodes, steps: plan.models, lost, added: added.size, outcome });
}
const lossWords = {
  replace: 'its node is lost',
  wait: 'its node is lost, and its onLoss.policy is wait: it waits for its node to come back',
  keep: 'its node is lost, and its onLoss.policy is keep: it continues there alone, unreachable',
};
const replaceInstead: FixSteps = [[editAgent('onLoss.policy', 'set', ['replace'])]];

function selected(view: View, selectors: readonly NodeSelector[]): Set<string> {
  const found = new Set<string>();
  if (selectors.length === 0) return found;
  for (const node of view.nodes.values()) if (selectors.some((each) => isSelected(node, each))) found.add(node.id);
  return found;
}

/**
 * Rows for added agents, with ids that no agent can have. Copies get numbers that make their names unique; a single one with a free name
 * keeps it.
 */
function* addedRows(view: View, add: WhatIfRequest['add'], nowMs: number): Generator<void, Map<string, AgentRow>> {
  const rows = new Map<string, AgentRow>();
  const names = new Set<string>();
  const isTaken = (name: string) => agentIdOf(view, defaultSpace, name) !== undefined || names.has(name);
  for (const { spec, count } of add) {
    let number = 0;
    for (let copy = 0; copy < count; copy++) {
      let name = spec.name;
      while (count > 1 ? name === spec.name || isTaken(name) : isTaken(name)) name = numbered(spec.name, ++number);
      if (rows.size % sliceAgents === sliceAgents - 1) yield;
      names.add(name);
      const id = `supposed/${name}`;
      rows.set(id, {
        id,
        space: defaultSpace,
        spec: { ...spec, name },
        version: 1,
        epoch: 0,
        placement: null,
        why: null,
        unplaced: null,
        createdMs: nowMs,
        updatedMs: nowMs,
      });
    }
  }
  return rows;
}
function changedRows(view: View, change: readonly AgentSpec[]): Map<string, AgentRow> {
  const rows = new Map<string, AgentRow>();
  for (const spec of change) {
    const row = view.agents.get(agentIdOf(view, defaultSpace, spec.name) as string);
    if (row) rows.set(row.id, { ...row, spec, version: row.version + 1 });
  }
  return rows;
}
function numbered(name: string, number: number): string {
  const end = `-${number}`;
  return `${name.slice(0, maxNameLength - end.length).replace(/-+$/, '')}${end}`;
}

/** Rows of nodes that are lost since long ago, so that no patience is left; each has a hello, without which its silence would not count. */
function nodesSupposed(
  view: View,
  lost: ReadonlySet<string>,
  drained: ReadonlySet<string>,
): Pick<Supposed, 'nodes' | 'live'> {
  const nodes = new Map<string, NodeRow>();
  const live = new Map<string, NodeLive>();
  for (const id of drained) nodes.set(id, { ...view.nodes.get(id)!, draining: true });
  for (const id of lost) {
    nodes.set(id, { ...view.nodes.get(id)!, presence: 'lost', presenceSinceMs: 0, presenceReason: 'supposed' });
    const known = view.live.get(id);
    live.set(id, {
      lastSeenMs: null,
      capacity: null,
      health: null,
      signs: [],
      ...known,
      helloBoot: known?.helloBoot ?? 'supposed',
    });
  }
  return { nodes, live };
}
/** The work of drained agents without their leased tasks, which count as finished. */
function workSupposed(view: View, drained: ReadonlySet<string>): NonNullable<Supposed['work']> {
  const works = new Map<string, { waiting: readonly string[]; leased: ReadonlySet<string> }>();
  for (const node of drained) {
    for (const agent of view.agentsByNode.get(node) ?? []) {
      const work = view.work.get(agent);
      if (work && work.leased.size > 0) works.set(agent, { waiting: work.waiting, leased: new Set() });
    }
  }
  return works;
}
