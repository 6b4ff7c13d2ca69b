// Objects on the disk, on their way to an S3 server and back: what can be read when, what is kept over a restart, and what a store that is away, or that
// lost something, does to them. The server is a real one.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { FleetError } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { systemRandom } from '@blackroad/std/random';
import t, { type Test } from 'tap';
import { listed } from '../../../test/conformance/object-store.ts';
import { noS3Server, type S3Server, s3Keys, startS3 } from '../../../test/fixtures/s3-server.ts';
import { until } from '../../../test/fixtures/until.ts';
import { DiskStore } from './disk-store.ts';
import { type ObjectStore, StoreFault } from './object-store.ts';
import { Objects } from './objects.ts';
import { readS3Address, type S3Address } from './s3/s3-address.ts';
import { S3Store } from './s3/s3-store.ts';

// The timers of the product keep no process alive.
const alive = setInterval(() => {}, 1_000);
t.teardown(() => clearInterval(alive));
let aheadMs = 0;
const clock = {
  ...systemClock,
  monotonicMs: () => systemClock.monotonicMs() + aheadMs,
  every: (ms: number, run: () => void) => systemClock.every(Math.min(ms, 20), run),
};
const random = { ...systemRandom, next: () => 0 };
const fleet = 'a-fleet';
/** Removed, and then no part of them is seen by others. */
const quick = { firstMs: 5, maxMs: 5 };

interface Rig {
  dataDir: string;
  server: S3Server;
  named: Set<string>;
  /** As a start of the coordinator does. `home`: null: without a store. */
  open(home?: 'store' | 'disk' | null): Promise<Objects>;
  store(): S3Store;
  onDisk(): string[];
}

async function rigOf(t: Test): Promise<Rig> {
  const dataDir = mkdtempSync(join(tmpdir(), 'objects-'));
  const server = await startS3(dataDir);
  const opened: Objects[] = [];
  t.teardown(async () => {
    for (const objects of opened) await objects.stop();
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });
  const named = new Set<string>();
  const store = () => {
    const address = readS3Address(server.url(), '') as S3Address;
    return new S3Store({ address, keys: s3Keys, ca: '', clock: systemClock, random, again: quick }, fleet);
  };
  return {
    ...{ dataDir, server, named, store },
    async open(home = 'store') {
      const far = home === null ? null : { store: store(), home };
      const objects = await Objects.open({ dataDir, far, named: () => named, clock, random, log: silentLog });
      opened.push(objects);
      await objects.keep(named, Number.POSITIVE_INFINITY);
      objects.start();
      return objects;
    },
    onDisk: () =>
      readdirSync(join(dataDir, 'objects'), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.length > 60)
        .map((name) => name.slice(3)),
  };
}
async function given(rig: Rig, objects: Objects, content: string | Uint8Array): Promise<string> {
  const { sha256 } = await objects.take(Readable.from([Buffer.from(content)]), 50_000_000);
  rig.named.add(sha256);
  return sha256;
}
async function refused(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (error) {
    return error instanceof FleetError ? `${error.code}: ${error.details.detail}` : String(error);
  }
}
const textOf = async (stream: Readable) => Buffer.concat(await stream.toArray()).toString();
const isThere = (rig: Rig, sha256: string) =>
  existsSync(join(rig.server.files, 'fleet', fleet, sha256.slice(0, 2), sha256));

t.test('without a store all is in the data folder, and read as it is written', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'objects-'));
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }));
  const parts = { dataDir, far: null, named: () => new Set<string>(), clock, random, log: silentLog };
  const objects = await Objects.open(parts);
  const { sha256, bytes } = await objects.put('on the disk');
  t.same([bytes, objects.bytesOf(sha256), objects.heldBytes], [11, 11, 11]);
  await objects.put('on the disk');
  t.equal(objects.heldBytes, 11, 'the same is there once');
  t.equal(await textOf(await objects.read(sha256, { from: 3, to: 5 })), 'the');
  t.equal(
    await refused(objects.take(Readable.from([Buffer.alloc(20)]), 19)),
    'too-large: file: expected at most 19 bytes, got more',
  );
  t.match(objects.figures(), { where: null, trouble: null, disk: { count: 1, bytes: 11 }, store: { count: 0 } });

  const path = join(dataDir, 'objects', sha256.slice(0, 2), sha256);
  writeFileSync(path, 'on the disc');
  t.match(await refused(objects.readWhole(sha256)), /^object-damaged: The object .* in the data folder is damaged/);
  t.match(await refused(objects.read(sha256)), /^object-damaged: /, 'before the first byte');
  rmSync(path);
  t.match(
    await refused(objects.withFile(sha256, async () => 1)),
    /^no-such-file: .*not in the data folder any more\.$/,
  );

  const second = await objects.put('nobody needs it');
  writeFileSync(join(dataDir, 'objects', 'left.new'), 'of a crash');
  const again = await Objects.open(parts);
  t.equal(again.bytesOf(second.sha256), 15);
  t.notOk(existsSync(join(dataDir, 'objects', 'left.new')));
  await again.keep(new Set(), 0);
  t.equal(again.heldBytes, 0);
});

t.test('what somebody needs goes to the store, and is read from there', { skip: noS3Server }, async (t) => {
  const rig = await rigOf(t);
  const objects = await rig.open();
  const content = randomBytes(300_000).toString('base64');
  const sha256 = await given(rig, objects, content);
  const passing = await objects.put('gone in a moment');
  t.equal((await objects.readWhole(sha256)).toString(), content, 'read on its way');
  await until(() => objects.figures().disk.count === 1);
  await until(() => rig.onDisk().length === 2);
  t.same(rig.onDisk().sort(), [`${sha256}.400000.there`, passing.sha256].sort(), 'a mark is left of it');
  t.ok(isThere(rig, sha256));
  t.notOk(isThere(rig, passing.sha256), 'what nobody named was not sent');
  t.equal((await objects.readWhole(sha256)).toString(), content);
  t.equal(await textOf(await objects.read(sha256, { from: 10, to: 19 })), content.slice(10, 20));
  t.equal(await objects.withFile(sha256, async (path) => existsSync(path)), true);
  t.equal(objects.heldBytes, 400_016);
  t.match(objects.figures(), {
    where: `s3://objects/fleet at 127.0.0.1:${rig.server.port}`,
    store: { count: 1, bytes: 400_000 },
    ...{ removals: 0, trouble: null, faulty: { length: 0 }, moved: { brought: 1 } },
  });

  t.ok(readdirSync(join(rig.dataDir, 'objects-fetched')).length === 1, 'read files stay for a while');
  await objects.stop();
  const again = await rig.open();
  t.same(readdirSync(rig.dataDir).includes('objects-fetched'), false, 'and not over a start');
  t.equal(again.bytesOf(sha256), 400_000);
  t.equal(await textOf(await again.read(sha256)), content);

  await again.remove(sha256);
  await until(() => !isThere(rig, sha256));
  await until(() => again.figures().removals === 0);
  t.same(rig.onDisk(), [passing.sha256]);
  t.match(await refused(again.read(sha256)), /^no-such-file: /);
});

t.test('a file that somebody reads stays until that is done', { skip: noS3Server }, async (t) => {
  const rig = await rigOf(t);
  const objects = await rig.open();
  const sha256 = await given(rig, objects, 'read slowly');
  const [done, use] = [Promise.withResolvers<void>(), Promise.withResolvers<string>()];
  const reading = objects.withFile(sha256, async (path) => {
    use.resolve(path);
    await done.promise;
    return existsSync(path);
  });
  await use.promise;
  const other = await given(rig, objects, 'sent meanwhile');
  await until(() => isThere(rig, other));
  done.resolve();
  t.equal(await reading, true);
  await until(() => isThere(rig, sha256));
});

t.test('while the store is away what comes waits here, and what is there says so', { skip: noS3Server }, async (t) => {
  const rig = await rigOf(t);
  const objects = await rig.open();
  const there = await given(rig, objects, 'there before');
  const goes = await given(rig, objects, 'to be removed');
  await until(() => objects.figures().store.count === 2);
  await rig.server.stop();
  t.equal(objects.isOutOfReach(there), false, 'nothing is known yet');
  t.match(
    await refused(objects.read(there)),
    /^unavailable: s3:\/\/objects\/fleet at .* does not answer: nothing listens there\. What is kept there can be read when that is over\.$/,
  );
  t.ok(objects.isOutOfReach(there));
  const comes = await given(rig, objects, 'comes meanwhile');
  t.notOk(objects.isOutOfReach(comes));
  t.equal((await objects.readWhole(comes)).toString(), 'comes meanwhile');
  await objects.remove(goes);
  t.match(objects.figures(), {
    disk: { count: 1 },
    removals: 1,
    trouble: { text: /does not answer/, sinceMs: Number },
  });
  await objects.stop();

  const again = await rig.open();
  await until(() => again.figures().trouble !== null);
  t.match(
    again.figures(),
    { disk: { count: 1 }, store: { count: 1 }, removals: 1 },
    'all of it is known after a start',
  );
  t.ok(isThere(rig, goes));
  await rig.server.start();
  await until(() => again.figures().disk.count === 0 && again.figures().removals === 0);
  t.equal(again.figures().trouble, null);
  t.notOk(isThere(rig, goes));
  t.ok(isThere(rig, comes));
  t.equal((await again.readWhole(there)).toString(), 'there before');
});

t.test('one that is damaged or missing there is refused, and the others go on', { skip: noS3Server }, async (t) => {
  const rig = await rigOf(t);
  const objects = await rig.open();
  const [damaged, missing, fine] = [
    await given(rig, objects, 'to be damaged'),
    await given(rig, objects, 'to be lost'),
    await given(rig, objects, 'fine'),
  ];
  await until(() => objects.figures().store.count === 3);
  const at = (sha256: string) => join(rig.server.files, 'fleet', fleet, sha256.slice(0, 2), sha256);
  writeFileSync(at(damaged), 'to be DAMAGED');
  rmSync(at(missing));
  t.match(await refused(objects.readWhole(damaged)), /^object-damaged: The object .* in s3:\/\/objects\/fleet at /);
  t.match(await refused(objects.read(missing)), /^no-such-file: /);
  t.equal((await objects.readWhole(fine)).toString(), 'fine');
  t.match(objects.figures(), { trouble: null, faulty: { length: 2 } });

  await objects.stop();
  const again = await rig.open();
  await until(() => again.figures().faulty.length === 1);
  t.match(again.figures().faulty, [/ is neither here nor in s3:/], 'a start finds what is missing without reading it');
  await given(rig, again, 'to be lost');
  await until(() => again.figures().disk.count === 0);
  t.same(again.figures().faulty, [], 'given again it is whole again');
});

t.test('all of it comes back to the disk', { skip: noS3Server }, async (t) => {
  const rig = await rigOf(t);
  const objects = await rig.open();
  const contents = ['one', 'two', 'three'];
  const all: string[] = [];
  for (const content of contents) all.push(await given(rig, objects, content));
  await until(() => objects.figures().store.count === 3);
  await objects.stop();

  const without = await rig.open(null);
  t.match(
    await refused(without.read(all[0] as string)),
    /^unavailable: It is in an object store, and the coordinator was started without --objects\./,
  );
  t.match(without.figures(), { where: null, store: { count: 3 } });
  await without.stop();

  const back = await rig.open('disk');
  await until(() => back.figures().store.count === 0 && back.figures().removals === 0);
  t.same(rig.onDisk().sort(), [...all].sort(), 'no marks are left');
  t.same(await listed(rig.store()), []);
  await back.stop();
  const alone = await rig.open(null);
  for (const [at, sha256] of all.entries()) t.equal((await alone.readWhole(sha256)).toString(), contents[at]);
});

t.test('what a backup did not see is found, and what nobody knows is left alone', { skip: noS3Server }, async (t) => {
  const rig = await rigOf(t);
  const objects = await rig.open();
  const moved = await given(rig, objects, 'moved while a backup was made');
  const later = await given(rig, objects, 'came after that backup');
  await until(() => objects.figures().store.count === 2);
  await objects.stop();
  for (const name of rig.onDisk()) rmSync(join(rig.dataDir, 'objects', name.slice(0, 2), name));
  rig.named.delete(later);

  const restored = await rig.open();
  await until(() => restored.bytesOf(moved) !== null);
  t.equal((await restored.readWhole(moved)).toString(), 'moved while a backup was made');
  t.equal(restored.heldBytes, 29);
  t.match(restored.figures(), { store: { count: 1 }, unknown: { count: 1, bytes: 22 }, faulty: { length: 0 } });
  await restored.keep(rig.named, 0);
  t.ok(isThere(rig, later));
  t.equal(restored.bytesOf(later), null);
});

t.test(
  'one that is damaged on the disk is not brought, and keeps nothing else back',
  { skip: noS3Server },
  async (t) => {
    const rig = await rigOf(t);
    await rig.server.stop();
    const objects = await rig.open();
    const [damaged, lost, fine] = [
      await given(rig, objects, 'to be damaged'),
      await given(rig, objects, 'to be lost'),
      await given(rig, objects, 'fine'),
    ];
    const at = (sha256: string) => join(rig.dataDir, 'objects', sha256.slice(0, 2), sha256);
    writeFileSync(at(damaged), 'to be DAMAGED');
    rmSync(at(lost));
    await rig.server.start();
    await until(() => isThere(rig, fine) && objects.figures().faulty.length === 2);
    t.notOk(isThere(rig, damaged));
    const { faulty } = objects.figures();
    for (const text of [/is damaged: its bytes/, /is not in the data folder any more/])
      t.equal(faulty.filter((each) => text.test(each)).length, 1, String(text));
    t.equal(objects.figures().trouble, null);
  },
);

t.test(
  'whatever a kill leaves, each object is whole in one place after the next start',
  { skip: noS3Server },
  async (t) => {
    const rig = await rigOf(t);
    const objects = await rig.open();
    const names = [
      'sent by half',
      'sent, file still here',
      'to be removed',
      'removed, mark still here',
      'on its way back',
    ];
    const all: string[] = [];
    for (const name of names) all.push(await given(rig, objects, name));
    const [half, sent, goes, gone, back] = all as [string, string, string, string, string];
    await until(() => objects.figures().store.count === names.length);
    await objects.stop();
    const at = (sha256: string, mark = '') => join(rig.dataDir, 'objects', sha256.slice(0, 2), `${sha256}${mark}`);
    const inBucket = (sha256: string) => join(rig.server.files, 'fleet', fleet, sha256.slice(0, 2), sha256);
    const mark = (sha256: string) => `.${names[all.indexOf(sha256)]?.length}`;
    for (const sha256 of [half, sent, back]) writeFileSync(at(sha256), names[all.indexOf(sha256)] as string);
    rmSync(inBucket(half));
    for (const sha256 of [goes, gone]) {
      renameSync(at(sha256, `${mark(sha256)}.there`), at(sha256, `${mark(sha256)}.gone`));
      rig.named.delete(sha256);
    }
    rmSync(inBucket(gone));
    // Two marks of one object: given again while its removal waits.
    writeFileSync(at(back, `${mark(back)}.gone`), '');

    const again = await rig.open();
    await until(() => again.figures().disk.count === 0 && again.figures().removals === 0);
    t.same(
      (await listed(rig.store())).map(({ sha256 }) => sha256),
      [half, sent, back].sort(),
    );
    t.same(rig.onDisk().sort(), [half, sent, back].map((sha256) => `${sha256}${mark(sha256)}.there`).sort());
    for (const sha256 of [half, sent, back])
      t.equal((await again.readWhole(sha256)).toString(), names[all.indexOf(sha256)]);
    t.same(again.figures().faulty, []);
  },
);

t.test('one that is taken back and given again while it is sent is not lost', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'objects-'));
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }));
  const place = new DiskStore(join(dataDir, 'far'));
  await place.open();
  const [sending, sent] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let puts = 0;
  const store: ObjectStore = {
    ...{
      where: 'a store',
      keepsRemoved: false,
      list: () => place.list(),
      check: async () => {},
      close: async () => {},
    },
    fetch: (object, to) => place.fetch(object, to),
    remove: (sha256) => place.remove(sha256),
    async put(object, from) {
      if (++puts === 2) throw new StoreFault('away', 'a store is away.');
      sending.resolve();
      await sent.promise;
      await place.put(object, from);
    },
  };
  const named = new Set<string>();
  const far = { store, home: 'store' as const };
  const objects = await Objects.open({ dataDir, far, named: () => named, clock, random, log: silentLog });
  t.teardown(() => objects.stop());
  objects.start();
  const { sha256 } = await objects.put('given twice');
  named.add(sha256);
  await sending.promise;
  await objects.remove(sha256);
  await objects.put('given twice');
  sent.resolve();
  await until(() => puts === 2 && objects.figures().trouble !== null);
  t.equal((await objects.readWhole(sha256)).toString(), 'given twice', 'its file stays until the store has it');
  await until(() => objects.figures().store.count === 1);
  t.equal(puts, 3);
  t.equal((await objects.readWhole(sha256)).toString(), 'given twice');
});

t.test('who reads does not wait for a store that was away a moment ago', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'objects-'));
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }));
  const sha256 = '0c'.repeat(32);
  mkdirSync(join(dataDir, 'objects/0c'), { recursive: true });
  writeFileSync(join(dataDir, `objects/0c/${sha256}.5.there`), '');
  const away = async () => {
    throw new StoreFault('away', 'a store does not answer.');
  };
  let asked = 0;
  const store: ObjectStore = {
    ...{ where: 'a store', keepsRemoved: false, put: away, remove: away, check: away, close: async () => {} },
    // biome-ignore lint/correctness/useYield: it fails before the first
    async *list() {
      await away();
    },
    fetch() {
      asked++;
      return away();
    },
  };
  // The mover asks once, and then rests.
  const slow = { ...clock, every: systemClock.every };
  const parts = {
    dataDir,
    far: { store, home: 'store' as const },
    named: () => new Set([sha256]),
    random,
    log: silentLog,
  };
  const objects = await Objects.open({ ...parts, clock: slow });
  t.teardown(() => objects.stop());
  objects.start();
  await until(() => objects.figures().trouble !== null);
  const words = /^unavailable: a store does not answer\. What is kept there/;
  for (let reads = 0; reads < 3; reads++) t.match(await refused(objects.readWhole(sha256)), words);
  t.equal(asked, 0);
  aheadMs += 11_000;
  for (let reads = 0; reads < 3; reads++) t.match(await refused(objects.readWhole(sha256)), words);
  t.equal(asked, 1, 'after a while a read asks it');
});
