// A conversation in a real browser against the real API, with a node that the test speaks for: an answer in Markdown, both sides whole
// however long, copied, edited and asked again; and nothing that a model writes does more than stand there.
import type { TaskLease } from '@blackroad/protocol';
import t from 'tap';
import { createClient } from '../../coordinator/cli/src/client.ts';
import { axeFaultsInBothThemes, noBrowser, openBrowser, signInAs, visit } from '../fixtures/browser.ts';
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
  const leased: TaskLease[] = [];
  node.onLease = (lease, at) => {
    leased.push(lease);
    work.set(lease.prompt, at);
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

  await t.test('a message is edited, or answered again, beside the first try', async (t) => {
    const last = talk.getByRole('article').last();
    await last.getByRole('button', { name: 'Edit and ask anew' }).click();
    const edit = page.getByLabel('Edit the message');
    t.equal(await edit.inputValue(), long, 'all of it');
    await page.keyboard.press('Escape');
    t.equal(await edit.count(), 0);
    await last.getByRole('button', { name: 'Edit and ask anew' }).click();
    await edit.fill('And tomorrow?');
    await page.keyboard.press('Enter');
    (await working('And tomorrow?')).end('Sun.');
    await last.getByText('Sun.', { exact: true }).waitFor();
    await last.getByText('2 of 2').waitFor();
    t.equal(await talk.getByText('and that was all.').count(), 0, 'in place of the first try');
    t.match(leased.at(-1)?.turns?.at(-1), { said: 'When do I water?' }, 'what was said before it goes along');
    work.delete('And tomorrow?');
    await last.getByRole('button', { name: 'Answer again' }).click();
    (await working('And tomorrow?')).end('Rain.');
    await last.getByText('Rain.', { exact: true }).waitFor();
    await last.getByText('3 of 3').waitFor();
    await last.getByRole('button', { name: 'The try before' }).click();
    await last.getByText('Sun.', { exact: true }).waitFor();
    await last.getByRole('button', { name: 'The try before' }).click();
    await talk.getByText('and no more.').waitFor();
  });

  await t.test('why this answer: what was recalled, the tools, the prompt as sent', async (t) => {
    await box.fill('Is the gate shut?');
    await page.keyboard.press('Enter');
    const usage = {
      model: 'tiny',
      promptTokens: 120,
      completionTokens: 4,
      recalled: 1,
      toolCalls: 1,
      firstTokenMs: 300,
      totalMs: 900,
    };
    const recalled = [{ seq: 7, kind: 'turn', text: 'User: The gate sticks.', createdAt: 1, score: 0.1 }];
    const calls = [{ name: 'http_get', arguments: '{"url":"http://gate"}', answer: 'shut', tookMs: 42 }];
    const messages = [{ role: 'system' as const, content: 'Work.' }];
    (await working('Is the gate shut?')).end('It is.', { usage, trace: { recalled, calls, messages, isCut: false } });
    const last = talk.getByRole('article').last();
    await last.getByText('It is.', { exact: true }).waitFor();
    await last.getByRole('button', { name: 'Why this answer' }).click();
    const why = page.getByRole('dialog', { name: 'Why this answer' });
    for (const words of ['User: The gate sticks.', 'http_get', 'shut', 'in 42 ms', '120 tokens', 'Work.'])
      await why.getByText(words, { exact: true }).waitFor();
    await why.getByText('It is message 4 of this conversation').waitFor();
    await why.getByRole('link', { name: 'pi' }).first().waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    await page.keyboard.press('Escape');
    await why.waitFor({ state: 'detached' });
  });

  await t.test('files go along as text, pictures where the model sees; each refusal says why', async (t) => {
    const files = page.locator('input[type=file]');
    const picture = { name: 'dog.png', mimeType: 'image/png', buffer: await page.screenshot() };
    const zip = { name: 'all.zip', mimeType: 'application/zip', buffer: Buffer.from([80, 75, 0, 255]) };
    const notes = { name: 'notes.md', mimeType: 'text/markdown', buffer: Buffer.from('# Notes\n- roses') };
    node.say('nodeCapacity', {}, { ...fleet.coordinator.view.live.get('pi')!.capacity!, models: sees(fleet, false) });
    await files.setInputFiles([picture, zip, notes]);
    await page.getByText('dog.png: alice runs with tiny, which takes no pictures.').waitFor();
    await page.getByText('all.zip: it is neither text nor a picture.').waitFor();
    const attached = page.getByRole('list', { name: 'Attachments' });
    t.same(await attached.getByRole('listitem').allTextContents(), ['notes.md15 characters']);
    t.same(await axeFaultsInBothThemes(page), []);
    await attached.getByRole('button', { name: 'Take notes.md out' }).click();
    await attached.waitFor({ state: 'detached' });
    await files.setInputFiles([{ ...notes, buffer: Buffer.alloc(40_000, 'x') }]);
    await page.getByText('7,268 characters too many: a message with its files has 32,768 at most.').waitFor();
    t.ok(await page.getByRole('button', { name: 'Send' }).isDisabled());
    await page.getByRole('button', { name: 'Take notes.md out' }).click();

    node.say('nodeCapacity', {}, { ...fleet.coordinator.view.live.get('pi')!.capacity!, models: sees(fleet, true) });
    // The page asks again which models see when what it knows is ten seconds old.
    await page.reload();
    await files.setInputFiles([picture, notes]);
    await attached.getByText('dog.png').waitFor();
    await box.fill('What is this?');
    await page.getByRole('button', { name: 'Send' }).click();
    const prompt = 'What is this?\n\nAttached file "notes.md":\n````\n# Notes\n- roses\n````';
    (await working(prompt)).end('A dog.');
    const [image = ''] = leased.at(-1)?.images ?? [];
    t.match(image, /^\/9j\//, 'a JPEG');
    t.ok(image.length > 5_000 && image.length <= 61_440, `${image.length} characters`);
    const last = talk.getByRole('article').last();
    await last.getByText('A dog.', { exact: true }).waitFor();
    await last.getByRole('img', { name: 'Attachment 1' }).waitFor();
    await last.getByText('notes.md').click();
    await last.getByText('# Notes').waitFor();
    work.clear();
    await last.getByRole('button', { name: 'Answer again' }).click();
    (await working(prompt)).end('A cat.');
    t.same(leased.at(-1)?.images, [image], 'asked again with its picture');
    await last.getByText('A cat.', { exact: true }).waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
  });

  const list = page.getByRole('navigation', { name: 'Conversations with alice' });
  await t.test('conversations are apart; named, shared by a link, and deleted', async (t) => {
    await list.getByRole('button', { name: 'New conversation' }).click();
    await box.fill('Who am I?');
    await page.keyboard.press('Enter');
    (await working('Who am I?')).end('Nobody told me.');
    await talk.getByText('Nobody told me.').waitFor();
    t.same(leased.at(-1)?.turns, [], 'nothing of the other one');
    const more = (title: string) => list.getByRole('button', { name: `More about ${title}` }).click();
    await more('Who am I?');
    await page.getByRole('menuitem', { name: 'Rename' }).click();
    await page.getByLabel('Name', { exact: true }).fill('About me');
    await page.getByRole('button', { name: 'Save' }).click();
    await more('About me');
    await page.getByRole('menuitem', { name: 'Share' }).click();
    await page.getByRole('button', { name: 'Make a link' }).click();
    await page.getByRole('button', { name: 'Copy the link' }).click();
    t.same(await axeFaultsInBothThemes(page), []);
    const link = (await clipboard()) as string;
    t.match(link, /\/conversations\/[a-z0-9]+$/);
    const eyes = createClient({ url: fleet.base, key: fleet.keys.viewer, ca: null });
    const id = link.split('/').at(-1) as string;
    t.match(await eyes.call('conversation', { params: { conversation: id } }), { title: 'About me', isOwn: false });
    await page.keyboard.press('Escape');
    await more('About me');
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await list.getByText('About me').waitFor({ state: 'detached' });
    await page.getByRole('heading', { name: 'Say something to alice' }).waitFor();
    await page.goto(link);
    await page.getByRole('heading', { name: 'There is nothing to read here' }).waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
  });

  await t.test('who may read has the link alone, and all that the agent was asked', async (t) => {
    const [own] = await client.call('conversations', { query: {} });
    const conversation = own?.id as string;
    await client.call('conversationEdit', { params: { conversation }, body: { isShared: true } });
    await signInAs(page, fleet.keys.viewer);
    await to(`/conversations/${conversation}`);
    await page.getByRole('heading', { level: 1, name: 'Introduce yourself.' }).waitFor();
    await talk.getByText('I am alice.').waitFor();
    for (const name of ['Edit and ask anew', 'Answer again', 'Go on with it', 'Send'])
      t.equal(await page.getByRole('button', { name }).count(), 0, name);
    await to('/agents/alice');
    await page.getByRole('log', { name: 'All that alice was asked' }).getByText('Nobody told me.').waitFor();
    t.equal(await list.count(), 0);
  });
  t.same(complaints, [], 'nothing is thrown, nothing is refused by the content security policy');
});

function sees(fleet: Awaited<ReturnType<typeof openApiFleet>>, can: boolean) {
  const { models = [] } = fleet.coordinator.view.live.get('pi')?.capacity ?? {};
  return models.map((model) => ({ ...model, sees: can }));
}
