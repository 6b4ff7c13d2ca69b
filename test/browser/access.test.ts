// Getting in and staying in, in a real browser against the real API: a code for the phone in another room, the last admin key, and words
// at the door that a person understands.
import t from 'tap';
import { createClient } from '../../coordinator/cli/src/client.ts';
import { axeFaultsInBothThemes, noBrowser, openBrowser, visit } from '../fixtures/browser.ts';
import { openApiFleet } from '../fixtures/coordinator/api-fleet.ts';

const consoleDir = new URL('../../coordinator/console/dist', import.meta.url).pathname;

t.test('keys and doors in a browser', { skip: noBrowser }, async (t) => {
  const browser = await openBrowser(t);
  const fleet = await openApiFleet({ consoleDir, boundTo: '0.0.0.0', publicHost: '192.168.1.20' });
  const client = createClient({ url: fleet.base, key: fleet.keys.admin, ca: null });
  const { page, complaints } = await visit(browser, { client });
  t.teardown(async () => {
    await page.close();
    await fleet.close();
  });
  const to = (path: string) => page.goto(new URL(path, page.url()).href);

  await t.test('another device gets an address that it reaches, as a picture too', async (t) => {
    await to('/keys');
    await page.getByRole('button', { name: 'Sign in elsewhere' }).click();
    const dialog = page.getByRole('dialog', { name: 'Sign in elsewhere' });
    await dialog.getByRole('img', { name: 'The address as a QR code' }).waitFor();
    const address = (await dialog.getByText(/#code=/).textContent()) as string;
    t.match(address, new RegExp(`^https://192\\.168\\.1\\.20:${fleet.tlsPort}/#code=brc_[0-9a-f]{32}$`));
    await dialog.getByText(/the certificate is signed by this fleet itself/).waitFor();
    await dialog.getByText(/Valid for\s+(10|9) min/).waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    await page.setViewportSize({ width: 390, height: 844 });
    t.equal(await page.evaluate('document.documentElement.scrollWidth'), 390);
    t.same(await axeFaultsInBothThemes(page), []);
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.keyboard.press('Escape');
  });

  await t.test('the last admin key is not offered for revoking, and the one at work was just used', async (t) => {
    const admin = page.getByRole('region', { name: 'Keys', exact: true }).getByRole('row', { name: /^admin/ });
    await admin.getByText('the last admin key: make another to revoke it').waitFor();
    t.equal(await admin.getByRole('button', { name: /^Revoke/ }).count(), 0);
    t.notMatch(await admin.textContent(), /never/);
    await client.call('keyCreate', { body: { name: 'second', role: 'admin' } });
    await to('/keys');
    await page.getByRole('button', { name: 'Revoke admin', exact: true }).click();
    await page
      .getByRole('alertdialog')
      .getByText(/it is the key you are signed in with/)
      .waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    await page.getByRole('button', { name: 'Cancel' }).click();
  });

  await t.test('no API is promised that is not there', async (t) => {
    await page.getByRole('button', { name: 'Create a key' }).click();
    const form = page.getByRole('dialog', { name: 'Create a key' });
    await form.getByLabel('Name').fill('garden');
    await form.getByRole('button', { name: 'Create', exact: true }).click();
    const made = page.getByRole('dialog', { name: 'The key of garden' });
    await made.getByText(/a program sends it to the API/).waitFor();
    t.notMatch(await made.textContent(), /OpenAI/);
    await made.getByRole('button', { name: 'I have it' }).click();
  });

  await t.test('the door speaks to people', async (t) => {
    await page.getByRole('button', { name: /theme, keys, sign out/ }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByLabel('One-time code or API key').fill('brc_nonsense');
    await page.getByRole('button', { name: 'Sign in' }).click();
    const fault = page.getByRole('alert');
    await fault.getByText(/^This code or key does not work\./).waitFor();
    t.notMatch(await fault.textContent(), /expected|got neither/);
    t.same(await axeFaultsInBothThemes(page), []);
  });
  t.same(complaints, [], 'nothing is thrown, nothing is refused by the content security policy');
});
