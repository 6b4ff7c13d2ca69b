// An event as this node sends it. In: its type and params. Out: the message, with severity and words from the table of events.
import { type EventParams, eventWords, type NodeEvent, type NodeEventType, severityOf } from '@blackroad/protocol';

export type TellEvent = <T extends NodeEventType>(type: T, data: EventParams<T>) => void;

export function nodeEvent<T extends NodeEventType>(
  boot: string,
  atMs: number,
  type: T,
  data: EventParams<T>,
): NodeEvent {
  const text = eventWords(type, data).slice(0, 1000);
  return { boot, atMs, type, severity: severityOf(type, data), text, data: { ...data } };
}
