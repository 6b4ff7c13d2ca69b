// Updates of a node's operating system, which apt of Debian makes: what a node can take and what waits for it, the coordinator's order, and what
// the node tells of it. The order is one of three words; nothing else of it reaches the part of the node that runs as root. A repeated order
// means the same again, and is answered with where the node stands.
import { maxPendingUpdates } from './limits.ts';
import { type Static, Type } from './typebox.ts';

export const OsPackages = Type.OneOf(['security', 'all'], {
  description:
    "security: what the machine's own unattended-upgrades takes: security updates, and what else its owner or its system has set there; " +
    'all: every package of which its sources have a newer version.',
});
export type OsPackages = Static<typeof OsPackages>;
export const OsRestart = Type.OneOf(['if-needed', 'never'], {
  description:
    'if-needed: a machine that needs a restart afterwards gets one, within the windows, and one machine of a site at a time.',
});
export type OsRestart = Static<typeof OsRestart>;

const jobs = ['security', 'all', 'restart'] as const;
const OsJob = Type.OneOf(jobs, { description: 'Packages to update, or a restart of a machine that needs one.' });

const states = ['begun', 'updated', 'restarting', 'restarted', 'refused', 'failed'] as const;
export const OsUpdateState = Type.OneOf(states, {
  description:
    'begun: apt works on it; updated: it is done, and `restart` says whether the machine needs one; restarting: the machine goes down; ' +
    'restarted: it is up again; refused: this machine cannot do it; failed: it was tried, and `text` says what went wrong.',
});
export type OsUpdateState = Static<typeof OsUpdateState>;

/** An order is void after this time: what is begun, is begun within the window that it was given in. */
export const osOrderMs = 120_000;
export const UpdateOs = Type.Object({
  rollout: Type.String({ pattern: '^[a-z0-9-]{1,40}$' }),
  job: OsJob,
  withinMs: Type.Integer({
    minimum: 1_000,
    maximum: 3_600_000,
    description: 'The order is void when the job cannot be begun within so long.',
  }),
});
export type UpdateOs = Static<typeof UpdateOs>;

const Pending = (description: string) => Type.Integer({ minimum: 0, maximum: maxPendingUpdates, description });
export const OsUpdates = Type.Object({
  takes: Type.Array(OsPackages, { maxItems: 2, description: 'Which updates it can be ordered to make.' }),
  why: Type.Optional(Type.String({ maxLength: 300, description: 'Why it does not take the others, in words.' })),
  security: Type.Optional(Pending('Security updates that wait, by the last look of apt. Missing: not looked yet.')),
  others: Type.Optional(Pending('Other updates that wait.')),
  restart: Type.Boolean({ description: 'The machine needs a restart for updates that it has.' }),
  restartFor: Type.Optional(
    Type.Array(Type.String({ maxLength: 100 }), {
      maxItems: 8,
      description: 'Packages that need it, the first of them.',
    }),
  ),
});
export type OsUpdates = Static<typeof OsUpdates>;
