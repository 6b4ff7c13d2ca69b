import { resolve } from 'node:path';
import t from 'tap';
import { archivesOf, fetched, sourcesList } from './debian.ts';
import { readDescription } from './description.ts';

const usual = { debian: 'http://a.example/debian', security: 'http://b.example/security' };

t.test('MIRROR names one archive or both, and nothing else', async (t) => {
  t.same(archivesOf(undefined, usual), usual);
  t.same(archivesOf('http://m.example/d/', usual), { ...usual, debian: 'http://m.example/d' });
  t.same(archivesOf('http://m.example/d http://m.example/s', usual).security, 'http://m.example/s');
  for (const wrong of ['m.example', 'http://a http://b http://c', 'http://a b'])
    t.throws(() => archivesOf(wrong, usual), { message: /^MIRROR: expected the address of a mirror/ }, wrong);
});

t.test('the image asks for releases, updates, security and backports', async (t) => {
  const lines = sourcesList(readDescription(resolve(import.meta.dirname, '../..')), usual)
    .trim()
    .split('\n');
  t.same(
    lines.map((line) => line.split(' ').slice(1, 3)),
    [
      [usual.debian, 'trixie'],
      [usual.debian, 'trixie-updates'],
      [usual.security, 'trixie-security'],
      [usual.debian, 'trixie-backports'],
    ],
  );
});

t.test(
  'a package that is gone, and one that is another, are named',
  { skip: process.platform !== 'linux' },
  async (t) => {
    const folder = t.testdir({ archive: { pool: { 'a.deb': 'another' } } });
    const archives = { debian: `file://${folder}/archive`, security: `file://${folder}/archive` };
    const row = { version: '1', sha256: 'a'.repeat(64), archive: 'debian', use: 'image' } as const;
    const packages = [
      { ...row, name: 'changed', path: 'pool/a.deb' },
      { ...row, name: 'gone', sha256: 'b'.repeat(64), path: 'pool/b.deb' },
    ];
    await t.rejects(
      fetched(packages, archives, `${folder}/debs`, () => {}),
      { message: /^2 of 2 packages[\s\S]*changed 1: [\s\S]*gone 1: [\s\S]*make image-lock/ },
    );
  },
);
