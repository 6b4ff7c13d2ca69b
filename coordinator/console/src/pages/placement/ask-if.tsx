// The question of a what-if: conditions that hold together, each added by a small form and taken away again.
import templates from 'fleet:templates';
import type { NodeLine } from '@blackroad/protocol';
import { Plus, X } from 'lucide-react';
import { type FormEvent, useId, useMemo, useState } from 'react';
import { useAgents } from '../../data/live.ts';
import { PickNode } from '../../fleet/pick-node.tsx';
import { Button } from '../../kit/button.tsx';
import { facetWords } from '../../kit/columns.ts';
import { SelectField, TextField } from '../../kit/field.tsx';
import { Panel } from '../../kit/layout.tsx';
import { type By, type Condition, inWords, printConditions } from './conditions.ts';

const suggested = 50;
/** First thoughts, for who does not know yet what to ask. */
const thoughts = 5;

interface AskProps {
  lines: readonly NodeLine[];
  conditions: readonly Condition[];
  change(next: Condition[]): void;
  busy: boolean;
}
export function AskIf({ lines, conditions, change, busy }: AskProps) {
  const sites = useMemo(() => facetWords(lines, { value: ({ site }) => site }), [lines]);
  const classes = useMemo(() => facetWords(lines, { value: (line) => line.class }), [lines]);
  const add = (condition: Condition) => change([...conditions, condition]);
  return (
    <Panel title="What if …" aside={busy && <span className="dim small">Placement is asked …</span>}>
      <div className="stack">
        {conditions.length > 0 ? (
          <ul className="row wrap" aria-label="What would be">
            {conditions.map((condition, i) => (
              <li key={printConditions([condition])} className="placement-if">
                <span>{inWords(condition)}</span>
                <button
                  type="button"
                  aria-label={`Not: ${inWords(condition)}`}
                  onClick={() => change(conditions.filter((_, at) => at !== i))}
                >
                  <X aria-hidden="true" />
                </button>
              </li>
            ))}
          </ul>
        ) : (
          <div className="row wrap">
            <span className="dim">For example</span>
            {firstThoughts(lines, sites, classes).map((condition) => (
              <Button key={inWords(condition)} onClick={() => add(condition)}>
                {inWords(condition)}
              </Button>
            ))}
          </div>
        )}
        <AddCondition sites={sites} classes={classes} add={add} />
      </div>
    </Panel>
  );
}

type Words = [word: string, rows: number][];
function firstThoughts(lines: readonly NodeLine[], sites: Words, classes: Words): Condition[] {
  let fullest: NodeLine | undefined;
  for (const line of lines) if (line.agents > (fullest?.agents ?? 0)) fullest = line;
  const all: (Condition | undefined)[] = [
    fullest && { verb: 'lose', by: 'node', value: fullest.id },
    ...(sites.length > 1 ? sites.slice(0, 2) : []).map(([value]): Condition => ({ verb: 'lose', by: 'site', value })),
    fullest && { verb: 'drain', by: 'node', value: fullest.id },
    ...(classes.length > 1 ? classes.slice(0, 1) : []).map(
      ([value]): Condition => ({ verb: 'lose', by: 'class', value }),
    ),
    templates[0] && { verb: 'add', count: 20, from: 'template', value: templates[0].name },
  ];
  return all.filter((each) => each !== undefined).slice(0, thoughts);
}

const verbs: [value: Condition['verb'], text: string][] = [
  ['lose', 'Lose for good'],
  ['drain', 'Drain'],
  ['add', 'Add agents'],
];
function AddCondition({ sites, classes, add }: { sites: Words; classes: Words; add(condition: Condition): void }) {
  const [verb, setVerb] = useState<Condition['verb']>('lose');
  const [by, setBy] = useState<By>('site');
  const [values, setValues] = useState<Record<By, string>>({ site: '', class: '', node: '' });
  const [count, setCount] = useState('20');
  const [like, setLike] = useState('');
  const words = by === 'site' ? sites : classes;
  const value = values[by] || (by === 'node' ? '' : (words[0]?.[0] ?? ''));
  const setValue = (now: string) => setValues({ ...values, [by]: now });
  const { rows } = useAgents();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (verb !== 'add') {
      if (value.trim()) add({ verb, by, value: value.trim() });
      return;
    }
    const name = like.trim() || (templates[0]?.name ?? '');
    const from = rows.has(name) ? 'agent' : 'template';
    add({ verb, count: Math.max(1, Number(count) || 1), from, value: name });
  };
  return (
    <form className="placement-ask" onSubmit={submit}>
      <SelectField
        label="What happens"
        value={verb}
        options={verbs}
        onChange={({ target }) => setVerb(target.value as Condition['verb'])}
      />
      {verb === 'add' ? (
        <>
          <TextField
            label="How many"
            type="number"
            min={1}
            max={100_000}
            value={count}
            onChange={({ target }) => setCount(target.value)}
          />
          <PickSpec value={like} onValue={setLike} />
        </>
      ) : (
        <>
          <SelectField
            label="To"
            value={by}
            options={[
              ['site', 'a site'],
              ['class', 'a class'],
              ['node', 'one node'],
            ]}
            onChange={({ target }) => setBy(target.value as By)}
          />
          {by === 'node' ? (
            <PickNode label="Which" value={value} onValue={setValue} />
          ) : (
            <SelectField
              label="Which"
              value={value}
              options={words.map(([word, n]): [string, string] => [word, `${word} (${n})`])}
              onChange={({ target }) => setValue(target.value)}
            />
          )}
        </>
      )}
      <Button type="submit" look="primary" icon={<Plus />}>
        Add to the question
      </Button>
    </form>
  );
}

/** An agent of the fleet or a template to make copies of. */
function PickSpec({ value, onValue }: { value: string; onValue(value: string): void }) {
  const id = useId();
  const { list, rows } = useAgents();
  const wanted = value.trim().toLowerCase();
  const agents = list.filter(({ name }) => name.includes(wanted)).slice(0, suggested);
  const others = templates.filter(({ name }) => !rows.has(name));
  const known = wanted === '' || rows.has(wanted) || templates.some(({ name }) => name === wanted);
  return (
    <>
      <TextField
        label="Like"
        value={value}
        list={id}
        placeholder={templates[0]?.name ?? ''}
        autoComplete="off"
        spellCheck={false}
        onChange={({ target }) => onValue(target.value)}
        fault={known ? undefined : 'No agent or template has this name.'}
      />
      <datalist id={id}>
        {agents.map(({ name }) => (
          <option key={name} value={name}>
            agent
          </option>
        ))}
        {others.map(({ name }) => (
          <option key={name} value={name}>
            template
          </option>
        ))}
      </datalist>
    </>
  );
}
