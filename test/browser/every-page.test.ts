// Every page of the console, as its build finds them, before axe in both themes and on a phone: a new page is in it by itself. Nothing may
// stand out over the edge of a phone's screen, every page has one heading and a title of its own.
import t from 'tap';
import { axeFaults, axeFaultsInBothThemes, noBrowser, openBrowser, visit } from '../fixtures/browser.ts';
import { startHomeFleet } from '../fixtures/home-fleet.ts';
import { addressOf, consolePages } from '../fixtures/pages.ts';

t.test('every page', { skip: noBrowser }, async (t) => {
  const { fleet, things } = await startHomeFleet(t);
  const browser = await openBrowser(t);
  const { page, complaints } = await visit(browser, fleet);
  const { origin } = new URL(page.url());
  const pages = await consolePages();
  t.ok(pages.length >= 17, `${pages.length} pages are found`);
  const titles = new Set<string>();
  for (const each of pages) {
    await t.test(each.path, async (t) => {
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.goto(origin + addressOf(each, things));
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.locator('.loading').first().waitFor({ state: 'detached' });
      t.equal(await page.getByRole('heading', { level: 1 }).count(), 1);
      t.same(await axeFaultsInBothThemes(page), []);
      titles.add(await page.title());
      await page.setViewportSize({ width: 390, height: 844 });
      await page.getByRole('navigation', { name: 'Pages' }).getByText('More').waitFor();
      t.same(await axeFaults(page), [], 'on a phone');
      t.equal(await page.evaluate('document.documentElement.scrollWidth'), 390, 'nothing over the edge of a phone');
    });
  }
  // A node and an agent may bear one name, as alice does at home.
  t.ok(titles.size >= pages.length - 1, 'each has a title');
  t.same(complaints, [], 'nothing is thrown, nothing is refused by the content security policy');
});
