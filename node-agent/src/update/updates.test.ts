// The update of a node-agent on a real disk, with the real launcher: a power cut after every single step, as a copy of the folder shows it,
// ends on the old release or on the new one, which says so; a release that is not good is refused before anything is changed.
import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { EventParams, UpdateNode } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { readPublicKey } from '@blackroad/std/minisign';
import { systemRandom } from '@blackroad/std/random';
import t from 'tap';
import { launch, openReleases, own, type ReleaseOrder } from '../../../test/fixtures/node-agent/release-home.ts';
import { sampleKey } from '../../../test/fixtures/sample-release.ts';
import { openHome, type ReleaseHome } from './release-home.ts';
import { stage } from './stage.ts';
import { createUpdates } from './updates.ts';

type Told = EventParams<'update'>;
const homeAt = (dir: string) => openHome(dir) as ReleaseHome;
/** Where the node-agent may write. */
const at = (dir: string, ...names: string[]) => join(dir, 'updates', ...names);
process.umask(0o077); // as its service has
const place = await openReleases(t);
const trusted = [readPublicKey(place.key.pub)];
const over = ['committed', 'rolled-back', 'refused', 'failed'];
const next = '1.1.0';

interface Life {
  version: string;
  order?: UpdateNode;
  onStep?: () => void;
  isWelcome?: () => boolean;
  models?: () => string[];
  soakMs?: number;
  idleMs?: number;
}
/** One process of the node-agent, as far as updates go: until it ends itself, or says how the update ended. */
async function live(dir: string, life: Life): Promise<{ told: Told[]; refused: string[]; restarts: boolean }> {
  const {
    version,
    order,
    onStep = () => {},
    isWelcome = () => true,
    models = () => [],
    soakMs = 30,
    idleMs = 10_000,
  } = life;
  const told: Told[] = [];
  const refused: string[] = [];
  const plain = homeAt(dir);
  const after =
    <A extends unknown[], R>(run: (...args: A) => R) =>
    (...args: A) => {
      const result = run(...args);
      if (result instanceof Promise) return result.then(onStep) as R;
      onStep();
      return result;
    };
  const home: ReleaseHome = {
    ...plain,
    point: after(plain.point),
    unlink: after(plain.unlink),
    writeNote: after(plain.writeNote),
    removeNote: after(plain.removeNote),
  };
  let restarts = false;
  let done = () => {};
  const ended = new Promise<void>((resolve) => {
    done = resolve;
  });
  const staging = {
    home,
    keys: async () => trusted,
    call: place.call,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
  };
  const updates = createUpdates({
    home,
    version,
    stage: (order, signal) => stage(order, staging, signal),
    hasKeys: async () => true,
    soakMs,
    refuse: async ({ reason }) => void refused.push(reason),
    restart() {
      restarts = true;
      updates.stop();
      done();
    },
    clock: systemClock,
    log: silentLog,
  });
  const tell = (data: Told) => {
    told.push(data);
    onStep();
    if (over.includes(data.state)) systemClock.after(20, done, true);
  };
  await updates.start({ tell, models, tasksRunning: () => 0, isWelcome });
  if (order) updates.receive(order);
  const idle = systemClock.after(idleMs, done, true);
  await ended;
  idle.cancel();
  updates.stop();
  return { told, refused, restarts };
}
/** From power-on to power-on, until nothing is under way any more. */
async function settle(dir: string, orders: UpdateNode[] = [], life: Partial<Life> = {}) {
  const told: Told[] = [];
  for (let starts = 0; starts < 12; starts++) {
    const version = launch(dir);
    if (version === null) continue;
    const order = orders.shift();
    const record = at(dir, 'update.json');
    const isOver = !order && (!existsSync(record) || over.includes(JSON.parse(readFileSync(record, 'utf8')).state));
    if (isOver && homeAt(dir).linked('trial') === null) return { version, told };
    const lived = await live(dir, { ...life, version, ...(order ? { order } : {}) });
    told.push(...lived.told);
  }
  throw new Error(`it does not come to rest: ${told.map(({ state }) => state).join(', ')}`);
}
const states = (told: readonly Told[]) => told.map(({ state }) => state);

t.test('a good release', async (t) => {
  const dir = place.home();
  const { version, told } = await settle(dir, [await place.release()]);
  t.equal(version, next);
  t.same(states(told), ['fetching', 'staged', 'switching', 'soaking', 'committed']);
  t.same(readdirSync(at(dir, 'releases')), [next], 'the one before is the base');
  t.same(readdirSync(at(dir, 'downloads')), []);
  for (const path of ['', 'bin', 'bin/fleet-node'])
    t.equal(statSync(at(dir, 'releases', next, path)).mode & 0o777, 0o755, 'people may start it, too');

  const asked = place.asked.length;
  const other = await place.release({ version: '1.2.0' });
  t.equal((await settle(dir, [other])).version, '1.2.0');
  t.same(readdirSync(at(dir, 'releases')).sort(), [next, '1.2.0'], 'the one before is kept for the way back');
  const back = { ...(await place.release()), rollout: 'r2' };
  t.match((await settle(dir, [back])).told, [
    { state: 'fetching' },
    { state: 'refused', text: /1.1.0 is older than 1.2.0/ },
  ]);
  t.equal(place.asked.length, asked + 1, 'an older one is not even fetched');
  const { told: way, version: now } = await settle(dir, [{ ...back, downgrade: true }]);
  t.equal(now, next, 'with consent it is');
  t.match(way.at(-1), { rollout: 'r2', state: 'committed' });
  t.equal(place.asked.length, asked + 1, 'from what is kept here');
});

t.test('the base', async (t) => {
  const dir = place.home();
  const first = await place.install(dir);
  t.equal((await settle(dir, [await place.release()])).version, next);
  const asked = place.asked.length;
  const { version, told } = await settle(dir, [{ ...first, rollout: 'r2', downgrade: true }]);
  t.match([version, told.at(-1)?.state], [own, 'committed']);
  t.equal(place.asked.length, asked, 'the way back to it needs no fetch');
  t.match((await settle(dir, [{ ...(await place.release()), rollout: 'r3' }])).told.at(-1), { state: 'committed' });
  writeFileSync(join(dir, 'current/lib/data'), 'damaged');
  const again = { ...first, rollout: 'r4', downgrade: true };
  t.match((await settle(dir, [again])).told.at(-1), { version: own, state: 'committed' });
  t.equal(place.asked.length, asked + 1, 'where it is damaged it is fetched');
  t.same(readdirSync(at(dir, 'releases')).sort(), [own, next], 'and lies beside it, where this user may write');

  // As the installer does it.
  for (const name of ['trial', 'previous', 'current'] as const) homeAt(dir).unlink(name);
  t.equal(launch(dir), own);
  await live(dir, { version: own, idleMs: 300 });
  t.same(readdirSync(at(dir, 'releases')), [], 'what lay there before is removed');
});

/** Copies of the home after each step of an update, until the new release is started. */
async function powerCuts(release: ReleaseOrder): Promise<string[]> {
  const dir = place.home();
  const copies: string[] = [];
  const onStep = () => copies.push(place.copy(dir));
  place.server.onHalf = onStep;
  const order = await place.release(release);
  await live(dir, { version: own, order, onStep });
  if (launch(dir) === next) await live(dir, { version: next, onStep });
  place.server.onHalf = () => {};
  // Before the order is written down the coordinator has heard nothing, and repeats it.
  return copies.filter((copy) => existsSync(at(copy, 'update.json')));
}

t.test('a power cut after each step of a good update', async (t) => {
  const copies = await powerCuts({});
  t.ok(copies.length >= 14, `${copies.length} steps`);
  for (const [step, dir] of copies.entries()) {
    const { version, told } = await settle(dir);
    t.equal(version, next, `after step ${step + 1} it goes on by itself: ${states(told).join(', ')}`);
    t.equal(JSON.parse(readFileSync(at(dir, 'update.json'), 'utf8')).state, 'committed');
  }
});

t.test('a power cut after each step towards a release that does not start', async (t) => {
  const copies = await powerCuts({ run: 'exit 1' });
  const swapped = copies.findIndex((dir) => homeAt(dir).linked('current') === next);
  t.ok(swapped > 8, `step ${swapped + 1} swaps`);
  // The launcher's own steps on the way back.
  const after = copies[swapped] as string;
  for (const steps of [1, 2, 3]) {
    const dir = place.copy(after);
    writeFileSync(at(dir, 'trial-starts'), '3\n');
    writeFileSync(at(dir, 'went-back'), 'it ended 3 times\n');
    if (steps > 1) homeAt(dir).point('current', own);
    if (steps > 2) homeAt(dir).unlink('trial');
    copies.push(dir);
  }
  // A power cut may leave a count that is empty, or links half made.
  for (const [name, content] of [
    ['trial-starts', ''],
    ['trial-limit', 'x'],
    ['current.new', ''],
    ['went-back.new', ''],
  ] as const) {
    const dir = place.copy(after);
    writeFileSync(at(dir, name), content);
    copies.push(dir);
  }
  for (const [step, dir] of copies.entries()) {
    const { version, told } = await settle(dir);
    t.equal(version, own, `after step ${step + 1} the old one runs: ${states(told).join(', ')}`);
    t.match(told.at(-1), { rollout: 'r1', version: next, state: 'rolled-back', text: /ended 3 times/ });
  }
});

t.test('the launcher', async (t) => {
  const hangs = await place.release({ run: 'exec sleep 600' });
  const dir = place.home();
  await live(dir, { version: own, order: hangs });
  writeFileSync(at(dir, 'trial-limit'), '1');
  t.equal(launch(dir), null, 'what hangs is ended');
  t.match((await settle(dir)).told, [{ state: 'rolled-back', text: /within the time it had/ }]);

  const empty = place.home();
  await live(empty, { version: own, order: await place.release({ run: 'exit 1' }) });
  homeAt(empty).unlink('previous');
  for (const _ of [1, 2, 3]) t.equal(launch(empty), null);
  t.equal(launch(empty), own, 'without a link the way back leads to the base');
  await live(empty, { version: own, order: await place.release() });
  homeAt(empty).unlink('current');
  t.equal(launch(empty), own, 'a link that is lost is no end');
  rmSync(at(empty), { recursive: true });
  t.equal(launch(empty), own, 'nor is a folder');
  rmSync(join(empty, 'current'));
  t.equal(launch(empty), null, 'without a base there is nothing to start');
});

t.test('whose releases the launcher starts', async (t) => {
  const dir = place.home();
  t.equal((await settle(dir, [await place.release()])).version, next);
  // As the installer lays it out: the folder is where the user of the node-agent can write.
  renameSync(at(dir), join(dir, 'elsewhere'));
  symlinkSync('elsewhere', at(dir));
  const isRoot = process.getuid?.() === 0;
  t.equal(launch(dir), isRoot ? own : next, 'root follows no link out of the home, its owner does');

  const byHand = place.home();
  rmSync(at(byHand), { recursive: true });
  rmSync(join(byHand, 'current'));
  renameSync(join(byHand, 'releases', own, 'bin'), join(byHand, 'bin'));
  t.equal(launch(byHand), own, 'an archive that was unpacked by hand');
});

t.test('a new release that is not well', async (t) => {
  const order = await place.release();
  const silent = await settle(place.home(), [order], { isWelcome: () => false });
  t.equal(silent.version, own);
  t.match(silent.told.at(-1), { state: 'rolled-back', text: /no contact with the coordinator/ });

  let isNew = false;
  const dir = place.home();
  const models = () => (isNew ? ['small'] : ['small', 'large']);
  await live(dir, { version: own, order, models });
  isNew = true;
  const lost = await settle(dir, [], { models });
  t.equal(lost.version, own);
  t.match(lost.told.at(-1), { state: 'rolled-back', text: /not: large/ });
});

t.test('orders during the soak', async (t) => {
  const dir = place.home();
  const order = await place.release();
  await live(dir, { version: own, order });
  t.equal(launch(dir), next);
  const back = { ...(await place.release({ version: own })), rollout: 'r2', downgrade: true };
  const { told, restarts } = await live(dir, { version: next, order: back, soakMs: 5000 });
  t.same(states(told), ['soaking', 'switching']);
  t.ok(restarts);
  const { version, told: after } = await settle(dir);
  t.equal(version, own, 'the way back waits for no soak');
  t.match(after, [{ rollout: 'r2', version: own, state: 'committed' }]);
});

t.test('a fetch that is interrupted goes on where it ended', async (t) => {
  const order = await place.release({ more: { noise: { content: Buffer.from(systemRandom.hex(100_000)) } } });
  place.server.cutAfter = 30_000;
  place.server.onHalf = () => {
    place.server.cutAfter = Number.POSITIVE_INFINITY;
  };
  const { told } = await live(place.home(), { version: own, order });
  place.server.onHalf = () => {};
  t.equal(told.at(-1)?.state, 'switching');
  t.equal(place.asked.at(-1), 'bytes=30000-');
});

const link = (to: string) => ({ link: to });
const harmless = { content: Buffer.from('x') };
/** As what the fleet counts it, where that is not `content`. */
const counted: Record<string, string> = { 'a tampered archive': 'hash', 'another key': 'key', 'an older one': 'older' };
const refusals: Record<string, [order: () => Promise<UpdateNode>, state: string, why: RegExp]> = {
  'a tampered archive': [
    async () => {
      const order = await place.release();
      const changed = Buffer.from(place.archives.get(order.sha256) as Buffer);
      changed[changed.length >> 1]! ^= 1;
      place.archives.set(order.sha256, changed);
      return order;
    },
    'refused',
    /expected SHA-256/,
  ],
  'a signature of another archive': [
    async () => ({ ...(await place.release()), signature: (await place.release({ version: '1.3.0' })).signature }),
    'refused',
    /of another file, or the file was changed/,
  ],
  'another key': [() => place.release({ key: sampleKey() }), 'refused', /expected one by a trusted key/],
  'no signature': [async () => ({ ...(await place.release()), signature: 'none' }), 'refused', /four lines/],
  'an older one': [() => place.release({ version: '0.9.0' }), 'refused', /0.9.0 is older than 1.0.0/],
  'an order that names another version': [
    async () => ({ ...(await place.release()), version: '1.4.0' }),
    'refused',
    /version: expected 1.4.0, got 1.1.0/,
  ],
  'another architecture': [
    () => place.release({ about: { arch: 'arm64' === process.arch ? 'x64' : 'arm64' } }),
    'refused',
    /arch: expected/,
  ],
  'another product': [() => place.release({ about: { name: 'blackroad-coordinator' } }), 'refused', /name: expected/],
  'another wire': [() => place.release({ about: { protocol: [2, 3] } }), 'refused', /protocol: expected 1 .* got 2, 3/],
  'another format': [() => place.release({ about: { format: 9 } }), 'refused', /format: expected 1, got 9/],
  'more bytes than ordered': [
    async () => ({ ...(await place.release()), bytes: 100 }),
    'failed',
    /more than the 100 bytes/,
  ],
  'a path that leads out': [() => place.release({ unnamed: { '../../evil': harmless } }), 'refused', /leads out/],
  'a link that leads out': [
    () => place.release({ more: { out: link('../../../etc') } }),
    'refused',
    /link out leads out/,
  ],
  'a link to the root': [() => place.release({ more: { out: link('/etc/passwd') } }), 'refused', /link out leads out/],
  'a file through a link': [
    () => place.release({ more: { a: link('lib'), 'a/file': harmless } }),
    'refused',
    /a is a file and a folder/,
  ],
  'a file that release.json does not name': [
    () => place.release({ unnamed: { extra: harmless } }),
    'refused',
    /extra is not what/,
  ],
  'a file that is not there': [
    () => place.release({ about: { files: { 'bin/fleet-node': 'a'.repeat(64) } } }),
    'refused',
    /is not what release.json says/,
  ],
  'one that says another version': [() => place.release({ saysVersion: '7.0.0' }), 'failed', /it says that it is/],
  'one that is not there': [
    async () => ({ ...(await place.release()), sha256: 'f'.repeat(64) }),
    'failed',
    /answered 404/,
  ],
  'no room': [async () => ({ ...(await place.release()), bytes: 2 ** 50 }), 'failed', /of free disk/],
};
for (const [name, [make, state, why]] of Object.entries(refusals))
  t.test(`${name} is ${state}`, async (t) => {
    const dir = place.home();
    const order = await make();
    const { told, refused, restarts } = await live(dir, { version: own, order });
    t.match(told.at(-1), { state, text: why });
    t.same(refused, state === 'refused' ? [counted[name] ?? 'content'] : [], 'the fleet counts what is refused');
    t.notOk(restarts);
    t.same(existsSync(at(dir, 'releases')) ? readdirSync(at(dir, 'releases')) : [], [], 'nothing of it stays');
    t.equal(launch(dir), own);
    t.notOk(existsSync(join(place.folder, 'evil')) || existsSync(at(dir, 'evil')));
    const again = await live(dir, { version: own, order });
    t.match(again.told.at(-1), { state }, 'and again');
  });
