// Cron in words and times.
import t from 'tap';
import { cronInWords, faultInWords } from './cron.ts';

t.test('in words', async (t) => {
  const said: Record<string, string> = {
    '0 * * * *': 'Every hour',
    '15 * * * *': 'Every hour, 15 minutes past',
    '*/5 * * * *': 'Every 5 minutes',
    '* * * * *': 'Every minute',
    '0 */2 * * *': 'Every 2 hours',
    '30 8 * * *': 'At 08:30',
    '0 8,20 * * *': 'At 08:00 and 20:00',
    '0 8 * * 1-5': 'At 08:00 from Monday to Friday',
    '0 8 * * 1,3,5': 'At 08:00 on Monday, Wednesday and Friday',
    '0 9-17 * * 1-5': 'Every hour from 09:00 to 17:00 from Monday to Friday',
    '0 0 1 * *': 'At 00:00 on the 1st',
    '0 0 2,3 1,6 *': 'At 00:00 on the 2nd and the 3rd in January and June',
    '0 6 13 * 5': 'At 06:00 on the 13th or on Friday',
    '0 30 7 * * 0': 'At 07:30 on Sunday',
    '@daily': 'At 00:00',
    '*/10 * * * * *': 'By its expression',
    '0 8 L * *': 'By its expression',
  };
  for (const [expression, words] of Object.entries(said)) t.equal(cronInWords(expression), words, expression);
});
t.test('what never fires says why', async (t) => {
  t.equal(faultInWords('0 8 * * *'), null);
  t.match(faultInWords('8 o clock'), /^Expected a cron expression such as/);
  t.match(cronInWords('61 * * * *'), /^Expected a cron expression such as .*minute/);
  t.match(cronInWords('0 0 30 2 *'), 'Expected a time that comes (this one never does)');
});
