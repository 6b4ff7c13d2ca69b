import { readFileSync } from 'node:fs';
import t from 'tap';
import { cliPagePath, renderCliPage } from './cli-page.ts';

t.test('docs/cli.md is in step with the verbs', async (t) => {
  t.equal(readFileSync(cliPagePath, 'utf8'), renderCliPage(), 'run `make docs`');
});
