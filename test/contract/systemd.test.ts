// The systemd units: every program, option and variable they name exists, and systemd itself finds nothing wrong with them.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { catalogueEntry } from '@blackroad/model-server/weights/catalogue';
import t from 'tap';
import { parse } from 'yaml';
import { coordinatorOptions } from '../../coordinator/src/config.ts';
import { nodeOptions } from '../../node-agent/src/config.ts';
import { placed, products } from '../../release/src/products.ts';
import { noProgram } from '../fixtures/programs.ts';

const root = new URL('../..', import.meta.url).pathname.replace(/\/$/, '');
const units = {
  'node-agent/systemd/blackroad-node.service': nodeOptions,
  'coordinator/systemd/blackroad-coordinator.service': coordinatorOptions,
};

/** `Key=value` lines; throws on what is neither that, a section nor a comment. */
function read(path: string): [string, string][] {
  return readFileSync(join(root, path), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#') && !/^\[(Unit|Service|Path|Install)\]$/.test(line))
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

t.test('a release that updates itself is started by its launcher, a package is not', async (t) => {
  const [product] = products;
  const unit = { content: readFileSync(join(root, 'node-agent/systemd/blackroad-node.service')) };
  const tree = new Map([
    ['blackroad-node.service', unit],
    ['launch', unit],
  ]);
  const startOf = (as: 'archive' | 'system') => {
    const { content } = placed(product!, tree, as).get('blackroad-node.service') as typeof unit;
    return /^ExecStart=(.*)$/m.exec(content.toString())?.[1];
  };
  t.equal(startOf('archive'), '/opt/blackroad-node/launch run');
  t.equal(startOf('system'), '/usr/lib/blackroad-node/bin/fleet-node run');
  t.doesNotThrow(() => accessSync(join(root, 'node-agent/launch'), constants.X_OK));
});

t.test("root's part starts for the word that the node-agent leaves, and for what it has not ended", async (t) => {
  const unit = (kind: string) => read(`node-agent/systemd/blackroad-os-update.${kind}`);
  const program = readFileSync(join(root, 'node-agent/os-update'), 'utf8');
  const agent = readFileSync(join(root, 'node-agent/src/os-update/root-part.ts'), 'utf8');
  const watched = unit('path').flatMap(([key, value]) => (key === 'PathExists' ? [value] : []));
  t.same(watched, ['/var/lib/blackroad-node/os-order', '/var/lib/blackroad-os/under-way']);
  t.match(program, `\norder=${watched[0]}\n`);
  t.match(program, '\nstand=/var/lib/blackroad-os\n');
  t.match(agent, "data: '/var/lib/blackroad-node'");
  t.match(agent, "stand: '/var/lib/blackroad-os'");
  const start = unit('service').find(([key]) => key === 'ExecStart')?.[1] ?? '';
  t.doesNotThrow(() => accessSync(start.replace('/opt/blackroad', join(root, 'node-agent')), constants.X_OK), start);
  const limit = (name: string) => Number(new RegExp(`${name}_limit=(\\d+)`).exec(program)?.[1]);
  const steps = limit('lock') + limit('fetch') + limit('upgrade') + 2 * limit('repair') + 60;
  const [, minutes] = unit('service').find(([key]) => key === 'TimeoutStartSec') ?? [];
  t.ok(steps < Number.parseInt(minutes ?? '', 10) * 60, `${steps} s of steps end before systemd ends them`);
  t.ok(Number.parseInt(minutes ?? '', 10) < 120, 'and that comes before the node and the rollout give up');
});

const osUpdate = 'node-agent/systemd/blackroad-os-update.service';
/** The unit of a model server: its program is not ours, and its settings are a file of each server. */
const vllm = 'node-agent/vllm/blackroad-vllm@.service';
/** `KEY=value` lines; systemd and Docker both take the rest of the line as the value. */
const settings = Object.fromEntries(
  readFileSync(join(root, 'node-agent/vllm/qwen.env'), 'utf8')
    .split('\n')
    .flatMap((line) =>
      /^[A-Z_]+=/.test(line) ? [[line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]] : [],
    ),
);

t.test(vllm, async (t) => {
  const lines = read(vllm);
  const one = (key: string) => lines.find(([name]) => name === key)?.[1] ?? '';
  const command = one('ExecStart');
  t.match(command, / --host 127\.0\.0\.1 /, 'nobody else reaches it');
  const used = [...command.matchAll(/\$\{?([A-Z_]+)\}?/g)].map(([, name]) => name as string);
  t.same(used.sort(), Object.keys(settings).sort(), 'its settings are those of the example');
  t.match(one('EnvironmentFile'), /^\/etc\/blackroad\/vllm\/%i\.env$/, 'without settings it does not start');
  t.match(one('ConditionPathExists'), one('EnvironmentFile'));
  t.same([one('Restart'), one('KillMode'), one('TimeoutStopSec')], ['always', 'mixed', '60']);
  const users = readFileSync(join(root, 'node-agent/vllm/blackroad-vllm.sysusers.conf'), 'utf8');
  t.match(users, new RegExp(`^u ${one('User')} - `, 'm'));
  t.ok(catalogueEntry(settings.NAME as string), 'the example is a model that the catalogue knows');
});

t.test('the same server in a container', async (t) => {
  const text = readFileSync(join(root, 'node-agent/vllm/compose.yaml'), 'utf8');
  const { services } = parse(text);
  t.match(services.vllm.ports, [/^127\.0\.0\.1:/], 'nobody else reaches it');
  t.equal(services.vllm.ports.length, 1);
  t.match(services.vllm, { restart: 'unless-stopped', stop_grace_period: '60s', entrypoint: ['vllm', 'serve'] });
  const example = readFileSync(join(root, 'node-agent/vllm/qwen.env'), 'utf8');
  for (const [, name, ending] of text.matchAll(/\$\{([A-Z_]+)(:[-?])?/g))
    t.ok(name === 'VLLM_TAG' || ending === ':-' || example.includes(`${name}=`), `${name} is in the example`);
});

/** A Quadlet: systemd's form of a container of Podman. */
const quadlet = 'node-agent/vllm/blackroad-vllm@.container';
t.test(quadlet, async (t) => {
  const text = readFileSync(join(root, quadlet), 'utf8');
  const all = (key: string) => [...text.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value]) => value);
  t.same(all('PublishPort'), [`127.0.0.1:\${PORT}:8000`], 'nobody else reaches it');
  const used = [...text.replace(/^#.*$/gm, '').matchAll(/\$\{?([A-Z_]+)\}?/g)].map(([, name]) => name as string);
  t.same(
    [...new Set(used)].sort(),
    [...Object.keys(settings), 'VLLM_TAG'].sort(),
    'its settings are those of the example',
  );
  t.match(all('Environment'), ['VLLM_NO_USAGE_STATS=1 DO_NOT_TRACK=1', /^VLLM_TAG=/]);
  const file = '/etc/blackroad/vllm/%i.env';
  t.same([...all('ConditionPathExists'), ...all('EnvironmentFile')], [file, file, file]);
  const [program] = all('PodmanArgs').filter((each) => each?.startsWith('--entrypoint='));
  t.match(`${program} ${all('Exec')[0]}`, /^--entrypoint=vllm serve /);
});

const generator = '/usr/libexec/podman/quadlet';
// Older Podmans, as that of Debian 12, have none: no command would bring it there.
const noPodman = existsSync(generator) ? false : `no ${generator}: Podman 4.4 or newer has it`;
t.test('Podman makes a service of it', { skip: noPodman }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'fleet-quadlet-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  writeFileSync(join(dir, 'blackroad-vllm@qwen.container'), readFileSync(join(root, quadlet)));
  const made = spawnSync(generator, ['-dryrun'], { encoding: 'utf8', env: { QUADLET_UNIT_DIRS: dir } });
  t.equal(made.status, 0, made.stderr);
  t.match(made.stdout, /^---blackroad-vllm@qwen\.service---$/m);
  const command = /^ExecStart=(.*)$/m.exec(made.stdout)?.[1] ?? '';
  t.match(command, / serve \$\{MODEL\} --served-model-name \$\{NAME\} .* \$FLAGS$/, 'systemd puts the settings in');
  t.match(command, / --publish 127\.0\.0\.1:\$\{PORT\}:8000 /);
});

const skip = noProgram('systemd-analyze');
const judges =
  Number(/systemd (\d+)/.exec(spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1]) >=
  250;
t.test('systemd finds nothing wrong', { skip }, async (t) => {
  if (!judges) t.comment('this systemd is older than 250 and cannot say how exposed a unit is');
  const dir = mkdtempSync(join(tmpdir(), 'fleet-units-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  for (const path of [...Object.keys(units), vllm, osUpdate]) {
    const file = join(dir, path.split('/').at(-1) as string);
    writeFileSync(
      file,
      readFileSync(join(root, path), 'utf8')
        .replaceAll('/opt/blackroad', root)
        .replace('/opt/vllm/bin/vllm', '/bin/true')
        .replace(`${root}/os-update`, `${root}/node-agent/os-update`),
    );
    const verified = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' });
    // Other units of this machine are not ours to judge.
    const ours = verified.stderr.split('\n').filter((line) => line.includes('blackroad'));
    t.same(ours, [], path);
    if (path === vllm || path === osUpdate) continue;
    if (!judges) continue;
    // Tenths of the exposure that systemd counts together.
    const exposed = spawnSync('systemd-analyze', ['security', '--offline=yes', '--threshold=15', file], {
      encoding: 'utf8',
    });
    t.equal(exposed.status, 0, `${path}: ${exposed.stdout.trim().split('\n').at(-1)}${exposed.stderr}`);
  }
});
