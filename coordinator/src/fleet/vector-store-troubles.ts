// Troubles of the vector store on another machine: it is away, or needs a person. Pure; the same form as troubles.ts.
import { counted, type VectorStoreStand } from '@blackroad/protocol';
import type { Trouble } from './trouble.ts';

/** A restart of it is no trouble. */
const patienceMs = 60_000;

export function vectorStoreTroubles(stand: VectorStoreStand | null, nowMs: number): Trouble[] {
  if (stand === null || (stand.state !== 'away' && stand.state !== 'refused')) return [];
  const { store, sinceMs, owed, why } = stand;
  if (nowMs - sinceMs < patienceMs) return [];
  const owes =
    owed > 0 ? ` It has not confirmed the removal of ${counted(owed, 'erased memory', 'erased memories')}.` : '';
  return [
    {
      ...{ group: 'vector-store', kind: 'vector-store', severity: 'warning', site: null, sinceMs },
      title: `${store} cannot be used`,
      many: 'vector stores cannot be used',
      text: `${why ?? ''} Searches by meaning compare the newest 20,000 vectors alone.${owes}`.trim(),
      actions: [{ verb: 'open-memory', label: 'View memory', role: 'viewer' }],
    },
  ];
}
