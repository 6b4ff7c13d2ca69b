// Makes a webhook and shows its secret once.
import type { EventType } from '@blackroad/protocol';
import { wakingEvents } from '@blackroad/protocol/trigger-events';
import { type FormEvent, useState } from 'react';
import { ApiProblem } from '../../data/api.ts';
import { useAct } from '../../data/query.ts';
import { Button } from '../../kit/button.tsx';
import { Checkbox, SelectField, TextField } from '../../kit/field.tsx';
import { Dialog } from '../../kit/overlay.tsx';
import { Fault } from '../../kit/states.tsx';
import { wordsOf } from '../../kit/words.ts';
import { ListField } from '../agents/spec-fields.tsx';
import { MadeWebhook } from './made-webhook.tsx';

const ways: [value: string, text: string][] = [
  ['in', 'in: programs call it, and it wakes agents'],
  ['out', 'out: events of the fleet are posted to an address'],
];

/** The first fault of a field as a sentence, else what the coordinator says. */
function saidOf(error: unknown): string {
  const [fault] = (error instanceof ApiProblem && error.problem?.faults) || [];
  return fault?.text ?? wordsOf(error);
}

export function CreateWebhook({ open, onOpenChange }: { open: boolean; onOpenChange(open: boolean): void }) {
  const [way, setWay] = useState('in');
  const [name, setName] = useState('');
  const [url, setUrl] = useState('');
  const [signed, setSigned] = useState(false);
  const [events, setEvents] = useState<string[]>(['node-lost', 'node-online']);
  const [problem, setProblem] = useState('');
  const create = useAct('webhookCreate', { stales: ['webhooks', 'audit'] });
  const made = create.data;
  const change = (now: boolean) => {
    onOpenChange(now);
    if (now) return;
    create.reset();
    setName('');
    setUrl('');
    setSigned(false);
    setProblem('');
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const named = name.trim();
    // The coordinator judges the types of events.
    const body =
      way === 'in'
        ? { direction: 'in' as const, name: named, ...(signed ? { signed } : {}) }
        : { direction: 'out' as const, name: named, url: url.trim(), events: events as EventType[] };
    setProblem('');
    create.run({ body }).catch((error) => setProblem(saidOf(error)));
  };
  if (made) {
    return (
      <Dialog
        open={open}
        onOpenChange={change}
        title={`The webhook ${made.name}`}
        text="Copy it now: it is shown once."
      >
        <MadeWebhook of={made} />
        <footer className="row end">
          <Button look="primary" onClick={() => change(false)}>
            I have it
          </Button>
        </footer>
      </Dialog>
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
        {way === 'out' && (
          <>
            <TextField
              label="Address"
              value={url}
              required
              spellCheck={false}
              hint="With https or http in front. Addresses of private networks are allowed where the coordinator was started with --webhook-hosts private."
              onChange={(event) => setUrl(event.target.value)}
            />
            <ListField label="Events" value={events} suggestions={wakingEvents} onValue={setEvents} />
          </>
        )}
        <Fault text={problem} />
        <footer className="row end">
          <Button onClick={() => change(false)}>Cancel</Button>
          <Button look="primary" type="submit" busy={create.isPending}>
            Create
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
