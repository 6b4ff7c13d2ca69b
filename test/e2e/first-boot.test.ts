// A flashed Pi and a real coordinator: the first start waits until the coordinator is there, its steps are seen live, it joins with its name and its
// labels, no secret stays on the card; flashed anew, with a new key and another token, it is the same node again.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readJoinToken } from '@blackroad/protocol';
import { writePersonalFile } from '@blackroad/protocol/write-personal-file';
import t from 'tap';
import { startFleet, until } from '../fixtures/processes.ts';

t.setTimeout(120_000);
const fixtures = resolve(import.meta.dirname, '../fixtures/first-boot');
const fleet = await startFleet(t);
const dir = t.testdir({});
const bin = join(dir, 'bin');
mkdirSync(bin);
for (const name of ['hostnamectl', 'systemctl', 'networkctl', 'runuser'])
  symlinkSync(join(fixtures, 'commands.sh'), join(bin, name));

const made = async (uses = 1) => {
  const { token, id } = await fleet.client.call('joinTokenCreate', { body: { address: '127.0.0.1', uses } });
  return { token, id, secret: (readJoinToken(token) as { secret: string }).secret };
};
/** A card with the personal file, started in a Pi with this serial. */
function start(card: string, serial: string, token: string) {
  const root = join(dir, card);
  for (const folder of ['boot/firmware', 'etc', 'proc/device-tree', 'proc/self', 'sys/dev/block/179:2'])
    mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/root:/bin/bash\n');
  writeFileSync(join(root, 'proc/device-tree/serial-number'), `${serial}\0`);
  // The second partition of a card of 32 GB, which ends with it.
  writeFileSync(join(root, 'proc/self/mountinfo'), '25 1 179:2 / / rw,noatime - ext4 /dev/root rw\n');
  const sectors = { '../size': 62_333_952, '179:2/start': 1_056_768, '179:2/size': 61_277_184, '179:2/partition': 2 };
  for (const [file, value] of Object.entries(sectors))
    writeFileSync(join(root, 'sys/dev/block', file.replace('../', '')), `${value}\n`);
  writeFileSync(join(root, 'sys/dev/block/size'), `${sectors['../size']}\n`);
  const personal = {
    name: 'kitchen',
    join: token,
    labels: { room: 'kitchen' },
    country: 'DE',
    wifi: [{ name: 'Home', password: 'opensesame' }],
  };
  writeFileSync(join(root, 'boot/firmware/blackroad.yaml'), writePersonalFile(personal));
  const env = {
    ROOT: root,
    SERIAL: serial,
    NODE: process.execPath,
    PI_JOIN: join(fixtures, 'pi-join.ts'),
    PATH: `${bin}:${process.env.PATH}`,
  };
  const child = spawn(process.execPath, [join(fixtures, 'boot.ts'), root], { env, stdio: 'inherit' });
  const ended = new Promise<number | null>((done) => child.on('exit', done));
  t.teardown(() => child.kill('SIGKILL'));
  return { ended, on: (name: string) => readFileSync(join(root, 'boot/firmware', name), 'utf8') };
}
const bootsOf = (id: string) => fleet.client.call('firstBoots', { params: { id } });

t.test('the first start', async (t) => {
  const { token, id, secret } = await made();
  const pi = start('first', '10000000abcdef01', token);
  t.equal(await pi.ended, 0);
  t.match(await fleet.client.call('node', { params: { node: 'kitchen' } }), {
    class: 'pi',
    labels: { room: 'kitchen' },
  });
  const [boot] = await bootsOf(id);
  t.match(boot, { name: 'kitchen', node: 'kitchen' });
  t.match(boot?.steps, [
    { step: 'started', text: 'read blackroad.yaml' },
    { step: 'grown', text: '31.4 GB' },
    { step: 'set', text: 'host name kitchen, Wi-Fi "Home" in DE' },
    { step: 'online' },
    { step: 'joining' },
    { step: 'joined' },
  ]);
  for (const text of [pi.on('blackroad.yaml'), pi.on('blackroad-result.txt'), JSON.stringify(boot)])
    t.notOk(text.includes(token) || text.includes(secret) || text.includes('opensesame'));
  t.match(pi.on('blackroad-result.txt'), /joined as node kitchen/);
});

t.test('flashed anew it takes its node back, with a new key', async (t) => {
  const { token } = await made();
  t.equal(await start('second', '10000000abcdef01', token).ended, 0);
  const nodes = await fleet.client.call('nodes');
  t.same(
    nodes.map(({ id }) => id),
    ['kitchen'],
  );
  const audit = await fleet.client.call('audit', { query: { limit: 20 } });
  t.ok(JSON.stringify(audit).includes('node-reclaim'));
  const keyOf = (card: string) =>
    JSON.parse(readFileSync(join(dir, card, 'var/lib/blackroad-node/identity.json'), 'utf8')).key;
  t.not(keyOf('second'), keyOf('first'));
});

t.test('what keeps it from joining is seen while it waits', async (t) => {
  const { token, id } = await made();
  t.equal(await start('other', '10000000abcdef02', token).ended, 0);
  t.match(await bootsOf(id), [{ node: /^kitchen-/ }]);
  const late = start('late', '10000000abcdef03', token);
  const boot = await until('the reason is told', async () => {
    const found = (await bootsOf(id)).find(({ steps }) => steps.some(({ problem }) => problem));
    if (!found) throw new Error('nothing yet');
    return found;
  });
  t.match(boot.steps.at(-1), { step: 'joining', problem: true, text: /join token .* had 1 uses, all taken/ });
  t.match(late.on('blackroad-result.txt'), /not joined yet.*all taken/);
  await t.rejects(fleet.client.call('firstBoots', { params: { id: 'nobody' } }), { code: 'no-such-token' });
  const asPerson = fleet.client.call('firstBootSaid', {
    body: { board: '0'.repeat(16), name: 'x', steps: [{ step: 'started' }] },
  });
  await t.rejects(asPerson, { code: 'not-allowed' });
});
