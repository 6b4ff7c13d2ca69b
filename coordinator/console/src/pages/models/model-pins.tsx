// Where a model is pinned, and a pin more or less.
import type { CatalogueModel } from '@blackroad/protocol';
import { useState } from 'react';
import { useNodes } from '../../data/live.ts';
import { useAct } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Button } from '../../kit/button.tsx';
import { SelectField } from '../../kit/field.tsx';
import { pinInWords, placeOf } from './orders.ts';

const mostNodes = 60;

export function ModelPins({ model }: { model: CatalogueModel }) {
  const may = useMay()('modelPin');
  const { name, pins, fits } = model;
  const [place, setPlace] = useState('');
  const { list } = useNodes();
  const pin = useAct('modelPin', {
    done: (answer, { body }) => `${answer.model} is ${body?.pinned ? 'pinned' : 'no longer pinned'}.`,
    stales: ['catalogue'],
  });
  if (!may && pins.length === 0) return null;
  const options: [string, string][] = [
    ['', 'wherever it is'],
    ...fits.map((fit): [string, string] => [`class:${fit.class}`, `every ${fit.class}`]),
    ...(list.length <= mostNodes ? list.map(({ id }): [string, string] => [`node:${id}`, id]) : []),
  ];
  return (
    <section className="model-pins stack">
      <h3>Pins</h3>
      <p className="dim small">
        A pinned model is never removed for want of disk. On a node or a class it is fetched as well, where it is
        missing.
      </p>
      {pins.length > 0 && (
        <ul className="models-nodes">
          {pins.map((each) => (
            <li key={`${each.node} ${each.class}`}>
              <span className="grow">{pinInWords(each)}</span>
              <span className="dim small">{each.by}</span>
              {may && (
                <Button
                  look="quiet"
                  aria-label={`Unpin ${pinInWords(each)}`}
                  onClick={() =>
                    pin.mutate({
                      body: {
                        model: name,
                        ...(each.node === null ? {} : { nodes: [each.node] }),
                        ...(each.class === null ? {} : { class: each.class }),
                        pinned: false,
                      },
                    })
                  }
                >
                  Unpin
                </Button>
              )}
            </li>
          ))}
        </ul>
      )}
      {may && (
        <div className="row model-pin-form">
          <SelectField
            label="Keep it"
            value={place}
            options={options}
            onChange={({ target }) => setPlace(target.value)}
          />
          <Button
            busy={pin.isPending}
            onClick={() => pin.mutate({ body: { model: name, ...placeOf(place), pinned: true } })}
          >
            Pin
          </Button>
        </div>
      )}
    </section>
  );
}
