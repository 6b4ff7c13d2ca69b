// Runs of consolidation over HTTP: begun, shown and taken back.
import { FleetError } from '@blackroad/protocol';
import { showRun } from '../drivers/consolidator.ts';
import type { ApiContext } from '../http/context.ts';
import { accepted, type Handlers } from '../http/handler.ts';
import { runsOf } from '../memory/runs.ts';
import type { RunRow } from '../state/run-rows.ts';
import { agentOr404 } from './agents.ts';
import { memoryOr404 } from './memory.ts';

function runOr404({ coordinator }: ApiContext, id: string): RunRow {
  const row = coordinator.view.runs.get(id);
  if (row) return row;
  throw new FleetError('no-such-run', { detail: `There is no run ${id}: newer ones may have taken its place.` });
}

export const consolidationHandlers = {
  memoryConsolidate({ context, params, body, by }) {
    const agent = agentOr404(context, by, params.agent);
    // It would remember what it was asked.
    if (body.model?.startsWith('agent/'))
      throw new FleetError('invalid-request', {
        detail: `body: model: expected a model or a tier such as auto, got ${body.model}`,
      });
    const beside = body.dryRun ? 'dryRun' : body.model === undefined ? null : 'model';
    if (body.shown !== undefined && beside !== null)
      throw new FleetError('invalid-request', {
        detail: `body: ${beside}: does not go with shown: what was shown is written`,
      });
    return context.consolidator.run(by, agent, body);
  },
  memoryRuns({ context, query, by }) {
    const { view } = context.coordinator;
    const rows =
      query.agent === undefined ? [...view.runs.values()] : runsOf(view, memoryOr404(context, by, query.agent));
    const newest = rows.sort((a, b) => b.atMs - a.atMs).slice(0, query.limit);
    return newest.map((row) => showRun(view, row));
  },
  async memoryRun({ context, params }) {
    const row = runOr404(context, params.run);
    return { run: showRun(context.coordinator.view, row), results: await context.consolidator.results(row) };
  },
  async memoryRunUndo({ context, params, by }) {
    accepted(await context.coordinator.submit('memory-run-undo', { by, id: runOr404(context, params.run).id }));
  },
} satisfies Partial<Handlers>;
