// What a key may do: a closed list of permissions, which routes and topics require, and the roles, which are sets of permissions. No code
// compares roles with each other: rights are always checked by a permission. Pure, and without a schema: the console imports it too.

/** Each permission with a line of words, for the documents. */
export const permissions = {
  'self:read': 'See who one is, and the consoles that are signed in with the same key.',
  'self:write': 'Sign out, here or at another console of the same key.',
  'feed:read': 'Hear everything as it happens: the live feed of the console, and MQTT.',
  'fleet:read': 'The fleet in figures, now and earlier.',
  'metrics:read': 'Prometheus metrics.',
  'events:read': 'What happened.',
  'usage:read': 'Tasks, tokens and cost.',
  'alerts:read': 'What needs a person.',
  'alerts:write': 'Acknowledge an alert, or take that back.',
  'nodes:read': 'Nodes, and how their figures went.',
  'nodes:write': 'Cordon, drain, label and blink a node.',
  'nodes:admit': 'Decide which machine is a node: forget one, or end a quarantine.',
  'logs:read': "The log of a node's node-agent.",
  'models:read': 'Models of the fleet.',
  'models:ask': 'Ask models and agents through the APIs of OpenAI, Anthropic and Ollama.',
  'models:write': 'Fetch, pin or remove a model on nodes, or free its memory there.',
  'releases:read': 'Releases of the node-agent and the coordinator, and images for Raspberry Pi.',
  'releases:write': 'Keep a signed release for the nodes or an image for Raspberry Pi, or keep it no longer.',
  'rollouts:read': 'Rollouts: their waves, gates and nodes.',
  'rollouts:write': 'Start, approve, pause, abort and roll back rollouts.',
  'agents:read': 'Agents and every version of their specs.',
  'agents:write': 'Create, change and remove agents.',
  'placement:read': 'Why an agent is where it is, and what would be if.',
  'placement:write': 'Let frozen moves of agents happen now.',
  'tasks:read': 'Tasks and what came of them.',
  'tasks:ask': 'Ask an agent: over HTTP, or over MQTT.',
  'tasks:write': 'Cancel a task; retry or dismiss a dead letter.',
  'conversations:read': "One's own conversations with agents, and those of others that are shared.",
  'conversations:write': "Begin, name, share and delete one's own conversations.",
  'memory:read': "Agents' memories, and the documents that they are from.",
  'memory:write': 'Give an agent memories and documents, and take documents back.',
  'memory:erase': 'Erase memories, and have them signed now.',
  'webhooks:read': 'Webhooks, without their secrets, and what waits for them.',
  'webhooks:write': 'Make, change and delete webhooks, which bring questions in and events out.',
  'audit:read': 'Who did what.',
  'backups:read': 'See and fetch backups, which have the keys of the fleet.',
  'backups:write': 'Make and remove backups, and bring back what a restore lacks.',
  'coordinator:upgrade': 'Upgrade the coordinator, and take that back.',
  'keys:read': 'API keys, without their secrets.',
  'keys:write': 'Make and revoke API keys.',
  'sessions:write': 'Make one-time sign-in codes; see and end consoles of other keys.',
  'tokens:read': 'Join tokens, without their secrets.',
  'tokens:write': 'Make and revoke join tokens, and images with one in them.',
} as const;
export type Permission = keyof typeof permissions;

/** In the order in which the console lists them: the role with the fewest permissions first. */
export const roles = ['client', 'viewer', 'operator', 'admin'] as const;
type RoleName = (typeof roles)[number];

const asking: readonly Permission[] = ['self:read', 'self:write', 'models:ask', 'tasks:ask'];
const viewing: readonly Permission[] = [
  'self:read',
  'self:write',
  'feed:read',
  'fleet:read',
  'metrics:read',
  'events:read',
  'usage:read',
  'alerts:read',
  'nodes:read',
  'models:read',
  'releases:read',
  'rollouts:read',
  'agents:read',
  'placement:read',
  'tasks:read',
  'conversations:read',
  'memory:read',
];
const operating: readonly Permission[] = [
  ...viewing,
  'alerts:write',
  'nodes:write',
  'logs:read',
  'models:ask',
  'models:write',
  'releases:write',
  'rollouts:write',
  'agents:write',
  'placement:write',
  'tasks:ask',
  'tasks:write',
  'conversations:write',
  'memory:write',
  'webhooks:read',
];
const administering: readonly Permission[] = [
  ...operating,
  'nodes:admit',
  'memory:erase',
  'webhooks:write',
  'audit:read',
  'backups:read',
  'backups:write',
  'coordinator:upgrade',
  'keys:read',
  'keys:write',
  'sessions:write',
  'tokens:read',
  'tokens:write',
];

export const roleTable: Record<RoleName, { text: string; permissions: readonly Permission[] }> = {
  client: {
    text: 'asks models and agents, and sees nothing else; what a program with an API key needs',
    permissions: asking,
  },
  viewer: { text: 'reads everything but keys and the audit', permissions: viewing },
  operator: {
    text: 'also runs tasks, agents and nodes; what Home Assistant needs over MQTT',
    permissions: operating,
  },
  admin: { text: 'also makes keys, join tokens and backups', permissions: administering },
};

/** Whether one of these roles has the permission. */
export function mayDo(held: readonly RoleName[], permission: Permission): boolean {
  return held.some((role) => roleTable[role].permissions.includes(permission));
}

/** The role with the fewest permissions among those that have this one. */
export function roleWith(permission: Permission): RoleName {
  const found = roles.find((role) => mayDo([role], permission));
  if (!found) throw new Error(`no role has the permission ${permission}`);
  return found;
}

/** For refusals: the permission that is missing, and the role that has it. */
export function permissionWords(permission: Permission): string {
  return `the permission ${permission}, which the role ${roleWith(permission)} has`;
}
