// Moving an agent by hand: there is no order to move once; an agent is pinned to a node by its own rules, stays there, and can be let
// go again. What is shown says so.
import type { AgentView } from '@blackroad/protocol';
import { call } from '../../data/api.ts';
import { useMay } from '../../data/session.tsx';
import { Button } from '../../kit/button.tsx';
import { ConfirmButton } from '../../kit/overlay.tsx';
import { say } from '../../kit/toasts.tsx';

const withNodes = (agent: AgentView, nodes: string[]) =>
  call('agentApply', {
    params: { agent: agent.name },
    body: { ...agent.spec, placement: { ...agent.spec.placement, nodes } },
  });

async function pin(agent: AgentView, nodes: string[], done: string) {
  const before = agent.spec.placement.nodes;
  await withNodes(agent, nodes);
  const back = () => withNodes(agent, before).catch((error: Error) => say({ text: error.message, tone: 'bad' }));
  say({ text: done, undo: back });
}

export function PinButton({ agent, node }: { agent: AgentView; node: string }) {
  const may = useMay();
  if (!may('agentApply')) return null;
  return (
    <ConfirmButton
      look="quiet"
      title={`Move ${agent.name} to ${node}, and keep it there?`}
      text={`Its rules will name ${node} as the only node (placement.nodes). It moves there with the next plan and takes its memory along; while ${node} is away it runs nowhere else. Let it go again with one click on this page.`}
      verb="Pin it there"
      act={() => pin(agent, [node], `${agent.name} is pinned to ${node}.`)}
    >
      Move here
    </ConfirmButton>
  );
}

/** Said wherever a rule names nodes, with the way out of it. */
export function UnpinNote({ agent }: { agent: AgentView }) {
  const may = useMay();
  const { nodes } = agent.spec.placement;
  if (nodes.length === 0) return null;
  return (
    <p className="row wrap">
      <span>
        Its rules allow only <strong>{nodes.join(', ')}</strong>.
      </span>
      {may('agentApply') && (
        <Button
          onClick={() =>
            void pin(agent, [], `${agent.name} may run anywhere again.`).catch((error: Error) =>
              say({ text: error.message, tone: 'bad' }),
            )
          }
        >
          Let it run anywhere
        </Button>
      )}
    </p>
  );
}
