// Memories that the coordinator stores: the log, search, and the verification of the chain.
import { decodeVector, FleetError, type Principal } from '@blackroad/protocol';
import { withDeadline } from '@blackroad/std/clock';
import { wholeAnswer } from '../gateway/whole.ts';
import type { ApiContext } from '../http/context.ts';
import type { Handlers } from '../http/handler.ts';
import { agentIdEver, agentNameOf } from '../state/view.ts';
import { agentOr404 } from './agents.ts';
import { verifyChain } from './verify-chain.ts';

/** The memory of a removed agent stays until it is erased, so its log may be read. */
export function memoryOr404(context: ApiContext, by: Principal, name: string): string {
  return agentIdEver(context.coordinator.view, by.space, name) ?? agentOr404(context, by, name);
}

/** A model that has to be loaded first takes longer: that search is by words, and the next one finds it loaded. */
const vectorWithinMs = 1_500;
/** Sentences about different things are below it with the models that nodes fetch by themselves; others start higher, and lose nothing by it. */
const nearAtLeast = 0.3;

/** The question in the model of the newest memories, made by a node that has it. Null: none makes it in time, and words alone decide. */
async function vectorOf(
  { coordinator, gateway, clock }: ApiContext,
  by: Principal,
  text: string,
): Promise<{ model: string; values: Float32Array; atLeast: number } | null> {
  const model = await coordinator.store.vectorModel();
  if (model === null || gateway.router.directory.named(model, by.space).length === 0) return null;
  const request = { kind: 'embed' as const, texts: [text] };
  const { answer } = wholeAnswer(gateway, { models: [model], request, answers: 1, stream: false, session: null }, by);
  try {
    const late = () => new FleetError('unavailable', { detail: `${model}: no vector in time` });
    const { answers } = await withDeadline(clock, vectorWithinMs, answer, late);
    const values = decodeVector(answers[0]?.vectors[0] ?? '');
    return values.length > 0 ? { model, values, atLeast: nearAtLeast } : null;
  } catch {
    // The node is busy, or its model failed: that is told where it concerns somebody who asked for the model.
    return null;
  }
}

export const memoryHandlers = {
  async memorySearch({ context, query: { q, agent, limit }, by }) {
    const { store, view } = context.coordinator;
    const within = agent === undefined ? {} : { agent: memoryOr404(context, by, agent) };
    const vector = await vectorOf(context, by, q);
    const hits = await store.searchMemory({ text: q, ...within, ...(vector ? { vector } : {}), limit });
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
