// Real processes on folders as people have them: readable by others, a file by mistake, read-only, a broker that is not there.
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { freePort } from '../fixtures/ports.ts';
import { fromSource, programOf, startFleet, startProcess } from '../fixtures/processes.ts';

t.setTimeout(240_000);
const folder = mkdtempSync(join(tmpdir(), 'data-folder-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const mode = (path: string) => statSync(path).mode & 0o777;
const coordinatorArgs = (data: string) => ['--data', data, '--port', '0', '--host', '127.0.0.1', '--log', 'warn'];

/** Runs to its end. Root may write everywhere: where the test is root, the process is root without its powers. */
function ended(entry: string, args: string[], umask = 0o022): Promise<{ code: number | null; said: string }> {
  const powerless = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all'] : [];
  const before = process.umask(umask);
  // Nothing of the test runner's goes along.
  const clean = ['-i', `PATH=${process.env.PATH}`, ...powerless, process.execPath];
  const child = spawn('env', [...clean, '--disable-warning=ExperimentalWarning', programOf(entry), ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  process.umask(before);
  let said = '';
  child.stderr.on('data', (piece) => {
    said += piece;
  });
  return new Promise((resolve) => child.once('exit', (code) => resolve({ code, said })));
}

t.test('a folder that was open to others is closed, and so is what is in it', async (t) => {
  const data = join(folder, 'open');
  mkdirSync(join(data, 'ca'), { recursive: true, mode: 0o755 });
  writeFileSync(join(data, 'unrelated.txt'), 'of somebody else');
  chmodSync(data, 0o755);
  const before = process.umask(0o022);
  const first = await startProcess(t, fromSource.coordinator, coordinatorArgs(data));
  process.umask(before);
  t.match(first.log(), /others on this machine could read .*; they cannot any more/);
  for (const path of [data, join(data, 'ca')]) t.equal(mode(path), 0o700, path);
  for (const name of ['fleet.sqlite', 'fleet.json', 'admin.key', 'ca.pem', 'ca/ca-key.pem'])
    t.equal(mode(join(data, name)) & 0o077, 0, name);
  t.not(mode(join(data, 'unrelated.txt')) & 0o077, 0, 'what is not ours is left alone');
  await first.kill('SIGTERM');
  chmodSync(join(data, 'fleet.sqlite'), 0o644);
  const second = await startProcess(t, fromSource.coordinator, coordinatorArgs(data));
  t.match(second.log(), /could read .*fleet\.sqlite/);
  t.equal(mode(join(data, 'fleet.sqlite')), 0o600);
  await second.kill('SIGTERM');
  const third = await startProcess(t, fromSource.coordinator, coordinatorArgs(data));
  t.notMatch(third.log(), /could read/, 'said once');
});

t.test('a CA that is gone while nodes are enrolled is not made anew in silence', async (t) => {
  const fleet = await startFleet(t);
  await fleet.simulate('one');
  await fleet.stopCoordinator('SIGTERM');
  rmSync(join(fleet.folder, 'coordinator/ca'), { recursive: true });
  await t.rejects(fleet.startCoordinator(), { message: /ended with 1 .*\n.*no CA under .*Restore/s });
});

t.test('a broker that is not there yet ends no start; one that is no address is said', async (t) => {
  const port = await freePort();
  const args = [...coordinatorArgs(join(folder, 'late')), '--broker'];
  const coordinator = await startProcess(t, 'coordinator/src/main.ts', [...args, `mqtts://127.0.0.1:${port}`]);
  t.match(coordinator.log(), /mqtts:\/\/127\.0\.0\.1:\d+ cannot be reached: nothing listens there.*tried again/s);
  t.equal((await fetch(`${coordinator.ready.url}/healthz`)).status, 200, 'the console is up');
  await coordinator.kill('SIGTERM');
  const wrong = await ended('coordinator/src/main.ts', [...args, 'ftp://localhost']);
  t.equal(wrong.code, 2);
  t.match(wrong.said, /--broker: expected/);
});

t.test('what cannot be a data folder is said in a sentence', async (t) => {
  chmodSync(folder, 0o755);
  const file = join(folder, 'file');
  writeFileSync(file, '');
  const closed = join(folder, 'read-only');
  mkdirSync(closed, { mode: 0o555 });
  const join_ = ['join', 'brj1.x'];
  for (const [path, words] of [
    [file, /cannot be used: .*(file of this name|is a file)/],
    [join(file, 'below'), /cannot be used: .*is a file, where a folder is needed/],
    [closed, /cannot be used: .*no right to it/],
    [join(closed, 'below'), /cannot be used: .*no right to it/],
  ] as const) {
    for (const [entry, args] of [
      ['coordinator/src/main.ts', coordinatorArgs(path)],
      ['node-agent/src/main.ts', ['--data', path, ...join_]],
    ] as const) {
      const { code, said } = await ended(entry, [...args]);
      t.equal(code, 1, `${entry} ${path}`);
      t.match(said, words);
      t.notMatch(said, /\n\s+at |SD card/, 'no stack, and no false trail');
    }
  }
});
