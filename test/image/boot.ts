// What `make image-boot` runs: the image starts in QEMU, uses the whole card, joins a coordinator of this machine with the token in its personal
// file, answers, loses its power at random moments, and is the same node with the same memory each time; written anew, the card takes its node
// back. Prints a line a step; the console's log stays in the folder of its work. Exit code 1 with what differed.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmSync, unlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { imageIn } from '../../images/src/check.ts';
import { writePersonalFile } from '../../protocol/src/personal/write-personal-file.ts';
import { startModelServer } from '../fixtures/model-server.ts';
import { type Fleet, startFleet, until } from '../fixtures/processes.ts';
import { type Pi, piOf, startMs } from './pi.ts';

const root = resolve(import.meta.dirname, '../..');
const work = process.env.IMAGE_BOOT_DIR || join(root, '.image-boot');
/** This machine, as QEMU shows it to the one inside. */
const host = '10.0.2.2';
const name = 'kitchen';
const ends: (() => unknown)[] = [];
const t = { teardown: (run: () => unknown) => ends.unshift(run) };
const beganMs = performance.now();
const say = (words: string) =>
  process.stdout.write(`  ${((performance.now() - beganMs) / 1000).toFixed(0).padStart(4)} s  ${words}\n`);

const tokenFor = async ({ client }: Fleet) =>
  (await client.call('joinTokenCreate', { body: { uses: 1, expiresSeconds: 7200, address: host } })).token;
const online = ({ client }: Fleet, sinceMs: number) =>
  until(
    `${name} is online`,
    async () => {
      const found = (await client.call('nodes')).find((each) => each.id === name);
      return found?.presence === 'online' && found.presenceSinceMs > sinceMs ? found : null;
    },
    startMs,
  );

async function settled(pi: Pi): Promise<void> {
  await pi.run('systemctl is-system-running --wait >/dev/null; true');
  const state = await pi.run('systemctl is-system-running');
  const failed = await pi.run('systemctl --failed --plain --no-legend');
  say(`the system is ${state}${failed ? `: ${failed}` : ', no unit has failed'}`);
  assert.match(state, /^running$/);
}

async function firstStart(fleet: Fleet, pi: Pi): Promise<void> {
  const token = await tokenFor(fleet);
  pi.flash(writePersonalFile({ name, join: token, timeZone: 'Europe/Berlin' }));
  const sinceMs = Date.now();
  pi.start();
  const node = await online(fleet, sinceMs);
  say(`${name} has joined with the token of its personal file`);
  await settled(pi);
  say(`root: ${await pi.run('df -h --output=size,used / | tail -n 1')}`);
  assert.equal(await pi.run("grep -c 'brj1[.]e' /boot/firmware/blackroad.yaml"), '0', 'the token is off the card');
  assert.match(await pi.run('cat /etc/machine-id'), /^[0-9a-f]{32}$/);
  assert.equal(await pi.run('ls /etc/ssh | grep -c ssh_host'), '0', 'no host keys unasked');
  assert.equal(await pi.run('date +%Z | grep -c CE'), '1', 'the time zone is set');
  assert.equal(node.status, 'active');
}

async function task({ client }: Fleet, prompt: string): Promise<unknown> {
  const { id } = await client.call('ask', { params: { agent: 'greeter' }, body: { prompt } });
  return until(
    'the answer of the agent',
    async () => {
      const { state, result } = await client.call('task', { params: { task: id } });
      return state === 'done' ? result : null;
    },
    startMs,
  );
}

async function powerCuts(fleet: Fleet, pi: Pi, times: number): Promise<void> {
  const before = (await fleet.client.call('nodes')).length;
  for (let cut = 1; cut <= times; cut++) {
    // Also in the middle of a start.
    await new Promise((done) => setTimeout(done, Math.random() * 60_000));
    await pi.cut();
    const sinceMs = Date.now();
    pi.start();
    await online(fleet, sinceMs);
    say(`power cut ${cut} of ${times}: ${name} is back`);
  }
  await settled(pi);
  assert.equal((await fleet.client.call('nodes')).length, before, 'it is the same node');
  assert.match(await pi.run('dmesg | grep -ci "ext4-fs error"'), /^0$/, 'the root is clean');
}

async function main(): Promise<void> {
  const given = process.argv[2] ?? 'dist';
  const image = given.endsWith('.img') ? given : imageIn(resolve(root, given));
  const cuts = Number(process.argv[3] ?? 20);
  if (image === null) {
    say('SKIPPED: there is no image in dist/. `make image` builds one.');
    return;
  }
  mkdirSync(work, { recursive: true });
  for (const file of ['serial.log', 'shell']) if (existsSync(join(work, file))) unlinkSync(join(work, file));
  const fleet = await startFleet(t, { args: ['--lost-after', '10', '--heartbeat', '2'] });
  const model = await startModelServer();
  t.teardown(() => model.close());
  const pi = piOf(resolve(image), work);
  t.teardown(() => pi.cut());
  await firstStart(fleet, pi);
  const url = model.url.replace('127.0.0.1', host);
  await pi.run(`echo BLACKROAD_OPENAI=${url} >/etc/blackroad/node.env; systemctl restart blackroad-node`);
  await fleet.apply({ name: 'greeter' });
  say(`greeter answers ${JSON.stringify(await task(fleet, 'Are you there?'))}`);
  await powerCuts(fleet, pi, cuts);
  say(`greeter answers ${JSON.stringify(await task(fleet, 'And now?'))}`);
  const nodes = (await fleet.client.call('nodes')).length;
  await pi.cut();
  pi.flash(writePersonalFile({ name, join: await tokenFor(fleet) }));
  const sinceMs = Date.now();
  pi.start();
  await online(fleet, sinceMs);
  assert.equal((await fleet.client.call('nodes')).length, nodes, 'the card that was written anew is the same node');
  say(`written anew, the card is ${name} again`);
  rmSync(join(work, 'card.img'));
}

try {
  await main();
} catch (error) {
  process.stderr.write(`image-boot: ${(error as Error).stack}\n  The consoles: ${join(work, 'serial.log')}\n`);
  process.exitCode = 1;
} finally {
  for (const end of ends) await end();
}
process.exit();
