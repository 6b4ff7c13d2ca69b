// The spec as a form: what everybody sets on top, the rest folded away. It only gathers; the coordinator judges.
import type { AgentSpec } from '@blackroad/protocol';
import { useMemo } from 'react';
import { useNodes } from '../../data/live.ts';
import { useRoute } from '../../data/query.ts';
import { Checkbox, SelectField, TextArea, TextField } from '../../kit/field.tsx';
import { ListField, NumberField } from './spec-fields.tsx';
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
      models: ['auto', ...(models ?? []).filter(({ kind }) => kind === 'chat').map(({ name }) => name)],
      classes: [...new Set(nodes.map((node) => node.class))].join(', '),
      sites: [...new Set(nodes.map(({ site }) => site))].join(', '),
    }),
    [nodes, models],
  );
  const put = (change: Draft) => onDraft({ ...draft, ...change });
  /** Of the field or of a part of it. */
  const faultOf = (field: string) =>
    faults.find((fault) => fault.field === field || fault.field.startsWith(`${field}.`))?.text;
  const { placement = {}, memory = {}, onLoss = {}, limits = {} } = draft;
  return (
    <div className="spec-form stack">
      <div className="spec-pair">
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
      <details className="spec-more">
        <summary>Where it may run</summary>
        <div className="spec-pair">
          <ListField
            label="Only these classes"
            value={placement.class ?? []}
            fault={faultOf('placement.class')}
            hint={`Empty: any but cloud.${known.classes && ` There are: ${known.classes}.`}`}
            onValue={(list) => put({ placement: { ...placement, class: list as AgentSpec['placement']['class'] } })}
          />
          <ListField
            label="Only these sites"
            value={placement.site ?? []}
            fault={faultOf('placement.site')}
            hint={`Empty: any.${known.sites && ` There are: ${known.sites}.`}`}
            onValue={(site) => put({ placement: { ...placement, site } })}
          />
          <ListField
            label="Only these nodes"
            value={placement.nodes ?? []}
            fault={faultOf('placement.nodes')}
            hint="Empty: any. One alone pins it there."
            onValue={(list) => put({ placement: { ...placement, nodes: list } })}
          />
          <ListField
            label="Not beside these agents"
            value={placement.avoidAgents ?? []}
            fault={faultOf('placement.avoidAgents')}
            onValue={(avoidAgents) => put({ placement: { ...placement, avoidAgents } })}
          />
          <ListField
            label="Labels a node must have"
            value={Object.entries(placement.labels ?? {}).map(([key, value]) => `${key}=${value}`)}
            fault={faultOf('placement.labels')}
            hint="As room=kitchen."
            onValue={(list) =>
              put({
                placement: {
                  ...placement,
                  labels: Object.fromEntries(list.map((each) => [each.split('=')[0] ?? '', each.split('=')[1] ?? ''])),
                },
              })
            }
          />
          <SelectField
            label="When its node is lost"
            value={onLoss.policy ?? 'replace'}
            fault={faultOf('onLoss')}
            options={[
              ['replace', 'place it elsewhere'],
              ['wait', 'wait until the node is back'],
              ['keep', 'it may go on there alone'],
            ]}
            onChange={(event) => put({ onLoss: { ...onLoss, policy: event.target.value as 'replace' } })}
          />
        </div>
      </details>
      <details className="spec-more">
        <summary>Memory, queue and limits</summary>
        <div className="spec-pair">
          <NumberField
            label="Memories brought into a prompt"
            value={memory.recall}
            usual={5}
            fault={faultOf('memory.recall')}
            onValue={(recall) => put({ memory: without({ ...memory, recall }) })}
          />
          <NumberField
            label="Exchanges just said in a prompt"
            value={memory.turns}
            usual={4}
            fault={faultOf('memory.turns')}
            onValue={(turns) => put({ memory: without({ ...memory, turns }) })}
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
          <NumberField
            label="Tasks at once"
            value={draft.concurrency}
            usual={1}
            fault={faultOf('concurrency')}
            onValue={(concurrency) => onDraft(without({ ...draft, concurrency }))}
          />
          <NumberField
            label="Tasks that may wait"
            value={draft.queue}
            usual={100}
            fault={faultOf('queue')}
            onValue={(queue) => onDraft(without({ ...draft, queue }))}
          />
          <NumberField
            label="Priority, 0 to 100"
            value={draft.priority}
            usual={50}
            fault={faultOf('priority')}
            onValue={(priority) => onDraft(without({ ...draft, priority }))}
          />
          <NumberField
            label="Temperature, 0 to 2"
            value={draft.temperature}
            usual={0}
            fault={faultOf('temperature')}
            onValue={(temperature) => onDraft(without({ ...draft, temperature }))}
          />
          <NumberField
            label="Tokens of an answer"
            value={limits.maxTokens}
            usual={512}
            fault={faultOf('limits.maxTokens')}
            onValue={(maxTokens) => put({ limits: without({ ...limits, maxTokens }) })}
          />
          <NumberField
            label="Tokens of context"
            value={limits.contextTokens}
            usual={2048}
            fault={faultOf('limits.contextTokens')}
            onValue={(contextTokens) => put({ limits: without({ ...limits, contextTokens }) })}
          />
          <NumberField
            label="Attempts of a task"
            value={limits.attempts}
            usual={3}
            fault={faultOf('limits.attempts')}
            onValue={(attempts) => put({ limits: without({ ...limits, attempts }) })}
          />
          <NumberField
            label="Seconds a task may take"
            value={limits.deadlineSeconds}
            usual={600}
            fault={faultOf('limits.deadlineSeconds')}
            onValue={(deadlineSeconds) => put({ limits: without({ ...limits, deadlineSeconds }) })}
          />
        </div>
        <Checkbox
          label="Its model has the node to itself"
          checked={placement.pool === 'dedicated'}
          onChange={(event) =>
            put({ placement: { ...placement, pool: event.target.checked ? 'dedicated' : 'shared' } })
          }
        />
      </details>
    </div>
  );
}

/** Fields that were emptied are left to the coordinator's defaults. */
function without<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
