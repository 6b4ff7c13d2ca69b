// Commands that people send to a node: fetch a model, stop that, remove or unload one, identify itself, start anew, send its log. In: the principal, the node and the
// command. Out: the message to the node and its row of the audit in one decision, or a refusal. The node's answer goes to the request that
// asked (road/commands.ts).
import { listInWords, meansModel, type TopicMessage } from '@blackroad/protocol';
import { refuse } from '../state/decision.ts';
import { decided, noteAudit, openDraft, send } from '../state/draft.ts';
import type { Decide, NodeOrder } from '../state/input.ts';
import type { NodeRow } from '../state/rows.ts';
import type { View } from '../state/view.ts';
import { refuseNotItsOwn } from './held.ts';
import { keptBy } from './pins.ts';

export const commandNode: Decide<'node-command'> = (view, { by, node, command, order }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const row = draft.nodes.get(node);
  if (!row) return refuse('no-such-node', `There is no node ${node}.`);
  if (row.presence !== 'online') return refuse('node-away', `${node} is ${row.presence}: ${row.presenceReason}`);
  const against =
    order.name === 'restart' && !view.live.get(node)?.can?.restarts
      ? `Nothing would start the node-agent of ${node} again.`
      : whyNot(view, row, order);
  if (against !== null) return refuse('conflict', against);
  // Reading a log or looking at the hardware changes nothing, so the audit has no row for it.
  if (order.name === 'identify') noteAudit(draft, by, 'node-identify', { node, seconds: order.message.seconds });
  else if (order.name === 'restart') noteAudit(draft, by, 'node-restart', { node });
  else if (order.name !== 'log' && order.name !== 'hardware')
    noteAudit(draft, by, acts[order.name], { node, model: order.message.model });
  send(draft, order.name, { node }, { ...order.message, command } as TopicMessage<typeof order.name>);
  return decided(draft);
};

const acts = {
  pull: 'node-pull',
  stopPull: 'node-stop-pull',
  removeModel: 'node-remove-model',
  unload: 'node-unload',
} as const;

/** What speaks against an order; null: nothing. */
function whyNot(view: View, row: NodeRow, order: NodeOrder): string | null {
  if (order.name !== 'unload' && order.name !== 'removeModel' && order.name !== 'stopPull') return null;
  const { model } = order.message;
  const users = agentsOn(view, row.id, model);
  if (order.name === 'stopPull' && users.length > 0)
    return `${model} is fetched to ${row.id} for ${listInWords(users)}, which would begin the fetch again. Change their model, or move them.`;
  if (users.length > 0)
    return `${model} is in use on ${row.id} by ${listInWords(users)}. Drain the node first, or change their model.`;
  if (order.name !== 'unload' && isKept(view, row, model))
    return `${model} is pinned on ${row.id}. Unpin it first: fleet models unpin ${model}.`;
  return null;
}
function isKept(view: View, row: NodeRow, model: string): boolean {
  const here = view.live.get(row.id)?.capacity?.models.find((each) => meansModel(model, each));
  const means = here ?? { name: model, aliases: [] };
  return keptBy(view.pins.values(), row).some((kept) => meansModel(kept.model, means));
}

/** The agents on that node whose placement uses that model. */
function agentsOn(view: View, node: string, model: string): string[] {
  const named = { name: model, aliases: [] };
  const meant = view.live.get(node)?.capacity?.models.find((each) => meansModel(model, each)) ?? named;
  const rows = [...(view.agentsByNode.get(node) ?? [])].flatMap((id) => view.agents.get(id) ?? []);
  const isOn = (placed: string | undefined) => placed !== undefined && meansModel(placed, meant);
  return rows.flatMap(({ placement, spec }) => (isOn(placement?.model) ? [spec.name] : [])).sort();
}

/** Checks the sender of an answer, as command ids are not secret: only the node that got the command may answer it. */
export const refuseReply: Decide<'reply-refused'> = (view, { node, command, sentTo }, nowMs) => {
  const draft = openDraft(view, nowMs);
  if (draft.nodes.get(node))
    refuseNotItsOwn(draft, node, `it answers the command ${command}, which was sent to ${sentTo}`);
  return decided(draft);
};
