// `make screenshots`: every page of the console, and every tab of it, in dark, in light and on a phone, of a simulated home; the first
// page also of a fresh fleet with one node and no agents; and the moments of screenshot-moments.ts. The pictures that docs/console.md and
// docs/flash-a-pi.md show are renewed from the same set.
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { noBrowser, openBrowser, visit } from './fixtures/browser.ts';
import { type Home, startHomeFleet } from './fixtures/home-fleet.ts';
import { addressOf, consolePages } from './fixtures/pages.ts';
import { startFleet, until } from './fixtures/processes.ts';
import { shootMoments } from './screenshot-moments.ts';

const root = new URL('..', import.meta.url).pathname;
const out = join(root, 'screenshots');
const wide = { width: 1280, height: 800 };
const phone = { width: 390, height: 844 };
const ends: (() => unknown)[] = [];
const run = { teardown: (end: () => unknown) => ends.unshift(end), skip: null };

/** Nothing is being loaded and nothing moves: what was asked has come, or says why not. */
async function settled(page: Page) {
  // Not by its role: below a dialog it has none.
  await page.locator('h1').waitFor();
  await page.waitForLoadState('networkidle');
  // Asked again and again from here: the content security policy lets nothing be evaluated on a page's own clock.
  await until('the page is still', () => page.evaluate(still) as Promise<boolean>);
}
const still = `document.querySelector('.loading') === null && document.fonts.status === 'loaded' &&
  document.getAnimations().every(({ playState }) => playState !== 'running')`;

async function shoot(page: Page, name: string) {
  for (const look of ['dark', 'light', 'phone'] as const) {
    await page.setViewportSize(look === 'phone' ? phone : wide);
    await page.emulateMedia({ colorScheme: look === 'light' ? 'light' : 'dark', reducedMotion: 'reduce' });
    await settled(page);
    await page.screenshot({ path: join(out, `${name}-${look}.png`) });
    if (look !== 'light') await page.screenshot({ path: join(out, `${name}-${look}-whole.png`), fullPage: true });
  }
}
async function shootHome(browser: Browser, { fleet, things }: Home) {
  const { page, complaints } = await visit(browser, fleet, wide);
  const { origin } = new URL(page.url());
  for (const each of await consolePages()) {
    await page.setViewportSize(wide);
    await page.goto(origin + addressOf(each, things));
    await settled(page);
    await shoot(page, each.name);
    const tabs = await page.getByRole('tab').allTextContents();
    for (const [i, text] of tabs.entries()) {
      if (i === 0) continue;
      await page.setViewportSize(wide);
      await page.getByRole('tab').nth(i).click();
      await settled(page);
      await shoot(
        page,
        `${each.name}-${
          text
            .toLowerCase()
            .match(/[a-z]+/g)
            ?.join('-') ?? i
        }`,
      );
    }
    process.stdout.write(`  ${each.name}${tabs.length > 1 ? `: ${tabs.length} tabs` : ''}\n`);
  }
  if (complaints.length > 0) throw new Error(`the pages complained:\n${complaints.join('\n')}`);
}

if (noBrowser) throw new Error(noBrowser);
try {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out);
  const browser = await openBrowser(run);
  await shootMoments(browser, shoot);
  process.stdout.write('  moments\n');
  const fresh = await startFleet(run);
  await fresh.simulate('fresh', { nodes: 1, profile: 'home' });
  const { page } = await visit(browser, fresh, wide);
  await shoot(page, 'fresh-fleet');
  await page.close();
  await shootHome(browser, await startHomeFleet(run));
  for (const page of ['docs/console.md', 'docs/flash-a-pi.md']) {
    const shown = readFileSync(join(root, page), 'utf8').matchAll(/\(pictures\/([\w-]+\.png)\)/g);
    for (const [, name] of shown) {
      if (!existsSync(join(out, name as string))) throw new Error(`${page} shows ${name}, which is not in the set`);
      copyFileSync(join(out, name as string), join(root, 'docs/pictures', name as string));
    }
  }
} finally {
  for (const end of ends) await end();
}
