// The move of an agent by hand. There is no order to move once: an agent is pinned to a node by its own rules, stays there, and can be
// unpinned. The page says so.
import type { AgentView } from '@blackroad/protocol';
import { call } from '../../data/api.ts';
import { useWork } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Button } from '../../kit/button.tsx';
import { ConfirmButton } from '../../kit/overlay.tsx';

const withNodes = (agent: AgentView, nodes: string[]) =>
  call('agentApply', {
    params: { agent: agent.name },
    body: { ...agent.spec, placement: { ...agent.spec.placement, nodes } },
  });

/** The way back is to the nodes that the rules name now. */
function usePin(agent: AgentView, done: string) {
  const before = agent.spec.placement.nodes;
  return useWork((nodes: string[]) => withNodes(agent, nodes), {
    done: () => done,
    undo: () => () => withNodes(agent, before),
  });
}

export function PinButton({ agent, node }: { agent: AgentView; node: string }) {
  const may = useMay();
  const pin = usePin(agent, `${agent.name} is pinned to ${node}.`);
  if (!may('agentApply')) return null;
  return (
    <ConfirmButton
      look="quiet"
      title={`Move ${agent.name} to ${node}, and keep it there?`}
      text={`Its rules will name ${node} as the only node (placement.nodes). It moves there with the next plan and takes its memory along; while ${node} is away it runs nowhere else. Let it go again with one click on this page.`}
      verb="Pin it there"
      act={() => pin.run([node])}
    >
      Move here
    </ConfirmButton>
  );
}

/** Said wherever a rule names nodes, with the way out of it. */
export function UnpinNote({ agent }: { agent: AgentView }) {
  const may = useMay();
  const unpin = usePin(agent, `${agent.name} may run anywhere again.`);
  const { nodes } = agent.spec.placement;
  if (nodes.length === 0) return null;
  return (
    <p className="row wrap">
      <span>
        Its rules allow only <strong>{nodes.join(', ')}</strong>.
      </span>
      {may('agentApply') && <Button onClick={() => unpin.mutate([])}>Let it run anywhere</Button>}
    </p>
  );
}
