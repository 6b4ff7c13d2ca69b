// Branches of nodes that were replaced while they were away: they are kept, and the present writer merges them.
import type { BranchView } from '@blackroad/protocol';
import type { UseQueryResult } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { GitBranch } from 'lucide-react';
import { Time } from '../../fleet/time.tsx';
import { Panel } from '../../kit/layout.tsx';
import { type PlainColumn, PlainTable } from '../../kit/plain-table.tsx';
import { Empty, Loaded } from '../../kit/states.tsx';
import { Status } from '../../kit/status.tsx';
import { plural } from '../../kit/words.ts';

export function Branches({ of }: { of: Pick<UseQueryResult<BranchView[], unknown>, 'data' | 'error' | 'refetch'> }) {
  return (
    <Loaded of={of}>
      {(branches) =>
        branches.length === 0 ? (
          <Panel>
            <Empty title="No branch waits to be merged" icon={<GitBranch />}>
              <p>
                When a node comes back after its agents were placed elsewhere, what it still remembered is kept beside
                the log as a branch, and the present writer brings it in. Nothing is lost on the way.
              </p>
            </Empty>
          </Panel>
        ) : (
          <Panel
            title={`${plural(branches.length, 'branch')} to merge`}
            bare
            aside={<span className="dim small">merged by the agent's present node, without a hand</span>}
          >
            <PlainTable label="Branches" columns={columns} rows={branches} rowId={({ id }) => id} />
          </Panel>
        )
      }
    </Loaded>
  );
}

const columns: PlainColumn<BranchView>[] = [
  {
    title: 'Agent',
    cell: ({ agent }) => (
      <Link to="/agents/$agent" params={{ agent }}>
        {agent}
      </Link>
    ),
  },
  {
    title: 'Written by',
    cell: ({ node }) => (
      <Link to="/nodes/$node" params={{ node }}>
        {node}
      </Link>
    ),
  },
  { title: 'Epoch', align: 'end', cell: ({ epoch }) => epoch },
  {
    title: 'Entries',
    align: 'end',
    cell: ({ fromSeq, uptoSeq }) => (
      <>
        {fromSeq}–{uptoSeq}
      </>
    ),
  },
  {
    title: 'State',
    cell: ({ complete, mergedUpto }) =>
      !complete ? (
        <Status of="hydrating" word="still being sent" />
      ) : mergedUpto === null ? (
        <Status of="queued" word="waits for the present writer" />
      ) : (
        <Status of="running" word={`merged up to ${mergedUpto}`} />
      ),
  },
  { title: 'Came', cell: ({ receivedMs }) => <Time at={receivedMs} /> },
];
