// Balena fleets as people see them: which devices there are, which nodes they are or would be, and what an import did. The rollout of a
// balena release is a rollout like any other (rollout.ts).
import { BalenaUuid, Labels, NodeId, PlainName, TimeMs } from './ids.ts';
import { maxBalenaDevices, maxBalenaImports, maxBalenaShown } from './limits.ts';
import { type Static, Type } from './typebox.ts';

const { Nullable, Optional } = Type;
const closed = { additionalProperties: false };

const slug = '^[a-z0-9_-]{1,80}/[a-z0-9_-]{1,80}$';
export function isBalenaFleet(text: string): boolean {
  return new RegExp(slug).test(text);
}
export const BalenaFleet = Type.String({
  pattern: slug,
  description: 'The slug of a balena fleet: organization/fleet.',
});
export const BalenaRelease = Type.String({
  pattern: '^[0-9A-Za-z][0-9A-Za-z.+-]{0,79}$',
  description:
    'A release of a balena fleet: its version, or its commit or the beginning of that, seven characters at least.',
});

export const BalenaView = Type.Object({
  api: Type.String({ description: "Address of balena's API." }),
  askedMs: Nullable(TimeMs, {
    description: 'When balena last answered; null: not since the start of the coordinator.',
  }),
  fault: Nullable(
    Type.Object({
      text: Type.String({ description: 'In words.' }),
      sinceMs: TimeMs,
      nextMs: TimeMs,
    }),
    { description: 'Why balena does not answer now, and when it is asked again; null: it answers.' },
  ),
  fleets: Type.Array(
    Type.Object({
      fleet: BalenaFleet,
      devices: Type.Integer(),
      nodes: Type.Integer({ description: 'Devices that are nodes here.' }),
      tracks: Nullable(Type.String(), { description: 'The release that devices without a pin follow.' }),
      releases: Type.Array(Type.String(), {
        maxItems: maxBalenaShown,
        description: 'The newest ones, the newest first.',
      }),
    }),
  ),
});
export type BalenaView = Static<typeof BalenaView>;

const DeviceState = Type.OneOf(['node', 'expected', 'new', 'unclear'], {
  description:
    'node: it is one; expected: it was given a join token that is good; new: nothing was done for it; unclear: `why` says what does not fit.',
});
export const BalenaDevice = Type.Object({
  device: BalenaUuid,
  name: Type.String({ description: 'Its name at balena.' }),
  type: Type.String(),
  isOnline: Type.Boolean({ description: 'By the word of balena.' }),
  status: Type.String(),
  release: Nullable(Type.String(), { description: 'What it runs.' }),
  pinned: Nullable(Type.String(), { description: 'Null: it follows its fleet.' }),
  state: DeviceState,
  node: NodeId,
  why: Optional(Type.String()),
});
export type BalenaDevice = Static<typeof BalenaDevice>;
export const BalenaDevices = Type.Object({
  fleet: BalenaFleet,
  tracks: Nullable(Type.String()),
  askedMs: TimeMs,
  devices: Type.Array(BalenaDevice, { maxItems: maxBalenaDevices }),
});
export type BalenaDevices = Static<typeof BalenaDevices>;

export const BalenaImport = Type.Object(
  {
    fleet: BalenaFleet,
    devices: Type.Array(BalenaUuid, { minItems: 1, maxItems: maxBalenaImports }),
    site: Optional({ ...PlainName, default: 'home' }),
    labels: Optional(Labels),
    expiresSeconds: Optional(
      Type.Integer({
        minimum: 60,
        maximum: 365 * 86_400,
        default: 7 * 86_400,
        description: 'How long the devices may take to join.',
      }),
    ),
    address: Optional(
      Type.String({
        maxLength: 255,
        description: 'Host name or address under which the devices reach the coordinator.',
      }),
    ),
  },
  closed,
);
export type BalenaImport = Static<typeof BalenaImport>;
export const BalenaImported = Type.Array(
  Type.Object({
    device: BalenaUuid,
    node: NodeId,
    did: Type.OneOf(['prepared', 'tagged', 'nothing', 'failed'], {
      description:
        'prepared: tag and variables are set; tagged: it is a node, and its tag says so now; nothing: `text` says why there was nothing to do.',
    }),
    text: Type.String({ description: 'In words.' }),
  }),
);
export type BalenaImported = Static<typeof BalenaImported>;
