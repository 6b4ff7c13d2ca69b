// The parts of a machine in a real browser against the real API: unknown at first, looked at when a person says so, and a look that fails
// says why and leaves what was known.
import { readFileSync } from 'node:fs';
import type { Hardware } from '@blackroad/protocol';
import t from 'tap';
import { createClient } from '../../coordinator/cli/src/client.ts';
import { axeFaultsInBothThemes, noBrowser, openBrowser, visit } from '../fixtures/browser.ts';
import { openApiFleet } from '../fixtures/coordinator/api-fleet.ts';

const consoleDir = new URL('../../coordinator/console/dist', import.meta.url).pathname;
const recorded = new URL('../fixtures/node-agent/hardware/gpu-box.json', import.meta.url);

t.test('the hardware of a node in a browser', { skip: noBrowser }, async (t) => {
  const browser = await openBrowser(t);
  const fleet = await openApiFleet({ consoleDir });
  const client = createClient({ url: fleet.base, key: fleet.keys.admin, ca: null });
  const node = await fleet.node('box');
  const { right } = JSON.parse(readFileSync(recorded, 'utf8')) as { right: Hardware };
  const hardware = { ...right, lacks: ['Nothing is known of its USB devices: no answer within 15 s'] };
  let isBroken = false;
  node.onCommand = (_, command) => {
    const text = 'its parts could not be looked at: it took longer than 75 s';
    node.say('reply', { command }, { command, ...(isBroken ? { ok: false, text } : { ok: true, hardware }) });
  };
  const { page, complaints } = await visit(browser, { client });
  t.teardown(async () => {
    await page.close();
    await fleet.close();
  });
  await page.goto(new URL('/nodes/box?tab=hardware', page.url()).href);
  await page.getByRole('heading', { name: 'Its parts are not known yet' }).waitFor();
  await page.getByRole('button', { name: 'Look again' }).click();
  const table = page.getByRole('group', { name: 'Parts of the machine' });
  await table.getByText('serial 80CE01234568').waitFor();
  t.equal(await table.getByRole('row').count(), 13, 'twelve parts and the head');
  await page.getByText('no answer within 15 s').first().waitFor();
  t.same(await axeFaultsInBothThemes(page), []);
  if (process.env.PICTURE) await page.screenshot({ path: process.env.PICTURE, fullPage: true });

  isBroken = true;
  await page.getByRole('button', { name: 'Look again' }).click();
  await page.getByText('it took longer than 75 s').first().waitFor();
  await table.getByText('serial 80CE01234568').waitFor();
  t.same(
    complaints.filter((text) => !/503/.test(text)),
    [],
  );
});
