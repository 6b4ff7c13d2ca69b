// The tool explain_placement: why an agent is where it is, why nowhere else, and what would place it.
import { AgentName, PlacementExplained, Type } from '@blackroad/protocol';
import { closed, tool } from '../tool.ts';

export const explainPlacement = tool({
  name: 'explain_placement',
  title: 'Explain placement',
  text: 'Says why an agent runs on its node, why other nodes would not take it, and what would place it if it has none.',
  input: Type.Object({ agent: AgentName }, closed),
  output: PlacementExplained,
  needs: ['placement:read'],
  readOnly: true,
  destructive: false,
  idempotent: true,
  openWorld: false,
  call: ({ agent }, { ask }) => ask('agentExplain', { params: { agent } }),
});
