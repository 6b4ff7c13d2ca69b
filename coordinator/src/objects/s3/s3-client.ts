// Signed requests to one bucket, over undici. In: a method, a key, a body that can be read again. Out: an answer of the 200s, or a StoreFault. Each
// request ends within a deadline; what the server could not do for the moment is asked again after a pause. The hash of a body is part of the
// signature, so that the server refuses what arrives damaged.
import type { Readable } from 'node:stream';
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import { type Clock, sleep } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import { AwsV4Signer } from 'aws4fetch';
import { type Dispatcher, Pool } from 'undici';
import { StoreFault } from '../object-store.ts';
import type { S3Address } from './s3-address.ts';
import { faultOfAnswer, faultOfConnection, isClockRefusal, maxAnswerBytes, readRefusal } from './s3-fault.ts';

interface S3Keys {
  id: string;
  secret: string;
  /** Of keys that end; empty: they do not. */
  session: string;
}
export interface S3Parts {
  address: S3Address;
  keys: S3Keys;
  /** PEM; empty: what the system trusts. */
  ca: string;
  clock: Clock;
  random: Random;
  /** For tests that cannot wait. */
  again?: Backoff;
  silenceMs?: number;
}

interface S3Request {
  method: 'GET' | 'PUT' | 'DELETE' | 'HEAD';
  /** Within the bucket; empty: the bucket. */
  key: string;
  query?: Record<string, string>;
  body?: { sha256: string; bytes: number; open: () => Readable };
  /** In words that follow "could not". */
  what: string;
  /** Of the larger of body and answer. */
  bytes?: number;
}

/** SHA-256 of nothing. */
const emptyHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const connectTimeout = 5_000;
/** Between two signs of life. */
const usualSilenceMs = 30_000;
/** A line that is slower is no line for objects. */
const leastBytesPerS = 64 * 1024;
const maxTries = 3;
const usualPause: Backoff = { firstMs: 300, maxMs: 5_000 };
/** Shorter than servers keep theirs. */
const keepAliveTimeout = 4_000;
const maxConnections = 4;

export class S3Client {
  readonly #parts: S3Parts;
  readonly #pool: Pool;
  readonly #closing = new AbortController();
  /** How far the clock of the server is ahead of ours; what is signed by another time is refused. */
  #aheadMs = 0;

  constructor(parts: S3Parts) {
    this.#parts = parts;
    const { ca, address, silenceMs = usualSilenceMs } = parts;
    this.#pool = new Pool(new URL(address.url).origin, {
      connect: { timeout: connectTimeout, ...(ca === '' ? {} : { ca }) },
      ...{ headersTimeout: silenceMs, bodyTimeout: silenceMs },
      ...{ connections: maxConnections, keepAliveTimeout, keepAliveMaxTimeout: keepAliveTimeout },
    });
  }

  /** A small answer as text, with its headers. */
  ask(request: S3Request): Promise<{ text: string; headers: Record<string, unknown> }> {
    return this.#tried(request, async ({ body, headers }) => ({ text: await textOf(body), headers }));
  }

  /** `take` gets the bytes, once for each try. */
  read(request: S3Request, take: (bytes: Readable) => Promise<void>): Promise<void> {
    return this.#tried(request, ({ body }) => take(body));
  }

  /** What is under way ends. */
  close(): Promise<void> {
    this.#closing.abort(new StoreFault('away', 'The coordinator is stopping.'));
    return this.#pool.destroy();
  }

  async #tried<T>(request: S3Request, take: (answer: Dispatcher.ResponseData) => Promise<T>): Promise<T> {
    const { clock, random, again = usualPause } = this.#parts;
    for (let tries = 0; ; tries++) {
      try {
        return await this.#once(request, take);
      } catch (error) {
        const fault = this.#faultOf(error);
        if (fault.kind !== 'away' || tries + 1 >= maxTries || this.#closing.signal.aborted) throw fault;
      }
      await sleep(clock, backoffMs(again, tries, random), this.#closing.signal);
    }
  }

  async #once<T>(request: S3Request, take: (answer: Dispatcher.ResponseData) => Promise<T>): Promise<T> {
    const { clock, address, silenceMs = usualSilenceMs } = this.#parts;
    const ending = new AbortController();
    const late = clock.after(silenceMs + ((request.bytes ?? 0) / leastBytesPerS) * 1000, () => ending.abort());
    try {
      for (let isSecond = false; ; isSecond = true) {
        const answer = await this.#send(request, ending.signal);
        if (answer.statusCode >= 200 && answer.statusCode < 300) return await take(answer);
        const refusal = readRefusal(answer.statusCode, answer.headers, await textOf(answer.body));
        const serverMs = Date.parse(String(answer.headers.date));
        if (isSecond || !isClockRefusal(refusal) || Number.isNaN(serverMs))
          throw faultOfAnswer(refusal, request.what, address);
        this.#aheadMs = serverMs - clock.nowMs();
      }
    } finally {
      late.cancel();
    }
  }

  async #send({ method, key, query, body }: S3Request, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { address, keys, clock } = this.#parts;
    const url = new URL(`${address.url}/${key}`);
    for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
    const signed = await new AwsV4Signer({
      ...{ method, url: url.href, service: 's3', region: address.region },
      ...{ accessKeyId: keys.id, secretAccessKey: keys.secret },
      ...(keys.session === '' ? {} : { sessionToken: keys.session }),
      headers: { 'x-amz-content-sha256': body?.sha256 ?? emptyHash },
      datetime: new Date(clock.nowMs() + this.#aheadMs).toISOString().replace(/[:-]|\.\d{3}/g, ''),
    }).sign();
    const headers = Object.fromEntries(signed.headers);
    return this.#pool.request({
      ...{ method, path: `${signed.url.pathname}${signed.url.search}`, signal },
      ...(body
        ? { body: body.open(), headers: { ...headers, 'content-length': String(body.bytes) } }
        : { headers: method === 'PUT' ? { ...headers, 'content-length': '0' } : headers }),
    });
  }

  /** A fault of the own disk stays what it is. */
  #faultOf(error: unknown): StoreFault {
    const { syscall, code } = error as NodeJS.ErrnoException;
    const isOurs =
      code !== undefined && ['open', 'read', 'write', 'fsync', 'close'].includes(syscall ?? '') && isOfDisk(code);
    if (isOurs) throw error;
    return faultOfConnection(error, this.#parts.address);
  }
}

const isOfDisk = (code: string) => /^(ENOSPC|EIO|EROFS|EACCES|ENOENT|EDQUOT|EMFILE|EEXIST)$/.test(code);

async function textOf(body: Readable): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += (piece as Buffer).length;
    if (bytes > maxAnswerBytes) break;
    pieces.push(piece as Buffer);
  }
  return Buffer.concat(pieces).toString('utf8');
}
