import { readFileSync } from 'node:fs';
import { readOptions } from '@blackroad/std/options';
import t from 'tap';
import { coordinatorOptions } from '../../coordinator/src/config.ts';
import { nodeOptions } from '../../node-agent/src/config.ts';
import { configurationPath, renderConfiguration } from './configuration.ts';

t.test('docs/configuration.md is in step with the option tables', async (t) => {
  t.equal(readFileSync(configurationPath, 'utf8'), renderConfiguration(), 'run `make docs`');
});

t.test('a flag wins over the environment, the environment over the default', async (t) => {
  t.equal(readOptions(coordinatorOptions, [], {}).port, 8400);
  t.equal(readOptions(coordinatorOptions, [], { BLACKROAD_PORT: '9000' }).port, 9000);
  t.equal(readOptions(coordinatorOptions, ['--port', '9001'], { BLACKROAD_PORT: '9000' }).port, 9001);
  t.equal(readOptions(coordinatorOptions, ['--port=9002'], {}).port, 9002);
  t.ok(Object.isFrozen(readOptions(coordinatorOptions, [], {})));
});

t.test('wrong options name what came and what was expected', async (t) => {
  const cases: [string[], Record<string, string>, RegExp][] = [
    [['--port', 'eight'], {}, /--port: expected a number from 0 to 65530, got "eight"/],
    [['--port', '70000'], {}, /--port: expected a number from 0 to 65530/],
    [['--port', ''], {}, /^$/],
    [[], { BLACKROAD_LOG: 'loud' }, /BLACKROAD_LOG: expected one of debug, info, warn, error, silent, got "loud"/],
    [['--colour', 'red'], {}, /--colour: no such option/],
    [['--port'], {}, /--port needs a value/],
    [['stray'], {}, /stray: no such option/],
  ];
  for (const [argv, env, words] of cases) {
    if (words.source === '^$')
      t.equal(readOptions(coordinatorOptions, argv, env).port, 8400, 'empty means the default');
    else t.throws(() => readOptions(coordinatorOptions, argv, env), { name: 'OptionError', message: words });
  }
});

t.test('words that are no options are the verb and its argument', async (t) => {
  const rest: string[] = [];
  t.equal(readOptions(nodeOptions, ['join', 'brj1.abc', '--name', 'alice'], {}, rest).name, 'alice');
  t.same(rest, ['join', 'brj1.abc']);
});
