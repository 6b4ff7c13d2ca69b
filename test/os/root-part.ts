// The part of os-check about node-agent/os-update alone: orders as the node-agent's user leaves them, and as somebody would who has taken that
// user over. The node-agent does not run meanwhile.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Machine } from '../install/machine.ts';
import { say } from '../install/steps.ts';
import { offer, type SamplePackage } from './repository.ts';

const order = '/var/lib/blackroad-node/os-order';
const stand = '/var/lib/blackroad-os';
const asUser = (command: string) => `runuser -u blackroad-node -- sh -c '${command}'`;
interface Result {
  run: string;
  job: string;
  state: string;
  text: string;
  packages: { name: string; from: string; to: string }[];
}

async function json<T>(machine: Machine, name: string): Promise<T | null> {
  const { code, text } = await machine.run(`cat ${stand}/${name}`);
  return code === 0 ? (JSON.parse(text) as T) : null;
}
async function until<T>(what: string, probe: () => Promise<T | false | null>, withinMs = 120_000): Promise<T> {
  const endMs = performance.now() + withinMs;
  while (performance.now() < endMs) {
    const value = await probe();
    if (value) return value;
    await sleep(300);
  }
  throw new Error(`${what}: not within ${withinMs / 1000} s`);
}
const atRest = (machine: Machine) =>
  until('the end of its run', async () => {
    const { text } = await machine.run(
      `systemctl show -p ActiveState --value blackroad-os-update.service; ls ${order} 2>&1`,
    );
    return /^(inactive|failed)/.test(text) && /No such file/.test(text);
  });

/** As the node-agent leaves it. */
async function ordered(machine: Machine, word: string): Promise<Result> {
  const before = await json<Result>(machine, 'result.json');
  await machine.run(asUser(`echo ${word} >${order}`));
  const result = await until(`the end of ${word}`, async () => {
    const now = await json<Result>(machine, 'result.json');
    return now && now.run !== before?.run && now.state !== 'running' && now;
  });
  await atRest(machine);
  const { state, text, packages } = result;
  const changed = packages.map(({ name, from, to }) => `${name} ${from} ${to}`);
  say(`${word}: ${[state, text, ...changed].filter(Boolean).join('; ')}`);
  return result;
}
const versions = async (machine: Machine, ...names: string[]) =>
  (await machine.run(`dpkg-query -W -f '\${Version} \${db:Status-Abbrev};' ${names.join(' ')}`)).text.trim();

const lib = (version: string): SamplePackage => ({ name: 'br-lib', version, settings: `of version ${version}` });
const tool = (version: string): SamplePackage => ({ name: 'br-tool', version });
const asksRestart = 'touch /run/reboot-required; echo br-kernel >>/run/reboot-required.pkgs';

export async function rootPart(machine: Machine): Promise<void> {
  await machine.run('systemctl stop blackroad-node');
  await atRest(machine);
  await offer(machine, 'security', [lib('1.0'), { name: 'br-kernel', version: '1.0' }]);
  await offer(machine, 'others', [tool('1.0')]);
  await machine.run('apt-get -qq update; apt-get -y install br-lib br-kernel br-tool');
  await machine.run('echo mine >/etc/br-lib.conf');
  await offer(machine, 'security', [lib('1.1'), { name: 'br-kernel', version: '1.1', setUp: asksRestart }]);
  await offer(machine, 'others', [tool('1.1')]);

  await machine.run(`apt-get -qq update; ${asUser(`echo look >${order}`)}`);
  await atRest(machine);
  const waits = await json<{ takes: string[]; security: number; others: number }>(machine, 'stand.json');
  say(`it says: ${JSON.stringify(waits)}`);
  assert.deepEqual([waits?.takes, waits?.security, waits?.others], [['security', 'all'], 2, 1]);

  await strangeOrders(machine);
  assert.equal((await ordered(machine, 'restart')).state, 'unneeded', 'nothing asks for a restart');

  const security = await ordered(machine, 'security');
  assert.deepEqual([security.state, security.packages.length], ['done', 2], security.text);
  assert.equal(await versions(machine, 'br-kernel', 'br-lib', 'br-tool'), '1.1 ii ;1.1 ii ;1.0 ii ;');
  assert.equal((await machine.run('cat /etc/br-lib.conf')).text, 'mine\n', 'a file that a person changed stays');
  assert.equal((await machine.run('cat /run/reboot-required.pkgs')).text, 'br-kernel\n');

  const all = await ordered(machine, 'all');
  assert.deepEqual(all.packages, [{ name: 'br-tool', from: '1.0', to: '1.1' }]);
  await faults(machine);
  await powerCut(machine);
  await machine.run('rm -f /run/reboot-required*; systemctl start blackroad-node');
}

/** What the user of the node-agent may write is not what root runs, reads or removes. */
async function strangeOrders(machine: Machine): Promise<void> {
  const before = (await machine.run(`cat ${stand}/result.json; md5sum /etc/shadow`)).text;
  const strange = [
    `echo "all; touch /root/taken" >${order}`,
    `echo "\\$(touch /root/taken)" >${order}`,
    `ln -s /etc/shadow ${order}`,
    `mkfifo ${order}`,
    `mkdir -p ${order}/security`,
    `head -c 5000000 /dev/zero >${order}`,
  ];
  for (const each of strange) {
    await machine.run(asUser(each));
    await atRest(machine);
  }
  assert.equal((await machine.run(`cat ${stand}/result.json; md5sum /etc/shadow`)).text, before);
  assert.notEqual((await machine.run('test -e /root/taken')).code, 0);
  say(`${strange.length} strange orders: none was carried out`);
}

async function faults(machine: Machine): Promise<void> {
  await offer(machine, 'security', [{ ...lib('1.2'), setUp: 'echo it breaks; exit 1' }]);
  const broken = await ordered(machine, 'security');
  assert.equal(broken.state, 'failed');
  assert.match(broken.text, /could not be set up: br-lib/);
  await offer(machine, 'security', [lib('1.3')]);
  const mended = await ordered(machine, 'security');
  assert.deepEqual([mended.state, await versions(machine, 'br-lib')], ['done', '1.3 ii ;'], mended.text);

  await offer(machine, 'security', [lib('1.4')]);
  await machine.run(
    `systemd-run --quiet python3 -c "import fcntl,time; f=open('/var/lib/dpkg/lock-frontend','w'); fcntl.lockf(f,fcntl.LOCK_EX); time.sleep(12)"`,
  );
  await sleep(1_000);
  await machine.run(asUser(`echo security >${order}`));
  await until('that it waits', async () =>
    /waits for another/.test((await json<Result>(machine, 'result.json'))?.text ?? ''),
  );
  await until('its end', async () => (await json<Result>(machine, 'result.json'))?.state === 'done');
  await atRest(machine);
  say('it waited for another program that held the lock of dpkg');
  assert.equal(await versions(machine, 'br-lib'), '1.4 ii ;');

  await machine.run('mv /srv/others /srv/gone');
  const unreachable = await ordered(machine, 'all');
  assert.equal(unreachable.state, 'failed', 'a source that does not answer');
  assert.match(unreachable.text, /apt-get: .*\/srv\/others/);
  await machine.run('mv /srv/gone /srv/others; mkdir -p /media/root-ro/etc');
  const shut = await ordered(machine, 'security');
  assert.deepEqual([shut.state, /read-only/.test(shut.text)], ['refused', true]);
  await machine.run('rm -r /media/root-ro');
}

async function powerCut(machine: Machine): Promise<void> {
  await offer(machine, 'security', [{ ...lib('1.5'), setUp: 'sleep 6' }]);
  await machine.run(asUser(`echo security >${order}`));
  await until('the middle of it', async () => (await machine.run("pgrep -f 'br-lib[.]postinst'")).code === 0);
  const cut = await json<Result>(machine, 'result.json');
  assert.equal(cut?.state, 'running');
  await machine.cutPower();
  const after = await until('that it goes on by itself', async () => {
    const now = await json<Result>(machine, 'result.json');
    return now && now.run !== cut.run && now.state !== 'running' && now;
  });
  await atRest(machine);
  say(`after a power cut in the middle: ${after.state}, ${await versions(machine, 'br-lib')}`);
  assert.deepEqual([after.state, await versions(machine, 'br-lib')], ['done', '1.5 ii ;'], after.text);
  assert.equal((await machine.run('dpkg --audit')).text, '');
}
