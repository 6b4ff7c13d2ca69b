// The pure parts of the door for people: which topics its filters match, and what one client may have in flight.
import fc from 'fast-check';
import t from 'tap';
import { Filters } from './filters.ts';
import { filterFault, topicFault } from './topic-faults.ts';
import { Window } from './window.ts';

/** By the letter of the specification, level by level. */
function matches(filter: string, topic: string): boolean {
  const [wanted, levels] = [filter.split('/'), topic.split('/')];
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === '#') return true;
    if (i >= levels.length || (wanted[i] !== '+' && wanted[i] !== levels[i])) return false;
  }
  return wanted.length === levels.length;
}

t.test('a topic is wanted while a filter that matches it is there', async () => {
  const level = fc.constantFrom('a', 'b', '', '+');
  const filter = fc
    .tuple(fc.array(level, { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([levels, isWide]) => [...levels, ...(isWide ? ['#'] : [])].join('/'));
  const topic = fc
    .array(fc.constantFrom('a', 'b', 'c', ''), { minLength: 1, maxLength: 5 })
    .map((all) => all.join('/'));
  fc.assert(
    fc.property(fc.array(filter, { maxLength: 6 }), fc.array(fc.nat(8)), topic, (given, gone, name) => {
      const filters = new Filters();
      const left = [...given];
      for (const each of given) filters.add(each);
      for (const at of gone) {
        const [removed] = left.splice(at, 1);
        filters.remove(removed ?? 'never/there');
      }
      return filters.count === left.length && filters.matches(name) === left.some((each) => matches(each, name));
    }),
    { numRuns: 3_000 },
  );
});

t.test('a client has so many in flight, the others wait in order, and one too many is said', async (t) => {
  const sent: number[] = [];
  const window = new Window<number>({ size: 2, waiting: 3, send: (message) => sent.push(message) });
  t.same(
    [1, 2, 3, 4, 5, 6].map((n) => window.take(n)),
    ['now', 'now', 'waits', 'waits', 'waits', 'full'],
  );
  let rested = false;
  const rest = window.rest().then(() => {
    rested = true;
  });
  window.acknowledged();
  window.acknowledged();
  t.same(sent, [3, 4]);
  await new Promise((resolve) => setImmediate(resolve));
  t.notOk(rested);
  window.acknowledged();
  await rest;
  t.same(sent, [3, 4, 5]);
  for (let i = 0; i < 5; i++) window.acknowledged(); // more than were sent
  t.same(
    [7, 8, 9].map((n) => window.take(n)),
    ['now', 'now', 'waits'],
  );
  window.close();
  await window.rest();
});

t.test('topics and filters that are none', async (t) => {
  for (const topic of ['', 'a/+', '#', 'a/b#', 'a/'.repeat(100)]) t.type(topicFault(topic), 'string', topic);
  for (const topic of ['a', '/', 'a//b', '$SYS/x']) t.equal(topicFault(topic), null, topic);
  for (const filter of ['', 'a#', '#/a', 'a/+b', '+a', 'a/#/b', 'a/'.repeat(100)])
    t.type(filterFault(filter), 'string', filter);
  for (const filter of ['#', '+', 'a/#', '+/+', '/+/', 'hasOwnProperty']) t.equal(filterFault(filter), null, filter);
});
