// The alerts, with the actions beside them. Only permitted actions are offered.
import type { Alert } from '@blackroad/protocol';
import { Check, Undo2 } from 'lucide-react';
import { useState } from 'react';
import { call } from '../data/api.ts';
import { useAct } from '../data/query.ts';
import { useMay } from '../data/session.tsx';
import { Button } from '../kit/button.tsx';
import { lookOf } from '../kit/looks.ts';
import { Glyph } from '../kit/status.tsx';
import { ActButton } from './act-button.tsx';
import { Time } from './time.tsx';

export function AlertList({ alerts }: { alerts: readonly Alert[] }) {
  return (
    <ul className="alerts">
      {alerts.map((alert) => (
        <AlertRow key={alert.id} alert={alert} />
      ))}
    </ul>
  );
}

/** An alert about twenty agents has a button for each: the first ones, the others on demand. */
const fewActions = 2;

/** Errors first, then the oldest; acknowledged alerts are last. */
export function inOrder(alerts: readonly Alert[]): Alert[] {
  const rank = { error: 0, warning: 1, info: 2 };
  return [...alerts].sort(
    (a, b) =>
      Number(a.acknowledged !== null) - Number(b.acknowledged !== null) ||
      rank[a.severity] - rank[b.severity] ||
      a.sinceMs - b.sinceMs,
  );
}

function AlertRow({ alert }: { alert: Alert }) {
  const may = useMay();
  const params = { alert: alert.id };
  const ack = useAct('alertAck', {
    done: () => 'Acknowledged.',
    undo: () => () => call('alertUnack', { params }),
  });
  const unack = useAct('alertUnack', { done: () => 'Open again.' });
  const look = lookOf(alert.severity);
  const [all, setAll] = useState(false);
  const actions = all || alert.actions.length <= fewActions + 1 ? alert.actions : alert.actions.slice(0, fewActions);
  const { acknowledged } = alert;
  return (
    <li className={acknowledged ? 'seen' : undefined}>
      <Glyph shape={look.shape} tone={look.tone} />
      <div className="what">
        <h3>
          <span className="sr-only">{alert.severity}: </span>
          {alert.title}
        </h3>
        <p className="dim">{alert.text}</p>
        <p className="dim small">
          For <Time at={alert.sinceMs} since />
          {acknowledged && (
            <>
              {' '}
              · acknowledged by {acknowledged.by.replace(/^key:/, '')} <Time at={acknowledged.atMs} />
              {acknowledged.note && `: ${acknowledged.note}`}
            </>
          )}
        </p>
      </div>
      <div className="acts">
        {actions.map((action) => (
          <ActButton key={action.verb + (action.node ?? '') + (action.agent ?? '')} action={action} />
        ))}
        {alert.actions.length > actions.length && (
          <Button look="quiet" onClick={() => setAll(true)}>
            {alert.actions.length - actions.length} more
          </Button>
        )}
        {may('alertAck') &&
          (acknowledged ? (
            <Button look="quiet" icon={<Undo2 />} onClick={() => unack.mutate({ params })}>
              Undo
            </Button>
          ) : (
            <Button look="quiet" icon={<Check />} onClick={() => ack.mutate({ params, body: {} })}>
              Acknowledge
            </Button>
          ))}
      </div>
    </li>
  );
}
