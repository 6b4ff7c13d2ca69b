// Events that nodes report. In: a message. Out: the event to store: the node's own words and severity, and of its data the params that the
// table of events lists for that type. A reported gap in the assignment is answered with the snapshot and not stored.
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
import { change, decided, openDraft, remark } from '../state/draft.ts';
import type { Decide } from '../state/input.ts';
import { sendSnapshot } from './assignment.ts';

export const acceptEvent: Decide<'node-event'> = (view, { node, message }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const row = draft.nodes.get(node);
  if (row?.status !== 'active') {
    remark(draft, 'node-not-active', `event ${message.type} from ${node}`);
    return decided(draft);
  }
  if (Object.hasOwn(nodeAsks, message.type)) {
    if (message.boot === row.boot) sendSnapshot(draft, node);
    else remark(draft, 'old-boot', `${node}: a gap of boot ${message.boot}`);
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
