// What `make gpio-check` runs: the suite of pins on a kernel's simulated chip that is called as a Pi 5's is, by the tools of libgpiod and, where the
// kernel has sysfs and onoff could be built, by onoff; then a node-agent in that machine, whose pins wake an agent, are held by another program
// and drain it. In: a suite of Debian; PART, of `suite` and `fleet`. Out: a line a claim; exit code 1 with what differed. QEMU emulates the processor: minutes.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { startModelServer } from '../fixtures/model-server.ts';
import { startFleet, until } from '../fixtures/processes.ts';
import { ask, nodeOf, ready } from '../fixtures/steps.ts';
import { chip, type GpioMachine, host, startGpioMachine } from './machine.ts';

const root = resolve(import.meta.dirname, '../..');
const work = process.env.GPIO_CHECK_DIR || join(root, '.gpio-check');
const suite = process.argv[2] || 'trixie';
const parts = (process.env.PART || 'suite fleet').split(' ');
const slowMs = 300_000;
const ends: (() => unknown)[] = [];
const t = { teardown: (run: () => unknown) => ends.unshift(run) };
const beganMs = performance.now();
const say = (words: string) =>
  process.stdout.write(`  ${((performance.now() - beganMs) / 1000).toFixed(0).padStart(4)} s  ${words}\n`);

const pins = `pins:
  - { name: motion, line: 17, direction: in, pull: down }
  - { name: lamp, line: 27, direction: out }
  - { name: bell, line: 5, direction: in }
  - { name: far, line: 99, direction: in }
  - { name: light, line: 22, direction: out, role: identify }
  - { name: button, line: 23, direction: in, pull: up, activeLow: true, role: drain }
`;

/** Where it was built: `npm install --prefix .gpio-check/onoff onoff`. */
const onoff = join(work, 'onoff/node_modules');
const natives = ['better-sqlite3', 'sqlite-vec', 'sqlite-vec-linux-x64'];

async function machineWith(folder: string): Promise<GpioMachine> {
  const inside = join(folder, 'inside.mjs');
  await build({
    entryPoints: [join(import.meta.dirname, 'inside.ts')],
    outfile: inside,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    logLevel: 'warning',
  });
  writeFileSync(join(folder, 'pins.yaml'), pins, { mode: 0o600 });
  return startGpioMachine(work, folder, suite, {
    'check/node': process.execPath,
    'check/inside.mjs': inside,
    'check/pins.yaml': join(folder, 'pins.yaml'),
    'check/package.json': join(root, 'node-agent/package.json'),
    'check/dist': join(root, 'node-agent/dist'),
    ...Object.fromEntries(natives.map((name) => [`check/node_modules/${name}`, join(root, 'node_modules', name)])),
    ...(existsSync(onoff) ? { 'check/onoff': onoff } : {}),
  });
}

async function conformance(machine: GpioMachine): Promise<void> {
  const detected = await machine.run('gpiodetect; uname -r; gpiodetect --version | head -1');
  say(detected.text.trim().replaceAll('\n', '; '));
  assert.match(detected.text, new RegExp(`\\[${chip.label}\\] \\(${chip.lines} lines\\)`));
  for (const backend of ['libgpiod', 'onoff']) {
    if (backend === 'onoff') {
      const hasSysfs = (await machine.run('test -e /sys/class/gpio/export')).code === 0;
      const has = existsSync(onoff) && hasSysfs;
      if (!has) {
        say(`NOT RUN: onoff (${hasSysfs ? `it was not built in ${onoff}` : 'this kernel has no /sys/class/gpio'})`);
        continue;
      }
      await machine.run('cp -r /check/onoff/. /check/node_modules/');
    }
    const { code, text } = await machine.run(`cd /check && ./node inside.mjs ${backend}`);
    for (const line of text.trim().split('\n')) say(line);
    assert.equal(code, 0, `the suite on ${backend}`);
  }
}

async function fleetOn(machine: GpioMachine): Promise<void> {
  const server = await startModelServer();
  t.teardown(() => server.close());
  const fleet = await startFleet(t, { args: ['--address', host, '--lost-after', '60'] });
  const body = { uses: 1, expiresSeconds: 3600, address: host, labels: {} };
  const { token } = await fleet.client.call('joinTokenCreate', { body });
  const node = 'cd /check && ./node dist/main.mjs';
  const joined = await machine.run(`${node} join ${token} --data /check/data --name board 2>&1`);
  assert.equal(joined.code, 0, joined.text);
  // Another program has a line before the node-agent starts.
  await machine.run(
    'g=$(gpiodetect | grep rp1 | cut -d" " -f1); (gpiomon -c $g 5 || gpiomon $g 5) >/dev/null 2>&1 & sleep 1',
  );
  const openai = server.url.replace('127.0.0.1', host);
  const given = `--data /check/data --ollama none --fetch none --openai ${openai} --pins /check/pins.yaml`;
  await machine.run(`cd /check; ./node dist/main.mjs run ${given} >/check/log 2>&1 & echo $! >/check/pid`);
  t.teardown(async () => {
    if (process.exitCode) process.stdout.write((await machine.run('tail -30 /check/log')).text);
  });
  const view = await until(
    'the node is there',
    async () => {
      const found = await nodeOf(fleet, 'board');
      return found.presence === 'online' && found.capacity?.board && found.info?.pins && found;
    },
    slowMs,
  );
  say(`pins by ${view.info?.pinsBy}: ${view.capacity?.board?.pins.join(', ')}`);
  assert.match(view.info?.notes.join('\n') ?? '', /Pin bell: gpiomon has line 5 of pinctrl-rp1\./);
  assert.match(view.info?.notes.join('\n') ?? '', /Pin far: There is no line 99 on pinctrl-rp1: it has 54, 0 to 53\./);
  say('a pin that another program has, and one that is not there, are said');

  await fleet.apply({
    name: 'porter',
    tools: [{ tool: 'gpio', pins: ['motion', 'lamp'] }],
    triggers: [{ pin: 'motion', edge: 'rising', restSeconds: 1, prompt: 'call gpio_write {"pin":"lamp","on":true}' }],
  });
  await ready(fleet, 'porter', 'board', slowMs);
  assert.equal(await machine.level(27), false);
  await machine.drive(17, true);
  await until('the lamp is on', () => machine.level(27), slowMs);
  say('an edge wakes the agent, and it switches the lamp');
  await machine.drive(17, false);
  const refused = await ask(fleet, 'porter', 'call gpio_write {"pin":"siren","on":true}', slowMs);
  assert.match(refused.result ?? '', /siren is not a pin that you may use\. Your pins: motion, lamp\./);
  const off = await ask(fleet, 'porter', 'call gpio_write {"pin":"lamp","on":false}', slowMs);
  assert.match(off.result ?? '', /lamp is off now/);
  assert.equal(await machine.level(27), false);
  say('a pin that was not granted is refused in words, and the lamp is switched off');

  const drains = (wanted: boolean) =>
    until(`draining is ${wanted}`, async () => (await nodeOf(fleet, 'board')).draining === wanted, slowMs);
  await machine.drive(23, true);
  await machine.drive(23, false);
  await drains(true);
  await machine.drive(23, true);
  await until('the light is lit', () => machine.level(22), slowMs);
  say('the button drains the node, and the light shows it');
  await machine.drive(23, false);
  await drains(false);
  await machine.drive(23, true);
  await until('the light is dark', async () => !(await machine.level(22)), slowMs);
  say('held again, the node takes work');

  await machine.run('kill -9 $(cat /check/pid)');
  await until(
    'its programs end with it',
    async () => !/blackroad-fleet/.test((await machine.run('gpioinfo')).text),
    slowMs,
  );
  say('a node-agent that is killed leaves no line behind');
}

async function main(): Promise<void> {
  mkdirSync(work, { recursive: true });
  const folder = mkdtempSync(join(tmpdir(), 'gpio-check-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  say(`a ${suite} in QEMU, whose kernel plays ${chip.label}`);
  const machine = await machineWith(folder);
  t.teardown(() => machine.close());
  if (parts.includes('suite')) await conformance(machine);
  if (parts.includes('fleet')) await fleetOn(machine);
}

try {
  await main();
} catch (error) {
  process.exitCode = 1;
  process.stderr.write(`gpio-check: ${(error as Error).stack}\n  The console: ${join(work, 'serial.log')}\n`);
} finally {
  for (const end of ends) await end();
}
process.exit();
