// Servers that say what the test wants: the last message of a request is a JSON array of the pieces to answer with. The wire is that of
// the real ones, so that an adapter meets its own dialect; for the embedded runtime the child process is replaced.
// A piece that is an object is sent as it stands: a thought in a field of its own, a tool call.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import { ggufChunks } from '../models/gguf-write.ts';
import { createLlama } from './llama.ts';
import { createOllama } from './ollama.ts';
import { createOpenAi } from './openai.ts';
import type { Runtime } from './runtime.ts';

export type Script = (string | object)[];
export interface Scripted {
  runtime: Runtime;
  chatModel: string;
  /** Bodies of the chats that were asked. */
  // biome-ignore lint/suspicious/noExplicitAny: bodies are looked into by tests
  asked: any[];
  close(): Promise<void>;
}
/** Refuses a request with an error in words, or null. */
export type Refuse = (body: Scripted['asked'][number]) => { status: number; message: string } | null;

const common = { clock: systemClock, log: silentLog };

async function serve(answer: (path: string, body: Scripted['asked'][number], response: ServerResponse) => void) {
  const server = createServer(async (request: IncomingMessage, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    answer(request.url ?? '', text ? JSON.parse(text) : {}, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
/** The pieces to say; a question that is no script is answered with a greeting. */
function piecesFor(messages: { content: string }[]): Script {
  const last = messages.at(-1)?.content ?? '';
  const from = last.lastIndexOf('["') >= 0 ? last.indexOf('[') : last.indexOf('[{');
  try {
    return JSON.parse(last.slice(from));
  } catch {
    return ['Hello', ' there.'];
  }
}
const reasonFor = (pieces: Script) => (pieces.includes('(cut)') ? 'length' : 'stop');
const spoken = (pieces: Script) => pieces.filter((piece) => piece !== '(cut)');

/** `owner`: what the list of models says of the server. */
export async function scriptedOpenAi(owner: string, refuse: Refuse = () => null): Promise<Scripted> {
  const asked: Scripted['asked'] = [];
  const server = await serve((path, body, response) => {
    if (path === '/v1/models')
      return json(response, 200, { data: [{ id: 'm', owned_by: owner, max_model_len: 4096 }] });
    if (path !== '/v1/chat/completions') return json(response, 404, { detail: 'Not Found' });
    asked.push(body);
    const refused = refuse(body);
    if (refused) return json(response, refused.status, { error: { message: refused.message } });
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const pieces = piecesFor(body.messages);
    const send = (chunk: object) => response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    for (const piece of spoken(pieces))
      send({ choices: [{ index: 0, delta: typeof piece === 'string' ? { content: piece } : piece }] });
    send({ choices: [{ index: 0, delta: {}, finish_reason: reasonFor(pieces) }] });
    send({ choices: [], usage: { prompt_tokens: 10, completion_tokens: pieces.length } });
    response.end('data: [DONE]\n\n');
  });
  const runtime = createOpenAi({ ...common, url: server.url });
  return { runtime, chatModel: 'm', asked, close: server.close };
}

export async function scriptedOllama(refuse: Refuse = () => null): Promise<Scripted> {
  const asked: Scripted['asked'] = [];
  const capabilities = ['completion', 'tools'];
  const server = await serve((path, body, response) => {
    if (path === '/api/version') return json(response, 200, { version: '0.9.0' });
    if (path === '/api/tags') return json(response, 200, { models: [{ name: 'm:latest', size: 1e9, capabilities }] });
    if (path === '/api/ps') return json(response, 200, { models: [] });
    if (path === '/api/show') return json(response, 200, { capabilities, model_info: {} });
    if (path !== '/api/chat') return json(response, 404, { error: 'not found' });
    asked.push(body);
    const refused = refuse(body);
    if (refused) return json(response, refused.status, { error: refused.message });
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    const pieces = piecesFor(body.messages);
    const send = (line: object) => response.write(`${JSON.stringify(line)}\n`);
    for (const piece of spoken(pieces))
      send({ message: { content: '', ...(typeof piece === 'string' ? { content: piece } : piece) }, done: false });
    const counts = { prompt_eval_count: 10, eval_count: pieces.length };
    send({ message: { content: '' }, done: true, done_reason: reasonFor(pieces), ...counts });
    response.end();
  });
  const runtime = createOllama({ ...common, url: server.url, contextTokens: 4096, keepAlive: '5m' });
  return { runtime, chatModel: 'm:latest', asked, close: server.close };
}

/** The embedded runtime with a child that says what it is told to. */
export async function scriptedLlama(): Promise<Scripted> {
  const modelsDir = await mkdtemp(join(tmpdir(), 'blackroad-scripted-'));
  const entries = [
    { key: 'general.architecture', type: 'string', value: 'tiny' },
    { key: 'tiny.context_length', type: 'u32', value: 4096 },
    { key: 'tiny.embedding_length', type: 'u32', value: 8 },
    { key: 'tiny.block_count', type: 'u32', value: 1 },
    { key: 'tokenizer.chat_template', type: 'string', value: '{{ messages }}' },
  ] as Parameters<typeof ggufChunks>[0];
  const tensors: Parameters<typeof ggufChunks>[1] = [
    { name: 'a', shape: [8], weights: new Float32Array(8), format: 'f32' },
  ];
  await writeFile(join(modelsDir, 'm.gguf'), Buffer.concat([...ggufChunks(entries, tensors)]));
  const childPath = fileURLToPath(new URL('./scripted-child.fixture.ts', import.meta.url));
  const runtime = createLlama({ ...common, random: seededRandom(1), modelsDir, childPath });
  return { runtime, chatModel: 'm', asked: [], close: () => rm(modelsDir, { recursive: true }) };
}
