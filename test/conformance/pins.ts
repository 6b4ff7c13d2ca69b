// What every back end for pins must do, on lines that the rig plays from outside. Without a test runner: make gpio-check runs it in a virtual
// machine, on a kernel's simulated chips, too.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { type Line, type LineOrder, PinError, type PinFault, type Pins } from '../../node-agent/src/gpio/pins.ts';

export interface PinRig {
  pins: Pins;
  /** The label of its chip, and how many lines it has: at least 10. */
  chip: string;
  lines: number;
  /** Drives a line from outside, to an electrical level. */
  drive(line: number, level: boolean): Promise<void>;
  /** The electrical level of a line, as seen from outside. */
  level(line: number): Promise<boolean>;
  /** Another program takes the line; resolves when it has it, with its end. */
  hold(line: number): Promise<() => Promise<void>>;
  /** What the back end says of that program. */
  holder: RegExp;
}
interface PinCase {
  name: string;
  run(rig: PinRig): Promise<void>;
}

const patienceMs = 5_000;
async function until(what: string, is: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + patienceMs;
  while (!(await is())) {
    if (performance.now() > endMs) assert.fail(`not within ${patienceMs / 1_000} s: ${what}`);
    await pause(10);
  }
}
async function fault(work: Promise<unknown>, expected: PinFault, words: RegExp): Promise<void> {
  const error = await work.then(
    () => assert.fail(`expected a fault: ${expected}`),
    (caught: unknown) => caught,
  );
  assert.ok(error instanceof PinError, String(error));
  assert.equal(error.fault, expected, error.message);
  assert.match(error.message, words);
}
const order = (rig: PinRig, line: number, over: Partial<LineOrder> = {}): LineOrder => ({
  chip: rig.chip,
  line,
  direction: 'in',
  pull: null,
  activeLow: false,
  initial: false,
  ...over,
});
async function using(line: Promise<Line>, run: (line: Line) => Promise<void>): Promise<void> {
  const opened = await line;
  try {
    await run(opened);
  } finally {
    await opened.close();
  }
}

export const pinCases: readonly PinCase[] = [
  {
    name: 'reads what is outside; an active-low line is on where it is low',
    async run(rig) {
      await rig.drive(0, true);
      await using(rig.pins.open(order(rig, 0)), async (line) => {
        assert.match(line.where, new RegExp(`line 0 of ${rig.chip}`));
        assert.equal(await line.read(), true);
        await rig.drive(0, false);
        await until('it is off', async () => !(await line.read()));
      });
      await using(rig.pins.open(order(rig, 0, { activeLow: true })), async (line) => {
        assert.equal(await line.read(), true);
        await rig.drive(0, true);
        await until('it is off', async () => !(await line.read()));
      });
    },
  },
  {
    name: 'sets a line, first to what it is opened with',
    async run(rig) {
      await using(rig.pins.open(order(rig, 1, { direction: 'out', initial: true })), async (line) => {
        await until('it is high', () => rig.level(1));
        for (const on of [false, true, true, false]) {
          await line.write(on);
          assert.equal(await line.read(), on);
          await until(`it is ${on}`, async () => (await rig.level(1)) === on);
        }
      });
      await using(rig.pins.open(order(rig, 1, { direction: 'out', activeLow: true })), async (line) => {
        await until('off is high', () => rig.level(1));
        await line.write(true);
        await until('on is low', async () => !(await rig.level(1)));
      });
    },
  },
  {
    name: 'hears each edge in its order, nothing after it is stopped, and again when it listens again',
    async run(rig) {
      await rig.drive(2, false);
      await using(rig.pins.open(order(rig, 2)), async (line) => {
        const heard: boolean[] = [];
        const first = await line.listen(
          (on) => heard.push(on),
          (why) => assert.fail(why.message),
        );
        for (const [i, level] of [true, false, true].entries()) {
          await rig.drive(2, level);
          await until(`edge ${i + 1}`, () => heard.length === i + 1);
          assert.equal(await line.read(), level, 'read while it is listened to');
        }
        assert.deepEqual(heard, [true, false, true]);
        await first.stop();
        await rig.drive(2, false);
        await pause(200);
        assert.equal(heard.length, 3);
        const second = await line.listen(
          (on) => heard.push(on),
          () => {},
        );
        await rig.drive(2, true);
        await until('an edge', () => heard.length === 4);
        await second.stop();
      });
    },
  },
  {
    name: 'an active-low line goes on where it falls',
    async run(rig) {
      await rig.drive(3, true);
      await using(rig.pins.open(order(rig, 3, { activeLow: true })), async (line) => {
        const heard: boolean[] = [];
        const listening = await line.listen(
          (on) => heard.push(on),
          () => {},
        );
        await rig.drive(3, false);
        await until('an edge', () => heard.length === 1);
        assert.deepEqual(heard, [true]);
        await listening.stop();
      });
    },
  },
  {
    name: 'a line that another program has is not opened, and is when it was given back',
    async run(rig) {
      for (const direction of ['in', 'out'] as const) {
        const release = await rig.hold(4);
        await fault(rig.pins.open(order(rig, 4, { direction })), 'held', rig.holder);
        await release();
        await using(rig.pins.open(order(rig, 4, { direction })), async (line) => {
          await line.read();
        });
      }
    },
  },
  {
    name: 'a line and a chip that are not there are refused with what there is',
    async run(rig) {
      const most = new RegExp(
        `There is no line ${rig.lines} on ${rig.chip}: it has ${rig.lines}, 0 to ${rig.lines - 1}`,
      );
      await fault(rig.pins.open(order(rig, rig.lines)), 'missing', most);
      await fault(
        rig.pins.open(order(rig, 0, { chip: 'pinctrl-moon' })),
        'missing',
        /no chip pinctrl-moon; there are: /,
      );
      await fault(rig.pins.open(order(rig, 0, { chip: 'pinctrl-moon' })), 'missing', new RegExp(rig.chip));
    },
  },
  {
    name: 'a line is opened once, and again when it was closed',
    async run(rig) {
      await using(rig.pins.open(order(rig, 5)), async () => {
        await fault(rig.pins.open(order(rig, 5)), 'held', /this node-agent/i);
      });
      await using(rig.pins.open(order(rig, 5, { direction: 'out' })), async () => {
        await fault(rig.pins.open(order(rig, 5, { direction: 'out' })), 'held', /this node-agent/i);
      });
    },
  },
  {
    name: 'what a line cannot do is refused',
    async run(rig) {
      await using(rig.pins.open(order(rig, 6)), (line) => fault(line.write(true), 'unable', /in line/));
      const line = await rig.pins.open(order(rig, 6));
      await line.close();
      await line.close();
      await fault(line.read(), 'failed', /closed/);
    },
  },
  {
    name: 'a line that was closed is free for others',
    async run(rig) {
      for (const direction of ['in', 'out'] as const) {
        await using(rig.pins.open(order(rig, 7, { direction })), async (line) => {
          if (direction === 'in')
            await line.listen(
              () => {},
              () => {},
            );
        });
        const release = await rig.hold(7);
        await release();
      }
    },
  },
];
