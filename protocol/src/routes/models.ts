// Routes of models over many nodes: fetch, stop, remove, pin; and the catalogue itself.
import { Catalogue } from '../catalogue.ts';
import { FetchFault } from '../fetch-faults.ts';
import { NodeId } from '../ids.ts';
import { maxNodesPerModelOrder } from '../limits.ts';
import { NodeClassName } from '../node.ts';
import { type Static, Type } from '../typebox.ts';
import { route } from './row.ts';

const where = {
  model: Type.String({
    minLength: 1,
    maxLength: 200,
    description: 'A name or an alias of the catalogue, or as the runtime has it.',
  }),
  nodes: Type.Optional(Type.Array(NodeId, { minItems: 1, maxItems: maxNodesPerModelOrder })),
  class: Type.Optional(NodeClassName),
};
const body = Type.Object(where, { additionalProperties: false });

/** What each node answered to one order about a model. */
export const ModelOrders = Type.Object({
  model: Type.String({ description: 'As the nodes were told.' }),
  orders: Type.Array(
    Type.Object({
      node: NodeId,
      ok: Type.Boolean(),
      text: Type.String(),
      fault: Type.Optional(FetchFault),
    }),
    { maxItems: maxNodesPerModelOrder },
  ),
});
export type ModelOrders = Static<typeof ModelOrders>;

export const modelRoutes = {
  catalogue: route({
    method: 'GET',
    path: '/v1/catalogue',
    needs: 'models:read',
    text: 'Every model of the fleet and of its catalogue: where, how fast, what it fits on, used by how many.',
    answer: Catalogue,
  }),
  modelPull: route({
    method: 'POST',
    path: '/v1/catalogue/pull',
    needs: 'models:write',
    text: 'Has a model fetched by these nodes, or by those of a class; without either, by all that lack it and that it fits on.',
    body: Type.Object(
      {
        ...where,
        update: Type.Optional(
          Type.Boolean({ description: 'By all nodes that have it: they fetch what is newer where it comes from.' }),
        ),
      },
      { additionalProperties: false },
    ),
    answer: ModelOrders,
  }),
  modelStopPull: route({
    method: 'POST',
    path: '/v1/catalogue/stop-pull',
    needs: 'models:write',
    text: 'Ends fetches of a model, on these nodes or on all. What has come stays for the next fetch.',
    body,
    answer: ModelOrders,
  }),
  modelRemove: route({
    method: 'POST',
    path: '/v1/catalogue/remove',
    needs: 'models:write',
    text: 'Removes a model from the disks of these nodes; without nodes, wherever the fleet fetched it. Refused where an agent needs it or it is pinned.',
    body,
    answer: ModelOrders,
  }),
  modelPin: route({
    method: 'POST',
    path: '/v1/catalogue/pin',
    needs: 'models:write',
    text: 'Pins a model, or takes that back: on these nodes and on those of a class it is fetched and never removed for want of disk; without either it is only never removed, wherever it is.',
    body: Type.Object({ ...where, pinned: Type.Boolean() }, { additionalProperties: false }),
    answer: Type.Object({ model: Type.String(), changed: Type.Integer() }),
  }),
  modelsReload: route({
    method: 'POST',
    path: '/v1/catalogue/reload',
    needs: 'models:write',
    text: "Reads the operator's file of models again.",
    answer: Type.Object({ models: Type.Integer(), faults: Type.Array(Type.String()) }),
  }),
};
