// The gates of a rollout: what each of them measures, and from where on it is red. One table: the judge, the words and docs/rollouts.md read
// it. In `allowed`, `factor` and `slack` bound how far a figure may be from what was to be expected without the change.

interface GateRow {
  text: string;
  unit: string;
  /** Red is beyond expected × factor ± slack. Missing: the figure is judged otherwise (docs/rollouts.md). */
  factor?: number;
  slack?: number;
  /** Whether less is worse. */
  isFloor?: true;
  /** Whether it is measured of agents, too, and not of nodes alone. */
  isOfAgents?: true;
}
const gate = <const R extends GateRow>(row: R): R => row;

export const gates = {
  update: gate({
    text: 'Nodes that did not get the change, or went back by themselves.',
    unit: 'nodes',
    isOfAgents: true,
  }),
  contact: gate({ text: 'Nodes with the change that are away.', unit: 'nodes', isOfAgents: true }),
  'task-errors': gate({
    text: 'Share of attempts at tasks that failed.',
    unit: 'share',
    factor: 1.5,
    slack: 0,
    isOfAgents: true,
  }),
  reconnects: gate({ text: 'Connections that broke, a node and hour.', unit: 'an hour', factor: 2, slack: 0 }),
  tokens: gate({
    text: 'Answer tokens a second while writing.',
    unit: 'tokens/s',
    factor: 0.75,
    slack: 0,
    isFloor: true,
    isOfAgents: true,
  }),
  temperature: gate({ text: 'Temperature of the processor.', unit: '°C', factor: 1, slack: 8 }),
  'sd-writes': gate({ text: 'Written to SD cards a day.', unit: 'bytes a day', factor: 1.5, slack: 256 * 1024 * 1024 }),
  memory: gate({ text: 'Resident memory of the node-agent.', unit: 'bytes', factor: 1.5, slack: 32 * 1024 * 1024 }),
} as const;

const names = Object.keys(gates) as (keyof typeof gates)[];
/** The gates that judge a rollout to nodes, and one to agents. */
export const gatesOf = {
  node: names,
  agent: names.filter((name) => 'isOfAgents' in gates[name]),
} as const;

/** This share of the nodes with the change may fail or be away by chance; of fewer than fifty that is none. */
export const toleratedShare = 0.02;
/**
 * A count is red when chance alone would bring it about more rarely than this. It is asked after every task: of a thousand good versions some
 * four to eight are stopped all the same, and an error share that doubles from 10 to 20 % is seen after 124 tasks (means of 2,000 runs).
 */
export const chanceOfRed = 0.001;
/** A task-error rate below this is not told apart from none: the first failure of a fleet is no verdict on a version. */
export const leastErrorShare = 0.02;
/** Reconnects a node and hour that any network has. */
export const leastReconnectsPerHour = 0.5;
/** Answers, or heartbeats, below which a mean says nothing. */
export const leastSamples = 3;
/** Time of writing below which a speed is noise: a server that answers in a millisecond is twice as slow in the next one. */
export const leastDecodeMs = 1_000;
/** A node with a release on trial may be away for so long: a slow Pi starts it, perhaps three times, and then the one before. */
export const switchMs = 180_000;
