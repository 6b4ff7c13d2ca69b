// An event as it is stored. In: its type and params. Out: the row, with severity and words by the table of events. Words of the
// coordinator's own events are made here alone.
import { type EventParams, type EventType, eventWords, severityOf } from '@blackroad/protocol';
import type { EventRow } from './change.ts';
import { statedOf } from './stated.ts';

export function eventRow<T extends EventType>(atMs: number, type: T, params: EventParams<T>): EventRow {
  const stated = statedOf(params);
  const { node, agent } = stated;
  return {
    atMs,
    node: typeof node === 'string' ? node : null,
    agent: typeof agent === 'string' ? agent : null,
    type,
    severity: severityOf(type, params),
    text: eventWords(type, params),
    params: stated,
  };
}
