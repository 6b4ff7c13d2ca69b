// One agent's spec under edit, as a form or as text; the coordinator judges it when it is saved, and its faults are shown at the field
// or at the line. In: where it starts. Out: the agent as it was stored.
import type { AgentView } from '@blackroad/protocol';
import type { FormEvent, ReactNode } from 'react';
import { useAct } from '../../data/query.ts';
import type { Told } from '../../data/told.ts';
import { Button } from '../../kit/button.tsx';
import { Choice } from '../../kit/tabs.tsx';
import { useSpecDraft } from './spec-draft.ts';
import { SpecForm } from './spec-form.tsx';
import { type Draft, type Fault, unchecked } from './spec-text.ts';
import { Faults, SpecTextArea } from './spec-textarea.tsx';
import { AskBeforeLeaving } from './unsaved.tsx';

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

export function SpecEditor(props: SpecEditorProps) {
  const { keep, start, filled = null, isNew, verb, refuse, done, onSaved, beside } = props;
  const edit = useSpecDraft(keep, start, filled);
  const { draft, shown, faults } = edit;
  const apply = useAct('agentApply', { done, stales: ['budgets'] });
  const save = async (event: FormEvent) => {
    event.preventDefault();
    const { name = '' } = draft;
    const wrong = name === '' ? { field: 'name', text: 'name is missing.', line: null } : refuse?.(draft);
    if (wrong) return edit.setFaults([wrong]);
    try {
      const agent = await apply.run({ params: { agent: name }, body: unchecked(draft) });
      edit.setFaults([]);
      edit.forget();
      onSaved(agent);
    } catch (error) {
      edit.refused(error);
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
          onValue={edit.show}
        />
      </div>
      {shown === 'form' ? (
        <SpecForm draft={draft} onDraft={edit.setDraft} faults={faults} isNew={isNew} />
      ) : (
        <SpecTextArea text={edit.text} onText={edit.write} language={shown} faults={faults} />
      )}
      <Faults faults={faults} />
      <div className="row wrap">
        <Button type="submit" look="primary" busy={apply.isPending}>
          {verb(draft.name ?? '')}
        </Button>
        {beside?.(draft, edit.refused)}
        {edit.isDirty && (
          <Button look="quiet" onClick={edit.startOver}>
            Discard changes
          </Button>
        )}
      </div>
      <AskBeforeLeaving isDirty={edit.wouldBeLost} letGo={edit.forget} />
    </form>
  );
}
