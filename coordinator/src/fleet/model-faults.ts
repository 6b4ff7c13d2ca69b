// Which models do not work on which nodes, as far as agents there have said: the node keeps trying, placement looks elsewhere for a
// while. Held against the model on that node, not against the agent; perishable. In: what agents report. Out: changes.
import type { AgentObserved, NodeCapacity } from '@blackroad/protocol';
import { change, type Draft } from '../state/draft.ts';
import type { ModelFault, PlaceTrouble } from '../state/rows.ts';
import type { View } from '../state/view.ts';

/** An agent whose model fails moves after this long: most failures are over by then, and a move costs more. */
export const faultPatienceMs = 30_000;
/** So long nothing new goes to the model there; twice as long each time it fails again. */
const avoidMs = 600_000;
const maxAvoidMs = 86_400_000;
/** A failure after a longer time of peace is a first one. */
const forgetMs = 3_600_000;

/** What an agent says of itself says whether its model works there. */
export function judgeModel(draft: Draft, node: string, model: string, { agent, state, reason }: AgentObserved): void {
  const { view, nowMs } = draft;
  const known = view.modelFaults.get(node)?.get(model);
  if (state === 'ready') {
    // Remembered: should it fail again soon, it is avoided for longer.
    judgeWork(draft, node, model);
  } else if (state === 'failed' && !worksForOthers(view, node, model, agent)) {
    const text = reason ?? `${model} fails`;
    if (known && nowMs < known.untilMs) put(draft, node, model, { ...known, reason: text });
    else put(draft, node, model, faultAgain(known, nowMs, text));
  }
}

/** The work of an agent was turned down there at every try: with another node at hand it need not wait for this one. */
export function judgeRefusal(draft: Draft, agent: string, node: string, reason: string): void {
  const placement = draft.agents.get(agent)?.placement;
  if (placement?.node !== node) return;
  const known = draft.view.modelFaults.get(node)?.get(placement.model);
  const isUnder = known !== undefined && draft.nowMs < known.untilMs;
  put(draft, node, placement.model, isUnder ? { ...known, reason } : faultAgain(known, draft.nowMs, reason));
}
/** Turned down at its first try and at the next one: it is no hiccup. */
export function failsThere({ inARow, avoid }: Readonly<PlaceTrouble>): boolean {
  return avoid && inARow > 1;
}
/** Work was done on the model there. */
export function judgeWork(draft: Draft, node: string, model: string): void {
  const known = draft.view.modelFaults.get(node)?.get(model);
  if (known && draft.nowMs < known.untilMs) put(draft, node, model, { ...known, untilMs: draft.nowMs });
}
/** A model that was gone from the node and is there again is no longer held for failing. */
export function judgeCapacity(draft: Draft, node: string, { models }: NodeCapacity): void {
  const before = draft.view.live.get(node)?.capacity?.models ?? [];
  for (const model of draft.view.modelFaults.get(node)?.keys() ?? []) {
    const isIt = ({ name }: { readonly name: string }) => name === model;
    if (models.some(isIt) && !before.some(isIt)) judgeWork(draft, node, model);
  }
}

/** Time passes: who still sits there failing renews it, old ones are forgotten. */
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

/** What keeps this agent from working where it is, while it lasts. */
export function faultUnder(
  view: View,
  { id, placement }: NonNullable<ReturnType<View['agents']['get']>>,
  nowMs: number,
): Readonly<ModelFault> | null {
  const fault = placement && view.modelFaults.get(placement.node)?.get(placement.model);
  if (!fault || nowMs >= fault.untilMs) return null;
  return view.observed.get(id)?.state === 'failed' || isTurnedDown(view, id, placement.node) ? fault : null;
}
/** Work that waits for the place now has waited long enough; what an agent says of its model may be over in a moment. */
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
/** Then it is not the model. */
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
