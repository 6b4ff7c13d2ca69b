// The parts that a machine is made of, as its node told them, with what tells two equal parts apart; the node looks again on demand.
import type { HardwareView, NodeView } from '@blackroad/protocol';
import { type PartWords, partsInWords } from '@blackroad/protocol/hardware-words';
import { RefreshCw } from 'lucide-react';
import { useAct, useRoute } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Time } from '../../fleet/time.tsx';
import { Button } from '../../kit/button.tsx';
import { Panel } from '../../kit/layout.tsx';
import { type PlainColumn, PlainTable } from '../../kit/plain-table.tsx';
import { Empty, Loaded } from '../../kit/states.tsx';

interface NumberedPart extends PartWords {
  id: string;
}

const columns: PlainColumn<NumberedPart>[] = [
  { title: 'Part', cell: ({ kind }) => <span className="dim">{kind}</span> },
  { title: 'What it is', className: 'part-text', cell: ({ text }) => text || 'it tells nothing more' },
  { title: 'Serial number or address', cell: ({ own }) => <code>{own}</code> },
];

export function NodeParts({ node }: { node: NodeView }) {
  const may = useMay();
  const params = { node: node.id };
  const view = useRoute('nodeHardware', { params });
  const look = useAct('nodeHardwareLook', {
    done: () => `${node.id} has looked at its machine.`,
    stales: ['nodeHardware'],
  });
  const mayLook = may('nodeHardwareLook') && node.presence === 'online';
  const again = mayLook && (
    <Button icon={<RefreshCw />} busy={look.isPending} onClick={() => look.mutate({ params })}>
      Look again
    </Button>
  );
  return (
    <Panel title="Hardware" bare aside={again}>
      <Loaded of={view} lines={8}>
        {(told) => <Parts told={told} />}
      </Loaded>
    </Panel>
  );
}

function Parts({ told: { hardware, sinceMs } }: { told: HardwareView }) {
  if (hardware === null || sinceMs === null) {
    return (
      <Empty title="Its parts are not known yet">
        <p>A node tells them soon after its start.</p>
      </Empty>
    );
  }
  const rows = partsInWords(hardware).map((part, at) => ({ ...part, id: `${part.kind} ${at}` }));
  return (
    <>
      <PlainTable label="Parts of the machine" columns={columns} rows={rows} rowId={({ id }) => id} />
      <div className="panel-body stack">
        {hardware.lacks.map((text) => (
          <p key={text} className="dim small">
            {text}
          </p>
        ))}
        <p className="dim small">
          The same parts since <Time at={sinceMs} />.
        </p>
      </div>
    </>
  );
}
