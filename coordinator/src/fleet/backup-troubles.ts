// Troubles of backups: the last one failed, or one is missing. Pure; the same form as troubles.ts.
import type { View } from '../state/view.ts';
import type { Trouble } from './trouble.ts';

const openBackups = { verb: 'open-backups', label: 'View', role: 'admin' } as const;

/** What nodes have and the backup has not waits for a person. */
export function restoreTroubles({ restored, found }: Pick<View, 'restored' | 'found'>): Trouble[] {
  let waiting = 0;
  for (const row of found.values())
    if ((row.kind === 'agent' && !row.isBack) || (row.kind === 'node' && !row.isIn)) waiting++;
  if (!restored || waiting === 0) return [];
  return [
    {
      site: null,
      actions: [openBackups],
      group: 'restored',
      kind: 'restored',
      severity: 'warning',
      sinceMs: restored.restoredMs,
      title: `${waiting === 1 ? 'One agent or node is' : `${waiting} agents and nodes are`} newer than the backup`,
      many: 'agents and nodes are newer than the backup',
      text: 'The coordinator was restored. Nodes have agents, or machines joined, that the backup does not know: bring them back, or acknowledge this.',
    },
  ];
}

export function backupTroubles({ backups }: Pick<View, 'backups'>, nowMs: number): Trouble[] {
  if (!backups) return [];
  const { problem, failedMs, lastMs, missingFromMs } = backups;
  const last =
    lastMs === null
      ? 'There is none yet.'
      : `The last one is of ${new Date(lastMs).toISOString().slice(0, 16).replace('T', ' ')} UTC.`;
  const common = {
    site: null,
    actions: [{ verb: 'open-backups', label: 'View backups', role: 'admin' }],
  } satisfies Partial<Trouble>;
  if (problem !== null)
    return [
      {
        ...common,
        group: 'backup-failed',
        kind: 'backup-failed',
        severity: 'error',
        sinceMs: failedMs,
        title: `The last backup failed: ${problem}`.slice(0, 300),
        many: 'backups failed',
        text: `${last} Remove the cause, and make one now.`,
      },
    ];
  if (missingFromMs === null || nowMs < missingFromMs) return [];
  return [
    {
      ...common,
      group: 'backup-late',
      kind: 'backup-late',
      severity: 'warning',
      sinceMs: missingFromMs,
      title: 'A scheduled backup was not made',
      many: 'scheduled backups were not made',
      text: `${last} Make one now, and see the log of the coordinator.`,
    },
  ];
}
