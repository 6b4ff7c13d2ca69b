// The upgrade of the coordinator by itself, as people see and order it: which releases it could take, what that would cost, how the last one
// went, and where the way back leads.
import { Fingerprint, TimeMs } from './ids.ts';
import { maxReleases } from './limits.ts';
import { type Static, Type } from './typebox.ts';
import { ReleaseVersion } from './update.ts';

const { Nullable, Optional } = Type;

/** How a coordinator is installed: its files belong to itself (`release`), or to something else that renews them. */
const installations = ['release', 'unpacked', 'package', 'image', 'checkout'] as const;
export const Installation = Type.OneOf(installations);
export type Installation = Static<typeof Installation>;

const upgradeStates = [
  'preparing',
  'backing-up',
  'switching',
  'soaking',
  'committed',
  'going-back',
  'rolled-back',
  'failed',
] as const;
export const UpgradeState = Type.OneOf(upgradeStates);
export type UpgradeState = Static<typeof UpgradeState>;

export const UpgradeStand = Type.Object({
  version: ReleaseVersion,
  from: ReleaseVersion,
  state: UpgradeState,
  text: Type.String({ maxLength: 1000, description: 'Why, in words, where it did not stay.' }),
  by: Type.String({ maxLength: 200, description: 'As in the audit log: `key:<name>`.' }),
  atMs: TimeMs,
});
export type UpgradeStand = Static<typeof UpgradeStand>;

const Bytes = Type.Integer({ minimum: 0 });
const Seconds = Type.Integer({ minimum: 0 });

export const UpgradePlan = Type.Object({
  release: Fingerprint,
  version: ReleaseVersion,
  isOlder: Type.Boolean({ description: 'Than the one that runs: it needs consent.' }),
  copyBytes: Type.Integer({ minimum: 0, description: 'Of the database, which is copied for the way back.' }),
  neededBytes: Type.Integer({ minimum: 0, description: 'Of the disk: the release unpacked, the copy and the backup.' }),
  freeBytes: Bytes,
  awaySeconds: Type.Integer({ minimum: 0, description: 'For about so long the fleet is without a coordinator.' }),
  soakSeconds: Seconds,
  limitSeconds: Type.Integer({ minimum: 0, description: 'When it is not well by then, the one before runs again.' }),
  schema: Nullable(
    Type.Object({ from: Type.Integer(), to: Type.Integer() }, { description: 'Of the database, where it changes.' }),
  ),
});
export type UpgradePlan = Static<typeof UpgradePlan>;

export const UpgradeView = Type.Object({
  version: ReleaseVersion,
  installed: Installation,
  how: Type.String({ description: 'What a person does where it cannot upgrade itself; else empty.' }),
  releases: Type.Array(Type.Object({ release: Fingerprint, version: ReleaseVersion, bytes: Bytes }), {
    maxItems: maxReleases,
    description: 'Those that it keeps for itself, the highest version first.',
  }),
  plan: Nullable(UpgradePlan, { description: 'For the asked release, else for the highest one that is newer.' }),
  back: Nullable(
    Type.Object({
      version: ReleaseVersion,
      losesSinceMs: Nullable(TimeMs, {
        description: 'The database is then that of this time; null: it stays as it is.',
      }),
    }),
    { description: 'Where the way back leads; null: nowhere.' },
  ),
  last: Nullable(UpgradeStand),
});
export type UpgradeView = Static<typeof UpgradeView>;

export const UpgradeQuery = Type.Object({ release: Optional(Fingerprint) }, { additionalProperties: false });
export const UpgradeRequest = Type.Object(
  {
    release: Optional(Fingerprint),
    older: Optional(Type.Boolean({ description: 'Consent to a version older than the one that runs.' })),
  },
  { additionalProperties: false, default: {} },
);
export type UpgradeRequest = Static<typeof UpgradeRequest>;
export const UpgradeBackRequest = Type.Object(
  {
    lose: Optional(Type.Boolean({ description: 'Consent to a database that is as it was before the upgrade.' })),
  },
  { additionalProperties: false, default: {} },
);
