// What follows a restore from a backup: the report, and what a person brings back of it.
import { AgentSpec, explain, FleetError, type RestoreReport } from '@blackroad/protocol';
import type { ApiContext } from '../http/context.ts';
import { accepted, type Handlers } from '../http/handler.ts';
import { agentNameOf } from '../state/view.ts';

function reportOf({ coordinator: { view } }: ApiContext, space: string): RestoreReport {
  const report: RestoreReport = { restored: null, agents: [], nodes: [], memories: [], silent: [] };
  if (!view.restored) return report;
  const { lineage, ...restored } = view.restored;
  report.restored = restored;
  for (const row of view.found.values()) {
    const { node } = row;
    if (row.kind === 'node') report.nodes.push({ node, isIn: row.isIn });
    else if (row.kind === 'memory')
      report.memories.push({ agent: agentNameOf(view, row.agent), node, entries: row.entries });
    else if (row.space === space) {
      const { agent: id, spec, epoch, version, isBack } = row;
      const isKnown = !isBack && view.agents.has(id);
      report.agents.push({ id, name: spec.name, node, epoch, version, isKnown, isBack });
    }
  }
  for (const row of view.nodes.values())
    if (row.status === 'active' && row.lineage !== lineage) report.silent.push(row.id);
  return report;
}

/** A node could tell of a spec that this version would not take from a person. */
function refuseFaulty({ coordinator: { view } }: ApiContext, agent: string): void {
  for (const row of view.found.values()) {
    if (row.kind !== 'agent' || (row.agent !== agent && row.spec.name !== agent)) continue;
    const fault = explain(AgentSpec, row.spec);
    if (fault) throw new FleetError('conflict', { detail: `${agent}: this version does not take its spec: ${fault}` });
  }
}

export const restoreHandlers = {
  restoreReport: ({ context, by }) => reportOf(context, by.space),
  async restoreAgent({ context, body: { agent }, by }) {
    refuseFaulty(context, agent);
    return accepted(await context.coordinator.submit('restore-agent', { by, agent }));
  },
  async restoreNode({ context, body: { node }, by }) {
    accepted(await context.coordinator.submit('restore-node', { by, node }));
  },
} satisfies Partial<Handlers>;
