// The coordinator upgrades itself from the console, and goes back, while the page stays open.
import t from 'tap';
import { axeFaultsInBothThemes, noBrowser, openBrowser, visit } from '../fixtures/browser.ts';
import { openReleaseRig } from '../fixtures/coordinator/coordinator-release.ts';

t.test('the upgrade in a browser', { skip: noBrowser, timeout: 180_000 }, async (t) => {
  const rig = openReleaseRig(t);
  const here = await rig.installed(t, await rig.build('1.0.0'), 1);
  t.equal(await here.version(), '1.0.0');
  t.match(await here.cli('releases', 'add', await rig.build('1.1.0')), { code: 0 });
  const browser = await openBrowser(t);
  const { page, complaints } = await visit(browser, { client: here.client() });
  page.setDefaultTimeout(60_000);
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Releases' }).click();
  const about = page.getByRole('region', { name: 'Coordinator' });
  await about.getByText('stays as it is').waitFor();
  t.same(await axeFaultsInBothThemes(page), []);
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/upgrade.png`, fullPage: true });
  await page.getByRole('button', { name: 'Upgrade to 1.1.0' }).click();
  await page.getByRole('button', { name: 'Upgrade', exact: true }).click();
  await about.getByText('the coordinator runs 1.1.0, which stays; it was 1.0.0').waitFor();
  t.equal(await here.version(), '1.1.0');
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/upgraded.png`, fullPage: true });
  await page.getByRole('button', { name: 'Back to 1.0.0' }).click();
  await page.getByRole('button', { name: 'Go back' }).click();
  await about.getByText('the coordinator runs 1.0.0 again and not 1.1.0').waitFor();
  t.equal(await here.version(), '1.0.0');
  t.same(complaints, []);
});
