import { OptionError } from '@blackroad/std/options';
import t from 'tap';
import { readConfig } from './config.ts';
import { homePrefixOf } from './home-assistant-options.ts';

t.test('the prefix of discovery, or none', async (t) => {
  t.equal(homePrefixOf(readConfig([], {})), 'homeassistant');
  t.equal(homePrefixOf(readConfig(['--home-assistant', 'house/ha'], {})), 'house/ha');
  t.equal(homePrefixOf(readConfig([], { BLACKROAD_HOME_ASSISTANT: 'off' })), null);
});

t.test('a prefix that no topic can have ends the start, in a sentence', async (t) => {
  const faults: [string, RegExp][] = [
    ['homeassistant/#', /^--home-assistant: expected a topic without wildcards \(#, \+\), got "homeassistant\/#"\.$/],
    ['home/+', /without wildcards/],
    ['home//ha', /without an empty level/],
    ['/home', /without an empty level/],
    ['home/', /without an empty level/],
    [' ', /without an empty level/],
    ['$SYS', /does not begin with \$/],
    ['blackroad/v1', /outside of blackroad/],
    ['x'.repeat(101), /at most 100 characters/],
    ['a\u0000b', /without wildcards/],
  ];
  for (const [prefix, message] of faults) {
    t.throws(() => readConfig(['--home-assistant', prefix], {}), { message }, prefix);
    t.throws(() => readConfig(['--home-assistant', prefix], {}), OptionError, prefix);
  }
});
