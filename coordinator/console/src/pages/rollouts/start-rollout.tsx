// Plans a rollout with the coordinator and starts it: the form, and the plan before the start.
import type { RolloutPlan } from '@blackroad/protocol';
import { type FormEvent, useEffect, useMemo, useRef, useState } from 'react';
import { useNodes, useTotals } from '../../data/live.ts';
import { useAct } from '../../data/query.ts';
import { Button } from '../../kit/button.tsx';
import { Dialog } from '../../kit/overlay.tsx';
import { Fault } from '../../kit/states.tsx';
import { plural, wordsOf } from '../../kit/words.ts';
import { type Draft, freshDraft, requestOf } from './rollout-draft.ts';
import { GateFields, NoteField, WavesFields, WhatFields, WhenFields, WhoFields } from './rollout-fields.tsx';

interface StartRolloutProps {
  open: boolean;
  onOpenChange(open: boolean): void;
  /** Of the node-agent, where the address names one. */
  version: string;
}
export function StartRollout({ open, onOpenChange, version }: StartRolloutProps) {
  const [draft, setDraft] = useState({ ...freshDraft, what: version });
  const [fault, setFault] = useState('');
  const { list } = useNodes();
  const sites = useMemo(() => [...new Set(list.map(({ site }) => site))].sort(), [list]);
  const zone = useTotals()?.timeZone ?? '';
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
    if (!now) edit(freshDraft);
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
  const part = { draft, edit };
  return (
    <Dialog open={open} onOpenChange={close} title="Start a rollout" wide>
      <form className="stack" onSubmit={submit}>
        <WhatFields {...part} />
        <WavesFields {...part} />
        <WhoFields {...part} sites={sites} />
        <WhenFields {...part} zone={zone} />
        <GateFields {...part} />
        <NoteField {...part} />
        <Fault text={fault} />
        {plan.data && <Plan of={plan.data} isOfAgents={draft.kind === 'agent'} />}
        <footer className="row end">
          <Button type="submit" look="primary" busy={plan.isPending || start.isPending}>
            {plan.data ? 'Start it' : 'See the plan'}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

function Plan({ of, isOfAgents }: { of: RolloutPlan; isOfAgents: boolean }) {
  const { waves, leftOut, leftOutCount, gates, maxUnavailable, warnings } = of;
  const here = useRef<HTMLElement>(null);
  // It appears below a form that is longer than the window.
  useEffect(() => {
    here.current?.scrollIntoView({ block: 'center' });
  }, []);
  return (
    <section ref={here} aria-label="The plan" className="stack">
      <ol className="rollout-plan">
        {waves.map(({ size, names, away }, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a wave is its number
          <li key={i}>
            {plural(size, isOfAgents ? 'agent' : 'machine')}: {names.slice(0, 6).join(', ')}
            {size > 6 && ` and ${size - 6} more`}
            {away > 0 && `; ${away} away`}
          </li>
        ))}
      </ol>
      <p className="small">
        {maxUnavailable} at most under way at once.{' '}
        {gates.length === 0 ? 'No gate stops it.' : `Gates: ${gates.join(', ')}.`}
      </p>
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
