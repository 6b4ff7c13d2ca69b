// The update of a node-agent: the order of the coordinator, and what the node tells of it. An order replaces the one before: a node works on
// one at a time. A repeated order means the same again, and is answered with where the node stands.
import { Hash } from './ids.ts';
import { maxReleaseBytes } from './limits.ts';
import { type Static, Type } from './typebox.ts';

export const ReleaseVersion = Type.String({
  pattern: '^[0-9A-Za-z][0-9A-Za-z.+-]{0,39}$',
  description: 'Of a release of the node-agent, such as 1.4.0.',
});

const states = ['fetching', 'staged', 'switching', 'soaking', 'committed', 'rolled-back', 'refused', 'failed'] as const;
export const UpdateState = Type.OneOf(states, {
  description:
    'staged: verified and on the disk; soaking: it runs and watches itself; committed: it stays; rolled-back: it is on the one before ' +
    'again; refused: the release or the order is not good; failed: nothing was changed.',
});
export type UpdateState = Static<typeof UpdateState>;

export const UpdateNode = Type.Object({
  rollout: Type.String({ pattern: '^[a-z0-9-]{1,40}$' }),
  version: ReleaseVersion,
  sha256: Hash,
  bytes: Type.Integer({ minimum: 1, maximum: maxReleaseBytes }),
  signature: Type.String({
    minLength: 1,
    maxLength: 2000,
    description: "Of the release's file, by the key of its maker.",
  }),
  downgrade: Type.Boolean({ description: 'A person has consented to an older version, or it is the way back.' }),
});
export type UpdateNode = Static<typeof UpdateNode>;
