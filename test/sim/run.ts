// `make sim`: plays a range of seeds and reports broken invariants; one seed is played to its first broken invariant, with its trace. `make
// sim-hour`: plays new seeds for a given time.
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { playAll, type Seed } from './crew.ts';
import type { Played } from './world.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '2000' },
    /** Replaces `seeds`: new seeds for this long. */
    minutes: { type: 'string' },
    trace: { type: 'string', default: '120' },
    threads: { type: 'string', default: String(availableParallelism()) },
    'until-broken': { type: 'boolean', default: false },
  },
});
const minutes = values.minutes === undefined ? null : Number(values.minutes);
if (minutes !== null && !(minutes > 0 && minutes <= 10_080))
  throw new Error(`--minutes: expected a number above 0 and at most 10080 (a week), got ${values.minutes}`);
// A seed of the present second is well above those of `make sim` and of the tests.
const first = Number(values.seed ?? (minutes === null ? 1 : Math.floor(performance.timeOrigin / 1000)));
const count = minutes === null ? Number(values.seeds) : Number.POSITIVE_INFINITY;
const traceLines = Number(values.trace);
const say = (text: string) => process.stdout.write(`${text}\n`);
const add = (sums: Record<string, number>, more: Record<string, number>) => {
  for (const [name, times] of Object.entries(more)) sums[name] = (sums[name] ?? 0) + times;
};
const table = (sums: Record<string, number>) =>
  Object.entries(sums)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, times]) => `  ${name.padEnd(36)} ${times}`)
    .join('\n');

const startedMs = performance.now();
const sums = { faults: {}, actions: {}, exercised: {} };
const broken: Played[] = [];
let virtualMs = 0;
let done = 0;
function note(played: Played): boolean {
  const { seed } = played;
  virtualMs += played.virtualMs;
  add(sums.faults, played.faults);
  add(sums.actions, played.actions);
  add(sums.exercised, played.exercised);
  if (played.broken) {
    broken.push(played);
    const { checker, text, atMs } = played.broken;
    if (count === 1) say(played.trace.slice(-traceLines).join('\n'));
    say(`seed ${seed} broke ${checker} at ${(atMs / 1000).toFixed(3)} s: ${text}`);
    say(`  again: make sim SEED=${seed} SEEDS=1`);
  }
  if (++done % 100 === 0)
    say(
      `${done}${minutes === null ? ` of ${count}` : ''} seeds, ${broken.length} broken, ${((performance.now() - startedMs) / 1000).toFixed(0)} s`,
    );
  if (count === 1) say(`trace ${played.hash}, ${played.events} events`);
  return !(values['until-broken'] && broken.length > 0);
}
function* seeds(): Generator<Seed> {
  for (let i = 0; i < count; i++) {
    if (minutes !== null && performance.now() - startedMs > minutes * 60_000) return;
    yield { seed: first + i };
  }
}
// A single seed shows its trace, and the first broken seed is the first in order, so one thread plays.
const threads = count === 1 || values['until-broken'] ? 1 : Math.max(1, Number(values.threads));
await playAll(seeds(), threads, note);
const tookS = (performance.now() - startedMs) / 1000;
say(
  `seeds run: ${done} (${first} to ${first + done - 1}) in ${tookS.toFixed(0)} s, ${(done / tookS).toFixed(1)} a second on ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
);
say(`virtual hours: ${(virtualMs / 3_600_000).toFixed(1)}`);
say(`faults injected:\n${table(sums.faults)}`);
say(`what people did:\n${table(sums.actions)}`);
say(`invariants, and how often each was exercised:\n${table(sums.exercised)}`);
say(`sim ${done} seeds ${broken.length} broken`);
process.exitCode = broken.length > 0 ? 1 : 0;
