// All nodes in one table, with actions for many of them at once.
import type { NodeLine } from '@blackroad/protocol';
import { useNavigate } from '@tanstack/react-router';
import { Plus, Server } from 'lucide-react';
import { useCallback } from 'react';
import { useNodes, useTotals } from '../../data/live.ts';
import { useMay } from '../../data/session.tsx';
import { LinkButton } from '../../kit/button.tsx';
import { PageHead, Panel } from '../../kit/layout.tsx';
import { Empty, Loading } from '../../kit/states.tsx';
import { VirtualTable } from '../../kit/virtual-table.tsx';
import { plural } from '../../kit/words.ts';
import { nodeColumns, nodeFacets, nodeNote } from './node-columns.tsx';
import { NodesBulk } from './nodes-bulk.tsx';

const idOf = ({ id }: NodeLine) => id;

export default function NodesPage() {
  const { list, whole } = useNodes();
  const totals = useTotals();
  const may = useMay();
  const navigate = useNavigate();
  const open = useCallback(
    ({ id }: NodeLine) => void navigate({ to: '/nodes/$node', params: { node: id } }),
    [navigate],
  );
  const canAdd = may('joinTokenCreate');
  const add = (
    <LinkButton to="/nodes/add" look="primary" icon={<Plus />}>
      Add a node
    </LinkButton>
  );
  return (
    <>
      <PageHead
        title="Nodes"
        text={totals ? `${plural(totals.nodes.online, 'node')} online${away(totals.nodes)}` : ''}
        actions={canAdd && add}
      />
      <Panel bare>
        {!whole && list.length === 0 ? (
          <Loading lines={8} />
        ) : (
          <VirtualTable<NodeLine>
            id="nodes"
            page="/nodes"
            label="Nodes"
            rows={list}
            rowId={idOf}
            columns={nodeColumns}
            facets={nodeFacets}
            open={open}
            note={nodeNote}
            first="node"
            {...(may('nodesEdit') ? { bulk: (selected, clear) => <NodesBulk nodes={selected} clear={clear} /> } : {})}
            empty={
              <Empty title="No machine has joined yet" icon={<Server />}>
                <p>A node is one machine: a Pi, a GPU box, this computer. It joins with a token and dials out only.</p>
                {canAdd && add}
              </Empty>
            }
          />
        )}
      </Panel>
    </>
  );
}

function away({
  suspect,
  lost,
  never,
  quarantined,
}: {
  suspect: number;
  lost: number;
  never: number;
  quarantined: number;
}) {
  const parts = [
    [suspect, 'suspect'],
    [lost, 'lost'],
    [never, 'never seen'],
    [quarantined, 'quarantined'],
  ] as const;
  return parts
    .filter(([n]) => n > 0)
    .map(([n, word]) => `, ${n} ${word}`)
    .join('');
}
