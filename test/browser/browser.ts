// A real Chromium for the console's tests: signed in at a real coordinator, watched for errors of its own, judged by axe. Where the
// machine has no Chromium the tests say so.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';
import type { Fleet } from '../e2e/processes.ts';

const executablePath = '/usr/bin/chromium';
const root = new URL('../..', import.meta.url).pathname;
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

interface TestLike {
  teardown(run: () => unknown): unknown;
  skip: unknown;
}

/** Why the browser tests cannot run here, or false. */
export const noBrowser: string | false = existsSync(executablePath) ? false : `no Chromium at ${executablePath}`;

export async function openBrowser(t: TestLike): Promise<Browser> {
  if (!existsSync(`${root}coordinator/console/dist/index.html`)) {
    execFileSync(process.execPath, ['coordinator/console/build.ts'], { cwd: root });
  }
  const browser = await chromium.launch({ executablePath, args: flags });
  t.teardown(() => browser.close());
  return browser;
}

export interface Visit {
  page: Page;
  /** What the page complained of: exceptions, refused styles and scripts. Requests that fail are not among them. */
  complaints: string[];
}
/** A page of the console behind the door, by a one-time code as `make up` prints it. */
export async function visit(
  browser: Browser,
  fleet: Pick<Fleet, 'client'>,
  size = { width: 1280, height: 900 },
): Promise<Visit> {
  const context = await browser.newContext({ viewport: size, colorScheme: 'dark' });
  const page = await context.newPage();
  // Less than a test's own deadline: what was waited for is then named.
  page.setDefaultTimeout(10_000);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    const text = message.text();
    if (message.type() === 'error' && !/^(Failed to load resource|WebSocket connection)/.test(text))
      complaints.push(text);
  });
  await page.addInitScript({ path: axe });
  const { url } = await fleet.client.call('signInCode');
  await page.goto(url);
  await page.getByRole('heading', { level: 1 }).waitFor();
  return { page, complaints };
}

interface Found {
  id: string;
  impact: string;
  help: string;
  nodes: { target: string[]; failureSummary: string }[];
}
/** What axe holds against the page as it is, serious or worse, a line each. */
export async function axeFaults(page: Page): Promise<string[]> {
  const found = (await page.evaluate(
    "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)",
  )) as Found[];
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
}
/** The same in both themes: colours are half of what axe looks at. */
export async function axeFaultsInBothThemes(page: Page): Promise<string[]> {
  const faults: string[] = [];
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme });
    faults.push(...(await axeFaults(page)).map((fault) => `${colorScheme}: ${fault}`));
  }
  return faults;
}
