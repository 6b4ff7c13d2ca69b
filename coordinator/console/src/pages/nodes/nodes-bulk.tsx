// What is done to the nodes that are selected; each of them can be taken back from the message that follows.
import type { NodeLine } from '@blackroad/protocol';
import { call } from '../../data/api.ts';
import { DrainButton } from '../../fleet/drain-button.tsx';
import { Button } from '../../kit/button.tsx';
import { say } from '../../kit/toasts.tsx';
import { plural, wordsOf } from '../../kit/words.ts';

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
  const act = async (ids: string[], change: Change, done: string, back: Change) => {
    const changed = await edit(ids, change);
    clear();
    say({ text: `${plural(changed, 'node')} ${done}.`, undo: () => edit(ids, back) });
  };
  const quietly = (work: () => Promise<unknown>) => work().catch((error) => say({ text: wordsOf(error), tone: 'bad' }));
  const open = nodes.filter(({ cordoned }) => !cordoned).map(({ id }) => id);
  const shut = nodes.filter(({ cordoned, draining }) => cordoned || draining).map(({ id }) => id);
  const full = nodes.filter(({ draining }) => !draining).map(({ id }) => id);
  return (
    <>
      {open.length > 0 && (
        <Button onClick={() => quietly(() => act(open, { cordoned: true }, 'cordoned', { cordoned: false }))}>
          Cordon {open.length}
        </Button>
      )}
      {shut.length > 0 && (
        <Button
          onClick={() =>
            quietly(() => act(shut, { cordoned: false, draining: false }, 'open again', { cordoned: true }))
          }
        >
          Uncordon {shut.length}
        </Button>
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
