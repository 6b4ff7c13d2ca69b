// The first boot on a folder in place of the root, as a process of its own that power cuts end; the system's commands are scripts that keep
// what they are told.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { writeJoinToken } from '@blackroad/protocol';
import { build } from 'esbuild';
import t from 'tap';
import { bundling } from '../../../release/src/traced.ts';

const fixtures = resolve(import.meta.dirname, '../../../test/fixtures/first-boot');
const dir = mkdtempSync(join(tmpdir(), 'first-boot-'));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));
const bin = join(dir, 'bin');
mkdirSync(bin);
for (const name of [
  'hostnamectl',
  'timedatectl',
  'systemctl',
  'networkctl',
  'useradd',
  'install',
  'ssh-keygen',
  'mount',
  'blackroad-read-only',
  'runuser',
])
  symlinkSync(join(fixtures, 'commands.sh'), join(bin, name));

/** One file, as the image has it: Pis start many times here. */
const program = join(dir, 'boot.mjs');
await build({ entryPoints: [join(fixtures, 'boot.ts')], outfile: program, ...bundling, write: true });

const token = writeJoinToken({ id: 'tok1', secret: 's'.repeat(32), url: 'https://127.0.0.1:9', ca: 'f'.repeat(64) });
const key = `ssh-ed25519 ${'A'.repeat(68)} ada@laptop`;
const whole = `name: kitchen
join: ${token}
labels:
  room: kitchen
country: DE
wifi:
  name: Home
  password: opensesame
timeZone: Europe/Berlin
ssh:
  keys: [${key}]
ollama: yes
readOnly: yes
`;

let pis = 0;
function pi(files: Record<string, string>) {
  const root = join(dir, `pi-${++pis}`);
  const card = join(root, 'boot/firmware');
  for (const folder of [card, join(root, 'etc'), join(root, 'sys/class/leds/ACT')])
    mkdirSync(folder, { recursive: true });
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/root:/bin/bash\nnobody:x:65534:65534::/:/bin/false\n');
  writeFileSync(join(root, 'etc/hosts'), '127.0.0.1\tlocalhost\n');
  writeFileSync(join(root, 'sys/class/leds/ACT/trigger'), 'none [mmc0] timer');
  for (const [name, text] of Object.entries(files)) writeFileSync(join(card, name), text);
  return {
    root,
    start(cutAt?: number) {
      rmSync(join(root, 'commands'), { force: true });
      const env = { ROOT: root, PATH: `${bin}:${process.env.PATH}`, ...(cutAt ? { CUT_AT: String(cutAt) } : {}) };
      const { status, signal, stderr } = spawnSync(process.execPath, [program, root], {
        env,
        encoding: 'utf8',
      });
      if (status !== 0 && !signal) t.fail(stderr);
      return signal;
    },
    card: (name: string) => readFileSync(join(card, name), 'utf8'),
    write: (name: string, text: string) => writeFileSync(join(card, name), text),
    at: (path: string) => (existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : null),
    mode: (path: string) => statSync(join(root, path)).mode & 0o777,
    result: () => readFileSync(join(card, 'blackroad-result.txt'), 'utf8'),
    commands: () =>
      existsSync(join(root, 'commands')) ? readFileSync(join(root, 'commands'), 'utf8').trim().split('\n') : [],
    led: () => readFileSync(join(root, 'sys/class/leds/ACT/trigger'), 'utf8'),
  };
}
type Pi = ReturnType<typeof pi>;
/** All that a Pi keeps, without what the commands were. */
const kept = ({ root }: Pi) =>
  Object.fromEntries(
    readdirSync(root, { recursive: true, withFileTypes: true })
      // The kernel of the next start knows nothing of a light that blinked.
      .filter(
        (entry) =>
          entry.isFile() && entry.name !== 'commands' && entry.name !== 'trigger' && !entry.name.endsWith('.new'),
      )
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => [path.slice(root.length), readFileSync(path, 'utf8')]),
  );

t.test('a Pi becomes what its file says, joins when there is a network, and keeps no secret on the card', async (t) => {
  const own = pi({ 'blackroad.yaml': whole.replaceAll('\n', '\r\n') });
  own.start();
  t.equal(own.at('etc/hostname'), 'kitchen\n');
  t.equal(own.at('etc/hosts'), '127.0.0.1\tlocalhost\n127.0.1.1\tkitchen\n');
  t.equal(own.at('zone'), 'Europe/Berlin\n');
  const wifi = own.at('etc/wpa_supplicant/wpa_supplicant-wlan0.conf');
  t.match(wifi, /country=DE\n[^#]*psk=[0-9a-f]{64}\n/);
  t.notMatch(wifi, /opensesame/);
  t.equal(own.mode('etc/wpa_supplicant/wpa_supplicant-wlan0.conf'), 0o600);
  t.equal(own.at('etc/blackroad/ssh-keys/pi'), `${key}\n`);
  t.equal(own.mode('etc/sudoers.d/blackroad'), 0o440);
  t.ok(
    own.at('etc/nftables.d/input-ssh.nft') &&
      own.at('etc/blackroad/ollama-wanted') &&
      own.at('etc/blackroad/read-only') !== null,
  );
  const joins = own.commands().filter((line) => line.startsWith('runuser'));
  t.equal(joins.length, 2, 'once more when the network was there');
  t.match(
    joins[1],
    /-u blackroad-node -- \S+fleet-node join --data \/var\/lib\/blackroad-node --name kitchen --labels room=kitchen brj1\./,
  );
  t.match(own.commands().at(-1), 'systemctl reboot', 'for the read-only system');
  for (const text of [own.card('blackroad.yaml'), own.result()]) {
    t.notMatch(text, token);
    t.notMatch(text, /opensesame/);
  }
  t.match(own.card('blackroad.yaml'), /name: Home\r\n/, 'what is no secret stays');
  t.match(own.result(), /host name kitchen\r\n[\s\S]*joined as node kitchen[\s\S]*Removed/u);
  t.notMatch(own.result(), /[^\r]\n/, 'any editor shows it');
  t.equal(own.led(), 'mmc0', 'the light is as it was');

  own.start();
  t.same(own.commands(), [], 'nothing is done twice');
  own.write(
    'blackroad.yaml',
    own
      .card('blackroad.yaml')
      .replace('name: Home', 'name: Cafe')
      .replace(/password:/, 'password: cappuccino'),
  );
  own.start();
  t.match(own.at('etc/wpa_supplicant/wpa_supplicant-wlan0.conf'), 'ssid=43616665');
  t.notMatch(own.card('blackroad.yaml'), /cappuccino/, 'a changed network is taken, too');
  t.notOk(
    own.commands().some((line) => line.startsWith('runuser')),
    'a node does not join again',
  );
});

t.test('a password that was removed is not a wish for an open network', async (t) => {
  const own = pi({ 'blackroad.yaml': 'country: DE\nwifi:\n  name: IEEE\n  password: password\n' });
  own.start();
  const before = own.at('etc/wpa_supplicant/wpa_supplicant-wlan0.conf');
  // The first example of IEEE 802.11, annex J.4.
  t.match(before, 'psk=f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e');
  t.match(own.result(), /not joined\. A line `join:`/);
  own.write('blackroad.yaml', `${own.card('blackroad.yaml')}name: hall\r\n`);
  own.start();
  t.equal(own.at('etc/wpa_supplicant/wpa_supplicant-wlan0.conf'), before);
  t.equal(own.at('host'), 'hall\n');
});

t.test('a power cut at any command, and the next start ends it', async (t) => {
  const straight = pi({ 'blackroad.yaml': whole });
  straight.start();
  const commands = straight.commands().length;
  t.ok(commands > 15);
  for (let at = 1; at <= commands; at += 3) {
    const cut = pi({ 'blackroad.yaml': whole });
    t.equal(cut.start(at), 'SIGKILL', `cut at command ${at}`);
    cut.start();
    const same = { ...kept(cut), '/boot/firmware/blackroad-result.txt': '' };
    const wanted = { ...kept(straight), '/boot/firmware/blackroad-result.txt': '' };
    t.same(same, wanted);
    t.match(cut.result(), /kitchen/);
  }
});

t.test('a power cut while secrets are overwritten leaves none', async (t) => {
  const own = pi({ 'blackroad.yaml': whole });
  own.start();
  const clean = own.card('blackroad.yaml');
  // Half of the new text lies over the old one.
  own.write('blackroad.yaml', clean.slice(0, 80) + whole.slice(80));
  mkdirSync(join(own.root, 'var/lib/blackroad-first-boot'), { recursive: true });
  const begun = join(own.root, 'var/lib/blackroad-first-boot/removing.json');
  writeFileSync(begun, JSON.stringify({ name: 'blackroad.yaml', text: clean }));
  own.start();
  t.equal(own.card('blackroad.yaml'), clean);
  t.notOk(existsSync(begun));
});

t.test('a fault is told by line, blinked, and mended at the next start', async (t) => {
  const own = pi({
    'blackroad.yaml': whole.replace('name: kitchen', 'name: Kitchen Pi').replace('opensesame', 'short'),
  });
  own.start();
  t.match(
    own.result(),
    /there are 2 faults[\s\S]*line 1, name: expected a name of lower-case[\s\S]*line 8, wifi.password: /u,
  );
  t.notMatch(own.result(), /short/);
  t.equal(own.led(), 'timer');
  t.equal(own.at('etc/hostname'), null, 'nothing of it was done');
  own.write('blackroad.yaml', whole);
  writeFileSync(join(own.root, 'sys/class/leds/ACT/trigger'), 'none [mmc0] timer');
  own.start();
  t.match(own.result(), /joined as node/);
});

t.test('what does not take effect is said', async (t) => {
  const own = pi({ 'blackroad.yaml': `ssh:\n  user: nobody-else\n  keys: [${key}]\n` });
  writeFileSync(join(own.root, 'broken-ssh'), '');
  own.start();
  t.match(
    own.result(),
    /NOT set[\s\S]*sign-in over SSH as nobody-else, with a key: afterwards systemctl is-active ssh\.service says "failed"/u,
  );
  rmSync(join(own.root, 'broken-ssh'));
  own.start();
  t.match(own.result(), /looked at afterwards:\r\n {2}sign-in over SSH/);
  own.write('blackroad.yaml', 'name: hall\n');
  own.start();
  t.equal(own.at('etc/nftables.d/input-ssh.nft'), null, 'what is not asked for any more is closed');
  t.ok(own.commands().includes('systemctl disable --now ssh.service'));
  own.write('blackroad.yaml', `ssh:\n  user: root\n  keys: [${key}]\n`);
  own.start();
  t.match(own.result(), /NOT set[\s\S]*ssh\.user: expected a user that the system does not need for itself, got root/u);
});

t.test('a read-only system starts once writable to take a changed file, and no more than once', async (t) => {
  const own = pi({ 'blackroad.yaml': 'name: hall\nreadOnly: yes\n' });
  const flag = join(own.root, 'media/root-ro/etc/blackroad/read-only');
  mkdirSync(join(flag, '..'), { recursive: true });
  writeFileSync(flag, '');
  own.start();
  const said = ['mount -o remount,rw /boot/firmware', 'mount -o remount,ro /boot/firmware'];
  t.same(own.commands(), ['blackroad-read-only off', ...said, 'systemctl reboot']);
  t.match(own.result(), /blackroad\.yaml is new, and the system is read-only/);
  own.start();
  t.same(own.commands(), said, 'no start after start');
  t.match(own.result(), /stayed read-only/);
  own.start();
  t.same(own.commands(), [], 'what is said already is not written again');
  rmSync(join(own.root, 'media'), { recursive: true });
  own.start();
  t.equal(own.at('host'), 'hall\n');
  t.match(own.commands().slice(-2), ['blackroad-read-only on', 'systemctl reboot'], 'and is read-only again');
});

t.test('an image that cannot install Ollama says so', async (t) => {
  const own = pi({ 'blackroad.yaml': 'ollama: yes\n' });
  writeFileSync(join(own.root, 'no-ollama'), '');
  own.start();
  t.match(own.result(), /NOT set[\s\S]*Ollama asked for: systemctl says: Unit blackroad-ollama\.service not found\./);
});

t.test('the bundle needs nothing but Node', async (t) => {
  const bundle = join(dir, 'alone/first-boot.mjs');
  const written = spawnSync(
    process.execPath,
    [resolve(import.meta.dirname, '../../src/bundle.ts'), resolve(import.meta.dirname, 'main.ts'), bundle],
    {
      encoding: 'utf8',
    },
  );
  t.equal(written.status, 0, written.stderr);
  const own = pi({ 'blackroad.yaml': 'name: hall\n' });
  const env = { ROOT: own.root, PATH: `${bin}:${process.env.PATH}` };
  const ran = spawnSync(process.execPath, [bundle, own.root], { env, cwd: dir, encoding: 'utf8' });
  t.equal(ran.status, 0, ran.stderr);
  t.equal(own.at('host'), 'hall\n');
  const faulty = pi({ 'blackroad.yaml': 'nmae: hall\n' });
  spawnSync(process.execPath, [bundle, faulty.root], { env, cwd: dir });
  t.match(faulty.result(), /line 1, nmae: there is no such setting; did you mean name\?/);
});

t.test('the file is found under the names that people end up with', async (t) => {
  for (const name of ['blackroad.yaml.txt', 'BLACKROAD.YML', 'blackroad (1).yaml', 'blackroad.txt', 'Blackroad.Yaml']) {
    const own = pi({
      [name]: 'name: hall\n',
      ...(/^blackroad\.yaml$/i.test(name) ? {} : { 'blackroad.yaml': '# name: kitchen\r\n' }),
    });
    own.start();
    t.equal(own.at('host'), 'hall\n', name);
  }
  const two = pi({ 'blackroad.yaml': 'name: hall\n', 'blackroad.yaml.txt': 'name: attic\n' });
  two.start();
  t.match(two.result(), /blackroad\.yaml and blackroad\.yaml\.txt|blackroad\.yaml\.txt and blackroad\.yaml/);
  t.equal(two.at('host'), null);
  const none = pi({ '._blackroad.yaml': '\0\0' });
  none.start();
  t.match(none.result(), /There is no blackroad\.yaml here/);
});

t.test('settings in the file of cloud-init are read, and the rest of it is left to cloud-init', async (t) => {
  const text = `#cloud-config\nhostname: attic\nblackroad:\n  join: ${token}\n  labels: { room: attic }\nruncmd: [ls]\n`;
  const own = pi({ 'user-data': text });
  own.start();
  t.equal(own.at('host'), null);
  t.ok(own.at('var/lib/blackroad-node/identity.json'));
  t.match(
    own.card('user-data'),
    /^#cloud-config\r\nhostname: attic\r\nblackroad:\r\n {2}join:\r\n {2}labels: \{ room: attic \}\r\nruncmd: \[ls\]/,
  );
  const foreign = pi({ 'user-data': '#cloud-config\nhostname: attic\n' });
  foreign.start();
  t.same(foreign.commands(), []);
  t.match(foreign.result(), /says nothing yet/);
});
