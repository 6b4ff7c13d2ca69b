// What `make stores-check` runs: the suite of vector stores against a real PostgreSQL with pgvector, in a Debian root that is made once and kept.
// Needs root and mmdebstrap; or BLACKROAD_TEST_POSTGRES=user:password@host:port/database, a database of a test's own. Exit code 1 where a test fails.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { debianArchive } from '../fixtures/debian-archive.ts';
import { postgresRoot } from '../fixtures/vector-stores/postgres.ts';

const root = resolve(import.meta.dirname, '../..');
const packages = 'postgresql-17,postgresql-17-pgvector';

if (!process.env.BLACKROAD_TEST_POSTGRES && !existsSync(join(postgresRoot, 'usr/lib/postgresql'))) {
  process.stdout.write('  making a Debian root with PostgreSQL and pgvector\n');
  const archive = debianArchive(join(dirname(postgresRoot), 'trixie.tar'), 'trixie', packages);
  mkdirSync(postgresRoot, { recursive: true });
  execFileSync('tar', ['-xpf', archive, '-C', postgresRoot]);
  rmSync(archive);
}
const test = 'coordinator/src/vector-stores/pgvector.test.ts';
const { status } = spawnSync('tap', ['--reporter=tap', '--disable-coverage', test], { cwd: root, stdio: 'inherit' });
process.exit(status ?? 1);
