// The file for cloud-init: what stands in it is YAML that runs the one line in a shell until it succeeds, and gives up after a while.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { parse } from 'yaml';
import { cloudInitFile } from './cloud-init.ts';

const about = { until: '2026-12-01T00:00:00.000Z', machines: 'one machine', needs: 'It needs nothing.' };
/** The script of the file, with a `sleep` that takes no time. Returns how often the line ran, and how the script ended. */
function run(t: Pick<Test, 'testdir'>, line: string) {
  const folder = t.testdir({ runs: '' });
  writeFileSync(join(folder, 'sleep'), '#!/bin/sh\n', { mode: 0o755 });
  const [script] = (parse(cloudInitFile({ ...about, command: line })) as { runcmd: string[] }).runcmd;
  const env = { PATH: `${folder}:${process.env.PATH}` };
  const { status, stderr } = spawnSync('sh', ['-c', `${script}\necho after >&2`], {
    cwd: folder,
    env,
    encoding: 'utf8',
  });
  return { runs: readFileSync(join(folder, 'runs'), 'utf8').length, status, stderr };
}

t.test('it runs the line until that succeeds', async (t) => {
  const third = 'f=x; (false || true) && printf . >>runs && test "$(wc -c <runs)" = 3';
  t.same(run(t, third), { runs: 3, status: 0, stderr: 'after\n' });
});
t.test('it gives up after a while, says so, and lets the rest of the first start go on', async (t) => {
  const { runs, stderr } = run(t, 'printf . >>runs; false');
  t.equal(runs, 20);
  t.match(stderr, /This machine did not join the BlackRoad fleet; the reason is above\.\nafter\n$/);
});
t.test('it says what its token is good for, and what is missing', async (t) => {
  const text = cloudInitFile({ ...about, command: 'true', needs: 'It needs a release.' });
  t.match(text, /^#cloud-config\n# A machine .*\n# .* valid until 2026-12-01T00:00:00.000Z, for one machine: /);
  t.match(text, '# It needs a release.\nruncmd:\n');
  t.same(Object.keys(parse(text)), ['runcmd']);
});
