// The actions for an agent as a whole.
import type { AgentView } from '@blackroad/protocol';
import { useNavigate } from '@tanstack/react-router';
import { call } from '../../data/api.ts';
import { useAct } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { ConfirmButton } from '../../kit/overlay.tsx';
import { plural } from '../../kit/words.ts';

export function AgentActions({ agent }: { agent: AgentView }) {
  const may = useMay();
  const navigate = useNavigate();
  const remove = useAct('agentRemove', {
    done: () => `${agent.name} is removed.`,
    undo: () => () => call('agentApply', { params: { agent: agent.name }, body: agent.spec }),
  });
  if (!may('agentRemove')) return null;
  const { waiting, running } = agent.tasks;
  const open = waiting + running;
  return (
    <ConfirmButton
      look="plain"
      title={`Remove ${agent.name}?`}
      text={`It stops, and ${open > 0 ? `${plural(open, 'task')} of it ${open === 1 ? 'is' : 'are'} cancelled` : 'takes no more tasks'}. Its memory stays: an agent of the same name goes on with it.`}
      verb="Remove it"
      act={() => remove.run({ params: { agent: agent.name } }).then(() => void navigate({ to: '/agents' }))}
    >
      Remove
    </ConfirmButton>
  );
}
