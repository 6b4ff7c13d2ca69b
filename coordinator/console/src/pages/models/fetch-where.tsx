// Asks where a model is to be fetched: everywhere that it fits and is missing, a class, or one node. The first is chosen already.
import type { CatalogueModel } from '@blackroad/protocol';
import { type FormEvent, useEffect, useState } from 'react';
import { useNodes } from '../../data/live.ts';
import { useAct } from '../../data/query.ts';
import { SelectField } from '../../kit/field.tsx';
import { FormEnd } from '../../kit/form-end.tsx';
import { Dialog } from '../../kit/overlay.tsx';
import { bytes } from '../../kit/words.ts';
import { ordersInWords, placeOf, placesFor } from './orders.ts';

/** A menu of hundreds is too long to read: a node of a large fleet is chosen on its own page. */
const mostNodes = 60;

export function FetchWhere({ model, close }: { model: CatalogueModel | null; close(): void }) {
  return (
    <Dialog
      open={model !== null}
      onOpenChange={(open) => !open && close()}
      title={model ? `Fetch ${model.name}` : ''}
      text={
        model
          ? `${bytes(model.sizeBytes)} to fetch, about ${bytes(model.neededBytes)} of memory when loaded. Each node shows how far it is.`
          : ''
      }
    >
      {model && <Form model={model} close={close} />}
    </Dialog>
  );
}

function Form({ model, close }: { model: CatalogueModel; close(): void }) {
  const places = placesFor(model);
  const [place, setPlace] = useState(places[0]?.[0] ?? '');
  const { list } = useNodes();
  const pull = useAct('modelPull', { done: (answer) => ordersInWords(answer, 'fetch'), stales: ['catalogue'] });
  useEffect(() => setPlace(placesFor(model)[0]?.[0] ?? ''), [model]);
  const here = new Set(model.nodes.map(({ node }) => node));
  const classes = new Set(model.fits.filter(({ free }) => free > 0).map((fit) => fit.class));
  const nodes = list.filter((node) => node.presence === 'online' && classes.has(node.class) && !here.has(node.id));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    pull.mutate({ body: { model: model.name, ...placeOf(place) } }, { onSuccess: close });
  };
  return (
    <form className="stack" onSubmit={submit}>
      <SelectField
        label="Where"
        value={place}
        options={[
          ...places,
          ...(nodes.length <= mostNodes ? nodes.map(({ id }): [string, string] => [`node:${id}`, `${id} alone`]) : []),
        ]}
        onChange={({ target }) => setPlace(target.value)}
      />
      <FormEnd verb="Fetch" busy={pull.isPending} onCancel={close} />
    </form>
  );
}
