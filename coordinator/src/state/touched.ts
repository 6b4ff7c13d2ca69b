// The rows that a committed batch touched: all code that shows the fleet (the feed, alerts, the tally, metrics, history) reads only these
// again.
import type { FleetEvent } from '@blackroad/protocol';
import type { EndedTask } from './rows.ts';

/** The touched rows by id. */
export interface Touched {
  nodes: Set<string>;
  agents: Set<string>;
  tasks: Set<string>;
  /** Alerts whose acknowledgement changed. */
  alerts: Set<string>;
  /** Events as stored. */
  events: FleetEvent[];
  ended: EndedTask[];
  /** Dead letters that no person needs to examine any more. */
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
/** Whether any row was touched: every field counts, also one that is added later. */
export function touchesAnything(touched: Touched): boolean {
  return Object.values(touched).some((each: ReadonlySet<unknown> | readonly unknown[]) =>
    each instanceof Set ? each.size > 0 : (each as readonly unknown[]).length > 0,
  );
}
