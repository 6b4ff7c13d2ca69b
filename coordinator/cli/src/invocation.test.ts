import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { invocationOf, quoted } from './invocation.ts';

t.test('a hint names the command, the data folder and the project as they must be typed from here', async (t) => {
  const root = t.testdir({ bin: { fleet: '' } });
  const at = (more: { data?: string; cwd?: string; env?: Record<string, string> }) =>
    invocationOf({ root, data: join(root, 'data'), cwd: root, env: {}, ...more });
  t.equal(at({}).fleet('agents show x'), 'bin/fleet agents show x', 'in the folder of the project');
  t.equal(at({ cwd: '/' }).fleet('nodes'), `${join(root, 'bin/fleet')} nodes`, 'from another one');
  t.equal(at({ data: join(root, 'second') }).fleet('nodes'), 'bin/fleet --data second nodes');
  t.equal(at({ data: '/var/lib/a fleet' }).fleet('nodes'), "bin/fleet --data '/var/lib/a fleet' nodes");
  t.equal(at({}).make('down'), 'make down');
  t.equal(at({ data: '/x' }).make('down'), 'make down DATA=/x');
  t.equal(at({ data: '/x', cwd: '/' }).make('down'), `make -C ${root} down DATA=/x`);
  t.equal(at({}).file('docs/a.yaml'), 'docs/a.yaml');
  t.equal(at({ cwd: '/' }).file('docs/a.yaml'), join(root, 'docs/a.yaml'));

  mkdirSync(join(root, 'path'));
  symlinkSync(join(root, 'bin/fleet'), join(root, 'path/fleet'));
  t.equal(at({ cwd: '/', env: { PATH: `/usr/bin:${join(root, 'path')}` } }).fleet('nodes'), 'fleet nodes', 'linked');
  mkdirSync(join(root, 'other'));
  writeFileSync(join(root, 'other/fleet'), '');
  const other = at({ env: { PATH: join(root, 'other') } });
  t.equal(other.fleet('nodes'), 'bin/fleet nodes', 'another program of that name is not ours');
});

t.test('a coordinator elsewhere is named again', async (t) => {
  const elsewhere = { coordinator: 'https://fleet.lan:8401', ca: 'my ca.pem' };
  const as = invocationOf({ root: '/p', data: '/p/data', cwd: '/p', env: {}, elsewhere });
  t.equal(as.fleet('nodes'), "bin/fleet --coordinator https://fleet.lan:8401 --ca 'my ca.pem' nodes");
});

t.test('words are quoted where a shell would take them apart', async (t) => {
  t.same(['a', 'a b', "it's", '$x'].map(quoted), ['a', "'a b'", "'it'\\''s'", "'$x'"]);
});
