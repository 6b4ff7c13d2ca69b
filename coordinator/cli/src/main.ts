// The `fleet` command: finds the verb, reads its flags, runs it, turns failures into words and exit codes:
// 0 done, 1 failed, 2 wrong use, 3 no coordinator or not allowed, 4 no such thing, 5 deadline passed.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { FleetError, problems, toProblem } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { createClient } from './client.ts';
import { findFleet } from './find-fleet.ts';
import { everyFlag, overview, usage } from './help.ts';
import type { Verb, VerbCall } from './verb.ts';
import { verbs } from './verbs.ts';
import { paintFor } from './words.ts';

/** The verb with the most words that stand at the front, flags aside. */
function findVerb(argv: string[]): { verb: Verb; rest: string[] } | null {
  const best = verbs
    .filter(({ words }) => words.split(' ').every((word, i) => argv[i] === word))
    .toSorted((a, b) => b.words.split(' ').length - a.words.split(' ').length)[0];
  return best ? { verb: best, rest: argv.slice(best.words.split(' ').length) } : null;
}

async function main(argv: string[]): Promise<void> {
  const env = process.env;
  const leading = argv.findIndex((word) => !word.startsWith('-'));
  if (leading < 0 || argv[0] === 'help') {
    const wanted = argv[0] === 'help' ? findVerb(argv.slice(1)) : null;
    process.stdout.write(`${wanted ? usage(wanted.verb) : overview(verbs)}\n`);
    return;
  }
  const found = findVerb(argv);
  if (!found) {
    const near = verbs.map(({ words }) => words).filter((words) => words.startsWith((argv[0] as string).slice(0, 3)));
    const hint = near.length > 0 ? ` Did you mean ${near.slice(0, 3).join(', ')}?` : ' See fleet --help.';
    throw new FleetError('invalid-request', { detail: `${argv[0]}: no such verb.${hint}` });
  }
  const { verb, rest } = found;
  let parsed: ReturnType<typeof parseArgs>;
  try {
    const options = Object.fromEntries(
      Object.entries({ ...everyFlag, ...verb.flags }).map(([name, { type, short, many }]) => [
        name,
        { type, ...(short ? { short } : {}), ...(many ? { multiple: true } : {}) },
      ]),
    );
    parsed = parseArgs({ args: rest, options, allowPositionals: true, strict: true });
  } catch (cause) {
    throw new FleetError('invalid-request', {
      detail: `${(cause as Error).message.split('. To specify')[0]}. See fleet ${verb.words} --help.`,
    });
  }
  const flags = parsed.values as VerbCall['flags'];
  if (flags.help) {
    process.stdout.write(`${usage(verb)}\n`);
    return;
  }
  const allowed =
    verb.args === '' ? 0 : verb.args.includes('...') ? Number.POSITIVE_INFINITY : verb.args.split(' ').length;
  if (parsed.positionals.length > allowed) {
    throw new FleetError('invalid-request', {
      detail: `${parsed.positionals[allowed]}: not expected. Usage: fleet ${verb.words} ${verb.args}`.trimEnd(),
    });
  }
  const text = (name: string) => (typeof flags[name] === 'string' ? (flags[name] as string) : undefined);
  const root = new URL('../../..', import.meta.url).pathname;
  const data = resolve(text('data') ?? env.BLACKROAD_DATA ?? `${root}/data`);
  const interactive = process.stdout.isTTY === true;
  const abort = new AbortController();
  process.once('SIGINT', () => abort.abort());
  const json = flags.json === true;
  await verb.run({
    args: parsed.positionals,
    flags,
    json,
    client: () =>
      createClient(
        findFleet({
          coordinator: text('coordinator') ?? env.BLACKROAD_COORDINATOR,
          key: text('key') ?? env.BLACKROAD_KEY,
          ca: text('ca') ?? env.BLACKROAD_CA,
          folders: [`${data}/coordinator`, data],
        }),
      ),
    show: (value, words) => process.stdout.write(`${json ? JSON.stringify(value) : words()}\n`),
    write: (piece) => process.stdout.write(piece),
    note: (piece) => process.stderr.write(`${paintFor(process.stderr.isTTY === true)('dim', piece)}\n`),
    paint: paintFor(interactive && env.NO_COLOR === undefined),
    columns: process.stdout.columns ?? 200,
    clock: systemClock,
    signal: abort.signal,
    root,
    data,
    env,
    interactive,
  });
}

const argv = process.argv.slice(2);
try {
  await main(argv);
} catch (error) {
  const known =
    error instanceof FleetError
      ? error
      : new FleetError('internal', { detail: (error as Error).stack ?? String(error) });
  if (argv.includes('--json')) process.stderr.write(`${JSON.stringify(toProblem(known))}\n`);
  else process.stderr.write(`fleet: ${known.message}\n`);
  process.exitCode = problems[known.code].exit;
}
