// The branches of an agent's memory from lost nodes: nothing of them is lost, and the present writer merges them.
import type { AgentView } from '@blackroad/protocol';
import { Link } from '@tanstack/react-router';
import { useRoute } from '../../data/query.ts';
import { Time } from '../../fleet/time.tsx';
import { Panel } from '../../kit/layout.tsx';
import { Loaded } from '../../kit/states.tsx';
import { plural } from '../../kit/words.ts';

export function MemoryBranches({ agent }: { agent: AgentView }) {
  const some = agent.memory.branches > 0;
  const branches = useRoute('branches', { query: { agent: agent.name } }, { enabled: some, refetchInterval: 10_000 });
  if (!some) return null;
  return (
    <Panel title={`${plural(agent.memory.branches, 'branch')} to merge`}>
      <Loaded of={branches}>
        {(list) => (
          <ul className="stack">
            {list.map(({ id, node, epoch, fromSeq, uptoSeq, complete, mergedUpto, receivedMs }) => (
              <li key={id}>
                {plural(uptoSeq - fromSeq + 1, 'entry')} from{' '}
                <Link to="/nodes/$node" params={{ node }}>
                  {node}
                </Link>
                , epoch {epoch}, came <Time at={receivedMs} />
                {complete ? '' : ', more is coming'}
                {mergedUpto === null ? '; waits for the present writer.' : `; merged up to ${mergedUpto}.`}
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Panel>
  );
}
