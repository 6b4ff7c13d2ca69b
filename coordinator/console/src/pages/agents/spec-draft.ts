// The draft of a spec under edit: its fields, or its text as YAML or JSON, and its faults. Typed changes are kept until they are saved or
// discarded.
import { useEffect, useRef, useState } from 'react';
import { faultsOf } from './spec-faults.ts';
import { type Draft, type Fault, type Language, readSpec, writeSpec } from './spec-text.ts';
import { keepUnsaved, unsavedOf } from './unsaved.tsx';

type Shown = 'form' | Language;
const isSame = (a: Draft, b: Draft) => writeSpec(a, 'json') === writeSpec(b, 'json');

/** `keep`: under which what was typed is kept. `filled`: where nothing is kept, it begins with this instead of `start`. */
export function useSpecDraft(keep: string, start: Draft, filled: Draft | null) {
  const [before] = useState(() => unsavedOf(keep));
  const [shown, setShown] = useState<Shown>(before?.shown ?? 'form');
  const [draft, setDraft] = useState(before?.draft ?? filled ?? start);
  const [text, setText] = useState(before?.text ?? '');
  const [faults, setFaults] = useState<readonly Fault[]>([]);
  const isDone = useRef(false);
  const isDirty = !isSame(draft, start) || (shown !== 'form' && readSpec(text).faults.length > 0);
  useEffect(() => {
    if (!isDone.current) keepUnsaved(keep, isDirty ? { shown, draft, text } : null);
  }, [keep, isDirty, shown, draft, text]);
  return {
    shown,
    draft,
    setDraft,
    text,
    faults,
    setFaults,
    isDirty,
    /** Asked when a person leaves: what was saved meanwhile is not lost. */
    wouldBeLost: () => isDirty && !isDone.current,
    /** As a form or as text; a text that cannot be read stays until it can. */
    show: (next: Shown) => {
      let now = draft;
      if (shown !== 'form') {
        const read = readSpec(text);
        setFaults(read.faults);
        if (read.faults.length > 0) return;
        now = read.draft;
        setDraft(now);
      }
      if (next !== 'form') setText(writeSpec(now, next));
      setFaults(faults.map((fault) => ({ ...fault, line: null })));
      setShown(next);
    },
    write: (next: string) => {
      setText(next);
      const read = readSpec(next);
      setFaults(read.faults);
      if (read.faults.length === 0) setDraft(read.draft);
    },
    refused: (error: unknown) => setFaults(faultsOf(error, shown === 'form' ? null : text)),
    startOver: () => {
      setDraft(start);
      setText(shown === 'form' ? '' : writeSpec(start, shown));
      setFaults([]);
    },
    /** It was saved, or a person lets go of it. */
    forget: () => {
      isDone.current = true;
      keepUnsaved(keep, null);
    },
  };
}
