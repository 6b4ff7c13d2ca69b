// Resources of the MCP door: the spec of each agent, and a page of each node. What a key may not read is not listed.
import { FleetError, mayDo, type NodeView, type Principal } from '@blackroad/protocol';
import { compareText } from '@blackroad/std/pace';
import { stringify } from 'yaml';
import type { McpAsker } from './tool.ts';

/** Resources of one page of the list. */
const pageRows = 100;
const maxEvents = 10;

interface Resource {
  uri: string;
  name: string;
  description: string;
  mimeType: string;
}
const kinds = {
  agent: { mimeType: 'application/yaml', what: 'The spec of an agent', needs: 'agents:read' },
  node: { mimeType: 'text/markdown', what: 'A node: what it is, and how it is now', needs: 'nodes:read' },
} as const;
type Kind = keyof typeof kinds;
const may = ({ roles }: Principal, kind: Kind) => mayDo(roles, kinds[kind].needs);
const uriOf = (kind: Kind, name: string) => `fleet://${kind}/${name}`;

export function templates({ by }: McpAsker) {
  return (Object.keys(kinds) as Kind[])
    .filter((kind) => may(by, kind))
    .map((kind) => ({
      uriTemplate: `fleet://${kind}/{name}`,
      name: kind,
      description: kinds[kind].what,
      mimeType: kinds[kind].mimeType,
    }));
}

/** Names in their order, those of the principal's space. */
export function namesOf(kind: Kind, { coordinator, by }: McpAsker): string[] {
  const { view } = coordinator;
  if (!may(by, kind)) return [];
  const names =
    kind === 'node'
      ? [...view.nodes.keys()]
      : [...view.agents.values()].flatMap(({ space, spec }) => (space === by.space ? [spec.name] : []));
  return names.sort(compareText);
}

/** @throws FleetError `invalid-request` for a cursor that is none */
export function listed(asker: McpAsker, cursor: string | undefined): { resources: Resource[]; nextCursor?: string } {
  const after = cursor === undefined ? '' : cursor;
  if (after !== '' && !/^(agent|node)\/[\w.-]{1,80}$/.test(after))
    throw new FleetError('invalid-request', { detail: 'cursor: expected the nextCursor of another answer' });
  const keys = (['agent', 'node'] as const).flatMap((kind) => namesOf(kind, asker).map((name) => `${kind}/${name}`));
  const left = keys.filter((key) => compareText(key, after) > 0);
  const resources = left.slice(0, pageRows).map((key) => {
    const [kind, name] = key.split('/') as [Kind, string];
    const { mimeType, what } = kinds[kind];
    return { uri: uriOf(kind, name), name: `${kind} ${name}`, description: what, mimeType };
  });
  return { resources, ...(left.length > pageRows ? { nextCursor: left[pageRows - 1] as string } : {}) };
}

/** @throws FleetError as the route does */
export async function read(uri: string, { ask }: McpAsker): Promise<{ uri: string; mimeType: string; text: string }> {
  const [, kind, name] = /^fleet:\/\/(agent|node)\/([\w.-]{1,80})$/.exec(uri) ?? [];
  if (kind === undefined || name === undefined)
    throw new FleetError('no-such-file', {
      detail: 'uri: expected fleet://agent/<name> or fleet://node/<name>, got another form',
    });
  const { mimeType } = kinds[kind as Kind];
  if (kind === 'agent') {
    const { spec } = await ask('agent', { params: { agent: name } });
    return { uri, mimeType, text: stringify(spec) };
  }
  const node = await ask('node', { params: { node: name } });
  const events = await ask('events', { query: { node: name, limit: maxEvents } }).catch(() => []);
  const told = events.map(({ atMs, text }) => `- ${timeOf(atMs)}: ${text}`);
  return { uri, mimeType, text: pageOf(node, told) };
}

const timeOf = (ms: number) => new Date(ms).toISOString();
const gib = (bytes: number) => `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
const listOr = (lines: readonly string[], nothing: string) => (lines.length > 0 ? lines : [nothing]);

function pageOf(node: NodeView, events: readonly string[]): string {
  const { id, presence, presenceReason, presenceSinceMs, site, conditions, agents, health, capacity, info } = node;
  const marks = [node.cordoned ? 'cordoned' : '', node.draining ? 'draining' : ''].filter(Boolean).join(', ');
  return [
    `# ${id}`,
    '',
    `${presence} since ${timeOf(presenceSinceMs)}: ${presenceReason}${marks ? ` (${marks})` : ''}`,
    '',
    `- class ${node.class}, site ${site || 'none'}${info ? `, node-agent ${node.version ?? 'of an unknown version'}` : ''}`,
    ...(capacity
      ? [`- memory for models: ${gib(capacity.memoryFreeBytes)} free of ${gib(capacity.memoryTotalBytes)}`]
      : []),
    ...(health
      ? [
          `- disk: ${gib(health.diskFreeBytes)} free; processor ${Math.round(health.cpu * 100)} %${
            health.temperatureC === undefined ? '' : `; ${health.temperatureC.toFixed(0)} °C`
          }`,
          `- tasks running: ${health.tasksRunning}`,
        ]
      : ['- it has sent no heartbeat since the coordinator started']),
    '',
    '## What is wrong',
    ...listOr(
      conditions.map(({ severity, text }) => `- ${severity}: ${text}`),
      'Nothing is known to be wrong.',
    ),
    '',
    '## Agents',
    ...listOr(
      agents.map((agent) => `- ${agent}`),
      'None.',
    ),
    '',
    '## Models',
    ...listOr(capacity?.models.map(({ name }) => `- ${name}`) ?? [], 'None are known.'),
    '',
    '## Last events',
    ...listOr(events, 'None, or this key may not read them.'),
    '',
  ].join('\n');
}
