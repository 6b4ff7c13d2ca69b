// Figures and times in words: the edges where a unit changes.
import t from 'tap';
import { age, bytes, count, duration, figure, money, plural, relative } from './words.ts';

t.test('bytes change their unit at 1024 and keep one digit below ten', async (t) => {
  t.equal(bytes(0), '0 B');
  t.equal(bytes(1023), '1023 B');
  t.equal(bytes(1024), '1.0 KiB');
  t.equal(bytes(10 * 1024 ** 2), '10 MiB');
  t.equal(bytes(1.5 * 1024 ** 3), '1.5 GiB');
  t.equal(bytes(3 * 1024 ** 4), '3.0 TiB');
});
t.test('counts and figures', async (t) => {
  t.equal(count(1234), '1,234');
  t.equal(count(123_456), '123 k');
  t.equal(count(4_500_000), '4.5 M');
  t.equal(figure(0.123), '0.12');
  t.equal(figure(12.34), '12.3');
  t.equal(figure(123.4), '123');
});
t.test('plurals', async (t) => {
  t.equal(plural(1, 'node'), '1 node');
  t.equal(plural(0, 'node'), '0 nodes');
  t.equal(plural(1200, 'memory'), '1,200 memories');
});
t.test('durations and times', async (t) => {
  t.equal(duration(0), '0 ms');
  t.equal(duration(9_900), '9.9 s');
  t.equal(duration(119_000), '119 s');
  t.equal(duration(7_199_000), '120 min');
  t.equal(duration(7_200_000), '2 h');
  t.equal(duration(172_800_000), '2 d');
  t.equal(relative(1000, 1500), 'just now');
  t.equal(relative(0, 12_000), '12 s ago');
  t.equal(relative(3 * 3600_000, 0), 'in 3 h');
});
t.test('money', async (t) => {
  t.equal(money(0), '$0.00');
  t.equal(money(0.0012), '$0.0012');
  t.equal(money(12.345), '$12.35');
});
t.test('ages are for people: no milliseconds, no tenths', async (t) => {
  t.equal(age(872), 'a moment');
  t.equal(age(9_900), '10 s');
  t.equal(age(102_000), '2 min');
  t.equal(age(600_000), '10 min');
});
