// A model server of the OpenAI dialect that costs little itself: a stream of pieces at a fixed pace, or a small answer at once. A process of
// its own; it says its port over IPC. `hang`, `die` and `garbage` in the question do that.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const pieces = 20;
const paceMs = 25;
const piece = (content: string, finish: string | null) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: finish }] })}\n\n`;
const one = piece('word ', null);
const last = `${piece('', 'stop')}data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 9, completion_tokens: pieces } })}\n\ndata: [DONE]\n\n`;
const listed = JSON.stringify({
  data: [{ id: 'paced', owned_by: 'llamacpp', meta: { n_ctx: 8192, n_params: 3e9, size: 2e9 } }],
});
const plain = { 'content-type': 'application/json' };

const server = createServer((request, response) => {
  if (request.method === 'GET') {
    if (request.url === '/v1/models') response.writeHead(200, plain).end(listed);
    else if (request.url === '/props') response.writeHead(200, plain).end('{"total_slots":2000}');
    else response.writeHead(request.url === '/health' ? 200 : 404, plain).end('{}');
    return;
  }
  let body = '';
  request.setEncoding('utf8').on('data', (text) => {
    body += text;
  });
  request.on('end', () => {
    if (request.url !== '/v1/chat/completions')
      return void response.writeHead(501, plain).end('{"error":{"message":"no embeddings"}}');
    if (body.includes('"hang"')) return;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    if (body.includes('"garbage"')) return void response.end('data: {"choices": [{"del\n\n');
    if (body.includes('"die"')) {
      response.write(one);
      setTimeout(() => response.destroy(), 5);
      return;
    }
    if (body.includes('"small"')) return void response.end(`${one}${last}`);
    let sent = 0;
    const timer = setInterval(() => {
      response.write(one);
      if (++sent < pieces) return;
      clearInterval(timer);
      response.end(last);
    }, paceMs);
    response.on('close', () => clearInterval(timer));
  });
});
server.listen(0, '127.0.0.1', () => process.send?.({ ready: true, port: (server.address() as AddressInfo).port }));
process.on('disconnect', () => process.exit(0));
