// Access control for brokers of other makers, from the topic table: Mosquitto's `acl_file` and EMQX's `acl.conf`. In: the table. Out: text.
// The user name must be the certificate's common name (the node id); see the heads of the files.
import { birthTopic, discoveryPrefix, discoveryTopic } from '../home.ts';
import { maxPacketBytes } from '../limits.ts';
import { peopleRead } from '../topic-privacy.ts';
import type { TopicRow } from '../topic-row.ts';
import { topicRoot, topics } from '../topics.ts';

/** The coordinator's common name; its dot is not allowed in a node id, so no node can have it. */
const coordinator = 'fleet.coordinator';
const rows: TopicRow[] = Object.values(topics);
const isForNodes = ({ writer, pattern }: TopicRow) =>
  writer === 'coordinator' && (pattern.includes('{node}') || !pattern.includes('{'));
/** `user` is the broker's placeholder for the user name; it may have the form of a parameter itself. */
const filter = (pattern: string, user: string) =>
  `${topicRoot}/${pattern.replace(/\{(\w+)\}/g, (_, key: string) => (key === 'node' ? user : key === 'below' ? '#' : '+'))}`;

const nodeWrites = rows.filter(({ writer }) => writer === 'node').map(({ pattern }) => pattern);
const nodeReads = rows.filter(isForNodes).map(({ pattern }) => pattern);
/** Where Home Assistant looks unless it is told otherwise. */
const devices = discoveryTopic(discoveryPrefix, '').replace(/[^/]+\/config$/, '+/config');
const birth = birthTopic(discoveryPrefix);
const peopleWrite = rows.filter(({ writer }) => writer === 'people').map(({ pattern }) => pattern);

export function mosquittoAcl(): string {
  const lines = [
    '# Made from the topic table by `node protocol/src/generate/write.ts`; do not edit.',
    '# mosquitto.conf: require_certificate true, use_identity_as_username true, allow_anonymous false,',
    `# set_tcp_nodelay true, max_packet_size ${maxPacketBytes}, and acl_file with the path of this file.`,
    '# %u is the common name of the certificate: the node id. Mosquitto grants a forbidden subscription and delivers nothing.',
    '# Give no password user the name of a node.',
    '',
    '# What a node says.',
    ...nodeWrites.map((pattern) => `pattern write ${filter(pattern, '%u')}`),
    '',
    '# What a node hears.',
    ...nodeReads.map((pattern) => `pattern read ${filter(pattern, '%u')}`),
    '',
    `user ${coordinator}`,
    `topic readwrite ${topicRoot}/#`,
    `topic write ${devices}`,
    `topic read ${birth}`,
    '',
    '# People and their tools: one such block for each user name.',
    '# user homeassistant',
    ...[...peopleRead, `${discoveryPrefix}/#`].map((pattern) => `# topic read ${pattern}`),
    ...[...peopleWrite.map((pattern) => filter(pattern, '%u')), birth].map((pattern) => `# topic write ${pattern}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** A filter is checked as a whole at SUBSCRIBE, so the rows below one parent become the one filter that nodes subscribe to. */
function emqxReads(user: string): string[] {
  const parents = nodeReads.map((pattern) => (pattern.includes('{node}') ? pattern.replace(/[^/]+$/, '+') : pattern));
  return [...new Set(parents)].map((pattern) => filter(pattern, user));
}

export function emqxAcl(): string {
  const list = (topics: string[]) => `[\n${topics.map((topic) => `    "${topic}"`).join(',\n')}\n  ]`;
  // biome-ignore lint/suspicious/noTemplateCurlyInString: EMQX's own placeholder
  const user = '${username}';
  const lines = [
    '%% Made from the topic table by `node protocol/src/generate/write.ts`; do not edit.',
    '%% EMQX 5, file authorization. Listener: verify = verify_peer, fail_if_no_peer_cert = true;',
    '%% mqtt.peer_cert_as_username = cn, mqtt.peer_cert_as_clientid = cn, mqtt.max_packet_size = 160KB;',
    '%% authorization.no_match = deny, authorization.deny_action = ignore.',
    '',
    `{allow, {username, "${coordinator}"}, all, ["${topicRoot}/#", "${devices}", "${birth}"]}.`,
    '',
    '%% What a node says.',
    `{allow, all, publish, ${list(nodeWrites.map((pattern) => filter(pattern, user)))}}.`,
    '',
    '%% What a node hears: its commands (a wildcard of one level, never more) and the fleet.',
    `{allow, all, subscribe, ${list(emqxReads(user))}}.`,
    '',
    '%% People and their tools: one such pair for each user name.',
    `%% {allow, {username, "homeassistant"}, subscribe, [${[...peopleRead, `${discoveryPrefix}/#`].map((p) => `"${p}"`).join(', ')}]}.`,
    `%% {allow, {username, "homeassistant"}, publish, [${[...peopleWrite.map((p) => filter(p, user)), birth].map((p) => `"${p}"`).join(', ')}]}.`,
    '',
    '{deny, all}.',
  ];
  return `${lines.join('\n')}\n`;
}
