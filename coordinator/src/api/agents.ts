// Agents: specs are applied whole; what is shown says where an agent is and why.
import { type AgentView, FleetError, notFoundText } from '@blackroad/protocol';
import { specFaults } from '../fleet/spec-faults.ts';
import { explainingAgent } from '../placement/explain.ts';
import { inSlices } from '../slices.ts';
import type { ApiContext } from './context.ts';
import { accepted, type Handlers, refuseFaults, shown } from './handler.ts';
import { branchCounts, showAgent } from './show.ts';

export function agentOr404(context: ApiContext, name: string): AgentView {
  const agent = showAgent(context.coordinator.view, name);
  return agent ?? noSuchAgent(context, name);
}
function noSuchAgent({ coordinator: { view } }: ApiContext, name: string): never {
  throw new FleetError('no-such-agent', { detail: notFoundText('agent', name, view.agents.keys()) });
}

export const agentHandlers = {
  agents({ context: { coordinator } }) {
    const { view } = coordinator;
    const branches = branchCounts(view);
    return Array.from(view.agents.keys(), (name) => showAgent(view, name, branches) as AgentView);
  },
  agent: ({ context, params }) => agentOr404(context, params.agent),
  async agentApply({ context, params, body, by, reply }) {
    if (body.name !== params.agent) {
      const got = JSON.stringify(body.name);
      throw new FleetError('invalid-request', {
        detail: `body: name: expected "${params.agent}" as in the path, got ${got}`,
        faults: [{ field: 'name', expected: `"${params.agent}"`, got }],
      });
    }
    const { coordinator, clock } = context;
    const stored = coordinator.view.agents.get(body.name)?.spec;
    // One that is stored is not refused for a time that has passed meanwhile.
    if (JSON.stringify(stored) !== JSON.stringify(body))
      refuseFaults(specFaults(coordinator.view, body, clock.nowMs(), coordinator.policy.timeZone));
    const { created } = accepted(await coordinator.submit('agent-apply', { by, spec: body }));
    if (created) reply.code(201);
    return shown(showAgent(context.coordinator.view, body.name));
  },
  async agentRemove({ context, params, by }) {
    agentOr404(context, params.agent);
    accepted(await context.coordinator.submit('agent-remove', { by, name: params.agent }));
  },
  async agentExplain({ context, params: { agent } }) {
    const { coordinator, clock } = context;
    const work = explainingAgent(coordinator.view, agent, clock.nowMs(), coordinator.policy);
    const explained = await inSlices(work, clock);
    return explained ?? noSuchAgent(context, agent);
  },
  async agentVersions({ context, params }) {
    const versions = await context.coordinator.store.agentVersions(params.agent);
    if (versions.length === 0) agentOr404(context, params.agent);
    return versions;
  },
} satisfies Partial<Handlers>;
