// Releases: what is installed on machines, as `make dist` builds it and the coordinator keeps it. `ReleaseManifest` is release.json, the first
// file in the archive of a release; `Release` is a release as the coordinator has it.
import { Fingerprint, TimeMs } from './ids.ts';
import { maxReleases } from './limits.ts';
import { type Static, Type } from './typebox.ts';

/** Of release.json. A later one that this version cannot understand has another number. */
export const releaseFormat = 1;
const releaseNames = ['blackroad-node', 'blackroad-coordinator'] as const;

/** Why a release is refused: not signed as it should be, signed by nobody who is trusted, no release that this version knows, another one
 * of that name and version is here, no room. */
export const refusalReasons = ['signature', 'key', 'format', 'twin', 'room'] as const;
export const RefusalReason = Type.OneOf(refusalReasons);
export type RefusalReason = Static<typeof RefusalReason>;

/** Why a machine refused the release that it got: its bytes are not those that the coordinator named, nobody whom it trusts signed them or they
 * are not as they say, a key that it does not trust signed them, they are older than what runs, they did not keep running. */
export const installRefusals = ['hash', 'content', 'key', 'older', 'start'] as const;
const installWords: Record<InstallRefusal, string> = {
  hash: 'its archive is not the one that the coordinator named',
  content: 'its signature or its files are not as they should be',
  key: 'a key that the machine does not trust has signed it',
  older: 'it is older than what runs there',
  start: 'it does not keep running there',
};
export const InstallRefusal = Type.OneOf(installRefusals);
export type InstallRefusal = Static<typeof InstallRefusal>;
export const installRefusalWords = (reason: InstallRefusal): string => installWords[reason];

const archs = ['x64', 'arm64'] as const;

const Version = Type.String({
  pattern: '^\\d{1,6}\\.\\d{1,6}\\.\\d{1,6}(-[0-9A-Za-z.-]{1,40})?$',
  description: 'As in semantic versioning.',
});
/** A release of the coordinator says it. */
const Schema = Type.Integer({ minimum: 1, description: 'The newest schema of a database that it knows.' });
const about = {
  name: Type.OneOf(releaseNames, { description: 'What it is a release of.' }),
  version: Version,
  os: Type.OneOf(['linux']),
  arch: Type.OneOf(archs, { description: 'As Node names it.' }),
  commit: Type.String({ maxLength: 80, description: 'Of the source; with `+changes` where files differed from it.' }),
  built: Type.String({ maxLength: 40, description: 'The time of the commit, which all files have.' }),
  schema: Type.Optional(Schema),
  protocol: Type.Array(Type.Integer({ minimum: 1, maximum: 1000 }), {
    maxItems: 16,
    description: 'Versions of the wire that it speaks: the `v1` in topics.',
  }),
};

export const ReleaseManifest = Type.Object({
  format: Type.Literal(releaseFormat),
  ...about,
  files: Type.Record(Type.String({ maxLength: 400 }), Type.String({ maxLength: 400 }), {
    maxProperties: 20_000,
    description: 'SHA-256 of every other file, by its path; of a link `-> ` and where it leads.',
  }),
});
export type ReleaseManifest = Static<typeof ReleaseManifest>;

export const Release = Type.Object({
  sha256: Fingerprint,
  ...about,
  bytes: Type.Integer({ minimum: 0 }),
  signature: Type.String({ description: 'The text of its `.minisig` file.' }),
  keyId: Type.String({ description: 'The key that it is signed by, as minisign prints it.' }),
  comment: Type.String({ description: 'What is signed with it: the trusted comment of the signature.' }),
  addedMs: TimeMs,
  addedBy: Type.String({ description: 'As in the audit log: `key:<name>`.' }),
});
export type Release = Static<typeof Release>;

export const ReleaseQuery = Type.Object(
  {
    name: Type.Optional(about.name),
    arch: Type.Optional(about.arch),
  },
  { additionalProperties: false },
);
export const ReleaseList = Type.Object({
  releases: Type.Array(Release, { maxItems: maxReleases, description: 'The highest version first.' }),
  keys: Type.Array(
    Type.Object({
      id: Type.String(),
      text: Type.String({ description: 'As `minisign -P` takes it.' }),
      file: Type.String(),
    }),
    { description: 'The public keys that a release has to be signed by one of.' },
  ),
  keysFolder: Type.String({ description: "Where their files are, on the coordinator's machine." }),
  heldBytes: Type.Integer({ minimum: 0 }),
  refused: Type.Optional(
    Type.Array(
      Type.Object({
        by: Type.OneOf(['coordinator', 'machine']),
        reason: Type.OneOf([...new Set([...refusalReasons, ...installRefusals])]),
        count: Type.Integer({ minimum: 1 }),
      }),
      {
        maxItems: 32,
        description: 'Since the start of the coordinator: what was sent to it, and what machines did not take.',
      },
    ),
  ),
  maxBytes: Type.Integer({ minimum: 0 }),
});
export type ReleaseList = Static<typeof ReleaseList>;

/** What a machine tells of a release that it did not take. */
export const RefusedInstall = Type.Object(
  { reason: InstallRefusal, version: about.version, arch: about.arch },
  { additionalProperties: false },
);
export type RefusedInstall = Static<typeof RefusedInstall>;

/** The parts of a version as numbers; one with a suffix comes before the same without. */
export function compareVersions(a: string, b: string): number {
  const parts = (version: string) => {
    const [numbers = '', suffix] = version.split(/-(.*)/s);
    return { numbers: numbers.split('.').map(Number), suffix };
  };
  const [left, right] = [parts(a), parts(b)];
  for (const [index, number] of left.numbers.entries()) {
    const difference = number - (right.numbers[index] ?? 0);
    if (difference !== 0) return difference;
  }
  if (left.suffix === right.suffix) return 0;
  if (left.suffix === undefined || right.suffix === undefined) return left.suffix === undefined ? 1 : -1;
  return left.suffix < right.suffix ? -1 : 1;
}
