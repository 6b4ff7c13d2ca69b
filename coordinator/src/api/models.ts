// Orders about a model to many nodes at once: fetch, stop, remove, pin. Each node gets the command that a person could give it alone, and
// answers it itself; the answers are gathered. Which nodes are meant is found in model-targets.ts.
import {
  FleetError,
  fetchFaults,
  isFetchFault,
  type ModelOrders,
  type Principal,
  type Reply,
} from '@blackroad/protocol';
import { inSlices } from '@blackroad/std/slices';
import { fetchedAs } from '../fleet/known.ts';
import type { ApiContext } from '../http/context.ts';
import { accepted, type Handlers } from '../http/handler.ts';
import type { NodeOrder } from '../state/input.ts';
import { catalogue } from './catalogue.ts';
import { type Meant, targetsOf } from './model-targets.ts';

/**
 * The deadline for the answer to a pull. It comes when the registry has found the model; the fetch itself may last an hour and is shown in
 * the capacity.
 */
export const pullDeadlineMs = 20_000;
/** A server may have to finish an answer before it removes a model. */
const removeDeadlineMs = 30_000;
const stopDeadlineMs = 10_000;

type Ordered = ModelOrders['orders'][number];
interface Giving {
  context: ApiContext;
  by: Principal;
  order: NodeOrder;
  deadlineMs: number;
}

/** What a node answered to a fetch, with what helps where it failed. */
export function orderedOf(node: string, reply: Pick<Reply, 'ok' | 'text' | 'problem'>, done: string): Ordered {
  if (reply.ok) return { node, ok: true, text: reply.text ?? done };
  const code = reply.problem?.code.replace(/^fetch-/, '');
  const text = reply.problem?.text ?? reply.text ?? 'the command failed';
  if (!isFetchFault(code)) return { node, ok: false, text };
  return { node, ok: false, text: `${text}. What helps: ${fetchFaults[code].cure}`, fault: code };
}

async function give(node: string, { context, by, order, deadlineMs }: Giving): Promise<Ordered> {
  try {
    return orderedOf(node, await context.coordinator.command(by, node, order, deadlineMs), 'done');
  } catch (error) {
    if (error instanceof FleetError) return { node, ok: false, text: error.message };
    throw error;
  }
}
async function giveAll(nodes: readonly string[], model: string, giving: Giving): Promise<ModelOrders> {
  return { model, orders: await Promise.all(nodes.map((node) => give(node, giving))) };
}

type Asked = Omit<Meant, 'what'>;
function meant(context: ApiContext, what: Meant['what'], { model, nodes, class: name }: Asked): string[] {
  const { view } = context.coordinator;
  return targetsOf(view, {
    what,
    model,
    ...(nodes ? { nodes } : {}),
    ...(name === undefined ? {} : { class: name }),
  });
}

export const modelHandlers = {
  catalogue: ({ context: { coordinator, clock, modelFile } }) =>
    inSlices(catalogue(coordinator.view, modelFile?.state() ?? null), clock),
  modelPull({ context, body, by }) {
    const nodes = meant(context, body.update ? 'update' : 'pull', body);
    const model = fetchedAs(context.coordinator.view.known, body.model);
    return giveAll(nodes, model, {
      context,
      by,
      order: { name: 'pull', message: { model } },
      deadlineMs: pullDeadlineMs,
    });
  },
  modelStopPull({ context, body, by }) {
    const nodes = meant(context, 'stop', body);
    const model = fetchedAs(context.coordinator.view.known, body.model);
    const order = { name: 'stopPull', message: { model } } as const;
    return giveAll(nodes, model, { context, by, order, deadlineMs: stopDeadlineMs });
  },
  modelRemove({ context, body, by }) {
    const nodes = meant(context, 'remove', body);
    const model = fetchedAs(context.coordinator.view.known, body.model);
    const order = { name: 'removeModel', message: { model } } as const;
    return giveAll(nodes, model, { context, by, order, deadlineMs: removeDeadlineMs });
  },
  async modelPin({ context: { coordinator }, body, by }) {
    const { changed } = accepted(await coordinator.submit('model-pin', { by, ...body }));
    return { model: fetchedAs(coordinator.view.known, body.model), changed };
  },
  async modelsReload({ context: { modelFile } }) {
    if (!modelFile) throw new FleetError('conflict', { detail: 'This coordinator reads no file of models.' });
    return modelFile.reload();
  },
} satisfies Partial<Handlers>;
