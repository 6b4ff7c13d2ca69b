// How a file of metrics adds one: its kind, name and help, and a function that reads its values.
import type { Counter, Gauge } from 'prom-client';

/** A gauge or counter whose values are read anew at every scrape. */
export type Read = (
  Kind: typeof Gauge | typeof Counter,
  name: string,
  help: string,
  labelNames: string[],
  fill: (set: (labels: Record<string, string>, value: number) => void) => void,
) => void;
