// The names of things on the wire. Small alphabets: they are topic levels, file names, DNS labels and NATS subjects at once.

import { maxLabels, maxOrdinal, maxTimeMs, maxTitleChars } from './limits.ts';
import { keyPattern, keyWords, maxKeyChars } from './memory-key.ts';
import { topicFilterPattern, topicFilterWords } from './topic-filter.ts';
import { Type } from './typebox.ts';

const balenaUuid = '^([0-9a-f]{32}|[0-9a-f]{62})$';
const slug = '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$';

const plain = '[^\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff]';
const unplain = new RegExp(plain.replace('[^', '['), 'g');
/** The text on one line without what `PlainName` does not take. */
export function plainLine(text: string): string {
  return text.toWellFormed().replace(unplain, ' ').replace(/ +/g, ' ').trim();
}
const plainWords = 'text without control characters, line ends and marks of direction';

/** The meaning of a pattern in words, for a person who typed something else. */
export const patternWords: Readonly<Record<string, string>> = {
  [slug]: 'a name of lower-case letters, digits and dashes (a letter or digit first and last, at most 63)',
  [`^${plain}+$`]: plainWords,
  [`^${plain}*$`]: plainWords,
  '^[0-9a-f]{64}$': '64 digits of lower-case hex',
  '^[a-z0-9-]{1,40}$': 'an id of lower-case letters, digits and dashes (at most 40)',
  '^[A-Za-z0-9_-]{1,60}$': 'a name of letters, digits, _ and - (at most 60)',
  '^[a-z0-9][a-z0-9-]{0,30}$': 'a name of lower-case letters, digits and dashes (at most 31)',
  '^[A-Za-z0-9+/]+={0,2}$': 'base64 without a prefix',
  '^\\d{4}-\\d{2}-\\d{2}$': 'a day like 2026-11-28',
  [balenaUuid]: 'the UUID of a balena device, 32 or 62 characters of 0-9 and a-f',
  '^[a-z0-9_-]{1,80}/[a-z0-9_-]{1,80}$': 'a balena fleet as organization/fleet, in lower case',
  [keyPattern]: keyWords,
  [topicFilterPattern]: topicFilterWords,
  '^[0-9A-Za-z][0-9A-Za-z.+-]{0,79}$': 'a release of a balena fleet: its version, or its commit',
};

/** Names are printed in logs, terminals and the audit: no control characters, line ends, or marks that change the direction of the text. */
export const PlainName = Type.String({
  minLength: 1,
  maxLength: 63,
  pattern: `^${plain}+$`,
  description: 'For people; no control characters, line ends or marks of direction.',
});
export const Title = Type.String({
  minLength: 1,
  maxLength: maxTitleChars,
  pattern: `^${plain}+$`,
  description: 'Of a conversation, for people; missing: the first words of its first message.',
});
export const NodeId = Type.String({
  pattern: slug,
  description: 'A node (machine): lower-case letters, digits and dashes, at most 63.',
});
export const AgentName = Type.String({
  pattern: slug,
  description: 'What people call an AI agent: lower-case letters, digits and dashes, at most 63.',
});
export const AgentTeam = Type.String({
  pattern: slug,
  description: 'A name for agents that share their memories: lower-case letters, digits and dashes, at most 63.',
});
/** Has the pattern of a name: the id of an agent older than ids is its first name. */
export const AgentId = Type.String({
  pattern: slug,
  description: 'An AI agent for good, whatever it is called; made by the coordinator.',
});
/** The space of a key, a person or a program, and of what they create: names are unique within it. */
export const MemoryKey = Type.String({
  minLength: 1,
  maxLength: maxKeyChars,
  pattern: keyPattern,
  description: `What a value of a memory is looked up by: ${keyWords}.`,
});
export const Space = Type.String({ pattern: slug, description: 'Whose it is: `default`, the only one for now.' });
export const TaskId = Type.String({ pattern: '^[a-z0-9-]{1,40}$', description: 'A task; sorts by creation time.' });
export const ConversationId = Type.String({
  pattern: '^[a-z0-9-]{1,40}$',
  description: 'A conversation; sorts by creation time.',
});
export const CommandId = Type.String({
  pattern: '^[a-z0-9.-]{1,80}$',
  description: 'One command to a node; its reply carries the same id.',
});
export const BootId = Type.String({
  pattern: '^[a-z0-9-]{8,40}$',
  description: 'One run of a process; new at every start.',
});
export const Hash = Type.String({
  pattern: '^([0-9a-f]{64}|genesis)$',
  description: 'SHA-256 in lower-case hex, or `genesis` before the first entry.',
});
export const Fingerprint = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'SHA-256 in lower-case hex.' });
export const Machine = Type.String({
  pattern: '^[0-9a-f]{64}$',
  description:
    'SHA-256 over what of the machine does not change by itself: serial of the board, machine id, id of a container; no network address. Missing: an older node.',
});
export const Epoch = Type.Integer({
  minimum: 1,
  maximum: maxOrdinal,
  description: 'Counts the placements of one agent; a result or memory of a lower one is stale.',
});
export const Generation = Type.Integer({
  minimum: 0,
  maximum: maxOrdinal,
  description: "Counts the changes of one node's assignment.",
});
export const Attempt = Type.Integer({ minimum: 1, maximum: maxOrdinal, description: 'Counts the leases of one task.' });
export const Seq = Type.Integer({
  minimum: 0,
  maximum: maxOrdinal,
  description: 'Counts from 1 within its stream; 0 means none yet.',
});
export const TimeMs = Type.Number({
  minimum: 0,
  maximum: maxTimeMs,
  description: 'Milliseconds since 1970 by the clock of whoever writes the message.',
});
export const Labels = Type.Record(
  Type.String({ pattern: '^[a-z0-9]([a-z0-9._/-]{0,61}[a-z0-9])?$' }),
  Type.String({ maxLength: 63, pattern: `^${plain}*$` }),
  {
    maxProperties: maxLabels,
    // Without this, keys that do not match the pattern would pass unchecked.
    additionalProperties: false,
    description: 'Free labels, e.g. `room: kitchen`.',
  },
);

/** Letters for which Unicode has no decomposition to a plain one. */
const plainLetters: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ł: 'l',
  ħ: 'h',
  ı: 'i',
};
/** Lower case without accents: `Räspi` is `raspi`. Letters of other scripts are not changed. */
export function plainLatin(text: string): string {
  return text
    .toWellFormed()
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[\u0300-\u036f]/gu, '')
    .replace(/\P{ASCII}/gu, (letter) => plainLetters[letter] ?? letter)
    .normalize('NFC');
}

/** Common name of the coordinator's server certificate; no node may have this name. */
export const coordinatorName = 'coordinator';

export function isSlug(text: string): boolean {
  return new RegExp(slug).test(text);
}

export const BalenaUuid = Type.String({
  pattern: balenaUuid,
  description: 'Of a balena device, as balena tells it to the containers on it.',
});

export function isBalenaUuid(text: string): boolean {
  return new RegExp(balenaUuid).test(text);
}

/** The id of a restore: nodes that hear of another one look through all they have. */
export const Lineage = Type.String({
  pattern: '^[0-9a-f]{32}$',
  description: 'Of the last restore of the coordinator from a backup.',
});
