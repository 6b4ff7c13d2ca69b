// An event as it is stored. In: its type and params. Out: the row, with severity and words from the table of events. The words of the
// coordinator's own events are made only here.
import { type EventParams, type EventType, eventWords, severityOf } from '@blackroad/protocol';
import type { EventRow } from './change.ts';
import { statedOf, withNames } from './stated.ts';

/** `params.agent` is an id; the row's params and words have the agent's name. */
export function eventRow<T extends EventType>(
  atMs: number,
  type: T,
  params: EventParams<T>,
  nameOf: (agent: string) => string,
): EventRow {
  const { node, agent } = params as { node?: unknown; agent?: unknown };
  const named = withNames(params, nameOf);
  return {
    atMs,
    node: typeof node === 'string' ? node : null,
    agent: typeof agent === 'string' ? agent : null,
    type,
    severity: severityOf(type, named),
    text: eventWords(type, named),
    params: statedOf(named),
  };
}
