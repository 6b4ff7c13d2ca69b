// A webhook on the command line against the real API and a real receiver: paused, changed and resumed; and what the alert of one that gives up
// prints is run as it stands there.
import type { Alert } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import t from 'tap';
import { openApiFleet } from '../../../../test/fixtures/coordinator/api-fleet.ts';
import { openHookReceiver } from '../../../../test/fixtures/hook-receiver.ts';
import { runFleet, until } from '../../../../test/fixtures/processes.ts';
import { createClient } from '../client.ts';
import type { VerbCall } from '../verb.ts';
import { paintFor } from '../words.ts';
import { webhookVerbs } from './webhooks.ts';

t.test('a webhook', async (t) => {
  const fleet = await openApiFleet({ webhookHosts: 'local' });
  t.teardown(() => fleet.close());
  const receiver = await openHookReceiver();
  t.teardown(() => receiver.close());
  receiver.answer = (response) => void response.writeHead(500).end();
  const client = createClient({ url: fleet.base, key: fleet.keys.admin, ca: null });
  const run = async (words: string, args: string[], flags: VerbCall['flags'] = {}) => {
    let said = '';
    const call = {
      args,
      flags,
      client: () => client,
      show: (_: unknown, text: () => string) => {
        said = text();
      },
      paint: paintFor(false),
      as: { fleet: (line: string) => `fleet ${line}` },
      columns: 160,
      clock: { ...systemClock, nowMs: () => fleet.context.clock.nowMs() },
    } as unknown as VerbCall;
    await webhookVerbs.find((verb) => verb.words === `webhooks ${words}`.trimEnd())?.run(call);
    return said;
  };

  await run('create', ['http://127.0.0.1:9/'], { name: 'pager', events: 'node-enrol' });
  t.match(
    await run('pause', ['pager']),
    /^pager is paused\. Its events wait, 500 at most, until: fleet webhooks resume pager$/,
  );
  await fleet.enrol('alice');
  const shown = await until('it waits', async () => {
    const text = await run('show', ['pager']);
    return text.includes('1 waiting') ? text : undefined;
  });
  t.match(shown, /^pager {2}paused, 1 waiting\n/);
  t.match(shown, / node-enrol +waiting +0 +paused +-$/);
  t.match(shown, /\npaused +.+ ago by key:admin\S*: its events wait, until: fleet webhooks resume pager\n/);
  t.match(await run('', []), /pager +out +http:\/\/127\.0\.0\.1:9\/ +paused, 1 waiting/);
  await t.rejects(run('set', ['pager']), { message: '--url or --events is missing.' });
  await t.rejects(run('set', ['pager'], { events: 'node-lots' }), { message: /there is no event node-lots\. Did you/ });
  t.equal(
    await run('set', ['pager'], { url: receiver.url, events: 'node-enrol,disk-low' }),
    `pager posts node-enrol, disk-low to ${receiver.url}.`,
  );
  t.equal(await run('resume', ['pager']), 'pager is resumed. 1 event is posted.');

  const alert = await until('the alert', async () => {
    fleet.skip(8 * 3600_000);
    const { body } = await fleet.call<Alert[]>('GET', '/v1/alerts');
    return body.find(({ kind }) => kind === 'webhook-given-up');
  });
  const printed = /: (fleet webhooks .*)$/.exec(alert.text)?.[1] ?? '';
  const [, ...args] = printed.split(' ');
  const ran = await runFleet(args, { BLACKROAD_COORDINATOR: fleet.base, BLACKROAD_KEY: fleet.keys.admin });
  t.equal(ran.code, 0, ran.stderr);
  t.match(
    ran.stdout,
    /^pager {2}answered 500, 1 given up\n[\s\S]*\nfailing +for [\s\S]*given up +10 +- +answered 500\n$/,
  );
  receiver.answer = (response) => void response.writeHead(204).end();
  t.equal(await run('replay', ['pager']), '1 delivery is in the queue again.');
  await until('it is there', async () => (await run('show', ['pager'])).includes('delivered    1,'));

  t.equal(await run('create', ['bell']).then((text) => /hooks\/bell/.test(text)), true);
  t.match(await run('pause', ['bell']), /^bell is paused\. Its calls are refused, until: fleet webhooks resume bell$/);
  t.match(await run('show', ['bell']), /^bell {2}paused\n[\s\S]*its calls are refused/);
  t.equal(await run('resume', ['bell']), 'bell is resumed. Calls wake agents again.');
  await t.rejects(run('set', ['bell'], { url: receiver.url }), { code: 'conflict' });
});
