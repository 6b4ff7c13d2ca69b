// What can be done with a webhook: tried, paused, changed, given another secret, deleted.
import type { WebhookView } from '@blackroad/protocol';
import { Ellipsis, KeyRound, Pencil, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { useAct } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Button, IconButton } from '../../kit/button.tsx';
import { Menu, Question } from '../../kit/overlay.tsx';
import { ShownOnce } from '../../kit/shown-once.tsx';
import { EditWebhook } from './edit-webhook.tsx';
import { MadeWebhook } from './made-webhook.tsx';
import { PauseWebhook } from './pause-webhook.tsx';

export function WebhookActs({ of: hook }: { of: WebhookView }) {
  const may = useMay();
  const [asked, setAsked] = useState<'change' | 'secret' | 'delete' | null>(null);
  const close = () => setAsked(null);
  const { name, direction, out } = hook;
  const params = { webhook: name };
  const test = useAct('webhookTest', {
    done: ({ ok, text, ms }) => ({ text: `${name}: ${text} after ${ms} ms.`, tone: ok ? 'good' : 'bad' }),
  });
  const rotate = useAct('webhookRotate', { stales: ['webhooks', 'audit'] });
  const remove = useAct('webhookDelete', { done: () => `${name} is deleted.`, stales: ['webhooks', 'audit'] });
  if (!may('webhookDelete')) return null;
  return (
    <>
      {out && (
        <Button look="quiet" aria-label={`Test ${name}`} busy={test.isPending} onClick={() => test.mutate({ params })}>
          Test
        </Button>
      )}
      <PauseWebhook of={hook} />
      <Menu
        items={[
          out && { text: 'Change', icon: <Pencil />, act: () => setAsked('change') },
          { text: 'New secret', icon: <KeyRound />, act: () => setAsked('secret') },
          { text: 'Delete', icon: <Trash2 />, danger: true, act: () => setAsked('delete') },
        ]}
      >
        <IconButton label={`More about ${name}`}>
          <Ellipsis />
        </IconButton>
      </Menu>
      {out && asked === 'change' && <EditWebhook name={name} of={out} onClose={close} />}
      <Question
        open={asked === 'secret'}
        onOpenChange={close}
        title={`Give ${name} another secret?`}
        text={
          direction === 'in'
            ? 'The address as it is stops at once; programs need the new one.'
            : 'Messages are signed with both secrets for a day: the receiver has that time to learn the new one.'
        }
        verb="Give it another"
        act={() => rotate.run({ params })}
      />
      <Question
        open={asked === 'delete'}
        onOpenChange={close}
        title={`Delete the webhook ${name}?`}
        text={
          direction === 'in' ? 'Programs that call it are refused from now on.' : 'What waits for it is not delivered.'
        }
        verb="Delete it"
        act={() => remove.run({ params })}
      />
      {rotate.data && (
        <ShownOnce title={`The webhook ${name}`} onDone={() => rotate.reset()}>
          <MadeWebhook of={rotate.data} />
        </ShownOnce>
      )}
    </>
  );
}
