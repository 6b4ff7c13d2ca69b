// Batches in a real browser: a file is submitted, its progress moves by itself, its answers and errors are saved as files, one is cancelled,
// and of another key's batch only what it takes of the fleet is shown.
import { readFileSync } from 'node:fs';
import t from 'tap';
import { createClient } from '../../coordinator/cli/src/client.ts';
import { axeFaultsInBothThemes, noBrowser, openBrowser, visit } from '../fixtures/browser.ts';
import { openApiFleet } from '../fixtures/coordinator/api-fleet.ts';
import { type ModelWork, nodeWith } from '../fixtures/coordinator/model-node.ts';
import { modelOf } from '../fixtures/coordinator/sample-supply.ts';
import { until } from '../fixtures/processes.ts';

const consoleDir = new URL('../../coordinator/console/dist', import.meta.url).pathname;
const requests = (...contents: string[]) =>
  contents
    .map((content) => ({
      ...{ custom_id: content, method: 'POST', url: '/v1/chat/completions' },
      body: { model: 'qwen', messages: [{ role: 'user', content }] },
    }))
    .map((line) => JSON.stringify(line))
    .join('\n');

t.test('batches in a browser', { skip: noBrowser }, async (t) => {
  const browser = await openBrowser(t);
  const fleet = await openApiFleet({ consoleDir });
  const client = createClient({ url: fleet.base, key: fleet.keys.admin, ca: null });
  const held: ModelWork[] = [];
  await nodeWith(fleet, 'pi', [modelOf('qwen', { resident: true, slots: 4 })], (work) => {
    const said = work.request.messages?.[0]?.content ?? '';
    if (said === 'slow') held.push(work);
    else if (said === 'long') work.fail('too-long');
    else {
      work.say(`re ${said}`);
      work.end();
    }
  });
  const { page, complaints } = await visit(browser, { client });
  t.teardown(async () => {
    await page.close();
    await fleet.close();
  });
  const submit = (name: string, text: string) =>
    page
      .getByLabel('File of requests')
      .setInputFiles({ name, mimeType: 'application/jsonl', buffer: Buffer.from(text) });
  const rowOf = (name: string | RegExp) => page.getByRole('row', { name });
  const saved = async (name: string, link: string) => {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      rowOf(name).getByRole('link', { name: link }).click(),
    ]);
    const lines = readFileSync(await download.path(), 'utf8')
      .trim()
      .split('\n');
    return { name: download.suggestedFilename(), ids: lines.map((line) => JSON.parse(line).custom_id).sort() };
  };

  await t.test('a file is submitted, and its progress moves', async (t) => {
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Batches' }).click();
    await page.getByText('No batch yet').waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    await submit('week.jsonl', requests('a', 'long', 'slow'));
    await page.getByText('week.jsonl is submitted.', { exact: true }).waitFor();
    await rowOf(/^week\.jsonl/)
      .getByText('2 of 3')
      .waitFor();
    await rowOf(/^week\.jsonl/)
      .getByText('running')
      .waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    const work = await until('the slow one is asked', async () => held.shift());
    work.say('at last');
    work.end();
    await rowOf(/^week\.jsonl/)
      .getByText('3 of 3')
      .waitFor();
    await rowOf(/^week\.jsonl/)
      .getByText('done')
      .waitFor();
  });

  await t.test('its answers and errors are files to save', async (t) => {
    t.match(await saved('week.jsonl', 'Answers'), { name: /^batch_.*\.jsonl$/, ids: ['a', 'slow'] });
    t.match(await saved('week.jsonl', 'Errors'), { name: /\.errors\.jsonl$/, ids: ['long'] });
  });

  await t.test('a file that is wrong says so, with its lines', async () => {
    await submit('notes.jsonl', 'Dear diary');
    await page.getByText(/^notes\.jsonl: line 1: expected a request as JSON/).waitFor();
    await submit('twice.jsonl', `${requests('a')}\n${requests('a')}`);
    await rowOf(/^twice\.jsonl/)
      .getByText(/line 2: custom_id: expected one of its own/)
      .waitFor();
  });

  await t.test("another key's batch is cancelled without seeing what it asks", async (t) => {
    const form = new FormData();
    form.set('purpose', 'batch');
    form.set('file', new Blob([requests('slow')]), 'secret.jsonl');
    const headers = { authorization: `Bearer ${fleet.keys.client}` };
    const sent = await fetch(`${fleet.base}/v1/files`, { method: 'POST', headers, body: form });
    const { id } = (await sent.json()) as { id: string };
    const body = { input_file_id: id, endpoint: '/v1/chat/completions', completion_window: '24h' };
    await fleet.call('POST', '/v1/batches', { key: fleet.keys.client, body });
    await page.reload();
    const row = rowOf(/^of another key/);
    await row.getByText('0 of 1').waitFor();
    t.notOk((await page.textContent('main'))?.includes('secret'));
    await row.getByRole('button', { name: /^Cancel batch_/ }).click();
    const dialog = page.getByRole('alertdialog', { name: 'Cancel this batch?' });
    await dialog.getByText('It is of the key client').waitFor();
    await dialog.getByRole('button', { name: 'Cancel it' }).click();
    await row.getByText('cancelled', { exact: true }).waitFor();
    t.equal(await row.getByRole('link').count(), 0);
    await page.setViewportSize({ width: 390, height: 844 });
    t.equal(await page.evaluate('document.documentElement.scrollWidth'), 390);
    await page.setViewportSize({ width: 1280, height: 900 });
  });
  t.same(complaints, []);
});
