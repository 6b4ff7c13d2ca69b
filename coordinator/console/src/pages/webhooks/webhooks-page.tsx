// Webhooks: the list, with how each goes, and one to be made. A secret is shown once.
import { Plus } from 'lucide-react';
import { useMay } from '../../data/session.tsx';
import { useAddress } from '../../kit/address.ts';
import { Button } from '../../kit/button.tsx';
import { PageHead } from '../../kit/layout.tsx';
import { CreateWebhook } from './create-webhook.tsx';
import { WebhookList } from './webhook-list.tsx';

export default function WebhooksPage() {
  const may = useMay();
  const [doing, setDoing] = useAddress('/webhooks', 'do');
  return (
    <div className="page-stack">
      <PageHead
        title="Webhooks"
        text="An address that programs call wakes the agents whose triggers name it; events of the fleet are posted to addresses of others."
        actions={
          may('webhookCreate') && (
            <Button look="primary" icon={<Plus />} onClick={() => setDoing('create')}>
              Create a webhook
            </Button>
          )
        }
      />
      {may('webhookCreate') && (
        <CreateWebhook open={doing === 'create'} onOpenChange={(now) => setDoing(now ? 'create' : '')} />
      )}
      <WebhookList />
    </div>
  );
}
