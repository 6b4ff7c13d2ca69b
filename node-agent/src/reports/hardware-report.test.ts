// When the parts of a machine are told, and what is said of a look that failed.
import { silentLog } from '@blackroad/std/log';
import t from 'tap';
import { hardwareWith } from '../../../test/fixtures/coordinator/stored-rows.ts';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import type { HardwareLook } from '../hardware/look.ts';
import { HardwareReport } from './hardware-report.ts';

function report(looks: HardwareLook[] | null) {
  const clock = new HandClock();
  const told: unknown[] = [];
  const stop = new AbortController();
  const parts = new HardwareReport({
    node: 'alice',
    boot: 'b1',
    lookAtHardware: looks && (async () => looks.shift() as HardwareLook),
    transport: {
      post: (key, until, name, _, message) => told.push([key, until, name, message]) > 0,
      send: (name, _, message) => told.push([name, message]) > 0,
    },
    clock,
    log: silentLog,
    stopped: stop.signal,
  });
  return { parts, told, stop, advance: (ms: number) => clock.advance(ms) };
}
const hardware = hardwareWith('A1');

t.test('once, some seconds after the start, until the broker has it', async (t) => {
  const { parts, told, advance } = report([{ hardware }]);
  parts.start();
  await advance(9_000);
  t.same(told, []);
  await advance(600_000);
  t.same(told, [['hardware.b1', 'sent', 'nodeHardware', { boot: 'b1', hardware }]]);
  t.same(parts.notes(), []);
});

t.test('a failure is a note until a look succeeds, and the answer to who asks', async (t) => {
  const { parts, told, advance } = report([{ problem: 'it printed no JSON' }, { problem: 'no luck' }, { hardware }]);
  parts.start();
  await advance(20_000);
  t.same(told, []);
  t.same(parts.notes(), ['The parts of this machine could not be looked at: it printed no JSON.']);
  await parts.answer('c1');
  await parts.answer('c2');
  t.same(told, [
    ['reply', { command: 'c1', ok: false, text: 'its parts could not be looked at: no luck' }],
    ['reply', { command: 'c2', ok: true, hardware }],
  ]);
  t.same(parts.notes(), []);
});

t.test('a node that stopped tells nothing, and one that is played never looks', async (t) => {
  const stopped = report([{ hardware }]);
  stopped.parts.start();
  stopped.stop.abort();
  await stopped.advance(20_000);
  t.same(stopped.told, []);
  const played = report(null);
  t.equal(played.parts.start(), null);
  await played.parts.answer('c1');
  t.match(played.told, [['reply', { ok: false, text: /simulated/ }]]);
});
