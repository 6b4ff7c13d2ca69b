// Versions of the node-agent: which one a node runs, and which of two is newer. Pure.
import type { View } from '../state/view.ts';

/** Null: it has not said. Its hello is newer than its inventory, and lost with a restart of the coordinator. */
export function versionOf(view: View, node: string): string | null {
  return view.live.get(node)?.version ?? view.nodes.get(node)?.info?.version ?? null;
}

/** Below 0: `a` is older. Numbers are compared as numbers; `1.4.0-rc.1` is older than `1.4.0`, and what follows a `+` does not count. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parts(a), parts(b)];
  for (let i = 0; i < Math.max(left.numbers.length, right.numbers.length); i++) {
    const order = (left.numbers[i] ?? 0) - (right.numbers[i] ?? 0);
    if (order !== 0) return order;
  }
  if (left.rest === right.rest) return 0;
  if (left.rest === '' || right.rest === '') return left.rest === '' ? 1 : -1;
  return left.rest.localeCompare(right.rest, 'en', { numeric: true });
}
function parts(version: string): { numbers: number[]; rest: string } {
  const [, numbers = '', rest = ''] = /^v?([0-9.]*)-?([^+]*)/.exec(version) ?? [];
  return { numbers: numbers.split('.').map(Number), rest };
}
