// Alerts: troubles that need a person, computed from the present state of the fleet, each with an action; an alert ends with its cause.
// Alerts of one kind and one site are one alert with a count: a switch that fails is one line, not three hundred.
import { Role } from './enrol.ts';
import { AgentName, NodeId, TimeMs } from './ids.ts';
import { maxAlertNames } from './limits.ts';
import { type Static, Type } from './typebox.ts';

export const alertKinds = [
  'node-lost',
  'node-quarantined',
  'node-condition',
  'node-never-seen',
  'drain-stays',
  'certificate-expires',
  'agent-unplaced',
  'agent-failed',
  'moves-frozen',
  'dead-letters',
  'queue-full',
  'branches-waiting',
  'budget-low',
  'budget-used-up',
  'backup-failed',
  'backup-late',
  'restored',
  'objects-away',
  'objects-faulty',
  'objects-kept',
  'rollout-waits',
  'vector-store',
  'people-door',
  'webhook-given-up',
] as const;
export const AlertKind = Type.OneOf(alertKinds);
export type AlertKind = Static<typeof AlertKind>;

const AlertVerb = Type.OneOf(
  [
    'open-node', // shows the node
    'open-agent',
    'edit-agent', // shows its spec; PUT /v1/agents/:agent
    'open-dead-letters', // GET /v1/tasks?dead=true
    'open-queue', // GET /v1/tasks?state=queued&agent=
    'open-branches', // GET /v1/branches
    'release-node', // POST /v1/nodes/:node/release
    'forget-node', // DELETE /v1/nodes/:node
    'drain-node', // PUT /v1/nodes/:node {draining: true}
    'uncordon-node', // PUT /v1/nodes/:node {cordoned: false, draining: false}: a drain ends too
    'pull-model', // POST /v1/nodes/:node/pull {model}
    'open-keys', // GET /v1/keys
    'open-backups', // GET /v1/backups, GET /v1/restore
    'open-objects', // GET /v1/objects
    'open-rollouts', // GET /v1/rollouts
    'open-mqtt', // GET /v1/mqtt
    'open-memory', // GET /v1/memory/vectors
    'open-webhooks', // GET /v1/webhooks
    'add-node', // POST /v1/join-tokens
    'release-moves', // POST /v1/fleet/release-moves {site?}
  ],
  { description: 'Each is a route of this API; the open ones only show.' },
);
export const AlertAction = Type.Object({
  verb: AlertVerb,
  label: Type.String({ description: 'On the button.' }),
  role: Role,
  node: Type.Optional(NodeId),
  agent: Type.Optional(AgentName),
  model: Type.Optional(Type.String()),
  site: Type.Optional(Type.String()),
});
export type AlertAction = Static<typeof AlertAction>;

export const AlertId = Type.String({
  pattern: '^[a-z0-9][a-z0-9:._-]{0,199}$',
  description: 'The same while the cause lasts: kind, site, and what is wrong.',
});
export const Alert = Type.Object({
  id: AlertId,
  kind: AlertKind,
  code: Type.Nullable(Type.String(), {
    description:
      'Of a node-condition its code, of an agent-failed the code of its reason; null: the kind says it all, or there are only words.',
  }),
  severity: Type.OneOf(['error', 'warning', 'info']),
  title: Type.String({ description: 'In one line, in plain words.' }),
  text: Type.String({ description: 'What it means and what helps.' }),
  sinceMs: Type.Number({
    description: 'Of the oldest; since a start of the coordinator where no earlier is known.',
  }),
  count: Type.Integer({ description: 'Nodes or agents it is about.' }),
  site: Type.Nullable(Type.String()),
  nodes: Type.Array(NodeId, { maxItems: maxAlertNames }),
  agents: Type.Array(AgentName, { maxItems: maxAlertNames }),
  actions: Type.Array(AlertAction),
  acknowledged: Type.Nullable(Type.Object({ by: Type.String(), atMs: TimeMs, note: Type.String() }), {
    description: 'Until the cause is gone or the alert grows.',
  }),
});
export type Alert = Static<typeof Alert>;

export const AlertAck = Type.Object(
  { note: Type.Optional(Type.String({ maxLength: 300 })) },
  { additionalProperties: false, default: {} },
);
export type AlertAck = Static<typeof AlertAck>;
