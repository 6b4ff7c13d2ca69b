// What a committed batch was about: whoever shows the fleet (the feed, alerts, the tally, metrics, history) looks at this again and at
// nothing else.
import type { FleetEvent } from '@blackroad/protocol';
import type { EndedTask } from './rows.ts';

/** By id. */
export interface Touched {
  nodes: Set<string>;
  agents: Set<string>;
  tasks: Set<string>;
  /** Of which it changed whether a person knows them. */
  alerts: Set<string>;
  /** As stored. */
  events: FleetEvent[];
  ended: EndedTask[];
  /** Dead letters that need nobody any more. */
  dismissed: string[];
}
export function nothingTouched(): Touched {
  return {
    nodes: new Set(),
    agents: new Set(),
    tasks: new Set(),
    alerts: new Set(),
    events: [],
    ended: [],
    dismissed: [],
  };
}
/** Whether anybody has to look: every field counts, also one that is added later. */
export function touchesAnything(touched: Touched): boolean {
  return Object.values(touched).some((each: ReadonlySet<unknown> | readonly unknown[]) =>
    each instanceof Set ? each.size > 0 : (each as readonly unknown[]).length > 0,
  );
}
