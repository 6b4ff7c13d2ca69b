// Names a node in a form: typed with suggestions, since a list of ten thousand is no menu.
import type { NodeLine } from '@blackroad/protocol';
import { useId } from 'react';
import { useNodes } from '../data/live.ts';
import { TextField } from '../kit/field.tsx';

const suggested = 50;

export function PickNode({
  label,
  value,
  onValue,
  only,
  hint,
}: {
  label: string;
  value: string;
  onValue(value: string): void;
  /** The suggested nodes; by default all. */
  only?: (node: NodeLine) => boolean;
  hint?: string;
}) {
  const id = useId();
  const { list } = useNodes();
  const wanted = value.trim().toLowerCase();
  const fitting: NodeLine[] = [];
  for (const node of list) {
    if (fitting.length === suggested) break;
    if (node.id.includes(wanted) && (only === undefined || only(node))) fitting.push(node);
  }
  return (
    <>
      <TextField
        label={label}
        value={value}
        required
        list={id}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => onValue(event.target.value)}
        {...(hint ? { hint } : {})}
      />
      <datalist id={id}>
        {fitting.map((node) => (
          <option key={node.id} value={node.id}>
            {`${node.class}, ${node.site}`}
          </option>
        ))}
      </datalist>
    </>
  );
}
