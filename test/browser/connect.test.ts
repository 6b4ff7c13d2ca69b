// Connect: a key is made on the spot, and what the page says to copy runs as it is printed.
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { noBrowser, openBrowser, visit } from '../fixtures/browser.ts';
import { startHomeFleet } from '../fixtures/home-fleet.ts';

const run = promisify(execFile);
const root = new URL('../..', import.meta.url).pathname;

t.test('a program is connected', { skip: noBrowser }, async (t) => {
  const { fleet } = await startHomeFleet(t);
  const browser = await openBrowser(t);
  const { page, complaints } = await visit(browser, fleet);
  const { origin } = new URL(page.url());
  await page.goto(`${origin}/connect`);
  await page.getByRole('heading', { level: 1, name: 'Connect' }).waitFor();
  const shown = async () => (await page.locator('.copy pre').allTextContents()).join('\n');
  t.match(await shown(), 'brk_...', 'until there is a key');

  await page.getByLabel('A key for the program').fill('editor');
  await page.getByRole('button', { name: 'Make it' }).click();
  await page.getByText('The new key stands in the texts below').waitFor();
  t.notMatch(await shown(), 'brk_...');
  const keys = await fleet.client.call('keys');
  t.match(
    keys.find(({ name }) => name === 'editor'),
    { role: 'client' },
  );

  const curl = await run('bash', ['-c', await shown()]);
  const said = [...curl.stdout.matchAll(/"content":"([^"]*)"/g)].map(([, text]) => text).join('');
  t.equal(said, 'Simulated answer to: Hello');
  t.match(curl.stdout, /data: \[DONE\]/);

  await page.getByRole('radio', { name: 'TypeScript' }).click();
  const code = (await page.locator('.copy pre').last().textContent()) ?? '';
  const file = join(root, 'test', `connect-snippet-${process.pid}.mjs`);
  writeFileSync(file, code);
  t.teardown(() => run('rm', ['-f', file]));
  t.equal((await run(process.execPath, [file])).stdout, 'Simulated answer to: Hello');

  await page.getByRole('radio', { name: 'Ollama' }).click();
  const ollama = (await page.locator('.copy pre').last().textContent()) ?? '';
  t.match((await run('bash', ['-c', ollama])).stdout, /"done":true/);

  await page.getByRole('radio', { name: 'Anthropic' }).click();
  const anthropic = (await page.locator('.copy pre').last().textContent()) ?? '';
  t.match((await run('bash', ['-c', anthropic])).stdout, /"type":"text","text":"Simulated answer to: Hello"/);

  // On a phone every program can be reached, without a gesture that nothing hints at.
  await page.setViewportSize({ width: 400, height: 850 });
  for (const radio of await page.getByRole('radio').all()) {
    const box = await radio.boundingBox();
    t.ok(box && box.x >= 0 && box.x + box.width <= 400, `${await radio.textContent()}`);
  }
  t.same(complaints, []);
});
