// Every test of the project, as `make test` runs them: each file in a process of its own, without what tap's command adds to the process of a
// test and to those that it starts: a loader for coverage that nobody asks for, 0.2 s of processor time for a test and 0.1 s for each process.
// A file is run alone by `tap FILE`. [decision 46]
import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { t } from 'tap';

const root = resolve(import.meta.dirname, '..');
/** Also what `tap` without a file would run. */
const { include, exclude, jobs, timeout } = (
  JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8')) as {
    tap: { include: string[]; exclude: string[]; jobs: number; timeout: number };
  }
).tap;

/** The longest first: what is begun last should be short. */
const order = [
  /^test\/(e2e\/(cli|upgrade)|sim\/sim)\./,
  /^test\/e2e\//,
  /^test\/(sim|browser)\//,
  /^coordinator\/src\/(api|backup|embedder|store|vector-stores)\//,
];
const place = (file: string) => {
  const at = order.findIndex((part) => part.test(file));
  return at < 0 ? order.length : at;
};
const files = globSync(include, { cwd: root, exclude }).sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1));

t.setTimeout(0);
t.jobs = jobs;
t.plan(files.length);
const env = { ...process.env, TAP_TIMEOUT: String(timeout), TAP_TYPE_STRIP_ONLY: '1' };
for (const file of files)
  void t.spawn('/usr/bin/env', ['-u', 'NODE_OPTIONS', process.execPath, 'test/one.ts', file], {
    ...{ name: file, cwd: root, env, at: null, stack: '', buffered: true, timeout: timeout * 1000 },
  });
