// What `make install-check` runs: the one line on a booted Debian that has nothing, from there to an agent that answers; again, damaged, newer;
// rollouts that it takes by itself (updates.ts); what is refused; and what is left after the end. Prints a line a step; exit code 1 with what differed. The releases are the real one under
// several versions, signed by throw-away keys; the coordinator, the machine and its systemd are real, the model is scripted.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Arch } from '../../release/src/packages.ts';
import { openTestCa } from '../fixtures/coordinator/test-ca.ts';
import { type Fleet, startFleet, until } from '../fixtures/processes.ts';
import { sampleKey } from '../fixtures/sample-release.ts';
import { addresses, bootMachine, type Machine } from './machine.ts';
import { modelFor } from './model-relay.ts';
import { doesNotStart, type MakeRelease, releaseMaker } from './release-maker.ts';
import { add, damage, expected, removeAll, say } from './steps.ts';
import { takesUpdates } from './updates.ts';

const root = resolve(import.meta.dirname, '../..');
const work = process.env.INSTALL_CHECK_DIR || join(root, '.install-check');
const suite = process.argv[2] || 'trixie';
const arch = process.arch as Arch;
const ends: (() => unknown)[] = [];
const t = { teardown: (run: () => unknown) => ends.unshift(run) };
/** What there is to read when something differed. */
let story = async (): Promise<string[]> => [];
const ours = sampleKey();
const stranger = sampleKey();

/** The real release under other versions. */
async function makerHere(): Promise<MakeRelease> {
  const folder = mkdtempSync(join(tmpdir(), 'install-check-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return releaseMaker(folder, say);
}

/** Somebody between the two machines, with a certificate of another fleet. */
async function between(pages: Record<string, string>): Promise<string> {
  const foreign = await openTestCa();
  const { key, cert } = await foreign.ca.issueServer({ hosts: [addresses.here] });
  const server: Server = createServer({ key, cert: `${cert}${foreign.ca.pem}` }, (request, response) => {
    response.end(pages[request.url ?? ''] ?? foreign.ca.pem);
  });
  await new Promise<void>((done) => server.listen(0, addresses.here, done));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
    foreign.close();
  });
  return `https://${addresses.here}:${(server.address() as { port: number }).port}`;
}

const current = async (machine: Machine) => (await machine.run('readlink /opt/blackroad-node/current')).text.trim();

async function firstTime(fleet: Fleet, machine: Machine, command: string, beganMs: number): Promise<void> {
  await fleet.apply({ name: 'greeter' });
  const { id } = await fleet.client.call('ask', { params: { agent: 'greeter' }, body: { prompt: 'Are you there?' } });
  const answer = await until(
    'the answer of the agent',
    async () => {
      const { state, result } = await fleet.client.call('task', { params: { task: id } });
      return state === 'done'
        ? result
        : assert.equal(state === 'queued' || state === 'leased' || state === 'running', true, state);
    },
    60_000,
  );
  const seconds = (performance.now() - beganMs) / 1000;
  say(`greeter answers ${JSON.stringify(answer)}: ${seconds.toFixed(1)} s after the one line`);
  assert.ok(seconds < 90, 'within 90 s');
  const owner = (await machine.run('stat -c %U /proc/$(systemctl show -p MainPID --value blackroad-node)')).text.trim();
  assert.equal(owner, 'blackroad-node');
  await expected(machine, 'the same line again', command, 0, /0\.2\.0 was there already, whole/);
}

async function refusals(fleet: Fleet, machine: Machine, command: string, make: MakeRelease) {
  const script = readFileSync(join(root, 'node-agent/install.sh'), 'utf8');
  const [, url, token] = /u=(\S+)\/install\.sh; .* (brj1\.\S+)$/.exec(command) as unknown as [string, string, string];
  const evil = await between({ '/install.sh': `${script}\ntouch /root/taken\n` });
  await expected(machine, 'the installer is changed on the way', command.replace(url, evil), 1, /FAILED/);
  assert.notEqual((await machine.run('test -e /root/taken')).code, 0);
  const misled = JSON.parse(Buffer.from(token.slice(5), 'base64url').toString());
  const to = (address: string) =>
    command.replace(token, `brj1.${Buffer.from(JSON.stringify({ ...misled, url: address })).toString('base64url')}`);
  await expected(
    machine,
    'another machine answers in place of the coordinator',
    to(evil),
    1,
    /is not the coordinator of this fleet/,
  );
  const relay = await between({ '/ca.pem': fleet.ca, '/install.sh': script });
  await expected(machine, 'and shows the CA of this fleet', to(relay), 1, /is not the coordinator of this fleet/);

  damage(fleet, await add(fleet, await make('0.3.1', ours)));
  await expected(machine, 'the archive is damaged', command, 1, /REFUSED: the archive was changed on the way/);
  await removeAll(fleet);

  writeFileSync(join(fleet.folder, 'coordinator/release-keys/stranger.pub'), stranger.pub);
  await add(fleet, await make('0.4.0', stranger));
  const words = new RegExp(
    `REFUSED: .*the key ${stranger.secret.name} has signed it, and this machine trusts ${ours.secret.name}`,
  );
  await expected(machine, 'another key has signed', command, 1, words);
  assert.equal(await current(machine), 'releases/0.3.0', 'what is refused changes nothing');
  await expected(machine, 'and taken with consent', `${command} --new-keys`, 0, /0\.3\.0 replaced by 0\.4\.0/);
  const keys = (await machine.run('stat -c "%n %U %a" /opt/blackroad-node/release-keys/*')).text.trim().split('\n');
  const owned = [ours, stranger].map(({ secret }) => `/opt/blackroad-node/release-keys/${secret.name}.pub root 644`);
  assert.deepEqual(keys.sort(), owned.sort(), 'its keys are those of the coordinator, and belong to root');
  await removeAll(fleet);

  await add(fleet, await make('0.1.0', ours));
  await expected(machine, 'an older release is replayed', command, 1, /REFUSED: .*0\.1\.0 is older than 0\.4\.0/);
  assert.equal(await current(machine), 'releases/0.4.0');
  await expected(machine, 'and taken with consent', `${command} --older`, 0, /0\.4\.0 replaced by 0\.1\.0/);

  await add(fleet, await make('0.5.0', ours, doesNotStart));
  await expected(machine, 'a release that does not start', command, 1, /0\.5\.0 does not run here: 0\.1\.0 is back/);
  assert.equal(await current(machine), 'releases/0.1.0');
  assert.equal((await machine.run('systemctl is-active blackroad-node')).text.trim(), 'active');
}

async function nothingLeft(before: readonly string[], machine: Machine): Promise<void> {
  const rest = await left(before, machine);
  for (const line of rest) say(`left: ${line}`);
  assert.deepEqual(rest, [], 'nothing is left');
  say('nothing is left on the machine');
}

/** The same machine, with what tells that systemd runs hidden. */
async function withoutSystemd(fleet: Fleet, machine: Machine, file: string): Promise<void> {
  const [node] = await fleet.client.call('nodes');
  await fleet.client.call('nodeForget', { params: { node: node?.id as string } });
  await add(fleet, file);
  const { command } = await fleet.client.call('joinTokenCreate', { body: {} });
  const hidden = (order: string) => `unshare -m sh -c 'mount -t tmpfs none /run/systemd; ${order}'`;
  await expected(
    machine,
    'the one line without systemd',
    hidden(command),
    0,
    /There is no systemd here; run it in the foreground/,
  );
  const run =
    'timeout 8 runuser -u blackroad-node -- /opt/blackroad-node/launch keep run --data /var/lib/blackroad-node';
  await expected(machine, 'in the foreground', hidden(`${run}; true`), 0, /"connected"/);
  await expected(machine, 'the end', hidden('fleet-node uninstall'), 0, /The node-agent is gone/);
}

async function main(): Promise<void> {
  const make = await makerHere();
  const machine = await bootMachine(work, suite);
  t.teardown(() => machine.close());
  story = async () => (await machine.run('journalctl -u blackroad-node -n 30 --no-pager -o cat')).text.split('\n');
  const fleet = await startFleet(t, {
    // A restart takes longer than the patience that other tests have with a node.
    args: ['--host', '0.0.0.0', '--address', addresses.here, '--lost-after', '30'],
  });
  const modelUrl = await modelFor(addresses.here, t.teardown);
  writeFileSync(join(fleet.folder, 'coordinator/release-keys/ours.pub'), ours.pub);
  const { command } = await fleet.client.call('joinTokenCreate', { body: {} });
  say(`${command.length} characters: ${command}`);
  const before = await machine.files();

  await expected(
    machine,
    'no release for this machine',
    command,
    1,
    new RegExp(`fleet releases add blackroad-node-<version>-linux-${arch}`),
  );
  assert.deepEqual(await left(before, machine), [], 'a refusal leaves nothing');
  await machine.run('mkdir /opt/blackroad-node && chown daemon /opt/blackroad-node');
  await expected(machine, 'a home that is not of root', command, 1, /belongs to another user than root/);
  await machine.run('rm -rf /opt/blackroad-node');
  const forged = await make('0.2.1', ours, doesNotStart);
  await add(fleet, forged);
  await expected(machine, 'a first release that cannot check itself', command, 1, /REFUSED/);
  assert.deepEqual(await left(before, machine), [], 'nor does this one');
  await removeAll(fleet);
  await add(fleet, await make('0.2.0', ours));
  // Its owner has said where its models are.
  await machine.run(
    `mkdir -p /etc/blackroad; printf 'BLACKROAD_OPENAI=${modelUrl}\\nBLACKROAD_SOAK_SECONDS=3\\n' >/etc/blackroad/node.env`,
  );
  const beganMs = performance.now();
  await expected(machine, 'the one line', command, 0, /Node \S+ runs, and starts with the machine/);
  await firstTime(fleet, machine, command, beganMs);
  await machine.run('echo >>/opt/blackroad-node/current/main.mjs');
  await expected(machine, 'a file was damaged', command, 0, /0\.2\.0 was damaged, and installed anew/);
  await add(fleet, await make('0.3.0', ours));
  await expected(machine, 'a newer release', command, 0, /0\.2\.0 replaced by 0\.3\.0/);
  await until('the node', async () => (await fleet.client.call('nodes')).some(({ presence }) => presence === 'online'));
  await takesUpdates({ fleet, machine, command, make, ours, stranger });
  await removeAll(fleet);
  await refusals(fleet, machine, command, make);
  const events = await fleet.client.call('events', { query: { type: 'install-refused' } });
  for (const event of events) say(`the fleet heard: ${event.text}`);
  const reasons = events.map(({ params }) => (params as { reason: string }).reason);
  const both = ['content', 'hash', 'hash', 'key', 'key', 'older', 'older', 'start', 'start'];
  assert.deepEqual(reasons.sort(), both, 'each was counted, of the installer and of the updater');
  await expected(machine, 'the end', 'fleet-node uninstall', 0, /The node-agent is gone/);
  await nothingLeft(before, machine);
  await withoutSystemd(fleet, machine, await make('0.6.0', ours));
  await nothingLeft(before, machine);
}

/** What other programs keep for themselves: copies of the user table before its last change, and the times of systemd. */
const notOurs =
  /\/etc\/(passwd|group|shadow|gshadow|subuid|subgid)-?$|\/etc\/\.pwd\.lock$|\/var\/lib\/systemd\/|\/etc\/\.updated|\/var\/\.updated/;
async function left(before: readonly string[], machine: Machine): Promise<string[]> {
  const known = new Set(before);
  const after = await machine.files();
  const now = new Set(after);
  const isOurs = (line: string) => line !== '' && (!notOurs.test(line) || /^[0-9a-f]{32} /.test(line));
  return [
    ...after.filter((line) => !known.has(line)),
    ...before.filter((line) => !now.has(line)).map((line) => `gone: ${line}`),
  ].filter(isOurs);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${(error as Error).stack}\n`);
  for (const line of await story()) process.stderr.write(`${line}\n`);
  process.exitCode = 1;
}
for (const end of ends) await end();
process.exit();
