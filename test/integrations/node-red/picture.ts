// The editor of Node-RED with an example and the dialog of one of our nodes open: PART=node-red:picture, PICTURE=<folder>. Needs Chromium.
import { join } from 'node:path';
import { chromium } from 'playwright-core';
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
    await prove(
      'the editor shows the nodes and their dialogs without a fault',
      0,
      async () => faults.length === 0 || faults.join('; '),
    );
  } finally {
    await browser.close();
  }
}
