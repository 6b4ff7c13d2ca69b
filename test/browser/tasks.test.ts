// Tasks and the conversation in a real browser against the real API. The node is spoken by the test, so that every word comes when it
// should: tokens, tool calls, a broken line, stopping, dead letters and their second life.
import t from 'tap';
import { createClient } from '../../coordinator/cli/src/client.ts';
import { axeFaultsInBothThemes, noBrowser, openBrowser, signInAs, visit } from '../fixtures/browser.ts';
import { type FakeWork, openApiFleet } from '../fixtures/coordinator/api-fleet.ts';
import { until } from '../fixtures/processes.ts';

const consoleDir = new URL('../../coordinator/console/dist', import.meta.url).pathname;

t.test('tasks in a browser', { skip: noBrowser }, async (t) => {
  const browser = await openBrowser(t);
  const fleet = await openApiFleet({ consoleDir });
  const client = createClient({ url: fleet.base, key: fleet.keys.admin, ca: null });
  const node = await fleet.node('pi');
  const work = new Map<string, FakeWork>();
  node.onLease = ({ prompt }, at) => work.set(prompt, at);
  const working = (prompt: string) => until(`${prompt} is leased`, async () => work.get(prompt));
  const spec = { name: 'alice', model: ['tiny'], instructions: 'Work.', concurrency: 4 };
  await fleet.call('PUT', '/v1/agents/alice', { body: spec });
  const ask = (prompt: string) => client.call('ask', { params: { agent: 'alice' }, body: { prompt } });
  const { page, complaints } = await visit(browser, { client });
  // The pages of this test go before the API does: a stream that is cut off is taken up again.
  t.teardown(async () => {
    await page.close();
    await fleet.close();
  });
  const to = (path: string) => page.goto(new URL(path, page.url()).href);
  const grid = page.getByRole('grid', { name: 'Tasks' });

  await t.test(
    'a conversation: tokens and tool calls as they come, a line that breaks, the whole at the end',
    async (t) => {
      await to('/agents/alice');
      const talk = page.getByRole('log', { name: 'Conversation with alice' });
      await page.getByRole('heading', { name: 'Say something to alice' }).waitFor();
      t.same(await axeFaultsInBothThemes(page), []);
      await page.getByLabel('Message to alice', { exact: true }).fill('Is the gate shut?');
      await page.getByRole('button', { name: 'Send' }).click();
      const at = await working('Is the gate shut?');
      at.speak('Let me look', 'gate');
      await talk.getByText('Let me look').waitFor();
      await talk.getByText('gate', { exact: true }).waitFor();
      await page.getByRole('button', { name: 'Stop' }).waitFor();
      t.same(await axeFaultsInBothThemes(page), []);
      for (const cut of [...fleet.context.streams]) cut();
      await until('the line is taken up again', async () => fleet.context.streams.size > 0);
      at.speak(', it');
      await talk.getByText(', it', { exact: true }).waitFor();
      at.end('Let me look, it is shut.');
      await talk.getByText('Let me look, it is shut.').waitFor();
      await talk.getByText('gate', { exact: true }).waitFor();
      t.equal(await page.getByRole('button', { name: 'Stop' }).count(), 0);
    },
  );

  await t.test('what is being said can be stopped', async (t) => {
    await page.getByLabel('Message to alice', { exact: true }).fill('Count to a million.');
    await page.keyboard.press('Enter');
    (await working('Count to a million.')).speak('1, 2, 3');
    const talk = page.getByRole('log', { name: 'Conversation with alice' });
    await talk.getByText('1, 2, 3').waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await talk.getByText('cancelled', { exact: true }).waitFor();
    await talk.getByText('1, 2, 3').waitFor();
    const [stopped] = await client.call('tasks', { query: { state: 'cancelled' } });
    t.match(stopped, { origin: 'console', by: { kind: 'session', name: 'admin' } });
  });

  await t.test('the queue as it moves, filtered by the address', async (t) => {
    await ask('Water the plants.');
    await working('Water the plants.');
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Tasks' }).click();
    await grid.getByRole('row', { name: /Water the plants.*running/ }).waitFor();
    t.equal(await grid.getAttribute('aria-rowcount'), '4');
    t.same(await axeFaultsInBothThemes(page), []);
    await page.getByLabel('State').selectOption('running');
    await page.getByText('1 row', { exact: true }).waitFor();
    t.match(page.url(), /state=running/);
    (await working('Water the plants.')).end('Done.');
    await page.getByRole('heading', { name: 'No task fits the filter' }).waitFor();
    await to('/tasks?agent=alice&node=pi');
    await page.getByRole('button', { name: 'Of agent alice only; show all' }).click();
    await grid.getByRole('row', { name: /Water the plants.*done/ }).waitFor();
    t.notMatch(page.url(), /agent=/);
  });

  await t.test('one task: its life, its words as they come, and its end by hand', async (t) => {
    const { id } = await ask('Sweep the yard.');
    await until('nobody follows any more', async () => fleet.context.streams.size === 0);
    await to(`/tasks/${id}`);
    // Tokens are for those who listen: this one must not come before the page does.
    await until('the page follows', async () => fleet.context.streams.size === 1);
    (await working('Sweep the yard.')).speak('Sweeping');
    await page.getByText('Sweeping', { exact: true }).waitFor();
    await page.getByRole('list', { name: 'The life of the task' }).getByText('Attempt 1').waitFor();
    await page.getByText('asked by key admin, from api', { exact: true }).waitFor();
    await page.getByText('key admin', { exact: true }).waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('Cancelled by', { exact: false }).first().waitFor();
    t.equal((await client.call('task', { params: { task: id } })).state, 'cancelled');
    t.equal(await page.getByRole('button', { name: 'Retry' }).count(), 0, 'a cancelled task is no dead letter');
    await to('/tasks/nothing');
    await page.getByRole('heading', { name: 'No such task' }).waitFor();
  });

  await t.test('dead letters are retried, many at once and one alone', async (t) => {
    await to('/tasks?dead=true');
    await page.getByRole('heading', { name: 'No dead letter' }).waitFor();
    for (const prompt of ['one', 'two', 'three']) {
      await ask(prompt);
      (await working(prompt)).fail(`The shed is locked, said ${prompt}.`);
    }
    await page.getByText('3 rows').waitFor();
    await grid.getByText('The shed is locked, said two.').waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
    work.clear();
    await grid.getByRole('link', { name: 'two' }).click();
    await page.getByText('The shed is locked, said two.').first().waitFor();
    const before = page.url();
    await page.getByRole('button', { name: 'Retry' }).click();
    (await working('two')).end('two is done.');
    await page.getByText('two is done.').waitFor();
    t.not(page.url(), before, 'the new task, not the letter');
    await to('/tasks?dead=true');
    // What was sent round again waits for nobody.
    await page.getByRole('checkbox', { name: 'Select all 2 rows' }).click();
    await page.getByRole('button', { name: 'Retry 2' }).click();
    await page.getByText('2 tasks queued again.', { exact: true }).waitFor();
    for (const prompt of ['one', 'three']) (await working(prompt)).end(`${prompt} is done.`);
    await until('all are done', async () => {
      const done = await client.call('tasks', { query: { state: 'done' } });
      return done.filter(({ result }) => result?.endsWith('is done.')).length === 3;
    });
    await page.getByRole('heading', { name: 'No dead letter' }).waitFor();
    for (const prompt of ['four', 'five']) {
      await ask(prompt);
      (await working(prompt)).fail(`The shed is locked, said ${prompt}.`);
    }
    await page.getByText('2 rows').waitFor();
    await grid.getByRole('row', { name: /four/ }).getByRole('checkbox').click();
    await page.getByRole('button', { name: 'Dismiss 1' }).click();
    await page.getByText('1 dead letter dismissed; the history keeps them.', { exact: true }).waitFor();
    await page.getByText('1 row', { exact: true }).waitFor();
    t.equal(await grid.getByText('said four.').count(), 0);
    t.equal((await client.call('tasks', { query: { dead: true } })).length, 1);
  });

  await t.test('a viewer may look', async (t) => {
    await signInAs(page, fleet.keys.viewer);
    await to('/tasks?dead=true');
    await grid.getByText('The shed is locked, said five.').waitFor();
    t.equal(await page.getByRole('checkbox').count(), 0, 'nothing to select');
    await grid.getByRole('link', { name: 'five' }).click();
    await page.getByRole('heading', { level: 1, name: 'Task for alice' }).waitFor();
    await page.getByRole('heading', { name: 'Details' }).waitFor();
    for (const name of ['Retry', 'Dismiss']) t.equal(await page.getByRole('button', { name }).count(), 0, name);
  });
  t.same(complaints, [], 'nothing is thrown, nothing is refused by the content security policy');
});
