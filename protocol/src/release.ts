// Releases: what is installed on machines, as `make dist` builds it and the coordinator keeps it. `ReleaseManifest` is release.json, the first
// file in the archive of a release; `Release` is a release as the coordinator has it.
import { type Static, Type } from './typebox.ts';

/** Of release.json. A later one that this version cannot understand has another number. */
export const releaseFormat = 1;
export const releaseNames = ['blackroad-node', 'blackroad-coordinator'] as const;

const Version = Type.String({
  pattern: '^\\d{1,6}\\.\\d{1,6}\\.\\d{1,6}(-[0-9A-Za-z.-]{1,40})?$',
  description: 'As in semantic versioning.',
});
const about = {
  name: Type.OneOf(releaseNames, { description: 'What it is a release of.' }),
  version: Version,
  os: Type.OneOf(['linux']),
  arch: Type.OneOf(['x64', 'arm64'], { description: 'As Node names it.' }),
  commit: Type.String({ maxLength: 80, description: 'Of the source; with `+changes` where files differed from it.' }),
  built: Type.String({ maxLength: 40, description: 'The time of the commit, which all files have.' }),
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
