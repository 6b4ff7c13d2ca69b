// Nodes of another version than the coordinator, as during an update of a fleet. One version older: fields that this version added are
// neither sent nor read. One version newer: messages have fields that this version does not know. In: messages of and to the present
// node-agent. Out: the same messages of and to the other version. The table has only optional fields: versions.test.ts compares it with the
// protocol.
import { parseTopic, type TopicName, topics } from '@blackroad/protocol';

export const versions = ['older', 'this', 'newer'] as const;
export type Version = (typeof versions)[number];

type Fields = Partial<Record<TopicName, readonly string[]>>;
/** Fields that this version added, by topic; `a.b` is a field of a field, or of each row where that is a list. */
export const broughtSaid: Fields = {
  nodeHello: ['machine', 'agentIds'],
  nodeInfo: ['led'],
  nodeHealth: ['held', 'gpuTroubles', 'models', 'memoriesUnacked'],
  nodeCapacity: [
    'pulls',
    'fetchable',
    'fetches',
    'noModel',
    'models.speed.loadMs',
    'models.asleep',
    'models.adapterOf',
  ],
  taskReport: ['usage.decodeMs'],
  taskChunk: ['retract'],
};
export const broughtTold: Fields = { welcome: ['timeZone'], assign: ['put.id'], snapshot: ['agents.id'] };

type Json = Record<string, unknown>;
interface Said {
  topic: string;
  payload: string;
}

function without(message: Json | Json[], path: string): void {
  if (Array.isArray(message)) {
    for (const row of message) without(row, path);
    return;
  }
  const [field, ...rest] = path.split('.') as [string, ...string[]];
  if (rest.length === 0) delete message[field];
  else if (typeof message[field] === 'object' && message[field] !== null)
    without(message[field] as Json, rest.join('.'));
}
function reduced(table: Fields, { topic, payload }: Said): Said {
  const fields = table[parseTopic(topic)?.name as TopicName];
  if (!fields) return { topic, payload };
  const message = JSON.parse(payload) as Json;
  for (const path of fields) without(message, path);
  return { topic, payload: JSON.stringify(message) };
}
interface Shape {
  anyOf?: Shape[];
  items?: Shape;
  properties?: Record<string, Shape & { const?: unknown }>;
}
/** Adds an unknown field to every object with named fields; memories stay the same, as their hashes cover all fields. */
function extended(value: unknown, shape: Shape | undefined): unknown {
  if (Array.isArray(value)) return value.map((each) => extended(each, shape?.items));
  if (typeof value !== 'object' || value === null) return value;
  const { type } = value as Json;
  const branches = shape?.anyOf?.filter((each) => each.properties) ?? [];
  const own = branches.find(({ properties }) => properties?.type?.const === type) ?? branches[0] ?? shape;
  if (!own?.properties) return value;
  const fields = Object.entries(value).map(([key, each]) => [
    key,
    key === 'entries' ? each : extended(each, own.properties?.[key]),
  ]);
  return { ...Object.fromEntries(fields), addedLater: { anything: [1, null] } };
}

/** The messages that replace this one. */
export function asSaid(version: Version, said: Said): [Said, ...Said[]] {
  if (version === 'older') return [reduced(broughtSaid, said)];
  const parsed = version === 'newer' ? parseTopic(said.topic) : null;
  if (!parsed) return [said];
  const message = JSON.parse(said.payload) as Json;
  const more = { ...said, payload: JSON.stringify(extended(message, topics[parsed.name].schema as Shape)) };
  if (parsed.name !== 'nodeHello') return [more];
  // An event of a type that this version does not know.
  const { node } = parsed.params as { node: string };
  const type = 'fan-stopped';
  const event = {
    boot: message.boot,
    atMs: 1,
    type,
    severity: 'warning',
    text: 'The fan stands still.',
    addedLater: 1,
  };
  return [more, { topic: `blackroad/v1/node/${node}/event/${type}`, payload: JSON.stringify(event) }];
}
export function asTold(version: Version, told: Said): string {
  return version === 'older' ? reduced(broughtTold, told).payload : told.payload;
}
