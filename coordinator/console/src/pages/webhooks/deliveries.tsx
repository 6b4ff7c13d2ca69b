// What waits for a webhook that goes out, and what was given up, to be tried again.
import type { DeliveryView } from '@blackroad/protocol';
import { useAct, useRoute } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Time } from '../../fleet/time.tsx';
import { Button } from '../../kit/button.tsx';
import { Dialog } from '../../kit/overlay.tsx';
import { type PlainColumn, PlainTable } from '../../kit/plain-table.tsx';
import { Loaded } from '../../kit/states.tsx';
import { Status } from '../../kit/status.tsx';

const againMs = 3_000;

export function Deliveries({ webhook, onClose }: { webhook: string; onClose(): void }) {
  const may = useMay();
  const isOpen = webhook !== '';
  const params = { webhook };
  const deliveries = useRoute('deliveries', { params }, { enabled: isOpen, refetchInterval: againMs });
  const replay = useAct('deliveriesReplay', {
    done: ({ replayed }) => `${replayed} in the queue again.`,
    stales: ['deliveries', 'webhooks', 'audit'],
  });
  if (!isOpen) return null;
  return (
    <Dialog open onOpenChange={onClose} place="side" title={`Deliveries of ${webhook}`}>
      <Loaded of={deliveries}>
        {(list) => (
          <>
            <PlainTable label="Deliveries" columns={columns} rows={list} rowId={({ id }) => id} none="Nothing waits." />
            {may('deliveriesReplay') && list.some(({ state }) => state === 'dead') && (
              <footer className="row end">
                <Button busy={replay.isPending} onClick={() => replay.mutate({ params, body: {} })}>
                  Try those that were given up again
                </Button>
              </footer>
            )}
          </>
        )}
      </Loaded>
    </Dialog>
  );
}

const columns: PlainColumn<DeliveryView>[] = [
  {
    title: 'Event',
    cell: ({ event, text }) => (
      <>
        {event}
        <div className="dim small">{text}</div>
      </>
    ),
  },
  {
    title: 'State',
    cell: ({ state, problem }) => (
      <>
        {state === 'dead' ? <Status of="failed" word="given up" /> : <Status of="waiting" />}
        {problem && <div className="dim small">{problem}</div>}
      </>
    ),
  },
  { title: 'Tries', align: 'end', cell: ({ tries }) => tries },
  { title: 'Happened', cell: ({ atMs }) => <Time at={atMs} /> },
];
