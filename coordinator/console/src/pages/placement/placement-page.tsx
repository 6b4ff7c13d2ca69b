// Placement: the fleet as it is packed, the agents without a place with their fixes, frozen moves; and a what-if, drawn before and after.
import { useMemo } from 'react';
import { useNodes, useTotals } from '../../data/live.ts';
import { useRoute } from '../../data/query.ts';
import { strategyWords } from '../../fleet/strategy-words.ts';
import { useAddress } from '../../kit/address.ts';
import { PageHead } from '../../kit/layout.tsx';
import { Loading } from '../../kit/states.tsx';
import { Tabs } from '../../kit/tabs.tsx';
import { AsItIs } from './as-it-is.tsx';
import { type Sizes, sizesOf } from './packing.ts';
import { WhatIf } from './what-if.tsx';

const nothing: Sizes = new Map();
const againMs = 30_000;

export default function PlacementPage() {
  const totals = useTotals();
  const nodes = useNodes();
  const catalogue = useRoute('catalogue', {}, { refetchInterval: againMs });
  const sizes = useMemo(() => (catalogue.data ? sizesOf(catalogue.data) : nothing), [catalogue.data]);
  const [asked] = useAddress('/placement', 'if');
  const [tab, setTab] = useAddress('/placement', 'tab', asked ? 'what-if' : 'now');
  return (
    <div className="page-stack">
      <PageHead title="Placement" text={totals ? strategyWords[totals.strategy] : ''} />
      {!totals || !nodes.whole ? (
        <Loading lines={8} />
      ) : (
        <Tabs
          label="Parts of placement"
          value={tab}
          onValue={setTab}
          tabs={[
            { id: 'now', text: 'As it is', body: <AsItIs totals={totals} lines={nodes.list} sizes={sizes} /> },
            { id: 'what-if', text: 'What if …', body: <WhatIf lines={nodes.list} sizes={sizes} /> },
          ]}
        />
      )}
    </div>
  );
}
