// For tests: a real MQTT broker (Aedes) behind real mutual TLS, that can be killed and brought back on the same port, and hears all.
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { Aedes } from 'aedes';
import type { ThrowawayCa, Validity } from '../identity/throwaway-ca.ts';

export interface Heard {
  client: string | null;
  topic: string;
  payload: string;
  retain: boolean;
}
export interface ThrowawayBroker {
  readonly port: number;
  heard: Heard[];
  /** TLS sessions of accepted connections: whether each was resumed. */
  resumed: boolean[];
  /** Resolves as soon as something heard fits; at once when it has. */
  hears(fits: (heard: Heard) => boolean): Promise<Heard>;
  /** Called before a publish is accepted; false refuses it by cutting the connection, as Aedes does. */
  admits: (heard: Heard) => boolean;
  publish(topic: string, payload: string, options?: { qos?: 0 | 1; retain?: boolean }): Promise<void>;
  /** Cuts every connection without a word, keeps the port. */
  cut(): void;
  /** As SIGKILL would: sockets die, nothing listens, sessions and retained messages are gone. */
  kill(): Promise<void>;
  back(): Promise<void>;
}

export async function createThrowawayBroker(ca: ThrowawayCa, validity?: Validity): Promise<ThrowawayBroker> {
  let aedes: Aedes;
  let server: Server;
  let port = 0;
  const sockets = new Set<TLSSocket>();
  const waiting = new Set<{ fits: (heard: Heard) => boolean; resolve: (heard: Heard) => void }>();
  const credentials = await ca.server(validity);
  const self: ThrowawayBroker = {
    get port() {
      return port;
    },
    heard: [],
    resumed: [],
    hears(fits) {
      const found = self.heard.find(fits);
      if (found) return Promise.resolve(found);
      return new Promise((resolve) => waiting.add({ fits, resolve }));
    },
    admits: () => true,
    publish: (topic, payload, { qos = 1, retain = false } = {}) =>
      new Promise((resolve, reject) =>
        aedes.publish({ cmd: 'publish', topic, payload, qos, retain, dup: false }, (error) =>
          error ? reject(error) : resolve(),
        ),
      ),
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    async kill() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      self.cut();
      await closed;
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
    },
    async back() {
      aedes = await Aedes.createBroker();
      aedes.authorizePublish = (client, packet, done) => {
        const heard = {
          client: client?.id ?? null,
          topic: packet.topic,
          payload: packet.payload.toString(),
          retain: packet.retain,
        };
        if (!self.admits(heard)) return done(new Error('refused'));
        self.heard.push(heard);
        for (const wait of waiting) {
          if (!wait.fits(heard)) continue;
          waiting.delete(wait);
          wait.resolve(heard);
        }
        done(null);
      };
      server = createServer({ ...credentials, ca: ca.pem, requestCert: true, rejectUnauthorized: true }, (socket) => {
        self.resumed.push(socket.isSessionReused());
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket));
        aedes.handle(socket);
      });
      server.on('tlsClientError', () => {});
      await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
      port = (server.address() as { port: number }).port;
    },
  };
  await self.back();
  return self;
}
