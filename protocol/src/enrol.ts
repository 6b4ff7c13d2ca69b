// Enrolment of a machine as a node: join token, CSR, certificate; renewal; and the keys of people and programs.
import { Budget, BudgetView } from './budget.ts';
import { BalenaUuid, Fingerprint, Labels, Machine, NodeId, PlainName, TimeMs } from './ids.ts';
import { maxCsrBytes } from './limits.ts';
import { NodeClassName } from './node.ts';
import { roles } from './permissions.ts';
import { type Static, Type } from './typebox.ts';

const closed = { additionalProperties: false };

export const JoinTokenRequest = Type.Object(
  {
    uses: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, default: 1 })),
    expiresSeconds: Type.Optional(Type.Integer({ minimum: 10, maximum: 365 * 86_400, default: 3600 })),
    class: Type.Optional(NodeClassName),
    site: Type.Optional({ ...PlainName, default: 'home' }),
    labels: Type.Optional(Labels),
    address: Type.Optional(
      Type.String({
        maxLength: 255,
        description: 'Host name or address under which nodes reach the coordinator; else its own guess.',
      }),
    ),
  },
  closed,
);
export type JoinTokenRequest = Static<typeof JoinTokenRequest>;
export const JoinTokenView = Type.Object({
  id: Type.String(),
  usesLeft: Type.Integer(),
  uses: Type.Integer(),
  class: Type.Nullable(NodeClassName),
  site: Type.String(),
  labels: Labels,
  expiresMs: TimeMs,
  createdMs: TimeMs,
  revoked: Type.Boolean(),
  balenaDevice: Type.Optional({ ...BalenaUuid, description: 'The balena device that it was made for.' }),
});
export type JoinTokenView = Static<typeof JoinTokenView>;
/** The token itself is shown once. */
export const JoinTokenCreated = Type.Object({
  ...JoinTokenView.properties,
  token: Type.String(),
  command: Type.String({
    description:
      'One line for the other machine, which needs nothing beforehand: it fetches the installer, compares it with the hash in this line, and runs it with the token.',
  }),
});
export type JoinTokenCreated = Static<typeof JoinTokenCreated>;

/** The content of a join token's text: `brj1.` and base64url of this JSON. */
export const JoinTokenText = Type.Object({
  id: Type.String({ maxLength: 40 }),
  secret: Type.String({ maxLength: 80 }),
  url: Type.String({ maxLength: 300, description: 'HTTPS address of the coordinator.' }),
  ca: Type.String({ pattern: '^[0-9a-f]{64}$', description: "SHA-256 of the CA certificate's DER bytes." }),
});
export type JoinTokenText = Static<typeof JoinTokenText>;
export function writeJoinToken(token: JoinTokenText): string {
  return `brj1.${Buffer.from(JSON.stringify(token)).toString('base64url')}`;
}
/** Null when the text is not a join token of this version. */
export function readJoinToken(text: string): unknown {
  if (!text.startsWith('brj1.')) return null;
  try {
    return JSON.parse(Buffer.from(text.slice(5), 'base64url').toString('utf8'));
  } catch {
    return null;
  }
}

export const EnrolRequest = Type.Object(
  {
    tokenId: Type.String({ maxLength: 40 }),
    secret: Type.String({ maxLength: 80 }),
    csr: Type.String({
      maxLength: maxCsrBytes,
      description: 'PKCS#10, PEM, P-256. Its signature proves possession of the key.',
    }),
    hardware: Fingerprint,
    machine: Type.Optional(Machine),
    isWeak: Type.Optional(
      Type.Boolean({
        description:
          'A copy of its disk image would say the same (a container, WSL, no fixed network address): it takes no node over that may be another machine.',
      }),
    ),
    class: NodeClassName,
    name: Type.Optional(
      Type.String({ maxLength: 63, description: 'Wanted node id, usually the host name; made unique.' }),
    ),
    simulated: Type.Optional(Type.Boolean()),
    labels: Type.Optional({ ...Labels, description: 'Of a new node; the ones of the join token count more.' }),
  },
  closed,
);
export type EnrolRequest = Static<typeof EnrolRequest>;
export const EnrolAnswer = Type.Object({
  node: NodeId,
  certificate: Type.String({ description: 'PEM, CN is the node id.' }),
  ca: Type.String({ description: 'PEM of the CA.' }),
  expiresMs: TimeMs,
  nowMs: TimeMs,
  mqtt: Type.Object({ host: Type.String(), port: Type.Integer() }),
  class: NodeClassName,
  classFixed: Type.Optional(
    Type.Boolean({
      description: 'The join token names the class: what the node finds of its hardware does not change it.',
    }),
  ),
  site: Type.String(),
  reclaimed: Type.Boolean({ description: 'The machine was known by its hardware and keeps its old node id.' }),
});
export type EnrolAnswer = Static<typeof EnrolAnswer>;

/** Renewal, also after expiry: a CSR of the key that the coordinator has stored. Only that key can use the certificate. */
export const RenewRequest = Type.Object(
  {
    node: NodeId,
    csr: Type.String({ maxLength: maxCsrBytes }),
    hardware: Fingerprint,
    machine: Type.Optional(Machine),
    proof: Type.Optional(
      Type.Object(
        {
          atMs: TimeMs,
          signature: Type.String({ maxLength: 200, description: 'DER, base64, by the key of the CSR.' }),
        },
        {
          ...closed,
          description:
            'That the holder of the key says this, now, of this hardware: a CSR can be copied. Without it, or with an old one, other hardware is refused and nothing follows from it.',
        },
      ),
    ),
  },
  closed,
);
export type RenewRequest = Static<typeof RenewRequest>;
/** The text that a proof signs. */
export function renewalText({ node, csr, hardware, machine }: Omit<RenewRequest, 'proof'>, atMs: number): string {
  const who = machine === undefined ? ['blackroad-renew-1', node] : ['blackroad-renew-2', node, machine];
  return [...who, hardware, String(atMs), csr].join('\n');
}
/** How far the date of a proof may differ from the coordinator's clock. */
export const proofFreshMs = 10 * 60_000;

/** The text that a node signs to call a route of machines, with the key of its certificate. `url`: the path with its query. */
export function machineCallText(method: string, url: string, atMs: number): string {
  return ['blackroad-call-1', method, url, String(atMs)].join('\n');
}

export const Role = Type.OneOf(roles, {
  description: 'A set of permissions.',
});
export type Role = Static<typeof Role>;
export const KeyRequest = Type.Object(
  {
    name: PlainName,
    role: Role,
    expiresSeconds: Type.Optional(
      Type.Integer({
        minimum: 60,
        maximum: 10 * 365 * 86_400,
        description: 'How long it is good for; for ever when missing.',
      }),
    ),
    budget: Type.Optional(Budget),
  },
  closed,
);
export type KeyRequest = Static<typeof KeyRequest>;
export const KeyView = Type.Object({
  id: Type.String(),
  name: Type.String(),
  role: Role,
  createdMs: TimeMs,
  lastUsedMs: Type.Nullable(TimeMs),
  expiresMs: Type.Nullable(TimeMs, { description: 'null: never.' }),
  revoked: Type.Boolean(),
  budget: Type.Nullable(BudgetView, { description: 'null: no limit of tokens, and no money to spend.' }),
  isLastAdmin: Type.Boolean({ description: 'No other key may make keys: it cannot be revoked.' }),
});
export type KeyView = Static<typeof KeyView>;
export const KeyCreated = Type.Object({
  ...KeyView.properties,
  key: Type.String({ description: 'Shown once: `brk_<id>_<secret>`.' }),
});
export type KeyCreated = Static<typeof KeyCreated>;

/** A signed-in console. */
export const SessionView = Type.Object({
  id: Type.String(),
  name: Type.String({ description: 'Of the key, or of the key that made the sign-in code.' }),
  roles: Type.Array(Role),
  createdMs: TimeMs,
  expiresMs: TimeMs,
  address: Type.String({ description: 'It signed in from.' }),
  current: Type.Boolean({ description: 'It is the one that asks.' }),
});
export type SessionView = Static<typeof SessionView>;
