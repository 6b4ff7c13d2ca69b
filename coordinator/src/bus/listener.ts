// The TLS listener of a broker of ours: it accepts TCP connections and passes on TLS sockets. In: certificates, limits. Out: `onSocket`
// for every finished handshake, with any certificate (it is judged later). The door in front of it bounds the cost of strangers; `known`
// reports a connection that is none any more.
import type { Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { maxListenBacklog } from '@blackroad/protocol/limits';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Refusals } from '../door/counted-refusals.ts';
import { Door, type DoorLimits } from '../door/door.ts';

export interface ListenerLimits extends DoorLimits {
  /** The limit of open connections, known or not. */
  connections: number;
  /** From the ClientHello to the end of TLS. */
  connectMs: number;
}
export interface ListenerOptions {
  /**
   * PEM. `ticketKeys` (48 bytes) lets nodes resume their TLS session after a restart of the coordinator. Without `ca` nobody is asked for a
   * certificate.
   */
  tls: { key: string; cert: string; ca?: string; ticketKeys?: Buffer };
  limits: ListenerLimits;
  refusals: Refusals;
  log: Log;
  clock: Clock;
  onSocket: (socket: TLSSocket) => void;
}
export interface Listener {
  /** Resolves with the port. Rejects with a sentence when it is taken. */
  listen(host: string, port: number): Promise<number>;
  /** The connection has proved who it is and was accepted. */
  known(socket: Socket): void;
  /** Ends every connection; resolves when the port is closed. */
  close(): Promise<void>;
}

const sessionSeconds = 86_400;

export function createListener({ tls, limits, refusals, log, clock, onSocket }: ListenerOptions): Listener {
  const server = createServer({
    key: tls.key,
    cert: tls.cert,
    // A certificate is judged by `claimOf`, so that a refusal has a reason.
    ...(tls.ca === undefined ? {} : { ca: tls.ca, requestCert: true, rejectUnauthorized: false }),
    minVersion: 'TLSv1.2',
    handshakeTimeout: limits.connectMs,
    sessionTimeout: sessionSeconds,
    ...(tls.ticketKeys ? { ticketKeys: tls.ticketKeys } : {}),
    // Without TCP_NODELAY a task's round trip stalls at 26-29 ms.
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 60_000,
  });
  server.maxConnections = limits.connections;
  const door = new Door({ server, speaks: 'tls', limits, refusals, log, clock });
  server.on('secureConnection', onSocket);

  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        const failed = (cause: Error) => {
          reject(new Error(`MQTT cannot listen on ${host} port ${port}: ${cause.message}`, { cause }));
        };
        server.once('error', failed);
        server.listen({ port, host, backlog: maxListenBacklog }, () => {
          server.removeListener('error', failed);
          server.on('error', (error) => log.error({ err: error }, 'the MQTT listener failed'));
          const address = server.address();
          resolve(typeof address === 'object' && address ? address.port : port);
        });
      }),
    known: (socket) => door.known(socket),
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      door.stop();
      return closed;
    },
  };
}
