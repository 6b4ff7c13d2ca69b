// A run of consolidation in a browser: what it finds is shown first, exactly that is written, seen in the list and taken back.
import t from 'tap';
import { axeFaultsInBothThemes, noBrowser, openBrowser, visit } from '../fixtures/browser.ts';
import { startFleet } from '../fixtures/processes.ts';
import { ready } from '../fixtures/steps.ts';
import { until } from '../fixtures/until.ts';

t.test('a run of consolidation in a browser', { skip: noBrowser, timeout: 120_000 }, async (t) => {
  const fleet = await startFleet(t);
  await fleet.simulate('one', { profile: 'home' });
  await fleet.apply({ name: 'keeper', memory: { recall: 5, remember: 'turns' } });
  await ready(fleet, 'keeper');
  const params = { agent: 'keeper' };
  for (const text of ['The bins are emptied on Monday.', 'Berta is the pump.', 'The bins are emptied on Monday.'])
    await fleet.client.call('memoryAdd', { params, body: { text } });
  await until(async () => (await fleet.client.call('memoryWaiting', { params })).length === 0, 30_000);
  const { page, complaints } = await visit(await openBrowser(t), fleet);
  const shot = async (name: string) => {
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}.png`, fullPage: true });
  };
  await page.getByRole('link', { name: 'Memory', exact: true }).first().click();
  await page.getByRole('tab', { name: /^Runs/ }).click();
  await page.getByText('No memory was consolidated').waitFor();
  t.same(await axeFaultsInBothThemes(page), []);
  await shot('runs-none');

  await page.getByLabel('Agent', { exact: true }).selectOption('keeper');
  await page.getByRole('button', { name: 'Consolidate' }).click();
  await page.getByRole('button', { name: 'Write 1 result' }).waitFor();
  t.equal(await page.getByText('The bins are emptied on Monday.').count(), 2);
  t.same(await axeFaultsInBothThemes(page), []);
  await shot('runs-shown');
  await page.getByRole('button', { name: 'Write 1 result' }).click();
  const row = page.getByRole('row', { name: /keeper/ });
  await row.getByText('written', { exact: true }).waitFor({ timeout: 30_000 });
  await row.getByRole('button', { name: /1/ }).click();
  await page.getByRole('dialog').getByText('The bins are emptied on Monday.').first().waitFor();
  await shot('runs-found');
  await page.keyboard.press('Escape');
  await shot('runs-written');

  await row.getByRole('button', { name: 'Undo' }).click();
  await page.getByRole('button', { name: 'Take it back', exact: true }).click();
  await row.getByText('taken back', { exact: true }).waitFor({ timeout: 30_000 });
  t.same(await axeFaultsInBothThemes(page), []);
  await shot('runs-undone');
  t.same(complaints, []);
});
