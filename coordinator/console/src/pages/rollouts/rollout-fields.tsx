// The parts of the form of a rollout: what is rolled out, to whom, when, and what stops it.
import type { GateName } from '@blackroad/protocol';
import { gates } from '@blackroad/protocol/rollout-gates';
import { classShapes } from '../../fleet/class-shape.tsx';
import { Checkbox, SelectField, TextArea, TextField } from '../../kit/field.tsx';
import { type Draft, gatesFor, type Kind } from './rollout-draft.ts';

interface PartProps {
  draft: Draft;
  edit(change: Partial<Draft>): void;
}
type TextKey = {
  [K in keyof Draft]: Draft[K] extends string ? (string extends Draft[K] ? K : never) : never;
}[keyof Draft];

function Text({
  of,
  draft,
  edit,
  ...rest
}: PartProps & {
  of: TextKey;
  label: string;
  hint?: string;
  placeholder?: string;
  required?: boolean;
  inputMode?: 'decimal';
}) {
  return (
    <TextField
      {...rest}
      value={draft[of]}
      autoComplete="off"
      spellCheck={false}
      onChange={(event) => edit({ [of]: event.target.value })}
    />
  );
}

const asked: Record<Exclude<Kind, 'agent' | 'os'>, { label: string; placeholder: string; hint?: string }> = {
  'node-agent': { label: 'Version', placeholder: '1.4.0' },
  model: { label: 'Model', placeholder: 'llama3.2:3b' },
  configuration: { label: 'Labels', placeholder: 'ring=new', hint: 'With commas between them; old- removes one.' },
  balena: { label: 'Release', placeholder: '1.4.0, or its commit' },
};

export function WhatFields({ draft, edit }: PartProps) {
  const part = { draft, edit };
  return (
    <>
      <SelectField
        label="What"
        value={draft.kind}
        options={[
          ['node-agent', 'a version of the node-agent'],
          ['model', 'a model'],
          ['agent', 'a change to agents'],
          ['configuration', 'labels of nodes'],
          ['balena', 'a release of a balena fleet'],
          ['os', 'updates of the operating system'],
        ]}
        onChange={(event) => edit({ kind: event.target.value as Kind, what: '' })}
      />
      {draft.kind === 'agent' ? (
        <AgentFields {...part} />
      ) : draft.kind === 'os' ? (
        <OsFields {...part} />
      ) : (
        <Text of="what" required {...asked[draft.kind]} {...part} />
      )}
      {draft.kind === 'node-agent' && (
        <Checkbox
          label="An older version than a node runs is meant"
          checked={draft.downgrade}
          onChange={(event) => edit({ downgrade: event.target.checked })}
        />
      )}
    </>
  );
}

function AgentFields(part: PartProps) {
  const { draft, edit } = part;
  return (
    <>
      <p className="dim small">What is left empty stays as each agent has it.</p>
      <div className="field-pair">
        <Text of="models" label="Models" placeholder="qwen3:4b, small" hint="Best first, with commas." {...part} />
        <Text of="temperature" label="Temperature" inputMode="decimal" {...part} />
        <Text of="maxTokens" label="Answer tokens" inputMode="decimal" hint="At most, a model call." {...part} />
        <Text of="contextTokens" label="Context tokens" inputMode="decimal" {...part} />
      </div>
      <TextArea
        label="Instructions"
        rows={3}
        value={draft.instructions}
        onChange={(event) => edit({ instructions: event.target.value })}
      />
    </>
  );
}

function OsFields({ draft, edit }: PartProps) {
  return (
    <>
      <div className="field-pair">
        <SelectField
          label="Which"
          value={draft.packages}
          options={[
            ['security', 'security updates'],
            ['all', 'all updates'],
          ]}
          onChange={(event) => edit({ packages: event.target.value as Draft['packages'] })}
        />
        <SelectField
          label="Restart"
          value={draft.restart}
          options={[
            ['if-needed', 'where one is needed'],
            ['never', 'no machine'],
          ]}
          onChange={(event) => edit({ restart: event.target.value as Draft['restart'] })}
        />
      </div>
      <p className="dim small">
        By apt, on nodes with Debian. There is no way back: a red gate stops the rollout, and what was installed stays.
        Restarts keep to the hours below, one machine of a site at a time.
      </p>
    </>
  );
}

export function WavesFields({ draft, edit }: PartProps) {
  const part = { draft, edit };
  return (
    <>
      <Text
        of="waves"
        label="Waves"
        hint="How many of each hardware class have it after each wave. ring=a is a label, alice+bob are names."
        {...part}
      />
      <div className="field-pair">
        <Text of="minutes" label="Watched for (minutes)" inputMode="decimal" {...part} />
        <SelectField
          label="A person approves"
          value={draft.approval}
          options={[
            ['none', 'nothing: the gates decide'],
            ['first', 'what follows the first wave'],
            ['each', 'each further wave'],
          ]}
          onChange={(event) => edit({ approval: event.target.value as Draft['approval'] })}
        />
      </div>
    </>
  );
}

/** `sites`: those that there are. */
export function WhoFields({ draft, edit, sites }: PartProps & { sites: readonly string[] }) {
  const part = { draft, edit };
  const isOfAgents = draft.kind === 'agent';
  return (
    <details className="fold">
      <summary>Who may get it</summary>
      <div className="field-pair">
        <Text
          of="names"
          label={isOfAgents ? 'Only these agents' : 'Only these nodes'}
          hint="With commas. Empty: all."
          {...part}
        />
        <SelectField
          label={isOfAgents ? 'On nodes of this class' : 'Of this class'}
          value={draft.class}
          options={[['', 'any class'], ...classShapes]}
          onChange={(event) => edit({ class: event.target.value })}
        />
        <Text
          of="site"
          label={isOfAgents ? 'On nodes at this site' : 'At this site'}
          hint={`Empty: any.${sites.length > 0 ? ` There are: ${sites.slice(0, 8).join(', ')}.` : ''}`}
          {...part}
        />
        <Text of="labels" label="With these labels" placeholder="room=kitchen" hint="Empty: any." {...part} />
      </div>
    </details>
  );
}

/** `zone`: the fleet's time zone. */
export function WhenFields({ draft, edit, zone }: PartProps & { zone: string }) {
  const part = { draft, edit };
  return (
    <details className="fold">
      <summary>When, and how many at once</summary>
      <div className="field-pair">
        <Text
          of="windows"
          label="Hours"
          placeholder="22:00-06:00; sat,sun 09:00-18:00"
          hint={`Something new begins only then${zone && `, in ${zone}`}; semicolons between several. Empty: at any time.`}
          {...part}
        />
        <Text of="most" label="At most under way" inputMode="decimal" hint="Empty: a tenth, at least one." {...part} />
      </div>
    </details>
  );
}

export function GateFields({ draft, edit }: PartProps) {
  const toggle = (gate: GateName, isOn: boolean) =>
    edit({ off: isOn ? draft.off.filter((each) => each !== gate) : [...draft.off, gate] });
  return (
    <details className="fold">
      <summary>What stops it</summary>
      <fieldset className="rollout-gates">
        <legend className="dim small">Gates</legend>
        {gatesFor(draft.kind).map((gate) => (
          <Checkbox
            key={gate}
            label={
              <>
                {gate} <span className="dim small">{gates[gate].text}</span>
              </>
            }
            checked={!draft.off.includes(gate)}
            onChange={(event) => toggle(gate, event.target.checked)}
          />
        ))}
      </fieldset>
      {draft.kind !== 'os' && (
        <SelectField
          label="When a gate is red"
          value={draft.onRed}
          options={[
            ['roll-back', 'it goes back by itself'],
            ['stop', 'it stops, and a person decides'],
          ]}
          onChange={(event) => edit({ onRed: event.target.value as Draft['onRed'] })}
        />
      )}
    </details>
  );
}

export function NoteField({ draft, edit }: PartProps) {
  return <Text of="note" label="Why" hint="For others to read." draft={draft} edit={edit} />;
}
