// Verbs for backups: made and kept by the coordinator, checked and restored on this machine by `fleet-coordinator`, as no coordinator runs
// then.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import {
  type BackupsView,
  counted,
  elsewhereInWords,
  FleetError,
  fromProblem,
  type Problem,
} from '@blackroad/protocol';
import { sleep } from '@blackroad/std/clock';
import { holdProcess } from '@blackroad/std/hold-process';
import { placeFor } from '../place-for.ts';
import { argument, textFlag, textsFlag, type Verb, type VerbCall } from '../verb.ts';
import { ago, bytes, table } from '../words.ts';
import { showReport } from './restore-report.ts';

/** What `verify` and `restore` of `fleet-coordinator` print with --json. */
interface Manifest {
  fleet: string;
  version: string;
  atMs: number;
  counts: { nodes: number; agents: number; memories: number; tasks: number };
  elsewhere?: { where: string; count: number; bytes: number };
}
interface Restored extends Manifest {
  data: string;
  aside: string | null;
}

const lookMs = 300;
const identityFlag = {
  'age-identity': { type: 'string', value: '<file>', text: 'File with the identity of age that opens it.' },
} as const;

function listWords(view: BackupsView, call: VerbCall): string {
  const now = call.clock.nowMs();
  const { schedule, nextMs, keepDays, keepWeeks, recipients, failed, underWay } = view;
  const next = nextMs === null ? '' : `, next ${new Date(nextMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const lines = [
    `folder     ${view.folder}`,
    schedule === null
      ? 'schedule   none (--backup-schedule none)'
      : `schedule   ${schedule}${next}; kept: one each of ${counted(keepDays, 'day')} and ${counted(keepWeeks, 'week')}`,
    `encrypted  ${recipients === 0 ? 'no: the files have the keys of the fleet in them' : `to ${counted(recipients, 'key')} of age`}`,
  ];
  if (underWay) lines.push(`under way  ${underWay.name}`);
  if (failed) lines.push(call.paint('red', `failed     ${ago(failed.atMs, now)}: ${failed.problem}`));
  if (view.backups.length === 0)
    return [...lines, '', `There is none yet. ${call.as.fleet('backup')} makes one.`].join('\n');
  const rows = view.backups.map(({ name, bytes: size, atMs, isScheduled, isEncrypted }) => [
    name,
    bytes(size),
    ago(atMs, now),
    isScheduled ? 'schedule' : 'person',
    isEncrypted ? 'yes' : 'no',
  ]);
  return [
    ...lines,
    '',
    table(['NAME', 'SIZE', 'MADE', 'BY', 'ENCRYPTED'], rows, call.columns, call.paint, ['BY']),
  ].join('\n');
}

/** Resolves when the backup is whole. */
async function made(call: VerbCall, name: string): Promise<BackupsView> {
  const client = call.client();
  for (;;) {
    const view = await client.call('backups');
    if (view.backups.some((backup) => backup.name === name) && view.underWay?.name !== name) return view;
    if (view.underWay?.name !== name)
      throw new FleetError('storage-failed', {
        detail: `No backup was made: ${view.failed?.problem ?? 'see the log of the coordinator'}`,
      });
    if (call.signal.aborted) throw new FleetError('unavailable', { detail: `${name} is still being made.` });
    await sleep(call.clock, lookMs);
  }
}

async function make(call: VerbCall): Promise<void> {
  const to = textFlag(call, 'to');
  const client = call.client();
  const age = textsFlag(call, 'age');
  const { underWay } = await client.call('backupCreate', { body: age.length > 0 ? { age } : {} });
  const name = underWay?.name as string;
  const place = to === undefined ? null : placeFor(to, name);
  if (call.interactive) call.note(`${name} is being made ...`);
  const letGo = holdProcess();
  const view = await made(call, name).finally(letGo);
  const row = view.backups.find((backup) => backup.name === name);
  if (place !== null) await client.save('backupContent', { params: { backup: name } }, place, call.signal);
  const path = place ?? join(view.folder, name);
  const open = row?.isEncrypted
    ? ''
    : '\nIt has the keys of the fleet in it and is not encrypted: keep it where nobody else reads.';
  call.show(
    { name, path, bytes: row?.bytes ?? 0, isEncrypted: row?.isEncrypted ?? false },
    () => `${path}, ${bytes(row?.bytes ?? 0)}.${open}`,
  );
}

/** Runs a verb of `fleet-coordinator`, and gives what it printed. */
async function local<T>(call: VerbCall, words: string[]): Promise<T> {
  const child = spawn(join(call.root, 'bin', 'fleet-coordinator'), [...words, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      said[stream] += text;
    });
  const code = await new Promise((ended, failed) => {
    child.on('error', failed);
    child.on('close', ended);
  });
  if (code === 0) return JSON.parse(said.stdout) as T;
  try {
    throw fromProblem(JSON.parse(said.stderr) as Problem);
  } catch (error) {
    if (error instanceof FleetError) throw error;
    throw new FleetError('internal', { detail: said.stderr.trim() || `fleet-coordinator ended with ${code}` });
  }
}
function wordsOf({ fleet, version, atMs, counts, elsewhere }: Manifest): string {
  const { nodes, agents, memories, tasks } = counts;
  const held = [
    counted(nodes, 'node'),
    counted(agents, 'agent'),
    counted(memories, 'memory', 'memories'),
    counted(tasks, 'task'),
  ];
  return `${fleet}, ${new Date(atMs).toISOString()}, version ${version}: ${held.join(', ')}.${elsewhere ? `\n${elsewhereInWords(elsewhere)}` : ''}`;
}
function identityWords(call: VerbCall): string[] {
  const path = textFlag(call, 'age-identity');
  return path === undefined ? [] : ['--age-identity', resolve(path)];
}
/** `fleet up` keeps the coordinator in a folder of its own; a folder that holds a coordinator is meant itself. */
function dataOf(call: VerbCall): string {
  const isItself = existsSync(join(call.data, 'fleet.sqlite'));
  return isItself ? call.data : join(call.data, 'coordinator');
}

async function restore(call: VerbCall): Promise<void> {
  if (call.flags.report) return showReport(call);
  const file = resolve(argument(call, 0, '<file>'));
  const data = dataOf(call);
  const replace = call.flags.replace ? ['--replace'] : [];
  const restored = await local<Restored>(call, ['restore', file, '--data', data, ...replace, ...identityWords(call)]);
  call.show(restored, () =>
    [
      `${restored.data} is as it was when ${basename(file)} was made.`,
      wordsOf(restored),
      ...(restored.aside === null
        ? []
        : [`What was there before is in ${restored.aside}; remove it when you are sure.`]),
      `Start the coordinator: nodes bring back what they have since. ${call.as.fleet('restore --report')} says what came back and what did not.`,
    ].join('\n'),
  );
}

export const backupVerbs: Verb[] = [
  {
    words: 'backup',
    args: '',
    text: 'Makes a backup of the coordinator while it works: database, keys, certificates, files.',
    flags: {
      to: {
        type: 'string',
        value: '<file|folder>',
        text: 'Also fetch it to this machine; otherwise it stays in the folder of the coordinator.',
      },
      age: {
        type: 'string',
        value: '<recipient>',
        many: true,
        text: 'Encrypt it to this public key of age (age1...); may be given more than once.',
      },
    },
    run: make,
  },
  {
    words: 'backup list',
    args: '',
    text: 'Backups in the folder of the coordinator, its schedule, and whether the last one failed.',
    async run(call) {
      const view = await call.client().call('backups');
      call.show(view, () => listWords(view, call));
    },
  },
  {
    words: 'backup get',
    args: '<name>',
    text: 'Fetches a backup to this machine.',
    flags: { to: { type: 'string', value: '<file|folder>', text: 'Where to; this folder by default.' } },
    async run(call) {
      const name = argument(call, 0, '<name>');
      const place = placeFor(textFlag(call, 'to') ?? './', name);
      await call.client().save('backupContent', { params: { backup: name } }, place, call.signal);
      call.show({ name, path: place }, () => `${place} is here.`);
    },
  },
  {
    words: 'backup delete',
    args: '<name>',
    text: 'Removes a backup from the folder of the coordinator.',
    async run(call) {
      const name = argument(call, 0, '<name>');
      await call.client().call('backupDelete', { params: { backup: name } });
      call.show({ name }, () => `${name} is removed.`);
    },
  },
  {
    words: 'backup verify',
    args: '<file>',
    text: 'Reads a backup on this machine to its end and checks every hash; restores nothing.',
    flags: identityFlag,
    async run(call) {
      const file = resolve(argument(call, 0, '<file>'));
      const manifest = await local<Manifest>(call, ['verify', file, ...identityWords(call)]);
      call.show(manifest, () => `${file} is whole: every hash is right.\n${wordsOf(manifest)}`);
    },
  },
  {
    words: 'restore',
    args: '[file]',
    text: 'Puts a backup into the data folder of this machine, after every check; no coordinator may run there.',
    flags: {
      ...identityFlag,
      replace: { type: 'boolean', text: 'Where a fleet is there already: it is set aside, not deleted.' },
      report: {
        type: 'boolean',
        text: 'Of a coordinator that works again: what nodes brought back since, and what is lost.',
      },
    },
    run: restore,
  },
  {
    words: 'restore agent',
    args: '<agent>',
    text: 'Brings back an agent that a node had and the backup has not, or has older; by its name or id in the report.',
    async run(call) {
      const agent = argument(call, 0, '<agent>');
      const back = await call.client().call('restoreAgent', { body: { agent } });
      call.show(
        back,
        () => `${back.name} is back as version ${back.version}; its memory follows when its node brings it.`,
      );
    },
  },
  {
    words: 'restore node',
    args: '<node>',
    text: 'Lets a machine back in that joined after the backup; it connects by itself.',
    async run(call) {
      const node = argument(call, 0, '<node>');
      await call.client().call('restoreNode', { body: { node } });
      call.show({ node }, () => `${node} is let in; it connects by itself within a few minutes.`);
    },
  },
];
