// A rollout in a browser: planned and started in the dialog, followed wave by wave, approved, and put back with one button.
import t from 'tap';
import { axeFaultsInBothThemes, noBrowser, openBrowser, visit } from '../fixtures/browser.ts';
import { startFleet, until } from '../fixtures/processes.ts';
import { namesIn, presence, ready } from '../fixtures/steps.ts';

t.test('rollouts in a browser', { skip: noBrowser, timeout: 120_000 }, async (t) => {
  const fleet = await startFleet(t);
  await fleet.simulate('lab', { nodes: 5 });
  for (const node of namesIn(fleet, 'lab', 5)) await presence(fleet, node, 'online');
  const browser = await openBrowser(t);
  const { page, complaints } = await visit(browser, fleet);
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Rollouts' }).click();
  await page.getByRole('heading', { name: 'No rollout yet' }).waitFor();

  await t.test('the plan is seen before the start', async (t) => {
    await page.getByRole('button', { name: 'Start a rollout' }).click();
    await page.getByLabel('What').selectOption('balena');
    await page.getByLabel('Release').fill('1.1.0');
    await page.getByRole('button', { name: 'See the plan' }).click();
    await page.getByRole('alert').getByText('looks after no balena fleet').waitFor();
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/rollout-balena.png` });
    await page.getByLabel('What').selectOption('os');
    t.equal(
      await page.getByLabel('Which').inputValue(),
      'security',
      'security updates unless something else is chosen',
    );
    await page.getByText('There is no way back').waitFor();
    await page.getByRole('button', { name: 'See the plan' }).click();
    await page.getByRole('alert').getByText('takes no updates of its system').waitFor();
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/rollout-os.png` });
    await page.getByLabel('What').selectOption('configuration');
    await page.getByLabel('Labels', { exact: true }).fill('ring=new');
    await page.getByLabel('Waves').fill('1,50 of 9');
    await page.getByRole('button', { name: 'See the plan' }).click();
    await page.getByRole('alert').getByText('"50 of 9" is no number').waitFor();
    await page.getByLabel('Waves').fill('1,50%,100%');
    await page.getByLabel('Watched for (minutes)').fill('0.05');
    await page.getByLabel('A person approves').selectOption('first');
    await page.getByRole('button', { name: 'See the plan' }).click();
    await page.getByLabel('The plan').getByText('1 machine').first().waitFor();
    t.equal(await page.getByLabel('The plan').getByRole('listitem').count(), 3);
    t.same(await axeFaultsInBothThemes(page), []);
    await page.getByRole('button', { name: 'Start it' }).click();
  });

  await t.test('it waits for a person, and goes on', async (t) => {
    const waves = page.getByRole('list', { name: 'Waves' });
    await waves.getByText('1 of 1 have it').waitFor();
    await waves.getByText('0 of 2 have it').first().waitFor();
    const approve = page.getByRole('button', { name: 'Approve wave 2' });
    await approve.waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/rollout.png`, fullPage: true });
    await approve.click();
    await waves.getByText('2 of 2 have it').first().waitFor();
    await page.getByRole('region', { name: 'Gates' }).first().getByText('none failed').waitFor();
    await until('it is done', async () => (await fleet.client.call('rollouts'))[0]?.state === 'done');
  });

  await t.test('one button puts it back', async (t) => {
    await page.getByRole('button', { name: 'Roll back' }).click();
    await page.getByRole('button', { name: 'Roll it back' }).click();
    await page.getByRole('alert').getByText('rolled back by').waitFor();
    const all = await fleet.client.call('nodes');
    t.same(
      all.filter(({ labels }) => 'ring' in labels),
      [],
    );
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/rollout-back.png`, fullPage: true });
    await page.setViewportSize({ width: 390, height: 844 });
    t.equal(await page.evaluate('document.documentElement.scrollWidth'), 390, 'nothing over the edge of a phone');
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/rollout-phone.png` });
  });

  await t.test('a change to agents: to whom, when, and what stops it', async (t) => {
    await page.setViewportSize({ width: 1280, height: 900 });
    for (const name of ['one', 'two']) await fleet.apply({ name, placement: { simulated: true } as never });
    for (const name of ['one', 'two']) await ready(fleet, name);
    await page.getByRole('button', { name: 'Start a rollout' }).click();
    await page.getByLabel('What', { exact: true }).selectOption('agent');
    await page.getByRole('button', { name: 'See the plan' }).click();
    await page.getByRole('alert').getByText('fill in what is to change').waitFor();
    await page.getByLabel('Temperature').fill('0.3');
    for (const part of ['Who may get it', 'When, and how many at once', 'What stops it'])
      await page.getByText(part, { exact: true }).click();
    await page.getByLabel('Only these agents').fill('one');
    await page.getByLabel('Hours').fill('at night');
    await page.getByRole('button', { name: 'See the plan' }).click();
    await page.getByRole('alert').getByText('got "at night"').waitFor();
    // Both together are a whole day: it begins now, whenever this test runs.
    await page.getByLabel('Hours').fill('00:00-12:00; 12:00-00:00');
    t.equal(await page.getByRole('group', { name: 'Gates' }).getByRole('checkbox').count(), 4, 'those of agents');
    await page.getByRole('checkbox', { name: /^tokens/ }).uncheck();
    await page.getByLabel('When a gate is red').selectOption('stop');
    await page.getByLabel('Watched for (minutes)').fill('0.05');
    await page.getByRole('button', { name: 'See the plan' }).click();
    await page.getByLabel('The plan').getByText('1 agent: one').waitFor();
    await page.getByLabel('The plan').getByText('Gates: update, contact, task-errors.').waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/start-rollout.png` });
    await page.setViewportSize({ width: 390, height: 844 });
    t.equal(await page.evaluate('document.documentElement.scrollWidth'), 390, 'nothing over the edge of a phone');
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/start-rollout-phone.png` });
    await page.getByRole('button', { name: 'Start it' }).click();
    const [found] = await until('it has begun', async () => {
      const all = await fleet.client.call('rollouts');
      return all[0]?.what.kind === 'agent' && all;
    });
    t.match(found, { onRed: 'stop', windows: [{ to: '12:00' }, { from: '12:00' }], text: /temperature/ });
    t.same(
      found?.gates.map(({ gate }) => gate),
      ['update', 'contact', 'task-errors'],
    );
    await until('it is done', async () => (await fleet.client.call('rollouts'))[0]?.state === 'done');
    const spec = async (name: string) => (await fleet.client.call('agent', { params: { agent: name } })).spec;
    t.equal((await spec('one')).temperature, 0.3);
    t.not((await spec('two')).temperature, 0.3, 'it was not selected');
  });
  t.same(complaints, []);
});
