// Memories that the coordinator stores: the log, search, and the verification of the chain.
import { FleetError, type Principal } from '@blackroad/protocol';
import type { ApiContext } from '../http/context.ts';
import type { Handlers } from '../http/handler.ts';
import { nearAtLeast } from '../memory/shared.ts';
import { agentIdEver, agentNameOf } from '../state/view.ts';
import { agentOr404 } from './agents.ts';

/** The memory of a removed agent stays until it is erased, so its log may be read. */
export function memoryOr404(context: ApiContext, by: Principal, name: string): string {
  return agentIdEver(context.coordinator.view, by.space, name) ?? agentOr404(context, by, name);
}

/** The question in a model that the memories have vectors of. Null: nobody makes it in time, and words alone decide. */
async function vectorOf(
  { vectorMakers, fleetVectors }: ApiContext,
  by: Principal,
  text: string,
): Promise<{ model: string; values: Float32Array; atLeast: number } | null> {
  const model = (await fleetVectors.searched()).find((each) => vectorMakers.has(each, by.space));
  if (model === undefined) return null;
  const values = await vectorMakers.question(model, text, by);
  return values && { model, values, atLeast: nearAtLeast };
}

export const memoryHandlers = {
  async memorySearch({ context, query: { q, agent, limit, ...only }, by }) {
    const { store, view } = context.coordinator;
    const { sinceMs, untilMs } = only;
    if (sinceMs !== undefined && untilMs !== undefined && sinceMs >= untilMs)
      throw new FleetError('invalid-request', {
        detail: `query: untilMs: expected a time after sinceMs, got ${untilMs}`,
      });
    const within = agent === undefined ? {} : { agent: memoryOr404(context, by, agent) };
    const vector = await vectorOf(context, by, q);
    const hits = await store.searchMemory({ text: q, ...within, ...only, ...(vector ? { vector } : {}), limit });
    return hits.map((hit) => ({ ...hit, agent: agentNameOf(view, hit.agent) }));
  },
  memoryVectors({ context: { fleetVectors, vectorMakers } }) {
    const stand = fleetVectors.stand();
    return { ...stand, ...vectorMakers.stand(stand.model) };
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
      return { ...(await context.checkpoints.verify(agent)), agent: params.agent };
    } finally {
      verifying.delete(run);
    }
  },
  memoryProof: ({ context, params, by }) =>
    context.checkpoints.proof(memoryOr404(context, by, params.agent), params.seq),
  async memoryErase({ context, params, body, by }) {
    const agent = memoryOr404(context, by, params.agent);
    const answer = await context.erasing.erase(by, agent, body);
    if (answer.erased) await context.consolidator.forgetErased(agent);
    return answer;
  },
  memoryErasures: ({ context, query }) => context.erasing.list(query),
  memoryCheckpoints: ({ context, query }) => context.coordinator.store.checkpoints(query.limit),
  memoryCheckpoint: ({ context }) => context.checkpoints.make(),
} satisfies Partial<Handlers>;

/** The limit of verifications at the same time: each uses a share of the event loop. */
const maxVerifying = 4;
const verifying = new Set<symbol>();
