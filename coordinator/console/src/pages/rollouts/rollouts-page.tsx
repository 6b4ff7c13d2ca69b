// The rollouts of the fleet: one as it goes, and all that are kept.
import type { RolloutView } from '@blackroad/protocol';
import { Link } from '@tanstack/react-router';
import { Plus } from 'lucide-react';
import { useRoute } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Time } from '../../fleet/time.tsx';
import { useAddress } from '../../kit/address.ts';
import { Button } from '../../kit/button.tsx';
import { PageHead, Panel } from '../../kit/layout.tsx';
import { type PlainColumn, PlainTable } from '../../kit/plain-table.tsx';
import { Empty, Loaded } from '../../kit/states.tsx';
import { Status } from '../../kit/status.tsx';
import { RolloutPanel } from './rollout-panel.tsx';
import { StartRollout } from './start-rollout.tsx';

const againMs = 3_000;

export default function RolloutsPage() {
  const may = useMay();
  const all = useRoute('rollouts', {}, { refetchInterval: againMs });
  const [id] = useAddress('/rollouts', 'id');
  const [doing, setDoing] = useAddress('/rollouts', 'do');
  const [version] = useAddress('/rollouts', 'version');
  return (
    <>
      <PageHead
        title="Rollouts"
        text="A change reaches some machines first, is watched there, and reaches the next ones only while all is well."
        actions={
          may('rolloutStart') && (
            <Button look="primary" icon={<Plus />} onClick={() => setDoing('start')}>
              Start a rollout
            </Button>
          )
        }
      />
      <StartRollout
        key={version}
        open={doing === 'start'}
        onOpenChange={(open) => setDoing(open ? 'start' : '')}
        version={version}
      />
      <Loaded of={all}>{(rollouts) => <Rollouts all={rollouts} chosen={id} />}</Loaded>
    </>
  );
}

function Rollouts({ all, chosen }: { all: readonly RolloutView[]; chosen: string }) {
  const [newest] = all;
  if (!newest)
    return (
      <Empty title="No rollout yet">
        A new version, a model or a change to agents goes out in waves: one machine of each class, then 5 %, 25 % and
        all. When the machines that have it do worse than before, it goes back by itself.
      </Empty>
    );
  const shown = all.find(({ id }) => id === chosen) ?? newest;
  return (
    <div className="stack">
      <RolloutPanel key={shown.id} id={shown.id} />
      <Panel title="All rollouts" bare>
        <PlainTable label="All rollouts" columns={columns} rows={all} rowId={({ id }) => id} />
      </Panel>
    </div>
  );
}

const columns: PlainColumn<RolloutView>[] = [
  {
    title: 'What',
    cell: ({ id, text }) => (
      <Link to="/rollouts" search={{ id }}>
        {text}
      </Link>
    ),
  },
  { title: 'State', cell: ({ state }) => <Status of={state} /> },
  { title: 'Wave', align: 'end', cell: ({ wave, waves }) => `${wave} of ${waves.length}` },
  { title: 'Why', cell: ({ reason }) => <span className="dim">{reason}</span> },
  { title: 'Started', cell: ({ createdMs }) => <Time at={createdMs} /> },
  { title: 'By', cell: ({ by }) => by.name },
];
