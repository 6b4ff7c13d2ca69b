import t from 'tap';
import type { RuntimeModel } from '../runtimes/runtime.ts';
import { isPressed, nextToGo } from './eviction.ts';

t.test('it begins above the limit and ends well below it', async (t) => {
  const rows: [used: number, limit: number, was: boolean, pressed: boolean][] = [
    [0.89, 0.9, false, false],
    [0.9, 0.9, false, false],
    [0.91, 0.9, false, true],
    [0.89, 0.9, true, true],
    [0.86, 0.9, true, true],
    [0.84, 0.9, true, false],
    [0.999, 1, false, false],
    [1, 1, true, false],
  ];
  for (const [used, limit, was, pressed] of rows)
    t.equal(isPressed(used, limit, was), pressed, `${used} of ${limit}, ${was}`);
});

t.test('the least recently used goes, whatever the clock said', async (t) => {
  const model = (name: string) => ({ name }) as RuntimeModel;
  const fetched = new Map([
    ['old', { model: 'old', use: 3, usedMs: 9e12 }],
    ['older', { model: 'older', use: 1, usedMs: 9e12 }],
    ['new', { model: 'new', use: 7, usedMs: 0 }],
  ]);
  t.equal(nextToGo([model('new'), model('older'), model('old')], fetched)?.name, 'older');
  t.equal(nextToGo([model('new'), model('old')], fetched)?.name, 'old');
  t.equal(nextToGo([model('theirs')], fetched), null, 'what the fleet did not fetch');
  t.equal(nextToGo([], fetched), null);
});
