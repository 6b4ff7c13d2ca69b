// Verbs for rollouts: plan, start, list, show, watch, and what a person tells one that is under way.
import { FleetError, type RolloutDetails, type RolloutRequest, type RouteName } from '@blackroad/protocol';
import { sleep } from '@blackroad/std/clock';
import { holdProcess } from '@blackroad/std/hold-process';
import { planWords, rolloutTable, rolloutWords } from '../rollout-screen.ts';
import { wavesOf, whatOf, windowOf } from '../rollout-words.ts';
import {
  argument,
  type Flag,
  labelsFlag,
  numberFlag,
  secondsFlag,
  textFlag,
  textsFlag,
  type Verb,
  type VerbCall,
} from '../verb.ts';

const lookMs = 2_000;
/** A coordinator that is started again, or upgraded, is back by then. */
const absenceMs = 120_000;
const screenOf = ({ paint, columns, clock }: VerbCall) => ({ paint, columns, nowMs: clock.nowMs() });

const flags: Record<string, Flag> = {
  only: { type: 'string', value: '<a,b>', text: 'Only these nodes, or agents.' },
  class: { type: 'string', value: '<class>', text: 'Only nodes of this hardware class.' },
  site: { type: 'string', value: '<site>', text: 'Only nodes at this site.' },
  labels: { type: 'string', value: '<a=b>', text: 'Only nodes with these labels.' },
  waves: {
    type: 'string',
    value: '<list>',
    text: 'Numbers and percents of each class, labels (ring=a) or names (a+b); 1,5%,25%,100% unless given.',
  },
  soak: { type: 'string', value: '<time>', text: 'How long each wave is watched; 10m unless given.' },
  patience: { type: 'string', value: '<time>', text: 'A node that has not got it by then has failed.' },
  'max-unavailable': {
    type: 'string',
    value: '<n>',
    text: 'At most so many are under way at once; a tenth unless given.',
  },
  gates: { type: 'string', value: '<a,b>', text: 'Only these gates stop it.' },
  'on-red': { type: 'string', value: '<what>', values: ['roll-back', 'stop'], text: 'What a red gate does.' },
  approval: {
    type: 'string',
    value: '<when>',
    values: ['none', 'first', 'each'],
    text: 'Whether a person approves the next wave: after the first one, after each, or never.',
  },
  window: {
    type: 'string',
    value: '<hours>',
    many: true,
    text: 'Only in these hours something new begins: 22:00-06:00 or "sat,sun 09:00-18:00".',
  },
  restart: {
    type: 'string',
    value: '<when>',
    values: ['if-needed', 'never'],
    text: 'With os: machines that need a restart get one, one of a site at a time, or none does.',
  },
  downgrade: { type: 'boolean', text: 'An older version than a node runs is meant.' },
  outside: { type: 'boolean', text: 'Something else installs it, such as ansible, and asks for each wave.' },
  note: { type: 'string', value: '<text>', text: 'Why, for others to read.' },
};
const listOf = (text: string | undefined) => text?.split(',').flatMap((each) => each.trim() || []);
/** Only what was given: the coordinator knows the defaults. */
function given<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

function requestOf(call: VerbCall): RolloutRequest {
  const text = (name: string) => textFlag(call, name);
  const waves = text('waves');
  const windows = textsFlag(call, 'window').map(windowOf);
  const select = given({
    names: listOf(text('only')),
    class: text('class'),
    site: text('site'),
    labels: labelsFlag(call, 'labels'),
  });
  return {
    what: whatOf(call.args, text('restart')),
    ...given({
      select: Object.keys(select).length > 0 ? select : undefined,
      waves: waves === undefined ? undefined : wavesOf(waves),
      soakSeconds: secondsFlag(call, 'soak'),
      patienceSeconds: secondsFlag(call, 'patience'),
      maxUnavailable: numberFlag(call, 'max-unavailable'),
      gates: listOf(text('gates')) as RolloutRequest['gates'],
      onRed: text('on-red') as RolloutRequest['onRed'],
      approval: text('approval') as RolloutRequest['approval'],
      windows: windows.length > 0 ? windows : undefined,
      downgrade: call.flags.downgrade === true ? true : undefined,
      driver: call.flags.outside === true ? ('outside' as const) : undefined,
      note: text('note'),
    }),
  };
}

const over = new Set(['done', 'rolled-back', 'aborted']);
/** Asks again while the coordinator is away. */
async function shown(call: VerbCall, id: string): Promise<RolloutDetails> {
  const client = call.client();
  const { clock, signal } = call;
  const untilMs = clock.monotonicMs() + absenceMs;
  for (let tries = 0; ; tries++) {
    try {
      return await client.call('rollout', { params: { rollout: id } });
    } catch (error) {
      const isAway = error instanceof FleetError && ['no-coordinator', 'unavailable'].includes(error.code);
      if (!isAway || signal.aborted || clock.monotonicMs() >= untilMs) throw error;
      if (tries === 0) call.note(`${error.message}; it is asked again for ${absenceMs / 60_000} minutes.`);
      await sleep(clock, lookMs);
    }
  }
}

/** The screen is drawn anew until the rollout is over, stands still, or a person interrupts. */
async function watch(call: VerbCall, id: string): Promise<RolloutDetails> {
  // One that does not exist, or a coordinator that was never there, is said at once.
  let rollout = await call.client().call('rollout', { params: { rollout: id } });
  const letGo = holdProcess();
  let lines = 0;
  try {
    for (;;) {
      if (!call.json) {
        const text = rolloutWords(rollout, screenOf(call));
        // In a terminal each picture replaces the one before.
        call.write(`${call.interactive && lines > 0 ? `\u001b[${lines}A\u001b[J` : ''}${text}\n`);
        lines = text.split('\n').length;
      }
      if (over.has(rollout.state) || rollout.state === 'stopped' || call.signal.aborted) return rollout;
      await sleep(call.clock, lookMs);
      rollout = await shown(call, id);
    }
  } finally {
    letGo();
  }
}

type Act = Extract<RouteName, 'rolloutPause' | 'rolloutResume' | 'rolloutApprove' | 'rolloutAbort' | 'rolloutBack'>;
const acting = (words: string, text: string, route: Act): Verb => ({
  words: `rollouts ${words}`,
  args: '<rollout>',
  text,
  completes: 'rollouts',
  async run(call) {
    const rollout = await call.client().call(route, { params: { rollout: argument(call, 0, '<rollout>') } });
    call.show(rollout, () => `${rollout.text}: ${rollout.state}${rollout.reason === '' ? '' : `, ${rollout.reason}`}`);
  },
});
const list: Omit<Verb, 'words'> = {
  args: '',
  text: 'Lists rollouts, newest first.',
  async run(call) {
    const all = await call.client().call('rollouts');
    call.show(all, () =>
      all.length === 0
        ? `No rollouts. See what one would do: ${call.as.fleet('rollouts plan node-agent <version>')}`
        : rolloutTable(all, screenOf(call)),
    );
  },
};

export const rolloutVerbs: Verb[] = [
  { words: 'rollouts', ...list },
  { words: 'rollouts list', ...list },
  {
    words: 'rollouts plan',
    args: '<what> <version...>',
    text: 'What a rollout would do: its waves, who is left out and why. Nothing is changed.',
    flags,
    async run(call) {
      const plan = await call.client().call('rolloutPlan', { body: requestOf(call) });
      call.show(plan, () => planWords(plan, screenOf(call)));
    },
  },
  {
    words: 'rollouts start',
    args: '<what> <version...>',
    text: 'Starts a rollout: node-agent <version>, model <name>, agents <field=value...>, labels <name=value...>, balena <release>, os <security|all>.',
    flags,
    async run(call) {
      const rollout = await call.client().call('rolloutStart', { body: requestOf(call) });
      call.show(
        rollout,
        () =>
          `${rollout.text} is rolled out in ${rollout.waves.length} waves. Watch it: ${call.as.fleet(`rollouts watch ${rollout.id}`)}`,
      );
    },
  },
  {
    words: 'rollouts show',
    args: '<rollout>',
    text: 'One rollout: its waves, its gates with their figures, who failed and why.',
    completes: 'rollouts',
    async run(call) {
      const params = { rollout: argument(call, 0, '<rollout>') };
      const rollout = await call.client().call('rollout', { params });
      call.show(rollout, () => rolloutWords(rollout, screenOf(call)));
    },
  },
  {
    words: 'rollouts watch',
    args: '<rollout>',
    text: 'Shows a rollout as it goes, until it is over or stops. Ends with 1 where it did not get through.',
    completes: 'rollouts',
    async run(call) {
      const rollout = await watch(call, argument(call, 0, '<rollout>'));
      if (call.json) call.show(rollout, () => '');
      if (rollout.state !== 'done' && !call.signal.aborted)
        throw new FleetError('conflict', { detail: `${rollout.text} is ${rollout.state}: ${rollout.reason}` });
    },
  },
  acting('pause', 'Tells no further node; what is under way goes on.', 'rolloutPause'),
  acting('resume', 'Goes on after a pause, or after a red gate that stopped it.', 'rolloutResume'),
  acting('approve', 'Lets the next wave begin.', 'rolloutApprove'),
  acting('abort', 'Ends a rollout that is not over, and puts what was changed back.', 'rolloutAbort'),
  acting('back', 'Puts what a rollout changed back, also when it was done.', 'rolloutBack'),
];
