// The console in a real browser at its full size: ten thousand nodes, thirty thousand agents, a thousand heartbeats a second from a real
// coordinator. First load, scrolling of the two long tables, what the tab costs. Browser and coordinator share this machine's cores.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { CDPSession, Page } from 'playwright-core';
import { noBrowser, openBrowser } from '../fixtures/browser.ts';
import { bench, percentile } from './line.ts';

const size = { width: 1440, height: 900 };
const idleS = 10;
const warmMs = 10_000;
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Scrolled {
  frames: number;
  slow: number;
  worstMs: number;
  missing: number;
  rows: number;
}
/** When rows first stand on the page, by the page's own clock: installed before anything of the page runs. */
const firstSeen = `new MutationObserver((_, watch) => {
  if (!document.querySelector('.node-field canvas[height]')) return;
  watch.disconnect();
  requestAnimationFrame(() => requestAnimationFrame(() => { window.firstSeenMs = performance.now(); }));
}).observe(document, { subtree: true, childList: true, attributes: true });`;
/** Looks after every painted frame whether rows cover all that is seen of the table. */
const watchScroll = `(() => {
  const scroller = document.querySelector('.table-scroll');
  const seen = window.scrolled = { frames: 0, slow: 0, worstMs: 0, missing: 0, rows: Number(scroller.ariaRowCount) - 1 };
  let last = performance.now();
  const after = new MessageChannel();
  after.port1.onmessage = () => {
    const frame = scroller.getBoundingClientRect();
    const top = scroller.querySelector('.table-head').getBoundingClientRect().bottom;
    const bottom = Math.min(frame.top + scroller.clientHeight, scroller.querySelector('.table-body').getBoundingClientRect().bottom);
    let high = Infinity, low = -Infinity;
    for (const row of scroller.querySelectorAll('.table-row')) {
      const at = row.getBoundingClientRect();
      high = Math.min(high, at.top);
      low = Math.max(low, at.bottom);
    }
    if (high > top + 1 || low < bottom - 1) seen.missing++;
  };
  const frame = () => {
    const now = performance.now();
    seen.frames++;
    if (now - last > 50) seen.slow++;
    seen.worstMs = Math.max(seen.worstMs, now - last);
    last = now;
    after.port2.postMessage(0);
    if (!seen.over) requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
})()`;

async function scroll(page: Page, cdp: CDPSession, what: string) {
  const box = await page.getByRole('grid').boundingBox();
  if (!box) throw new Error(`no table of ${what}`);
  await page.evaluate(watchScroll);
  const at = { x: Math.round(box.x + 300), y: Math.round(box.y + 300) };
  for (const yDistance of [-24_000, 12_000]) {
    await cdp.send('Input.synthesizeScrollGesture', { ...at, yDistance, speed: 6_000, preventFling: true });
  }
  const seen = (await page.evaluate('window.scrolled.over = true, window.scrolled')) as Scrolled;
  bench({ name: `${what}-table-rows`, value: seen.rows, unit: 'rows' });
  bench({
    name: `${what}-scroll-frames-with-rows-missing`,
    value: seen.missing,
    unit: `of ${seen.frames}`,
    goal: { is: '<=', value: 0 },
  });
  bench({
    name: `${what}-scroll-frames-over-50-ms`,
    value: (seen.slow / seen.frames) * 100,
    unit: '%',
    goal: { is: '<=', value: 5 },
  });
  bench({ name: `${what}-scroll-longest-frame`, value: seen.worstMs, unit: 'ms' });
}

/** The largest renderer is the tab; a spare one waits beside it. */
async function tabMemory(browser: CDPSession): Promise<{ rssMb: number; ownMb: number }> {
  const { processInfo } = (await browser.send('SystemInfo.getProcessInfo')) as {
    processInfo: { type: string; id: number }[];
  };
  const kb = (text: string, field: string) => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  const tabs = processInfo
    .filter(({ type }) => type === 'renderer')
    .map(({ id }) => readFileSync(`/proc/${id}/smaps_rollup`, 'utf8'))
    .map((text) => ({
      rssMb: kb(text, 'Rss') / 1e3,
      ownMb: (kb(text, 'Private_Clean') + kb(text, 'Private_Dirty')) / 1e3,
    }));
  return tabs.toSorted((a, b) => b.rssMb - a.rssMb)[0] as { rssMb: number; ownMb: number };
}
async function metrics(cdp: CDPSession): Promise<Record<string, number>> {
  const { metrics } = await cdp.send('Performance.getMetrics');
  return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
}
async function idle(page: Page, cdp: CDPSession, what: string) {
  await wait(2_000);
  const before = await metrics(cdp);
  await wait(idleS * 1000);
  const now = await metrics(cdp);
  const share = ((now.TaskDuration as number) - (before.TaskDuration as number)) / idleS;
  bench({ name: `${what}-idle-main-thread`, value: share * 100, unit: '%', goal: { is: '<=', value: 25 } });
  if ((await page.getByRole('status').filter({ hasText: 'Live' }).count()) === 0)
    throw new Error(`${what} is not live`);
}

if (noBrowser) {
  process.stdout.write(`${noBrowser}: not measured\n`);
  process.exit(0);
}
const ends: (() => unknown)[] = [];
const env = { ...process.env, BENCH_CONSOLE: new URL('../../coordinator/console/dist', import.meta.url).pathname };
const server = fork(new URL('./console-feed-server.ts', import.meta.url), { stdio: 'inherit', env });
const browser = await openBrowser({ teardown: (end) => ends.unshift(end), skip: null });
const [{ port, key }] = (await once(server, 'message')) as [{ port: number; key: string }];
const origin = `http://127.0.0.1:${port}`;
await wait(warmMs);

const door = await browser.newContext({ viewport: size });
const first = await door.newPage();
await first.goto(origin);
await first.getByLabel('One-time code or API key').fill(key);
await first.getByRole('button', { name: 'Sign in' }).click();
await first.getByRole('heading', { level: 1, name: 'Fleet', exact: true }).waitFor();
const storageState = await door.storageState();
await door.close();

/** With nothing of the console in its cache. */
async function arrive(): Promise<{ page: Page; seenMs: number }> {
  const context = await browser.newContext({ viewport: size, storageState });
  const page = await context.newPage();
  await page.addInitScript(firstSeen);
  await page.goto(origin);
  await page.locator('.node-field canvas').first().waitFor();
  await wait(2_000);
  return { page, seenMs: (await page.evaluate('window.firstSeenMs')) as number };
}
const loads: number[] = [];
for (let i = 0; i < 4; i++) {
  const { page, seenMs } = await arrive();
  loads.push(seenMs / 1000);
  await page.context().close();
}
bench({ name: 'console-fleet-first-rows', value: percentile(loads, 0.5), unit: 's', goal: { is: '<=', value: 2 } });
bench({ name: 'console-fleet-first-rows-quickest', value: Math.min(...loads), unit: 's' });

const { page } = await arrive();
const context = page.context();
const cdp = await context.newCDPSession(page);
await cdp.send('Performance.enable');
const whole = await browser.newBrowserCDPSession();
await idle(page, cdp, 'fleet-page');
for (const what of ['nodes', 'agents']) {
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: what, exact: false }).first().click();
  await page.getByRole('grid').getByRole('row').nth(5).waitFor();
  await wait(2_000);
  await scroll(page, cdp, what);
  await idle(page, cdp, `${what}-page`);
}
await cdp.send('HeapProfiler.collectGarbage');
const { rssMb, ownMb } = await tabMemory(whole);
const heapMb = ((await metrics(cdp)).JSHeapUsedSize as number) / 1e6;
bench({ name: 'tab-rss', value: rssMb, unit: 'MB', goal: { is: '<=', value: 300 } });
bench({ name: 'tab-memory-of-its-own', value: ownMb, unit: 'MB' });
bench({ name: 'tab-js-heap', value: heapMb, unit: 'MB', goal: { is: '<=', value: 300 } });
for (const end of ends) await end();
server.disconnect();
await once(server, 'exit');
