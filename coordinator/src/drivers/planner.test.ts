// The planner over a virtual clock: when it plans, that it gives the loop back between slices, that one plan is carried out at a time,
// what rest it keeps, and that what came too late is planned anew. The decisions and the view are the real ones.
import { FleetError } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import { seededRandom } from '@blackroad/std/random';
import t from 'tap';
import { SampleFleet, said } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { GiB, modelOf } from '../../../test/fixtures/coordinator/sample-supply.ts';
import { decisions } from '../road/decisions.ts';
import { apply } from '../state/apply.ts';
import type { Change } from '../state/change.ts';
import type { Outcome } from '../state/decision.ts';
import type { Answer, Decide, InputKind, Inputs } from '../state/input.ts';
import type { NodeRow } from '../state/rows.ts';
import type { View } from '../state/view.ts';
import { Planner } from './planner.ts';

/** Time stands still unless told; each look at it costs `lookMs`, so that computing takes time. */
class VirtualClock implements Clock {
  now = 0;
  lookMs = 0;
  turns = 0;
  #timers: { atMs: number; run: () => void; everyMs: number }[] = [];
  #soon: (() => void)[] = [];
  readonly #startMs: number;
  constructor(startMs: number) {
    this.#startMs = startMs;
  }
  nowMs() {
    return this.#startMs + this.now;
  }
  monotonicMs() {
    this.now += this.lookMs;
    return this.now;
  }
  uptimeMs() {
    return this.now;
  }
  #add(delayMs: number, run: () => void, everyMs: number) {
    const timer = { atMs: this.now + delayMs, run, everyMs };
    this.#timers.push(timer);
    return { cancel: () => this.#drop(timer) };
  }
  #drop(timer: object) {
    this.#timers = this.#timers.filter((each) => each !== timer);
  }
  after(delayMs: number, run: () => void) {
    return this.#add(delayMs, run, 0);
  }
  every(periodMs: number, run: () => void) {
    return this.#add(periodMs, run, periodMs);
  }
  soon(run: () => void) {
    this.#soon.push(run);
  }
  /** Runs all that is due within so many milliseconds. */
  async pass(ms: number) {
    const until = this.now + ms;
    for (;;) {
      // Promises first, as in a real turn.
      await new Promise(setImmediate);
      const run = this.#soon.shift();
      if (run) {
        this.turns++;
        run();
        continue;
      }
      const [next] = this.#timers.toSorted((a, b) => a.atMs - b.atMs);
      if (!next || next.atMs > until) break;
      this.now = Math.max(this.now, next.atMs);
      if (next.everyMs > 0) next.atMs += next.everyMs;
      else this.#drop(next);
      next.run();
    }
    this.now = Math.max(this.now, until);
  }
}

function open(fleet = new SampleFleet()) {
  const clock = new VirtualClock(fleet.now);
  const kinds: InputKind[] = [];
  const faults: Error[] = [];
  const rig = {
    fleet,
    clock,
    kinds,
    faults,
    /** Before an input is decided. */
    meanwhile: (_kind: InputKind) => {},
    planner: null as unknown as Planner,
    change(changes: Change[]) {
      for (const change of changes) {
        const reason = rig.planner.judge(fleet.view, change);
        apply(fleet.view, change);
        const urgency = reason && rig.planner.note([reason]);
        if (urgency) rig.planner.wanted(urgency);
      }
    },
    async submit<K extends InputKind>(kind: K, input: Inputs[K]): Promise<Outcome<Answer<K>>> {
      await null;
      rig.meanwhile(kind);
      kinds.push(kind);
      const decide = decisions[kind] as Decide<InputKind>;
      const decision = decide(fleet.view as View, input as never, clock.nowMs(), fleet.policy);
      rig.change(decision.changes);
      fleet.messages.push(...decision.messages);
      return decision.outcome as Outcome<Answer<K>>;
    },
  };
  const { policy } = fleet;
  const submit: typeof rig.submit = (kind, input) => rig.submit(kind, input);
  rig.planner = new Planner({
    view: fleet.view as View,
    policy,
    clock,
    random: seededRandom(1),
    submit,
    fatal: (error) => faults.push(error),
  });
  return rig;
}
function pis(count: number, over: { memoryFreeBytes?: number } = {}): SampleFleet {
  const fleet = new SampleFleet();
  for (let i = 0; i < count; i++) {
    fleet.online(`pi-${i}`);
    fleet.capacity(`pi-${i}`, { models: [modelOf('small', { resident: true, residentBytes: 1.2 * GiB })], ...over });
  }
  return fleet;
}
const placed = (fleet: SampleFleet) => [...fleet.view.agents.values()].filter(({ placement }) => placement).length;
function agentRows(count: number, from = 0): Change[] {
  const aside = new SampleFleet();
  for (let i = from; i < from + count; i++) aside.apply1(`a-${i}`);
  return [...aside.view.agents.values()].map((row) => ({ type: 'agent', row }));
}

t.test('a new agent has its place a few milliseconds after it was applied', async (t) => {
  const rig = open(pis(3));
  rig.planner.start();
  await rig.clock.pass(100);
  rig.change(agentRows(1));
  await rig.clock.pass(9);
  t.equal(placed(rig.fleet), 0, 'what comes together is planned together');
  await rig.clock.pass(1);
  t.equal(placed(rig.fleet), 1);
  t.same(rig.planner.figures.moves, { new: 1 });
  t.same(rig.faults, []);
});

t.test('a large plan gives the loop back, and is carried out in parts', async (t) => {
  const rig = open(pis(400));
  rig.planner.start();
  await rig.clock.pass(100);
  rig.clock.turns = 0;
  rig.change(agentRows(2000));
  await rig.clock.pass(10);
  t.equal(placed(rig.fleet), 2000);
  t.ok(rig.clock.turns > 2, `${rig.clock.turns} turns of the loop`);
  t.equal(rig.kinds.filter((kind) => kind === 'plan-apply').length, Math.ceil(2000 / 96));
});

t.test('ordinary plans rest nine times as long as they took, urgent ones a quarter of a second at most', async (t) => {
  const rig = open(pis(60));
  rig.planner.start();
  await rig.clock.pass(1000);
  rig.clock.lookMs = 5;
  rig.change(agentRows(300));
  await rig.clock.pass(10);
  rig.clock.lookMs = 0;
  const { lastCpuMs } = rig.planner.figures;
  t.ok(lastCpuMs * 9 > 300, `it took ${lastCpuMs} ms`);
  t.equal(placed(rig.fleet), 300);
  const { plans } = rig.planner.figures;
  const capacity = rig.fleet.view.live.get('pi-0')?.capacity;
  if (capacity) rig.change([{ type: 'capacity', node: 'pi-0', capacity: { ...capacity, models: [] } }]);
  await rig.clock.pass(245);
  t.equal(rig.planner.figures.plans, plans, 'a model that went is no hurry');
  rig.change(agentRows(1, 300));
  await rig.clock.pass(20);
  // The agents of pi-0 have moved too, and the room that they left is a reason for the second of these.
  t.equal(rig.planner.figures.plans, plans + 2, 'an agent without a node is');
  t.equal(placed(rig.fleet), 301);
});

t.test('a plan that came too late is made anew', async (t) => {
  const rig = open(pis(2));
  rig.planner.start();
  await rig.clock.pass(100);
  let first = true;
  rig.meanwhile = (kind) => {
    if (kind !== 'plan-apply' || !first) return;
    first = false;
    for (const { row } of [rig.fleet.node('pi-0'), rig.fleet.node('pi-1')].map((row) => ({ row })))
      if (row.id === 'pi-0') rig.change([{ type: 'node', row: { ...row, cordoned: true } }]);
  };
  rig.change(agentRows(4));
  await rig.clock.pass(500);
  t.equal(placed(rig.fleet), 4);
  t.same([...new Set([...rig.fleet.view.agents.values()].map(({ placement }) => placement?.node))], ['pi-1']);
  t.equal(rig.planner.figures.stale, 2);
});

t.test('a loop with no room for inputs is asked again; a broken one ends the process', async (t) => {
  const rig = open(pis(1));
  let refused = 2;
  rig.meanwhile = (kind) => {
    if (kind === 'plan-apply' && refused-- > 0) throw new FleetError('unavailable');
  };
  rig.planner.start();
  rig.change(agentRows(1));
  await rig.clock.pass(1000);
  t.equal(placed(rig.fleet), 1);
  t.same(rig.faults, []);
  rig.meanwhile = () => {
    throw new Error('broken');
  };
  rig.change(agentRows(1, 1));
  await rig.clock.pass(1000);
  t.match(rig.faults, [{ message: 'broken' }]);
});

t.test('stopped, it plans nothing any more', async (t) => {
  const rig = open(pis(300));
  rig.planner.start();
  await rig.clock.pass(100);
  rig.change(agentRows(1000));
  rig.meanwhile = () => rig.planner.stop();
  await rig.clock.pass(10_000);
  t.equal(placed(rig.fleet), 96, 'what was under way');
  t.same(rig.faults, []);
});

t.test(
  'the tick that ends the grace after a start is a reason to plan, and nothing is moved before it (seed 131351)',
  async (t) => {
    const rig = open(pis(2));
    rig.planner.start();
    rig.change(agentRows(1));
    await rig.clock.pass(500);
    const { view, policy } = rig.fleet;
    const home = view.agents.get('a-0')?.placement?.node as string;
    // As after a start: its node was lost before, and was not heard of since.
    const row = view.nodes.get(home) as NodeRow;
    rig.change([{ type: 'node', row: { ...row, presence: 'lost', presenceSinceMs: 0 } }]);
    view.startedMs = rig.clock.nowMs();
    (view.live.get(home) as { helloBoot: string | null }).helloBoot = null;
    await rig.clock.pass(policy.restartGraceMs + 1_000);
    t.equal(view.agents.get('a-0')?.placement?.node, home, 'nobody has counted yet who is away');
    rig.change([{ type: 'ticked', atMs: rig.clock.nowMs(), resumed: false }]);
    await rig.clock.pass(500);
    t.not(view.agents.get('a-0')?.placement?.node, home);
  },
);

t.test('slow rounds: agents share out over new nodes, idle models rest', async (t) => {
  const fleet = pis(1);
  fleet.policy = { ...fleet.policy, modelIdleMs: 10 * 60_000, restartGraceMs: 0 };
  const rig = open(fleet);
  rig.planner.start();
  rig.change(agentRows(6));
  await rig.clock.pass(100);
  fleet.now = rig.clock.nowMs();
  fleet.online('new');
  fleet.capacity('new', { models: [modelOf('small', { resident: true, residentBytes: 1.2 * GiB })] });
  await rig.clock.pass(4 * 60_000);
  t.same(
    [...fleet.view.agentsByNode.values()].map(({ size }) => size),
    [3, 3],
  );
  t.equal(rig.planner.figures.moves.rebalance, 3);
  t.same(said(fleet.messages, 'unload'), []);
  await rig.clock.pass(8 * 60_000);
  t.same(
    said(fleet.messages, 'unload')
      .map(({ params, message }) => [params.node, message.model])
      .sort(),
    [
      ['new', 'small'],
      ['pi-0', 'small'],
    ],
  );
  const asked = said(fleet.messages, 'unload').length;
  await rig.clock.pass(3 * 60_000);
  t.equal(said(fleet.messages, 'unload').length, asked, 'asked once');
  t.equal(placed(fleet), 6, 'and the agents stay');
});
