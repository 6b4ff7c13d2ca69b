// Help, made from the verb table: of all verbs, and of one with its flags. In: verbs. Out: text.
import type { Flag, Verb } from './verb.ts';

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
export function overview(verbs: readonly Verb[]): string {
  const rows = verbs
    .filter(({ words }) => words !== 'complete')
    .map(({ words, args, text }) => [`  ${words} ${args}`.trimEnd(), text] as const);
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return [
    'fleet - your AI, your hardware, your rules',
    '',
    ...rows.map(([left, right]) => `${left.padEnd(width)}${right}`),
    '',
    'fleet <verb> --help says more. Every verb takes --json.',
  ].join('\n');
}
