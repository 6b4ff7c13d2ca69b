// The licence for outside effects: which messages renew it, which do not, and how it ends.
import t from 'tap';
import { createLicence } from './licence.ts';

/** The two clocks of this machine and that of the coordinator, which may differ by any amount. */
function rig() {
  const clock = {
    mono: 1_000,
    slept: 0,
    wall: 50_000,
    monotonicMs: () => clock.mono,
    uptimeMs: () => clock.mono + clock.slept,
    nowMs: () => clock.wall,
    pass(ms: number) {
      clock.mono += ms;
      clock.wall += ms;
    },
  };
  const licence = createLicence(clock as never, 3);
  let coordinatorAheadMs = 1_795_000_000_000;
  return {
    clock,
    licence,
    coordinatorMs: () => clock.mono + coordinatorAheadMs,
    stepCoordinator: (ms: number) => {
      coordinatorAheadMs += ms;
    },
    welcome(generation = 3, tookMs = 0) {
      const askedMs = clock.mono;
      const nowMs = clock.mono + coordinatorAheadMs;
      clock.pass(tookMs);
      licence.welcomed({ nowMs, leaseMs: 30_000, generation }, askedMs);
    },
  };
}

t.test('no licence before the first welcome, whatever else is heard', async (t) => {
  const { licence, welcome, coordinatorMs } = rig();
  t.notOk(licence.holds);
  t.equal(licence.heard(coordinatorMs()), 0);
  t.notOk(licence.holds);
  welcome();
  t.ok(licence.holds);
});

t.test('it lasts from when word was sent, not from when it came', async (t) => {
  const { licence, welcome, clock, coordinatorMs } = rig();
  welcome();
  clock.pass(10_000);
  const buffered = coordinatorMs();
  clock.pass(25_000);
  t.notOk(licence.holds, 'it stood still for longer than the licence');
  t.equal(licence.heard(buffered), 25_000);
  t.ok(licence.holds, 'sent 25 s ago: 5 s are left');
  clock.pass(5_001);
  t.notOk(licence.holds);
  licence.heard(buffered);
  t.notOk(licence.holds, 'said again it says nothing new');
  licence.heard(coordinatorMs());
  t.ok(licence.holds);
});

t.test('a slow welcome makes a licence shorter, never longer', async (t) => {
  const { licence, welcome, clock, coordinatorMs } = rig();
  welcome(3, 8_000);
  clock.pass(21_999);
  t.ok(licence.holds);
  clock.pass(1);
  t.notOk(licence.holds);
  clock.pass(5_000);
  t.equal(licence.heard(coordinatorMs()), 0, 'word that cannot be older than it came');
  t.ok(licence.holds);
});

t.test('while the assignment is behind, or unknown after a connection, nothing is renewed', async (t) => {
  const { licence, welcome, clock, coordinatorMs } = rig();
  welcome();
  clock.pass(5_000);
  licence.told(5, 3);
  clock.pass(20_000);
  licence.heard(coordinatorMs());
  clock.pass(5_001);
  t.notOk(licence.holds, 'a delta did not follow: an agent may be elsewhere');
  licence.told(5, 5);
  t.ok(licence.holds, 'the snapshot came: what was heard meanwhile counts');
  clock.pass(20_000);
  licence.connected();
  licence.heard(coordinatorMs());
  clock.pass(5_001);
  t.notOk(licence.holds, 'word of a connection that was not welcomed');
  welcome(7);
  t.notOk(licence.holds);
  licence.told(7, 7);
  t.ok(licence.holds);
});

t.test("the coordinator's clock is set forward, then back", async (t) => {
  const { licence, welcome, clock, coordinatorMs, stepCoordinator } = rig();
  welcome();
  stepCoordinator(3_600_000);
  clock.pass(10_000);
  t.equal(licence.heard(coordinatorMs()), 0);
  const buffered = coordinatorMs();
  clock.pass(29_000);
  t.ok(licence.holds);
  t.equal(licence.heard(buffered), 29_000, 'the step was followed: old word is old');
  clock.pass(1_000);
  t.notOk(licence.holds);
  stepCoordinator(-3_600_000);
  t.equal(licence.heard(coordinatorMs()), 3_600_000);
  t.notOk(licence.holds, 'it looks old: nothing is renewed');
  welcome();
  t.ok(licence.holds, 'an answer to a hello of now tells');
});

t.test('a virtual machine that its host suspended: its uptime stood still, its wall clock did not', async (t) => {
  const { licence, welcome, clock, coordinatorMs, stepCoordinator } = rig();
  welcome();
  const sleep = (ms: number) => {
    clock.wall += ms;
    // The uptime stood still, so relative to it the coordinator's clock ran ahead by as much.
    stepCoordinator(ms);
  };
  sleep(10_000);
  const buffered = coordinatorMs();
  sleep(50_000);
  t.notOk(licence.holds);
  t.equal(licence.heard(buffered), 50_000, 'word that came while it slept is old, not from the future');
  t.notOk(licence.holds);
  t.equal(licence.heard(coordinatorMs()), 0);
  t.ok(licence.holds, 'word of now');
});

t.test('a machine that slept while its wall clock was set back [seed 2609]', async (t) => {
  const { licence, welcome, clock, coordinatorMs, stepCoordinator } = rig();
  welcome();
  clock.slept += 60_000;
  stepCoordinator(60_000);
  t.notOk(licence.holds, 'it slept for longer than the licence');
  t.equal(licence.heard(coordinatorMs()), 0);
  t.ok(licence.holds, 'word of now');
});

t.test('it fell asleep before the welcome came that it had asked for', async (t) => {
  const { licence, clock, coordinatorMs, stepCoordinator } = rig();
  const askedMs = clock.mono;
  const nowMs = coordinatorMs();
  clock.wall += 45_000;
  stepCoordinator(45_000);
  licence.welcomed({ nowMs, leaseMs: 30_000, generation: 3 }, askedMs);
  t.notOk(licence.holds, 'the answer is 45 s old');
  t.equal(licence.heard(coordinatorMs()), 0);
  t.ok(licence.holds);
});

t.test(
  'a wall clock that is set forward looks like a sleep until the next welcome; set back it changes nothing',
  async (t) => {
    const { licence, welcome, clock, coordinatorMs } = rig();
    welcome();
    clock.wall -= 3_600_000;
    t.ok(licence.holds);
    clock.wall += 1e12;
    t.notOk(licence.holds);
    t.ok(licence.heard(coordinatorMs()) > 10_000, 'the node asks');
    clock.pass(1);
    welcome();
    t.ok(licence.holds);
  },
);
