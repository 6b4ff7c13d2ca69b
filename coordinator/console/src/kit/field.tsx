// Form fields with their labels, hints and faults tied together for everybody.
import { Check, Copy, Search } from 'lucide-react';
import {
  type InputHTMLAttributes,
  type ReactNode,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
  useId,
} from 'react';
import { Button } from './button.tsx';
import { useCopied } from './copied.ts';

interface Around {
  label: string;
  hint?: ReactNode;
  fault?: string | undefined;
}
function Frame({ label, hint, fault, id, children }: Around & { id: string; children: ReactNode }) {
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children}
      {hint && (
        <p id={`${id}-hint`} className="dim small">
          {hint}
        </p>
      )}
      {fault && (
        <p id={`${id}-fault`} className="bad small" role="alert">
          {fault}
        </p>
      )}
    </div>
  );
}
const described = (id: string, { hint, fault }: Around) => ({
  id,
  'aria-describedby': [hint && `${id}-hint`, fault && `${id}-fault`].filter(Boolean).join(' ') || undefined,
  'aria-invalid': fault ? true : undefined,
});

export function TextField({ label, hint, fault, ...rest }: Around & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  return (
    <Frame {...{ label, hint, fault, id }}>
      <input className="input" {...rest} {...described(id, { label, hint, fault })} />
    </Frame>
  );
}
export function TextArea({ label, hint, fault, ...rest }: Around & TextareaHTMLAttributes<HTMLTextAreaElement>) {
  const id = useId();
  return (
    <Frame {...{ label, hint, fault, id }}>
      <textarea className="input" rows={4} {...rest} {...described(id, { label, hint, fault })} />
    </Frame>
  );
}
export function SelectField({
  label,
  hint,
  fault,
  options,
  ...rest
}: Around &
  SelectHTMLAttributes<HTMLSelectElement> & { options: readonly (string | [value: string, text: string])[] }) {
  const id = useId();
  return (
    <Frame {...{ label, hint, fault, id }}>
      <select className="input" {...rest} {...described(id, { label, hint, fault })}>
        {options.map((option) => {
          const [value, text] = typeof option === 'string' ? [option, option] : option;
          return (
            <option key={value} value={value}>
              {text}
            </option>
          );
        })}
      </select>
    </Frame>
  );
}
export function Checkbox({ label, ...rest }: { label: ReactNode } & InputHTMLAttributes<HTMLInputElement>) {
  return (
    <label className="check">
      <input type="checkbox" {...rest} />
      <span>{label}</span>
    </label>
  );
}

/** The page's search: `/` jumps here (the first one on the page). */
export function SearchField({
  label,
  value,
  onValue,
  placeholder,
}: {
  label: string;
  value: string;
  onValue(value: string): void;
  placeholder?: string;
}) {
  return (
    <div className="search">
      <Search aria-hidden="true" />
      <input
        type="search"
        className="input"
        aria-label={label}
        placeholder={placeholder ?? label}
        value={value}
        data-search=""
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => onValue(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          if (value) onValue('');
          else event.currentTarget.blur();
        }}
      />
    </div>
  );
}

/** Text to copy whole: a command, a token. */
export function CopyText({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [copied, copy] = useCopied(text);
  return (
    <div className="copy">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with keys */}
      <pre tabIndex={0}>{text}</pre>
      {navigator.clipboard && (
        <Button icon={copied ? <Check /> : <Copy />} onClick={copy}>
          {copied ? 'Copied' : label}
        </Button>
      )}
    </div>
  );
}
