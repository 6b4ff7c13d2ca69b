// Verbs for releases: what the coordinator keeps for its nodes, and what it is told to keep or remove.
import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { FleetError, maxReleaseBytes, type Release, type ReleaseList } from '@blackroad/protocol';
import { argument, type Verb, type VerbCall, wrongUse } from '../verb.ts';
import { ago, bytes, table } from '../words.ts';

const shownDigits = 12;
const nameOf = ({ name, version, os, arch }: Release) => `${name}-${version}-${os}-${arch}`;

function refusedWords({ refused = [] }: ReleaseList): string[] {
  if (refused.length === 0) return [];
  const words = refused.map(
    ({ by, reason, count }) => `${count} by ${by === 'machine' ? 'machines' : 'the coordinator'} (${reason})`,
  );
  return [`refused since the coordinator started: ${words.join(', ')}`];
}
function listWords(list: ReleaseList, call: VerbCall): string {
  const { releases, keys, keysFolder, heldBytes, maxBytes } = list;
  if (releases.length === 0)
    return keys.length === 0
      ? `No releases yet. ${noKeys(keysFolder)}`
      : `No releases yet. Build some with make dist and a key, then: ${call.as.fleet('releases add <file.tar.gz>')}`;
  const now = call.clock.nowMs();
  const rows = releases.map((row) => [
    nameOf(row),
    row.sha256.slice(0, shownDigits),
    bytes(row.bytes),
    row.keyId,
    `${ago(row.addedMs, now)} by ${row.addedBy}`,
  ]);
  const head = ['RELEASE', 'SHA256', 'SIZE', 'SIGNED BY', 'ADDED'];
  const sum = `${bytes(heldBytes)} of ${bytes(maxBytes)}`;
  const shown = [table(head, rows, call.columns, call.paint, ['ADDED', 'SIGNED BY']), '', sum, ...refusedWords(list)];
  return (keys.length === 0 ? [...shown, noKeys(keysFolder)] : shown).join('\n');
}
const noKeys = (folder: string) =>
  `No key for releases is trusted yet, and this project has none of its own: put the .pub file of one into ${folder}, on the machine of the coordinator (docs/releasing.md).`;

/** The whole hash of what was typed. */
async function found(call: VerbCall, typed: string): Promise<Release> {
  const { releases } = await call.client().call('releases');
  const fits = releases.filter((row) => nameOf(row) === typed || (typed.length >= 8 && row.sha256.startsWith(typed)));
  if (fits.length === 1) return fits[0] as Release;
  const detail =
    fits.length === 0
      ? `There is no release ${typed}; fleet releases lists those that are here.`
      : `${typed} is the beginning of ${fits.length} releases: type more of it.`;
  throw new FleetError('no-such-release', { detail });
}

function refuseLacking(file: string): void {
  if (!existsSync(file)) throw wrongUse(`${file}: there is no such file.`);
  if (!existsSync(`${file}.minisig`))
    throw wrongUse(`${file}.minisig: expected the signature beside the file, got none.`);
  const { size } = statSync(file);
  if (size > maxReleaseBytes)
    throw wrongUse(`${file}: expected at most ${bytes(maxReleaseBytes)}, got ${bytes(size)}.`);
}
/** One that is there already is found again. */
export async function addRelease(call: VerbCall, file: string): Promise<Release> {
  refuseLacking(file);
  const signature = readFileSync(`${file}.minisig`, 'utf8');
  const { size } = statSync(file);
  return call.client().upload('releaseAdd', {
    ...{ name: basename(file), bytes: size, fields: { signature } },
    content: () => createReadStream(file, { end: Math.max(0, size - 1) }),
  });
}

async function add(call: VerbCall): Promise<void> {
  argument(call, 0, '<file...>');
  // What is missing is said before the first is sent.
  for (const file of call.args) refuseLacking(file);
  const added: Release[] = [];
  for (const file of call.args) {
    const release = await addRelease(call, file);
    added.push(release);
    if (!call.json)
      call.write(`${nameOf(release)} is here for the nodes, signed by ${release.keyId}: ${release.sha256}\n`);
  }
  if (call.json) call.show(added, () => '');
}

export const releaseVerbs: Verb[] = [
  {
    words: 'releases',
    args: '',
    text: 'Releases of the node-agent and the coordinator that are kept here for the machines of the fleet.',
    async run(call) {
      const list = await call.client().call('releases');
      call.show(list, () => listWords(list, call));
    },
  },
  {
    words: 'releases add',
    args: '<file...>',
    text: 'Keeps a release for the nodes; its signature is the file beside it, with .minisig at the end.',
    run: add,
  },
  {
    words: 'releases remove',
    args: '<release>',
    text: 'Keeps a release no longer: by its name, or the beginning of its hash.',
    async run(call) {
      const release = await found(call, argument(call, 0, '<release>'));
      await call.client().call('releaseRemove', { params: { release: release.sha256 } });
      call.show(release, () => `${nameOf(release)} is removed.`);
    },
  },
  {
    words: 'releases keys',
    args: '',
    text: 'The public keys that a release has to be signed by one of; they are files on the machine of the coordinator.',
    async run(call) {
      const { keys, keysFolder } = await call.client().call('releases');
      call.show({ keys, keysFolder }, () => {
        if (keys.length === 0) return noKeys(keysFolder);
        const rows = keys.map(({ id, text, file }) => [id, text, file]);
        return [table(['KEY', 'PUBLIC KEY', 'FILE'], rows, call.columns, call.paint, []), '', keysFolder].join('\n');
      });
    },
  },
];
