// Memories as the coordinator holds them: the log, search, and the proof that the chain is whole.
import { FleetError } from '@blackroad/protocol';
import { agentOr404 } from './agents.ts';
import type { ApiContext } from './context.ts';
import type { Handlers } from './handler.ts';
import { verifyChain } from './verify-chain.ts';

/** A removed agent's memory stays until erased, so its log may be read. */
function memoryOr404(context: ApiContext, agent: string): void {
  if (!context.coordinator.view.heads.has(agent)) agentOr404(context, agent);
}

export const memoryHandlers = {
  async memorySearch({ context, query }) {
    if (query.agent !== undefined) memoryOr404(context, query.agent);
    const { q, agent, limit } = query;
    return context.coordinator.store.searchMemory({ text: q, ...(agent === undefined ? {} : { agent }), limit });
  },
  async memoryLog({ context, params, query }) {
    memoryOr404(context, params.agent);
    return context.coordinator.store.memoryLog(params.agent, query.after ?? 0, query.limit);
  },
  async memoryVerify({ context, params }) {
    memoryOr404(context, params.agent);
    if (verifying.size >= maxVerifying) {
      throw new FleetError('unavailable', {
        detail: 'Other logs are being verified; try again.',
        retryAfterSeconds: 5,
      });
    }
    const run = Symbol(params.agent);
    verifying.add(run);
    try {
      const { coordinator, clock } = context;
      return await verifyChain(
        coordinator.store,
        coordinator.view.heads.get(params.agent) ?? null,
        params.agent,
        clock,
      );
    } finally {
      verifying.delete(run);
    }
  },
} satisfies Partial<Handlers>;

/** Each takes a share of every turn of the event loop. */
const maxVerifying = 4;
const verifying = new Set<symbol>();
