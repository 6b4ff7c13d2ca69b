// [INV-closed] A cordoned, draining, quarantined or absent node gets no agent, and an absent one no lease.
import type { MakeChecker } from '../checker.ts';

export const closed: MakeChecker = ({ stored, broke }) => {
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-closed',
    exercised: 0,
    committing(change) {
      if (change.type === 'agent' && change.row.placement) {
        const { node, epoch } = change.row.placement;
        if (stored.agents.get(change.row.id)?.placement?.epoch === epoch) return;
        const row = stored.nodes.get(node);
        checker.exercised++;
        const why = !row
          ? 'unknown'
          : row.status !== 'active'
            ? row.status
            : row.cordoned
              ? 'cordoned'
              : row.draining
                ? 'draining'
                : row.presence !== 'online'
                  ? row.presence
                  : null;
        if (why) broke(checker.name, `${change.row.id} is placed on ${node}, which is ${why}`);
      }
      if (change.type === 'task-state' && change.state === 'leased') {
        const row = stored.nodes.get(change.node as string);
        checker.exercised++;
        if (row?.status !== 'active' || row.presence !== 'online')
          broke(checker.name, `${change.id} is leased to ${change.node}, which is ${row?.status} and ${row?.presence}`);
      }
    },
  };
  return checker;
};
