// The playground in a real browser against the real gateway, with nodes that the test speaks for: one and two models, parameters as they are
// sent, answers as they come with their route, stopped, failed and asked again, and the request as code.
import type { ModelRequest } from '@blackroad/protocol';
import t from 'tap';
import { createClient } from '../../coordinator/cli/src/client.ts';
import { axeFaultsInBothThemes, noBrowser, openBrowser, signInAs, visit } from '../fixtures/browser.ts';
import { openApiFleet } from '../fixtures/coordinator/api-fleet.ts';
import { type ModelWork, nodeWith } from '../fixtures/coordinator/model-node.ts';
import { modelOf } from '../fixtures/coordinator/sample-supply.ts';
import { until } from '../fixtures/processes.ts';

const consoleDir = new URL('../../coordinator/console/dist', import.meta.url).pathname;

t.test('the playground in a browser', { skip: noBrowser }, async (t) => {
  const browser = await openBrowser(t);
  const fleet = await openApiFleet({ consoleDir });
  const client = createClient({ url: fleet.base, key: fleet.keys.admin, ca: null });
  const works: ModelWork[] = [];
  const small = modelOf('qwen', { resident: true, slots: 2, tools: true });
  const large = modelOf('llama', { resident: true, slots: 2, parametersB: 70 });
  const pi = await nodeWith(fleet, 'pi', [small], (work) => works.push(work));
  await nodeWith(fleet, 'box', [large], (work) => works.push(work));
  const { page, complaints } = await visit(browser, { client });
  t.teardown(async () => {
    await page.close();
    await fleet.close();
  });
  const to = (path: string) => page.goto(new URL(path, page.url()).href);
  const box = page.getByLabel('Prompt', { exact: true });
  const ask = async (words: string) => {
    await box.fill(words);
    await page.keyboard.press('Enter');
  };
  const worksOn = (node: string) =>
    until(`${node} is asked`, async () => {
      const at = works.findIndex((work) => work.node.id === node);
      return at < 0 ? undefined : works.splice(at, 1)[0];
    });
  const answers = page.getByRole('log', { name: 'Answers', exact: true });

  await t.test('a model is chosen, asked, and what its answer took is told', async (t) => {
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Playground' }).click();
    await page.getByText(/^Now: qwen on pi: /).waitFor();
    t.equal(await page.evaluate('document.activeElement.getAttribute("aria-label")'), 'Prompt');
    t.same(await axeFaultsInBothThemes(page), []);
    await ask('How much water?');
    const work = await worksOn('pi');
    work.say('Twelve **lit');
    await answers.getByText('Twelve **lit').waitFor();
    await answers.getByText('writing').waitFor();
    work.say('res** a day.');
    await answers.getByText('litres', { exact: true }).waitFor();
    work.end();
    for (const words of ['3 tokens read, 2 written', 'no cost: own hardware']) await answers.getByText(words).waitFor();
    await answers.getByText(/^qwen on pi: /).waitFor();
    await answers.getByText(/ms for the way$/).waitFor();
    t.same(await axeFaultsInBothThemes(page), []);
  });

  await t.test('parameters are sent as they were set, and a wrong one says what it expects', async (t) => {
    await page.getByText('Parameters').click();
    const field = (name: string) => page.getByLabel(name, { exact: true });
    await field('Temperature').fill('warm');
    await page.getByText('Expected a number from 0 to 2.').waitFor();
    await box.fill('And peas?');
    t.ok(await page.getByRole('button', { name: 'Send' }).isDisabled());
    t.same(await axeFaultsInBothThemes(page), []);
    await field('Temperature').fill('0.5');
    await field('Most tokens').fill('64');
    await field('System prompt').fill('Be brief.');
    await field('JSON Schema of the answer').fill('{"type": "object"}');
    await field('Tools').fill('[{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]');
    await ask('And peas?');
    const work = await worksOn('pi');
    const { messages, sampling, maxTokens, schema, tools } = work.request as ModelRequest;
    t.match(messages, [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'How much water?' },
      { role: 'assistant', content: 'Twelve **litres** a day.' },
      { role: 'user', content: 'And peas?' },
    ]);
    t.match(
      { sampling, maxTokens, schema, tools },
      { sampling: { temperature: 0.5 }, maxTokens: 64, schema: { type: 'object' }, tools: [{ name: 'look' }] },
    );
    work.part({ events: [{ calls: [{ id: 'c', name: 'look', arguments: { bed: 'peas' } }] }] });
    work.end();
    await answers.getByText('{"bed":"peas"}').waitFor();
    await page.getByRole('button', { name: 'As code' }).click();
    const code = page.getByRole('dialog').locator('.copy pre');
    t.match(await code.textContent(), /"temperature": 0\.5/);
    await page.getByRole('radio', { name: 'Python' }).click();
    t.match(await code.textContent(), /temperature=0\.5,\n {4}max_completion_tokens=64/);
    t.same(await axeFaultsInBothThemes(page), []);
    await page.keyboard.press('Escape');
  });

  await t.test('two side by side: one is stopped, one fails and is asked again', async (t) => {
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByRole('radio', { name: 'Side by side' }).click();
    t.match(page.url(), /against=large/);
    const left = page.getByRole('log', { name: 'Left answers' });
    const right = page.getByRole('log', { name: 'Right answers' });
    await ask('Count to ten.');
    const [slow, failing] = [await worksOn('pi'), await worksOn('box')];
    slow.say('1, 2');
    failing.say('1, 2, 3');
    await left.getByText('1, 2', { exact: true }).waitFor();
    await right.getByText('1, 2, 3', { exact: true }).waitFor();
    failing.fail('internal');
    await right.getByRole('alert').getByText('it is internal').waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await left.getByText('stopped', { exact: true }).waitFor();
    await until('the node is told to stop', async () => pi.stopped.includes(slow.id));
    t.same(await axeFaultsInBothThemes(page), []);
    await right.getByRole('button', { name: 'Answer again' }).click();
    const again = await worksOn('box');
    t.equal(again.request.messages?.length, 1, 'what failed is not a part of it');
    again.say('Ten.');
    again.end();
    await right.getByText('Ten.', { exact: true }).waitFor();
    t.equal(await right.getByRole('alert').count(), 0);
    await page.setViewportSize({ width: 390, height: 844 });
    t.equal(await page.evaluate('document.documentElement.scrollWidth'), 390);
    t.same(await axeFaultsInBothThemes(page), []);
    await page.setViewportSize({ width: 1280, height: 900 });
  });

  await t.test('an agent is asked like a model, and keeps its own settings', async (t) => {
    await fleet.call('PUT', '/v1/agents/echo', { body: { name: 'echo', model: ['qwen'], instructions: 'Echo.' } });
    await to('/playground?model=agent/echo');
    await page.getByText('An agent has its own instructions').waitFor();
    t.equal(await page.getByText('Parameters').count(), 0);
    await ask('Hello?');
    await answers.getByText('done', { exact: true }).waitFor();
    await answers.getByText(/^echo runs on (pi|box) with qwen$/).waitFor();
    const [task] = await client.call('tasks', { query: {} });
    t.match(task, { agent: 'echo', prompt: 'Hello?', origin: 'console' });
  });

  await t.test('what cannot be answered says why, before and after it is asked', async () => {
    await to('/playground?model=gone');
    await page.getByText(/gone/).and(page.locator('.warn')).waitFor();
    await ask('Hello?');
    await answers.getByRole('alert').getByText(/gone/).waitFor();
  });

  await t.test('it is not for those who may not ask', async (t) => {
    await signInAs(page, fleet.keys.viewer);
    await to('/playground');
    await page.getByRole('heading', { name: 'Operators use this page' }).waitFor();
    t.equal(await box.count(), 0);
  });
  t.same(complaints, [], 'nothing is thrown, nothing is refused by the content security policy');
});
