// The actions for selected nodes; each has an undo in the message that follows.
import type { NodeLine } from '@blackroad/protocol';
import { call } from '../../data/api.ts';
import { useWork } from '../../data/query.ts';
import { DrainButton } from '../../fleet/drain-button.tsx';
import { Button } from '../../kit/button.tsx';
import { plural } from '../../kit/words.ts';

/** Of one request; more nodes take several. */
const perCall = 1_000;
type Change = { cordoned?: boolean; draining?: boolean };

async function edit(ids: string[], change: Change): Promise<number> {
  let changed = 0;
  for (let at = 0; at < ids.length; at += perCall) {
    const answer = await call('nodesEdit', { body: { nodes: ids.slice(at, at + perCall), ...change } });
    changed += answer.changed;
  }
  return changed;
}

export function NodesBulk({ nodes, clear }: { nodes: NodeLine[]; clear(): void }) {
  const cordon = useWork((ids: string[]) => edit(ids, { cordoned: true }), {
    done: (changed) => `${plural(changed, 'node')} cordoned.`,
    undo: (_, ids) => () => edit(ids, { cordoned: false }),
  });
  const uncordon = useWork((ids: string[]) => edit(ids, { cordoned: false, draining: false }), {
    done: (changed) => `${plural(changed, 'node')} open again.`,
    undo: (_, ids) => () => edit(ids, { cordoned: true }),
  });
  const open = nodes.filter(({ cordoned }) => !cordoned).map(({ id }) => id);
  const shut = nodes.filter(({ cordoned, draining }) => cordoned || draining).map(({ id }) => id);
  const full = nodes.filter(({ draining }) => !draining).map(({ id }) => id);
  return (
    <>
      {open.length > 0 && (
        <Button onClick={() => cordon.mutate(open, { onSuccess: clear })}>Cordon {open.length}</Button>
      )}
      {shut.length > 0 && (
        <Button onClick={() => uncordon.mutate(shut, { onSuccess: clear })}>Uncordon {shut.length}</Button>
      )}
      {full.length > 0 && (
        <DrainButton
          look="danger"
          nodes={full}
          drain={async () => {
            await edit(full, { draining: true });
            clear();
          }}
          undo={() => edit(full, { draining: false, cordoned: false })}
        >
          Drain {full.length}
        </DrainButton>
      )}
    </>
  );
}
