// One action of an alert or of a fix, as a button or a link. What this person may not do is not there.
import type { AlertAction } from '@blackroad/protocol';
import { Plus } from 'lucide-react';
import { call } from '../data/api.ts';
import { useMay } from '../data/session.tsx';
import { Button, LinkButton } from '../kit/button.tsx';
import { ConfirmButton } from '../kit/overlay.tsx';
import { say } from '../kit/toasts.tsx';
import { DrainButton } from './drain-button.tsx';

export function ActButton({ action }: { action: AlertAction }) {
  const { verb, label, node = '', agent = '', model = '' } = action;
  const allowed = useMay();
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
        <LinkButton to="/agents/$agent" params={{ agent }} search={{ tab: 'spec', fix: '1' } as never}>
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
    case 'add-node':
      return allowed('joinTokenCreate') ? (
        <LinkButton to="/nodes/add" icon={<Plus />}>
          {label}
        </LinkButton>
      ) : null;
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
