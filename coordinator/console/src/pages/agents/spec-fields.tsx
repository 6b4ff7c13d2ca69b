// Fields for lists and figures of a spec, and what the parts of its form have in common.
import { useId, useState } from 'react';
import { TextField } from '../../kit/field.tsx';
import type { Draft } from './spec-text.ts';

export interface PartProps {
  draft: Draft;
  put(change: Draft): void;
  /** Of the field (`limits.attempts`) or of a part of it. */
  faultOf(field: string): string | undefined;
}
/** Fields that were emptied are left to the coordinator's defaults. */
export function withoutEmpty<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

const read = (text: string) =>
  text
    .split(/[,\n]/)
    .map((each) => each.trim())
    .filter(Boolean);

/** A list written with commas. What a person types stays as typed; the list follows. */
export function ListField({
  value,
  onValue,
  suggestions = [],
  last,
  ...rest
}: {
  label: string;
  value: readonly string[];
  onValue(value: string[]): void;
  suggestions?: readonly string[];
  /** What is added from the suggestions goes before this one. */
  last?: string;
  hint?: string;
  fault?: string | undefined;
}) {
  const [text, setText] = useState(() => value.join(', '));
  const id = useId();
  const shown = read(text).join() === value.join() ? text : value.join(', ');
  const set = (now: string) => {
    setText(now);
    onValue(read(now));
  };
  const add = (each: string) => {
    const at = last === undefined ? -1 : value.indexOf(last);
    set((at < 0 ? [...value, each] : value.toSpliced(at, 0, each)).join(', '));
  };
  const more = suggestions.filter((each) => !value.includes(each));
  return (
    <div className="stack spec-list">
      <TextField {...rest} value={shown} spellCheck={false} onChange={(event) => set(event.target.value)} />
      {more.length > 0 && (
        <p className="row wrap small" id={id}>
          <span className="dim">Add:</span>
          {more.slice(0, 12).map((each) => (
            <button key={each} type="button" className="spec-add" onClick={() => add(each)}>
              {each}
            </button>
          ))}
        </p>
      )}
    </div>
  );
}

export interface Figure<Key extends string> {
  key: Key;
  label: string;
  /** What the coordinator takes where the field is empty. */
  usual: number | string;
}
/** Empty is the usual figure, which stands in the field as a hint. */
export function FigureFields<Key extends string>({
  figures,
  fields,
  faultOf,
  onFigure,
}: {
  figures: readonly Figure<Key>[];
  fields: { readonly [K in NoInfer<Key>]?: number };
  faultOf(key: NoInfer<Key>): string | undefined;
  onFigure(key: NoInfer<Key>, value: number | undefined): void;
}) {
  return figures.map(({ key, label, usual }) => (
    <TextField
      key={key}
      label={label}
      fault={faultOf(key)}
      type="number"
      step="any"
      placeholder={`${usual}, unless told`}
      value={fields[key] ?? ''}
      onChange={({ target: { value } }) => onFigure(key, value === '' ? undefined : Number(value))}
    />
  ));
}
