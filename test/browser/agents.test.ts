// Agents in a real browser against real processes and simulated nodes: from a template to an answer, why it is where it is, back to an
// older version, its memory, and off again.
import t from 'tap';
import { axeFaultsInBothThemes, noBrowser, openBrowser, signInAs, visit } from '../fixtures/browser.ts';
import { startFleet, until } from '../fixtures/processes.ts';

t.test('agents in a browser', { skip: noBrowser }, async (t) => {
  const fleet = await startFleet(t);
  await fleet.simulate('home', { nodes: 6, profile: 'home' });
  const browser = await openBrowser(t);
  const { page, complaints } = await visit(browser, fleet);
  const to = (path: string) => page.goto(new URL(path, page.url()).href);
  const tab = (name: string | RegExp) => page.getByRole('tab', { name }).click();

  await t.test('an agent is made from a template', async (t) => {
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Agents' }).click();
    await page.getByRole('heading', { name: 'No agent yet' }).waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    await page.getByRole('link', { name: 'New agent' }).first().click();
    await page.getByRole('radio', { name: /PRISM/ }).click();
    t.match(await page.getByLabel('Instructions').inputValue(), /You are Prism/);
    await page.getByRole('checkbox', { name: /^Node:/ }).click();
    await page.getByRole('button', { name: 'Where would it go?' }).click();
    await page
      .getByRole('status')
      .filter({ hasText: /To .+ with sim-/ })
      .waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    await page.getByLabel('Name', { exact: true }).fill('Prism One');
    await page.getByRole('button', { name: 'Start Prism One' }).click();
    await page.getByRole('alert').filter({ hasText: 'One thing is not right' }).waitFor();
    await page.getByLabel('Name', { exact: true }).fill('prism');
    await page.getByRole('button', { name: 'Start prism' }).click();
    await page.getByRole('heading', { level: 1, name: 'prism' }).waitFor();
    await page.getByRole('button', { name: 'Remove it again' }).waitFor();
    const { spec } = await fleet.client.call('agent', { params: { agent: 'prism' } });
    t.same(spec.tools, [{ tool: 'memory' }, { tool: 'node' }]);
    await page.getByText('ready', { exact: true }).waitFor();
  });

  await t.test('it answers, token by token, and what it took is told', async (t) => {
    const message = page.getByLabel('Message to prism', { exact: true });
    await message.fill('How many nodes are there?');
    await message.press('Enter');
    const talk = page.getByRole('log', { name: 'Conversation with prism' });
    await talk.getByText('Simulated answer to: How many nodes are there?').waitFor();
    await talk.getByText('first after').waitFor();
    await talk.getByRole('link', { name: /^(gpu-box|alice|aria|octavia|lucidia|codex)$/ }).waitFor();
    t.equal(await message.inputValue(), '', 'ready for the next');
    t.same(await axeFaultsInBothThemes(page), []);
    await talk.getByRole('button', { name: 'Why this answer' }).click();
    const why = page.getByRole('dialog', { name: 'Why this answer' });
    await why.getByText('It is the first message of the conversation').waitFor();
    await why.locator('pre').getByText('How many nodes are there?').waitFor();
    await page.keyboard.press('Escape');
  });

  await t.test('text with a fault names its field and its line', async (t) => {
    await tab('Edit');
    await page.getByRole('radio', { name: 'YAML' }).click();
    const text = page.getByLabel('The agent as YAML');
    const written = await text.inputValue();
    const line = written.split('\n').findIndex((each) => each.startsWith('concurrency:')) + 1;
    await text.fill(written.replace(/concurrency: .*/, 'concurrency: many'));
    await page.getByRole('button', { name: 'Save' }).click();
    const fault = page.getByRole('alert').filter({ hasText: 'concurrency' });
    await fault.waitFor();
    t.match(await fault.textContent(), /must be .*, not "many"\./);
    t.same(await axeFaultsInBothThemes(page), []);
    await fault.getByRole('button', { name: `line ${line}`, exact: true }).click();
    t.equal(
      (await text.evaluate('(area) => area.value.slice(area.selectionStart, area.selectionEnd)').catch(() => null)) ??
        (await page.evaluate('getSelection().toString()')),
      'concurrency: many',
    );
    await text.fill(written.replace(/instructions: .*/, 'instructions: Answer in one word.'));
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('prism is at version 2.', { exact: true }).waitFor();
  });

  await t.test('what changed stands side by side, and an older version comes back', async (t) => {
    await page.getByRole('region', { name: 'What changed from version 1 to 2' }).waitFor();
    await page.getByRole('cell', { name: 'added: instructions: Answer in one word.' }).waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    await page.getByRole('button', { name: /^Version 1/ }).click();
    await page.getByRole('button', { name: 'Roll back to 1' }).click();
    await page.getByText('prism is as in version 1 again: that is version 3.', { exact: true }).waitFor();
    await page.getByRole('button', { name: /^Version 3 now/ }).waitFor();
    const versions = await fleet.client.call('agentVersions', { params: { agent: 'prism' } });
    t.same(versions[0]?.spec, versions[2]?.spec);
  });

  await t.test('why here, and moved by hand by a rule that can be taken back', async (t) => {
    await tab('Why here');
    await page.getByText(/^prism is on /).waitFor();
    const scores = page.getByRole('group', { name: 'Scores' });
    await scores.getByRole('rowheader').first().waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    const other = (await scores.getByRole('columnheader').nth(2).getByRole('link').textContent()) as string;
    await scores.getByRole('button', { name: 'Move here' }).first().click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Pin it there' }).click();
    await page.getByText(`prism is pinned to ${other}.`, { exact: true }).waitFor();
    await until('it has moved', async () => {
      const { node, state } = await fleet.client.call('agent', { params: { agent: 'prism' } });
      return node === other && state === 'ready';
    });
    await page.getByText(`Its rules allow only ${other}.`).waitFor();
    await page.getByRole('button', { name: 'Let it run anywhere' }).click();
    await page.getByText('prism may run anywhere again.', { exact: true }).waitFor();
  });

  await t.test('its memory is read, searched and proved', async (t) => {
    await tab('Memory');
    const list = page.getByRole('list', { name: /^Memories of prism/ });
    await list.getByText('How many nodes are there?').first().waitFor();
    await list.getByText('moved to another node').waitFor();
    await page.getByRole('button', { name: 'Verify the chain' }).click();
    await page
      .getByRole('status')
      .filter({ hasText: /^Whole: 3 entries recomputed/ })
      .waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    await page.getByLabel('Search what prism remembers').fill('nodes');
    await page.getByRole('list', { name: 'Found memories' }).getByText('How many nodes').first().waitFor();
  });

  await t.test('a trigger is said in words, with its next times', async (t) => {
    await fleet.apply({ name: 'clock', triggers: [{ cron: '0 8 * * 1-5', prompt: 'Good morning.' }] });
    await to('/agents/clock?tab=triggers');
    await page.getByText('At 08:00 from Monday to Friday').waitFor();
    await page.getByText(Intl.DateTimeFormat().resolvedOptions().timeZone, { exact: true }).waitFor();
    t.equal(await page.getByRole('list', { name: 'Next times' }).getByRole('listitem').count(), 3);
    t.same(await axeFaultsInBothThemes(page), []);
    await page.getByRole('button', { name: 'Ask it now' }).click();
    await page.getByRole('log').getByText('Simulated answer to: Good morning.').waitFor();
  });

  await t.test('an agent that fits nowhere says what would place it', async (t) => {
    await fleet.apply({ name: 'giant', model: ['nothing:999b'] });
    await to('/agents?state=not+placed');
    await page.getByText('1 of 3 rows').waitFor();
    await page.getByRole('grid', { name: 'Agents' }).getByRole('link', { name: 'giant' }).click();
    await tab('Why nowhere');
    await page.getByText('To fix it:').waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    await page.getByRole('link', { name: 'Edit giant' }).click();
    await page.getByText('What would place it is filled in:').waitFor();
    t.equal(await page.getByLabel('Models, best first').inputValue(), 'auto');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('giant is at version 2.', { exact: true }).waitFor();
    await page.getByText('ready', { exact: true }).waitFor();
  });

  await t.test('it is removed, and comes back from the message', async (t) => {
    await page.getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('alertdialog', { name: 'Remove giant?' }).getByRole('button', { name: 'Remove it' }).click();
    await page.getByRole('heading', { level: 1, name: 'Agents' }).waitFor();
    await page.getByText('giant is removed.', { exact: true }).waitFor();
    t.equal((await fleet.client.call('agents')).length, 2);
    await page.getByRole('button', { name: 'Undo' }).last().click();
    await page.getByRole('grid', { name: 'Agents' }).getByRole('link', { name: 'giant' }).waitFor();
    await to('/agents/nobody');
    await page.getByRole('heading', { name: 'No such agent' }).waitFor();
  });

  await t.test('what was typed and not saved is not lost without a question', async (t) => {
    await to('/new-agent');
    await page.getByRole('radio', { name: /ECHO/ }).click();
    await page.getByLabel('Name', { exact: true }).fill('half-done');
    const nav = page.getByRole('navigation', { name: 'Pages' }).first();
    await nav.getByRole('link', { name: 'Nodes' }).click();
    const question = page.getByRole('alertdialog', { name: 'Leave without saving?' });
    await question.waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    await question.getByRole('button', { name: 'Stay' }).click();
    t.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'half-done');
    await nav.getByRole('link', { name: 'Nodes' }).click();
    await question.getByRole('button', { name: 'Leave' }).click();
    await page.getByRole('heading', { level: 1, name: 'Nodes' }).waitFor();
    // Another tab of the agent's page is no way out: the draft waits there.
    await to('/agents/prism?tab=spec');
    await page.getByLabel('Description').fill('Half of a thought');
    await tab('Chat');
    await page.getByLabel('Message to prism').waitFor();
    await tab('Edit');
    t.equal(await page.getByLabel('Description').inputValue(), 'Half of a thought');
    await page.getByRole('button', { name: 'Discard changes' }).click();
    await nav.getByRole('link', { name: 'Nodes' }).click();
    await page.getByRole('heading', { level: 1, name: 'Nodes' }).waitFor();
  });

  await t.test('a viewer looks and is offered nothing', async (t) => {
    const { key } = await fleet.client.call('keyCreate', { body: { name: 'eyes', role: 'viewer' } });
    await signInAs(page, key);
    await to('/agents/prism');
    await page.getByRole('log').getByText('Simulated answer to').first().waitFor();
    t.equal(await page.getByLabel('Message to prism').count(), 0);
    for (const name of ['Remove', 'Send'])
      t.equal(await page.getByRole('button', { name, exact: true }).count(), 0, name);
    t.equal(await page.getByRole('tab', { name: 'Edit' }).count(), 0);
    await tab('Why here');
    await page.getByRole('group', { name: 'Scores' }).waitFor();
    t.equal(await page.getByRole('button', { name: 'Move here' }).count(), 0);
    await to('/agents');
    await page.getByRole('grid', { name: 'Agents' }).waitFor();
    t.equal(await page.getByRole('link', { name: 'New agent' }).count(), 0);
    await to('/new-agent');
    await page.getByRole('heading', { name: 'Operators use this page' }).waitFor();
    t.equal(await page.getByRole('button', { name: /^Start/ }).count(), 0);
    await to('/audit');
    await page.getByRole('heading', { name: 'Admins use this page' }).waitFor();
    t.equal(await page.getByRole('alert').count(), 0, 'nothing did not work');
    t.same(await axeFaultsInBothThemes(page), []);
  });
  t.same(complaints, [], 'nothing is thrown, nothing is refused by the content security policy');
});
