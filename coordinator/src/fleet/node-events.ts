// Events that nodes report. In: a message. Out: the event to store: the node's own words and severity, and of its data the params that the
// table of events lists for that type. What a node asks for (its assignment after a gap, its drain by a button) is answered and not stored.
import {
  type EventParams,
  interpretingChecker,
  type NodeEvent,
  type NodeEventType,
  nodeAsks,
  nodeEvents,
} from '@blackroad/protocol';
import { hearOsUpdate, hearUpdate } from '../rollouts/reports.ts';
import type { EventRow } from '../state/change.ts';
import { change, type Draft, decided, openDraft, remark } from '../state/draft.ts';
import type { Decide } from '../state/input.ts';
import type { NodeRow } from '../state/rows.ts';
import { sendSnapshot } from './assignment.ts';
import { edited, tellDraining } from './nodes.ts';
import { principalOfNode } from './principals.ts';

export const acceptEvent: Decide<'node-event'> = (view, { node, message }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const row = draft.nodes.get(node);
  if (row?.status !== 'active') {
    remark(draft, 'node-not-active', `event ${message.type} from ${node}`);
    return decided(draft);
  }
  if (isAsk(message.type)) {
    if (message.boot === row.boot) answers[message.type](draft, row, message.data ?? {});
    else remark(draft, 'old-boot', `${node}: ${message.type} of boot ${message.boot}`);
    return decided(draft);
  }
  const { severity, text } = message;
  const kind = kindOf(message);
  if (kind.type === 'update' && Object.keys(kind.params).length > 0)
    hearUpdate(draft, node, kind.params as EventParams<'update'>);
  if (kind.type === 'os-update' && Object.keys(kind.params).length > 0)
    hearOsUpdate(draft, node, kind.params as EventParams<'os-update'>);
  change(draft, { type: 'event', row: { atMs: nowMs, node, agent: null, ...kind, severity, text } });
  return decided(draft);
};

type NodeAsk = keyof typeof nodeAsks;
/** What a node asks for is answered, and never kept. */
const answers: Record<NodeAsk, (draft: Draft, row: NodeRow, data: Readonly<Record<string, unknown>>) => void> = {
  'assignment-gap': (draft, { id }) => sendSnapshot(draft, id),
  'drain-asked': drainAsked,
};
function isAsk(type: string): type is NodeAsk {
  return Object.hasOwn(nodeAsks, type);
}
/** A person held the drain button of the node: its drain begins or ends, as by an order of a key, and the node is told what is so. */
function drainAsked(draft: Draft, row: NodeRow, { draining }: Readonly<Record<string, unknown>>): void {
  const { id } = row;
  if (typeof draining !== 'boolean') {
    remark(draft, 'bad-ask', `${id}: drain-asked says neither true nor false`);
    return;
  }
  // Nothing changed: a repeated question, or somebody else was faster. The node waits for word all the same.
  if (!edited(draft, row, { by: principalOfNode(id), draining })) tellDraining(draft, row);
}

/** The type in a newer node's event may be any text: it must not be mistaken for an event of the coordinator's own. */
function kindOf({ type, data = {} }: NodeEvent): Pick<EventRow, 'type' | 'params'> {
  if (!isKnown(type)) return { type: 'log', params: { type } };
  const { params: schema } = nodeEvents[type];
  const params = Object.fromEntries(Object.entries(data).filter(([name]) => Object.hasOwn(schema.properties, name)));
  return { type, params: interpretingChecker(schema, params) ? params : {} };
}
function isKnown(type: string): type is NodeEventType {
  return Object.hasOwn(nodeEvents, type);
}
