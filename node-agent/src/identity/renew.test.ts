// When renewal asks again for a certificate: the pauses grow while the coordinator does not answer, and end when it does.
import { FleetError } from '@blackroad/protocol';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import t from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { createFleetTime } from './fleet-time.ts';
import type { Identity } from './identity.ts';
import { createRenewal } from './renew.ts';

const minute = 60_000;
const hour = 60 * minute;
function rig() {
  const clock = new HandClock();
  const time = createFleetTime(clock);
  const startMs = clock.nowMs();
  time.note(startMs);
  let identity: Identity = {
    node: 'alice',
    key: '',
    certificate: '',
    ca: '',
    caFingerprint: '',
    issuedMs: startMs - 24 * hour,
    expiresMs: startMs,
    url: 'https://coordinator',
    mqtt: { host: 'coordinator', port: 8883 },
    class: 'pi',
    site: 'home',
  };
  const asked: number[] = [];
  const refused: string[] = [];
  /** The coordinator's answer; null: a new certificate. */
  let problem: FleetError | null = null;
  const renewal = createRenewal({
    identity: () => identity,
    renew: async (present) => {
      asked.push(clock.monotonicMs());
      if (problem) throw problem;
      return { ...present, issuedMs: time.nowMs(), expiresMs: time.nowMs() + 24 * hour };
    },
    onRenewed: (renewed) => {
      identity = renewed;
    },
    onRefused: ({ code }) => refused.push(code),
    time,
    clock,
    random: seededRandom(1),
    log: silentLog,
  });
  const answers = (code: 'no-coordinator' | 'node-quarantined' | null) => {
    problem = code && new FleetError(code);
  };
  return { clock, renewal, asked, refused, answers };
}
/** Acts like a broker that refuses each connection of the node. */
async function refusing({ clock, renewal }: ReturnType<typeof rig>, ms: number): Promise<void> {
  for (const untilMs = clock.monotonicMs() + ms; clock.monotonicMs() < untilMs; await clock.advance(5_000))
    renewal.nudge();
}

t.test('after hours without the coordinator a node is back soon after it answers', async (t) => {
  const away = rig();
  away.answers('no-coordinator');
  away.renewal.start();
  await away.clock.advance(8 * hour);
  t.ok(away.asked.length < 60, 'asked less and less often');
  away.answers(null);
  const backMs = away.clock.monotonicMs();
  const before = away.asked.length;
  await refusing(away, 1.5 * minute);
  t.ok(away.asked.length > before);
  t.ok((away.asked[before] as number) - backMs <= 1.5 * minute);
});

t.test('a broker that refuses on and on makes a node ask once a minute at most', async (t) => {
  const refused = rig();
  refused.answers('no-coordinator');
  refused.renewal.start();
  await refusing(refused, hour);
  const pauses = refused.asked.slice(1).map((atMs, i) => atMs - (refused.asked[i] as number));
  t.ok(refused.asked.length >= 30, `asked ${refused.asked.length} times in an hour`);
  // Its first pauses are shorter, while the length of the outage is unknown.
  t.same(
    pauses.slice(4).filter((ms) => ms < minute || ms > 1.5 * minute),
    [],
  );
});

t.test('a node that is put out asks once in five minutes or so: a person may have released it', async (t) => {
  const out = rig();
  out.answers('node-quarantined');
  out.renewal.start();
  await refusing(out, 8 * hour);
  t.ok(out.asked.length < 120, `asked ${out.asked.length} times in eight hours`);
  const pauses = out.asked.slice(1).map((atMs, i) => atMs - (out.asked[i] as number));
  t.ok(Math.max(...pauses) <= 6 * minute, 'none longer, however long it lasts');
  t.equal(out.refused.length, out.asked.length);
});
