// Makes a webhook and shows its secret once.
import type { EventType } from '@blackroad/protocol';
import { type FormEvent, useState } from 'react';
import { useAct } from '../../data/query.ts';
import { Checkbox, SelectField, TextField } from '../../kit/field.tsx';
import { FormEnd } from '../../kit/form-end.tsx';
import { Dialog } from '../../kit/overlay.tsx';
import { ShownOnce } from '../../kit/shown-once.tsx';
import { Fault } from '../../kit/states.tsx';
import { MadeWebhook } from './made-webhook.tsx';
import { refusalOf } from './refusal.ts';
import { type Target, TargetFields } from './target-fields.tsx';

const ways: [value: string, text: string][] = [
  ['in', 'in: programs call it, and it wakes agents'],
  ['out', 'out: events of the fleet are posted to an address'],
];

const noTarget: Target = { url: '', events: ['node-lost', 'node-online'] };

export function CreateWebhook({ open, onOpenChange }: { open: boolean; onOpenChange(open: boolean): void }) {
  const [way, setWay] = useState('in');
  const [name, setName] = useState('');
  const [target, setTarget] = useState(noTarget);
  const [signed, setSigned] = useState(false);
  const [problem, setProblem] = useState('');
  const create = useAct('webhookCreate', { stales: ['webhooks', 'audit'] });
  const made = create.data;
  const change = (now: boolean) => {
    onOpenChange(now);
    if (now) return;
    create.reset();
    setName('');
    setTarget(noTarget);
    setSigned(false);
    setProblem('');
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const named = name.trim();
    const { url, events } = target;
    const body =
      way === 'in'
        ? { direction: 'in' as const, name: named, ...(signed ? { signed } : {}) }
        : { direction: 'out' as const, name: named, url: url.trim(), events: events as EventType[] };
    setProblem('');
    create.run({ body }).catch((error) => setProblem(refusalOf(error)));
  };
  if (made) {
    return (
      <ShownOnce title={`The webhook ${made.name}`} onDone={() => change(false)}>
        <MadeWebhook of={made} />
      </ShownOnce>
    );
  }
  return (
    <Dialog open={open} onOpenChange={change} title="Create a webhook">
      <form className="stack" onSubmit={submit}>
        <SelectField label="Way" value={way} options={ways} onChange={(event) => setWay(event.target.value)} />
        <TextField
          label="Name"
          value={name}
          required
          maxLength={31}
          autoComplete="off"
          spellCheck={false}
          placeholder={way === 'in' ? 'doorbell' : 'pager'}
          hint="Lower-case letters, digits and dashes."
          onChange={(event) => setName(event.target.value)}
        />
        {way === 'in' && (
          <Checkbox
            label="Callers may sign the body with the secret instead of sending it, as GitHub does"
            checked={signed}
            onChange={(event) => setSigned(event.target.checked)}
          />
        )}
        {way === 'out' && <TargetFields of={target} onTarget={setTarget} />}
        <Fault text={problem} />
        <FormEnd verb="Create" busy={create.isPending} onCancel={() => change(false)} />
      </form>
    </Dialog>
  );
}
