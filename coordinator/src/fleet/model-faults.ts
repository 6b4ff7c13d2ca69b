// The models that fail on a node, by the reports of agents there: the node keeps trying, and placement avoids the pair for a while. The
// fault belongs to the model on that node, not to the agent; perishable. In: reports of agents. Out: changes.
import type { AgentObserved, NodeCapacity } from '@blackroad/protocol';
import { change, type Draft } from '../state/draft.ts';
import type { AgentRow, ModelFault, PlaceTrouble } from '../state/rows.ts';
import type { View } from '../state/view.ts';

/** The time after which an agent with a failing model moves: most failures are over by then, and a move costs more. */
export const faultPatienceMs = 30_000;
/** The time for which nothing new is placed on the model there; doubled at each further failure. */
const avoidMs = 600_000;
const maxAvoidMs = 86_400_000;
/** After this time without a failure, the next one counts as the first. */
const forgetMs = 3_600_000;

/** The state that an agent reports shows whether its model works there. */
export function judgeModel(draft: Draft, node: string, model: string, { agent, state, reason }: AgentObserved): void {
  const { view, nowMs } = draft;
  const known = view.modelFaults.get(node)?.get(model);
  if (state === 'ready') {
    // A fault that ended is kept: after another failure soon, the model is avoided for longer.
    judgeWork(draft, node, model);
  } else if (state === 'failed' && !worksForOthers(view, node, model, agent)) {
    const text = reason ?? `${model} fails`;
    if (known && nowMs < known.untilMs) put(draft, node, model, { ...known, reason: text });
    else put(draft, node, model, faultAgain(known, nowMs, text));
  }
}

/** Records a fault after the work of an agent was refused there at every try: the agent can move to another node at once. */
export function judgeRefusal(draft: Draft, agent: string, node: string, reason: string): void {
  const placement = draft.agents.get(agent)?.placement;
  if (placement?.node !== node) return;
  const known = draft.view.modelFaults.get(node)?.get(placement.model);
  const isUnder = known !== undefined && draft.nowMs < known.untilMs;
  put(draft, node, placement.model, isUnder ? { ...known, reason } : faultAgain(known, draft.nowMs, reason));
}
/** Two refusals in a row: a single one may be accidental. */
export function failsThere({ inARow, avoid }: Readonly<PlaceTrouble>): boolean {
  return avoid && inARow > 1;
}
/** Ends the fault of a model, as a task was done with it there. */
export function judgeWork(draft: Draft, node: string, model: string): void {
  const known = draft.view.modelFaults.get(node)?.get(model);
  if (known && draft.nowMs < known.untilMs) put(draft, node, model, { ...known, untilMs: draft.nowMs });
}
/** Ends the fault of a model that was absent from the node and is present again: it was fetched anew. */
export function judgeCapacity(draft: Draft, node: string, { models }: NodeCapacity): void {
  const before = draft.view.live.get(node)?.capacity?.models ?? [];
  for (const model of draft.view.modelFaults.get(node)?.keys() ?? []) {
    const isIt = ({ name }: { readonly name: string }) => name === model;
    if (models.some(isIt) && !before.some(isIt)) judgeWork(draft, node, model);
  }
}

/** Renews the fault of a model with agents that still fail on it, and removes old faults. */
export function judgeFaults(draft: Draft): void {
  const { view, nowMs } = draft;
  for (const [node, faults] of view.modelFaults) {
    for (const [model, fault] of faults) {
      if (nowMs < fault.untilMs) continue;
      if (hasAgents(view, node, model, 'failed')) put(draft, node, model, faultAgain(fault, nowMs, fault.reason));
      else if (nowMs >= fault.untilMs + forgetMs) change(draft, { type: 'model-fault', node, model, fault: null });
    }
  }
}

/** The fault that keeps this agent from working on its node, while it lasts. */
export function faultUnder(view: View, { id, placement }: AgentRow, nowMs: number): Readonly<ModelFault> | null {
  const fault = placement && view.modelFaults.get(placement.node)?.get(placement.model);
  if (!fault || nowMs >= fault.untilMs) return null;
  return view.observed.get(id)?.state === 'failed' || isTurnedDown(view, id, placement.node) ? fault : null;
}
/** The time before a move. Work that was refused there has waited enough; a failure that an agent reports may be over in a moment. */
export function patienceMs(view: View, agent: string, node: string): number {
  return isTurnedDown(view, agent, node) ? 0 : faultPatienceMs;
}
function isTurnedDown(view: View, agent: string, node: string): boolean {
  const trouble = view.placeTroubles.get(agent);
  return trouble?.node === node && failsThere(trouble);
}

function faultAgain(before: Readonly<ModelFault> | undefined, nowMs: number, reason: string): ModelFault {
  const strikes = before && nowMs < before.untilMs + forgetMs ? before.strikes + 1 : 1;
  return { sinceMs: nowMs, untilMs: nowMs + Math.min(maxAvoidMs, avoidMs * 2 ** (strikes - 1)), strikes, reason };
}
/** A model that works for another agent on the node is not the cause. */
function worksForOthers(view: View, node: string, model: string, agent: string): boolean {
  return hasAgents(view, node, model, 'ready', agent);
}
function hasAgents(view: View, node: string, model: string, state: AgentObserved['state'], but = ''): boolean {
  for (const name of view.agentsByNode.get(node) ?? []) {
    if (name === but || view.agents.get(name)?.placement?.model !== model) continue;
    if (view.observed.get(name)?.state === state) return true;
  }
  return false;
}
function put(draft: Draft, node: string, model: string, fault: ModelFault): void {
  change(draft, { type: 'model-fault', node, model, fault });
}
