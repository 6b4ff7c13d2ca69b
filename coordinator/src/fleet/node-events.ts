// What nodes report as events. In: a message; out: the event as it is kept: the node's own words and severity, and of its data what the
// table of events names as params of that type. A gap in the assignment is answered with all of it, and not kept.
import { interpretingChecker, type NodeEvent, type NodeEventType, nodeAsks, nodeEvents } from '@blackroad/protocol';
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
  change(draft, { type: 'event', row: { atMs: nowMs, node, agent: null, ...kindOf(message), severity, text } });
  return decided(draft);
};

/** Of a newer node the type may be any word: it must not pass for an event of the coordinator's own. */
function kindOf({ type, data = {} }: NodeEvent): Pick<EventRow, 'type' | 'params'> {
  if (!isKnown(type)) return { type: 'log', params: { type } };
  const { params: schema } = nodeEvents[type];
  const params = Object.fromEntries(Object.entries(data).filter(([name]) => Object.hasOwn(schema.properties, name)));
  return { type, params: interpretingChecker(schema, params) ? params : {} };
}
function isKnown(type: string): type is NodeEventType {
  return Object.hasOwn(nodeEvents, type);
}
