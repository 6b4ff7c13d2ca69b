// The memories of all agents: search over the whole fleet, the origin of an entry, the verification of a log, the branches that wait to be
// merged, what was erased, and what consolidation found.

import type { ErasureView } from '@blackroad/protocol';
import { useTotals } from '../../data/live.ts';
import { useRoute } from '../../data/query.ts';
import { useAddress } from '../../kit/address.ts';
import { PageHead } from '../../kit/layout.tsx';
import { Tabs } from '../../kit/tabs.tsx';
import { plural } from '../../kit/words.ts';
import { Branches } from './branches.tsx';
import { Erasures } from './erasures.tsx';
import { MemoryRuns } from './memory-runs.tsx';
import { MemorySearch } from './memory-search.tsx';

const againMs = 15_000;
/** While a node that is there is erasing. */
const soonMs = 2_000;
const isAsked = ({ owed }: ErasureView) => owed.some(({ why }) => why === 'told');

export default function MemoryPage() {
  const totals = useTotals();
  const branches = useRoute('branches', { query: {} }, { refetchInterval: againMs });
  const erasures = useRoute(
    'memoryErasures',
    { query: {} },
    { refetchInterval: ({ state }) => (state.data?.some(isAsked) ? soonMs : againMs) },
  );
  const [tab, setTab] = useAddress('/memory', 'tab', 'search');
  const waiting = branches.data?.length ?? 0;
  const owed = erasures.data?.filter((each) => each.owed.length > 0).length ?? 0;
  return (
    <div className="page-stack">
      <PageHead
        title="Memory"
        text={
          totals
            ? `${plural(totals.memories, 'memory')} in logs that are hashed entry by entry; a log follows its agent when it moves.`
            : ''
        }
      />
      <Tabs
        label="Parts of memory"
        value={tab}
        onValue={setTab}
        tabs={[
          { id: 'search', text: 'Search', body: <MemorySearch /> },
          { id: 'branches', text: waiting > 0 ? `Branches ${waiting}` : 'Branches', body: <Branches of={branches} /> },
          { id: 'erasures', text: owed > 0 ? `Erasures ${owed}` : 'Erasures', body: <Erasures of={erasures} /> },
          { id: 'runs', text: 'Runs', body: <MemoryRuns /> },
        ]}
      />
    </div>
  );
}
