// A rollout: a change that reaches the fleet wave by wave, judged by gates between the waves. What a person asks for, what the coordinator
// plans, and what it shows while the rollout goes. The words of versions and sizes are the same on the wire, in the API and in the console.
import { BalenaRelease } from './balena.ts';
import { Labels, NodeId, PlainName, TimeMs } from './ids.ts';
import {
  maxInstructionsBytes,
  maxRolloutNames,
  maxRolloutSeconds,
  maxRolloutSubjects,
  maxRolloutWaves,
  maxRolloutWindows,
} from './limits.ts';
import { NodeClassName } from './node.ts';
import { OsPackages, OsRestart } from './os-update.ts';
import { Asker } from './principal.ts';
import { gates } from './rollout-gates.ts';
import { weekdays } from './rollout-words.ts';
import { type Static, Type } from './typebox.ts';
import { ReleaseVersion } from './update.ts';

const { Nullable, Optional } = Type;
const closed = { additionalProperties: false };
const Text = Type.String({ maxLength: 1000 });

export const RolloutId = Type.String({
  pattern: '^[a-z0-9-]{1,40}$',
  description: 'A rollout; sorts by creation time.',
});

export const GateName = Type.OneOf(Object.keys(gates) as (keyof typeof gates)[]);
export type GateName = Static<typeof GateName>;

export const AgentChange = Type.Object(
  {
    model: Optional(Type.Array(Type.String({ minLength: 1, maxLength: 200 }), { minItems: 1, maxItems: 8 })),
    instructions: Optional(Type.String({ maxLength: maxInstructionsBytes })),
    temperature: Optional(Type.Number({ minimum: 0, maximum: 2 })),
    maxTokens: Optional(Type.Integer({ minimum: 1, maximum: 100_000 })),
    contextTokens: Optional(Type.Integer({ minimum: 256, maximum: 1_000_000 })),
  },
  { ...closed, minProperties: 1, description: 'The fields of the spec that change; all others stay.' },
);
export type AgentChange = Static<typeof AgentChange>;

export const RolloutWhat = Type.Union(
  [
    Type.Object({ kind: Type.Literal('node-agent'), version: ReleaseVersion }, closed),
    Type.Object(
      { kind: Type.Literal('model'), model: Type.String({ minLength: 1, maxLength: 200 }) },
      { ...closed, description: 'Pinned to the nodes, which fetch it.' },
    ),
    Type.Object({ kind: Type.Literal('agent'), change: AgentChange }, closed),
    Type.Object(
      { kind: Type.Literal('balena'), release: BalenaRelease },
      { ...closed, description: 'Pinned to the balena devices that the nodes run on.' },
    ),
    Type.Object(
      { kind: Type.Literal('os'), packages: OsPackages, restart: OsRestart },
      {
        ...closed,
        description:
          'Updates of the operating system, by apt. There is no way back: a red gate stops the rollout, and what was installed stays.',
      },
    ),
    Type.Object(
      {
        kind: Type.Literal('configuration'),
        labels: Type.Object(
          { set: Optional(Labels), remove: Optional(Type.Array(Type.String({ maxLength: 63 }), { maxItems: 32 })) },
          { ...closed, minProperties: 1 },
        ),
      },
      { ...closed, description: 'Labels of nodes, which rules of placement read.' },
    ),
  ],
  { description: 'What is rolled out.' },
);
export type RolloutWhat = Static<typeof RolloutWhat>;
export type RolloutKind = RolloutWhat['kind'];

const Names = (description: string) => Type.Array(NodeId, { minItems: 1, maxItems: maxRolloutNames, description });
/** Which nodes or agents; all that is given must hold. */
const RolloutSelection = Type.Object(
  {
    names: Optional(Names('Nodes, or agents where agents are rolled out.')),
    class: Optional(NodeClassName),
    site: Optional(PlainName),
    labels: Optional(Labels),
  },
  { ...closed, description: 'Missing: all. Agents are selected by the node that they are on.' },
);

export const RolloutWave = Type.Object(
  {
    count: Optional(Type.Integer({ minimum: 1, maximum: maxRolloutSubjects })),
    percent: Optional(Type.Number({ exclusiveMinimum: 0, maximum: 100 })),
    labels: Optional(Labels),
    names: Optional(Names('These and no others.')),
  },
  {
    ...closed,
    minProperties: 1,
    maxProperties: 1,
    description:
      'One of them. `count` and `percent` are of each hardware class and say how many have the change after this wave; `labels` and `names` ' +
      'say who gets it in this wave.',
  },
);
export type RolloutWave = Static<typeof RolloutWave>;

const timeOfDay = '^([01][0-9]|2[0-3]):[0-5][0-9]$';
export const RolloutWindow = Type.Object(
  {
    days: Optional(
      Type.Array(Type.OneOf(weekdays), {
        minItems: 1,
        maxItems: 7,
        description: 'Those on which it begins; missing: every day.',
      }),
    ),
    from: Type.String({ pattern: timeOfDay }),
    to: Type.String({ pattern: timeOfDay, description: 'Earlier than `from`: on the next day.' }),
  },
  { ...closed, description: "In the fleet's time zone. Nothing new begins outside of all windows." },
);
export type RolloutWindow = Static<typeof RolloutWindow>;

const Seconds = (description: string, fallback?: number) =>
  Type.Integer({
    minimum: 1,
    maximum: maxRolloutSeconds,
    ...(fallback === undefined ? {} : { default: fallback }),
    description,
  });
export const RolloutRequest = Type.Object(
  {
    what: RolloutWhat,
    select: Optional(RolloutSelection),
    waves: Optional(
      Type.Array(RolloutWave, { minItems: 1, maxItems: maxRolloutWaves, description: 'Missing: 1, 5 %, 25 %, 100 %.' }),
    ),
    soakSeconds: Optional(Seconds('How long a wave is watched, after its last node has the change.', 600)),
    patienceSeconds: Optional(
      Seconds(
        'A node that has not got the change this long after it was told has failed. Missing: by what is rolled out.',
      ),
    ),
    maxUnavailable: Optional(
      Type.Integer({
        minimum: 1,
        maximum: maxRolloutSubjects,
        description:
          'So many may be under way at once, those that went away with the change included. Missing: a tenth.',
      }),
    ),
    gates: Optional(Type.Array(GateName, { maxItems: 20, description: 'Those that stop it. Missing: all.' })),
    onRed: Optional(
      Type.OneOf(['roll-back', 'stop'], {
        description:
          'What a red gate does. Missing: roll-back; of what has no way back (os): stop, and nothing else is taken.',
      }),
    ),
    approval: Optional(
      Type.OneOf(['none', 'first', 'each'], {
        default: 'none',
        description: 'Whether a person must approve the next wave: after the first one, after each, or never.',
      }),
    ),
    windows: Optional(Type.Array(RolloutWindow, { minItems: 1, maxItems: maxRolloutWindows })),
    downgrade: Optional(Type.Boolean({ description: 'Consent to an older version than a node runs.' })),
    driver: Optional(
      Type.OneOf(['coordinator', 'outside'], {
        default: 'coordinator',
        description:
          'outside: something else, such as ansible, installs it, asks for each wave and reports; only for node-agents.',
      }),
    ),
    note: Optional(Type.String({ maxLength: 300 })),
  },
  closed,
);
export type RolloutRequest = Static<typeof RolloutRequest>;

const LeftOut = Type.Object({ name: NodeId, why: Type.String({ description: 'In words.' }) });
export const RolloutPlan = Type.Object({
  text: Type.String({ description: 'What would be rolled out, in words.' }),
  waves: Type.Array(
    Type.Object({
      size: Type.Integer(),
      names: Type.Array(NodeId, { maxItems: maxRolloutNames, description: 'The first of them.' }),
      classes: Type.Record(Type.String(), Type.Integer(), { description: 'How many of each hardware class.' }),
      away: Type.Integer({ description: 'Not here now: they follow when they are back.' }),
    }),
  ),
  leftOut: Type.Array(LeftOut, { maxItems: maxRolloutNames }),
  leftOutCount: Type.Integer(),
  maxUnavailable: Type.Integer(),
  soakSeconds: Type.Integer(),
  patienceSeconds: Type.Integer(),
  gates: Type.Array(GateName),
  warnings: Type.Array(Type.String(), { description: 'What a person should know before the start.' }),
});
export type RolloutPlan = Static<typeof RolloutPlan>;

export const RolloutState = Type.OneOf(
  ['running', 'paused', 'stopped', 'rolling-back', 'done', 'rolled-back', 'aborted'],
  { description: 'stopped: a gate was red, and a person decides; rolling-back: what was changed is changed back.' },
);
export type RolloutState = Static<typeof RolloutState>;

export const SubjectState = Type.OneOf(['waiting', 'told', 'done', 'failed', 'returning', 'returned', 'left'], {
  description:
    'told: under way; failed: it did not get there; returning: told to go back; returned: on the old one again; left: a person changed it since.',
});
export type SubjectState = Static<typeof SubjectState>;

export const RolloutSubject = Type.Object({
  name: NodeId,
  wave: Type.Integer({ description: 'From 1.' }),
  state: SubjectState,
  step: Optional(Text),
  was: Type.String({ description: 'What it had before, in words.' }),
  away: Type.Boolean(),
  sinceMs: TimeMs,
});
export type RolloutSubject = Static<typeof RolloutSubject>;

export const GateView = Type.Object({
  gate: GateName,
  verdict: Type.OneOf(['green', 'red', 'unknown'], {
    description: 'unknown: nothing was measured that says anything.',
  }),
  text: Type.String({ description: 'In words, with how much that proves.' }),
  now: Nullable(Type.Number(), { description: 'With the change.' }),
  before: Nullable(Type.Number(), { description: 'The same ones before it.' }),
  others: Nullable(Type.Number(), { description: 'Those without it, meanwhile.' }),
  allowed: Nullable(Type.Number(), { description: 'Red beyond this.' }),
  node: Optional(NodeId),
});
export type GateView = Static<typeof GateView>;

export const RolloutView = Type.Object({
  id: RolloutId,
  what: RolloutWhat,
  text: Type.String({ description: 'What is rolled out, in words.' }),
  state: RolloutState,
  reason: Type.String({ description: 'Why it is in this state, or what it waits for, in words.' }),
  waitsFor: Nullable(Type.OneOf(['nodes', 'away', 'soak', 'approval', 'window'])),
  wave: Type.Integer({ description: 'The present one, from 1.' }),
  waves: Type.Array(
    Type.Object({
      size: Type.Integer(),
      waiting: Type.Integer(),
      told: Type.Integer(),
      done: Type.Integer(),
      failed: Type.Integer(),
      returned: Type.Integer(),
      away: Type.Integer(),
    }),
  ),
  soakUntilMs: Nullable(TimeMs, { description: 'The end of the watch over the present wave.' }),
  gates: Type.Array(GateView),
  maxUnavailable: Type.Integer(),
  soakSeconds: Type.Integer(),
  onRed: Type.OneOf(['roll-back', 'stop']),
  approval: Type.OneOf(['none', 'first', 'each']),
  windows: Type.Array(RolloutWindow),
  driver: Type.OneOf(['coordinator', 'outside']),
  note: Type.String(),
  by: Asker,
  createdMs: TimeMs,
  endedMs: Nullable(TimeMs),
});
export type RolloutView = Static<typeof RolloutView>;

export const RolloutDetails = Type.Object({
  ...RolloutView.properties,
  subjects: Type.Array(RolloutSubject, {
    maxItems: maxRolloutNames,
    description: 'Those of which something is to be said come first.',
  }),
  subjectCount: Type.Integer(),
});
export type RolloutDetails = Static<typeof RolloutDetails>;

/** For what installs it from outside: who is next, or that it must stop. */
export const RolloutTurn = Type.Object({
  rollout: RolloutId,
  go: Type.OneOf(['install', 'wait', 'go-back', 'stop', 'done'], {
    description:
      'install: on `nodes`; wait: ask again; go-back: put what each had before back on `nodes`; stop: a gate was red or a person stopped it; done.',
  }),
  wave: Type.Integer(),
  nodes: Type.Array(Type.Object({ node: NodeId, was: Type.String({ description: 'The version before.' }) }), {
    maxItems: maxRolloutNames,
  }),
  version: Nullable(ReleaseVersion, { description: 'To install; null: what each had.' }),
  reason: Type.String(),
});
export type RolloutTurn = Static<typeof RolloutTurn>;

export const RolloutReport = Type.Object(
  {
    node: NodeId,
    state: Type.OneOf(['begun', 'installed', 'failed', 'returned']),
    text: Optional(Text),
  },
  closed,
);
export type RolloutReport = Static<typeof RolloutReport>;
