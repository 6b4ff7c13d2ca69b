// A place on the internet that has a release of Ollama, made up in the form of Ollama's own: a program that answers as its API does. In: nothing. Out: its
// address, and what was asked of it.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { zstdCompressSync } from 'node:zlib';
import { sha256Hex } from '@blackroad/std/sha256';
import { tarOf } from '../../release/src/tar-write.ts';
import { text } from '../../release/src/tree.ts';

const version = '99.9.9';
const file = 'ollama-linux-arm64.tar.zst';
/** Speaks as much of Ollama's API as a node-agent asks for when it looks for one. */
const program = `#!/opt/blackroad-node/current/bin/node
const { createServer } = require('node:http');
const [host, port] = process.env.OLLAMA_HOST.split(':');
const answers = { '/api/version': { version: '${version}' }, '/api/tags': { models: [] }, '/api/ps': { models: [] } };
createServer((request, response) => {
  const answer = answers[request.url];
  response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' });
  response.end(request.method === 'HEAD' ? '' : JSON.stringify(answer ?? {}));
}).listen(Number(port), host);
`;
const archive = zstdCompressSync(
  tarOf(
    new Map([
      ['bin/ollama', text(program, true)],
      ['lib/ollama/libggml-base.so', text('a library')],
      ['lib/ollama/cuda_v13/libcublas.so', text('of no use on a Pi')],
    ]),
    1_700_000_000,
  ),
);
export const release = { version, file, sha256: sha256Hex(archive) };

export interface Upstream {
  url: string;
  asked: string[];
  /** It answers 503 until then. */
  isThere: boolean;
  close(): void;
}
export async function openUpstream(): Promise<Upstream> {
  const server = createServer(({ method, url }, response) => {
    upstream.asked.push(`${method} ${url}`);
    const status = !upstream.isThere ? 503 : url === `/v${version}/${file}` ? 200 : 404;
    response.writeHead(status, { 'content-length': status === 200 ? archive.length : 0 });
    response.end(status === 200 && method === 'GET' ? archive : undefined);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const upstream: Upstream = {
    url: `http://127.0.0.1:${port}`,
    asked: [],
    isThere: false,
    close: () => server.close(),
  };
  return upstream;
}
