// Which model fits where, what agents remember and the proof of it, the packed fleet and a what-if, in a real browser against real
// processes and simulated nodes.
import { randomBytes } from 'node:crypto';
import t from 'tap';
import { axeFaultsInBothThemes, noBrowser, openBrowser, visit } from '../fixtures/browser.ts';
import { openScriptedRegistry } from '../fixtures/coordinator/scripted-registry.ts';
import { ollamaPull } from '../fixtures/ollama-client.ts';
import { startFleet, until } from '../fixtures/processes.ts';

t.test('models, memory and placement in a browser', { skip: noBrowser, timeout: 120_000 }, async (t) => {
  const registry = await openScriptedRegistry();
  t.teardown(() => registry.close());
  const cache = ['--cache', 'on', '--cache-registry', registry.url, '--cache-hub', 'none', '--cache-open', 'on'];
  const fleet = await startFleet(t, { args: cache });
  const browser = await openBrowser(t);
  const { page, complaints } = await visit(browser, fleet);
  const to = (path: string) => page.goto(new URL(path, page.url()).href);

  await t.test('a fleet without nodes says what will be there', async (t) => {
    for (const [path, words] of [
      ['/models', 'No model on any node'],
      ['/placement', 'There is nothing to place on yet'],
      ['/memory', 'Ask what your agents remember'],
    ] as const) {
      await to(path);
      await page.getByRole('heading', { name: words }).waitFor();
      t.same(await axeFaultsInBothThemes(page), [], path);
    }
  });

  await fleet.simulate('home', { nodes: 6, profile: 'home' });
  await fleet.apply({ name: 'echo', placement: { class: ['pi'] } as never });
  await fleet.apply({ name: 'seer', model: ['llama3.1:70b'], placement: { site: ['cellar'] } as never });
  const { client } = fleet;
  const echo = await until('echo ready', async () => {
    const agent = await client.call('agent', { params: { agent: 'echo' } });
    return agent.state === 'ready' ? agent : null;
  });
  const body = { prompt: 'The spare key hangs behind the boiler.' };
  const { id: task } = await client.call('ask', { params: { agent: 'echo' }, body });
  await until('the memory is there', async () => {
    const hits = await client.call('memorySearch', { query: { q: 'boiler', limit: 10 } });
    return hits.length > 0;
  });

  await t.test('models by class, and the nodes of one', async (t) => {
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Models' }).click();
    const card = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'sim-70b' }) });
    await card.getByText('1 node, 1 loaded').waitFor();
    const fits = card.getByRole('list', { name: 'How sim-70b fits' });
    t.match(await fits.getByRole('listitem').filter({ hasText: /^pi/ }).textContent(), /too large/);
    t.match(await fits.getByRole('listitem').filter({ hasText: /gpu/ }).first().textContent(), /fits.*tokens\/s/);
    await page.getByRole('heading', { name: 'In the catalogue' }).waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    await page.getByRole('radio', { name: 'Embed' }).click();
    await page.getByRole('button', { name: 'bge-m3', exact: true }).waitFor();
    t.equal(await page.getByRole('heading', { name: 'sim-70b' }).count(), 0);
    await page.getByRole('radio', { name: 'All', exact: true }).click();
    await page.getByRole('radio', { name: 'Table' }).click();
    const row = page.getByRole('row', { name: /sim-70b/ });
    await row.getByRole('cell', { name: /too large.*needed/ }).waitFor();
    await row.getByRole('cell', { name: /loaded.*1 of 1 node/ }).waitFor();
    await page.getByRole('heading', { name: 'Wanted, and on no node' }).waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    await page.getByRole('button', { name: 'Fetch llama3.1:70b' }).click();
    const dialog = page.getByRole('dialog', { name: 'Fetch a model' });
    t.equal(await dialog.getByLabel('Model').inputValue(), 'llama3.1:70b');
    t.same(await axeFaultsInBothThemes(page), []);
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'sim-1b' }).click();
    const drawer = page.getByRole('dialog', { name: 'sim-1b' });
    await drawer.getByRole('link', { name: 'octavia' }).waitFor();
    await drawer.getByRole('button', { name: 'Unload from octavia' }).waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    await page.keyboard.press('Escape');
  });

  await t.test('what the cache holds and has saved', async (t) => {
    registry.addModel('tiny:1b', [randomBytes(300_000), Buffer.from('{}'), Buffer.from('[]')]);
    const { openPort } = await until('the cache works', async () => {
      const view = await client.call('modelCache');
      return view.openPort === null ? null : view;
    });
    const order = { host: `127.0.0.1:${openPort}`, model: 'library/tiny', tag: '1b', partBytes: 100_000 };
    for (let nodes = 0; nodes < 3; nodes++) await ollamaPull(order);
    const panel = page.getByRole('region', { name: 'The cache of the LAN' });
    await panel.getByRole('row', { name: /tiny:1b.*whole/ }).waitFor();
    // The figures of the page are those of its last question.
    await panel.locator('dl > div', { hasText: /^Given to nodes.*(KiB|MiB)/ }).waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    await panel.getByRole('button', { name: 'Remove tiny:1b from the cache' }).click();
    await page.getByRole('button', { name: 'Remove it' }).click();
    await panel.getByText('Nothing yet').waitFor();
    t.same((await client.call('modelCache')).names, []);
  });

  await t.test('a memory is found, and where it comes from is proven', async (t) => {
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Memory' }).click();
    // The key does nothing on a page that is still loading.
    await page.getByRole('heading', { name: 'Ask what your agents remember' }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('boiler');
    await page.getByRole('heading', { name: 'One memory' }).waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    const nothing = page.getByRole('heading', { name: 'Nothing about “boiler”' });
    const found = page.getByRole('heading', { name: 'One memory' });
    await page.getByLabel('Only of this kind').selectOption('note');
    await nothing.waitFor();
    await page.getByLabel('Only of this kind').selectOption('exchange');
    await page.getByLabel('Only of this time').selectOption('of the last day');
    await found.waitFor();
    t.match(page.url(), /kind=turn.*since=day|since=day.*kind=turn/, 'it can be sent to somebody');
    await page.getByLabel('Only with this tag').fill('kitchen');
    await nothing.waitFor();
    await page.getByLabel('Only with this tag').fill('');
    await found.waitFor();
    await page.getByRole('button', { name: /spare key hangs/ }).click();
    const drawer = page.getByRole('dialog', { name: /Memory \d+ of echo/ });
    const fact = (name: string) => drawer.locator('dl > div', { hasText: new RegExp(`^${name}`) });
    await fact('On node').getByRole('link').waitFor();
    t.equal(await fact('On node').getByRole('link').textContent(), echo.node);
    t.match(await fact('From').textContent(), task);
    const [first, second] = await client.call('memoryLog', { params: { agent: 'echo' }, query: { limit: 2 } });
    t.match(await fact('Hash').textContent(), second?.hash);
    t.match(await fact('Previous').textContent(), first?.hash);
    await drawer.getByRole('button', { name: 'Verify the log of echo' }).click();
    await drawer.getByText('Whole: 2 entries recomputed').waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    await page.keyboard.press('Escape');
    await page.getByLabel('Search memories').fill('submarine');
    await page.getByRole('heading', { name: 'Nothing about “submarine”' }).waitFor();
    await page.getByRole('tab', { name: 'Branches' }).click();
    await page.getByRole('heading', { name: 'No branch waits to be merged' }).waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
  });

  await t.test('a memory is erased when the dialog has said what goes', async (t) => {
    await to('/agents/echo?tab=memory');
    const entry = page.getByRole('listitem').filter({ hasText: 'spare key hangs' }).first();
    await entry.getByRole('button', { name: 'Erase' }).click();
    const dialog = page.getByRole('dialog', { name: 'Erase memory 2 of echo?' });
    await dialog.getByText('The task that it came from keeps what was asked').waitFor();
    t.match(await dialog.textContent(), new RegExp(`On ${echo.node}: each confirms it`));
    t.same(await axeFaultsInBothThemes(page), []);
    await dialog.getByRole('button', { name: 'Erase 1 memory' }).click();
    await page.getByText('1 memory erased.', { exact: true }).waitFor();
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Memory' }).click();
    await page.getByRole('tab', { name: /Erasures/ }).click();
    await page.getByText('every node confirmed').waitFor({ timeout: 30_000 });
    t.same(await axeFaultsInBothThemes(page), []);
    t.same(await client.call('memorySearch', { query: { q: 'boiler', limit: 10 } }), []);
    t.equal((await client.call('memoryVerify', { params: { agent: 'echo' } })).redacted, 1);
  });

  await t.test('the packed fleet, and who has no place', async (t) => {
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Placement' }).click();
    const picture = page.getByRole('group', { name: 'The fleet as it is packed' });
    const box = picture.getByRole('listitem').filter({ hasText: echo.node as string });
    await box.getByText('1 agent', { exact: true }).waitFor();
    const none = page.getByRole('region', { name: '1 agent without a place' });
    await none.getByText('no node at site cellar').waitFor();
    await none.getByText('What helps:').waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
  });

  await t.test('what if a site is lost, and agents are added', async (t) => {
    await page.getByRole('tab', { name: 'What if …' }).click();
    await page.getByRole('button', { name: `${echo.node} is lost` }).click();
    await page.getByRole('status').filter({ hasText: '1 node is gone; 1 agent moves.' }).waitFor();
    const after = page.getByRole('group', { name: 'The fleet after' });
    await after
      .getByRole('listitem')
      .filter({ hasText: echo.node as string })
      .getByText('lost')
      .waitFor();
    const before = page.getByRole('group', { name: 'The fleet before' });
    t.equal(await before.getByText('lost', { exact: true }).count(), 0);
    const move = page.getByRole('grid', { name: 'Moves' }).getByRole('row', { name: /echo/ });
    t.match(await move.textContent(), echo.node);
    t.same(await axeFaultsInBothThemes(page), []);
    await page.getByRole('button', { name: `Not: ${echo.node} is lost` }).click();
    await page.getByLabel('Which').selectOption({ index: 0 });
    await page.getByRole('button', { name: 'Add to the question' }).click();
    await page.getByRole('status').filter({ hasText: '6 nodes are gone; 1 agent loses its place.' }).waitFor();
    await page.getByRole('region', { name: 'No place for' }).getByText('echo').waitFor();
    t.match(page.url(), /if=lose%3Asite%3D/, 'the question can be sent to somebody');
    await to('/placement?if=add:3*agent=echo');
    await page.getByRole('status').filter({ hasText: 'All 3 added agents find a place' }).waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    t.equal((await client.call('agents')).length, 2, 'nothing was touched');
  });
  t.same(complaints, [], 'nothing is thrown, nothing is refused by the content security policy');
});
