// Images for the cards of Raspberry Pis. `ImageManifest` is what `make image` says of an image beside it; `FleetImage` is an image as the
// coordinator keeps it.
import { Fingerprint, TimeMs } from './ids.ts';
import { maxKeptImages, maxPersonalFileBytes } from './limits.ts';
import { type Static, Type } from './typebox.ts';

/** Of a manifest. A later one that this version cannot understand has another number. */
export const imageFormat = 2;

const file = (ending: string) =>
  Type.Object({
    file: Type.String({ pattern: `^[A-Za-z0-9][A-Za-z0-9._+-]{0,120}\\.${ending}$` }),
    bytes: Type.Integer({ minimum: 1 }),
    sha256: Fingerprint,
  });
const At = Type.Integer({ minimum: 0 });

export const ImageManifest = Type.Object({
  format: Type.Literal(imageFormat),
  name: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,60}$' }),
  version: Type.String({ pattern: '^[0-9A-Za-z][0-9A-Za-z.+-]{0,60}$' }),
  commit: Type.String({ maxLength: 80 }),
  built: Type.String({
    pattern: '^\\d{4}-\\d{2}-\\d{2}T[0-9:.]{5,12}Z$',
    description: 'The time that its files have.',
  }),
  arch: Type.OneOf(['arm64']),
  suite: Type.String({ maxLength: 40 }),
  image: { ...file('img'), description: 'As it is on a card.' },
  download: { ...file('img\\.xz'), description: 'As people fetch it: streams of xz, one after the other.' },
  partitions: Type.Array(
    Type.Object({
      label: Type.String({ maxLength: 40 }),
      type: Type.OneOf(['fat32', 'ext4']),
      offset: At,
      bytes: At,
    }),
    { maxItems: 8 },
  ),
  personalFile: Type.Object(
    {
      path: Type.String({ maxLength: 80 }),
      offset: At,
      bytes: Type.Integer({ minimum: 1, maximum: maxPersonalFileBytes }),
    },
    { description: 'Where it lies in the image.' },
  ),
  personalStream: Type.Object(
    { offset: At, bytes: At },
    { description: 'The stream of the download that has these bytes and no others, not compressed.' },
  ),
  boards: Type.Array(
    Type.Object({
      name: Type.String({ maxLength: 80 }),
      imager: Type.String({ maxLength: 40, description: 'Its tag in lists of Raspberry Pi Imager.' }),
      isExperimental: Type.Boolean(),
    }),
    { maxItems: 32 },
  ),
  initFormat: Type.OneOf(['cloudinit'], { description: 'How the settings of Raspberry Pi Imager reach it.' }),
  nodeAgent: Type.Object({ version: Type.String({ maxLength: 80 }), sha256: Fingerprint }),
});
export type ImageManifest = Static<typeof ImageManifest>;

export const FleetImage = Type.Object({
  sha256: { ...Fingerprint, description: 'Of the file that people fetch.' },
  manifest: ImageManifest,
  keyId: Type.Optional(
    Type.String({ description: 'The trusted key that its manifest is signed by; missing: it was taken unsigned.' }),
  ),
  addedMs: TimeMs,
  addedBy: Type.String({ description: 'As in the audit log: `key:<name>`.' }),
});
export type FleetImage = Static<typeof FleetImage>;

export const ImageList = Type.Object({
  images: Type.Array(FleetImage, { maxItems: maxKeptImages, description: 'The newest first.' }),
  imager: Type.Nullable(Type.String(), {
    description: "The list for Raspberry Pi Imager on the coordinator's machine; null: the caller is on another one.",
  }),
  keysFolder: Type.String({ description: "Where the trusted keys are, on the coordinator's machine." }),
});
export type ImageList = Static<typeof ImageList>;

/** How far an image has come. */
export const ImageArrival = Type.Object({
  sha256: { ...Fingerprint, description: 'Of the whole image, as its manifest says it.' },
  heldBytes: Type.Integer({ minimum: 0, description: 'So many of its bytes are here; the next part begins there.' }),
  bytes: Type.Integer({ minimum: 1 }),
  partBytes: Type.Integer({ minimum: 1, description: 'Most bytes of a part.' }),
  image: Type.Optional(FleetImage),
});
export type ImageArrival = Static<typeof ImageArrival>;

/** An image with somebody's personal file in it, for one download. */
export const PersonalImage = Type.Object({
  ticket: Type.String({ description: 'For one download, by who asked for it.' }),
  expiresMs: TimeMs,
  file: Type.String(),
  bytes: Type.Integer({ minimum: 1 }),
});
export type PersonalImage = Static<typeof PersonalImage>;
