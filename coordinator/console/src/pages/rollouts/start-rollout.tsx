// Plans a rollout with the coordinator and starts it: the form, and the plan before the start.
import type { RolloutPlan, RolloutRequest } from '@blackroad/protocol';
import { readWaves, usualWaves } from '@blackroad/protocol/rollout-words';
import { type FormEvent, useState } from 'react';
import { useAct } from '../../data/query.ts';
import { Button } from '../../kit/button.tsx';
import { SelectField, TextField } from '../../kit/field.tsx';
import { Dialog } from '../../kit/overlay.tsx';
import { plural, wordsOf } from '../../kit/words.ts';

type Kind = 'node-agent' | 'model' | 'configuration' | 'balena';
interface Draft {
  kind: Kind;
  what: string;
  waves: string;
  minutes: string;
  approval: NonNullable<RolloutRequest['approval']>;
}
const fresh: Draft = { kind: 'node-agent', what: '', waves: usualWaves, minutes: '10', approval: 'none' };
const asked: Record<Kind, { label: string; placeholder: string }> = {
  'node-agent': { label: 'Version', placeholder: '1.4.0' },
  model: { label: 'Model', placeholder: 'llama3.2:3b' },
  configuration: { label: 'Label', placeholder: 'ring=new' },
  balena: { label: 'Release', placeholder: '1.4.0, or its commit' },
};

/** In words: what is wrong with the draft. */
function requestOf({ kind, what, waves, minutes, approval }: Draft): RolloutRequest | string {
  const text = what.trim();
  const read = readWaves(waves);
  if ('unread' in read) return `Waves: "${read.unread}" is no number, percent, label or name.`;
  const soak = Number(minutes);
  if (!(soak > 0)) return 'Watched for: expected minutes, more than 0.';
  const common = { waves: read.waves, soakSeconds: Math.round(soak * 60), approval };
  if (kind === 'node-agent') return { what: { kind, version: text }, ...common };
  if (kind === 'model') return { what: { kind, model: text }, ...common };
  if (kind === 'balena') return { what: { kind, release: text }, ...common };
  const at = text.indexOf('=');
  if (at <= 0) return 'Label: expected name=value.';
  return { what: { kind, labels: { set: { [text.slice(0, at)]: text.slice(at + 1) } } }, ...common };
}

export function StartRollout({ open, onOpenChange }: { open: boolean; onOpenChange(open: boolean): void }) {
  const [draft, setDraft] = useState(fresh);
  const [fault, setFault] = useState('');
  const plan = useAct('rolloutPlan');
  const start = useAct('rolloutStart', {
    stales: ['rollouts'],
    done: ({ text, waves }) => `${text} is rolled out in ${plural(waves.length, 'wave')}.`,
  });
  const edit = (change: Partial<Draft>) => {
    setDraft({ ...draft, ...change });
    setFault('');
    plan.reset();
  };
  const close = (now: boolean) => {
    onOpenChange(now);
    if (!now) edit(fresh);
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const body = requestOf(draft);
    if (typeof body === 'string') return setFault(body);
    try {
      if (!plan.data) return void (await plan.run({ body }));
      await start.run({ body });
      close(false);
    } catch (error) {
      setFault(wordsOf(error));
    }
  };
  return (
    <Dialog open={open} onOpenChange={close} title="Start a rollout" wide>
      <form className="stack" onSubmit={submit}>
        <SelectField
          label="What"
          value={draft.kind}
          options={[
            ['node-agent', 'a version of the node-agent'],
            ['model', 'a model'],
            ['configuration', 'a label of nodes'],
            ['balena', 'a release of a balena fleet'],
          ]}
          onChange={(event) => edit({ kind: event.target.value as Kind, what: '' })}
        />
        <TextField
          label={asked[draft.kind].label}
          placeholder={asked[draft.kind].placeholder}
          value={draft.what}
          required
          autoComplete="off"
          onChange={(event) => edit({ what: event.target.value })}
        />
        <TextField
          label="Waves"
          value={draft.waves}
          hint="How many of each hardware class have it after each wave. ring=a is a label, alice+bob are names."
          onChange={(event) => edit({ waves: event.target.value })}
        />
        <TextField
          label="Watched for (minutes)"
          inputMode="decimal"
          value={draft.minutes}
          onChange={(event) => edit({ minutes: event.target.value })}
        />
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
        {fault !== '' && (
          <p className="bad" role="alert">
            {fault}
          </p>
        )}
        {plan.data && <Plan of={plan.data} />}
        <footer className="row end">
          <Button type="submit" look="primary" busy={plan.isPending || start.isPending}>
            {plan.data ? 'Start it' : 'See the plan'}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

function Plan({ of: { waves, leftOut, leftOutCount, warnings } }: { of: RolloutPlan }) {
  return (
    <section aria-label="The plan" className="stack">
      <ol className="rollout-plan">
        {waves.map(({ size, names, away }, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a wave is its number
          <li key={i}>
            {plural(size, 'machine')}: {names.slice(0, 6).join(', ')}
            {size > 6 && ` and ${size - 6} more`}
            {away > 0 && `; ${away} away`}
          </li>
        ))}
      </ol>
      {leftOutCount > 0 && (
        <p className="dim small">
          Left out:{' '}
          {leftOut
            .slice(0, 4)
            .map(({ name, why }) => `${name} ${why}`)
            .join('; ')}
          {leftOutCount > 4 && `; and ${leftOutCount - 4} more`}
        </p>
      )}
      {warnings.map((each) => (
        <p key={each} className="small">
          {each}
        </p>
      ))}
    </section>
  );
}
