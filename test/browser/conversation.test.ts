// A conversation in a real browser against the real API, with a node that the test speaks for: an answer in Markdown, both sides whole
// however long, copied, edited and asked again; and nothing that a model writes does more than stand there.
import t from 'tap';
import { createClient } from '../../coordinator/cli/src/client.ts';
import { axeFaultsInBothThemes, noBrowser, openBrowser, visit } from '../fixtures/browser.ts';
import { type FakeWork, openApiFleet } from '../fixtures/coordinator/api-fleet.ts';
import { until } from '../fixtures/processes.ts';

const consoleDir = new URL('../../coordinator/console/dist', import.meta.url).pathname;
const answer = [
  '## Watering',
  'Water **twice** a day:',
  '1. at dawn',
  '2. at dusk',
  '',
  '```python',
  'open_valve("<b>bed</b>")',
  '```',
  '| bed | litres |',
  '|--|--:|',
  '| roses | 12 |',
  '',
  '<img src=x onerror="document.title=1"><script>document.title=2</script>',
  '[the guide](https://example.org/garden) and [a trap](javascript:alert(1))',
].join('\n');

t.test('a conversation in a browser', { skip: noBrowser }, async (t) => {
  const browser = await openBrowser(t);
  const fleet = await openApiFleet({ consoleDir });
  const client = createClient({ url: fleet.base, key: fleet.keys.admin, ca: null });
  const node = await fleet.node('pi');
  const work = new Map<string, FakeWork>();
  const leased: string[] = [];
  node.onLease = ({ prompt }, at) => {
    leased.push(prompt);
    work.set(prompt, at);
  };
  const working = (prompt: string) => until(`${prompt.slice(0, 20)} is leased`, async () => work.get(prompt));
  await fleet.call('PUT', '/v1/agents/alice', { body: { name: 'alice', model: ['tiny'], instructions: 'Work.' } });
  const { page, complaints } = await visit(browser, { client });
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  t.teardown(async () => {
    await page.close();
    await fleet.close();
  });
  const to = (path: string) => page.goto(new URL(path, page.url()).href);
  const talk = page.getByRole('log', { name: 'Conversation with alice' });
  const box = page.getByLabel('Message to alice', { exact: true });
  const clipboard = () => page.evaluate('navigator.clipboard.readText()');

  await t.test('the box is ready to be typed into, and there is a first thing to say', async (t) => {
    await to('/agents/alice');
    await talk.getByRole('button', { name: 'Introduce yourself.' }).waitFor();
    t.equal(await page.evaluate('document.activeElement.getAttribute("aria-label")'), 'Message to alice');
    t.same(await axeFaultsInBothThemes(page), []);
    await talk.getByRole('button', { name: 'Introduce yourself.' }).click();
    (await working('Introduce yourself.')).end('I am alice.');
    await talk.getByText('I am alice.').waitFor();
  });

  await t.test('Markdown, as it comes and when it is whole; markup of a model stays text', async (t) => {
    await box.fill('When do I water?');
    await page.keyboard.press('Enter');
    const at = await working('When do I water?');
    at.speak('Water **twi');
    await talk.getByText('Water **twi').waitFor();
    at.speak('ce** a day');
    await talk.getByText('twice', { exact: true }).waitFor();
    at.end(answer);
    const said = talk.getByRole('article').last();
    await said.getByRole('heading', { name: 'Watering' }).waitFor();
    t.equal(await said.locator('ol > li').count(), 2);
    t.equal(await said.locator('pre').textContent(), 'open_valve("<b>bed</b>")');
    await said.getByRole('cell', { name: 'roses' }).waitFor();
    await said.getByText('<img src=x onerror="document.title=1">').waitFor();
    t.equal(await said.locator('img, script, b').count(), 0);
    const links = said.locator('.markdown a');
    t.equal(await links.count(), 1, 'the trap is no link');
    t.equal(await links.getAttribute('href'), 'https://example.org/garden');
    t.equal(await links.getAttribute('rel'), 'noopener noreferrer');
    t.same(await axeFaultsInBothThemes(page), []);
    await said.getByRole('button', { name: 'Copy the code' }).click();
    await said.getByRole('button', { name: 'Copied' }).waitFor();
    t.equal(await clipboard(), 'open_valve("<b>bed</b>")');
    await said.getByRole('button', { name: 'Copy the answer' }).click();
    await until('the answer is copied', async () => (await clipboard()) === answer);
    await page.setViewportSize({ width: 390, height: 844 });
    t.equal(await page.evaluate('document.documentElement.scrollWidth'), 390, 'code and tables scroll by themselves');
    await page.setViewportSize({ width: 1280, height: 900 });
  });

  const long = `Read this: ${'the rain in the garden '.repeat(150)}and that was all.`;
  const longer = `It said: ${'the rain in the garden '.repeat(150)}and no more.`;
  await t.test('both sides stand whole: while it works, when it has answered, and when one comes back', async (t) => {
    await box.fill(long);
    await page.keyboard.press('Enter');
    const at = await working(long);
    await talk.getByText('and that was all.').waitFor();
    at.end(longer);
    await talk.getByText('and no more.').waitFor();
    await page.reload();
    await talk.getByText('and that was all.').waitFor();
    await talk.getByText('and no more.').waitFor();
    t.pass('whole');
  });

  await t.test('a message is edited, or asked again as it was', async (t) => {
    const last = talk.getByRole('article').last();
    await last.getByRole('button', { name: 'Edit and ask anew' }).click();
    t.equal(await box.inputValue(), long, 'all of it');
    await box.fill('And tomorrow?');
    await page.keyboard.press('Enter');
    (await working('And tomorrow?')).end('Sun.');
    await last.getByText('Sun.').waitFor();
    await last.getByRole('button', { name: 'Ask again' }).click();
    await until('it is asked again', async () => leased.filter((prompt) => prompt === 'And tomorrow?').length === 2);
    (await working('And tomorrow?')).end('Rain.');
    await talk.getByText('Rain.').waitFor();
  });
  t.same(complaints, [], 'nothing is thrown, nothing is refused by the content security policy');
});
