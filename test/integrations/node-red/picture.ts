// The editor of Node-RED in a browser: pictures of an example and of the dialog of one of our nodes, and what the dialogs of all show.
// PART=node-red:picture, PICTURE=<folder>. Needs Chromium.
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { benchFlow } from './bench-flow.ts';
import { packageName } from './instance.ts';
import type { Cast } from './story.ts';

export async function takePicture({ red, prove, http }: Cast): Promise<void> {
  const folder = process.env.PICTURE ?? '/tmp';
  const path = `/library/examples/flows/${packageName}/${encodeURIComponent('Answer piece by piece')}`;
  const flow = await red.call<{ id: string; type: string }[]>('GET', path);
  const credentials = { key: http.key };
  await red.deploy(
    flow.map((entry) => (entry.type === 'fleet' ? { ...entry, address: http.address, credentials } : entry)),
  );
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu'],
  });
  try {
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(error.message));
    await page.goto(red.url);
    await page.getByText('ask greeter').first().waitFor({ timeout: 60_000 });
    await page.locator('.red-ui-flow-node-status-label', { hasText: 'connected' }).first().waitFor({ timeout: 15_000 });
    await page.screenshot({ path: join(folder, 'node-red-flow.png') });
    for (const id of ['a5f0ask', 'a5f0fleet']) {
      await page.evaluate(
        `RED.editor.${id.endsWith('fleet') ? `editConfig('', 'fleet', '${id}')` : `edit(RED.nodes.node('${id}'))`}`,
      );
      await page.locator('.red-ui-tray').waitFor();
      await page.waitForTimeout(1_500);
      await page.screenshot({ path: join(folder, `node-red-${id}.png`) });
      await page.locator('#node-dialog-cancel, #node-config-dialog-cancel').last().click();
      await page.waitForTimeout(1_000);
    }
    const nodes = { ask: 'agent', control: 'node', events: 'node' };
    const named = (id: string) => (id in nodes ? { name: `the ${id}` } : {});
    await red.deploy(benchFlow(http).map((entry) => ({ ...entry, ...named(entry.id) })));
    await page.reload();
    await page.getByText('the events').first().waitFor({ timeout: 60_000 });
    for (const [id, field] of Object.entries(nodes))
      await prove(
        `the dialog of ${id} shows its fleet and its name, and proposes names of the fleet`,
        10_000,
        async () => {
          const shown = await dialogOf(page, id, field);
          const isIt = shown.fleet === 'home' && shown.name === `the ${id}` && shown.first === 'Fleet';
          return (isIt && shown.last === 'Name' && shown.proposed > 0) || JSON.stringify(shown);
        },
      );
    await prove(
      'the editor shows the nodes and their dialogs without a fault',
      0,
      async () => faults.length === 0 || faults.join('; '),
    );
  } finally {
    await browser.close();
  }
}

interface Shown {
  fleet: string;
  name: string;
  /** The labels of the first row and the last. */
  first: string;
  last: string;
  /** How many names the field proposes. */
  proposed: number;
}
/** Opens the dialog of a node, and closes it. */
async function dialogOf(page: Page, id: string, field: string): Promise<Shown> {
  await page.evaluate(`RED.editor.edit(RED.nodes.node('${id}'))`);
  await page.locator('.red-ui-tray').waitFor();
  await page.waitForTimeout(1_500);
  const shown = await page.evaluate<Shown>(`(() => {
    const value = (name) => document.getElementById('node-input-' + name)?.value;
    const labels = [...document.querySelectorAll('#dialog-form > .form-row > label')].map((label) => label.innerText.trim());
    const proposed = document.getElementById('node-input-${field}-names')?.options.length ?? -1;
    return { fleet: value('fleet'), name: value('name'), first: labels[0], last: labels.at(-1), proposed };
  })()`);
  await page.locator('#node-dialog-cancel').last().click();
  await page.locator('.red-ui-tray').waitFor({ state: 'detached' });
  return shown;
}
