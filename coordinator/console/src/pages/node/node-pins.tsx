// The board of a node: its pins with their values and who set them, its sensors and its camera, as far as its owner lets agents use them.
import type { BoardPin, NodeView, PinStand } from '@blackroad/protocol';
import { pinPlaceInWords, pinStandInWords } from '@blackroad/protocol/board-words';
import { Time } from '../../fleet/time.tsx';
import { Panel } from '../../kit/layout.tsx';
import { type PlainColumn, PlainTable } from '../../kit/plain-table.tsx';
import { Empty } from '../../kit/states.tsx';
import { Status } from '../../kit/status.tsx';

interface PinRow {
  pin: BoardPin;
  stand: PinStand | undefined;
}

const columns: PlainColumn<PinRow>[] = [
  { title: 'Pin', cell: ({ pin }) => <code>{pin.name}</code> },
  { title: 'Where', cell: ({ pin }) => <span className="dim">{pinPlaceInWords(pin)}</span> },
  {
    title: 'Now',
    cell: ({ pin, stand }) =>
      pin.problem === undefined ? pinStandInWords(pin, stand) : <Status of="warning" word={pin.problem} />,
  },
];

/** Whether its owner lists anything of its board. */
export function hasBoard({ info, capacity }: NodeView): boolean {
  return info?.pins !== undefined || capacity?.board !== undefined;
}

export function NodePins({ node }: { node: NodeView }) {
  const { info, capacity, health } = node;
  const pins = info?.pins ?? [];
  const { sensors = [], camera = false } = capacity?.board ?? {};
  const rows = pins.map((pin) => ({ pin, stand: health?.pins?.find(({ name }) => name === pin.name) }));
  const others = [
    ...(sensors.length > 0 ? [`Sensors: ${sensors.join(', ')}.`] : []),
    ...(camera ? ['It has a camera.'] : []),
  ];
  return (
    <Panel
      title="Pins"
      bare
      aside={
        <span className="dim small">
          {info?.pinsBy !== undefined && `by ${info.pinsBy}, `}read <Time at={node.lastSeenMs} />
        </span>
      }
    >
      {rows.length > 0 ? (
        <PlainTable label="Pins of the board" columns={columns} rows={rows} rowId={({ pin }) => pin.name} />
      ) : (
        <Empty title="No pins">
          <p>The owner of the machine lists none (--pins).</p>
        </Empty>
      )}
      {others.length > 0 && (
        <div className="panel-body">
          <p className="dim small">{others.join(' ')}</p>
        </div>
      )}
    </Panel>
  );
}
