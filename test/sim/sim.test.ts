// The simulator within `make test`: 200 seeds, every seed that ever failed, and a seed whose world must stay the same.
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import t from 'tap';
import { checkers } from './checkers/all.ts';
import { playAll } from './crew.ts';
import { faults } from './faults.ts';
import { type Mutant, mutants, sourceOf } from './mutants.ts';
import { actions } from './people.ts';
import { type Played, World } from './world.ts';

t.setTimeout(600_000);
const failed = JSON.parse(readFileSync(new URL('seeds.json', import.meta.url), 'utf8')) as {
  seed: number;
  /** False: it was found before there were programs in some worlds. */
  hasClients?: boolean;
}[];
/**
 * The trace of one world: a change of the order of events, or of a message, is detected here and must be intended. Renewed by `make sim
 * SEED=7 SEEDS=1`, which prints the trace; a commit that renews it says why the trace changed.
 */
const pinned = { seed: 7, trace: 'e3955f5ccabb9891313896e9c1373aa19f08e4aba81e822ffc58bf107384cd38', events: 16697 };
const words = ({ seed, broken }: Played) =>
  broken ? `seed ${seed}: ${broken.checker} at ${Math.round(broken.atMs)} ms: ${broken.text}` : null;

t.test('a seed is one world: the same events in the same order', async (t) => {
  const first = await new World(7).play();
  const again = await new World(7).play();
  t.equal(again.hash, first.hash);
  t.equal(again.events, first.events);
  t.not((await new World(8).play()).hash, first.hash);
});

t.test('the pinned world is as it was', async (t) => {
  const { hash, events } = await new World(pinned.seed).play();
  t.same(
    { seed: pinned.seed, trace: hash, events },
    pinned,
    `the world of seed ${pinned.seed} is another; if that is meant, put the trace that \`make sim SEED=${pinned.seed} SEEDS=1\` says into sim.test.ts, and say in the commit why it changed`,
  );
});

t.test('seeds that failed once', async (t) => {
  for (const { seed, hasClients } of failed)
    t.equal(words(await new World(seed, hasClients === undefined ? {} : { hasClients }).play()), null);
});

t.test('200 seeds', async (t) => {
  const exercised: Record<string, number> = {};
  const injected: Record<string, number> = {};
  const acted: Record<string, number> = {};
  const add = (sums: Record<string, number>, more: Record<string, number>) => {
    for (const [name, times] of Object.entries(more)) sums[name] = (sums[name] ?? 0) + times;
  };
  for (let from = 1; from <= 200; from += 50) {
    await t.test(`seeds ${from} to ${from + 49}`, async (t) => {
      const broken: (string | null)[] = [];
      const seeds = Array.from({ length: 50 }, (_, i) => from + i);
      await playAll(seeds, Math.max(2, availableParallelism()), (played) => {
        add(exercised, played.exercised);
        add(injected, played.faults);
        add(acted, played.actions);
        if (played.broken) broken.push(words(played));
        return true;
      });
      t.same(broken, []);
    });
  }
  t.equal(Object.keys(exercised).length, checkers.length);
  for (const [name, times] of Object.entries(exercised)) t.ok(times > 0, `${name} was exercised`);
  for (const { name } of faults) t.ok((injected[name] ?? 0) > 0, `${name} was injected`);
  for (const { name } of actions) t.ok((acted[name] ?? 0) > 0, `people did: ${name}`);
});

t.test('mutants still apply: each names a text that stands once in its file', async (t) => {
  for (const mutant of mutants satisfies readonly Mutant[]) {
    const parts = sourceOf(mutant.file).split(mutant.search);
    t.equal(parts.length, 2, `${mutant.name}: found ${parts.length - 1} times in ${mutant.file}`);
    t.not(mutant.search, mutant.replace);
  }
});
