// The model cache of the coordinator as this node reaches it: HTTP over TLS, with the certificate by which the node is known to the broker.
// In: the identity, and the port of which the coordinator's welcome tells. Out: answers, with their bodies unread. Before the first welcome
// the usual port is tried: a node without a model fetches one at its start.
import { type IncomingMessage, request } from 'node:http';
import type { Clock } from '@blackroad/std/clock';
import { surelyPastMs } from '../identity/fleet-time.ts';
import type { Identity } from '../identity/identity.ts';
import { connectTrusted, peerAt } from '../identity/trust.ts';

interface CacheAsk {
  method?: 'GET' | 'HEAD';
  path: string;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}
export interface FleetCache {
  /** Whether there is one, as far as this node knows. */
  readonly isThere: boolean;
  /** Its address, for people. */
  readonly url: string;
  /** `port` null: the coordinator has none. */
  tell(port: number | null): void;
  /** Rejects where it cannot be reached. What it answers may be a refusal. */
  open(ask: CacheAsk): Promise<IncomingMessage>;
}

/** The ports of a coordinator follow each other: HTTPS, MQTT, the cache. */
const afterHttps = 2;
const connectMs = 5000;
/** The cache may have to ask the registry first. */
const answerMs = 60_000;
const probeMs = 60_000;

export function createFleetCache(identity: () => Identity, clock: Clock): FleetCache {
  let told: number | null | undefined;
  const usual = () => peerAt(identity().url).port + afterHttps;
  const portNow = () => (told === undefined ? usual() : told);

  async function open({ method = 'GET', path, headers, signal }: CacheAsk): Promise<IncomingMessage> {
    const { url, ca, key, certificate } = identity();
    const port = portNow();
    if (port === null) throw new Error('the coordinator has no model cache');
    const { host } = peerAt(url);
    const socket = await connectTrusted(
      {
        host,
        port,
        trust: { ca },
        coordinator: true,
        surelyPastMs: surelyPastMs(clock, identity()),
        credentials: { key, certificate },
        ...(signal ? { signal } : {}),
      },
      clock,
      connectMs,
    );
    // Bytes that are still being fetched may let it wait long: a coordinator that lost its power is noticed by this.
    socket.setKeepAlive(true, probeMs);
    return new Promise((resolve, reject) => {
      const asked = request({
        method,
        path,
        headers: { host: `${host}:${port}`, connection: 'close', ...headers },
        createConnection: () => socket,
        ...(signal ? { signal } : {}),
      });
      const late = clock.after(answerMs, () => asked.destroy(new Error(`no answer within ${answerMs / 1000} s`)));
      asked.on('response', (response) => {
        late.cancel();
        // No agent closes this connection.
        response.once('close', () => socket.destroy());
        resolve(response);
      });
      asked.on('error', (error) => {
        late.cancel();
        socket.destroy();
        reject(error);
      });
      asked.end();
    });
  }

  return {
    get isThere() {
      return portNow() !== null;
    },
    get url() {
      return `https://${new URL(identity().url).hostname}:${portNow()}`;
    },
    tell(port) {
      told = port;
    },
    open,
  };
}
