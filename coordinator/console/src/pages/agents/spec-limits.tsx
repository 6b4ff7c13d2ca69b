// The part of a spec's form for memory, concurrency and the limits of tasks and answers.
import { BudgetFields, budgetOf } from '../../fleet/budget.tsx';
import { Checkbox, SelectField, TextField } from '../../kit/field.tsx';
import { type Figure, FigureFields, type PartProps, withoutEmpty } from './spec-fields.tsx';
import type { Draft } from './spec-text.ts';

const recalled: readonly Figure<'recall' | 'turns' | 'atMost'>[] = [
  { key: 'recall', label: 'Memories brought into a prompt', usual: 5 },
  { key: 'turns', label: 'Exchanges just said in a prompt', usual: 4 },
  { key: 'atMost', label: 'Memories it may have', usual: 'as many as come' },
];
const queued: readonly Figure<'concurrency' | 'queue' | 'priority' | 'temperature'>[] = [
  { key: 'concurrency', label: 'Tasks at once', usual: 1 },
  { key: 'queue', label: 'Tasks that may wait', usual: 100 },
  { key: 'priority', label: 'Priority, 0 to 100', usual: 50 },
  { key: 'temperature', label: 'Temperature, 0 to 2', usual: 0 },
];
const limited: readonly Figure<'maxTokens' | 'contextTokens' | 'attempts' | 'deadlineSeconds'>[] = [
  { key: 'maxTokens', label: 'Tokens of an answer', usual: 512 },
  { key: 'contextTokens', label: 'Tokens of context', usual: 2048 },
  { key: 'attempts', label: 'Attempts of a task', usual: 3 },
  { key: 'deadlineSeconds', label: 'Seconds a task may take', usual: 600 },
];

export function LimitFields({ draft, put, faultOf }: PartProps) {
  const { placement = {}, memory = {}, limits = {} } = draft;
  return (
    <details className="fold">
      <summary>Memory, queue, limits, budget and Home Assistant</summary>
      <div className="field-pair">
        <FigureFields
          figures={recalled}
          fields={memory}
          faultOf={(key) => faultOf(`memory.${key}`)}
          onFigure={(key, value) => put({ memory: withoutEmpty({ ...memory, [key]: value }) })}
        />
        <SelectField
          label="What it remembers"
          value={memory.remember ?? 'turns'}
          fault={faultOf('memory.remember')}
          options={[
            ['turns', 'every exchange'],
            ['tools', 'only what it saves itself'],
            ['none', 'nothing'],
          ]}
          onChange={(event) => put({ memory: { ...memory, remember: event.target.value as 'turns' } })}
        />
        <SelectField
          label="Shares its memories"
          value={memory.scope ?? 'own'}
          fault={faultOf('memory.scope')}
          hint="Both ways: it recalls theirs, and they recall its own, on whatever node they are."
          options={[
            ['own', 'with nobody'],
            ['team', 'with its team'],
            ['fleet', 'with all that share with the fleet'],
          ]}
          onChange={(event) => put({ memory: scoped(memory, event.target.value as 'own') })}
        />
        {memory.scope === 'team' && (
          <TextField
            label="Team"
            value={memory.team ?? ''}
            fault={faultOf('memory.team')}
            hint="Any name, the same at all agents of the team: lower-case letters, digits and dashes."
            onChange={(event) => put({ memory: { ...memory, team: event.target.value } })}
          />
        )}
        <FigureFields
          figures={queued}
          fields={draft}
          faultOf={faultOf}
          onFigure={(key, value) => put({ [key]: value })}
        />
        <FigureFields
          figures={limited}
          fields={limits}
          faultOf={(key) => faultOf(`limits.${key}`)}
          onFigure={(key, value) => put({ limits: withoutEmpty({ ...limits, [key]: value }) })}
        />
      </div>
      <BudgetFields
        draft={draft.budget ?? {}}
        onDraft={(budget) => put({ budget: budgetOf(budget) })}
        unpaid="any amount"
        faultOf={(key) => faultOf(`budget.${key}`) ?? (key === 'usd' ? faultOf('budget') : undefined)}
      />
      <Checkbox
        label="Its model has the node to itself"
        checked={placement.pool === 'dedicated'}
        onChange={(event) => put({ placement: { ...placement, pool: event.target.checked ? 'dedicated' : 'shared' } })}
      />
      <Checkbox
        label="It is a device in Home Assistant, to be asked there"
        checked={draft.homeAssistant === true}
        onChange={(event) => put({ homeAssistant: event.target.checked ? true : undefined })}
      />
    </details>
  );
}

/** A team is named only where it is shared with. */
function scoped({ team, ...memory }: NonNullable<Draft['memory']>, scope: 'own' | 'team' | 'fleet'): Draft['memory'] {
  return { ...memory, scope, ...(scope === 'team' && team !== undefined ? { team } : {}) };
}
