// Routes of nodes: what they are and do, and what people tell them to do.
import { HardwareView } from '../hardware.ts';
import { History, NodeHistoryQuery } from '../history.ts';
import { Labels, NodeId, PlainName } from '../ids.ts';
import { maxBulkBodyBytes, maxNodesPerBulk, maxPageRows } from '../limits.ts';
import { NodeView } from '../node.ts';
import { Type } from '../typebox.ts';
import { route } from './row.ts';

const nodeParams = Type.Object({ node: NodeId });

export const nodeRoutes = {
  nodes: route({
    method: 'GET',
    path: '/v1/nodes',
    needs: 'nodes:read',
    text: 'All nodes; with `limit`, so many of them by id, those after `after`.',
    query: Type.Object({
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxPageRows })),
      after: Type.Optional(NodeId),
    }),
    answer: Type.Array(NodeView),
  }),
  node: route({
    method: 'GET',
    path: '/v1/nodes/:node',
    needs: 'nodes:read',
    text: 'One node.',
    params: nodeParams,
    answer: NodeView,
  }),
  nodeEdit: route({
    method: 'PUT',
    path: '/v1/nodes/:node',
    needs: 'nodes:write',
    text: 'Cordon, drain, site, labels.',
    params: nodeParams,
    body: Type.Object(
      {
        cordoned: Type.Optional(Type.Boolean()),
        draining: Type.Optional(Type.Boolean()),
        site: Type.Optional(PlainName),
        labels: Type.Optional(Labels),
      },
      { additionalProperties: false, minProperties: 1 },
    ),
    answer: NodeView,
  }),
  nodesEdit: route({
    method: 'POST',
    path: '/v1/nodes/bulk',
    needs: 'nodes:write',
    text: 'Cordons or drains many nodes at once; each is done or not known.',
    body: Type.Object(
      {
        nodes: Type.Array(NodeId, { minItems: 1, maxItems: maxNodesPerBulk }),
        cordoned: Type.Optional(Type.Boolean()),
        draining: Type.Optional(Type.Boolean()),
      },
      // The list of nodes, and at least one change.
      { additionalProperties: false, minProperties: 2 },
    ),
    bodyBytes: maxBulkBodyBytes,
    answer: Type.Object({ changed: Type.Integer(), unknown: Type.Array(NodeId) }),
  }),
  nodeHistory: route({
    method: 'GET',
    path: '/v1/nodes/:node/history',
    needs: 'nodes:read',
    text: 'How one figure of a node went: min, mean, max.',
    params: nodeParams,
    query: NodeHistoryQuery,
    answer: History,
  }),
  nodeHardware: route({
    method: 'GET',
    path: '/v1/nodes/:node/hardware',
    needs: 'nodes:read',
    text: 'The parts of a machine as its node looked last: boards, memory modules, disks, cards, with their serial numbers.',
    params: nodeParams,
    answer: HardwareView,
  }),
  nodeHardwareLook: route({
    method: 'POST',
    path: '/v1/nodes/:node/hardware',
    needs: 'nodes:write',
    text: 'Tells a node to look at the parts of its machine again.',
    params: nodeParams,
    answer: HardwareView,
  }),
  nodeForget: route({
    method: 'DELETE',
    path: '/v1/nodes/:node',
    needs: 'nodes:admit',
    text: 'Forgets a node: its certificate is worthless from now on.',
    params: nodeParams,
  }),
  nodeRelease: route({
    method: 'POST',
    path: '/v1/nodes/:node/release',
    needs: 'nodes:admit',
    text: 'Ends a quarantine: the hardware it reports next is trusted. For a node in good standing: its machine, set up anew, may join in its place within an hour.',
    params: nodeParams,
    answer: NodeView,
  }),
  nodeLog: route({
    method: 'GET',
    path: '/v1/nodes/:node/log',
    needs: 'logs:read',
    text: "The last lines of the node-agent's log.",
    params: nodeParams,
    query: Type.Object({ lines: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })) }),
    answer: Type.Object({ lines: Type.Array(Type.String()) }),
  }),
  nodePull: route({
    method: 'POST',
    path: '/v1/nodes/:node/pull',
    needs: 'models:write',
    text: 'Tells a node to fetch a model.',
    params: nodeParams,
    body: Type.Object({ model: Type.String({ minLength: 1, maxLength: 200 }) }, { additionalProperties: false }),
    answer: Type.Object({ text: Type.String() }),
  }),
  nodeUnload: route({
    method: 'POST',
    path: '/v1/nodes/:node/unload',
    needs: 'models:write',
    text: 'Tells a node to free the memory of a model; refused while an agent there needs it.',
    params: nodeParams,
    body: Type.Object({ model: Type.String({ minLength: 1, maxLength: 200 }) }, { additionalProperties: false }),
    answer: Type.Object({ text: Type.String() }),
  }),
  nodeIdentify: route({
    method: 'POST',
    path: '/v1/nodes/:node/identify',
    needs: 'nodes:write',
    text: 'Blinks the node.',
    params: nodeParams,
    answer: Type.Object({ text: Type.String() }),
  }),
  nodeRestart: route({
    method: 'POST',
    path: '/v1/nodes/:node/restart',
    needs: 'nodes:write',
    text: 'Starts the node-agent of a node anew; refused where nothing would start it again.',
    params: nodeParams,
    answer: Type.Object({ text: Type.String() }),
  }),
};
