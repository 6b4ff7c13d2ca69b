// Every status word of the product with its shape and tone: a status is never shown by colour alone. Used by Status, the node grid and
// the legends, so that one word looks the same everywhere.
export type Tone = 'good' | 'info' | 'warn' | 'bad' | 'dim';
export type Shape = 'dot' | 'half' | 'ring' | 'dashed' | 'cross' | 'bang' | 'tick' | 'bar' | 'quarter';
interface Look {
  tone: Tone;
  shape: Shape;
  /** The shown word, where that of the wire is unclear. */
  word?: string;
}

const looks: Record<string, Look> = {
  // presence of nodes
  online: { tone: 'good', shape: 'dot' },
  suspect: { tone: 'warn', shape: 'half' },
  lost: { tone: 'bad', shape: 'ring' },
  never: { tone: 'dim', shape: 'dashed', word: 'never seen' },
  quarantined: { tone: 'bad', shape: 'bar' },
  cordoned: { tone: 'warn', shape: 'bar' },
  draining: { tone: 'warn', shape: 'quarter' },
  // agents
  ready: { tone: 'good', shape: 'dot' },
  placed: { tone: 'info', shape: 'quarter' },
  starting: { tone: 'info', shape: 'quarter' },
  hydrating: { tone: 'info', shape: 'half', word: 'fetching memory' },
  unplaced: { tone: 'warn', shape: 'ring', word: 'not placed' },
  failed: { tone: 'bad', shape: 'cross' },
  waiting: { tone: 'warn', shape: 'dashed' },
  // tasks
  queued: { tone: 'dim', shape: 'dashed' },
  leased: { tone: 'info', shape: 'quarter', word: 'handed out' },
  running: { tone: 'info', shape: 'half' },
  done: { tone: 'good', shape: 'tick' },
  cancelled: { tone: 'dim', shape: 'bar' },
  expired: { tone: 'bad', shape: 'cross' },
  // rollouts, their subjects and gates
  paused: { tone: 'warn', shape: 'bar' },
  stopped: { tone: 'bad', shape: 'bang' },
  'rolling-back': { tone: 'warn', shape: 'quarter', word: 'rolling back' },
  'rolled-back': { tone: 'bad', shape: 'ring', word: 'rolled back' },
  aborted: { tone: 'bad', shape: 'bar' },
  told: { tone: 'info', shape: 'quarter', word: 'under way' },
  returning: { tone: 'warn', shape: 'quarter', word: 'going back' },
  returned: { tone: 'dim', shape: 'ring', word: 'back on the old one' },
  left: { tone: 'dim', shape: 'bar', word: 'changed by a person' },
  green: { tone: 'good', shape: 'tick' },
  red: { tone: 'bad', shape: 'cross' },
  unknown: { tone: 'dim', shape: 'dashed' },
  // upgrades of the coordinator
  preparing: { tone: 'info', shape: 'quarter' },
  'backing-up': { tone: 'info', shape: 'quarter', word: 'making a backup' },
  switching: { tone: 'info', shape: 'half', word: 'changing over' },
  soaking: { tone: 'info', shape: 'half', word: 'being watched' },
  committed: { tone: 'good', shape: 'tick', word: 'stays' },
  'going-back': { tone: 'warn', shape: 'quarter', word: 'going back' },
  // severities and conditions
  info: { tone: 'info', shape: 'dot' },
  warning: { tone: 'warn', shape: 'bang' },
  error: { tone: 'bad', shape: 'cross' },
  fine: { tone: 'good', shape: 'tick' },
};
export function lookOf(word: string): Look {
  return looks[word] ?? { tone: 'dim', shape: 'dot' };
}
/** The word people read for a status of the wire. */
export function wordOf(status: string): string {
  return lookOf(status).word ?? status;
}
