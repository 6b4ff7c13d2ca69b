import { systemClock } from '@blackroad/std/clock';
import t from 'tap';
import { createAdmission } from './admission.ts';

const never = new AbortController().signal;
const clock = systemClock;

t.test('slots first, then a queue in order, then no', async (t) => {
  const admission = createAdmission({ slots: 1, queue: 2, clock });
  const release = await admission.enter('m', never, 10_000);
  const order: string[] = [];
  const second = admission.enter('m', never, 10_000).then((release) => {
    order.push('second');
    return release;
  });
  const third = admission.enter('m', never, 10_000).then((release) => {
    order.push('third');
    return release;
  });
  await t.rejects(admission.enter('m', never, 10_000), {
    code: 'overloaded',
    message: 'm is busy: 1 running, 2 waiting, the queue is full',
    retryable: true,
  });
  const other = await admission.enter('other', never, 10_000);
  t.match(admission.load(), [
    { model: 'm', slots: 1, busy: 1, waiting: 2, admitted: 1, refused: 1 },
    { model: 'other', busy: 1, waiting: 0 },
  ]);
  other();
  release();
  release();
  (await second)();
  (await third)();
  t.strictSame(order, ['second', 'third']);
  t.match(admission.load()[0], { busy: 0, waiting: 0, admitted: 3 });
});

t.test('leaving the queue: abort and deadline', async (t) => {
  const admission = createAdmission({ slots: 1, queue: 8, clock });
  const release = await admission.enter('m', never, 1000);
  const abort = new AbortController();
  const aborted = admission.enter('m', abort.signal, 1000);
  abort.abort();
  await t.rejects(aborted, { code: 'aborted' });
  const alive = setInterval(() => {}, 1000);
  await t.rejects(admission.enter('m', never, 5), { code: 'overloaded', message: /waited/ });
  clearInterval(alive);
  await t.rejects(admission.enter('m', AbortSignal.abort(), 1000), { code: 'aborted' });
  t.match(admission.load()[0], { waiting: 0, busy: 1 });
  release();
  (await admission.enter('m', never, 1000))();
});

t.test('slots can change while requests run', async (t) => {
  const admission = createAdmission({ slots: 1, queue: 8, clock });
  const first = await admission.enter('m', never, 1000);
  const waiting = [admission.enter('m', never, 1000), admission.enter('m', never, 1000)];
  admission.setSlots('m', 3);
  const [second, third] = await Promise.all(waiting);
  admission.setSlots('m', 1);
  first();
  const late = admission.enter('m', never, 1000);
  second!();
  t.match(admission.load()[0], { busy: 1, waiting: 1, slots: 1 });
  third!();
  (await late)();
});
