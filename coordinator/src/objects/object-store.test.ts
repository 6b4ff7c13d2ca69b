// The suite of object stores on files, and on a real S3 server where this machine has one.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { systemClock } from '@blackroad/std/clock';
import { systemRandom } from '@blackroad/std/random';
import t from 'tap';
import { objectStoreConformance } from '../../../test/conformance/object-store.ts';
import { noS3Server, s3Keys, startS3 } from '../../../test/fixtures/s3-server.ts';
import { DiskStore } from './disk-store.ts';
import { readS3Address, type S3Address } from './s3/s3-address.ts';
import { S3Store } from './s3/s3-store.ts';

const fleet = '0123456789abcdef';

t.test('files', async (t) => {
  objectStoreConformance(t, 30, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'objects-'));
    const store = new DiskStore(join(folder, 'objects'));
    await store.open();
    return {
      ...{ store, folder },
      damage: async (sha256, bytes) => writeFileSync(store.pathOf(sha256), bytes),
      close: async () => rmSync(folder, { recursive: true, force: true }),
    };
  });
});

t.test('S3', { skip: noS3Server }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'objects-s3-'));
  const server = await startS3(folder);
  t.teardown(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  let fleets = 0;
  objectStoreConformance(t, 1_100, async () => {
    // The bucket is the same: each has a folder of its own.
    const own = `${fleet.slice(0, 12)}${String(++fleets).padStart(4, '0')}`;
    const address = readS3Address(server.url(), '') as S3Address;
    const store = new S3Store({ address, keys: s3Keys, ca: '', clock: systemClock, random: systemRandom }, own);
    const place = join(folder, own);
    mkdirSync(place);
    return {
      ...{ store, folder: place },
      async damage(sha256, bytes) {
        const path = join(server.files, 'fleet', own, sha256.slice(0, 2), sha256);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, bytes);
      },
      close: () => store.close(),
    };
  });
});
