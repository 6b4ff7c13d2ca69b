// A page of another origin, in a real browser: it asks models with a key where a person allowed its origin, and reads nothing else.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { noBrowser, openBrowser } from '../fixtures/browser.ts';
import { openApiFleet } from '../fixtures/coordinator/api-fleet.ts';

t.test('a page with a key', { skip: noBrowser }, async (t) => {
  const server = createServer((_, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<title>A page of its own</title>'),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  await page.goto(origin);

  /** The status and text that a script of the page reads, or `hidden`. */
  const read = (url: string, key: string, body?: object) =>
    page.evaluate(
      async ([url, key, text]) => {
        const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
        try {
          const response = await fetch(url, text ? { method: 'POST', headers, body: text } : { headers });
          return { status: response.status, text: await response.text() };
        } catch {
          return 'hidden';
        }
      },
      [url, key, body ? JSON.stringify(body) : ''] as const,
    );
  const chat = { model: 'nobody', messages: [{ role: 'user', content: 'Hello' }] };

  const open = await openApiFleet({ origins: [origin] });
  t.teardown(() => open.close());
  t.match(await read(`${open.base}/v1/models`, open.keys.client), { status: 200, text: '"object":"list"' });
  t.match(await read(`${open.base}/v1/chat/completions`, open.keys.client, chat), { status: 404, text: /nobody/ });
  t.match(await read(`${open.base}/v1/models`, 'brk_none.none'), { status: 401 });
  t.equal(await read(`${open.base}/v1/nodes`, open.keys.admin), 'hidden');

  const closed = await openApiFleet();
  t.teardown(() => closed.close());
  t.equal(await read(`${closed.base}/v1/models`, closed.keys.client), 'hidden');
});
