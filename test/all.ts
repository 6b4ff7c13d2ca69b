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

/** Begun first: the end must not wait for one of them. */
const longest = /^test\/(e2e\/(cli|upgrade|home-profile|update|planned-move|rollout-of-releases)|sim\/sim)\./;
/** Those with programs, pages or time limits wait more than they compute. */
const waiting = /^(test\/(e2e|browser|install)|images|coordinator\/src\/(webhooks|vector-stores))\//;

const all = globSync(include, { cwd: root, exclude }).sort();
const first = all.filter((file) => longest.test(file));
const others = all.filter((file) => !longest.test(file));
const files = [
  ...first,
  ...mixed(
    others.filter((file) => waiting.test(file)),
    others.filter((file) => !waiting.test(file)),
  ),
];

/** Both lists in one, each spread over the whole: while some of the files that run wait, others compute. */
function mixed(some: readonly string[], more: readonly string[]): string[] {
  const spread = (list: readonly string[]) => list.map((file, i) => ({ file, at: (i + 0.5) / list.length }));
  return [...spread(some), ...spread(more)].sort((a, b) => a.at - b.at).map(({ file }) => file);
}

t.setTimeout(0);
t.jobs = jobs;
t.plan(files.length);
const env = { ...process.env, TAP_TIMEOUT: String(timeout), TAP_TYPE_STRIP_ONLY: '1' };
for (const file of files)
  void t.spawn('/usr/bin/env', ['-u', 'NODE_OPTIONS', process.execPath, 'test/one.ts', file], {
    ...{ name: file, cwd: root, env, at: null, stack: '', buffered: true, timeout: timeout * 1000 },
  });
