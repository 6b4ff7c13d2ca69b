// Values of an agent in a browser: one is set, waits for its node, holds, is changed and unset; what a branch says otherwise is shown beside it.
import type { MemoryValue } from '@blackroad/protocol';
import t from 'tap';
import { axeFaultsInBothThemes, noBrowser, openBrowser, visit } from '../fixtures/browser.ts';
import { startFleet } from '../fixtures/processes.ts';
import { namesIn, presence, ready } from '../fixtures/steps.ts';
import { until } from '../fixtures/until.ts';

t.test('values by key in a browser', { skip: noBrowser, timeout: 120_000 }, async (t) => {
  const fleet = await startFleet(t);
  const node = await fleet.simulate('one', { profile: 'home' });
  await fleet.apply({ name: 'keeper', memory: { recall: 5, remember: 'turns' } });
  await ready(fleet, 'keeper');
  const { page, complaints } = await visit(await openBrowser(t), fleet);
  const shot = async (name: string) => {
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}.png`, fullPage: true });
  };
  const panel = page.getByRole('region', { name: 'Values' });
  await page.getByRole('link', { name: 'Agents', exact: true }).first().click();
  await page.getByRole('link', { name: 'keeper' }).first().click();
  await page.getByRole('tab', { name: /^Memory/ }).click();
  const set = async (text: string) => {
    await page.getByLabel('Value', { exact: true }).fill(text);
    await page.getByRole('button', { name: 'Set it' }).click();
  };
  await panel.getByText('It has none.').waitFor();
  await shot('values-none');
  await panel.getByRole('button', { name: 'Set a value' }).click();
  await page.getByLabel('Key', { exact: true }).fill('door code');
  await shot('values-set');
  t.same(await axeFaultsInBothThemes(page), []);
  await set('1234');
  await panel
    .getByRole('listitem')
    .filter({ hasText: /door code.*by admin.*1234/ })
    .waitFor();
  t.match(await fleet.client.call('memoryValue', { params: { agent: 'keeper', key: 'door code' } }), { text: '1234' });

  await node.kill('SIGKILL');
  await presence(fleet, namesIn(fleet, 'one')[0] as string, 'suspect');
  await panel.getByRole('button', { name: 'Change door code' }).click();
  t.equal(await page.getByLabel('Value', { exact: true }).inputValue(), '1234');
  await set('5678\nthen #');
  await panel.getByText(/^To be set to “5678\s+then #”, by admin: /).waitFor();
  await panel.getByText('1234', { exact: true }).waitFor();
  t.same(await axeFaultsInBothThemes(page), []);
  await shot('values-waiting');
  await panel.getByRole('button', { name: 'Take it back: door code' }).click();
  await panel.getByText(/^To be set/).waitFor({ state: 'detached' });

  await panel.getByRole('button', { name: 'Unset door code' }).click();
  await page.getByRole('button', { name: 'Unset it' }).click();
  await panel.getByText(/^To be unset/).waitFor();
  await fleet.simulate('one', { profile: 'home' });
  await panel.getByText('It has none.').waitFor({ timeout: 60_000 });
  await until(() => page.getByText('door code is unset').isVisible(), 20_000);
  t.same(complaints, []);

  const entry = {
    ...{ text: 'green', seq: 9, epoch: 2, hash: 'ab'.repeat(32), kind: 'value', actorId: 'agent:keeper' },
    ...{ source: 'tool:memory', createdAt: Date.now() - 60_000 },
  };
  const other = { ...entry, text: 'red', seq: 10, hash: 'cd'.repeat(32), kind: 'merge', actorId: 'node:aria' };
  const long = 'https://example.org/'.padEnd(300, 'x');
  const values: MemoryValue[] = [
    { key: 'door', text: 'green', entry, others: [other], waiting: [] },
    { key: 'a key of many words that is about something', text: long, entry, others: [], waiting: [] },
  ];
  await page.route('**/memory/values*', (route) => route.fulfill({ json: { agent: 'keeper', values, next: null } }));
  await page.reload();
  await panel.getByText('But on aria while it was away it was set to “red”. Set it again to settle that.').waitFor();
  t.same(await axeFaultsInBothThemes(page), []);
  await shot('values-others');
  await page.setViewportSize({ width: 390, height: 844 });
  await shot('values-narrow');
  const wide = await page.evaluate('document.documentElement.scrollWidth > innerWidth');
  t.notOk(wide, 'nothing is wider than a phone');
});
