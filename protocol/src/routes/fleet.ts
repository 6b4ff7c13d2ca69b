// Routes of the fleet as a whole: whether the coordinator works, figures, what happened, what is used.
import { AuditEntry } from '../audit.ts';
import { BudgetRow } from '../budget.ts';
import { BranchView } from '../catalogue.ts';
import { EventType, FleetEvent } from '../events.ts';
import { FleetTotals } from '../feed.ts';
import { FleetHistoryQuery, History } from '../history.ts';
import { AgentName, NodeId } from '../ids.ts';
import { Type } from '../typebox.ts';
import { Usage, UsageQuery } from '../usage.ts';
import { page, route } from './row.ts';

export const fleetRoutes = {
  health: route({
    method: 'GET',
    path: '/healthz',
    needs: 'open',
    text: 'Whether the coordinator works.',
    answer: Type.Object({ status: Type.Literal('ok'), version: Type.String(), coordinator: Type.String() }),
  }),
  metrics: route({ method: 'GET', path: '/metrics', needs: 'metrics:read', text: 'Prometheus text.' }),
  openapi: route({ method: 'GET', path: '/v1/openapi.json', needs: 'open', text: 'This API as OpenAPI 3.1.' }),
  fleet: route({
    method: 'GET',
    path: '/v1/fleet',
    needs: 'fleet:read',
    text: 'The fleet in figures.',
    answer: FleetTotals,
  }),
  consoleFeed: route({
    method: 'GET',
    path: '/v1/console-feed',
    needs: 'feed:read',
    text: 'WebSocket of the console: subscribe to channels; snapshots, then what changed, resumable.',
  }),
  nodeChannel: route({
    method: 'GET',
    path: '/v1/node-channel',
    needs: 'open',
    text: 'WebSocket of a busy node for requests of the gateway and their answers, with a ticket that it got over MQTT as `authorization: Bearer`.',
  }),
  fleetHistory: route({
    method: 'GET',
    path: '/v1/fleet/history',
    needs: 'fleet:read',
    text: 'How one figure of the fleet went: min, mean, max.',
    query: FleetHistoryQuery,
    answer: History,
  }),
  usage: route({
    method: 'GET',
    path: '/v1/usage',
    needs: 'usage:read',
    text: 'Tasks, tokens and cost by day, agent, model or node.',
    query: UsageQuery,
    answer: Usage,
  }),
  budgets: route({
    method: 'GET',
    path: '/v1/budgets',
    needs: 'usage:read',
    text: 'Budgets of keys and agents, and what is used of them; the fullest first.',
    query: Type.Object({ agent: Type.Optional(AgentName) }),
    answer: Type.Array(BudgetRow),
  }),
  branches: route({
    method: 'GET',
    path: '/v1/branches',
    needs: 'memory:read',
    text: 'Memory tails of replaced nodes that wait to be merged, oldest first.',
    query: Type.Object({ agent: Type.Optional(AgentName) }),
    answer: Type.Array(BranchView),
  }),
  events: route({
    method: 'GET',
    path: '/v1/events',
    needs: 'events:read',
    text: 'What happened, newest first.',
    query: Type.Object({
      ...page,
      node: Type.Optional(NodeId),
      agent: Type.Optional(AgentName),
      type: Type.Optional(EventType),
    }),
    answer: Type.Array(FleetEvent),
  }),
  audit: route({
    method: 'GET',
    path: '/v1/audit',
    needs: 'audit:read',
    text: 'Who did what, newest first.',
    query: Type.Object(page),
    answer: Type.Array(AuditEntry),
  }),
  movesRelease: route({
    method: 'POST',
    path: '/v1/fleet/release-moves',
    needs: 'placement:write',
    text: 'Lets frozen moves of agents happen now, everywhere or at one site.',
    body: Type.Object(
      { site: Type.Optional(Type.String({ maxLength: 63, description: 'Only there.' })) },
      { additionalProperties: false, default: {} },
    ),
  }),
};
