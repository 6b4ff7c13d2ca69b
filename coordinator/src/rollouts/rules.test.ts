// The pure parts of rollouts: who is in which wave, windows over midnight and in a time zone, versions, and what a gate says of few figures.
import type { gates } from '@blackroad/protocol';
import t from 'tap';
import type { Sums } from '../state/rollout-rows.ts';
import { noSums } from '../state/sums.ts';
import { chanceOfAtLeast, unseenShare } from './chance.ts';
import { type Evidence, judge, type Measured } from './gates.ts';
import { compareVersions } from './versions.ts';
import { defaultWaves, type Member, wavesOf } from './waves.ts';
import { isOpen } from './window.ts';

const member = (name: string, over: Partial<Member> = {}): Member => {
  return { id: name, name, group: 'pi', labels: {}, away: false, ...over };
};
const names = (waves: Member[][]) => waves.map((wave) => wave.map(({ name }) => name));

t.test('waves', async (t) => {
  const pis = ['a', 'b', 'c', 'd', 'e'].map((name) => member(name));
  t.same(
    names(wavesOf(pis, defaultWaves).waves),
    [['a'], ['b'], ['c', 'd', 'e']],
    'five Pis: a wave of nobody is none',
  );
  const away = [member('a', { away: true }), member('b'), member('gpu', { group: 'gpu' })];
  t.same(names(wavesOf(away, defaultWaves).waves), [['b', 'gpu'], ['a']], 'one of each class, and who is here first');
  const ring = [member('a'), member('b', { labels: { ring: 'canary' } }), member('c')];
  const made = wavesOf(ring, [{ labels: { ring: 'canary' } }, { names: ['c'] }]);
  t.same(names(made.waves), [['b'], ['c']]);
  t.same(
    made.rest.map(({ name }) => name),
    ['a'],
  );
  const many = Array.from({ length: 400 }, (_, i) => member(`n${String(i).padStart(3, '0')}`));
  t.same(
    wavesOf(many, defaultWaves).waves.map(({ length }) => length),
    [1, 19, 80, 300],
  );
});

t.test('windows', async (t) => {
  const at = (text: string) => Date.parse(text);
  const night = [{ from: '22:00', to: '06:00', days: ['fri' as const] }];
  t.ok(isOpen([], 0, 'UTC'));
  t.ok(isOpen(night, at('2026-11-27T23:00:00Z'), 'UTC'), 'on Friday');
  t.ok(isOpen(night, at('2026-11-28T05:59:00Z'), 'UTC'), 'and the morning after');
  t.notOk(isOpen(night, at('2026-11-28T06:00:00Z'), 'UTC'));
  t.notOk(isOpen(night, at('2026-11-27T05:00:00Z'), 'UTC'), 'not the morning before');
  t.ok(isOpen(night, at('2026-11-27T21:30:00Z'), 'Europe/Berlin'), "in the fleet's zone");
});

t.test('versions', async (t) => {
  const sorted = ['1.10.0', '1.9.0', '1.9.0-rc.2', '1.9.0-rc.10', '1.9', '0.9.9'].sort(compareVersions);
  t.same(sorted, ['0.9.9', '1.9.0-rc.2', '1.9.0-rc.10', '1.9.0', '1.9', '1.10.0']);
  t.equal(compareVersions('v1.2.0', '1.2.0+build.7'), 0);
});

t.test('chance', async (t) => {
  t.ok(Math.abs(chanceOfAtLeast(3, 1) - 0.0803) < 1e-4);
  t.ok(Math.abs(chanceOfAtLeast(1100, 1000) - 0.0009) < 3e-4, 'by the normal distribution');
  t.equal(chanceOfAtLeast(0, 5), 1);
  t.equal(chanceOfAtLeast(1, 0), 0);
  t.ok(Math.abs(unseenShare(4) - 0.527) < 1e-3);
});

const sums = (over: Partial<Sums>): Sums => ({ ...noSums, ...over });
const one = (past: Partial<Sums>, now: Partial<Sums>, name = 'a'): Measured => ({
  name,
  past: sums(past),
  now: sums(now),
});
const evidence = (over: Partial<Evidence>): Evidence => {
  return { changed: [], others: [], told: 1, failed: [], lost: [], switching: [], excused: null, ...over };
};
const verdict = (gate: keyof typeof gates, over: Partial<Evidence>) => judge([gate], evidence(over))[0];

t.test('gates compare with the own past and with the others', async (t) => {
  const failing = one({ done: 90, failed: 10 }, { done: 60, failed: 40 });
  t.match(verdict('task-errors', { changed: [failing] }), {
    verdict: 'red',
    text: /40 of 100 attempts failed \(40 %\)/,
  });
  const others = [one({}, { done: 60, failed: 40 }, 'b')];
  t.match(verdict('task-errors', { changed: [failing], others }), { verdict: 'green' }, 'all are as bad');
  t.match(verdict('task-errors', { changed: [one({}, { done: 4 })] }), {
    verdict: 'green',
    text: /up to 53 % would look/,
  });
  t.match(
    verdict('task-errors', { changed: [one({ done: 9 }, { done: 1, failed: 1 })] }),
    { verdict: 'green' },
    'one failure',
  );
  t.match(verdict('task-errors', { changed: [one({ done: 9 }, {})] }), { verdict: 'unknown' });

  const warm = one(
    { temperatureC: 500, temperatureBeats: 10, beats: 10 },
    { temperatureC: 620, temperatureBeats: 10, beats: 10 },
  );
  t.match(verdict('temperature', { changed: [warm] }), { verdict: 'red', node: 'a', text: /62 °C, 50 °C before/ });
  t.match(
    verdict('temperature', { changed: [warm], others: [{ ...warm, name: 'b' }] }),
    { verdict: 'green' },
    'a hot day',
  );

  // A GPU box that wrote most tokens before writes fewer of them now, each as fast as before.
  const gpu = one({ tokens: 5000, decodeMs: 100_000, done: 9 }, { tokens: 500, decodeMs: 10_000, done: 3 }, 'gpu');
  const pi = one({ tokens: 50, decodeMs: 10_000, done: 9 }, { tokens: 500, decodeMs: 100_000, done: 9 }, 'pi');
  t.match(verdict('tokens', { changed: [gpu, pi] }), { verdict: 'green' });
  const slow = one({ tokens: 5000, decodeMs: 100_000, done: 9 }, { tokens: 300, decodeMs: 10_000, done: 5 }, 'gpu');
  t.match(verdict('tokens', { changed: [slow, pi] }), { verdict: 'green' }, 'five answers say little of one machine');
  const slowly = { ...slow, now: sums({ tokens: 1200, decodeMs: 40_000, done: 20 }) };
  t.match(verdict('tokens', { changed: [slowly, pi] }), {
    verdict: 'red',
    node: 'gpu',
    text: /^gpu writes 30\.0 tokens/,
  });
  const quick = one({ tokens: 500, decodeMs: 400, done: 99 }, { tokens: 200, decodeMs: 400, done: 40 });
  t.match(verdict('tokens', { changed: [quick] }), { verdict: 'unknown', text: /less than a second of writing/ });
  t.match(verdict('tokens', { changed: [slow] }), { verdict: 'red', text: /30\.0 tokens\/s, 50\.0 tokens\/s before/ });

  const broken = one({ ms: 10 * 3_600_000 }, { ms: 3_600_000, reconnects: 6 });
  t.match(verdict('reconnects', { changed: [broken] }), { verdict: 'red' });
  t.match(verdict('reconnects', { changed: [one({ ms: 3_600_000 }, { ms: 20_000, reconnects: 1 })] }), {
    verdict: 'green',
  });
});

t.test('one of fifty may be away or fail, and what is away with many proves nothing', async (t) => {
  t.match(verdict('contact', { told: 40, lost: ['a'] }), { verdict: 'red' });
  t.match(verdict('contact', { told: 50, lost: ['a'] }), { verdict: 'green' });
  t.match(verdict('contact', { told: 2, lost: ['a'], excused: 'the network' }), { verdict: 'unknown' });
  t.match(verdict('contact', { told: 2, switching: ['a'] }), {
    verdict: 'green',
    text: 'none is lost; switching now: a',
  });
  t.match(verdict('update', { told: 2, failed: [{ name: 'a', step: 'refused: a wrong key' }] }), {
    verdict: 'red',
    text: '1 of 2 did not get it; a: refused: a wrong key',
  });
});
