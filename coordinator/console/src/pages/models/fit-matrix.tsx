// Model by class as a table: shape and word of how it stands there, on how many nodes, and how fast it answers.
import type { Catalogue, CatalogueModel } from '@blackroad/protocol';
import { ClassShape } from '../../fleet/class-shape.tsx';
import { fitLooks, fitOf, type Room } from '../../fleet/fit.ts';
import { type PlainColumn, PlainTable } from '../../kit/plain-table.tsx';
import { Glyph, Tag } from '../../kit/status.tsx';
import { bytes, figure, plural } from '../../kit/words.ts';

export function FitMatrix({
  models,
  classes,
  open,
}: {
  models: readonly CatalogueModel[];
  classes: Catalogue['classes'];
  open(model: string): void;
}) {
  const columns: PlainColumn<CatalogueModel>[] = [
    { title: 'Model', cell: (model) => <Name model={model} open={open} /> },
    {
      title: 'Agents',
      align: 'end',
      cell: ({ agents }) => (agents.using > 0 ? agents.using.toLocaleString('en') : '–'),
    },
    ...classes.map((room) => ({
      title: room.class,
      head: (
        <>
          <span className="row">
            <ClassShape kind={room.class} tone="dim" used={null} size={16} />
            {room.class}
          </span>
          <span className="models-room">
            {plural(room.nodes, 'node')}
            {room.memoryBytes > 0 && `, ${bytes(room.memoryBytes)} for models`}
          </span>
        </>
      ),
      cell: (model: CatalogueModel) => <Fit model={model} room={room} />,
    })),
  ];
  return (
    <PlainTable
      label="Which model fits where"
      className="models-matrix"
      columns={columns}
      rows={models}
      rowId={({ name }) => name}
      none="No model has that in its name."
    />
  );
}

function Name({ model, open }: { model: CatalogueModel; open(model: string): void }) {
  return (
    <>
      <button type="button" className="models-name" onClick={() => open(model.name)}>
        <code>{model.name}</code>
      </button>
      <span className="dim small">
        {[
          model.kind,
          model.sizeBytes > 0 && bytes(model.sizeBytes),
          model.runtimes.join(', '),
          model.tools && 'calls tools',
        ]
          .filter(Boolean)
          .join(' · ')}
      </span>
    </>
  );
}

function Fit({ model, room }: { model: CatalogueModel; room: Room }) {
  const fit = fitOf(model, room);
  const look = fitLooks[fit.state];
  const here = model.classes.find((each) => each.class === room.class);
  return (
    <>
      <span className={`status ${look.tone === 'dim' ? 'dim' : ''}`}>
        <Glyph shape={look.shape} tone={look.tone} />
        {fit.word}
      </span>
      <span className="models-cell dim small">{fit.text}</span>
      {here && model.kind === 'chat' && here.decodeTps > 0 && (
        <span className="models-cell small">
          <span className="figure">{figure(here.decodeTps)}</span> tokens/s {here.measured === 0 && <Tag>guess</Tag>}
        </span>
      )}
    </>
  );
}
