// Erasures, and the nodes that have not confirmed them: until then their disks may have what was erased.
import type { ErasureView } from '@blackroad/protocol';
import { storeOwesInWords } from '@blackroad/protocol/memory-words';
import type { UseQueryResult } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Eraser } from 'lucide-react';
import { useRoute } from '../../data/query.ts';
import { Time } from '../../fleet/time.tsx';
import { Panel } from '../../kit/layout.tsx';
import { type PlainColumn, PlainTable } from '../../kit/plain-table.tsx';
import { Empty, Loaded } from '../../kit/states.tsx';
import { Status } from '../../kit/status.tsx';
import { plural } from '../../kit/words.ts';

const againMs = 15_000;

export function Erasures({ of }: { of: Pick<UseQueryResult<ErasureView[], unknown>, 'data' | 'error' | 'refetch'> }) {
  const { data: vectors } = useRoute('memoryVectors', {}, { refetchInterval: againMs });
  const owes = vectors?.store ? storeOwesInWords(vectors.store) : null;
  return (
    <Loaded of={of}>
      {(erasures) =>
        erasures.length === 0 ? (
          <Panel>
            <Empty title="Nothing was erased" icon={<Eraser />}>
              <p>
                A memory is erased on the page of its agent, or with <code>fleet memory erase</code>. Here stands which
                nodes have not confirmed it.
              </p>
            </Empty>
          </Panel>
        ) : (
          <Panel
            title={plural(erasures.length, 'erasure')}
            bare
            aside={owes === null ? undefined : <span className="dim small">{owes}</span>}
          >
            <PlainTable label="Erasures" columns={columns} rows={erasures} rowId={({ id }) => id} />
          </Panel>
        )
      }
    </Loaded>
  );
}

const whyWords = { away: 'is away', old: 'has a node-agent that is too old to erase', told: 'was told' } as const;

const columns: PlainColumn<ErasureView>[] = [
  {
    title: 'Agent',
    cell: ({ agent }) => (
      <Link to="/agents/$agent" params={{ agent }}>
        {agent}
      </Link>
    ),
  },
  { title: 'Entries', align: 'end', cell: ({ entries }) => entries },
  { title: 'By', cell: ({ by }) => by },
  { title: 'When', cell: ({ atMs }) => <Time at={atMs} /> },
  {
    title: 'State',
    cell: ({ owed }) =>
      owed.length === 0 ? (
        <Status of="ready" word="every node confirmed" />
      ) : (
        <Status
          of="queued"
          word={`owed by ${owed.map(({ node, why }) => `${node}, which ${whyWords[why]}`).join('; ')}`}
        />
      ),
  },
];
