// Tails of logs whose writer was replaced while it was away: kept, and merged by the present writer by itself.
import type { BranchView } from '@blackroad/protocol';
import type { UseQueryResult } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { GitBranch } from 'lucide-react';
import { Time } from '../../fleet/time.tsx';
import { Panel, ScrollX } from '../../kit/layout.tsx';
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
            <ScrollX label="Branches">
              <table className="plain-table">
                <thead>
                  <tr>
                    <th scope="col">Agent</th>
                    <th scope="col">Written by</th>
                    <th scope="col" className="end">
                      Epoch
                    </th>
                    <th scope="col" className="end">
                      Entries
                    </th>
                    <th scope="col">State</th>
                    <th scope="col">Came</th>
                  </tr>
                </thead>
                <tbody>
                  {branches.map((branch) => (
                    <BranchRow key={branch.id} branch={branch} />
                  ))}
                </tbody>
              </table>
            </ScrollX>
          </Panel>
        )
      }
    </Loaded>
  );
}

function BranchRow({ branch }: { branch: BranchView }) {
  const { agent, node, epoch, fromSeq, uptoSeq, complete, mergedUpto, receivedMs } = branch;
  return (
    <tr>
      <th scope="row">
        <Link to="/agents/$agent" params={{ agent }}>
          {agent}
        </Link>
      </th>
      <td>
        <Link to="/nodes/$node" params={{ node }}>
          {node}
        </Link>
      </td>
      <td className="end">{epoch}</td>
      <td className="end">
        {fromSeq}–{uptoSeq}
      </td>
      <td>
        {!complete ? (
          <Status of="hydrating" word="still being sent" />
        ) : mergedUpto === null ? (
          <Status of="queued" word="waits for the present writer" />
        ) : (
          <Status of="running" word={`merged up to ${mergedUpto}`} />
        )}
      </td>
      <td>
        <Time at={receivedMs} />
      </td>
    </tr>
  );
}
