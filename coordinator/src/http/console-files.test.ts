// How the built console is served: its page at every address a browser opens, its files for ever, the API's answers untouched.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import t from 'tap';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';

const consoleDir = mkdtempSync(join(tmpdir(), 'console-'));
mkdirSync(join(consoleDir, 'assets'));
writeFileSync(join(consoleDir, 'index.html'), '<title>the console</title>');
writeFileSync(join(consoleDir, 'assets/main-ABC.js'), 'plain()');
writeFileSync(join(consoleDir, 'assets/main-ABC.js.gz'), gzipSync('plain()'));
const fleet = await openApiFleet({ consoleDir });
t.teardown(async () => {
  await fleet.close();
  rmSync(consoleDir, { recursive: true });
});
const open = (path: string, accept: string) =>
  fleet.call<string>('GET', path, { key: null, headers: { accept, 'accept-encoding': 'identity' } });

t.test('every address of the console is its page, looked at anew each time, under a strict policy', async (t) => {
  for (const path of ['/', '/nodes', '/nodes/alice?tab=log']) {
    const { status, headers, body } = await open(path, 'text/html,*/*');
    t.equal(status, 200, path);
    t.match(body, 'the console');
    t.equal(headers.get('cache-control'), 'no-cache');
    t.match(headers.get('content-security-policy'), "script-src 'self'");
  }
});
t.test('what no browser opens stays the API: a mistyped route, a program, a file that is gone', async (t) => {
  for (const [path, accept] of [
    ['/v1/nodez', 'text/html'],
    ['/nodes', 'application/json'],
    ['/assets/main-OLD.js', 'text/html'],
    ['/favicon.ico', 'text/html'],
  ] as const) {
    const { status, body } = await open(path, accept);
    t.equal(status, 404, path);
    t.equal((body as unknown as { code: string }).code, 'no-such-route');
  }
});
t.test('files with a hash in their name are kept for ever, and come compressed to who takes that', async (t) => {
  const plain = await open('/assets/main-ABC.js', '*/*');
  t.equal(plain.body, 'plain()');
  t.match(plain.headers.get('cache-control'), 'immutable');
  const { request } = await import('node:http');
  const packed = await new Promise<{ encoding: unknown; text: string }>((resolve, reject) => {
    request(`${fleet.base}/assets/main-ABC.js`, { headers: { 'accept-encoding': 'gzip' } }, async (response) => {
      const parts: Buffer[] = [];
      for await (const part of response) parts.push(part as Buffer);
      resolve({ encoding: response.headers['content-encoding'], text: gunzipSync(Buffer.concat(parts)).toString() });
    })
      .on('error', reject)
      .end();
  });
  t.same(packed, { encoding: 'gzip', text: 'plain()' });
});
