// Help, made from the verb table: of all verbs, or of one verb with its flags. In: verbs. Out: text.
import type { Flag, Verb } from './verb.ts';
import { cutTo } from './words.ts';

export const everyFlag: Record<string, Flag> = {
  json: { type: 'boolean', text: 'One JSON value on stdout; errors as a problem object on stderr.' },
  coordinator: { type: 'string', value: '<url>', text: 'A coordinator elsewhere (or BLACKROAD_COORDINATOR).' },
  key: { type: 'string', value: '<key>', text: 'API key for it (or BLACKROAD_KEY).' },
  ca: {
    type: 'string',
    value: '<file>',
    text: "Its CA certificate, for https (or BLACKROAD_CA); ca.pem in the coordinator's data folder.",
  },
  data: { type: 'string', value: '<folder>', text: 'Data folder of a fleet on this machine (or BLACKROAD_DATA).' },
  help: { type: 'boolean', short: 'h', text: 'Help of a verb.' },
};

export function usage(verb: Verb): string {
  const flags = { ...verb.flags, ...everyFlag };
  const rows = Object.entries(flags).map(([name, { short, value, text }]) => [
    `  ${short ? `-${short}, ` : ''}--${name}${value ? ` ${value}` : ''}`,
    text,
  ]);
  const width = Math.max(...rows.map(([left]) => (left as string).length)) + 2;
  return [
    `fleet ${verb.words} ${verb.args}`.trimEnd(),
    '',
    verb.text,
    '',
    ...rows.map(([left, right]) => `${(left as string).padEnd(width)}${right}`),
  ].join('\n');
}
/** All verbs by theme, each text cut to the width of the terminal. */
export function overview(verbs: readonly Verb[], columns: number): string {
  const shown = verbs.filter(({ words }) => words !== 'complete');
  const left = (verb: Verb) => `  ${verb.words} ${verb.args}`.trimEnd();
  const width = Math.min(34, Math.max(...shown.map((verb) => left(verb).length)) + 2);
  const blocks = themes.map(({ title, words }) => {
    const rows = shown.filter((verb) => words.includes(verb.words.split(' ')[0] as string));
    return [
      title,
      ...rows.map((verb) => cutTo(columns, `${left(verb).padEnd(width)}${firstSentence(verb.text)}`)),
    ].join('\n');
  });
  return [
    'fleet - your AI, your hardware, your rules',
    ...blocks,
    'fleet <verb> --help says more. Every verb takes --json.',
  ].join('\n\n');
}

/** Order and themes of the overview, by the first word of a verb. */
export const themes: readonly { title: string; words: readonly string[] }[] = [
  { title: 'This machine', words: ['up', 'down', 'simulate', 'console', 'backup', 'restore', 'objects', 'upgrade'] },
  { title: 'The fleet', words: ['status', 'events', 'usage', 'plan', 'route', 'release-moves'] },
  { title: 'Agents', words: ['ask', 'conversations', 'agents', 'tasks', 'memory'] },
  {
    title: 'Nodes',
    words: ['join-token', 'nodes', 'cordon', 'uncordon', 'drain', 'logs', 'releases', 'images', 'balena'],
  },
  { title: 'Models', words: ['models', 'cache', 'batches'] },
  { title: 'Changes', words: ['rollouts'] },
  { title: 'The house', words: ['integrations', 'webhooks'] },
  { title: 'Access and shell', words: ['keys', 'audit', 'mcp', 'completion', 'version'] },
];

function firstSentence(text: string): string {
  return text.split(/(?<=\.) (?=[A-Z])|; /)[0] as string;
}
