// Gives a webhook that goes out another address, or other types of events.
import type { EventType } from '@blackroad/protocol';
import { type FormEvent, useState } from 'react';
import { useAct } from '../../data/query.ts';
import { FormEnd } from '../../kit/form-end.tsx';
import { Dialog } from '../../kit/overlay.tsx';
import { Fault } from '../../kit/states.tsx';
import { refusalOf } from './refusal.ts';
import { type Target, TargetFields } from './target-fields.tsx';

export function EditWebhook({ name, of: before, onClose }: { name: string; of: Target; onClose(): void }) {
  const [target, setTarget] = useState(before);
  const [problem, setProblem] = useState('');
  const edit = useAct('webhookEdit', {
    done: () => `${name} is changed.`,
    stales: ['webhooks', 'deliveries', 'audit'],
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setProblem('');
    const body = { url: target.url.trim(), events: target.events as EventType[] };
    edit.run({ params: { webhook: name }, body }).then(onClose, (error) => setProblem(refusalOf(error)));
  };
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={`Change the webhook ${name}`}
      text="Its secret stays. What waits goes to a new address at once, and types that you add count from now on."
    >
      <form className="stack" onSubmit={submit}>
        <TargetFields of={target} onTarget={setTarget} />
        <Fault text={problem} />
        <FormEnd verb="Save" busy={edit.isPending} onCancel={onClose} />
      </form>
    </Dialog>
  );
}
