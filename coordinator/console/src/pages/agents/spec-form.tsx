// The spec as a form: what everybody sets on top, the rest folded away. It only gathers; the coordinator judges.
import { useMemo } from 'react';
import { useNodes } from '../../data/live.ts';
import { useRoute } from '../../data/query.ts';
import { TextArea, TextField } from '../../kit/field.tsx';
import { ListField, withoutEmpty } from './spec-fields.tsx';
import { LimitFields } from './spec-limits.tsx';
import { PlacementFields } from './spec-placement.tsx';
import type { Draft, Fault } from './spec-text.ts';
import { ToolFields } from './spec-tools.tsx';
import { TriggerFields } from './spec-triggers.tsx';

interface SpecFormProps {
  draft: Draft;
  onDraft(draft: Draft): void;
  faults: readonly Fault[];
  isNew: boolean;
}

export function SpecForm({ draft, onDraft, faults, isNew }: SpecFormProps) {
  const { list: nodes } = useNodes();
  const models = useRoute('catalogue', {}, { staleTime: 30_000 }).data?.models;
  const known = useMemo(
    () => ({
      models: [
        'auto',
        'small',
        'medium',
        'large',
        ...(models ?? []).filter(({ kind }) => kind === 'chat').map(({ name }) => name),
      ],
      classes: [...new Set(nodes.map((node) => node.class))].join(', '),
      sites: [...new Set(nodes.map(({ site }) => site))].join(', '),
    }),
    [nodes, models],
  );
  const put = (change: Draft) => onDraft(withoutEmpty({ ...draft, ...change }));
  /** Of the field or of a part of it. */
  const faultOf = (field: string) =>
    faults.find((fault) => fault.field === field || fault.field.startsWith(`${field}.`))?.text;
  const part = { draft, put, faultOf };
  return (
    <div className="spec-form stack">
      <div className="field-pair">
        <TextField
          label="Name"
          value={draft.name ?? ''}
          required
          readOnly={!isNew}
          autoComplete="off"
          spellCheck={false}
          fault={faultOf('name')}
          hint={isNew ? 'Lower-case letters, digits and dashes.' : 'A name stays: the memory belongs to it.'}
          onChange={(event) => put({ name: event.target.value })}
        />
        <TextField
          label="Description"
          value={draft.description ?? ''}
          fault={faultOf('description')}
          onChange={(event) => put({ description: event.target.value })}
        />
      </div>
      <TextArea
        label="Instructions"
        rows={6}
        value={draft.instructions ?? ''}
        required
        fault={faultOf('instructions')}
        hint="The standing prompt: who it is, what it does, how it answers."
        onChange={(event) => put({ instructions: event.target.value })}
      />
      <ListField
        label="Models, best first"
        value={draft.model ?? []}
        fault={faultOf('model')}
        suggestions={known.models}
        hint="The first that fits somewhere is taken. auto is the node's own default."
        // What stands after it is never taken: every node that answers at all has a default.
        last="auto"
        onValue={(model) => put({ model })}
      />
      <ToolFields tools={draft.tools ?? []} onTools={(tools) => put({ tools })} fault={faultOf('tools')} />
      <TriggerFields
        triggers={draft.triggers ?? []}
        onTriggers={(triggers) => put({ triggers })}
        fault={faultOf('triggers')}
      />
      <PlacementFields {...part} classes={known.classes} sites={known.sites} />
      <LimitFields {...part} />
    </div>
  );
}
