// Memories that the coordinator stores: the log, search, and the verification of the chain.
import { FleetError, type Principal } from '@blackroad/protocol';
import type { ApiContext } from '../http/context.ts';
import type { Handlers } from '../http/handler.ts';
import { agentIdEver, agentNameOf } from '../state/view.ts';
import { agentOr404 } from './agents.ts';
import { verifyChain } from './verify-chain.ts';

/** The memory of a removed agent stays until it is erased, so its log may be read. */
function memoryOr404(context: ApiContext, by: Principal, name: string): string {
  return agentIdEver(context.coordinator.view, by.space, name) ?? agentOr404(context, by, name);
}

export const memoryHandlers = {
  async memorySearch({ context, query: { q, agent, limit }, by }) {
    const { store, view } = context.coordinator;
    const within = agent === undefined ? {} : { agent: memoryOr404(context, by, agent) };
    const hits = await store.searchMemory({ text: q, ...within, limit });
    return hits.map((hit) => ({ ...hit, agent: agentNameOf(view, hit.agent) }));
  },
  memoryLog({ context, params, query, by }) {
    const agent = memoryOr404(context, by, params.agent);
    return context.coordinator.store.memoryLog(agent, query.after ?? 0, query.limit);
  },
  async memoryVerify({ context, params, by }) {
    const agent = memoryOr404(context, by, params.agent);
    if (verifying.size >= maxVerifying) {
      throw new FleetError('unavailable', {
        detail: 'Other logs are being verified; try again.',
        retryAfterSeconds: 5,
      });
    }
    const run = Symbol(agent);
    verifying.add(run);
    try {
      const { coordinator, clock } = context;
      const head = coordinator.view.heads.get(agent) ?? null;
      return { ...(await verifyChain(coordinator.store, head, agent, clock)), agent: params.agent };
    } finally {
      verifying.delete(run);
    }
  },
} satisfies Partial<Handlers>;

/** The limit of verifications at the same time: each uses a share of the event loop. */
const maxVerifying = 4;
const verifying = new Set<symbol>();
