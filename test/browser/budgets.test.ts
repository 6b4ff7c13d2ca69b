// Budgets in a real browser: a key gets one, a person sees at a glance how much is left, changes it, and sees what agents have left.
import t from 'tap';
import { createClient } from '../../coordinator/cli/src/client.ts';
import { axeFaultsInBothThemes, noBrowser, openBrowser, visit } from '../fixtures/browser.ts';
import { openApiFleet } from '../fixtures/coordinator/api-fleet.ts';

const consoleDir = new URL('../../coordinator/console/dist', import.meta.url).pathname;

t.test('budgets in a browser', { skip: noBrowser }, async (t) => {
  const browser = await openBrowser(t);
  const fleet = await openApiFleet({ consoleDir });
  const client = createClient({ url: fleet.base, key: fleet.keys.admin, ca: null });
  const { page, complaints } = await visit(browser, { client });
  t.teardown(async () => {
    await page.close();
    await fleet.close();
  });
  const to = (path: string) => page.goto(new URL(path, page.url()).href);
  const keys = page.getByRole('region', { name: 'Keys', exact: true });

  await t.test('a key is made with a budget', async (t) => {
    await to('/keys');
    await page.getByRole('button', { name: 'Create a key' }).click();
    const form = page.getByRole('dialog', { name: 'Create a key' });
    await form.getByLabel('Name').fill('guest');
    await form.getByLabel('Role').selectOption('client');
    await form.getByText('Budget: how much it may use and spend').click();
    await form.getByLabel('US dollars').fill('10');
    t.same(await axeFaultsInBothThemes(page), []);
    await form.getByRole('button', { name: 'Create', exact: true }).click();
    await page.getByRole('button', { name: 'I have it' }).click();
    const row = keys.getByRole('row', { name: /^guest/ });
    await row.getByText('$10 of $10 left').waitFor();
    await row.getByText(/renewed on 1 \w+/).waitFor();
  });

  const guest = (await client.call('keys')).find(({ name }) => name === 'guest');
  if (!guest) throw new Error('the key was made');
  const use = async (id: string, usd: number) => {
    const { coordinator } = fleet;
    await coordinator.submit('budget-reserve', { id, key: guest.id, tokens: 10, usd, costs: true });
    await coordinator.submit('budget-settle', { id, tokens: 10, usd });
  };

  await t.test('what is used shows on each page', async (t) => {
    await use('r1', 6.8);
    await fleet.coordinator.submit('budget-reserve', { id: 'r2', key: guest.id, tokens: 10, usd: 0.1, costs: true });
    const spec = { name: 'ada', model: ['m'], instructions: 'x', budget: { tokens: 50_000, per: 'day' as const } };
    await fleet.call('PUT', '/v1/agents/ada', { body: spec });
    await to('/usage');
    const budgets = page.getByRole('region', { name: 'Budgets', exact: true });
    await budgets.getByText('$3.20 of $10 left').waitFor();
    await budgets.getByText('$0.10 reserved for what is under way').waitFor();
    await budgets.getByRole('link', { name: 'ada' }).click();
    await page.getByRole('heading', { level: 1, name: 'ada' }).waitFor();
    const own = page.getByRole('region', { name: 'Budget', exact: true });
    await own.getByText('50,000 of 50,000 left').waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    await page.setViewportSize({ width: 390, height: 844 });
    await to('/usage');
    await budgets.getByText('$3.20 of $10 left').waitFor();
    t.equal(await page.evaluate('document.documentElement.scrollWidth'), 390);
    t.same(await axeFaultsInBothThemes(page), []);
    await page.setViewportSize({ width: 1280, height: 900 });
  });

  await t.test('the alert leads to the key, whose budget is raised and taken away there', async (t) => {
    await use('r3', 2);
    await to('/alerts');
    await page.getByText('88 % of the budget of the key guest is used').waitFor();
    await page.getByRole('link', { name: 'Change the budget of guest' }).click();
    const row = keys.getByRole('row', { name: /^guest/ });
    await row.getByText('$1.20 of $10 left').waitFor();
    await row.getByRole('button', { name: 'Change the budget of guest' }).click();
    const dialog = page.getByRole('dialog', { name: 'The budget of guest' });
    await dialog.getByLabel('US dollars').fill('20');
    t.same(await axeFaultsInBothThemes(page), []);
    await dialog.getByRole('button', { name: 'Save' }).click();
    await row.getByText('$11.20 of $20 left').waitFor();
    await row.getByRole('button', { name: 'Change the budget of guest' }).click();
    await dialog.getByLabel('US dollars').fill('');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await row.getByText('no limit, no money').waitFor();
  });

  await t.test('an agent gets a budget in its form', async (t) => {
    await to('/agents/ada?tab=spec');
    await page.getByText('Memory, queue, limits, budget and Home Assistant').click();
    await page.getByLabel('US dollars').fill('3');
    t.same(await axeFaultsInBothThemes(page), []);
    await page.getByRole('button', { name: 'Save' }).click();
    const own = page.getByRole('region', { name: 'Budget', exact: true });
    await own.getByText('$3 of $3 left').waitFor();
    t.match(fleet.agent('ada')?.spec.budget, { tokens: 50_000, usd: 3, per: 'day' });
  });
  t.same(complaints, []);
});
