// The one form of a bench line: bench <name> <value> <unit> [goal <=|>= <value>] [peer <name> <value>] ok|short
export interface Figure {
  name: string;
  value: number;
  unit: string;
  goal?: { is: '<=' | '>='; value: number };
  peer?: { name: string; value: number };
}

/** Prints the line; a figure without a goal is ok. Returns whether it fell short. */
export function bench({ name, value, unit, goal, peer }: Figure): boolean {
  const short = goal !== undefined && (goal.is === '<=' ? value > goal.value : value < goal.value);
  const parts = ['bench', name, figure(value), unit];
  if (goal) parts.push('goal', goal.is, figure(goal.value));
  if (peer) parts.push('peer', peer.name, figure(peer.value));
  parts.push(short ? 'short' : 'ok');
  process.stdout.write(`${parts.join(' ')}\n`);
  return short;
}
function figure(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(Math.abs(value) < 10 ? 2 : 1);
}

/** The p-th percentile (0..1) of unsorted values; NaN of none. */
export function percentile(values: number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN;
}
