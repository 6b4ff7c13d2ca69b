// The look at the fleet: while somebody sees it, slower where looking takes long, later and later where nobody answers, not at all with a key
// that is refused.
import { FleetError } from '@blackroad/protocol';
import { type Clock, systemClock } from '@blackroad/std/clock';
import t from 'tap';
import type { Client } from '../../../coordinator/cli/src/client.ts';
import { type FleetState, FleetWatch } from './watch.ts';

/** A fleet that answers as it is told, and timers by the test's hand. */
function stage() {
  let nowMs = 0;
  let answer: () => unknown[] = () => [];
  let waiting: { afterMs: number; run: () => void } | null = null;
  let asked = 0;
  const clock: Clock = {
    ...systemClock,
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    after(afterMs, run) {
      const own = { afterMs, run };
      waiting = own;
      return {
        cancel() {
          if (waiting === own) waiting = null;
        },
      };
    },
  };
  const client = {
    async call() {
      asked++;
      return answer();
    },
  } as unknown as Client;
  const states: FleetState[] = [];
  const watch = new FleetWatch({
    clock,
    random: { next: () => 1, hex: () => '' },
    onChange: (state) => void states.push(state),
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return {
    watch,
    client,
    states,
    settle,
    asked: () => asked / 2,
    pauseMs: () => waiting?.afterMs ?? null,
    answers(next: () => unknown[]) {
      answer = next;
    },
    passes(ms: number) {
      nowMs += ms;
    },
    async fire() {
      const now = waiting;
      waiting = null;
      now?.run();
      await settle();
    },
  };
}
const fails = (code: 'no-coordinator' | 'not-signed-in') => () => {
  throw new FleetError(code, { detail: `${code}.` });
};

t.test('nobody is asked while nobody looks', async (t) => {
  const { watch, client, asked, settle, fire, pauseMs } = stage();
  watch.use(client);
  await settle();
  t.equal(asked(), 0);
  watch.show(true);
  await settle();
  t.equal(asked(), 1);
  t.match(watch.state, { kind: 'live', seen: { nodes: { length: 0 }, agents: { length: 0 } } });
  t.equal(pauseMs(), 3_000);
  watch.show(false);
  t.equal(pauseMs(), null);
  await fire();
  t.equal(asked(), 1);
  watch.show(true);
  await settle();
  t.equal(asked(), 2);
});

t.test('pauses grow while nobody answers, what was seen stays, and it comes back', async (t) => {
  const { watch, client, settle, fire, pauseMs, answers } = stage();
  watch.show(true);
  watch.use(client);
  await settle();
  answers(fails('no-coordinator'));
  const pauses: (number | null)[] = [];
  for (let i = 0; i < 7; i++) {
    await fire();
    pauses.push(pauseMs());
  }
  t.same(pauses, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  t.match(watch.state, { kind: 'away', why: 'no-coordinator.', isRefused: false, seen: { atMs: 0 } });
  answers(() => []);
  await fire();
  t.match(watch.state, { kind: 'live' });
  t.equal(pauseMs(), 3_000);
});

t.test('a key that is refused is not tried again by itself', async (t) => {
  const { watch, client, settle, pauseMs, answers, asked } = stage();
  answers(fails('not-signed-in'));
  watch.show(true);
  watch.use(client);
  await settle();
  t.match(watch.state, { kind: 'away', isRefused: true, why: /Fleet: Sign in takes another key/ });
  t.equal(pauseMs(), null);
  watch.refresh();
  await settle();
  t.equal(asked(), 2, 'a person may look again');
});

t.test('looking takes at most a twentieth of the time', async (t) => {
  const { watch, client, settle, pauseMs, answers, passes } = stage();
  answers(() => {
    passes(200);
    return [];
  });
  watch.show(true);
  watch.use(client);
  await settle();
  t.equal(pauseMs(), 8_000, 'two answers of 200 ms');
});

t.test('an answer of the fleet before is not shown as one of this', async (t) => {
  const { watch, client, settle, states } = stage();
  const late = Promise.withResolvers<unknown[]>();
  const other = { call: () => late.promise } as unknown as Client;
  watch.show(true);
  watch.use(other);
  await settle();
  watch.use(client);
  late.resolve([{ id: 'stranger' }]);
  await settle();
  await settle();
  t.match(watch.state, { kind: 'live', seen: { nodes: { length: 0 } } });
  t.notMatch(JSON.stringify(states), /stranger/);
  watch.use(null);
  await settle();
  t.same(watch.state, { kind: 'signed-out' });
});
