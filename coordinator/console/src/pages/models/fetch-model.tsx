// Tells a node to fetch a model. The node answers at once; how far it is stands on the page below.
import type { Catalogue } from '@blackroad/protocol';
import { type FormEvent, useEffect, useId, useState } from 'react';
import { useNodes } from '../../data/live.ts';
import { useAct } from '../../data/query.ts';
import { neededBytes } from '../../fleet/fit.ts';
import { PickNode } from '../../fleet/pick-node.tsx';
import { Button } from '../../kit/button.tsx';
import { TextField } from '../../kit/field.tsx';
import { Dialog } from '../../kit/overlay.tsx';
import { bytes } from '../../kit/words.ts';

/** `model` null: closed; else what is fetched, if that is known already. */
export function FetchModel({
  model,
  onDone,
  known,
}: {
  model: string | null;
  onDone(): void;
  known: Catalogue | null;
}) {
  const [name, setName] = useState('');
  const [node, setNode] = useState('');
  const list = useId();
  const { rows } = useNodes();
  const pull = useAct('nodePull', { done: ({ text }) => text, stales: ['catalogue'] });
  useEffect(() => {
    if (model !== null) setName(model);
  }, [model]);
  const can = new Set((known?.classes ?? []).filter(({ pulls }) => pulls.length > 0).map((room) => room.class));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    pull.mutate({ params: { node: node.trim() }, body: { model: name.trim() } }, { onSuccess: onDone });
  };
  const row = known?.models.find((each) => each.name === name.trim());
  const there = rows.get(node.trim());
  const tight = row && there?.memoryTotalBytes ? neededBytes(row) > there.memoryTotalBytes : false;
  return (
    <Dialog
      open={model !== null}
      onOpenChange={(open) => !open && onDone()}
      title="Fetch a model"
      text="The node downloads it to its disk. Agents that name a model have it fetched by placement anyway; this is for being early."
    >
      <form className="stack" onSubmit={submit}>
        <TextField
          label="Model"
          value={name}
          required
          list={list}
          placeholder="qwen2.5:3b"
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => setName(event.target.value)}
        />
        <datalist id={list}>
          {[...(known?.missing ?? []), ...(known?.models ?? [])].map((each) => (
            <option key={each.name} value={each.name} />
          ))}
        </datalist>
        <PickNode
          label="Node"
          value={node}
          onValue={setNode}
          only={(each) => each.presence === 'online' && can.has(each.class)}
          hint={
            can.size > 0
              ? `Classes with a runtime that fetches: ${[...can].join(', ')}.`
              : 'No node has a runtime that can fetch models (Ollama can).'
          }
        />
        {tight && row && there?.memoryTotalBytes && (
          <p className="warn small">
            It needs about {bytes(neededBytes(row))} once loaded; {there.id} has {bytes(there.memoryTotalBytes)} for
            models.
          </p>
        )}
        <footer className="row end">
          <Button onClick={onDone}>Cancel</Button>
          <Button look="primary" type="submit" busy={pull.isPending}>
            Fetch
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
