// Model by class as a table: shape and word of how it stands there, on how many nodes, and how fast it answers.
import type { Catalogue, CatalogueModel } from '@blackroad/protocol';
import { ClassShape } from '../../fleet/class-shape.tsx';
import { fitLooks, fitOf, type Room } from '../../fleet/fit.ts';
import { ScrollX } from '../../kit/layout.tsx';
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
  return (
    <ScrollX label="Which model fits where">
      <table className="plain-table models-matrix">
        <thead>
          <tr>
            <th scope="col">Model</th>
            <th scope="col" className="end">
              Agents
            </th>
            {classes.map((room) => (
              <th key={room.class} scope="col">
                <span className="row">
                  <ClassShape kind={room.class} tone="dim" used={null} size={16} />
                  {room.class}
                </span>
                <span className="models-room">
                  {plural(room.nodes, 'node')}
                  {room.memoryBytes > 0 && `, ${bytes(room.memoryBytes)} for models`}
                </span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {models.map((model) => (
            <tr key={model.name}>
              <th scope="row">
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
              </th>
              <td className="end">{model.agents.using > 0 ? model.agents.using.toLocaleString('en') : '–'}</td>
              {classes.map((room) => (
                <Cell key={room.class} model={model} room={room} />
              ))}
            </tr>
          ))}
          {models.length === 0 && (
            <tr>
              <td colSpan={classes.length + 2} className="dim">
                No model has that in its name.
              </td>
            </tr>
          )}
        </tbody>
      </table>
    </ScrollX>
  );
}

function Cell({ model, room }: { model: CatalogueModel; room: Room }) {
  const fit = fitOf(model, room);
  const look = fitLooks[fit.state];
  const here = model.classes.find((each) => each.class === room.class);
  return (
    <td>
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
    </td>
  );
}
