// docs/protocol.md: the tables of the protocol for people. In: the tables and the source of limits.ts. Out: one Markdown page. It holds
// nothing but the tables.
import { audit } from '../audit.ts';
import type { EventKind } from '../event-kind.ts';
import { events } from '../events.ts';
import { nodeAsks, nodeEvents, troubleEventsText } from '../node-events.ts';
import { permissions, roles, roleTable } from '../permissions.ts';
import { problems } from '../problem.ts';
import type { RouteRow } from '../routes/row.ts';
import { routes } from '../routes.ts';
import { taskProblems } from '../task-problem.ts';
import { peopleReadNeeds } from '../topic-privacy.ts';
import type { TopicRow } from '../topic-row.ts';
import { topicRoot, topics } from '../topics.ts';
import type { TProperties } from '../typebox.ts';
import { topicParameters } from './asyncapi.ts';
import { type LimitRow, shownLimit } from './limits-table.ts';
import { statusOf } from './openapi.ts';

const table = (head: string[], rows: string[][]): string[] => {
  const line = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
};
const writers: Record<string, string> = {
  node: 'node',
  coordinator: 'coordinator',
  people: "people's tools",
};
const exits = ['done', 'failed', 'wrong use', 'no coordinator or not allowed', 'no such thing', 'deadline passed'];

const eventHead = ['type', 'severity', 'params', 'what happened'];
function eventRow([type, { severity, title, params }]: [
  string,
  Pick<EventKind<TProperties>, 'severity' | 'title' | 'params'>,
]): string[] {
  return [`\`${type}\``, severity, paramsOf(params), title];
}
/** `node`, `reason`?, `cause` (lost or drain) */
function paramsOf({ properties, required = [] }: { properties: object; required?: string[] }): string {
  const one = ([name, schema]: [string, { anyOf?: { const?: string }[] }]) => {
    const values = schema.anyOf?.flatMap((each) => each.const ?? []) ?? [];
    return `\`${name}\`${required.includes(name) ? '' : '?'}${values.length > 0 ? ` (${values.join(', ')})` : ''}`;
  };
  return Object.entries(properties).map(one).join(', ');
}

export function protocolPage(limits: LimitRow[]): string {
  const sections = [
    intro,
    topicSection(),
    nodeEventSection(),
    routeSection(),
    permissionSection(),
    problemSection(),
    attemptSection(),
    eventSection(),
    auditSection(),
    limitSection(limits),
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

const intro = [
  '# The protocol',
  '',
  '<!-- Made by `node protocol/src/generate/write.ts` from the tables in `protocol/src`; do not edit. -->',
  '',
  'What two processes agree on. The same tables make [the AsyncAPI document](asyncapi.json), [the OpenAPI',
  'document](openapi.json) and the access lists for [Mosquitto](acl/mosquitto.acl) and [EMQX](acl/emqx.conf).',
  '',
  'Rules for every message: JSON in UTF-8; unknown fields are ignored; what is too large, malformed or on a topic that is',
  'not its own is refused, counted and logged with the field, what came and what was expected. An MQTT acknowledgement',
  'proves nothing: what matters is acknowledged by a message of its own.',
];

function topicSection(): string[] {
  const rows = Object.entries(topics).map(([name, row]: [string, TopicRow]) => [
    `\`${row.pattern}\``,
    `\`${name}\``,
    `${writers[row.writer]}${row.needs === undefined ? '' : ` with \`${row.needs}\``}`,
    `${row.qos}${row.retain ? ', retained' : ''}`,
    `${row.maxBytes / 1024} KiB`,
    row.text,
  ]);
  return [
    '## Topics',
    '',
    `Below \`${topicRoot}/\`. A node writes only where \`{node}\` is its own id, and reads \`cmd/<its id>/+\` and \`fleet/state\`.`,
    `People's keys read what is not private with the permission \`${peopleReadNeeds}\`, and write with the one that the topic names.`,
    '',
    ...table(['topic', 'name', 'who writes', 'QoS', 'at most', 'what'], rows),
    '',
    ...Object.entries(topicParameters).map(([name, text]) => `- \`{${name}}\`: ${text}`),
  ];
}

function nodeEventSection(): string[] {
  return [
    '## Events of nodes',
    '',
    'What a node tells on `node/{node}/event/{type}`; `data` has the params, `text` says it in plain words. The coordinator keeps all but',
    'the last row, under its type, or under `log` where only a newer node-agent knows the type; the console and `fleet events` show them.',
    '',
    ...table(eventHead, [...Object.entries(nodeEvents), ...Object.entries(nodeAsks)].map(eventRow)),
    '',
    troubleEventsText,
  ];
}

function routeSection(): string[] {
  const rows = Object.values(routes).map((row: RouteRow) => [
    `\`${row.method} ${row.path}\``,
    row.needs === 'open' ? 'nothing' : `\`${row.needs}\``,
    `${statusOf(row)}${row.stream ? ', or events' : ''}`,
    row.text,
  ]);
  return [
    '## HTTP routes',
    '',
    'Each needs one permission, or nothing: then it checks a secret of its own, or tells nothing of the fleet. Answers that are',
    'not of the 200s are problems.',
    '',
    ...table(['route', 'needs', 'answers', 'what'], rows),
  ];
}

function permissionSection(): string[] {
  const rows = Object.entries(permissions).map(([name, text]) => [
    `\`${name}\``,
    ...roles.map((role) => (roleTable[role].permissions.some((each) => each === name) ? 'yes' : '')),
    text,
  ]);
  return [
    '## Permissions',
    '',
    'A key has one role, and a role is a set of permissions. A refusal names the permission that lacks and the role that has it.',
    '',
    ...table(['permission', ...roles, 'what'], rows),
  ];
}

function problemSection(): string[] {
  const rows = Object.entries(problems).map(([code, { status, exit, retry, title }]) => [
    `\`${code}\``,
    String(status),
    `${exit} (${exits[exit]})`,
    retry ? 'yes' : 'no',
    title,
  ]);
  return [
    '## Problems',
    '',
    'An error over HTTP is a problem object (RFC 9457) with one of these codes; `detail` says what happened, `faults` names',
    'each field with what was expected and what came. The CLI ends with the exit code.',
    '',
    ...table(['code', 'HTTP', 'exit', 'try again', 'what'], rows),
  ];
}

function attemptSection(): string[] {
  const rows = Object.entries(taskProblems).map(([code, { of, avoid, text }]) => [
    `\`${code}\``,
    of === 'work' ? 'of the work: it counts' : avoid ? 'of the place: another one is looked for' : 'of the place',
    text,
  ]);
  return [
    '## Problems of an attempt',
    '',
    'Why an attempt of a task ended without a result. Trouble of the place uses up no attempt: the task waits, longer each time,',
    'for a better place or a better time, until its deadline. A code that is not in this table is of the work.',
    '',
    ...table(['code', 'whose trouble', 'what'], rows),
  ];
}

function eventSection(): string[] {
  return [
    '## Events',
    '',
    'What `GET /v1/events` and the `events` channel of the feed tell: those [of nodes](#events-of-nodes), and these. `params` are for',
    'programs: a param with `?` may be missing, and an event that is older than params has none. `node` and `agent` of an event are whom it',
    'is about. `text` is for people: nothing should be read out of it.',
    '',
    ...table(
      eventHead,
      Object.entries(events)
        .filter(([type]) => !(type in nodeEvents))
        .map(eventRow),
    ),
  ];
}

function auditSection(): string[] {
  return [
    '## Audit log',
    '',
    'What `GET /v1/audit` tells of who did what: `title` is the action in words, `subject` what it was done to, `text` how. `params` are for',
    'programs, as those of events.',
    '',
    ...table(
      ['action', 'params', 'what somebody did'],
      Object.entries(audit).map(([action, { title, params }]) => [`\`${action}\``, paramsOf(params), title]),
    ),
  ];
}

function limitSection(limits: LimitRow[]): string[] {
  const rows = limits.map((row) => [`\`${row.name}\``, shownLimit(row), row.reason]);
  return [
    '## Limits',
    '',
    'On everything that a stranger, a node or a person can send, each with its reason.',
    '',
    ...table(['limit', 'value', 'why'], rows),
  ];
}
