// The systemd units: every program, option and variable they name exists, and systemd itself finds nothing wrong with them.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { coordinatorOptions } from '../../coordinator/src/config.ts';
import { nodeOptions } from '../../node-agent/src/config.ts';

const root = new URL('../..', import.meta.url).pathname.replace(/\/$/, '');
const units = {
  'node-agent/systemd/blackroad-node.service': nodeOptions,
  'coordinator/systemd/blackroad-coordinator.service': coordinatorOptions,
};

/** `Key=value` lines; throws on what is neither that, a section nor a comment. */
function read(path: string): [string, string][] {
  return readFileSync(join(root, path), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#') && !/^\[(Unit|Service|Install)\]$/.test(line))
    .map((line) => {
      const found = /^([A-Z]\w+)=(.*)$/.exec(line);
      if (!found) throw new Error(`${path}: ${line}`);
      return [found[1] as string, found[2] as string];
    });
}

for (const [path, options] of Object.entries(units)) {
  t.test(path, async (t) => {
    const lines = read(path);
    const all = (key: string) => lines.filter(([name]) => name === key).map(([, value]) => value);
    const program = all('ExecStart')[0]?.split(' ')[0] ?? '';
    t.doesNotThrow(() => accessSync(program.replace('/opt/blackroad', root), constants.X_OK), program);
    const names = Object.values(options).map(({ env }) => env as string);
    for (const setting of all('Environment')) t.ok(names.includes(setting.split('=')[0] as string), setting);
    t.equal(all('Environment')[0]?.split('=')[1], `/var/lib/${all('StateDirectory')[0]}`);
    const users = readFileSync(join(root, path.replace('.service', '.sysusers.conf')), 'utf8');
    t.match(users, new RegExp(`^u ${all('User')[0]} - `, 'm'));
    t.notOk(
      lines.some(([key]) => key === 'MemoryDenyWriteExecute'),
      'V8 compiles at run time',
    );
    t.same(all('Restart'), ['always']);
  });
}

const skip = spawnSync('systemd-analyze', ['--version']).error ? 'systemd-analyze is not installed' : false;
t.test('systemd finds nothing wrong', { skip }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'fleet-units-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  for (const path of Object.keys(units)) {
    const file = join(dir, path.split('/').at(-1) as string);
    writeFileSync(file, readFileSync(join(root, path), 'utf8').replaceAll('/opt/blackroad', root));
    const verified = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' });
    // Other units of this machine are not ours to judge.
    const ours = verified.stderr.split('\n').filter((line) => line.includes('blackroad'));
    t.same(ours, [], path);
  }
});
