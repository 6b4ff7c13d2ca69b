// A machine that joined and cannot talk, in a real browser against the real API: it is amber, one press fetches the model that suits it,
// and how far that is moves by itself.
import type { NodeCapacity, NodeModel } from '@blackroad/protocol';
import t from 'tap';
import { createClient } from '../../coordinator/cli/src/client.ts';
import { axeFaultsInBothThemes, noBrowser, openBrowser, visit } from '../fixtures/browser.ts';
import { openApiFleet } from '../fixtures/coordinator/api-fleet.ts';
import { until } from '../fixtures/processes.ts';

const consoleDir = new URL('../../coordinator/console/dist', import.meta.url).pathname;

t.test('a node without a model in a browser', { skip: noBrowser }, async (t) => {
  const browser = await openBrowser(t);
  const fleet = await openApiFleet({ consoleDir });
  const client = createClient({ url: fleet.base, key: fleet.keys.admin, ca: null });
  const node = await fleet.node('vm');
  const { capacity } = fleet.coordinator.view.live.get('vm') as unknown as { capacity: NodeCapacity };
  const model = capacity.models[0] as NodeModel;
  const say = (over: Partial<NodeCapacity>) => node.say('nodeCapacity', {}, { ...capacity, ...over });
  const empty: Partial<NodeCapacity> = {
    models: [],
    defaultChat: null,
    pulls: ['llama'],
    fetchable: ['qwen2.5-1.5b-instruct', 'smollm2-135m-instruct'],
    noModel: 'the network was away when it joined',
  };
  say(empty);
  const commands: string[] = [];
  node.onCommand = (name) => void commands.push(name);
  const { page, complaints } = await visit(browser, { client });
  t.teardown(async () => {
    await page.close();
    await fleet.close();
  });
  const to = (path: string) => page.goto(new URL(path, page.url()).href);

  await t.test('it is amber in the table, and says what is missing', async (t) => {
    await to('/nodes');
    const row = page.getByRole('grid', { name: 'Nodes' }).getByRole('row', { name: /vm/ });
    await row.getByText('warning').waitFor();
    await row.getByText('no model').waitFor();
    t.equal(await row.getByText('online').count(), 0);
  });

  await t.test('one press on its page, and the progress moves', async (t) => {
    await to('/nodes/vm');
    const main = page.getByRole('main');
    await main.getByText('no model: the network was away when it joined').waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    await main.getByRole('button', { name: 'Fetch qwen2.5-1.5b-instruct' }).click();
    await until('the node is told', async () => commands.includes('pull'));
    const fetch = { model: 'qwen2.5-1.5b-instruct', status: 'downloading', completedBytes: 0, totalBytes: 0 };
    say({ ...empty, fetches: [fetch] });
    await main.getByText('downloading').waitFor();
    t.equal(await main.getByRole('button', { name: /^Fetch qwen/ }).count(), 0, 'asked once');
    say({ ...empty, fetches: [{ ...fetch, completedBytes: 2 ** 29, totalBytes: 2 ** 30 }] });
    await main.getByText('50 %, 512 MiB of 1.0 GiB').waitFor();
    t.equal(await main.getByRole('progressbar').getAttribute('aria-valuenow'), '50');
    t.same(await axeFaultsInBothThemes(page), []);
    say({ ...empty, fetches: [{ ...fetch, problem: 'the disk is full' }] });
    await main.getByText('the disk is full').waitFor();
    await main.getByRole('button', { name: 'Try again' }).waitFor();
    await page.getByRole('tab', { name: /Models/ }).click();
    await page.getByRole('heading', { name: 'No model on this node' }).waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
  });

  await t.test('the models page offers what the node can fetch', async (t) => {
    await to('/models');
    await page.getByRole('button', { name: 'Fetch a model' }).click();
    const dialog = page.getByRole('dialog', { name: 'Fetch a model' });
    await dialog.getByLabel('Node').selectOption('vm');
    await dialog.getByRole('button', { name: 'smollm2-135m-instruct' }).click();
    t.equal(await dialog.getByLabel('Model').inputValue(), 'smollm2-135m-instruct');
    t.same(await axeFaultsInBothThemes(page), []);
    await dialog.getByRole('button', { name: 'Fetch', exact: true }).click();
    await until('the node is told', async () => commands.filter((name) => name === 'pull').length === 2);
    const fetch = { model: 'smollm2-135m-instruct', status: '', completedBytes: 3 * 2 ** 20, totalBytes: 2 ** 22 };
    say({ ...empty, fetches: [fetch] });
    await page.getByText('75 %, 3.0 MiB of 4.0 MiB').waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
  });

  await t.test('with a model it is well, and what embeds is no model to talk with', async (t) => {
    say({ ...capacity, models: [model, { ...model, name: 'all-minilm', kind: 'embed' }] });
    await to('/nodes/vm');
    await page.getByRole('main').getByText('online', { exact: true }).first().waitFor();
    t.equal(await page.getByText(/no model/).count(), 0);
    await to('/new-agent');
    await page.getByRole('button', { name: model.name, exact: true }).waitFor();
    t.equal(await page.getByRole('button', { name: /all-minilm/ }).count(), 0);
    await page.getByRole('button', { name: model.name, exact: true }).click();
    t.equal(
      await page.getByLabel('Models, best first').inputValue(),
      `${model.name}, auto`,
      'before what fits anywhere',
    );
  });
  t.same(complaints, [], 'nothing is thrown, nothing is refused by the content security policy');
});
