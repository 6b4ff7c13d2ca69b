// Commands that people send to a node: fetch a model, unload one, identify itself, send its log. In: the principal, the node and the
// command. Out: the message to the node and its row of the audit in one decision, or a refusal. The node's answer goes to the request that
// asked (road/commands.ts).
import { listInWords, meansModel, type TopicMessage } from '@blackroad/protocol';
import { refuse } from '../state/decision.ts';
import { decided, noteAudit, openDraft, send } from '../state/draft.ts';
import type { Decide } from '../state/input.ts';
import type { View } from '../state/view.ts';
import { refuseNotItsOwn } from './held.ts';

export const commandNode: Decide<'node-command'> = (view, { by, node, command, order }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const row = draft.nodes.get(node);
  if (!row) return refuse('no-such-node', `There is no node ${node}.`);
  if (row.presence !== 'online') return refuse('node-away', `${node} is ${row.presence}: ${row.presenceReason}`);
  const users = order.name === 'unload' ? agentsOn(view, node, order.message.model) : [];
  if (order.name === 'unload' && users.length > 0)
    return refuse(
      'conflict',
      `${order.message.model} is in use on ${node} by ${listInWords(users)}. Drain the node first, or change their model.`,
    );
  // Reading a log or looking at the hardware changes nothing, so the audit has no row for it.
  if (order.name === 'identify') noteAudit(draft, by, 'node-identify', { node, seconds: order.message.seconds });
  else if (order.name === 'pull' || order.name === 'unload')
    noteAudit(draft, by, `node-${order.name}`, { node, model: order.message.model });
  send(draft, order.name, { node }, { ...order.message, command } as TopicMessage<typeof order.name>);
  return decided(draft);
};

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
