// The decisions of placement: carry out a part of a plan, resume frozen moves when a person asks for it, unload idle models. A plan was
// made from a view that has changed since: every step is checked against the present view, and a step that no longer fits is left out and
// planned anew. The rows and messages of a move are made in fleet/assignment.ts. [INV-closed] [INV-capacity]
import { askerOf, type MoveCause, placeOf } from '@blackroad/protocol';
import { type Move, makeMoves } from '../../fleet/assignment.ts';
import { accept, refuse } from '../../state/decision.ts';
import {
  change,
  type Draft,
  decided,
  decidedWith,
  noteAudit,
  noteEvent,
  openDraft,
  putAgent,
} from '../../state/draft.ts';
import type { Decide, Policy } from '../../state/input.ts';
import { type AgentRow, freezeAt } from '../../state/rows.ts';
import { needOf } from '../model/need.ts';
import { closedOf } from '../model/snapshot.ts';
import { brokenRule } from '../rules/feasible.ts';
import { idleForMs, isIdleModel } from './idle-models.ts';
import type { PlanPart, PlanStep, Target } from './plan-parts.ts';
import { mayRebalance } from './rebalance.ts';

export const applyPlan: Decide<'plan-apply'> = (view, { steps, targets, unloads }, nowMs, policy) => {
  const draft = openDraft(view, nowMs);
  const moved: Partial<Record<MoveCause, number>> = {};
  const moves: Move[] = [];
  let stale = 0;
  for (const { step, row, move } of judgedSteps(draft, steps, targets, policy)) {
    if (!row || !move) stale++;
    else if ('words' in step.step) putAgent(draft, { ...row, unplaced: step.step.words });
    else {
      moved[step.cause] = (moved[step.cause] ?? 0) + 1;
      moves.push(move);
    }
  }
  makeMoves(
    draft,
    moves,
    unloads.filter(({ node }) => moves.some(({ to }) => to?.node === node)),
  );
  return decidedWith(draft, { moved, stale });
};

interface Judged {
  step: PlanStep;
  row: AgentRow | undefined;
  /** Null: the step no longer fits. */
  move: Move | null;
}
/**
 * A step waits for agents that must leave its node first, and two agents that exchange their nodes wait for each other: so all are first
 * assumed to leave, and as long as one of them cannot, the others are judged again without it.
 */
function judgedSteps(
  draft: Draft,
  steps: readonly PlanStep[],
  targets: PlanPart['targets'],
  policy: Policy,
): readonly Judged[] {
  let leaving = new Set(steps.flatMap(({ agent, node, step }) => (node === null || 'words' in step ? [] : [agent])));
  for (;;) {
    const isOpen = openTargets(draft, targets, leaving);
    const judged = steps.map((step): Judged => {
      const row = draft.agents.get(step.agent);
      const move = row && isAsPlanned(row, step) ? moveOf(draft, row, step, targets, isOpen, policy) : null;
      return { step, row, move };
    });
    const able = new Set(judged.flatMap(({ step, move }) => (move && leaving.has(step.agent) ? [step.agent] : [])));
    if (able.size === leaving.size) return judged;
    leaving = able;
  }
}
/** Whether a node takes its planned agents, by its id; `gone`: agents that leave their node in the same part. */
function openTargets(
  draft: Draft,
  targets: PlanPart['targets'],
  gone: ReadonlySet<string>,
): (id: string, isChanging: boolean) => boolean {
  const known = new Map<string, boolean>();
  return (id, isChanging) => {
    const key = `${id} ${isChanging}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const isOpen = isClear(draft, id, targets.get(id), gone, isChanging);
    known.set(key, isOpen);
    return isOpen;
  };
}

function isAsPlanned(row: AgentRow, { version, epoch, node }: PlanStep): boolean {
  return row.version === version && row.epoch === epoch && (row.placement?.node ?? null) === node;
}

/** The move of the step; null: it no longer fits. */
function moveOf(
  draft: Draft,
  row: AgentRow,
  { cause, because, busy, step }: PlanStep,
  targets: PlanPart['targets'],
  isOpen: (node: string, isChanging: boolean) => boolean,
  policy: Policy,
): Move | null {
  const { view, nowMs } = draft;
  const move = { agent: row.id, cause, ...(because === '' ? {} : { because }) };
  if ('words' in step) return { ...move, to: null };
  if (cause === 'rebalance') {
    if (!mayRebalance(view, row, nowMs, policy, busy === true)) return null;
  } else if (cause !== 'preempt' && !needOf(view, row, nowMs, policy)) return null;
  if ('nowhere' in step) return { ...move, to: null, unplaced: step.nowhere };
  const { to } = step;
  const node = view.nodes.get(to.node);
  if (!node || !isOpen(to.node, row.placement?.node === to.node)) return null;
  if (brokenRule({ spec: row.spec, room: { node } })) return null;
  if (!isStillThere(targets.get(to.node), view.live.get(to.node)?.capacity ?? null, to.model)) return null;
  return { ...move, to };
}

/**
 * Whether the node is open and all agents that had to leave it first have left. Agents that change between models of the node do not wait
 * for each other: each would wait for itself.
 */
function isClear(
  draft: Draft,
  id: string,
  target: Target | undefined,
  gone: ReadonlySet<string>,
  isChanging: boolean,
): boolean {
  const { view } = draft;
  const node = view.nodes.get(id);
  const live = view.live.get(id);
  if (!target || !node || !live || closedOf(node, live)) return false;
  const changing = new Set(isChanging ? target.leaving.flatMap((each) => (each.isChanging ? each.agent : [])) : []);
  const isHere = (name: string) =>
    !gone.has(name) && !changing.has(name) && view.agents.get(name)?.placement?.node === id;
  const isOn = (name: string, model: string) => view.agents.get(name)?.placement?.model === model;
  if (target.leaving.some(({ agent, model }) => isHere(agent) && isOn(agent, model))) return false;
  if (target.unloads.length === 0) return true;
  for (const name of view.agentsByNode.get(id) ?? [])
    if (isHere(name) && target.unloads.includes(view.agents.get(name)?.placement?.model ?? '')) return false;
  return true;
}

/** Whether the node still has the planned model and at least the memory of then; otherwise the step is planned anew. */
function isStillThere(target: Target | undefined, now: Target['capacity'], model: string): boolean {
  const before = target?.capacity;
  if (!before || !now) return false;
  if (before === now) return true;
  const was = before.models.find(({ name }) => name === model);
  const is = now.models.find(({ name }) => name === model);
  if (was && !is) return false;
  return freeOrLoadedBytes(now) >= freeOrLoadedBytes(before);
}
/** Memory that is free or in loaded models: a model loaded since then took its weights from free memory. */
function freeOrLoadedBytes({ memoryFreeBytes, models }: NonNullable<Target['capacity']>): number {
  return models.reduce((sum, { resident, residentBytes }) => sum + (resident ? residentBytes : 0), memoryFreeBytes);
}

/** Resumes frozen moves after a person's decision, everywhere or at one site: they are planned at once. */
export const releaseMoves: Decide<'moves-release'> = (view, { by, site }, nowMs) => {
  const frozen = view.frozen;
  const draft = openDraft(view, nowMs);
  if (site === undefined && frozen.length === 0) return accept();
  if (site !== undefined && !freezeAt(frozen, site)) {
    const where =
      frozen.length > 0 ? `frozen: ${frozen.map((each) => placeOf(each.site)).join(', ')}` : 'nothing is frozen';
    return refuse(
      'invalid-request',
      `site: expected one where moves are frozen, got ${JSON.stringify(site)}; ${where}.`,
    );
  }
  const released = frozen.filter((each) => site === undefined || each.site === site || each.site === null);
  const kept = frozen.flatMap((each) => {
    if (site === undefined || each.site === site) return [];
    return each.site === null ? [{ ...each, released: [...each.released, site] }] : [each];
  });
  const reasons = released.map(({ reason }) => reason);
  change(draft, { type: 'frozen', frozen: kept });
  noteAudit(draft, by, 'moves-release', { site, reasons });
  noteEvent(draft, 'moves-released', { site, by: askerOf(by), reasons });
  return decided(draft);
};

/** Unloads only models that are still idle; the next task loads the model again. */
export const unloadIdle: Decide<'models-idle'> = (view, { unloads }, nowMs, policy) => {
  const draft = openDraft(view, nowMs);
  const idle = unloads.filter(({ node, model }) => isIdleModel(view, node, model, nowMs, policy));
  for (const { node, model } of idle) {
    const minutes = Math.round(idleForMs(view, node, model, nowMs) / 60_000);
    noteEvent(draft, 'model-idle', { node, model, minutes });
    // The use of the model is set to now, so that the unload is not repeated before the node reports its end.
    change(draft, { type: 'model-used', node, model, atMs: nowMs });
  }
  makeMoves(draft, [], idle);
  return decided(draft);
};
