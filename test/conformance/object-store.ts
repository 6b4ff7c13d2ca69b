// What every store of objects must do. Run on files and on a real S3 server.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { type ObjectStore, type Stored, StoreFault } from '../../coordinator/src/objects/object-store.ts';

export interface ObjectRig {
  store: ObjectStore;
  /** For files of the test. */
  folder: string;
  /** Changes the bytes of a kept object behind the store's back. */
  damage(sha256: string, bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

export const objectOf = (bytes: Uint8Array): Stored => ({
  sha256: createHash('sha256').update(bytes).digest('hex'),
  bytes: bytes.length,
});
export async function listed(store: ObjectStore): Promise<Stored[]> {
  const found: Stored[] = [];
  for await (const object of store.list()) found.push(object);
  return found.sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1));
}

/** The kind of a fault, or the code of the system. */
export async function fault(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (error) {
    return error instanceof StoreFault ? error.kind : String((error as NodeJS.ErrnoException).code ?? error);
  }
}

/** `many`: more than the store lists in one answer. */
export function objectStoreConformance(t: Test, many: number, open: () => Promise<ObjectRig>): void {
  const test = (name: string, run: (t: Test, rig: ObjectRig) => Promise<void>) =>
    t.test(name, async (t) => {
      const rig = await open();
      t.teardown(() => rig.close());
      await run(t, rig);
    });
  let files = 0;
  const fileOf = ({ folder }: ObjectRig, bytes: Uint8Array) => {
    const path = join(folder, `given-${++files}`);
    writeFileSync(path, bytes);
    return path;
  };
  const kept = async (rig: ObjectRig, bytes: Uint8Array) => {
    const object = objectOf(bytes);
    await rig.store.put(object, fileOf(rig, bytes));
    return object;
  };
  const fresh = ({ folder }: ObjectRig) => join(folder, `fetched-${++files}`);

  test('what is put is given back, byte for byte, and listed once', async (t, rig) => {
    await rig.store.check();
    t.same(await listed(rig.store), []);
    const contents = [Buffer.alloc(0), Buffer.from('one'), Buffer.alloc(5_000_000, 'five million ')];
    const objects = await Promise.all(contents.map((bytes) => kept(rig, bytes)));
    await kept(rig, contents[1] as Buffer);
    t.same(
      await listed(rig.store),
      [...objects].sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1)),
    );
    for (const [at, object] of objects.entries()) {
      const path = fresh(rig);
      await rig.store.fetch(object, path);
      t.ok(readFileSync(path).equals(contents[at] as Buffer), `${object.bytes} bytes`);
    }
  });

  test('a file with other bytes is not taken, and nothing of it is to be seen', async (t, rig) => {
    const object = objectOf(Buffer.from('what it should be'));
    t.equal(await fault(rig.store.put(object, fileOf(rig, Buffer.from('what it is, alas')))), 'damaged');
    t.equal(await fault(rig.store.put(object, fileOf(rig, Buffer.from('what it should')))), 'damaged');
    t.same(await listed(rig.store), []);
    t.equal(await fault(rig.store.fetch(object, fresh(rig))), 'missing');
  });

  test('a damaged object is refused, and no file is left of it', async (t, rig) => {
    const bytes = Buffer.from('the truth, and nothing else');
    for (const other of ['the truth, and nothing More', 'the truth', 'the truth, and nothing else, but more']) {
      const object = await kept(rig, bytes);
      await rig.damage(object.sha256, Buffer.from(other));
      const path = fresh(rig);
      t.equal(await fault(rig.store.fetch(object, path)), 'damaged', other);
      t.notOk(existsSync(path));
    }
    const object = await kept(rig, bytes);
    await rig.store.fetch(object, fresh(rig));
    t.pass('one that is put again is whole again');
  });

  test('what is removed is gone, and removing it again is no fault', async (t, rig) => {
    const [stays, goes] = [await kept(rig, Buffer.from('stays')), await kept(rig, Buffer.from('goes'))];
    await rig.store.remove(goes.sha256);
    await rig.store.remove(goes.sha256);
    t.same(await listed(rig.store), [stays]);
    const path = fresh(rig);
    t.equal(await fault(rig.store.fetch(goes, path)), 'missing');
    t.notOk(existsSync(path));
  });

  test('a file that is there already is not written over', async (t, rig) => {
    const object = await kept(rig, Buffer.from('mine'));
    const path = fileOf(rig, Buffer.from('yours'));
    t.equal(await fault(rig.store.fetch(object, path)), 'EEXIST');
    t.equal(readFileSync(path, 'utf8'), 'yours');
  });

  test(`${many} at once, and all of them in a list`, async (t, rig) => {
    const contents = Array.from({ length: many }, (_, n) => Buffer.from(`object ${n}`));
    const objects: Stored[] = [];
    const each = async () => {
      for (let bytes = contents.pop(); bytes; bytes = contents.pop()) objects.push(await kept(rig, bytes));
    };
    await Promise.all(Array.from({ length: 8 }, each));
    t.same(
      await listed(rig.store),
      objects.sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1)),
    );
  });
}
