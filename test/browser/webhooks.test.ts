// Webhooks and triggers in a real browser: each kind of trigger is built in the form, a webhook is made there, changed, paused and resumed, and
// one that goes out is seen to fail and to come again.
import t from 'tap';
import { axeFaultsInBothThemes, noBrowser, openBrowser, visit } from '../fixtures/browser.ts';
import { openHookReceiver } from '../fixtures/hook-receiver.ts';
import { startFleet, until } from '../fixtures/processes.ts';

t.test('webhooks and triggers in a browser', { skip: noBrowser }, async (t) => {
  const fleet = await startFleet(t, { args: ['--webhook-hosts', 'local'] });
  await fleet.simulate('home', { nodes: 2, profile: 'home' });
  const browser = await openBrowser(t);
  const { page, complaints } = await visit(browser, fleet);
  const shot = async (name: string) => {
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}.png`, fullPage: true });
  };
  const to = (path: string) => page.goto(new URL(path, page.url()).href);

  await t.test('each kind of trigger is built in the form', async (t) => {
    await fleet.apply({ name: 'porter' });
    await to('/agents/porter?tab=spec');
    const add = () => page.getByRole('button', { name: 'Add a trigger' }).click();
    const kind = (at: number) => page.getByLabel('It wakes').nth(at);
    await add();
    await kind(0).selectOption('topic');
    await page.getByLabel('MQTT topic').fill('hall/motion');
    await page.getByLabel('Only with this text').fill('ON');
    await add();
    await kind(1).selectOption('event');
    await page.getByLabel('Event', { exact: true }).selectOption('node-online');
    await add();
    await kind(2).selectOption('pin');
    await page.getByLabel('Pin', { exact: true }).fill('motion');
    await page.getByLabel('What it is asked').nth(2).fill('Somebody moved.');
    await add();
    await kind(3).selectOption('webhook');
    await page.getByLabel('Webhook', { exact: true }).fill('doorbell');
    await page.getByRole('button', { name: 'Make the webhook doorbell' }).click();
    await page.getByText(/\/hooks\/doorbell\/[0-9a-f]{48}$/).waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('porter is at version 2.', { exact: true }).waitFor();
    const { spec } = await fleet.client.call('agent', { params: { agent: 'porter' } });
    t.match(spec.triggers, [
      { topic: 'hall/motion', contains: 'ON', prompt: 'This came on {{topic}}:\n{{payload}}' },
      { event: 'node-online' },
      { pin: 'motion', edge: 'rising', prompt: 'Somebody moved.' },
      { webhook: 'doorbell' },
    ]);
    await to('/agents/porter?tab=triggers');
    await page.getByText('when a message with "ON" in it comes on blackroad/v1/in/hall/motion').waitFor();
    await page.getByText('when webhook doorbell is called').waitFor();
    await page.getByText('asked it 0 times since the coordinator started').first().waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
  });

  await t.test('a webhook that goes out: made, tried, failing, seen', async (t) => {
    const receiver = await openHookReceiver();
    t.teardown(() => receiver.close());
    await to('/webhooks');
    await page.getByRole('cell', { name: '/hooks/doorbell' }).waitFor();
    await page.getByText('wakes porter').waitFor();
    const dialog = page.getByRole('dialog');
    await page.getByRole('button', { name: 'Create a webhook' }).click();
    await dialog.getByLabel('Name').fill('github');
    await dialog.getByRole('checkbox', { name: /as GitHub does/ }).click();
    await dialog.getByRole('button', { name: 'Create' }).click();
    await dialog.getByText(/^[0-9a-f]{48}$/).waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    await dialog.getByRole('button', { name: 'I have it' }).click();
    await page.getByText('wakes nobody').waitFor();
    await page.getByRole('button', { name: 'Create a webhook' }).click();
    await dialog.getByLabel('Way').selectOption('out');
    await dialog.getByLabel('Name').fill('pager');
    await dialog.getByLabel('Address').fill('http://169.254.169.254/');
    await dialog.getByLabel('Events').fill('agent-removed');
    await dialog.getByRole('button', { name: 'Create' }).click();
    await dialog
      .getByRole('alert')
      .getByText(/never posted to link-local/)
      .waitFor();
    await dialog.getByLabel('Address').fill(receiver.url);
    t.same(await axeFaultsInBothThemes(page), []);
    await dialog.getByRole('button', { name: 'Create' }).click();
    await dialog.getByText(/^whsec_/).waitFor();
    await dialog.getByRole('button', { name: 'I have it' }).click();
    await page.getByRole('button', { name: 'Test pager' }).click();
    await page.getByText(/^pager: answered 204 after \d+ ms\.$/).waitFor();
    const more = async (name: string, act: string) => {
      await page.getByRole('button', { name: `More about ${name}` }).click();
      await page.getByRole('menuitem', { name: act }).click();
    };
    await more('pager', 'Change');
    t.equal(await dialog.getByLabel('Address').inputValue(), receiver.url);
    t.equal(await dialog.getByLabel('Events').inputValue(), 'agent-removed');
    await dialog.getByLabel('Events').fill('agent-removed, node-lots');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog
      .getByRole('alert')
      .getByText(/Did you mean node-lost or node-class\?$/)
      .waitFor();
    await shot('webhook-change');
    t.same(await axeFaultsInBothThemes(page), []);
    await dialog.getByLabel('Events').fill('agent-removed, agent-renamed');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.getByText('pager is changed.', { exact: true }).waitFor();
    await page.getByText('agent-removed, agent-renamed').waitFor();
    await page.getByRole('button', { name: 'Pause pager' }).click();
    const question = page.getByRole('alertdialog');
    await question.getByText('Its events wait, 500 at most, and are posted then, oldest first.').waitFor();
    await shot('webhook-pause');
    t.same(await axeFaultsInBothThemes(page), []);
    await question.getByRole('button', { name: 'Pause it' }).click();
    await page.getByRole('row', { name: /pager.*paused/ }).waitFor();
    await shot('webhooks-paused');
    t.same(await axeFaultsInBothThemes(page), []);
    await page.getByRole('button', { name: 'Resume pager' }).click();
    await page.getByRole('button', { name: 'Pause pager' }).waitFor();
    await more('pager', 'New secret');
    await question.getByRole('button', { name: 'Give it another' }).click();
    await dialog.getByText(/^whsec_/).waitFor();
    await dialog.getByRole('button', { name: 'I have it' }).click();
    await dialog.waitFor({ state: 'detached' });
    await more('github', 'Delete');
    await question.getByRole('button', { name: 'Delete it' }).click();
    await page.getByText('github is deleted.', { exact: true }).waitFor();
    await page.getByRole('row', { name: /github/ }).waitFor({ state: 'detached' });
    receiver.answer = (response) => void response.writeHead(500).end();
    await fleet.apply({ name: 'gone', model: ['no-such-model'] });
    await fleet.client.call('agentRemove', { params: { agent: 'gone' } });
    await until('it failed', async () => receiver.received.length >= 2);
    await page.getByRole('button', { name: 'What waits for pager' }).click();
    const waiting = page.getByRole('dialog', { name: 'Deliveries of pager' });
    await waiting.getByText('answered 500').waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    receiver.answer = (response) => void response.writeHead(204).end();
    // The wait after a second failure is up to a minute.
    await waiting.getByText('Nothing waits.').waitFor({ timeout: 90_000 });
    await page.keyboard.press('Escape');
    await page.getByText('1 delivered').waitFor();
  });
  t.same(complaints, []);
});
