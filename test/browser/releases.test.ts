// Releases in a browser: added by upload, refused with the reason, rolled out from there, removed; and the coordinator's own version.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { axeFaultsInBothThemes, noBrowser, openBrowser, visit } from '../fixtures/browser.ts';
import { startFleet } from '../fixtures/processes.ts';
import { sampleKey, sampleRelease } from '../fixtures/sample-release.ts';
import { namesIn, presence } from '../fixtures/steps.ts';

t.test('releases in a browser', { skip: noBrowser, timeout: 120_000 }, async (t) => {
  const fleet = await startFleet(t);
  await fleet.simulate('lab', { nodes: 2 });
  for (const node of namesIn(fleet, 'lab', 2)) await presence(fleet, node, 'online');
  const [own] = await fleet.client.call('nodes');
  const keys = join(fleet.folder, 'coordinator/release-keys');
  mkdirSync(keys, { recursive: true });
  const [ours, stranger] = [sampleKey(), sampleKey()];
  writeFileSync(join(keys, 'ours.pub'), ours.pub);
  const browser = await openBrowser(t);
  const { page, complaints } = await visit(browser, fleet);
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Releases' }).click();
  await page.getByText('This coordinator runs from a checkout').waitFor();
  t.equal(await page.getByRole('button', { name: /^Upgrade to/ }).count(), 0);
  await page.getByText('None yet. make dist').waitFor();

  const upload = async (key = ours, about = {}) => {
    const { content, signature } = await sampleRelease(key, about);
    await page.getByLabel('Archive').setInputFiles({ name: 'x.tar.gz', mimeType: 'application/gzip', buffer: content });
    const file = { name: 'x.tar.gz.minisig', mimeType: 'text/plain', buffer: Buffer.from(signature) };
    await page.getByLabel('Signature').setInputFiles(file);
    await page.getByRole('button', { name: 'Add it' }).click();
  };
  await page.getByRole('button', { name: 'Add a release' }).click();
  await upload(stranger);
  await page.getByRole('alert').getByText('expected one by a trusted key').waitFor();
  t.same(await axeFaultsInBothThemes(page), []);
  await upload(ours, { version: own?.version });
  const table = page.getByRole('region', { name: 'Kept here' });
  await table.getByText(own?.id as string).waitFor();
  await page.getByRole('button', { name: 'Add a release' }).click();
  await upload(ours, { version: '9.0.0' });
  await table.getByText('9.0.0').waitFor();
  await page.getByText('1 by the coordinator (key)').waitFor();
  t.same(await axeFaultsInBothThemes(page), []);
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/releases.png`, fullPage: true });

  await page.setViewportSize({ width: 390, height: 844 });
  t.equal(await page.evaluate('document.documentElement.scrollWidth'), 390, 'nothing over the edge of a phone');
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/releases-phone.png`, fullPage: true });
  await page.setViewportSize({ width: 1280, height: 900 });

  await page.getByRole('link', { name: 'Roll out node-agent 9.0.0 for arm64' }).click();
  await page.getByRole('dialog', { name: 'Start a rollout' }).waitFor();
  t.equal(await page.getByRole('textbox', { name: 'Version' }).inputValue(), '9.0.0');
  await page.goBack();
  await page.getByRole('button', { name: 'Remove node-agent 9.0.0 for arm64' }).click();
  await page.getByRole('button', { name: 'Remove it' }).click();
  await table.getByText('9.0.0').waitFor({ state: 'detached' });
  t.same(complaints, []);
});
