// What a person gives to an agent in a browser: files are dropped and chosen, one of them cannot be read, a memory waits for a node; once there
// is one, all of it is written, an answer names the page it is from, and a document is taken back.
import t from 'tap';
import { axeFaultsInBothThemes, noBrowser, openBrowser, visit } from '../fixtures/browser.ts';
import { pdfOf } from '../fixtures/documents/pdf.ts';
import { startFleet } from '../fixtures/processes.ts';
import { ready } from '../fixtures/steps.ts';

t.test('documents in a browser', { skip: noBrowser, timeout: 120_000 }, async (t) => {
  const fleet = await startFleet(t);
  await fleet.apply({ name: 'keeper', memory: { recall: 5, remember: 'turns' } });
  const { page, complaints } = await visit(await openBrowser(t), fleet);
  const shot = async (name: string) => {
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}.png`, fullPage: true });
  };
  const manual = pdfOf([
    [
      { text: 'Pump', size: 20 },
      { text: 'The pump hums while it is warm.', down: 40 },
    ],
    [
      { text: 'Reset', size: 20 },
      { text: 'Press both buttons for ten seconds.', down: 40 },
    ],
  ]);
  await page.getByRole('link', { name: 'Agents', exact: true }).first().click();
  await page.getByRole('link', { name: 'keeper' }).first().click();
  await page.getByRole('tab', { name: /^Memory/ }).click();
  await page.getByLabel('Documents for keeper').setInputFiles([
    { name: 'manual.pdf', mimeType: 'application/pdf', buffer: manual },
    { name: 'scan.pdf', mimeType: 'application/pdf', buffer: pdfOf([null]) },
  ]);
  await page.getByText('2 parts to remember').waitFor();
  await page.getByText('there is no text in it: its page is a picture').waitFor();
  const drop = await page.evaluateHandle(`(() => {
    const data = new DataTransfer();
    data.items.add(new File(['# House\\n\\nThe key is under the mat.'], 'house.md'));
    return data;
  })()`);
  await page.locator('.drop-zone').dispatchEvent('drop', { dataTransfer: drop });
  await page.getByText('1 part to remember').waitFor();
  await page.getByText('0 of 2 parts: the agent is on no node').waitFor();

  await page.getByRole('button', { name: 'Give it a memory' }).click();
  await page.getByLabel('What it should remember').fill('The pump is called Berta.');
  await page.getByLabel('Kind').selectOption('fact');
  t.same(await axeFaultsInBothThemes(page), []);
  await page.getByRole('button', { name: 'Give it', exact: true }).click();
  await page.getByRole('heading', { name: '1 memory to be written' }).waitFor();
  t.same(await axeFaultsInBothThemes(page), []);
  await shot('documents-wait');

  await fleet.simulate('one', { profile: 'home' });
  await ready(fleet, 'keeper');
  const documents = page.getByRole('region', { name: 'Documents', exact: true });
  await documents.getByText('2 parts', { exact: true }).waitFor({ timeout: 30_000 });
  await page.getByRole('heading', { name: '1 memory to be written' }).waitFor({ state: 'detached' });
  const place = page
    .getByRole('list', { name: /^Memories of keeper/ })
    .getByRole('link', { name: 'manual.pdf, page 2' });
  await place.waitFor();
  const opened = await page.request.get(new URL((await place.getAttribute('href')) ?? '', page.url()).href);
  t.same([opened.status(), (await opened.body()).equals(manual)], [200, true], 'who is signed in may open it');
  t.match(await place.getAttribute('href'), /^\/v1\/agents\/keeper\/documents\/[0-9a-z]+#page=2$/);
  t.same(await axeFaultsInBothThemes(page), []);
  await shot('documents-written');

  await page.getByRole('tab', { name: /^Chat/ }).click();
  await page.getByRole('textbox').fill('How do I reset it with the buttons?');
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: 'manual.pdf, page 2' }).first().waitFor({ timeout: 30_000 });
  await shot('documents-answer');

  await page.getByRole('tab', { name: /^Memory/ }).click();
  const [saving] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Export', exact: true }).click(),
  ]);
  t.equal(saving.suggestedFilename(), 'keeper.memory.jsonl');
  const saved = (await saving.path()) as string;
  await page.getByRole('button', { name: 'Import', exact: true }).click();
  await page.getByLabel('Memories for keeper').setInputFiles(saved);
  await page.getByText(/^Nothing in it is new, \d+ are here already\.$/).waitFor();
  const line = { actorId: 'lucidia', actionType: 'remember', timestamp: 1, payload: 'Rain', previousHash: 'genesis' };
  await page.getByLabel('Memories for keeper').setInputFiles({
    name: 'journal.jsonl',
    mimeType: 'application/x-ndjson',
    buffer: Buffer.from(JSON.stringify({ ...line, hash: 'ab'.repeat(32) })),
  });
  await page.getByText('1 memory to remember.').waitFor();
  await page.getByText(/^Not all of it verifies: its hashes follow no rule/).waitFor();
  t.same(await axeFaultsInBothThemes(page), []);
  await shot('memory-import');
  await page.keyboard.press('Escape');
  await documents.getByText('journal.jsonl').waitFor();
  await documents.getByText('1 memory', { exact: true }).waitFor({ timeout: 20_000 });
  await page.getByText(/^From lucidia: remember, .*; its hash was not verified$/).waitFor();
  await page.getByText('7 of 7 entries').waitFor();
  await shot('memory-imported');

  await page.getByRole('button', { name: 'Take manual.pdf back' }).click();
  await page.getByRole('button', { name: 'Take it back', exact: true }).click();
  await documents.getByText('manual.pdf').waitFor({ state: 'detached', timeout: 20_000 });
  t.same(complaints, []);
});
