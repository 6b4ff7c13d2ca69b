// The spec as text: lines are numbered, and a fault is pressed to go to its line.
import { useId, useRef } from 'react';
import type { Fault, Language } from './spec-text.ts';

export function SpecTextArea({
  text,
  onText,
  language,
  faults,
}: {
  text: string;
  onText(text: string): void;
  language: Language;
  faults: readonly Fault[];
}) {
  const area = useRef<HTMLTextAreaElement>(null);
  const gutter = useRef<HTMLOListElement>(null);
  const id = useId();
  const count = text.split('\n').length;
  const wrong = new Set(faults.map(({ line }) => line));
  return (
    <div className="spec-text">
      <ol ref={gutter} className="spec-lines" aria-hidden="true">
        {Array.from({ length: count }, (_, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a line is its number
          <li key={i} className={wrong.has(i + 1) ? 'bad' : ''}>
            {i + 1}
          </li>
        ))}
      </ol>
      <textarea
        ref={area}
        id={id}
        className="figure"
        aria-label={`The agent as ${language.toUpperCase()}`}
        aria-invalid={faults.length > 0 || undefined}
        value={text}
        rows={Math.min(40, Math.max(16, count + 1))}
        wrap="off"
        spellCheck={false}
        autoComplete="off"
        onScroll={({ currentTarget }) => {
          if (gutter.current) gutter.current.scrollTop = currentTarget.scrollTop;
        }}
        onChange={(event) => onText(event.target.value)}
      />
    </div>
  );
}

/** All that is wrong; with text beside it, a press goes to the line. */
export function Faults({ faults }: { faults: readonly Fault[] }) {
  if (faults.length === 0) return null;
  const go = (line: number) => {
    const area = document.querySelector<HTMLTextAreaElement>('.spec-text textarea');
    if (!area) return;
    const before =
      area.value
        .split('\n')
        .slice(0, line - 1)
        .join('\n').length + (line > 1 ? 1 : 0);
    const end = area.value.indexOf('\n', before);
    area.focus();
    area.setSelectionRange(before, end < 0 ? area.value.length : end);
  };
  return (
    <div className="failure" role="alert">
      <strong>{faults.length === 1 ? 'One thing is not right' : `${faults.length} things are not right`}</strong>
      <ul>
        {faults.map(({ field, text, line }) => (
          <li key={`${field} ${text}`}>
            {line !== null && (
              <>
                <button type="button" className="spec-add" onClick={() => go(line)}>
                  line {line}
                </button>{' '}
              </>
            )}
            {text}
          </li>
        ))}
      </ul>
    </div>
  );
}
