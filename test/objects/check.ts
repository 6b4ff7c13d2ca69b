// `make objects-check`: the suite of object stores against a person's own S3 store. In: the options of the coordinator, from the environment. Out: what
// holds there and what does not. It works in a folder of its own below the prefix, and removes what it put there.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { systemClock } from '@blackroad/std/clock';
import { systemRandom } from '@blackroad/std/random';
import t from 'tap';
import { readConfig } from '../../coordinator/src/config.ts';
import { readS3Address } from '../../coordinator/src/objects/s3/s3-address.ts';
import { S3Client } from '../../coordinator/src/objects/s3/s3-client.ts';
import { S3Store } from '../../coordinator/src/objects/s3/s3-store.ts';
import { listed, objectStoreConformance } from '../conformance/object-store.ts';

// The timers of the product keep no process alive.
const alive = setInterval(() => {}, 1_000);
t.teardown(() => clearInterval(alive));

const config = readConfig([], process.env);
const address = readS3Address(config.objects, config.objectsRegion);
if ('fault' in address) {
  process.stderr.write(`OBJECTS: expected ${address.fault}.\n`);
  process.exit(2);
}
const keys = { id: config.objectsKeyId, secret: config.objectsSecret, session: config.objectsSession };
const parts = { address, keys, ca: config.objectsCa, clock: systemClock, random: systemRandom };
const folder = mkdtempSync(join(tmpdir(), 'objects-check-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const run = systemRandom.hex(6);
let rigs = 0;

t.setTimeout(600_000);
t.comment(address.words);
objectStoreConformance(t, Number(process.env.MANY || 30), async () => {
  const own = `check-${run}-${++rigs}`;
  const store = new S3Store(parts, own);
  const client = new S3Client(parts);
  const place = join(folder, own);
  mkdirSync(place);
  return {
    ...{ store, folder: place },
    async damage(sha256, bytes) {
      const key = [address.prefix, own, sha256.slice(0, 2), sha256].filter(Boolean).join('/');
      const body = { sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length };
      await client.ask({
        ...{ method: 'PUT', key, what: 'write an object' },
        body: { ...body, open: () => Readable.from([Buffer.from(bytes)]) },
      });
    },
    async close() {
      for (const { sha256 } of await listed(store)) await store.remove(sha256);
      await client.close();
      await store.close();
    },
  };
});
