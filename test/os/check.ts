// What `make os-check` runs: updates of the operating system on a booted throw-away Debian, whose apt has two small repositories. First the part
// that runs as root by itself: what it takes, what it refuses, a package that cannot be set up, a power cut. Then a rollout, from the command
// of a person to a machine that restarts. Prints a line a step; exit code 1 with what differed.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startFleet } from '../fixtures/processes.ts';
import { sampleKey } from '../fixtures/sample-release.ts';
import { addresses, bootMachine } from '../install/machine.ts';
import { releaseMaker } from '../install/release-maker.ts';
import { add, expected, say } from '../install/steps.ts';
import { offer, only } from './repository.ts';
import { rollsOut } from './rolls-out.ts';
import { rootPart } from './root-part.ts';

const root = resolve(import.meta.dirname, '../..');
const work = process.env.OS_CHECK_DIR || join(root, '.os-check');
const suite = process.argv[2] || 'trixie';
const ends: (() => unknown)[] = [];
const t = { teardown: (run: () => unknown) => ends.unshift(run) };
let story = async (): Promise<string> => '';

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'os-check-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const key = sampleKey();
  const make = await releaseMaker(folder, say);
  const machine = await bootMachine(work, suite, ['unattended-upgrades']);
  t.teardown(() => machine.close());
  story = async () =>
    (
      await machine.run(
        'journalctl -u blackroad-os-update -u blackroad-node -n 40 --no-pager -o cat; cat /var/lib/blackroad-os/*',
      )
    ).text;
  await machine.run('systemctl stop apt-daily.timer apt-daily-upgrade.timer');
  for (const source of ['security', 'others'] as const) await offer(machine, source, []);
  await only(machine);
  const fleet = await startFleet(t, { args: ['--host', '0.0.0.0', '--address', addresses.here, '--lost-after', '30'] });
  writeFileSync(join(fleet.folder, 'coordinator/release-keys/ours.pub'), key.pub);
  await add(fleet, await make('0.2.0', key));
  const { command } = await fleet.client.call('joinTokenCreate', { body: {} });
  await expected(machine, 'the one line', command, 0, /Node \S+ runs, and starts with the machine/);
  await rootPart(machine);
  await rollsOut(fleet, machine);
  await expected(machine, 'the end', 'fleet-node uninstall', 0, /The node-agent is gone/);
  const left =
    'ls -d /etc/systemd/system/*blackroad* /etc/systemd/system/*/*blackroad* /var/lib/blackroad* 2>/dev/null; true';
  await expected(machine, 'nothing is left of it', left, 0, /^$/);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${(error as Error).stack}\n${await story()}\n`);
  process.exitCode = 1;
}
for (const end of ends) await end();
process.exit();
