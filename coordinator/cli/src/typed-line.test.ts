import t from 'tap';
import { overview, themes } from './help.ts';
import { chosenVerb, findVerb, splitFlags } from './typed-line.ts';
import { verbs } from './verbs.ts';

t.test('flags of every verb may stand before it, between its words and behind it', async (t) => {
  for (const line of ['--data x agents show greeter', 'agents --data x show greeter', 'agents show greeter --data x']) {
    const { flags, words } = splitFlags(line.split(' '));
    t.same(flags, ['--data', 'x'], line);
    t.match(findVerb(verbs, words), { verb: { words: 'agents show' }, rest: ['greeter'] }, line);
  }
  t.same(splitFlags(['--json', 'nodes', '-h']), { flags: ['--json', '-h'], words: ['nodes'] });
  t.same(splitFlags(['--data=x', 'nodes']), { flags: ['--data=x'], words: ['nodes'] });
  t.same(splitFlags(['complete', '--', '--json']), { flags: [], words: ['complete', '--', '--json'] }, 'not behind --');
  t.same(splitFlags(['tasks', '--limit', '3']).words, ['tasks', '--limit', '3'], "a verb's own flags stay with it");
});

t.test('what is no verb is answered with what was meant', async (t) => {
  const said = (line: string) => {
    try {
      chosenVerb(verbs, line.split(' '));
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };
  t.equal(said('nods'), 'nods: no such verb. Did you mean nodes?');
  t.equal(said('agents aply -f x.yaml'), 'agents aply: no such verb. Did you mean agents apply?');
  t.equal(said('nodes alice'), 'nodes alice: no such verb. Did you mean nodes show alice?');
  t.equal(said('frobnicate'), 'frobnicate: no such verb. See fleet --help.');
  t.equal(said('status now'), 'now: not expected. Usage: fleet status');
  t.equal(said('ask greeter hello'), '');
});

t.test('the overview has every verb once, under a theme, on lines that fit', async (t) => {
  const lines = overview(verbs, 80).split('\n');
  for (const line of lines) t.ok(line.length <= 80, line);
  const firsts = new Set(themes.flatMap(({ words }) => words));
  for (const { words } of verbs.filter(({ words }) => words !== 'complete')) {
    t.ok(firsts.has(words.split(' ')[0] as string), `${words} has a theme`);
    t.equal(lines.filter((line) => new RegExp(`^ {2}${words}(?: [<[]|  |$)`).test(line)).length, 1, words);
  }
});
