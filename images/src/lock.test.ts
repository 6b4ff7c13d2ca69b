import t from 'tap';
import { type LockedPackage, readLock, withNew, writeLock } from './lock.ts';

const sha256 = 'a'.repeat(64);

t.test('what is written is read back, sorted, and a line that is none is named', async (t) => {
  const packages = [
    { name: 'zstd', version: '1.5.7+dfsg-1', sha256, archive: 'security', path: 'pool/z/zstd_1.deb', use: 'tool' },
    { name: 'adduser', version: '1:3.152~a', sha256, archive: 'debian', path: 'pool/a/adduser_3.deb', use: 'image' },
  ] as const;
  const text = writeLock(packages);
  t.same(readLock(text), [packages[1], packages[0]]);
  t.equal(writeLock(readLock(text)), text);
  for (const line of [
    'adduser',
    `adduser=3.152=${sha256.slice(1)} debian pool/a.deb image`,
    `adduser=3.152=${sha256} elsewhere pool/a.deb image`,
    `adduser=3.152=${sha256} debian pool/../../a.deb image`,
    `adduser=3.152=${sha256} debian pool/a.deb`,
  ])
    t.throws(
      () => readLock(`${text}${line}\n`),
      { message: /packages\.lock, line 5: expected name=version=sha256/ },
      line,
    );
});

t.test('what the lock has stays when something new comes, also where Debian has newer ones today', async (t) => {
  const row = (name: string, version: string, use: LockedPackage['use'] = 'image'): LockedPackage => ({
    ...{ name, version, use, archive: 'debian', path: `pool/${name}_${version}.deb` },
    sha256: `${name}-${version}`,
  });
  const locked = [row('libc6', '1'), row('kernel-1', '1'), row('libarchive', '1', 'tool')];
  // Today's kernel has another name: it is no news of what is added.
  const before = [row('libc6', '2'), row('kernel-2', '2')];
  const after = [...before, row('gpiod', '2.2'), row('libgpiod3', '2.2'), row('libarchive', '1')];
  t.same(withNew(locked, before, after), [
    ...locked.slice(0, 2),
    row('libarchive', '1', 'both'),
    row('gpiod', '2.2'),
    row('libgpiod3', '2.2'),
  ]);
  t.same(withNew(locked, before, before), locked, 'nothing new, nothing changes');
});
