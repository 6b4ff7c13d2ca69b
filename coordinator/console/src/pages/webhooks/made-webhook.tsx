// A webhook that was made or got another secret: what is shown only now, and what to do with it.
import type { WebhookMade } from '@blackroad/protocol';
import { CopyText } from '../../kit/field.tsx';

export function MadeWebhook({ of: made }: { of: WebhookMade }) {
  if (made.url !== null)
    return (
      <>
        <CopyText text={made.url} label="Copy the address" />
        <p className="dim small">
          Programs post to it, with a body of any kind. It has the secret in it: whoever knows it can ask the agents
          that it wakes. An agent is woken by a trigger that names <code>{made.name}</code>.
        </p>
        {made.in?.signed && (
          <>
            <p className="small">
              To sign in place of that: post to the address without its last level, <code>{made.in.path}</code>, with
              this secret.
            </p>
            <CopyText text={made.secret} label="Copy the secret" />
          </>
        )}
      </>
    );
  return (
    <>
      <CopyText text={made.secret} label="Copy the secret" />
      <p className="dim small">
        The receiver checks the signature of each message with it, as Standard Webhooks has it: header{' '}
        <code>webhook-signature</code>, over <code>id.timestamp.body</code>.
      </p>
    </>
  );
}
