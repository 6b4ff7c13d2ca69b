// The webhooks with how each goes; what waits or was given up opens beside them.
import type { WebhookView } from '@blackroad/protocol';
import { useState } from 'react';
import { useRoute } from '../../data/query.ts';
import { Time } from '../../fleet/time.tsx';
import { Button } from '../../kit/button.tsx';
import { Panel } from '../../kit/layout.tsx';
import { type PlainColumn, PlainTable } from '../../kit/plain-table.tsx';
import { Empty, Loaded } from '../../kit/states.tsx';
import { Status, Tag } from '../../kit/status.tsx';
import { Deliveries } from './deliveries.tsx';
import { WebhookActs } from './webhook-acts.tsx';

const againMs = 5_000;

export function WebhookList() {
  const webhooks = useRoute('webhooks', {}, { refetchInterval: againMs });
  const [opened, setOpened] = useState('');
  return (
    <Panel title="Webhooks" bare>
      <Loaded of={webhooks}>
        {(list) =>
          list.length === 0 ? (
            <Empty title="No webhook yet">
              <p>
                One that comes in lets a doorbell, a form or GitHub wake an agent; one that goes out tells a pager of a
                lost node.
              </p>
            </Empty>
          ) : (
            <PlainTable label="Webhooks" columns={columnsFor(setOpened)} rows={list} rowId={({ id }) => id} />
          )
        }
      </Loaded>
      <Deliveries webhook={opened} onClose={() => setOpened('')} />
    </Panel>
  );
}

function stateOf({ in: into, out, paused }: WebhookView) {
  if (paused) return <Status of="paused" />;
  if (into)
    return into.agents.length > 0 ? <>wakes {into.agents.join(', ')}</> : <Status of="warning" word="wakes nobody" />;
  if (!out?.last) return <Status of="never" word="not used yet" />;
  return <Status of={out.last.ok ? 'fine' : 'error'} word={out.last.text} />;
}

function columnsFor(open: (name: string) => void): PlainColumn<WebhookView>[] {
  return [
    {
      title: 'Name',
      cell: ({ name, direction }) => (
        <>
          {name} <Tag tone={direction === 'in' ? 'info' : 'violet'}>{direction}</Tag>
        </>
      ),
    },
    {
      title: 'Address',
      cell: ({ in: into, out }) => (
        <>
          <code>{into?.path ?? out?.url}</code>
          {out && <div className="dim small">{out.events.join(', ')}</div>}
        </>
      ),
    },
    {
      title: 'State',
      cell: (hook) => (
        <>
          {stateOf(hook)}
          <div className="dim small">
            {hook.paused ? (
              <>
                by {hook.paused.by}, <Time at={hook.paused.atMs} />
              </>
            ) : (
              <>
                last <Time at={hook.in ? hook.in.lastMs : hook.out?.last?.atMs} />
              </>
            )}
          </div>
        </>
      ),
    },
    {
      title: 'Queue',
      cell: ({ name, in: into, out }) =>
        into ? (
          <span className="dim">
            {into.taken} taken, {into.refused} refused
          </span>
        ) : out && out.waiting + out.dead > 0 ? (
          <Button look="quiet" aria-label={`What waits for ${name}`} onClick={() => open(name)}>
            {out.waiting} waiting, {out.dead} given up
          </Button>
        ) : (
          <span className="dim">{out?.delivered} delivered</span>
        ),
    },
    { title: 'Actions', isTitleHidden: true, className: 'row-acts', cell: (hook) => <WebhookActs of={hook} /> },
  ];
}
