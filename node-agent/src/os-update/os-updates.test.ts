// Updates of the operating system as the node-agent sees them, on a real folder: root's part is played by the test, which writes what
// node-agent/os-update writes (make os-check runs that one).
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { EventParams, UpdateOs } from '@blackroad/protocol';
import { silentLog } from '@blackroad/std/log';
import t from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { createOsUpdates, type NodeOsUpdates } from './os-updates.ts';
import { findRootPart, openRootPart, type RootPlaces } from './root-part.ts';

type Told = EventParams<'os-update'>;
class Rig {
  readonly clock = new HandClock();
  readonly told: Told[] = [];
  readonly places: RootPlaces;
  tasks = 0;
  updates: NodeOsUpdates;
  #runs = 0;

  constructor(dir: string) {
    const at = (name: string) => join(dir, name);
    this.places = {
      data: at('data'),
      stand: at('stand'),
      dpkgStatus: at('status'),
      restartNeeded: at('required'),
      bootId: at('boot'),
    };
    for (const folder of [this.places.data, this.places.stand, at('lists')]) mkdirSync(folder);
    writeFileSync(this.places.dpkgStatus, '');
    writeFileSync(this.places.bootId, 'one\n');
    this.looks();
    this.updates = this.#open();
  }
  #open(): NodeOsUpdates {
    const { places, clock } = this;
    return createOsUpdates({ root: openRootPart(places, silentLog), dir: places.data, clock, log: silentLog });
  }
  async start(): Promise<void> {
    await this.updates.start({ tell: (data) => this.told.push(data), tasksRunning: () => this.tasks });
  }
  /** Another process of the node-agent. */
  async again(): Promise<void> {
    this.updates.stop();
    this.updates = this.#open();
    this.told.splice(0);
    await this.start();
  }
  order(job: UpdateOs['job'], rollout = 'r1'): void {
    this.updates.receive({ rollout, job, withinMs: 120_000 });
  }
  /** The word that waits for root's part, as that takes it; null: none. */
  take(): string | null {
    const file = join(this.places.data, 'os-order');
    if (!existsSync(file)) return null;
    const word = readFileSync(file, 'utf8');
    rmSync(file);
    return word;
  }
  says(job: string, state: string, more: object = {}): void {
    const result = { run: `run-${++this.#runs}`, job, state, text: '', packages: [], count: 0, ...more };
    writeFileSync(join(this.places.stand, 'result.json'), JSON.stringify(result));
  }
  looks(more: object = {}): void {
    const { dpkgStatus, stand } = this.places;
    const lists = join(stand, '../lists');
    const seen = [dpkgStatus, lists].map((path) => Math.floor(statSync(path).mtimeMs / 1000)).join(' ');
    const what = { takes: ['security', 'all'], why: '', security: 2, others: 5, lists, seen, ...more };
    writeFileSync(join(stand, 'stand.json'), JSON.stringify(what));
  }
  /** Time passes, and files are written, until it is so. */
  async until<T>(what: string, probe: () => T): Promise<NonNullable<T>> {
    for (let i = 0; i < 400; i++) {
      const found = probe();
      if (found) return found;
      await this.clock.advance(250);
      await pause(2);
    }
    throw new Error(`${what}: not within its time; told ${JSON.stringify(this.told)}`);
  }
  async passes(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 2_000) {
      await this.clock.advance(2_000);
      await pause(1);
    }
  }
  get states(): string {
    return this.told.map(({ job, state }) => `${job} ${state}`).join(', ');
  }
}
const open = (t: { testdir(): string }) => new Rig(t.testdir());

t.test('packages, and then a restart', async (t) => {
  const rig = open(t);
  await rig.start();
  t.match(rig.updates.stand(), { takes: ['security', 'all'], security: 2, others: 5, restart: false });
  rig.order('security');
  t.equal(await rig.until('the word', () => rig.take()), 'security\n');
  rig.says('security', 'running');
  rig.order('security');
  await rig.until('the answer', () => rig.told.length > 1);
  await rig.passes(10_000);
  t.equal(
    rig.states,
    'security begun, security begun',
    'an order that is repeated is answered, and not carried out twice',
  );
  t.equal(rig.take(), null);
  const packages = [
    { name: 'openssl', from: '1', to: '2' },
    { name: 'new', from: '', to: '1' },
  ];
  writeFileSync(rig.places.restartNeeded, '');
  writeFileSync(`${rig.places.restartNeeded}.pkgs`, 'linux-image\n$(reboot)\nlinux-image\n');
  rig.says('security', 'done', { packages, count: 2 });
  await rig.until('the end', () => rig.told.length > 2);
  t.match(rig.told[2], { state: 'updated', restart: true, text: '2 packages: openssl 1 to 2 and new 1' });
  t.match(rig.updates.stand(), { restart: true, restartFor: ['linux-image'] });

  rig.tasks = 1;
  rig.order('restart');
  await rig.passes(10_000);
  t.equal(rig.take(), null, 'tasks may end first');
  rig.tasks = 0;
  t.equal(await rig.until('the word', () => rig.take()), 'restart\n');
  await rig.passes(4_000);
  t.equal(rig.told.at(-1)?.state, 'restarting', 'told before the machine goes down');
  await rig.again();
  await rig.passes(4_000);
  t.equal(rig.states, '', 'the node-agent alone was started again');
  rmSync(rig.places.restartNeeded);
  writeFileSync(rig.places.bootId, 'two\n');
  await rig.again();
  t.equal(rig.states, 'restart restarted');
});

t.test('what does not get there', async (t) => {
  const rig = open(t);
  await rig.start();
  rig.order('all');
  await rig.passes(110_000);
  await rig.until('that root takes nothing', () => rig.told.at(-1)?.state === 'failed');
  t.match(rig.told.at(-1), { job: 'all', text: /did not take the order within 120 s/ });
  t.equal(rig.take(), null, 'the order is taken back: it is void');
  await rig.passes(62_000);
  rig.order('all');
  await rig.until('the word', () => rig.take());
  rig.says('all', 'failed', { text: 'could not be set up: br-lib' });
  await rig.until('its end', () => rig.told.at(-1)?.state === 'failed' && /set up/.test(rig.told.at(-1)?.text ?? ''));
  rig.looks({ takes: ['all'], why: 'it has no unattended-upgrades' });
  rig.order('security', 'r2');
  await rig.until('the refusal', () => rig.told.at(-1)?.rollout === 'r2');
  t.match(rig.told.at(-1), { state: 'refused', text: 'it has no unattended-upgrades' });
  writeFileSync(rig.places.restartNeeded, '');
  rig.order('restart', 'r2');
  await rig.until('the word', () => rig.take());
  rig.says('restart', 'running');
  await rig.passes(596_000);
  await rig.until('that it is late', () => rig.told.at(-1)?.state === 'failed');
  t.match(rig.told.at(-1), { job: 'restart', state: 'failed', text: 'the machine did not go down' });
  rig.order('restart', 'r3');
  await rig.until('the word', () => rig.take());
  rig.says('restart', 'unneeded');
  await rig.until('its end', () => rig.told.at(-1)?.state === 'restarted');
});

t.test('a power cut, and another rollout while apt works', async (t) => {
  const rig = open(t);
  await rig.start();
  rig.order('security');
  await rig.until('the word', () => rig.take());
  rig.says('security', 'running');
  writeFileSync(rig.places.bootId, 'two\n');
  await rig.again();
  rig.says('security', 'running');
  await rig.passes(6_000);
  t.equal(rig.states, '', 'root goes on by itself');
  rig.order('security', 'r2');
  await rig.until('the answer', () => rig.told.at(-1)?.rollout === 'r2');
  t.equal(rig.take(), null, 'what apt does already is what is asked for');
  rig.says('security', 'done');
  await rig.until('the end', () => rig.told.at(-1)?.state === 'updated');
  t.match(rig.told.at(-1), { rollout: 'r2', restart: false, text: 'nothing was to be updated' });
});

t.test('what waits is counted anew when apt knows more, and not too often', async (t) => {
  const rig = open(t);
  await rig.start();
  await rig.passes(60_000);
  t.equal(rig.take(), null, 'nothing has changed');
  rig.looks({ seen: '1 1' });
  t.equal(await rig.until('the word', () => rig.take()), 'look\n');
  await rig.passes(300_000);
  t.equal(rig.take(), null);
  writeFileSync(join(rig.places.stand, 'stand.json'), '{"takes":["rm"]}');
  t.match(rig.updates.stand(), { takes: { length: 0 }, why: /not looked/ }, 'what cannot be read says nothing');
  t.equal(rig.take(), null);
  await rig.passes(250_000);
  t.equal(await rig.until('the word once more', () => rig.take()), 'look\n');
  t.equal(findRootPart('/elsewhere', silentLog, rig.places), null, 'root looks for orders in one folder alone');
  t.ok(findRootPart(rig.places.data, silentLog, rig.places));
});
