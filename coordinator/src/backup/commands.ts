// `fleet-coordinator verify` and `fleet-coordinator restore`: what is done with backups while no coordinator runs. In: the words of a command
// line. Out: one JSON value on stdout with --json, otherwise sentences; failures are FleetError.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { elsewhereInWords, FleetError } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { systemRandom } from '@blackroad/std/random';
import { readIdentities } from './archive.ts';
import type { Manifest } from './manifest.ts';
import { restore } from './restore.ts';
import { unpack } from './unpack.ts';

type Verb = 'verify' | 'restore';

const flags = {
  data: { type: 'string' },
  replace: { type: 'boolean' },
  'age-identity': { type: 'string' },
  json: { type: 'boolean' },
} as const;

export async function runBackupVerb(verb: Verb, argv: string[], defaultData: string): Promise<void> {
  const { positionals, values } = readLine(verb, argv);
  const [archive] = positionals as [string];
  const identities = values['age-identity'] === undefined ? null : await readIdentities(values['age-identity']);
  const say = (value: object, lines: string[]) =>
    process.stdout.write(values.json ? `${JSON.stringify(value)}\n` : `${lines.join('\n')}\n`);
  if (verb === 'verify') {
    const manifest = await unpack(archive, identities, null);
    say(manifest, [`${archive} is whole: every hash is right.`, wordsOf(manifest)]);
    return;
  }
  const data = resolve(values.data ?? defaultData);
  const { manifest, aside } = await restore({
    archive,
    identities,
    data,
    replace: values.replace === true,
    lineage: systemRandom.hex(16),
    nowMs: systemClock.nowMs(),
  });
  say({ data, aside, ...manifest }, [
    `${data} is as it was when the backup was made.`,
    wordsOf(manifest),
    ...(aside === null ? [] : [`What was there before is in ${aside}; remove it when you are sure.`]),
  ]);
}

function readLine(verb: Verb, argv: string[]) {
  try {
    const line = parseArgs({ args: argv, options: flags, allowPositionals: true, strict: true });
    if (line.positionals.length === 1) return line;
    throw new Error(`expected one file, got ${line.positionals.length}`);
  } catch (cause) {
    const detail = `${verb}: ${(cause as Error).message.split('. To specify')[0]}. Usage: fleet-coordinator ${verb} <file> [--age-identity <file>]${verb === 'restore' ? ' [--data <folder>] [--replace]' : ''}`;
    throw new FleetError('invalid-request', { detail }, { cause });
  }
}

function wordsOf({ fleet, version, atMs, counts, elsewhere }: Manifest): string {
  const { nodes, agents, memories, tasks } = counts;
  return `${fleet}, ${new Date(atMs).toISOString()}, version ${version}: ${nodes} nodes, ${agents} agents, ${memories} memories, ${tasks} tasks.${elsewhere ? ` ${elsewhereInWords(elsewhere)}` : ''}`;
}
