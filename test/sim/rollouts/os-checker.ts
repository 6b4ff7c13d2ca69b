// INV-os-restart from outside: it looks at the machines and at what was committed; it asks no code of the product.
import type { DurableChange } from '../../../coordinator/src/state/change.ts';
import type { RolloutRow } from '../../../coordinator/src/state/rollout-rows.ts';
import type { ScriptedNode } from './scripted-node.ts';

const minuteMs = 60_000;

export function osChecker(
  nodes: readonly ScriptedNode[],
  siteOf: (node: ScriptedNode) => string,
  wallMs: () => number,
  broke: (text: string) => void,
) {
  const rollouts = new Map<string, RolloutRow>();
  const exercised = { restarts: 0, looks: 0 };
  const down = new Set<ScriptedNode>();

  /** In UTC; a window may go over midnight. */
  function isOpen({ windows }: RolloutRow): boolean {
    const now = Math.floor(wallMs() / minuteMs) % (24 * 60);
    const minutes = (text: string) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
    const within = (from: number, to: number) => (from < to ? now >= from && now < to : now >= from || now < to);
    return windows.length === 0 || windows.some(({ from, to }) => within(minutes(from), minutes(to)));
  }
  function wentDown(node: ScriptedNode): void {
    exercised.restarts++;
    const rollout = rollouts.get(node.os.restarting ?? '');
    if (!rollout) broke(`${node.id} restarts for ${node.os.restarting}, which is not stored`);
    else if (!isOpen(rollout))
      broke(`${node.id} restarts at ${new Date(wallMs()).toISOString()}, outside of the window`);
    else if (rollout.what.kind !== 'os' || rollout.what.restart === 'never')
      broke(`${node.id} restarts for ${rollout.id}, which restarts nobody`);
  }

  return {
    exercised,
    committed(changes: readonly DurableChange[]): void {
      for (const change of changes) if (change.type === 'rollout') rollouts.set(change.row.id, change.row);
    },
    looked(): void {
      exercised.looks++;
      const bySite = new Map<string, string[]>();
      for (const node of nodes) {
        if (!node.os.isDown) down.delete(node);
        else {
          if (!down.has(node)) wentDown(node);
          down.add(node);
          bySite.set(siteOf(node), [...(bySite.get(siteOf(node)) ?? []), node.id]);
        }
      }
      for (const [site, names] of bySite)
        if (names.length > 1) broke(`${names.join(' and ')} of ${site} restart at once`);
    },
  };
}
