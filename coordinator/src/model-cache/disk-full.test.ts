// The model cache on a disk that is full, or becomes full: refusals in words, and room for the others on that disk. Needs the right to mount
// a small file system in memory.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { openCache } from '../../../test/fixtures/coordinator/open-cache.ts';

const mib = 1024 ** 2;
const folder = mkdtempSync(join(tmpdir(), 'cache-full-'));
function mount(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

if (!mount()) {
  rmSync(folder, { recursive: true, force: true });
  t.comment('skipped: needs the right to mount a file system');
} else {
  t.teardown(() => {
    execFileSync('umount', ['-l', folder]);
    rmSync(folder, { recursive: true, force: true });
  });

  t.test('what has no room is not begun; what loses its room while it is fetched is given up', async (t) => {
    const open = await openCache(t, { dir: folder, maxBytes: 100 * mib });
    const [hugeDigest] = open.registry.addModel('huge:1b', [randomBytes(30 * mib), Buffer.from('{}')]).digests;
    const { digests } = open.registry.addModel('fits:1b', [randomBytes(12 * mib), Buffer.from('{}')]);
    await open.get('/v2/library/huge/manifests/1b');
    const huge = await open.get(`/v2/library/huge/blobs/${hugeDigest}`);
    t.equal(huge.status, 507);
    t.match(
      huge.headers.get('x-fleet-problem'),
      /^disk: .* 30 MiB: it may hold 100 MiB, \d+ MiB of its disk are free, and 2 MiB are left/,
    );
    t.equal(open.registry.sentBytes, 0, 'not one byte was fetched');
    const path30 = `/v2/library/huge/blobs/${hugeDigest}`;
    const together = await Promise.all([open.get(path30), open.get(path30, { range: '5-9' })]);
    t.same(
      together.map(({ status }) => status),
      [507, 507],
      'those who ask meanwhile are told as well',
    );

    await open.get('/v2/library/fits/manifests/1b');
    open.registry.bytesPerS = 8 * mib;
    const path = `/v2/library/fits/blobs/${digests[0]}`;
    const reading = open.get(path).then((response) => response.arrayBuffer());
    await new Promise((resolve) => setTimeout(resolve, 300));
    // Somebody else needs the disk.
    const { bavail, bsize } = statfsSync(folder);
    writeFileSync(join(folder, 'other'), Buffer.alloc(bavail * bsize - 2 * mib));
    await t.rejects(reading);
    const after = await open.get(path);
    t.equal(after.status, 507);
    t.match(after.headers.get('x-fleet-problem'), /^disk: .*ENOSPC/);
    t.notOk(existsSync(open.disk.partPath(digests[0]!)), 'the room is given back');
    t.equal(open.holdings.bytesOf(digests[0]!), 0);
    writeFileSync(join(folder, 'database'), Buffer.alloc(2 * mib));
  });

  t.test('without a bound of its own it takes half of what is free', async (t) => {
    rmSync(join(folder, 'other'), { force: true });
    rmSync(join(folder, 'database'), { force: true });
    const open = await openCache(t, { dir: folder });
    const { maxBytes, freeBytes, keptFreeBytes } = await open.cache.room.limits();
    t.ok(Math.abs(maxBytes - (freeBytes + open.holdings.heldBytes) / 2) < 2);
    t.ok(keptFreeBytes > mib && keptFreeBytes < 2 * mib, 'a twentieth of the disk');
  });
}
