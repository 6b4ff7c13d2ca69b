// The hosts that the http tool reaches and those it refuses, against a real server on this machine.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '@blackroad/std/clock';
import t from 'tap';
import { httpTool } from './http.ts';

const server = createServer((request, response) => {
  const { port } = server.address() as AddressInfo;
  if (request.url === '/text') response.setHeader('content-type', 'text/plain; charset=utf-8').end('21.5 °C');
  else if (request.url === '/json') response.setHeader('content-type', 'application/json').end('{"ok":true}');
  else if (request.url === '/binary') response.setHeader('content-type', 'image/png').end(Buffer.alloc(100));
  else if (request.url === '/large') response.setHeader('content-type', 'text/plain').end('x'.repeat(200_000));
  else if (request.url === '/here') response.writeHead(302, { location: '/text' }).end();
  else if (request.url === '/away') response.writeHead(302, { location: `http://localhost:${port}/text` }).end();
  else if (request.url === '/loop') response.writeHead(302, { location: '/loop' }).end();
  else if (request.url === '/hang') return;
  else response.writeHead(404, { 'content-type': 'text/html' }).end('no');
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;
t.teardown(() => {
  server.closeAllConnections();
  server.close();
});
const host = `127.0.0.1:${port}`;
const tool = httpTool([host, 'LocalHost:1'], systemClock);
const get = (url: string, signal = new AbortController().signal) => tool.call({ url } as never, { signal, task: 't' });

t.test('text comes back with its status', async (t) => {
  t.equal(await get(`http://${host}/text`), 'HTTP 200\n21.5 °C');
  t.equal(await get(`http://${host}/json`), 'HTTP 200\n{"ok":true}');
  t.equal(await get(`http://${host}/none`), 'HTTP 404\nno');
  t.equal(await get(`http://${host}/here`), 'HTTP 200\n21.5 °C', 'a redirect on the same host is followed');
});

t.test('what is too large, not text, or elsewhere is cut or refused', async (t) => {
  const large = await get(`http://${host}/large`);
  t.match(large, /^HTTP 200 \(cut to 64 KiB\)/);
  t.ok(large.length < 66_000);
  t.match(await get(`http://${host}/binary`), /Refused: image\/png/);
  t.match(await get(`http://${host}/away`), /Refused: localhost:\d+ is not among/);
  t.match(await get(`http://${host}/loop`), /more than 3 redirects/);
  t.match(await get(`http://localhost:${port}/text`), /Refused/, 'another name for the same machine is another host');
  t.match(await get(`http://127.0.0.1/text`), /Refused/, 'another port is another host');
  t.match(await get(`http://user:pass@${host}/text`), /Refused/);
  t.match(await get('file:///etc/passwd'), /Refused: file/);
  t.match(await get('not an address'), /Refused/);
  t.match(await get('http://localhost:1/'), /Failed: /, 'listed, but nothing answers');
});

t.test('an aborted turn ends the request', async (t) => {
  const abort = new AbortController();
  const pending = get(`http://${host}/hang`, abort.signal);
  await once(server, 'request');
  abort.abort();
  t.match(await pending, /Failed/);
});
