// Nodes: shown from the view, changed by decisions; log, pull, unload, identify and restart are commands that the node itself answers.
import {
  FleetError,
  findModel,
  type HardwareView,
  listInWords,
  type NodeView,
  notFoundText,
  type Reply,
} from '@blackroad/protocol';
import { fetchedAs } from '../fleet/known.ts';
import type { ApiContext } from '../http/context.ts';
import { accepted, type Handlers, shown } from '../http/handler.ts';
import { showNode } from '../live/show.ts';
import { orderedOf, pullDeadlineMs } from './models.ts';

const logDeadlineMs = 10_000;
/** The deadline for an unload, which is quick once the answers that use the model have ended. */
const unloadDeadlineMs = 30_000;
/** Longer than the node's own deadline for it. */
const hardwareDeadlineMs = 90_000;
const identifyDeadlineMs = 10_000;
const identifySeconds = 10;
const notFetched = { code: 'model-not-fetched', retryable: true };

function nodeOr404({ coordinator: { view } }: ApiContext, id: string): NodeView {
  const node = showNode(view, id);
  if (!node) throw new FleetError('no-such-node', { detail: notFoundText('node', id, view.nodes.keys()) });
  return node;
}
function replied(node: string, reply: Reply): Reply {
  if (!reply.ok) {
    // A failure that a repetition cannot change is a conflict, not a temporary problem.
    throw new FleetError(reply.problem?.retryable === false ? 'conflict' : 'unavailable', {
      detail: `${node}: ${reply.problem?.text ?? reply.text ?? 'the command failed'}`,
    });
  }
  return reply;
}
async function hardwareOf({ coordinator }: ApiContext, node: string): Promise<HardwareView> {
  return (await coordinator.store.hardware(node)) ?? { hardware: null, sinceMs: null };
}
async function edited(context: ApiContext, id: string, decide: () => Promise<void>): Promise<NodeView> {
  nodeOr404(context, id);
  await decide();
  return shown(showNode(context.coordinator.view, id));
}

export const nodeHandlers = {
  nodes({ context: { coordinator }, query: { limit, after } }) {
    const { view } = coordinator;
    const all = [...view.nodes.keys()];
    // A page is of ids in their order, so that nodes that join or leave meanwhile move none of the others to another page.
    const isPaged = limit !== undefined || after !== undefined;
    const ids = isPaged ? all.filter((id) => after === undefined || id > after).sort() : all;
    return ids.slice(0, limit).map((id) => showNode(view, id) as NodeView);
  },
  node: ({ context, params }) => nodeOr404(context, params.node),
  nodeEdit: ({ context, params, body, by }) =>
    edited(context, params.node, async () => {
      accepted(await context.coordinator.submit('node-edit', { ...body, node: params.node, by }));
    }),
  async nodesEdit({ context, body, by }) {
    const { nodes, cordoned, draining } = body;
    const edit = {
      ...(cordoned === undefined ? {} : { cordoned }),
      ...(draining === undefined ? {} : { draining }),
    };
    return accepted(await context.coordinator.submit('nodes-edit', { by, nodes, ...edit }));
  },
  nodeRelease: ({ context, params, by }) =>
    edited(context, params.node, async () => {
      accepted(await context.coordinator.submit('node-release', { node: params.node, by }));
    }),
  async nodeForget({ context, params, by }) {
    nodeOr404(context, params.node);
    accepted(await context.coordinator.submit('node-forget', { node: params.node, by }));
  },
  nodeHardware({ context, params: { node } }) {
    nodeOr404(context, node);
    return hardwareOf(context, node);
  },
  async nodeHardwareLook({ context, params: { node }, by }) {
    nodeOr404(context, node);
    const order = { name: 'hardware', message: {} } as const;
    const { coordinator } = context;
    const { hardware } = replied(node, await coordinator.command(by, node, order, hardwareDeadlineMs));
    const boot = coordinator.view.nodes.get(node)?.boot;
    if (hardware && boot) accepted(await coordinator.submit('node-hardware', { node, message: { boot, hardware } }));
    return hardwareOf(context, node);
  },
  async nodeLog({ context, params: { node }, query, by }) {
    nodeOr404(context, node);
    const order = { name: 'log', message: { lines: query.lines ?? 100 } } as const;
    const reply = await context.coordinator.command(by, node, order, logDeadlineMs);
    return { lines: replied(node, reply).lines ?? [] };
  },
  async nodePull({ context, params: { node }, body, by }) {
    nodeOr404(context, node);
    const model = fetchedAs(context.coordinator.view.known, body.model);
    const reply = await context.coordinator.command(by, node, { name: 'pull', message: { model } }, pullDeadlineMs);
    const { ok, text } = orderedOf(node, reply, `${node} fetches ${model}.`);
    if (!ok) replied(node, { ...reply, problem: { ...notFetched, ...reply.problem, text } });
    return { text };
  },
  async nodeUnload({ context, params: { node }, body: { model }, by }) {
    const { capacity } = nodeOr404(context, node);
    const known = findModel(capacity?.models ?? [], model);
    if (!known) {
      const names = capacity?.models.map(({ name }) => name) ?? [];
      const expected =
        names.length === 0 ? `a model of ${node}, which has none` : `a model of ${node} (${listInWords(names, 'or')})`;
      const got = JSON.stringify(model);
      throw new FleetError('invalid-request', {
        detail: `body: model: expected ${expected}, got ${got}`,
        faults: [{ field: 'model', expected, got }],
      });
    }
    const order = { name: 'unload', message: { model: known.name } } as const;
    const reply = await context.coordinator.command(by, node, order, unloadDeadlineMs);
    return { text: replied(node, reply).text ?? `${known.name} is unloaded from the memory of ${node}.` };
  },
  async nodeIdentify({ context, params: { node }, by }) {
    nodeOr404(context, node);
    const order = { name: 'identify', message: { seconds: identifySeconds } } as const;
    const reply = await context.coordinator.command(by, node, order, identifyDeadlineMs);
    return { text: replied(node, reply).text ?? `${node} blinks for ${identifySeconds} s.` };
  },
  async nodeRestart({ context, params: { node }, by }) {
    nodeOr404(context, node);
    const reply = await context.coordinator.command(by, node, { name: 'restart', message: {} }, identifyDeadlineMs);
    return { text: replied(node, reply).text ?? `${node} starts its node-agent anew.` };
  },
} satisfies Partial<Handlers>;
