// The model cache of the coordinator as this node reaches it: HTTP over TLS, with the certificate by which the node is known to the broker.
// In: the identity, and the port of which the coordinator's welcome tells. Out: answers, with their bodies unread. Before the first welcome
// the usual port is tried: a node without a model fetches one at its start.
import type { IncomingMessage } from 'node:http';
import type { Clock } from '@blackroad/std/clock';
import { surelyPastMs } from '../identity/fleet-time.ts';
import type { Identity } from '../identity/identity.ts';
import { peerAt } from '../identity/trust.ts';
import { askTrusted } from '../identity/trusted-ask.ts';

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
/** The cache may have to ask the registry first. */
const answerMs = 60_000;

export function createFleetCache(identity: () => Identity, clock: Clock): FleetCache {
  let told: number | null | undefined;
  const usual = () => peerAt(identity().url).port + afterHttps;
  const portNow = () => (told === undefined ? usual() : told);

  async function open({ method = 'GET', path, headers, signal }: CacheAsk): Promise<IncomingMessage> {
    const { url, ca, key, certificate } = identity();
    const port = portNow();
    if (port === null) throw new Error('the coordinator has no model cache');
    const { host } = peerAt(url);
    return askTrusted(
      {
        peer: {
          host,
          port,
          trust: { ca },
          surelyPastMs: surelyPastMs(clock, identity()),
          credentials: { key, certificate },
        },
        method,
        path,
        headers: { host: `${host}:${port}`, ...headers },
        signal,
        answerMs,
      },
      clock,
    );
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
