// What the configuration says of the object store, as the objects take it. In: options, and what the last start wrote into `objects/store.json`.
// Out: the store. A store that is set for the first time has to take, give, list and remove an object before anything goes there; one that has
// worked before may be away at a start. `store.json` has no keys: backups have it, and tell by it where objects are.

import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { counted } from '@blackroad/protocol';
import { type Clock, withDeadline } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { OptionError } from '@blackroad/std/options';
import type { Random } from '@blackroad/std/random';
import { saveWhole } from '@blackroad/std/whole-file';
import type { CoordinatorConfig } from './config.ts';
import { Marks } from './objects/marks.ts';
import { type ObjectStore, StoreFault } from './objects/object-store.ts';
import type { FarStore } from './objects/objects.ts';
import { readS3Address } from './objects/s3/s3-address.ts';

/** A start waits for it once. */
const provenWithinMs = 20_000;

interface Place {
  dataDir: string;
  /** A name for this fleet's folder in a store: another fleet has another one. */
  fleet: string;
  clock: Clock;
  random: Random;
  log: Log;
}
interface Known {
  where: string;
  /** Kept: a certificate of the CA that is made again has another fingerprint. */
  fleet: string;
  /** Whether it has taken, given and removed an object. */
  isProven: boolean;
}

/** @throws OptionError */
export async function openObjectStore(config: CoordinatorConfig, place: Place): Promise<FarStore | null> {
  if (config.objects === '') return null;
  const dir = join(place.dataDir, 'objects');
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const known = await readKnown(dir);
  const fleet = known?.fleet ?? place.fleet;
  const { store } = await s3StoreOf(config, { ...place, fleet });
  const isSame = known?.where === store.where;
  if (known && !isSame) await refuseOther(dir, known, store);
  const isProven = (isSame && known.isProven) || (await prove(store, dir, place));
  await saveWhole(join(dir, 'store.json'), JSON.stringify({ where: store.where, fleet, isProven } satisfies Known));
  return { store, home: config.objectsHome };
}

/** The client of S3 is loaded here alone: who has no such store does not pay for it. */
async function s3StoreOf(config: CoordinatorConfig, { clock, random, fleet }: Place) {
  const address = readS3Address(config.objects, config.objectsRegion);
  if ('fault' in address) throw new OptionError(`--objects: expected ${address.fault}.`);
  const { S3Store } = await import('./objects/s3/s3-store.ts');
  const keys = { id: config.objectsKeyId, secret: config.objectsSecret, session: config.objectsSession };
  return { store: new S3Store({ address, keys, ca: config.objectsCa, clock, random }, fleet) };
}

async function readKnown(dir: string): Promise<Known | null> {
  try {
    const { where, fleet, isProven } = JSON.parse(await readFile(join(dir, 'store.json'), 'utf8')) as Partial<Known>;
    if (typeof where !== 'string' || typeof fleet !== 'string' || !/^[a-z0-9-]{1,64}$/.test(fleet)) return null;
    return { where, fleet, isProven: isProven === true };
  } catch (error) {
    // A damaged one says nothing: the store is tried anew.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return null;
    throw error;
  }
}

/** False: it did not answer, which is known better in a while. */
async function prove(store: ObjectStore, dir: string, { clock, random, log }: Place): Promise<boolean> {
  const text = Buffer.from(`BlackRoad Fleet looks whether it may write here: ${random.hex(16)}\n`);
  const object = { sha256: createHash('sha256').update(text).digest('hex'), bytes: text.length };
  const [sent, got] = [join(dir, 'proof-sent.new'), join(dir, 'proof-got.new')];
  try {
    await writeFile(sent, text, { mode: 0o600 });
    await rm(got, { force: true });
    const tried = async () => {
      await store.check();
      await store.put(object, sent);
      await store.fetch(object, got);
      await store.remove(object.sha256);
    };
    const late = () => new StoreFault('away', `${store.where} does not answer in time.`);
    await withDeadline(clock, provenWithinMs, tried(), late);
    return true;
  } catch (error) {
    if (!(error instanceof StoreFault)) throw error;
    if (error.kind !== 'away') throw new OptionError(`--objects: ${error.message}`);
    log.warn(
      { store: store.where, why: error.message },
      'the object store could not be tried yet: objects stay here until it answers',
    );
    return false;
  } finally {
    for (const path of [sent, got]) await rm(path, { force: true });
  }
}

/** The same store under another name has what the marks say. */
async function refuseOther(dir: string, known: Known, store: ObjectStore): Promise<void> {
  const { there, gone } = await marksIn(dir);
  if (there.size === 0 && gone.size === 0) return;
  const left = new Set(there.keys());
  let removals = gone.size;
  try {
    for await (const { sha256 } of store.list()) {
      left.delete(sha256);
      if (gone.has(sha256)) removals--;
    }
  } catch (error) {
    if (!(error instanceof StoreFault)) throw error;
    throw new OptionError(
      `--objects: ${counted(there.size, 'object')} of this fleet ${there.size === 1 ? 'is' : 'are'} in ${known.where}, and it cannot be seen whether this is the same store: ${error.message}`,
    );
  }
  if (left.size === 0 && (there.size > 0 || removals === 0)) return;
  const what = left.size > 0 ? counted(left.size, 'object') : `what is to be removed of ${counted(removals, 'object')}`;
  throw new OptionError(
    `--objects: expected ${known.where}, which has ${what} of this fleet, got ${store.where}, which has not. To change the store, start with the one before and --objects-home disk until all is on the disk.`,
  );
}

async function marksIn(dir: string): Promise<Marks> {
  const marks = new Marks(dir);
  await marks.open();
  return marks;
}
