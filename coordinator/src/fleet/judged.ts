// What a node's message leaves behind at the node itself, beside what it decides: how often it spoke for what is not its own, and what
// of its budget the events took that it made. Those that are beyond it are left out here.
// Put around every decision about a node's message in the table of decisions, so that no new one can forget it. Pure.
import type { Change } from '../state/change.ts';
import type { Decision } from '../state/decision.ts';
import { eventRow } from '../state/event-row.ts';
import type { Answer, Decide, InputKind, Inputs } from '../state/input.ts';
import { agentNameOf, type View } from '../state/view.ts';
import { overBudget, withinBudget } from './budget.ts';
import { notItsOwn } from './held.ts';

/** Within this time a node's refusals are one event, and one condition of the node. */
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

/** The first within an hour is an event; the others are counted at the node. */
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
