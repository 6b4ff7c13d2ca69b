// Pauses a webhook, after it was said what that means, and resumes it.
import type { RouteName, WebhookView } from '@blackroad/protocol';
import { maxDeliveriesWaiting } from '@blackroad/protocol/webhook-limits';
import { useAct } from '../../data/query.ts';
import { Button } from '../../kit/button.tsx';
import { ConfirmButton } from '../../kit/overlay.tsx';

export function PauseWebhook({ of: { name, direction, paused } }: { of: WebhookView }) {
  const params = { webhook: name };
  const stales: RouteName[] = ['webhooks', 'deliveries', 'audit'];
  const pause = useAct('webhookPause', { done: () => `${name} is paused.`, stales });
  const resume = useAct('webhookResume', { done: () => `${name} is resumed.`, stales });
  if (paused)
    return (
      <Button
        look="quiet"
        aria-label={`Resume ${name}`}
        busy={resume.isPending}
        onClick={() => resume.mutate({ params })}
      >
        Resume
      </Button>
    );
  return (
    <ConfirmButton
      look="quiet"
      aria-label={`Pause ${name}`}
      title={`Pause the webhook ${name}?`}
      text={
        direction === 'in'
          ? 'Calls are refused with the status 503 and wake nobody until you resume it. What they bring is not kept.'
          : `Nothing is posted until you resume it. Its events wait, ${maxDeliveriesWaiting} at most, and are posted then, oldest first.`
      }
      verb="Pause it"
      act={() => pause.run({ params })}
    >
      Pause
    </ConfirmButton>
  );
}
