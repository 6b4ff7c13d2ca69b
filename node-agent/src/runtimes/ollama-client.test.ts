// What the package `ollama` would do by itself, and does not do here: read local files, print, load undici, leave connections open.
import { execFile } from 'node:child_process';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { RuntimeError } from '@blackroad/model-server/runtime-error';
import { systemClock } from '@blackroad/std/clock';
import { build } from 'esbuild';
import t, { type Test } from 'tap';
import { lean } from '../../lean.ts';
import { JsonClient } from './http-json.ts';
import { createOllamaClient } from './ollama-client.ts';

const root = join(import.meta.dirname, '../../..');
const chat = { model: 'm', messages: [], stream: true as const };
const problems = {
  refused: ({ status, text }: { status: number; text: string }) =>
    new RuntimeError('unavailable', `${status}: ${text}`),
  broken: (said: string) => new RuntimeError('unavailable', `broken: ${said}`),
  unfinished: 'unfinished',
};

async function serve(t: Test, reply: (response: ServerResponse, path: string, body: string) => void) {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    reply(response, request.url ?? '', body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const http = new JsonClient({ baseUrl: url, clock: systemClock });
  t.teardown(() => {
    http.close();
    server.closeAllConnections();
    server.close();
  });
  return { url, client: createOllamaClient(url, http) };
}

/** What is printed while the test runs. */
function printed(t: Test): unknown[] {
  const said: unknown[] = [];
  for (const name of ['log', 'warn', 'error'] as const) {
    const before = console[name];
    console[name] = (...words: unknown[]) => said.push(words);
    t.teardown(() => {
      console[name] = before;
    });
  }
  return said;
}

t.test('refusals of any form and lines of any form end in one error, and nothing is printed', async (t) => {
  const answers: [status: number, type: string, body: string, message: RegExp][] = [
    [500, 'text/plain', 'words', /^500: words$/],
    [500, 'application/json', 'no JSON', /^500: no JSON$/],
    [404, 'application/json', '{"error":{"code":1}}', /^404: \{"error":\{"code":1\}\}$/],
    [200, 'application/x-ndjson', '{"message":{}}\n\nno JSON\n', /^a line of the answer is not JSON$/],
    [200, 'application/x-ndjson', 'null\n', /^a line of the answer is not JSON$/],
    [200, 'application/x-ndjson', '7', /^a line of the answer is not JSON$/],
    [200, 'application/x-ndjson', '{"message":{}}\n', /^unfinished$/],
    [200, 'application/x-ndjson', '', /^unfinished$/],
    [200, 'application/x-ndjson', '{"message":{}}\n{"error":"killed"}\n', /^broken: killed$/],
  ];
  const said = printed(t);
  for (const [status, type, body, message] of answers) {
    const { client } = await serve(t, (response) => response.writeHead(status, { 'content-type': type }).end(body));
    const lines = client.lines({ answerMs: 5000 }, problems, (ollama) => ollama.chat(chat));
    await t.rejects(
      (async () => {
        for await (const _ of lines);
      })(),
      { code: 'unavailable', message },
      body,
    );
  }
  t.strictSame(said, []);
});

t.test('a reader that stops early closes the connection', async (t) => {
  let left = () => {};
  const closed = new Promise<void>((resolve) => {
    left = resolve;
  });
  const { client } = await serve(t, (response) => {
    response.on('close', left);
    response.write('{"message":{"content":"one"}}\n');
  });
  for await (const line of client.lines({ answerMs: 5000 }, problems, (ollama) => ollama.chat(chat))) {
    t.match(line, { message: { content: 'one' } });
    break;
  }
  await closed;
});

t.test('a picture that is the name of a file of this machine is sent as it stands', async (t) => {
  const bodies: string[] = [];
  const { client } = await serve(t, (response, _, body) => {
    bodies.push(body);
    response.end('{"message":{},"done":true}\n');
  });
  const messages = [{ role: 'user', content: 'What is it?', images: ['/etc/passwd'] }];
  for await (const _ of client.lines({ answerMs: 5000 }, problems, (ollama) => ollama.chat({ ...chat, messages })));
  t.same(JSON.parse(bodies[0] as string).messages, messages);
});

t.test('in the bundle of a node-agent it loads no undici', async (t) => {
  const { url } = await serve(t, (response, path) => {
    const facts: Record<string, unknown> = {
      '/api/tags': { models: [{ name: 'm', details: { family: 'llama' } }] },
      '/api/ps': { models: [] },
      '/api/show': { capabilities: ['completion'] },
      '/api/chat': { message: { content: 'hello' }, done: true },
    };
    response.end(`${JSON.stringify(facts[path])}\n`);
  });
  const entry = `
    import { createOllama } from './ollama.ts';
    import { systemClock } from '@blackroad/std/clock';
    import { silentLog } from '@blackroad/std/log';
    const common = { contextTokens: 2048, keepAlive: '10m', clock: systemClock, log: silentLog };
    const ollama = createOllama({ url: process.argv[2], ...common });
    await ollama.models();
    const request = { model: 'm', messages: [], sampling: {} };
    const said = [];
    for await (const event of ollama.chat(request, new AbortController().signal)) said.push(event.text ?? event.type);
    console.log(JSON.stringify({ said, undici: process.moduleLoadList.filter((name) => name.includes('undici')) }));
    process.exit(0);`;
  const outfile = join(t.testdir(), 'entry.mjs');
  const from = { contents: entry, resolveDir: import.meta.dirname, loader: 'ts' as const };
  await build({ stdin: from, absWorkingDir: root, outfile, bundle: true, platform: 'node', format: 'esm', ...lean });
  const { stdout } = await promisify(execFile)(process.execPath, [outfile, url]);
  t.same(JSON.parse(stdout), { said: ['hello', 'end'], undici: [] });
});

t.test('each call ends by its own signal and deadline', async (t) => {
  const { client } = await serve(t, () => {});
  const stop = new AbortController();
  const limits = { answerMs: 20, signal: stop.signal };
  await t.rejects(
    client.ask(limits, problems.refused, (ollama) => ollama.list()),
    { code: 'unavailable', message: /no answer/ },
  );
  const waiting = client.ask({ ...limits, answerMs: 5000 }, problems.refused, (ollama) => ollama.list());
  const other = client.ask({ answerMs: 200 }, problems.refused, (ollama) => ollama.ps());
  setImmediate(() => stop.abort());
  await t.rejects(waiting, { code: 'aborted' });
  await t.rejects(other, { code: 'unavailable', message: /no answer/ }, 'not aborted with it');
});
