// Releases on simulated nodes: what is said of them at the start, and the launcher that is played.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { ReleaseHome } from './release-home.ts';
import { launched, readBadReleases, simulatedHome } from './simulated-releases.ts';

t.test('bad releases are named with what they do', async (t) => {
  t.same([...readBadReleases('')], []);
  t.same(
    [...readBadReleases('1.2.0=leak, 1.3.0=no-start')],
    [
      ['1.2.0', 'leak'],
      ['1.3.0', 'no-start'],
    ],
  );
  for (const wrong of ['1.2.0', '1.2.0=leaks', '=leak', '1.2.0=leak,'])
    t.throws(() => readBadReleases(wrong), /--bad-releases: expected versions with what they do/, wrong);
});

t.test('a release on trial that does not start is taken back, another one is not', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'fleet-simulated-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const home = simulatedHome(dir, '1.0.0') as ReleaseHome;
  const bad = readBadReleases('1.1.0=no-start,1.2.0=leak');
  const launch = () => launched(home, (version) => bad.get(version));
  t.same(await launch(), { version: null, afterMs: 0 }, 'nothing was ever switched');
  const onTrial = (version: string) => {
    home.point('previous', '1.0.0');
    home.point('current', version);
    home.point('trial', version);
  };
  onTrial('1.2.0');
  t.same(await launch(), { version: '1.2.0', afterMs: 0 });
  onTrial('1.1.0');
  t.match(await launch(), { version: '1.0.0', afterMs: 9_000 });
  t.equal(home.linked('current'), '1.0.0');
  t.equal(home.linked('trial'), null);
  t.match(home.note('went-back'), /ended 3 times/);
  t.same(await launch(), { version: '1.0.0', afterMs: 0 });
});
