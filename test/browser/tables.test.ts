// What a person reads in the tables of the console, at a desk, on a phone and by the keyboard alone; and what a what-if of a larger fleet
// shows first. In a real browser against real processes and simulated nodes.
import type { Locator } from 'playwright-core';
import t from 'tap';
import { axeFaults, noBrowser, openBrowser, visit } from '../fixtures/browser.ts';
import { startFleet, until } from '../fixtures/processes.ts';

const longName = 'the-agent-with-a-long-name';
/** The texts in it that are wider than their place. */
const cutTexts = (grid: Locator, where: string) =>
  grid
    .locator(where)
    .evaluateAll((all) =>
      (all as unknown as { textContent: string; scrollWidth: number; clientWidth: number }[])
        .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)
        .map(({ textContent }) => textContent),
    );

t.test('tables in a browser', { skip: noBrowser, timeout: 180_000 }, async (t) => {
  const fleet = await startFleet(t);
  const { client } = fleet;
  await fleet.simulate('shelf', { nodes: 14, profile: 'lab' });
  for (const name of [longName, 'echo', 'greenhouse-keeper']) await fleet.apply({ name });
  const agents = await until('the agents are ready', async () => {
    const all = await client.call('agents');
    return all.length === 3 && all.every(({ state }) => state === 'ready') ? all : null;
  });
  const nodeOf = (name: string) => agents.find((agent) => agent.name === name)?.node as string;
  await client.call('ask', { params: { agent: 'echo' }, body: { prompt: 'Which room is the warmest?' } });
  const browser = await openBrowser(t);
  const { page, complaints } = await visit(browser, fleet);
  const { origin } = new URL(page.url());
  const table = async (path: string, label: string) => {
    await page.goto(origin + path);
    const grid = page.getByRole('grid', { name: label, exact: true });
    await grid.getByRole('row').nth(1).waitFor();
    return grid;
  };

  await t.test('names and heads of columns are whole, and a column is as wide as one drags it', async (t) => {
    for (const [path, label] of [
      ['/agents', 'Agents'],
      ['/nodes', 'Nodes'],
      ['/tasks', 'Tasks'],
    ] as const) {
      const grid = await table(path, label);
      t.same(await cutTexts(grid, '.head-button .cut'), [], `heads of ${label}`);
    }
    const grid = await table('/agents', 'Agents');
    const cutNames = () => cutTexts(grid, '.table-row .cell > a');
    t.same(await cutNames(), [longName], '17 letters are whole, 26 are not');
    const head = grid.getByRole('columnheader', { name: 'Agent' });
    const width = async () => Math.round((await head.boundingBox())?.width ?? 0);
    const own = await width();
    const drag = async (by: number) => {
      const grip = await head.locator('.head-grip').boundingBox();
      if (!grip) throw new Error('nothing to drag');
      const [x, y] = [grip.x + grip.width / 2, grip.y + grip.height / 2];
      await page.mouse.move(x, y);
      await page.mouse.down();
      await page.mouse.move(x + by, y, { steps: 3 });
      await page.mouse.up();
    };
    await drag(120);
    const dragged = await width();
    t.ok(Math.abs(dragged - (own + 120)) < 12, `${own} to ${dragged}`);
    t.same(await cutNames(), []);
    await table('/agents', 'Agents');
    t.equal(await width(), dragged, 'and stays so');
    await head.locator('.head-grip').dblclick();
    t.equal(await width(), own);
  });

  await t.test('the keyboard goes from the search into the rows, and out of them with a few keys', async (t) => {
    const grid = await table('/agents', 'Agents');
    await page.keyboard.press('/');
    await page.keyboard.press('ArrowDown');
    await grid.locator('[aria-rowindex="2"]:focus').waitFor();
    const stops = () =>
      grid
        .locator('[role=rowgroup]')
        .locator('a, button, input, [role=row]')
        .evaluateAll((all) => {
          const rows = new Set<string | null>();
          let count = 0;
          for (const each of all as unknown as {
            tabIndex: number;
            closest(of: string): { getAttribute(of: string): string | null };
          }[]) {
            if (each.tabIndex < 0) continue;
            count++;
            rows.add(each.closest('[role=row]').getAttribute('aria-rowindex'));
          }
          return { count, rows: [...rows] };
        });
    const first = await stops();
    t.same(first.rows, ['2'], 'only the row that one is in is a stop');
    await page.keyboard.press('ArrowDown');
    await grid.locator('[aria-rowindex="3"]:focus').waitFor();
    t.same((await stops()).rows, ['3']);
    for (let i = 0; i < first.count; i++) await page.keyboard.press('Tab');
    t.equal(await grid.locator('[role=rowgroup] :focus').count(), 0, `${first.count} keys lead out of three rows`);
  });

  await t.test('a phone shows what the columns say that do not fit, and where one is', async (t) => {
    await page.setViewportSize({ width: 390, height: 844 });
    const row = async (path: string, label: string, name: string | RegExp) =>
      (await table(path, label)).getByRole('row', { name }).first().innerText();
    const echo = await row('/agents', 'Agents', /echo/);
    t.match(echo, new RegExp(`${nodeOf('echo')} · ${agents.find(({ name }) => name === 'echo')?.model}`));
    t.match(await row('/tasks', 'Tasks', /warmest/), /echo on .* · .*(now|ago)/);
    t.match(await row('/audit', 'Audit', /echo/), /(now|ago) · echo · ./);
    const more = page.getByRole('navigation', { name: 'Pages' }).getByRole('button', { name: 'More' });
    const isHere = async () => ((await more.getAttribute('class')) ?? '').split(' ').includes('here');
    for (const [path, here] of [
      ['/models', true],
      ['/memory', true],
      ['/agents', false],
    ] as const) {
      await page.goto(origin + path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      t.equal(await isHere(), here, path);
    }
    await page.goto(`${origin}/models`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    t.same(await axeFaults(page), []);
    await page.setViewportSize({ width: 1280, height: 900 });
  });

  await t.test('a what-if of many nodes shows who moves, then what changes, and the rest when asked', async (t) => {
    const lost = nodeOf('echo');
    await page.goto(`${origin}/placement?if=lose:node=${lost}`);
    await page
      .getByRole('status')
      .filter({ hasText: /1 node is gone/ })
      .waitFor();
    const moves = page.getByRole('grid', { name: 'Moves' });
    const before = page.getByRole('group', { name: 'The fleet before' });
    const top = async (of: Locator) => (await of.boundingBox())?.y ?? 0;
    t.ok((await top(moves)) < (await top(before)), 'who moves stands above the pictures');
    const nodes = () => before.getByRole('listitem').count();
    const shown = await nodes();
    t.ok(shown < 14, `${shown} of 14 nodes`);
    await page.getByText(`${14 - shown} nodes stay as they are.`).waitFor();
    t.equal(await before.getByRole('listitem').filter({ hasText: lost }).count(), 1, 'the lost one is among them');
    await page.getByRole('button', { name: 'Show them too' }).click();
    await until('all are shown', async () => (await nodes()) === 14);
    await page.goto(`${origin}/placement?if=add:3*agent=echo`);
    await page.getByText(/A place is memory and the tokens a minute that the agents book/).waitFor();
  });

  await t.test(
    'a page that stands in no navigation marks the one it belongs to; an audit brings its news by itself',
    async (t) => {
      const nav = page.getByRole('navigation', { name: 'Pages' }).first();
      const marked = () => nav.locator('.nav-link.here').allInnerTexts();
      await page.goto(`${origin}/new-agent`);
      await page.getByRole('heading', { level: 1, name: 'New agent' }).waitFor();
      t.same(await marked(), ['Agents']);
      await table('/audit', 'Audit');
      t.same(await marked(), ['Audit']);
      await client.call('keyCreate', { body: { name: 'porch', role: 'viewer' } });
      await page.getByRole('grid', { name: 'Audit' }).getByRole('row', { name: /porch/ }).waitFor();
      // One row that is found leaves no empty one below it.
      await page.keyboard.press('/');
      await page.keyboard.type('porch');
      await page.getByText(/^1 of \d+ rows$/).waitFor();
      const inRows = (each: unknown) => Math.round((each as { clientHeight: number }).clientHeight / 40);
      t.equal(await page.locator('.table-scroll').evaluate(inRows), 2);
    },
  );

  await t.test('the strategy is told in the same words wherever it is told', async (t) => {
    const words = /Agents go where they run best; over nodes that suit them alike they share out/;
    for (const path of ['/placement', '/settings']) {
      await page.goto(origin + path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.getByText(words).waitFor();
      t.equal(await page.getByText(words).count(), 1, path);
    }
  });
  t.same(complaints, [], 'nothing is thrown, nothing is refused by the content security policy');
});
