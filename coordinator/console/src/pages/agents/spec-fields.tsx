// Fields for lists and figures of a spec.
import { useId, useState } from 'react';
import { TextField } from '../../kit/field.tsx';

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

/** Empty is the usual figure, which stands in the field as a hint. */
export function NumberField({
  value,
  usual,
  onValue,
  ...rest
}: {
  label: string;
  value: number | undefined;
  usual: number;
  onValue(value: number | undefined): void;
  fault?: string | undefined;
}) {
  return (
    <TextField
      {...rest}
      type="number"
      step="any"
      placeholder={`${usual}, unless told`}
      value={value ?? ''}
      onChange={(event) => onValue(event.target.value === '' ? undefined : Number(event.target.value))}
    />
  );
}
