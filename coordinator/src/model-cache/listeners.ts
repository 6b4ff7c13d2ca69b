// The two ports of the model cache: TLS for the nodes of the fleet, which show their certificates, and plain HTTP, where the owner switched it
// on, for programs that cannot. In: settings, a judge of certificates, and the answers. Out: requests of those who may read. Strangers are
// bounded by the same door as everywhere, and get no answer but a refusal.
import { createServer as createHttp, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { maxListenBacklog } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Refusals } from '../door/counted-refusals.ts';
import { Door } from '../door/door.ts';
import type { CacheSettings, Judged, ShownPeer } from './wire.ts';

type Answer = (request: IncomingMessage, response: ServerResponse, who: string) => Promise<void>;
interface ListenersParts {
  settings: CacheSettings;
  judge: (peer: ShownPeer) => Promise<Judged>;
  answer: Answer;
  refusals: Refusals;
  clock: Clock;
  log: Log;
}
interface Listeners {
  port: number;
  openPort: number | null;
  close(): void;
}

const headMs = 10_000;
const keepAliveMs = 65_000;
const probeMs = 60_000;

export async function openListeners(parts: ListenersParts): Promise<Listeners> {
  const { settings } = parts;
  const overTls = tlsServer(parts);
  const port = await listen(overTls.server, settings.host, settings.port);
  const doors = [overTls];
  let openPort: number | null = null;
  if (settings.openPort !== null) {
    const open = openServer(parts);
    openPort = await listen(open.server, settings.host, settings.openPort);
    doors.push(open);
  }
  return {
    port,
    openPort,
    close() {
      for (const { server, door } of doors) {
        server.close();
        door.stop();
      }
    },
  };
}

interface Opened {
  server: Server;
  door: Door;
}

function tlsServer({ settings, judge, answer, refusals, clock, log }: ListenersParts): Opened {
  const { key, cert, ca } = settings.tls;
  const server = createHttps({
    key,
    cert: `${cert}${ca}`,
    ca,
    requestCert: true,
    rejectUnauthorized: false, // judged by the coordinator, so that a refusal has a reason
    minVersion: 'TLSv1.2',
    handshakeTimeout: headMs,
  });
  const door = guarded(server, 'tls', { settings, refusals, clock, log });
  // A socket shows its certificate only once.
  const peers = new WeakMap<object, ShownPeer>();
  server.on('secureConnection', (socket: TLSSocket) => peers.set(socket, peerOf(socket)));
  server.on('request', (request, response) => {
    const peer = peers.get(request.socket);
    const refuse = (reason: string) => {
      refusals.note('model-cache', { address: peer?.address }, `the model cache refused a reader: ${reason}`);
      const body = JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: reason }] });
      response.writeHead(403, { 'content-type': 'application/json', connection: 'close' }).end(body);
    };
    if (!peer) return refuse('no-certificate');
    // Asked at each request: a node may have been forgotten since it connected.
    judge(peer).then(
      (verdict) => {
        if ('refused' in verdict) return refuse(verdict.refused);
        door.known(request.socket);
        return answer(request, response, verdict.reader);
      },
      () => response.destroy(),
    );
  });
  return { server, door };
}

function openServer({ settings, answer, refusals, clock, log }: ListenersParts): Opened {
  const server = createHttp();
  const door = guarded(server, 'plain', { settings, refusals, clock, log });
  server.on('request', (request, response) => {
    // Nobody proves anything here: a reader is known by having asked in the right form.
    door.known(request.socket);
    void answer(request, response, request.socket.remoteAddress ?? 'unknown');
  });
  return { server, door };
}

function guarded(
  server: Server,
  speaks: 'tls' | 'plain',
  { settings, refusals, clock, log }: Pick<ListenersParts, 'settings' | 'refusals' | 'clock' | 'log'>,
): Door {
  server.maxConnections = settings.maxConnections;
  server.headersTimeout = headMs;
  server.keepAliveTimeout = keepAliveMs;
  server.on('connection', (socket) => {
    socket.setNoDelay(true);
    // A reader may wait for a long time for bytes that are being fetched: a peer that lost its power is noticed by this.
    socket.setKeepAlive(true, probeMs);
  });
  server.on('clientError', (_, socket) => socket.destroy());
  return new Door({ server, speaks, limits: settings.limits, refusals, log, clock });
}

function peerOf(socket: TLSSocket): ShownPeer {
  return {
    certificate: socket.getPeerX509Certificate()?.raw.toString('base64') ?? null,
    authorized: socket.authorized,
    authorizationError: String(socket.authorizationError ?? ''),
    address: socket.remoteAddress ?? '',
  };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, backlog: maxListenBacklog }, () => {
      server.removeListener('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : port);
    });
  });
}
