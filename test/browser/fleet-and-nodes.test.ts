// The way in, the fleet, the table of nodes and one node's page, in a real browser against real processes, by role and label.
import type { Page } from 'playwright-core';
import t from 'tap';
import { axeFaultsInBothThemes, noBrowser, openBrowser, visit } from '../fixtures/browser.ts';
import { startFleet } from '../fixtures/processes.ts';

/** Said in exactly this word: "Not live" has it in it, too. */
const isLive = (page: Page) => page.getByRole('status').getByText('Live', { exact: true }).first().waitFor();

t.test('fleet and nodes in a browser', { skip: noBrowser }, async (t) => {
  const fleet = await startFleet(t);
  await fleet.simulate('home', { nodes: 6, profile: 'home' });
  const browser = await openBrowser(t);
  const { page, complaints } = await visit(browser, fleet);

  await t.test('a newcomer starts the first agent', async (t) => {
    await page.getByRole('heading', { name: 'Start your first agent' }).waitFor();
    t.equal(new URL(page.url()).hash, '', 'the code does not stay in the address');
    await page.getByRole('region', { name: 'Nodes', exact: true }).getByRole('link', { name: 'octavia' }).waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    await page.getByRole('radio', { name: /ECHO/ }).click();
    t.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'echo');
    await page.getByRole('button', { name: 'Start echo' }).click();
    await page.getByText('echo is on its way to a node.', { exact: true }).waitFor();
    t.equal((await fleet.client.call('agents')).length, 1);
    await page.goto(new URL('/', page.url()).href);
    await page.getByRole('heading', { name: 'Agents' }).waitFor();
    await page.getByText('Agents ready').waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
  });

  await t.test('nodes are found, sorted, chosen and cordoned together', async (t) => {
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Nodes' }).click();
    const table = page.getByRole('grid', { name: 'Nodes' });
    await table.getByRole('link', { name: 'gpu-box' }).waitFor();
    t.equal(await page.title(), 'Nodes · BlackRoad Fleet');
    t.equal(await table.getAttribute('aria-rowcount'), '7');
    await page.keyboard.press('/');
    await page.keyboard.type('pi home');
    await page.getByText('5 of 6 rows').waitFor();
    await table.getByRole('button', { name: 'Node', exact: true }).click();
    t.match(await table.getByRole('row').nth(1).textContent(), /alice/);
    await table.getByRole('button', { name: 'Node', exact: true }).click();
    t.match(await table.getByRole('row').nth(1).textContent(), /octavia/);
    t.match(page.url(), /q=pi\+home.*sort=-node/, 'the view can be sent to somebody');
    await table.getByRole('checkbox', { name: 'Select all 5 rows' }).click();
    t.same(await axeFaultsInBothThemes(page), []);
    await page.getByRole('button', { name: 'Cordon 5' }).click();
    await page.getByText('5 nodes cordoned.', { exact: true }).waitFor();
    const cordoned = async () => (await fleet.client.call('nodes')).filter(({ cordoned }) => cordoned).length;
    t.equal(await cordoned(), 5);
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByText('Taken back.', { exact: true }).waitFor();
    t.equal(await cordoned(), 0);
    await page.getByRole('button', { name: 'Clear filter' }).click();
    await page.getByText('6 rows').waitFor();
  });

  await t.test('the table is walked with the keyboard', async (t) => {
    const rows = page.getByRole('grid', { name: 'Nodes' }).getByRole('row');
    await rows.nth(1).focus();
    await page.keyboard.press('End');
    await page.locator('[aria-rowindex="7"]:focus').waitFor();
    await page.keyboard.press('Space');
    await page.getByText('1 selected').waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Home');
    await page.locator('[aria-rowindex="2"]:focus').waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'alice' }).waitFor();
    t.match(page.url(), /\/nodes\/alice$/);
  });

  await t.test("a node's page", async (t) => {
    await page.getByRole('heading', { name: 'Now' }).waitFor();
    await page.getByText('Raspberry Pi 5 Model B Rev 1.0').first().waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    await page.getByRole('button', { name: 'Cordon' }).click();
    await page.getByText('alice is cordoned: nothing new is placed on it.', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Uncordon' }).waitFor();
    await page.getByRole('tab', { name: /Models/ }).click();
    const model = page.getByRole('row', { name: /sim-1b/ });
    await model.getByRole('cell', { name: '0 of 1', exact: true }).waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    await page.getByRole('tab', { name: 'Log' }).click();
    await page.getByRole('log', { name: 'Log of alice' }).waitFor();
    await page.getByRole('button', { name: 'Forget' }).click();
    const dialog = page.getByRole('alertdialog', { name: 'Forget alice?' });
    await dialog.waitFor();
    t.equal(await dialog.getByRole('button', { name: 'Forget it' }).isDisabled(), true, 'until its name is typed');
    t.same(await axeFaultsInBothThemes(page), []);
    await dialog.getByRole('button', { name: 'Cancel' }).click();
  });

  await t.test('a view is an address with a name, and an address holds what its page knows', async (t) => {
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Nodes' }).click();
    await page.getByRole('combobox', { name: 'Class' }).selectOption('pi');
    await page.getByText('5 of 6 rows').waitFor();
    t.match(page.url(), /\?class=pi$/);
    await page.getByRole('button', { name: 'Views' }).click();
    await page.getByRole('textbox', { name: 'Name of the view' }).fill('small ones');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Clear filter' }).click();
    await page.getByText('6 rows', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Views' }).click();
    await page.getByRole('button', { name: 'small ones', exact: true }).click();
    await page.getByText('5 of 6 rows').waitFor();
    await page.goto(new URL('/settings', page.url()).href);
    await page.getByRole('link', { name: 'Open' }).click();
    await page.getByText('5 of 6 rows').waitFor();
    t.match(page.url(), /\/nodes\?class=pi$/);
    await page.goto(new URL('/nodes/alice?tab=gone&range=day', page.url()).href);
    await page.getByRole('tab', { name: 'Charts', selected: true }).waitFor();
    t.equal(await page.getByRole('radio', { name: 'Day' }).getAttribute('aria-checked'), 'true');
  });

  await t.test('the palette goes anywhere', async (t) => {
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox').fill('gpu');
    await page.getByRole('option', { name: /gpu-box/ }).waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'gpu-box' }).waitFor();
  });

  await t.test('a coordinator that goes away is said, and everything is live again when it is back', async (t) => {
    await isLive(page);
    await fleet.stopCoordinator('SIGKILL');
    const bar = page.getByRole('alert').filter({ hasText: 'The coordinator cannot be reached' });
    await bar.waitFor();
    const asOf = async () => /as of (\d\d:\d\d:\d\d)/.exec((await bar.textContent()) ?? '')?.[1];
    const before = await asOf();
    t.ok(before, 'it says as of when');
    t.equal(await page.getByText('Live', { exact: true }).count(), 0, 'and nothing says that it is live');
    t.ok(await page.locator('.is-stale').getByRole('heading', { level: 1 }).isVisible(), 'and greys what is old');
    // Time goes on, tries go on: what is shown does not get younger by it.
    await bar.getByText(/[2-9] s ago/).waitFor();
    t.equal(await asOf(), before);
    await fleet.startCoordinator();
    // Whoever comes back to the page does not wait for its next try.
    await page.mouse.click(2, 2);
    // Nobody is signed out by a restart, and the page is where it was.
    await page.getByRole('heading', { level: 1, name: 'gpu-box' }).waitFor();
    await isLive(page);
    await bar.waitFor({ state: 'detached' });
  });

  await t.test('a line that is dead without a word, as after a sleep, is not taken for live', async (t) => {
    // The process stands still: sockets stay open and nothing comes.
    const pid = fleet.coordinator.child.pid as number;
    process.kill(pid, 'SIGSTOP');
    const bar = page.getByRole('alert').filter({ hasText: 'The coordinator cannot be reached' });
    try {
      await bar.waitFor({ timeout: 30_000 });
      t.match(await bar.textContent(), /as of \d\d:\d\d:\d\d/);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await bar.waitFor({ state: 'detached', timeout: 30_000 });
    await isLive(page);
  });

  await t.test('a viewer is offered nothing that a viewer may not do', async (t) => {
    const { key } = await fleet.client.call('keyCreate', { body: { name: 'eyes', role: 'viewer' } });
    await page.getByRole('button', { name: /theme, keys, sign out/ }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByLabel('One-time code or API key').fill(key);
    t.same(await axeFaultsInBothThemes(page), []);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { level: 1, name: 'gpu-box' }).waitFor();
    await page.getByRole('heading', { name: 'Machine' }).waitFor();
    for (const name of ['Cordon', 'Drain', 'Forget', 'Identify', 'Edit']) {
      t.equal(await page.getByRole('button', { name, exact: true }).count(), 0, name);
    }
  });
  t.same(complaints, [], 'nothing is thrown, nothing is refused by the content security policy');
});
