// Parses the typed line: flags that every verb has may be anywhere, the words of the verb come first among the rest. In: arguments as typed
// and the verb table. Out: the verb with its remaining arguments, or an error that suggests the verb that was meant.
import { FleetError, nearNames } from '@blackroad/protocol';
import { everyFlag } from './help.ts';
import type { Verb } from './verb.ts';

/** Separates the flags that every verb has, with their values, from the line. Arguments after `--` are left unchanged. */
export function splitFlags(argv: readonly string[]): { flags: string[]; words: string[] } {
  const flags: string[] = [];
  const words: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string;
    if (word === '--') {
      words.push(...argv.slice(i));
      break;
    }
    const flag = Object.entries(everyFlag).find(
      ([name, { short }]) => word === `--${name}` || word.startsWith(`--${name}=`) || word === `-${short}`,
    )?.[1];
    if (!flag) words.push(word);
    else {
      flags.push(word);
      if (flag.type === 'string' && !word.includes('=') && i + 1 < argv.length) flags.push(argv[++i] as string);
    }
  }
  return { flags, words };
}

/** The longest verb whose words all begin the line. */
export function findVerb(verbs: readonly Verb[], words: readonly string[]): { verb: Verb; rest: string[] } | null {
  const best = verbs
    .filter(({ words: own }) => own.split(' ').every((word, i) => words[i] === word))
    .toSorted((a, b) => b.words.split(' ').length - a.words.split(' ').length)[0];
  return best ? { verb: best, rest: words.slice(best.words.split(' ').length) } : null;
}

/** @throws FleetError invalid-request, with a suggestion of the verb that was meant */
export function chosenVerb(verbs: readonly Verb[], words: readonly string[]): { verb: Verb; rest: string[] } {
  const found = findVerb(verbs, words);
  if (!found) throw wrong(`${words[0]}: no such verb.${meant(verbs, words)}`);
  const { verb, rest } = found;
  const next = rest[0];
  // `agents aply`: after a verb without arguments there is a word that names none of its sub-verbs.
  if (next !== undefined && !next.startsWith('-') && verb.args === '') {
    const typed = `${verb.words} ${next}`;
    if (verbs.some(({ words: other }) => other.startsWith(`${verb.words} `)))
      throw wrong(`${typed}: no such verb.${meant(verbs, [...verb.words.split(' '), next])}`);
    throw wrong(`${next}: not expected. Usage: fleet ${verb.words}`);
  }
  return found;
}

/** @throws FleetError invalid-request for an argument too many */
export function checkCount({ words, args }: Verb, given: readonly string[]): void {
  const allowed = args.includes('...') ? Number.POSITIVE_INFINITY : args.split(' ').filter(Boolean).length;
  if (given.length > allowed) throw wrong(`${given[allowed]}: not expected. Usage: fleet ${words} ${args}`.trimEnd());
}

/** @throws FleetError invalid-request for a value that is not among a flag's choices */
export function checkChoices({ flags = {} }: Verb, given: Readonly<Record<string, unknown>>): void {
  for (const [name, { values }] of Object.entries(flags)) {
    const value = given[name];
    if (values === undefined || typeof value !== 'string' || values.includes(value)) continue;
    const near = nearNames(value, values);
    const hint = near.length > 0 ? `; did you mean ${near.join(' or ')}?` : '.';
    throw wrong(`--${name}: expected one of ${values.join(', ')}, got ${JSON.stringify(value)}${hint}`);
  }
}

function meant(verbs: readonly Verb[], words: readonly string[]): string {
  const shown = verbs.map(({ words: own }) => own).filter((own) => own !== 'complete');
  const depth = words.length;
  const near = nearNames(
    words.join(' '),
    new Set(
      shown.map((own) => own.split(' ').slice(0, depth).join(' ')).filter((own) => own.includes(' ') === depth > 1),
    ),
  );
  // `nodes alice` is `nodes show alice`.
  const show = depth === 2 ? `${words[0]} show` : '';
  if (near.length === 0 && shown.includes(show)) return ` Did you mean ${show} ${words[1]}?`;
  return near.length > 0 ? ` Did you mean ${near.join(' or ')}?` : ' See fleet --help.';
}

function wrong(detail: string): FleetError {
  return new FleetError('invalid-request', { detail });
}
