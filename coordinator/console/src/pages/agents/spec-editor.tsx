// One agent's spec under edit, as a form or as text; the coordinator judges it when it is saved, and its faults are shown at the field
// or at the line. In: where it starts. Out: the agent as it was stored.
import type { AgentView } from '@blackroad/protocol';
import { lineOf } from '@blackroad/protocol/yaml-line';
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from 'react';
import { ApiProblem } from '../../data/api.ts';
import { useAct } from '../../data/query.ts';
import type { Told } from '../../data/told.ts';
import { Button } from '../../kit/button.tsx';
import { Choice } from '../../kit/tabs.tsx';
import { wordsOf } from '../../kit/words.ts';
import { SpecForm } from './spec-form.tsx';
import { type Draft, type Fault, type Language, readSpec, unchecked, writeSpec } from './spec-text.ts';
import { Faults, SpecTextArea } from './spec-textarea.tsx';
import { AskBeforeLeaving, keepUnsaved, unsavedOf } from './unsaved.tsx';

type Shown = 'form' | Language;
const isSame = (a: Draft, b: Draft) => writeSpec(a, 'json') === writeSpec(b, 'json');

interface SpecEditorProps {
  /** Under which what was typed is kept. */
  keep: string;
  start: Draft;
  /** Filled in where nothing unsaved is kept. */
  filled?: Draft | null;
  isNew: boolean;
  /** Of the button that saves. */
  verb: (name: string) => string;
  /** What speaks against saving, before the coordinator is asked. */
  refuse?: (draft: Draft) => Fault | null;
  /** What is told of it. */
  done: (agent: AgentView) => Told;
  onSaved(agent: AgentView): void;
  /** Beside the button: what else can be done with the draft. */
  beside?: (draft: Draft, faultsOf: (error: unknown) => void) => ReactNode;
}

export function SpecEditor({
  keep,
  start,
  filled = null,
  isNew,
  verb,
  refuse,
  done,
  onSaved,
  beside,
}: SpecEditorProps) {
  const [before] = useState(() => unsavedOf(keep));
  const [shown, setShown] = useState<Shown>(before?.shown ?? 'form');
  const [draft, setDraft] = useState(before?.draft ?? filled ?? start);
  const [text, setText] = useState(before?.text ?? '');
  const isDone = useRef(false);
  const isDirty = !isSame(draft, start) || (shown !== 'form' && readSpec(text).faults.length > 0);
  useEffect(() => {
    if (!isDone.current) keepUnsaved(keep, isDirty ? { shown, draft, text } : null);
  }, [keep, isDirty, shown, draft, text]);
  const letGo = () => {
    isDone.current = true;
    keepUnsaved(keep, null);
  };
  const startOver = () => {
    setDraft(start);
    setText(shown === 'form' ? '' : writeSpec(start, shown));
    setFaults([]);
  };
  const [faults, setFaults] = useState<Fault[]>([]);
  const apply = useAct('agentApply', { done });

  const show = (next: Shown) => {
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
  };
  const edit = (next: string) => {
    setText(next);
    const read = readSpec(next);
    setFaults(read.faults);
    if (read.faults.length === 0) setDraft(read.draft);
  };
  /** What the coordinator says, at its field and line. */
  const showFaults = (error: unknown) => {
    const found = error instanceof ApiProblem ? (error.problem?.faults ?? []) : [];
    const read = shown === 'form' ? null : readSpec(text);
    setFaults(
      found.length === 0
        ? [{ field: 'agent', text: wordsOf(error), line: null }]
        : found.map(({ field, expected, got, text: words }) => {
            // A what-if holds the spec inside of a list.
            const own = field.replace(/^add\.\d+\.spec\./, '');
            const line = read ? lineOf(read.document, own, read.lines) : null;
            return { field: own, text: words?.replace(field, own) ?? `expected ${expected}, got ${got}`, line };
          }),
    );
  };
  const save = async (event: FormEvent) => {
    event.preventDefault();
    const { name = '' } = draft;
    const refused = name === '' ? { field: 'name', text: 'name is missing.', line: null } : refuse?.(draft);
    if (refused) return setFaults([refused]);
    try {
      const agent = await apply.run({ params: { agent: name }, body: unchecked(draft) });
      setFaults([]);
      letGo();
      onSaved(agent);
    } catch (error) {
      showFaults(error);
    }
  };
  return (
    <form className="stack spec-editor" onSubmit={save} noValidate>
      <div>
        <Choice
          label="Edit as"
          value={shown}
          options={[
            ['form', 'Form'],
            ['yaml', 'YAML'],
            ['json', 'JSON'],
          ]}
          onValue={show}
        />
      </div>
      {shown === 'form' ? (
        <SpecForm draft={draft} onDraft={setDraft} faults={faults} isNew={isNew} />
      ) : (
        <SpecTextArea text={text} onText={edit} language={shown} faults={faults} />
      )}
      <Faults faults={faults} />
      <div className="row wrap">
        <Button type="submit" look="primary" busy={apply.isPending}>
          {verb(draft.name ?? '')}
        </Button>
        {beside?.(draft, showFaults)}
        {isDirty && (
          <Button look="quiet" onClick={startOver}>
            Discard changes
          </Button>
        )}
      </div>
      <AskBeforeLeaving isDirty={() => isDirty && !isDone.current} letGo={letGo} />
    </form>
  );
}
