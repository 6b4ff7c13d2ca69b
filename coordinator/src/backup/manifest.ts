// The manifest of a backup: the first file in it, which says what the others are, so that a reader knows before anything is unpacked
// whether it can use them. In: the text of a file, which may be damaged or of another program. Out: the manifest, or a refusal in words.
import { explain, FleetError, type Static, Type } from '@blackroad/protocol';

export const manifestName = 'manifest.json';
export const databaseName = 'fleet.sqlite';
/** A larger one is not ours: a line for each file of clients is 200 bytes. */
export const maxManifestBytes = 64 * 1024 * 1024;
/** Raised when older programs could not unpack it rightly. */
const format = 1;

const Manifest = Type.Object({
  product: Type.Literal('blackroad-fleet'),
  format: Type.Integer({ minimum: 1 }),
  version: Type.String({ maxLength: 100 }),
  /** Of the database. */
  schema: Type.Integer({ minimum: 1 }),
  fleet: Type.String({ maxLength: 200 }),
  atMs: Type.Number(),
  files: Type.Array(
    Type.Object({
      path: Type.String({ maxLength: 1000 }),
      bytes: Type.Integer({ minimum: 0 }),
      sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    }),
  ),
  elsewhere: Type.Optional(
    Type.Object(
      {
        where: Type.String({ maxLength: 500 }),
        count: Type.Integer({ minimum: 0 }),
        bytes: Type.Integer({ minimum: 0 }),
      },
      { description: 'Objects that are in an object store, and not in this backup.' },
    ),
  ),
  counts: Type.Object({
    nodes: Type.Integer({ minimum: 0 }),
    agents: Type.Integer({ minimum: 0 }),
    tasks: Type.Integer({ minimum: 0 }),
    memories: Type.Integer({ minimum: 0 }),
  }),
});
export type Manifest = Static<typeof Manifest>;
export type BackedUpFile = Manifest['files'][number];

export function manifestOf(about: Omit<Manifest, 'product' | 'format'>): Manifest {
  return { product: 'blackroad-fleet', format, ...about };
}

/** `newestSchema`: the newest that this program knows. @throws FleetError */
export function readManifest(text: string, archive: string, newestSchema: number): Manifest {
  const refuse = (detail: string) => new FleetError('conflict', { detail: `${archive}: ${detail}` });
  let manifest: Manifest;
  try {
    manifest = JSON.parse(text) as Manifest;
  } catch (cause) {
    throw new FleetError('conflict', { detail: `${archive}: this is no backup of BlackRoad Fleet.` }, { cause });
  }
  if (manifest?.product !== 'blackroad-fleet') throw refuse('this is no backup of BlackRoad Fleet.');
  const made = `it was made by version ${manifest.version}`;
  if (manifest.format > format)
    throw refuse(`this backup has a newer form than this program knows (${made}): install that version, then restore.`);
  const fault = explain(Manifest, manifest);
  if (fault) throw refuse(`its manifest is damaged: ${fault}`);
  if (manifest.schema > newestSchema)
    throw refuse(
      `the database in this backup is newer than this program (its schema is ${manifest.schema}, this program knows up to ${newestSchema}; ${made}): install that version, then restore.`,
    );
  const names = new Set<string>();
  for (const { path } of manifest.files) {
    if (!isInside(path)) throw refuse(`its manifest names a file outside of the data folder: ${JSON.stringify(path)}.`);
    if (names.has(path)) throw refuse(`its manifest names a file twice: ${JSON.stringify(path)}.`);
    names.add(path);
  }
  if (!names.has(databaseName)) throw refuse('its manifest names no database.');
  return manifest;
}

function isInside(path: string): boolean {
  const parts = path.split('/');
  return (
    !path.includes('\\') && !path.includes('\0') && parts.every((part) => part !== '' && part !== '.' && part !== '..')
  );
}
