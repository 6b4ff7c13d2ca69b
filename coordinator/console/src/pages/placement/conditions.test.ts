// The "if" of a what-if, to and from the address.
import type { AgentSpec } from '@blackroad/protocol';
import t from 'tap';
import { type Condition, inWords, printConditions, questionOf, readConditions } from './conditions.ts';

const all: Condition[] = [
  { verb: 'lose', by: 'site', value: 'my; garage=1' },
  { verb: 'drain', by: 'node', value: 'alice' },
  { verb: 'add', count: 20, from: 'agent', value: 'echo' },
  { verb: 'add', count: 1, from: 'template', value: 'lucidia' },
];
t.test('an address holds it all, and what it does not understand is left out', async (t) => {
  t.same(readConditions(printConditions(all)), all);
  t.same(readConditions('lose:planet=mars;nonsense;;drain:class=%;add:0*agent=x'), [
    { verb: 'add', count: 1, from: 'agent', value: 'x' },
  ]);
  t.same(readConditions(''), []);
});
t.test('in words', async (t) => {
  t.same(all.map(inWords), [
    'the site my; garage=1 is lost',
    'alice is drained',
    '20 more agents like echo',
    '1 more agent of the template lucidia',
  ]);
});
t.test('as the question', async (t) => {
  const asked: string[] = [];
  const question = await questionOf(all, async (from, name) => {
    asked.push(`${from} ${name}`);
    return { name } as AgentSpec;
  });
  t.match(question, {
    lose: [{ site: 'my; garage=1' }],
    drain: [{ node: 'alice' }],
    add: [
      { spec: { name: 'echo' }, count: 20 },
      { spec: { name: 'lucidia' }, count: 1 },
    ],
  });
  t.same(asked, ['agent echo', 'template lucidia']);
});
