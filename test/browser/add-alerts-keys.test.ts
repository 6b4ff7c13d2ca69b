// What is looked after: a machine joins by the wizard's command, an alert is acknowledged and clears, keys come and go, usage, audit and
// settings tell the truth, and a viewer is offered nothing more than a viewer may do. In a real browser against real processes.
import { readFileSync } from 'node:fs';
import type { FirstBootReport } from '@blackroad/protocol';
import { readPersonalFile } from '@blackroad/protocol/personal-file';
import { systemClock } from '@blackroad/std/clock';
import t from 'tap';
import { tell } from '../../images/first-boot/src/tell.ts';
import { axeFaultsInBothThemes, noBrowser, openBrowser, visit } from '../fixtures/browser.ts';
import { freePort } from '../fixtures/ports.ts';
import { startFleet, until } from '../fixtures/processes.ts';

t.test('adding, alerts, keys and books in a browser', { skip: noBrowser, timeout: 120_000 }, async (t) => {
  const fleet = await startFleet(t, { args: ['--people-port', String(await freePort())] });
  const { client } = fleet;
  const browser = await openBrowser(t);
  const { page, complaints } = await visit(browser, fleet);
  const to = (path: string) => page.goto(new URL(path, page.url()).href);
  const open = (name: string) =>
    page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name, exact: true }).click();

  await t.test('the wizard: one command, and the node appears', async (t) => {
    await page.getByRole('link', { name: 'Add a node' }).first().click();
    await page.getByLabel('Site').fill('attic');
    await page.getByText('Labels, another address').click();
    // The machine of this test is simulated, and a real agent is to answer on it.
    await page.getByLabel('Labels').fill('room=loft, simulated=mix');
    await page.getByLabel('Address of the coordinator').fill('127.0.0.1');
    t.same(await axeFaultsInBothThemes(page), []);
    await page.getByRole('button', { name: 'Make the command' }).click();
    await page.getByText('Waiting for it.').waitFor();
    await page.getByText('which only this machine reaches').waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    const command = (await page.getByText(/^f=\$\(mktemp\)/).textContent()) as string;
    const [, token] = /sha256sum -c && sh \$f (\S+)$/.exec(command) ?? [];
    await page
      .getByText(/It works once the coordinator has the node-agent .* fleet releases add blackroad-node-/)
      .waitFor();
    await page.getByRole('radio', { name: 'A Raspberry Pi to be flashed' }).click();
    await page.getByLabel('Name of the Pi').fill('Kitchen Pi');
    await page.getByLabel('Wi-Fi network').fill('Home');
    await page.getByLabel('Wi-Fi password').fill('opensesame');
    await page.getByLabel('Country').fill('DE');
    await page.getByRole('button', { name: 'Save blackroad.yaml' }).click();
    await page.getByText('a letter or digit first and last').waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    await page.getByLabel('Name of the Pi').fill('kitchen');
    const coming = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save blackroad.yaml' }).click();
    const saved = await coming;
    t.equal(saved.suggestedFilename(), 'blackroad.yaml');
    t.match(readPersonalFile(readFileSync(await saved.path())), {
      file: { name: 'kitchen', join: token, country: 'DE', wifi: [{ name: 'Home', password: 'opensesame' }] },
    });
    await page.getByText('delete it once it is on the card').waitFor();
    await page.getByText('SSH, Ollama, read-only').click();
    t.same(await axeFaultsInBothThemes(page), []);

    const report: FirstBootReport = {
      board: 'a'.repeat(16),
      name: 'kitchen',
      steps: [
        { step: 'started', text: 'read blackroad.yaml' },
        { step: 'grown', text: '31.4 GB' },
        { step: 'joining', text: 'the coordinator is away', problem: true },
      ],
    };
    await tell(token as string, report, systemClock);
    const boots = page.getByRole('region', { name: 'First start' });
    await boots.getByText('31.4 GB').waitFor();
    await boots.getByText('Joining (not yet) the coordinator is away').waitFor();
    t.same(await axeFaultsInBothThemes(page), []);

    await fleet.simulate('loft', { token: token as string, profile: 'home' });
    await page.getByRole('heading', { name: '3. 1 machine joined' }).waitFor();
    const arrivals = page.getByRole('region', { name: '3. 1 machine joined' });
    await arrivals.getByText('alice', { exact: true }).waitFor();
    await arrivals.getByText('online').waitFor();
    await arrivals.getByText('Runs sim-1b').waitFor();
    await arrivals.getByText('Raspberry Pi 5').waitFor();
    await tell(
      token as string,
      { ...report, steps: [{ step: 'started' }, { step: 'joined' }], node: 'alice' },
      systemClock,
    );
    await boots.getByText('A model on it (done) sim-1b').waitFor();
    await boots.getByText('Ready (done)').waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    t.match(await client.call('node', { params: { node: 'alice' } }), { site: 'attic', labels: { room: 'loft' } });
    await arrivals.getByRole('link', { name: 'Open' }).click();
    await page.getByRole('heading', { level: 1, name: 'alice' }).waitFor();
  });

  await t.test('an alert is seen, taken back, and clears with its cause', async (t) => {
    await open('Alerts');
    await page.getByRole('heading', { name: 'Nothing needs attention' }).waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    await fleet.apply({ name: 'seer', placement: { site: ['cellar'] } as never });
    await page.getByRole('heading', { name: /seer has no node/ }).waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    await page.getByRole('button', { name: 'Acknowledge', exact: true }).click();
    await page.getByRole('heading', { name: 'Acknowledged' }).waitFor();
    await page.getByText(/acknowledged by admin/).waitFor();
    t.match(await client.call('alerts'), [{ acknowledged: { by: 'key:admin' } }]);
    t.same(await axeFaultsInBothThemes(page), []);
    await page.getByRole('region', { name: 'Acknowledged' }).getByRole('button', { name: 'Undo' }).click();
    await page.getByRole('button', { name: 'Acknowledge', exact: true }).waitFor();
    await client.call('agentRemove', { params: { agent: 'seer' } });
    const cleared = page.getByRole('region', { name: 'Cleared by itself' });
    await cleared.getByText(/seer has no node/).waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
  });

  let made = '';
  await t.test('a key is made, works, and is revoked', async (t) => {
    await open('Users and keys');
    await page.getByRole('button', { name: 'Create a key' }).click();
    const form = page.getByRole('dialog', { name: 'Create a key' });
    await form.getByLabel('Name').fill('eyes');
    t.same(await axeFaultsInBothThemes(page), []);
    await form.getByRole('button', { name: 'Create', exact: true }).click();
    const dialog = page.getByRole('dialog', { name: 'The key of eyes' });
    made = (await dialog.getByText(/^brk_/).textContent()) as string;
    await dialog.getByRole('button', { name: 'I have it' }).click();
    await page.getByRole('row', { name: /eyes.*viewer/ }).waitFor();
    t.notOk((await page.content()).includes(made), 'the page does not keep it');
    await page.getByRole('button', { name: 'Create a key' }).click();
    await form.getByLabel('Name').fill('brief');
    await form.getByRole('button', { name: 'Create', exact: true }).click();
    await page.getByRole('button', { name: 'I have it' }).click();
    await page.getByRole('button', { name: 'Revoke brief' }).click();
    t.same(await axeFaultsInBothThemes(page), []);
    await page.getByRole('alertdialog').getByRole('button', { name: 'Revoke it' }).click();
    await page.getByRole('row', { name: /brief.*revoked/ }).waitFor();
    t.match(
      (await client.call('keys')).filter(({ name }) => name === 'brief'),
      [{ revoked: true }],
    );
    await page.getByRole('button', { name: 'Sign in elsewhere' }).click();
    await page
      .getByRole('dialog', { name: 'Sign in elsewhere' })
      .getByText(/#code=/)
      .waitFor();
    await page.keyboard.press('Escape');
    t.same(await axeFaultsInBothThemes(page), []);
  });

  await t.test('usage, audit and settings', async (t) => {
    await open('Usage and cost');
    await page.getByRole('heading', { name: /Nothing was asked/ }).waitFor();
    await fleet.apply({ name: 'echo' });
    const { id } = await client.call('ask', { params: { agent: 'echo' }, body: { prompt: 'Are you there?' } });
    await until('the task has ended', async () => {
      const { state } = await client.call('task', { params: { task: id } });
      return state === 'done';
    });
    // Usage is written once a minute, and when the coordinator stops.
    await fleet.restartCoordinator('SIGTERM');
    await to('/usage?days=7');
    await page.getByRole('row', { name: /^echo/ }).waitFor();
    await page.getByText('no node that answered names a price').waitFor();
    await page.getByRole('radio', { name: 'Nodes' }).click();
    await page.getByRole('row', { name: /^alice/ }).waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    await open('Audit');
    const log = page.getByRole('grid', { name: 'Audit' });
    await page.getByLabel('Did', { exact: true }).selectOption('revoked a key');
    await page.getByText(/^1 of \d+ rows$/).waitFor();
    t.match(await log.getByRole('row').nth(1).textContent(), /admin/);
    t.same(await axeFaultsInBothThemes(page), []);
    await open('Settings');
    await page.getByRole('radio', { name: 'Light' }).click();
    t.equal(await page.evaluate('document.documentElement.dataset.theme'), 'light');
    await page.getByRole('radio', { name: 'As the system' }).click();
    await page.getByText('0.1.0').waitFor();
    await page.getByText(/^port \d+, MQTT 3\.1\.1 and 5 over TLS$/).waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
  });

  await t.test('a viewer sees what a viewer may', async (t) => {
    const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
    const phone = await context.newPage();
    phone.setDefaultTimeout(10_000);
    await phone.goto(new URL('/keys', page.url()).href);
    await phone.getByLabel('One-time code or API key').fill(made);
    await phone.getByRole('button', { name: 'Sign in' }).click();
    await phone.getByRole('row', { name: /eyes.*this one/ }).waitFor();
    t.equal(await phone.getByRole('button', { name: 'Create a key' }).count(), 0);
    t.equal(await phone.getByRole('heading', { name: 'Keys', exact: true }).count(), 0);
    await phone.getByRole('button', { name: 'More' }).click();
    const more = phone.getByRole('dialog', { name: 'More' });
    await more.getByRole('link', { name: 'Alerts' }).waitFor();
    t.equal(await more.getByRole('link', { name: 'Audit' }).count(), 0);
    await phone.keyboard.press('Escape');
    await phone.goto(new URL('/nodes/add', page.url()).href);
    await phone.getByRole('heading', { name: 'Admins add nodes' }).waitFor();
    for (const path of ['/keys', '/alerts', '/usage', '/models', '/memory', '/placement', '/settings']) {
      await phone.goto(new URL(path, page.url()).href);
      await phone.getByRole('heading', { level: 1 }).waitFor();
      const wide = await phone.evaluate('document.documentElement.scrollWidth > innerWidth');
      t.equal(wide, false, `${path} fits a phone`);
    }
    await phone.goto(new URL('/models', page.url()).href);
    await phone.getByRole('heading', { name: 'sim-1b' }).waitFor();
    t.equal(await phone.getByRole('button', { name: 'Fetch a model' }).count(), 0);
    await context.close();
  });
  t.same(complaints, [], 'nothing is thrown, nothing is refused by the content security policy');
});
