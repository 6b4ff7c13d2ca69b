// Agents: a spec is applied as a whole; the view of an agent shows its node and the reason.
import { type AgentView, FleetError, notFoundText, type Principal } from '@blackroad/protocol';
import { inSlices } from '@blackroad/std/slices';
import { specFaults } from '../fleet/spec-faults.ts';
import type { ApiContext } from '../http/context.ts';
import { accepted, type Handlers, refuseFaults, shown } from '../http/handler.ts';
import { branchCounts, showAgent } from '../live/show.ts';
import { explainingAgent } from '../placement/why/explain.ts';
import { agentIdOf, type View } from '../state/view.ts';
import { mintAgentId } from './agent-ids.ts';

/** The id of the agent that has this name in the principal's space. */
export function agentOr404({ coordinator: { view } }: ApiContext, { space }: Principal, name: string): string {
  return agentIdOf(view, space, name) ?? noSuchAgent(view, space, name);
}
function noSuchAgent(view: View, space: string, name: string): never {
  const others = [...view.agents.values()].flatMap((row) => (row.space === space ? [row.spec.name] : []));
  throw new FleetError('no-such-agent', { detail: notFoundText('agent', name, others) });
}

export const agentHandlers = {
  agents({ context: { coordinator } }) {
    const { view } = coordinator;
    const branches = branchCounts(view);
    return Array.from(view.agents.keys(), (id) => showAgent(view, id, branches) as AgentView);
  },
  agent: ({ context, params, by }) => shown(showAgent(context.coordinator.view, agentOr404(context, by, params.agent))),
  async agentApply({ context, params, body, by, reply }) {
    if (body.name !== params.agent) {
      const got = JSON.stringify(body.name);
      throw new FleetError('invalid-request', {
        detail: `body: name: expected "${params.agent}" as in the path, got ${got}`,
        faults: [{ field: 'name', expected: `"${params.agent}"`, got }],
      });
    }
    const { coordinator, clock, random } = context;
    const { view } = coordinator;
    const known = agentIdOf(view, by.space, body.name);
    const stored = known === undefined ? undefined : view.agents.get(known)?.spec;
    // A spec that is stored unchanged is not refused because one of its times has passed since.
    if (JSON.stringify(stored) !== JSON.stringify(body))
      refuseFaults(specFaults(view, body, clock.nowMs(), coordinator.policy.timeZone));
    const newId = mintAgentId(view, clock.nowMs(), random);
    const { id, created } = accepted(await coordinator.submit('agent-apply', { by, spec: body, newId }));
    if (created) reply.code(201);
    return shown(showAgent(view, id));
  },
  async agentRename({ context, params, body: { name }, by }) {
    const { coordinator } = context;
    const agent = agentOr404(context, by, params.agent);
    accepted(await coordinator.submit('agent-rename', { by, agent, name }));
    return shown(showAgent(coordinator.view, agent));
  },
  async agentRemove({ context, params, by }) {
    const agent = agentOr404(context, by, params.agent);
    accepted(await context.coordinator.submit('agent-remove', { by, agent }));
  },
  async agentExplain({ context, params, by }) {
    const { coordinator, clock } = context;
    const { view, policy } = coordinator;
    const agent = agentOr404(context, by, params.agent);
    const explained = await inSlices(explainingAgent(view, agent, clock.nowMs(), policy), clock);
    return explained ?? noSuchAgent(view, by.space, params.agent);
  },
  agentVersions({ context, params, by }) {
    return context.coordinator.store.agentVersions(agentOr404(context, by, params.agent));
  },
} satisfies Partial<Handlers>;
