// Bookkeeping at the node for every decision about its messages: the number of refusals for ids that are not its own, and the budget for
// events, beyond which events are left out. The table of decisions wraps it around every decision about a node's message, so that a new
// decision cannot miss it. Pure.
import type { Change } from '../state/change.ts';
import type { Decision } from '../state/decision.ts';
import { eventRow } from '../state/event-row.ts';
import type { Answer, Decide, InputKind, Inputs } from '../state/input.ts';
import { agentNameOf, type View } from '../state/view.ts';
import { overBudget, withinBudget } from './budget.ts';
import { notItsOwn } from './held.ts';

/** The refusals of a node within this time are one event, and one condition of the node. */
export const refusalsTogetherMs = 3_600_000;

type FromNode = { [K in InputKind]: Inputs[K] extends { node: string } ? K : never }[InputKind];

export function judged<K extends FromNode>(decide: Decide<K>): Decide<K> {
  return (view, input, nowMs, policy) => {
    const decision: Decision<Answer<K>> = decide(view, input, nowMs, policy);
    const { node } = input;
    if (!view.nodes.has(node)) return decision;
    const told = decision.remarks?.find(({ reason }) => reason === notItsOwn);
    const refusal = told ? refusalOf(view, node, nowMs, told.text) : [];
    const { changes, dropped } = withinBudget(view, node, decision.changes, nowMs);
    if (!told && changes === decision.changes) return decision;
    const remarks = [...(decision.remarks ?? [])];
    if (dropped > 0) remarks.push({ reason: overBudget, text: `${node}: an event is not kept` });
    return { ...decision, changes: [...changes, ...refusal], ...(remarks.length > 0 ? { remarks } : {}) };
  };
}

/** The first refusal within the hour is an event; the others are only counted at the node. */
function refusalOf(view: View, node: string, nowMs: number, text: string): Change[] {
  const before = view.live.get(node)?.refusals;
  const goesOn = before !== undefined && nowMs - before.sinceMs < refusalsTogetherMs;
  const refusals = { sinceMs: goesOn ? before.sinceMs : nowMs, count: (goesOn ? before.count : 0) + 1, text };
  const counted: Change = { type: 'refusals', node, refusals };
  if (goesOn) return [counted];
  return [
    counted,
    {
      type: 'event',
      row: eventRow(nowMs, notItsOwn, { node, claim: text.slice(0, 800) }, (id) => agentNameOf(view, id)),
    },
  ];
}
