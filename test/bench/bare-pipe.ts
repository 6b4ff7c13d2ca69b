// What handing on a stream costs in Node, whatever is done with it: an HTTP server that gives the pieces of a model server on as they come, with
// the two libraries that the coordinator uses for that, and nothing else. A process of its own; in: the port of the model server. It says its own
// port over IPC.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connectionsTo } from '../../coordinator/src/direct/server-connections.ts';

const pool = connectionsTo('127.0.0.1', { port: Number(process.argv[2]), path: '', penalty: '', models: [] });
const given = (response: ServerResponse): Parameters<typeof pool.dispatch>[1] => ({
  onRequestStart() {},
  onResponseStart(_, status, headers) {
    response.writeHead(status, { 'content-type': String(headers['content-type']) });
  },
  onResponseData(_, piece) {
    response.write(piece);
  },
  onResponseEnd() {
    response.end();
  },
  onResponseError() {
    response.destroy();
  },
});

const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (text) => {
    body += text;
  });
  request.on('end', () => {
    const headers = { 'content-type': 'application/json' };
    pool.dispatch({ path: request.url ?? '/', method: 'POST', headers, body }, given(response));
  });
});
server.listen(0, '127.0.0.1', 4096, () =>
  process.send?.({ ready: true, port: (server.address() as AddressInfo).port }),
);
process.on('disconnect', () => process.exit(0));
