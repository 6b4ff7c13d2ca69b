// The TLS listener of the embedded broker: TCP connections in, checked TLS sockets out.
// In: certificates, limits. Out: `onSocket` for every finished handshake, with whatever certificate came (it is judged later).
// It must bound what strangers cost: connections, handshakes at once, handshakes waiting, and the time each may take.
import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { FleetError } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Refusals } from '../counted-refusals.ts';
import { createAdmission, peerOf } from './admission.ts';

export interface ListenerOptions {
  /** PEM. `ticketKeys` (48 bytes) lets nodes resume their TLS session after a restart of the coordinator. */
  tls: { key: string; cert: string; ca: string; ticketKeys?: Buffer };
  limits: { connections: number; handshakes: number; handshakesWaiting: number; connectMs: number };
  refusals: Refusals;
  log: Log;
  clock: Clock;
  onSocket: (socket: TLSSocket) => void;
}
export interface Listener {
  /** Resolves with the port. Rejects with FleetError `unavailable` when it is taken. */
  listen(host: string, port: number): Promise<number>;
  /** Cuts every connection and resolves when nothing listens any more. */
  close(): Promise<void>;
}

const sessionSeconds = 86_400;

export function createListener({ tls, limits, refusals, log, clock, onSocket }: ListenerOptions): Listener {
  const sockets = new Set<Socket>();
  const secure = createTlsServer({
    key: tls.key,
    cert: tls.cert,
    ca: tls.ca,
    requestCert: true,
    rejectUnauthorized: false, // judged by `claimOf`, so that a refusal has a reason
    minVersion: 'TLSv1.2',
    handshakeTimeout: limits.connectMs,
    sessionTimeout: sessionSeconds,
    ...(tls.ticketKeys ? { ticketKeys: tls.ticketKeys } : {}),
  });
  const admission = createAdmission({
    atOnce: limits.handshakes,
    waiting: limits.handshakesWaiting,
    deadlineMs: limits.connectMs + 1_000,
    clock,
    begin: (socket) => secure.emit('connection', socket),
    refuse: (socket) => {
      refusals.note('busy', { address: socket.remoteAddress }, 'connection refused: too many wait for their handshake');
      socket.destroy();
    },
  });
  secure.on('tlsClientError', (error, socket) => {
    admission.release(peerOf(socket));
    const fields = { address: socket.remoteAddress, error: error.message.slice(0, 200) };
    refusals.note('tls', fields, 'TLS handshake failed');
    socket.destroy();
  });
  secure.on('secureConnection', (socket) => {
    admission.release(peerOf(socket));
    onSocket(socket);
  });

  // Without TCP_NODELAY a task's round trip stalls at 26-29 ms.
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000, pauseOnConnect: true });
  server.maxConnections = limits.connections;
  server.on('drop', (peer) => {
    refusals.note('connections', { address: peer?.remoteAddress }, 'connection refused: too many connections');
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {}); // a peer that hangs up while it waits
    socket.once('close', () => sockets.delete(socket));
    admission.offer(socket);
  });

  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        const failed = (cause: Error) => {
          const detail = `MQTT cannot listen on ${host} port ${port}: ${cause.message}`;
          reject(new FleetError('unavailable', { detail }, { cause }));
        };
        server.once('error', failed);
        server.listen(port, host, () => {
          server.removeListener('error', failed);
          server.on('error', (error) => log.error({ err: error }, 'the MQTT listener failed'));
          const address = server.address();
          resolve(typeof address === 'object' && address ? address.port : port);
        });
      }),
    close() {
      admission.stop();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      return closed;
    },
  };
}
