// The gates: what is measured of the subjects with the change is compared with what the same ones were before, and with those that do not
// have it yet. Red needs both: a hot day and a busy evening change all machines, and are no fault of a version. In: sums. Out: a verdict for
// each gate, with its figures and words that say how little few machines prove. Pure.
import {
  bytesInWords,
  chanceOfRed,
  counted,
  degreesInWords,
  type GateName,
  type GateView,
  gates,
  leastDecodeMs,
  leastErrorShare,
  leastReconnectsPerHour,
  leastSamples,
  listInWords,
  toleratedShare,
} from '@blackroad/protocol';
import type { Sums } from '../state/rollout-rows.ts';
import { chanceOfAtLeast, unseenShare } from './chance.ts';

/** A subject as the gates see it. */
export interface Measured {
  name: string;
  past: Sums;
  now: Sums;
}
export interface Evidence {
  /** With the change. */
  changed: readonly Measured[];
  /** Without it, here, and meant to get it. */
  others: readonly Measured[];
  /** Those that were told, in whatever state. */
  told: number;
  failed: readonly { name: string; step: string }[];
  lost: readonly string[];
  /** Away because they switch to the release that they were told. */
  switching: readonly string[];
  /** Why absences prove nothing now; null: they do. */
  excused: string | null;
}
type Verdict = Omit<GateView, 'gate'>;
type Judge = (evidence: Evidence) => Verdict;

type Counts = Pick<Sums, 'ms' | 'done' | 'failed' | 'tokens' | 'decodeMs' | 'reconnects'>;
/** Added up in place: of ten thousand nodes a new row for each addition would be most of the time of a step. */
function total(rows: readonly Measured[], of: 'past' | 'now'): Counts {
  const all = { ms: 0, done: 0, failed: 0, tokens: 0, decodeMs: 0, reconnects: 0 };
  for (const { [of]: each } of rows) {
    all.ms += each.ms;
    all.done += each.done;
    all.failed += each.failed;
    all.tokens += each.tokens;
    all.decodeMs += each.decodeMs;
    all.reconnects += each.reconnects;
  }
  return all;
}
const percent = (share: number) => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
const tolerated = (count: number) => Math.floor(count * toleratedShare);
const nothing = (text: string): Verdict => ({
  verdict: 'unknown',
  text,
  now: null,
  before: null,
  others: null,
  allowed: null,
});

const update: Judge = ({ told, failed }) => {
  const allowed = tolerated(told);
  const [first] = failed;
  const figures = { now: failed.length, before: null, others: null, allowed };
  if (!first)
    return {
      verdict: told > 0 ? 'green' : 'unknown',
      text: told > 0 ? 'none failed' : 'nobody was told yet',
      ...figures,
    };
  const text = `${failed.length} of ${told} did not get it; ${first.name}: ${first.step}`;
  return { verdict: failed.length > allowed ? 'red' : 'green', text, ...figures, node: first.name };
};

const contact: Judge = ({ told, lost, switching, excused }) => {
  const allowed = tolerated(told);
  const [first] = lost;
  const figures = { now: lost.length, before: null, others: null, allowed };
  if (!first)
    return {
      verdict: told > 0 ? 'green' : 'unknown',
      text: told > 0 ? hereWords(switching) : 'nobody was told yet',
      ...figures,
    };
  const text = `${lost.length} of ${told} with the change ${lost.length === 1 ? 'is' : 'are'} away, ${first} first`;
  if (excused !== null) return { verdict: 'unknown', text: `${text}; ${excused}`, ...figures, node: first };
  return { verdict: lost.length > allowed ? 'red' : 'green', text, ...figures, node: first };
};

function hereWords(switching: readonly string[]): string {
  return `none is lost${switching.length === 0 ? '' : `; switching now: ${listInWords(switching)}`}`;
}

const shareOf = ({ done, failed }: Counts): number | null => (done + failed > 0 ? failed / (done + failed) : null);
const taskErrors: Judge = ({ changed, others }) => {
  const now = total(changed, 'now');
  const tries = now.done + now.failed;
  if (tries === 0) return nothing('no task ended since: that proves nothing');
  const before = shareOf(total(changed, 'past'));
  const meanwhile = shareOf(total(others, 'now'));
  const share = now.failed / tries;
  const expected = Math.max(before ?? 0, meanwhile ?? 0, leastErrorShare);
  const allowed = expected * gates['task-errors'].factor;
  const isRed = share > allowed && chanceOfAtLeast(now.failed, expected * tries) < chanceOfRed;
  const few =
    now.failed === 0 && tries < 60 ? `; a share of up to ${percent(unseenShare(tries))} would look the same` : '';
  const text = `${now.failed} of ${counted(tries, 'attempt')} failed (${percent(share)})${compared(before, meanwhile, percent)}${few}`;
  return { verdict: isRed ? 'red' : 'green', text, now: share, before, others: meanwhile, allowed };
};

const hourMs = 3_600_000;
const rateOf = ({ reconnects, ms }: Counts): number | null => (ms > 0 ? (reconnects * hourMs) / ms : null);
const reconnects: Judge = ({ changed, others }) => {
  const sum = total(changed, 'now');
  const now = rateOf(sum);
  if (now === null) return nothing('no heartbeat since');
  const before = rateOf(total(changed, 'past'));
  const meanwhile = rateOf(total(others, 'now'));
  const expected = Math.max(before ?? 0, meanwhile ?? 0, leastReconnectsPerHour);
  const allowed = expected * gates.reconnects.factor;
  const isRed =
    sum.reconnects >= leastSamples &&
    now > allowed &&
    chanceOfAtLeast(sum.reconnects, (expected * sum.ms) / hourMs) < chanceOfRed;
  const inWords = (rate: number) => rate.toFixed(1);
  const text = `${sum.reconnects} in ${(sum.ms / hourMs).toFixed(1)} h of all together (${inWords(now)} an hour)${compared(before, meanwhile, inWords)}`;
  return { verdict: isRed ? 'red' : 'green', text, now, before, others: meanwhile, allowed };
};

const speedOf = ({ tokens, decodeMs }: Pick<Sums, 'tokens' | 'decodeMs'>): number | null =>
  decodeMs > 0 ? (tokens * 1000) / decodeMs : null;
/** What these would have written in the time that they wrote, at their own speeds of before: so a slow and a fast machine are not mixed up. */
function atPastSpeed(rows: readonly Measured[]): { tokens: number; now: Counts; pastMs: number } {
  const measured = rows.filter(({ past, now }) => past.decodeMs > 0 && now.decodeMs > 0);
  let tokens = 0;
  for (const { past, now } of measured) tokens += (past.tokens / past.decodeMs) * now.decodeMs;
  return { tokens, now: total(measured, 'now'), pastMs: total(measured, 'past').decodeMs };
}
/** Answers from which on one machine is judged by itself. */
const enoughAnswers = 10;
const tokens: Judge = ({ changed, others }) => {
  const sum = total(changed, 'now');
  const now = speedOf(sum);
  if (now === null) return nothing('no answer was written since: that proves nothing');
  const own = atPastSpeed(changed);
  const answers = own.now.done;
  const words = (speed: number) => `${speed.toFixed(1)} tokens/s`;
  const few =
    answers < leastSamples
      ? `; only ${counted(answers, 'answer')}`
      : Math.min(own.now.decodeMs, own.pastMs) < leastDecodeMs
        ? '; less than a second of writing proves nothing'
        : '';
  if (own.tokens === 0) return { ...nothing(`${words(now)}; nothing is known of before`), now };
  const before = (own.tokens * 1000) / own.now.decodeMs;
  const same = speedOf(own.now) as number;
  const rest = atPastSpeed(others);
  const drift = rest.tokens > 0 ? Math.min(1, rest.now.tokens / rest.tokens) : 1;
  const meanwhile = speedOf(total(others, 'now'));
  const allowed = before * drift * gates.tokens.factor;
  const text = `${words(same)}${compared(before, meanwhile, words)}${few}`;
  // One slow GPU box is not seen among the many tokens of others.
  const slow = changed.filter(({ past, now: since }) => {
    const [was, is] = [speedOf(past), speedOf(since)];
    const isEnough = since.done >= enoughAnswers && since.decodeMs >= leastDecodeMs && past.decodeMs >= leastDecodeMs;
    return was !== null && is !== null && isEnough && is < was * drift * gates.tokens.factor;
  });
  const figures = { now: same, before, others: meanwhile, allowed };
  const [first] = slow;
  if (first && slow.length > tolerated(changed.length)) {
    const of = `${first.name} writes ${words(speedOf(first.now) ?? 0)}, ${words(speedOf(first.past) ?? 0)} before`;
    return { verdict: 'red', text: `${of}; all together ${text}`, ...figures, node: first.name };
  }
  const isLittle = answers < leastSamples || own.now.decodeMs < leastDecodeMs || own.pastMs < leastDecodeMs;
  const verdict = isLittle ? 'unknown' : same < allowed ? 'red' : 'green';
  return { verdict, text, ...figures };
};

/** A figure of each machine by itself: the mean over heartbeats. */
interface MeanGate {
  gate: 'temperature' | 'sd-writes' | 'memory';
  mean: (sums: Sums) => number | null;
  /** Of the time since; missing: the mean. */
  now?: (sums: Sums) => number | null;
  words: (value: number) => string;
  /** Whether the others shift what is expected by a difference, or by a factor. */
  drifts: 'by-difference' | 'by-factor';
}
const ofEach =
  ({ gate, mean, now: last = mean, words, drifts }: MeanGate): Judge =>
  ({ changed, others }) => {
    const { factor, slack } = gates[gate];
    const pairs = (rows: readonly Measured[]) =>
      rows.flatMap(({ name, past, now }) => {
        const [before, since] = [mean(past), now.beats < leastSamples ? null : last(now)];
        return since === null ? [] : [{ name, before, now: since }];
      });
    const own = pairs(changed);
    if (own.length === 0) return nothing('nothing was measured since');
    const known = own.flatMap(({ name, before, now }) => (before === null ? [] : [{ name, before, now }]));
    const rest = pairs(others).flatMap(({ before, now }) => (before === null ? [] : [{ before, now }]));
    const sum = (rows: readonly { before: number; now: number }[], of: 'before' | 'now') =>
      rows.reduce((all, row) => all + row[of], 0);
    const differs = rest.length === 0 ? 0 : Math.max(0, (sum(rest, 'now') - sum(rest, 'before')) / rest.length);
    const grows = sum(rest, 'before') > 0 ? Math.max(1, sum(rest, 'now') / sum(rest, 'before')) : 1;
    const allowedOf = (before: number) =>
      (drifts === 'by-difference' ? before + differs : before * grows) * factor + slack;
    const meanwhile = rest.length === 0 ? null : sum(rest, 'now') / rest.length;
    const red = known.filter(({ before, now }) => now > allowedOf(before));
    const over = ({ before, now }: { before: number; now: number }) => now - allowedOf(before);
    const [first] = known;
    const worst = first && known.reduce((most, each) => (over(each) > over(most) ? each : most), first);
    if (!worst) {
      const now = own.reduce((all, each) => all + each.now, 0) / own.length;
      return { ...nothing(`${words(now)}; nothing is known of before`), now };
    }
    const figures = { now: worst.now, before: worst.before, others: meanwhile, allowed: allowedOf(worst.before) };
    const many = red.length > 1 ? `${red.length} of ${own.length} are too high; ` : '';
    const text = `${many}${worst.name}: ${words(worst.now)}${compared(worst.before, meanwhile, words)}`;
    return { verdict: red.length > tolerated(own.length) ? 'red' : 'green', text, ...figures, node: worst.name };
  };

function compared(before: number | null, meanwhile: number | null, words: (value: number) => string): string {
  const past = before === null ? 'nothing is known of before' : `${words(before)} before`;
  return `, ${past}${meanwhile === null ? '; nobody is left to compare with' : `; ${words(meanwhile)} without the change`}`;
}

const judges: Record<GateName, Judge> = {
  update,
  contact,
  'task-errors': taskErrors,
  reconnects,
  tokens,
  temperature: ofEach({
    gate: 'temperature',
    mean: ({ temperatureC, temperatureBeats }) => (temperatureBeats > 0 ? temperatureC / temperatureBeats : null),
    words: degreesInWords,
    drifts: 'by-difference',
  }),
  'sd-writes': ofEach({
    gate: 'sd-writes',
    mean: ({ sdBytes, sdBeats }) => (sdBeats > 0 ? sdBytes / sdBeats : null),
    words: (value) => `${bytesInWords(value)} a day`,
    drifts: 'by-factor',
  }),
  memory: ofEach({
    gate: 'memory',
    mean: ({ rssBytes, beats }) => (beats > 0 ? rssBytes / beats : null),
    // A leak shows in the last value long before it shows in the mean.
    now: ({ rssLastBytes, beats }) => (beats > 0 ? rssLastBytes : null),
    words: bytesInWords,
    drifts: 'by-factor',
  }),
};

export function judge(names: readonly GateName[], evidence: Evidence): GateView[] {
  return names.map((gate) => ({ gate, ...judges[gate](evidence) }));
}
