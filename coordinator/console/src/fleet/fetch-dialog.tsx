// Asks a node to fetch a model: names to press, from its own catalogue or from the models that this fleet wants and that would fit there.
import type { Catalogue, NodeView } from '@blackroad/protocol';
import { type FormEvent, useEffect, useState } from 'react';
import { useNode, useNodes } from '../data/live.ts';
import { useAct, useRoute } from '../data/query.ts';
import { Button } from '../kit/button.tsx';
import { SelectField, TextField } from '../kit/field.tsx';
import { FormEnd } from '../kit/form-end.tsx';
import { Dialog } from '../kit/overlay.tsx';
import { bytes } from '../kit/words.ts';
import { canFetch, suggestions } from './fetching.ts';
import { neededBytes } from './fit.ts';
import { PickNode } from './pick-node.tsx';

/** More names than this are typed with suggestions: a menu of hundreds is too long to read. */
const mostListed = 60;

interface Props {
  open: boolean;
  /** A known model, for which the dialog does not ask. */
  node?: string;
  model?: string;
  onClose(): void;
  /** Called when the fetch has begun. */
  began?: (node: string) => void;
}
export function FetchDialog({ open, node: given, model = '', onClose, began }: Props) {
  const [name, setName] = useState(model);
  const [chosen, setChosen] = useState('');
  const catalogue = useRoute('catalogue', {}, { enabled: open, staleTime: 10_000 });
  const pull = useAct('nodePull', { done: ({ text }) => text, stales: ['catalogue'] });
  useEffect(() => {
    if (open) setName(model);
  }, [open, model]);
  const id = (given ?? chosen).trim();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    pull.mutate(
      { params: { node: id }, body: { model: name.trim() } },
      {
        onSuccess: () => {
          began?.(id);
          onClose();
        },
      },
    );
  };
  return (
    <Dialog
      open={open}
      onOpenChange={(now) => !now && onClose()}
      title={given ? `Fetch a model to ${given}` : 'Fetch a model'}
      text="The node downloads it to its disk. Agents that name a model have it fetched by themselves; this is for being early."
    >
      <form className="stack" onSubmit={submit}>
        {given === undefined && <ChooseNode value={chosen} onValue={setChosen} known={catalogue.data ?? null} />}
        <TextField
          label="Model"
          value={name}
          required
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => setName(event.target.value)}
        />
        {id !== '' && <ForNode id={id} name={name} setName={setName} known={catalogue.data ?? null} />}
        <FormEnd verb="Fetch" busy={pull.isPending} disabled={id === '' || name.trim() === ''} onCancel={onClose} />
      </form>
    </Dialog>
  );
}

function ChooseNode({
  value,
  onValue,
  known,
}: {
  value: string;
  onValue(value: string): void;
  known: Catalogue | null;
}) {
  const { list } = useNodes();
  const classes = new Set((known?.classes ?? []).filter(({ pulls }) => pulls.length > 0).map((room) => room.class));
  const fitting = list.filter((node) => node.presence === 'online' && classes.has(node.class));
  if (known !== null && fitting.length === 0)
    return <p className="warn small">No node that is online has a runtime that can fetch models.</p>;
  if (fitting.length > mostListed)
    return (
      <PickNode
        label="Node"
        value={value}
        onValue={onValue}
        only={(each) => each.presence === 'online' && classes.has(each.class)}
      />
    );
  return (
    <SelectField
      label="Node"
      value={value}
      required
      options={[['', 'Choose a node'], ...fitting.map(({ id }): [string, string] => [id, id])]}
      onChange={({ target }) => onValue(target.value)}
    />
  );
}

interface ForNodeProps {
  id: string;
  name: string;
  setName(name: string): void;
  known: Catalogue | null;
}
function ForNode({ id, name, setName, known }: ForNodeProps) {
  const { row: node } = useNode(id);
  if (node === null) return null;
  const { capacity } = node;
  if (!canFetch(capacity))
    return (
      <p className="warn small">
        Nothing on {id} can fetch a model: {whyNot(node)}
      </p>
    );
  const names = suggestions(capacity, known);
  const row = known?.models.find((each) => each.name === name.trim());
  const tight = row && capacity ? neededBytes(row) > capacity.memoryTotalBytes : false;
  return (
    <>
      <p className="dim small">
        {bytes(capacity?.diskFreeBytes ?? 0)} of disk are free on {id}.
        {names.length > 0 && (capacity?.fetchable ? ' Its runtime can fetch:' : ' For example:')}
      </p>
      <p className="row wrap fetch-names">
        {names.map((each) => (
          <Button key={each} look={each === name.trim() ? 'primary' : 'plain'} onClick={() => setName(each)}>
            {each}
          </Button>
        ))}
      </p>
      {tight && row && capacity && (
        <p className="warn small">
          It needs about {bytes(neededBytes(row))} once loaded; {id} has {bytes(capacity.memoryTotalBytes)} for models.
        </p>
      )}
    </>
  );
}
const whyNot = ({ capacity, info }: NodeView) =>
  capacity?.noModel ?? info?.notes[0] ?? 'its runtimes serve the models they were started with.';
