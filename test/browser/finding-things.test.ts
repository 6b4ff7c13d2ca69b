// What a person finds from any page, in a real browser: the palette's actions with and without a name, charts whose figures are whole, and
// that something needs attention.
import t from 'tap';
import { axeFaults, axeFaultsInBothThemes, noBrowser, openBrowser, visit } from '../fixtures/browser.ts';
import { startFleet, until } from '../fixtures/processes.ts';

const mib = 1024 ** 2;
/** Notes every text that is painted, with where it begins: what begins left of the picture is cut off. */
const noteTexts = `
  globalThis.painted = [];
  const { fillText } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
    const { width } = this.measureText(text);
    const left = this.getTransform().e + x - (this.textAlign === 'right' ? width : this.textAlign === 'center' ? width / 2 : 0);
    globalThis.painted.push({ text, left });
    return fillText.call(this, text, x, y);
  };`;

t.test('finding things in a browser', { skip: noBrowser, timeout: 120_000 }, async (t) => {
  const fleet = await startFleet(t);
  const { client } = fleet;
  await fleet.simulate('home', { nodes: 3, profile: 'home' });
  await fleet.apply({ name: 'greeter' });
  await until('greeter is ready', async () => (await client.call('agents'))[0]?.state === 'ready');
  const browser = await openBrowser(t);
  const { page, complaints } = await visit(browser, fleet);
  await page.addInitScript(noteTexts);
  const { origin } = new URL(page.url());
  const find = async (words: string) => {
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox').fill(words);
  };
  const option = (name: string) => page.getByRole('option', { name, exact: true });

  await t.test('the palette does what its words promise', async (t) => {
    await page.goto(`${origin}/usage`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    for (const [words, row] of [
      ['new agent', 'New agent'],
      ['add node', 'Add a node'],
      ['dark', 'Dark theme'],
      ['help', 'Keyboard shortcuts'],
      ['retry', 'Retry failed tasks'],
      ['cordon', 'Cordon alice'],
      ['drain', 'Drain alice'],
      ['log', 'Log of alice'],
      ['ask greeter', 'Ask greeter'],
      ['alice drain', 'Drain alice'],
    ]) {
      await find(words as string);
      await option(row as string).waitFor();
      if (words === 'drain') t.same(await axeFaultsInBothThemes(page), []);
      await page.keyboard.press('Escape');
    }
    await find('cordon alice');
    await page.keyboard.press('Enter');
    await page.getByText('alice is cordoned: nothing new is placed on it.', { exact: true }).waitFor();
    await find('cordon');
    await option('Uncordon alice').waitFor();
    t.equal(await option('Cordon alice').count(), 0, 'it is cordoned already');
    await option('Uncordon alice').click();
    await page.getByText('alice takes agents again.', { exact: true }).waitFor();
    await find('drain alice');
    await option('Drain alice').click();
    await page.getByRole('alertdialog', { name: 'Drain alice?' }).waitFor();
    await page.keyboard.press('Escape');
    t.notMatch(page.url(), /do=drain/, 'asked once');
    // On a thing's page that thing comes first.
    await page.goto(`${origin}/nodes/aria`);
    await page.getByRole('heading', { level: 1, name: 'aria' }).waitFor();
    await find('drain');
    await page.getByRole('option').first().getByText('Drain aria').waitFor();
    await page.keyboard.press('Escape');
    // A machine without a light has no button for it, and no action.
    t.equal(await page.getByRole('button', { name: 'Identify' }).count(), 0);
    await find('identify');
    await page.getByText('Nothing is called “identify”.').waitFor();
    await page.keyboard.press('Escape');
  });

  await t.test('the figures of a chart are whole, however large', async (t) => {
    const from = Date.now() - 40 * 60_000;
    await page.route('**/v1/nodes/*/history*', (route) => {
      const metric = new URL(route.request().url()).searchParams.get('metric') as string;
      const value = (i: number) =>
        metric.startsWith('network') ? (112 + i) * mib : metric === 'diskWritten' ? 1.5 * mib ** 2 : 0.5;
      const points = Array.from({ length: 40 }, (_, i) => [from + i * 60_000, value(i), value(i), value(i) * 1.1]);
      return route.fulfill({ json: { metric, range: 'hour', resolutionS: 60, points } });
    });
    await page.goto(`${origin}/nodes/alice`);
    await page
      .getByText(/network|Received/)
      .first()
      .waitFor();
    await until('the charts are painted', async () =>
      ((await page.evaluate('painted')) as { text: string }[]).some(({ text }) => /MiB\/s$/.test(text)),
    );
    const painted = (await page.evaluate('painted')) as { text: string; left: number }[];
    t.same(
      painted.filter(({ left }) => left < 0),
      [],
      'no text begins outside of its picture',
    );
    t.ok(
      painted.some(({ text }) => /^1\d\d MiB\/s$/.test(text)),
      'three digits and their unit',
    );
    await page.unroute('**/v1/nodes/*/history*');
  });

  await t.test('on any page one sees that something needs attention', async (t) => {
    const nav = page.getByRole('navigation', { name: 'Pages' }).first();
    await page.goto(`${origin}/usage`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    t.equal(await page.title(), 'Usage and cost · BlackRoad Fleet');
    await fleet.apply({ name: 'seer', placement: { site: ['cellar'] } as never });
    await nav.getByRole('link', { name: 'Alerts 1 alert open' }).waitFor();
    await until('the tab says so', async () => (await page.title()) === '(1) Usage and cost · BlackRoad Fleet');
    t.match(await page.locator('link[rel=icon]').getAttribute('href'), 'icon-alert');
    t.equal((await page.request.get(`${origin}/icon-alert.svg`)).headers()['content-type'], 'image/svg+xml');
    t.same(await axeFaultsInBothThemes(page), []);
    await page.setViewportSize({ width: 390, height: 844 });
    await page.getByRole('button', { name: 'More 1 alert open' }).waitFor();
    t.same(await axeFaults(page), []);
    await page.setViewportSize({ width: 1280, height: 900 });
    const [alert] = await client.call('alerts');
    await client.call('alertAck', { params: { alert: alert?.id as string }, body: {} });
    await nav.getByRole('link', { name: 'Alerts', exact: true }).waitFor();
    await until('the tab is calm', async () => (await page.title()) === 'Usage and cost · BlackRoad Fleet');
  });
  t.same(complaints, [], 'nothing is thrown, nothing is refused by the content security policy');
});
