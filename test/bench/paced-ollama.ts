// An Ollama that costs little itself: answers of 100 pieces, 10 ms apart. A process of its own; it says its port over IPC.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const pieces = 100;
const paceMs = 10;
const model = 'paced:1b';
const piece = `${JSON.stringify({ model, created_at: '2026-11-29T12:00:00.000000Z', message: { role: 'assistant', content: ' word' }, done: false })}\n`;
const last = `${JSON.stringify({ model, created_at: '2026-11-29T12:00:01.000000Z', message: { role: 'assistant', content: '' }, done: true, done_reason: 'stop', total_duration: 1e9, load_duration: 1e6, prompt_eval_count: 9, prompt_eval_duration: 1e7, eval_count: pieces, eval_duration: 9e8 })}\n`;
const facts: Record<string, object> = {
  '/api/version': { version: '0.32.4' },
  '/api/tags': { models: [{ name: model, size: 1e9, digest: 'd1', details: { family: 'llama' } }] },
  '/api/ps': { models: [{ name: model, size: 1e9 }] },
  '/api/show': { capabilities: ['completion'], model_info: { 'general.architecture': 'llama' } },
};

const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    const found = facts[request.url ?? ''];
    if (request.url !== '/api/chat') return void response.writeHead(found ? 200 : 404).end(JSON.stringify(found ?? {}));
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    let sent = 0;
    const timer = setInterval(() => {
      response.write(piece);
      if (++sent < pieces) return;
      clearInterval(timer);
      response.end(last);
    }, paceMs);
    response.on('close', () => clearInterval(timer));
  });
});
server.listen(0, '127.0.0.1', () => process.send?.({ ready: true, port: (server.address() as AddressInfo).port }));
process.on('disconnect', () => process.exit(0));
