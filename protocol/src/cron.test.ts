import t from 'tap';
import { cronFault, nextCronMs, nextCronTimes, timeZoneFault } from './cron.ts';

const from = Date.UTC(2026, 10, 28, 12);

t.test('what never fires is a fault', async (t) => {
  for (const fine of ['0 8 * * *', '*/5 * * * * *', '0 0 29 2 *', '@daily', '0 8 * * 1-5', '0 0 * 2 MON#5'])
    t.equal(cronFault(fine, from, 'UTC'), null, fine);
  t.same(cronFault('0 0 30 2 *', from), {
    expected: 'a time that comes (this one never does)',
    got: '"0 0 30 2 *"',
  });
  for (const never of ['0 0 31 4,6,9,11 *', '0 0 0 1 1 * 2020', '2020-01-01T00:00:00'])
    t.match(cronFault(never, from), { expected: /a time that comes/ }, never);
  for (const none of ['99 8 * * *', 'every day', '', '0 8 * * 8', '@reboot', '0 8 * *'])
    t.match(
      cronFault(none, from),
      { expected: /^a cron expression such as 0 8 \* \* 1-5 \(/, got: JSON.stringify(none) },
      none,
    );
});

t.test('zones', async (t) => {
  for (const fine of ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Etc/GMT+5'])
    t.equal(timeZoneFault(fine), null, fine);
  t.match(timeZoneFault('Europe/Berlinn'), { expected: /did you mean Europe\/Berlin\b/, got: '"Europe/Berlinn"' });
  t.match(timeZoneFault('Mars'), { expected: /such as Europe\/Berlin/ });
  t.equal(nextCronMs('0 8 * * *', from, 'America/New_York'), Date.UTC(2026, 10, 28, 13));
  t.equal(nextCronMs('0 8 * * *', from, 'Asia/Kolkata'), Date.UTC(2026, 10, 29, 2, 30));
  t.equal(nextCronMs('0 0 30 2 *', from, 'UTC'), null);
  t.same(nextCronTimes('0 8 * * *', from, 2, 'UTC'), [Date.UTC(2026, 10, 29, 8), Date.UTC(2026, 10, 30, 8)]);
  t.same(nextCronTimes('61 * * * *', from, 2), []);
});
