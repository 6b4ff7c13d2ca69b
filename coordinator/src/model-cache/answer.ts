// Answers of the model cache over HTTP: the routes of Ollama's registry, blobs by digest, files of the hub by name. In: a request whose
// sender may read. Out: its answer. Reads alone: nothing is uploaded or removed here. An answer to a range that fails has no body, because
// Ollama's client would take any body for the bytes of the blob.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { rangeOf } from '@blackroad/std/byte-range';
import { type Clock, sleep } from '@blackroad/std/clock';
import { piecesOf } from './blob-stream.ts';
import type { ModelCache, OpenBlob } from './cache.ts';
import { asProblem, CacheProblem, problemStatus } from './cache-problem.ts';
import { type Blob, digestOfHex, hubFile, isDigest, isSize, ollamaArchive, registryName } from './content.ts';
import type { Counts } from './counts.ts';
import type { CacheDisk } from './disk.ts';

interface AnswerParts {
  cache: ModelCache;
  disk: CacheDisk;
  counts: Counts;
  clock: Clock;
  /** Called for each refused answer. */
  onProblem: (problem: CacheProblem) => void;
}

type Found = { blob: OpenBlob; headers: Record<string, string> };

/** Readers at the same time; each has a piece in memory. */
const maxReaders = 1024;
/** Ollama's client reads up to 16 ranges of one blob at once. */
const maxReadersEach = 64;
const headWithinMs = 10_000;
/** A reader that takes nothing for so long is gone. */
const stuckMs = 60_000;
/** The slowest line and the largest model: after this a reader asks for the rest again. */
const longestMs = 12 * 3_600_000;
const manifestType = 'application/vnd.docker.distribution.manifest.v2+json';

export function createAnswers(parts: AnswerParts) {
  const readers = new Map<string, number>();
  let all = 0;

  function enter(who: string): () => void {
    const own = readers.get(who) ?? 0;
    if (all >= maxReaders || own >= maxReadersEach)
      throw new CacheProblem('busy', `${all} readers are at work, ${own} of them for ${who}`, { retryAfterS: 5 });
    all++;
    readers.set(who, own + 1);
    return () => {
      all--;
      const left = (readers.get(who) ?? 1) - 1;
      if (left > 0) readers.set(who, left);
      else readers.delete(who);
    };
  }

  return {
    get readers() {
      return all;
    },
    /** Never rejects. */
    async answer(request: IncomingMessage, response: ServerResponse, who: string): Promise<void> {
      try {
        const leave = enter(who);
        try {
          await answer(parts, request, response, who);
        } finally {
          leave();
        }
      } catch (error) {
        const problem = asProblem(error, 'the cache');
        parts.onProblem(problem);
        refuse(request, response, problem);
      }
    },
  };
}

async function answer(parts: AnswerParts, request: IncomingMessage, response: ServerResponse, who: string) {
  const { method = '' } = request;
  if (method !== 'GET' && method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
    return;
  }
  const url = new URL(request.url ?? '/', 'http://cache');
  const path = url.pathname.split('/').slice(1).map(decoded);
  if (url.pathname === '/v2/' || url.pathname === '/v2') {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    return;
  }
  const found = await find(parts.cache, path, url.searchParams, who, url.pathname);
  try {
    await send(parts, request, response, found);
  } finally {
    found.blob.close();
  }
}

async function find(
  cache: ModelCache,
  path: string[],
  query: URLSearchParams,
  who: string,
  plain: string,
): Promise<Found> {
  const [root, first = '', second = '', third = '', fourth = ''] = path;
  if (root === 'v2' && path.length === 5 && third === 'manifests') {
    const name = registryName(first, second, isDigest(fourth) ? fourth.replace(':', '-') : fourth);
    if (!name) throw noSuchPath(plain);
    const blob = await cache.manifest({ ...name, tag: fourth }, who);
    return { blob, headers: { 'content-type': manifestType } };
  }
  if (root === 'v2' && path.length === 5 && third === 'blobs' && isDigest(fourth)) {
    const name = registryName(first, second, 'latest');
    if (!name) throw noSuchPath(plain);
    // Ollama's client asks for the ranges of a blob at this address; without the header it stops at once.
    return { blob: await cache.registryBlob(name, fourth, who), headers: { location: plain } };
  }
  if (root === 'models' && first === 'blobs' && path.length === 3 && isDigest(second))
    return { blob: await cache.blob(second, who), headers: {} };
  if (root === 'models' && first === 'hub') {
    const file = hubFile(path.slice(2));
    if (!file) throw noSuchPath(plain);
    return { blob: await cache.hubFile(file, saidIn(query), who), headers: {} };
  }
  if (root === 'models' && first === 'ollama' && path.length === 4) {
    const archive = ollamaArchive(second, third);
    const digest = digestOfHex(query.get('sha256') ?? '');
    if (!archive || !digest) throw noSuchPath(plain);
    return { blob: await cache.ollamaArchive(archive, digest, who), headers: {} };
  }
  throw noSuchPath(plain);
}

/** `?sha256=...&bytes=...`: what the asker knows of the file. */
function saidIn(query: URLSearchParams): Blob | null {
  const digest = digestOfHex(query.get('sha256') ?? '');
  const sizeBytes = Number(query.get('bytes') ?? Number.NaN);
  return digest && isSize(sizeBytes) ? { digest, sizeBytes } : null;
}

async function send(
  { disk, counts, clock }: AnswerParts,
  request: IncomingMessage,
  response: ServerResponse,
  { blob, headers }: Found,
): Promise<void> {
  const { digest, sizeBytes } = blob;
  const etag = `"${digest}"`;
  const { range: asked, 'if-range': known = etag } = request.headers;
  const range = request.method === 'GET' && known === etag ? rangeOf(asked, sizeBytes) : null;
  const always = {
    'content-type': 'application/octet-stream',
    'accept-ranges': 'bytes',
    etag,
    'docker-content-digest': digest,
    ...headers,
  };
  if (range === 'none') {
    response.writeHead(416, { ...always, 'content-range': `bytes */${sizeBytes}`, 'content-length': 0 }).end();
    return;
  }
  const { from, to } = range ?? { from: 0, to: sizeBytes - 1 };
  const stop = new AbortController();
  response.once('close', () => stop.abort());
  const pieces = piecesOf(blob, { from, to }, disk, stop.signal);
  const first = request.method === 'GET' ? pieces.next() : null;
  // A fetch that fails at once has a status of its own. Ollama's client waits for half a minute for the head.
  if (first) await Promise.race([first, sleep(clock, headWithinMs)]);
  response.writeHead(range ? 206 : 200, {
    ...always,
    'content-length': Math.max(0, to - from + 1),
    ...(range ? { 'content-range': `bytes ${from}-${to}/${sizeBytes}` } : {}),
  });
  if (first) await pour({ counts, clock }, first, pieces, response, stop.signal);
  else response.end();
}

async function pour(
  { counts, clock }: Pick<AnswerParts, 'counts' | 'clock'>,
  first: Promise<IteratorResult<Buffer>>,
  pieces: AsyncGenerator<Buffer>,
  response: ServerResponse,
  left: AbortSignal,
): Promise<void> {
  response.flushHeaders();
  const end = clock.after(longestMs, () => response.destroy());
  const stuck = watchStuck(response, clock);
  try {
    for (let next = await first; !next.done; next = await pieces.next()) {
      counts.add('servedBytes', next.value.length);
      await written(response, next.value, left);
      stuck.moved();
    }
    response.end();
  } catch (error) {
    // A reader that has left is none of our business: Ollama's client does so after it read the head.
    if (!left.aborted) throw error;
  } finally {
    end.cancel();
    stuck.end();
    await pieces.return(undefined);
  }
}

/** Resolves when the piece is with the system, and its memory may be used again. Rejects where the reader has left. */
function written(response: ServerResponse, piece: Buffer, left: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const gone = () => reject(left.reason);
    if (left.aborted) return gone();
    left.addEventListener('abort', gone, { once: true });
    response.write(piece, (error) => {
      left.removeEventListener('abort', gone);
      if (error) reject(error);
      else resolve();
    });
  });
}

/** Ends the answer when its reader takes nothing; waiting for bytes that are being fetched is no such case. */
function watchStuck(response: ServerResponse, clock: Clock) {
  let movedMs = clock.monotonicMs();
  const timer = clock.every(stuckMs / 4, () => {
    if (!response.writableNeedDrain) movedMs = clock.monotonicMs();
    else if (clock.monotonicMs() - movedMs > stuckMs) response.destroy();
  });
  return {
    moved() {
      movedMs = clock.monotonicMs();
    },
    end: () => timer.cancel(),
  };
}

function refuse(request: IncomingMessage, response: ServerResponse, problem: CacheProblem): void {
  if (response.headersSent || response.destroyed) {
    // The answer ends short: its reader sees that bytes are missing.
    response.destroy();
    return;
  }
  const { kind, message, retryAfterS } = problem;
  const wantsBytes = request.headers.range !== undefined || request.method === 'HEAD';
  const body = wantsBytes ? '' : JSON.stringify({ problem: kind, errors: [{ code: codeOf(kind), message }] });
  if (retryAfterS > 0) response.setHeader('retry-after', retryAfterS);
  response.writeHead(problemStatus[kind], {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    // In a header too, because answers to ranges have no body.
    'x-fleet-problem': `${kind}: ${message.replace(/[^\x20-\x7e]/g, '?').slice(0, 500)}`,
  });
  response.end(body);
}

/** As registries name them. */
const codeOf = (kind: CacheProblem['kind']) => (kind === 'name' ? 'NAME_UNKNOWN' : 'UNAVAILABLE');
const noSuchPath = (path: string) => new CacheProblem('name', `there is nothing at ${path.slice(0, 200)}`);

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return '';
  }
}
