// A registry on this machine's loopback, for the time of one pull: Ollama's client asks it in plain HTTP and without credentials, and this
// node passes the questions on to the model cache of the coordinator, over TLS and with its certificate. In: the model that is pulled. Out:
// an address. Nothing else than this model is answered, and nobody outside of this machine reaches it.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { FleetCache } from './fleet-cache.ts';

export interface Relay {
  /** `127.0.0.1:40123`. */
  host: string;
  close(): void;
}
interface Relayed {
  /** As Ollama asks for it, and as the cache knows it: `owner/model`. */
  asked: string;
  meant: string;
}

/** Ollama asks for up to 16 ranges of a large blob at once: a hundred nodes would be 1,600 connections. The others wait for their turn. */
const atOnce = 4;
const maxWaiting = 64;
const passed = [
  'content-type',
  'content-length',
  'content-range',
  'accept-ranges',
  'etag',
  'retry-after',
  'x-fleet-problem',
  'docker-content-digest',
];

export async function openRelay(cache: Pick<FleetCache, 'open'>, { asked, meant }: Relayed): Promise<Relay> {
  const turns = createTurns();
  const server = createServer((request, response) => {
    void passOn(request, response).catch(() => response.destroy());
  });

  async function passOn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url = '', headers } = request;
    const rest = url.startsWith(`/v2/${asked}/`) ? url.slice(`/v2/${asked}/`.length) : null;
    if ((method !== 'GET' && method !== 'HEAD') || rest === null || !/^(manifests|blobs)\/[\w.:-]+$/.test(rest)) {
      response.writeHead(404, { 'content-length': 0 }).end();
      return;
    }
    const stop = new AbortController();
    response.once('close', () => stop.abort());
    const from = Number(/^bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0);
    const release = await turns.take(from, stop.signal);
    if (release === null) {
      response.destroy();
      return;
    }
    try {
      const range: Record<string, string> = headers.range === undefined ? {} : { range: headers.range };
      const accept: Record<string, string> = headers.accept === undefined ? {} : { accept: headers.accept };
      const ask = {
        method,
        path: `/v2/${meant}/${rest}`,
        headers: { ...range, ...accept },
        signal: stop.signal,
      } as const;
      const answer = await cache.open(ask);
      for (const name of passed) {
        const value = answer.headers[name];
        if (value !== undefined) response.setHeader(name, value);
      }
      // Where Ollama asks for the ranges: here again.
      if (answer.headers.location !== undefined) response.setHeader('location', url);
      response.writeHead(answer.statusCode ?? 502);
      await pipeline(answer, response);
    } finally {
      release();
    }
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

interface Waiting {
  /** Where its range begins: what is fetched in order is there first. */
  from: number;
  go: () => void;
}

function createTurns() {
  let taken = 0;
  const waiting = new Set<Waiting>();
  const release = () => {
    taken--;
    [...waiting].sort((a, b) => a.from - b.from)[0]?.go();
  };
  return {
    /** Resolves with the function that ends the turn; null: the asker has left, or too many wait. */
    take(from: number, left: AbortSignal): Promise<(() => void) | null> {
      if (left.aborted || waiting.size >= maxWaiting) return Promise.resolve(null);
      if (taken < atOnce) {
        taken++;
        return Promise.resolve(release);
      }
      return new Promise((resolve) => {
        const settle = (turn: (() => void) | null) => {
          waiting.delete(mine);
          left.removeEventListener('abort', leave);
          resolve(turn);
        };
        const leave = () => settle(null);
        const mine: Waiting = {
          from,
          go() {
            taken++;
            settle(release);
          },
        };
        waiting.add(mine);
        left.addEventListener('abort', leave, { once: true });
      });
    },
  };
}
