// What can be done with a webhook: tried, changed, paused, given another secret, deleted.
import type { WebhookView } from '@blackroad/protocol';
import { useState } from 'react';
import { useAct } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Button } from '../../kit/button.tsx';
import { ConfirmButton } from '../../kit/overlay.tsx';
import { ShownOnce } from '../../kit/shown-once.tsx';
import { EditWebhook } from './edit-webhook.tsx';
import { MadeWebhook } from './made-webhook.tsx';
import { PauseWebhook } from './pause-webhook.tsx';

export function WebhookActs({ of: hook }: { of: WebhookView }) {
  const may = useMay();
  const [isEdited, setEdited] = useState(false);
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
        <>
          <Button
            look="quiet"
            aria-label={`Test ${name}`}
            busy={test.isPending}
            onClick={() => test.mutate({ params })}
          >
            Test
          </Button>
          <Button look="quiet" aria-label={`Change ${name}`} onClick={() => setEdited(true)}>
            Change
          </Button>
          {isEdited && <EditWebhook name={name} of={out} onClose={() => setEdited(false)} />}
        </>
      )}
      <PauseWebhook of={hook} />
      <ConfirmButton
        look="quiet"
        aria-label={`New secret for ${name}`}
        title={`Give ${name} another secret?`}
        text={
          direction === 'in'
            ? 'The address as it is stops at once; programs need the new one.'
            : 'Messages are signed with both secrets for a day: the receiver has that time to learn the new one.'
        }
        verb="Give it another"
        act={() => rotate.run({ params })}
      >
        New secret
      </ConfirmButton>
      <ConfirmButton
        look="quiet"
        aria-label={`Delete ${name}`}
        title={`Delete the webhook ${name}?`}
        text={
          direction === 'in' ? 'Programs that call it are refused from now on.' : 'What waits for it is not delivered.'
        }
        verb="Delete it"
        act={() => remove.run({ params })}
      >
        Delete
      </ConfirmButton>
      {rotate.data && (
        <ShownOnce title={`The webhook ${name}`} onDone={() => rotate.reset()}>
          <MadeWebhook of={rotate.data} />
        </ShownOnce>
      )}
    </>
  );
}
