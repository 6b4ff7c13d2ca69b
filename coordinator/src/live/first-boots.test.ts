import { type FirstBootReport, maxFirstBootReportsPerMinute, maxFirstBootsPerToken } from '@blackroad/protocol';
import t from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { FirstBoots } from './first-boots.ts';

const report = (board: string): FirstBootReport => ({ board, name: 'pi', steps: [{ step: 'started' }] });

t.test('the last report of each Pi of a token is kept, the newest Pi first, and others of another token', async (t) => {
  const boots = new FirstBoots(new HandClock());
  boots.note('a', report('1'));
  boots.note('a', report('2'));
  boots.note('b', report('3'));
  boots.note('a', { ...report('1'), node: 'kitchen' });
  t.match(boots.of('a'), [{ board: '1', node: 'kitchen' }, { board: '2' }]);
  t.same(
    boots.of('b').map(({ board }) => board),
    ['3'],
  );
  t.same(boots.of('c'), []);
});

t.test('ceilings', async (t) => {
  const clock = new HandClock();
  const boots = new FirstBoots(clock);
  for (let at = 0; at < maxFirstBootReportsPerMinute; at++) boots.note('a', report(String(at % 250)));
  t.equal(boots.of('a').length, maxFirstBootsPerToken);
  t.throws(() => boots.note('a', report('x')), { code: 'rate-limited' });
  boots.note('b', report('x'));
  await clock.advance(60_000);
  boots.note('a', report('x'));
  t.equal(boots.of('a')[0]?.board, 'x');
});
