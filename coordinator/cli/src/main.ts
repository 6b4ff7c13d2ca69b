// The `fleet` command: finds the verb, reads its flags, runs it, turns failures into words and exit codes:
// 0 done, 1 failed, 2 wrong use, 3 no coordinator or not allowed, 4 no such thing, 5 deadline passed.
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FleetError, problems, toProblem } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { harmless, harmlessJson } from '@blackroad/std/harmless';
import { isBundle } from '@blackroad/std/own-version';
import { createClient, harmlessClient } from './client.ts';
import { findFleet } from './find-fleet.ts';
import { everyFlag, overview, usage } from './help.ts';
import { invocationOf } from './invocation.ts';
import { checkChoices, checkCount, chosenVerb, findVerb, splitFlags } from './typed-line.ts';
import type { VerbCall } from './verb.ts';
import { verbs } from './verbs.ts';
import { paintFor } from './words.ts';

const root = fileURLToPath(new URL(isBundle(import.meta.url) ? '.' : '../../..', import.meta.url));

async function main(argv: string[]): Promise<void> {
  const env = process.env;
  const typed = splitFlags(argv);
  if (typed.words[0] === '--version') typed.words[0] = 'version';
  if (typed.words.length === 0 || typed.words[0] === 'help') {
    const wanted = findVerb(verbs, typed.words.slice(1));
    process.stdout.write(`${wanted ? usage(wanted.verb) : overview(verbs, process.stdout.columns ?? 100)}\n`);
    return;
  }
  const { verb, rest } = chosenVerb(verbs, typed.words);
  let parsed: ReturnType<typeof parseArgs>;
  try {
    const options = Object.fromEntries(
      Object.entries({ ...everyFlag, ...verb.flags }).map(([name, { type, short, many }]) => [
        name,
        { type, ...(short ? { short } : {}), ...(many ? { multiple: true } : {}) },
      ]),
    );
    parsed = parseArgs({ args: [...typed.flags, ...rest], options, allowPositionals: true, strict: true });
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
  checkCount(verb, parsed.positionals);
  checkChoices(verb, flags);
  const text = (name: string) => (typeof flags[name] === 'string' ? (flags[name] as string) : undefined);
  const data = resolve(text('data') ?? env.BLACKROAD_DATA ?? join(root, 'data'));
  const interactive = process.stdout.isTTY === true;
  const abort = new AbortController();
  process.once('SIGINT', () => abort.abort());
  const json = flags.json === true;
  const as = invocationOf({
    root,
    data,
    cwd: process.cwd(),
    env,
    elsewhere: { coordinator: text('coordinator'), ca: text('ca') },
  });
  await verb.run({
    as,
    args: parsed.positionals,
    flags,
    json,
    client: () => {
      const client = createClient(
        findFleet({
          coordinator: text('coordinator') ?? env.BLACKROAD_COORDINATOR,
          key: text('key') ?? env.BLACKROAD_KEY,
          ca: text('ca') ?? env.BLACKROAD_CA,
          data,
          isNamed: data !== join(root, 'data'),
        }),
      );
      // With --json the answer is printed unchanged, with such characters escaped.
      return json ? client : harmlessClient(client);
    },
    show: (value, words) => process.stdout.write(`${json ? harmlessJson(value) : words()}\n`),
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
/** A verb that waits between two looks has nothing else that keeps the process alive. */
const atWork = systemClock.after(2 ** 31 - 1, () => {}, true);
// The reader may close the pipe before the end, as `head` does: then no error is printed.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    throw error;
  });
}
try {
  await main(argv);
} catch (error) {
  const known =
    error instanceof FleetError
      ? error
      : new FleetError('internal', { detail: (error as Error).stack ?? String(error) });
  if (argv.includes('--json')) process.stderr.write(`${harmlessJson(toProblem(known))}\n`);
  else process.stderr.write(`fleet: ${harmless(known.message)}\n`);
  process.exitCode = problems[known.code].exit;
} finally {
  atWork.cancel();
}
