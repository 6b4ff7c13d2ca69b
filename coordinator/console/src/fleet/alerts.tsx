// What needs a person, in plain words, with the action beside it. Only what this person may do is offered.
import type { Alert, AlertAction, Role, RouteName } from '@blackroad/protocol';
import { Check, Undo2 } from 'lucide-react';
import { useState } from 'react';
import { call } from '../data/api.ts';
import { useAct } from '../data/query.ts';
import { mayUse, useMay, useMe } from '../data/session.tsx';
import { Button, LinkButton } from '../kit/button.tsx';
import { lookOf } from '../kit/looks.ts';
import { ConfirmButton } from '../kit/overlay.tsx';
import { Glyph } from '../kit/status.tsx';
import { Time } from '../kit/time.tsx';
import { say } from '../kit/toasts.tsx';
import { DrainButton } from './drain-button.tsx';

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

/** The gravest first, then the oldest; what is acknowledged stands last. */
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
  const { role } = useMe();
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
          <AlertAct key={action.verb + (action.node ?? '') + (action.agent ?? '')} action={action} role={role} />
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

function AlertAct({ action, role }: { action: AlertAction; role: Role }) {
  const { verb, label, node = '', agent = '', model = '' } = action;
  const allowed = (route: RouteName) => mayUse(role, route);
  const doing = async (work: () => Promise<unknown>, done: string) => {
    await work();
    say({ text: done });
  };
  const plainly = (work: () => Promise<unknown>, done: string) =>
    doing(work, done).catch((error: Error) => say({ text: error.message, tone: 'bad' }));
  const params = { node };
  switch (verb) {
    case 'open-node':
      return (
        <LinkButton to="/nodes/$node" params={params}>
          {label}
        </LinkButton>
      );
    case 'open-agent':
      return (
        <LinkButton to="/agents/$agent" params={{ agent }}>
          {label}
        </LinkButton>
      );
    case 'edit-agent':
      return allowed('agentApply') ? (
        <LinkButton to="/agents/$agent" params={{ agent }} search={{ tab: 'spec' } as never}>
          {label}
        </LinkButton>
      ) : null;
    case 'open-dead-letters':
      return (
        <LinkButton to="/tasks" search={{ dead: 'true' } as never}>
          {label}
        </LinkButton>
      );
    case 'open-queue':
      return (
        <LinkButton to="/tasks" search={{ state: 'queued', agent } as never}>
          {label}
        </LinkButton>
      );
    case 'open-branches':
      return (
        <LinkButton to="/memory" search={{ tab: 'branches' } as never}>
          {label}
        </LinkButton>
      );
    case 'forget-node':
      return allowed('nodeForget') ? (
        <ConfirmButton
          title={`Forget ${node}?`}
          text="Its certificate is worthless from then on; to come back it must join again with a new token."
          verb="Forget it"
          act={() => doing(() => call('nodeForget', { params }), `${node} is forgotten.`)}
        >
          {label}
        </ConfirmButton>
      ) : null;
    case 'release-node':
      return allowed('nodeRelease') ? (
        <ConfirmButton
          look="plain"
          title={`Trust ${node} again?`}
          text="Its quarantine ends, and the hardware it reports next is taken as its own. Do this only if you know why it changed."
          verb="Trust it"
          act={() => doing(() => call('nodeRelease', { params }), `${node} may come back.`)}
        >
          {label}
        </ConfirmButton>
      ) : null;
    case 'drain-node':
      return allowed('nodeEdit') ? (
        <DrainButton
          nodes={[node]}
          drain={() => call('nodeEdit', { params, body: { draining: true } })}
          undo={() => call('nodeEdit', { params, body: { draining: false, cordoned: false } })}
        >
          {label}
        </DrainButton>
      ) : null;
    case 'uncordon-node':
      return allowed('nodeEdit') ? (
        <Button
          onClick={() =>
            plainly(
              () => call('nodeEdit', { params, body: { cordoned: false, draining: false } }),
              `${node} takes agents again.`,
            )
          }
        >
          {label}
        </Button>
      ) : null;
    case 'pull-model':
      return allowed('nodePull') ? (
        <Button
          onClick={() => plainly(() => call('nodePull', { params, body: { model } }), `${node} fetches ${model}.`)}
        >
          {label}
        </Button>
      ) : null;
    case 'release-moves':
      return allowed('movesRelease') ? (
        <ConfirmButton
          look="plain"
          title="Let agents move now?"
          text="Agents of the nodes that are away are placed elsewhere at once. If it is only the network, they would be back by themselves."
          verb="Let them move"
          act={() =>
            doing(
              () => call('movesRelease', { body: action.site === undefined ? {} : { site: action.site } } as never),
              'Agents move now.',
            )
          }
        >
          {label}
        </ConfirmButton>
      ) : null;
  }
}
