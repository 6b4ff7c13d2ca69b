// One MQTT connection, from the TLS handshake to its end. mqtt.js implements the protocol; transport.ts reconnects. Each connection is a
// fresh client: mqtt.js's own reconnection sends its queued messages before our birth message and out of the outbox's order, keeps the old
// certificate, and waits a fixed time. In: an identity. Out: a Link, or ConnectProblem in words.
import type { Clock } from '@blackroad/std/clock';
import { MqttClient } from 'mqtt';
import { surelyPastMs } from '../identity/fleet-time.ts';
import type { Identity } from '../identity/identity.ts';
import { ConnectProblem, connectTrusted, contextOf, inWords } from '../identity/trust.ts';

export interface Link {
  /** QoS 1 resolves with the PUBACK; rejects when the connection ends first. */
  publish(topic: string, payload: string, qos: 0 | 1, retain: boolean): Promise<void>;
  subscribe(filters: string[]): Promise<void>;
  /** Of this machine, at its own end of the connection; missing in the simulator, which has no addresses. */
  readonly address?: string;
  /** Bytes that wait in the socket. */
  readonly backlogBytes: number;
  /** DISCONNECT, so that the broker does not publish the will, then close. */
  end(): Promise<void>;
  /** Cuts the connection. */
  destroy(reason: string): void;
}
export interface LinkOptions {
  clientId: string;
  keepaliveS: number;
  will: { topic: string; payload: string };
  signal: AbortSignal;
  onMessage(topic: string, payload: Uint8Array, retained: boolean): void;
  /** Called once, however the connection ends, unless `end` was called. */
  onClose(problem: ConnectProblem): void;
}
/** The simulator dials its own faulty network. */
export type Dial = (options: LinkOptions) => Promise<Link>;

const dialDeadlineMs = 15_000;

export function createMqttDial({ identity, clock }: { identity: () => Identity; clock: Clock }): Dial {
  /** Resuming halves the broker's work when ten thousand nodes return; a session is valid only for the certificate it was made with. */
  let session: { bytes: Buffer; certificate: string } | null = null;
  let context: { of: ReturnType<typeof contextOf>; certificate: string } | null = null;
  return async (options) => {
    const own = identity();
    const { key, certificate, ca, mqtt } = own;
    const resumed = session?.certificate === certificate ? session.bytes : undefined;
    // Used once: a session that the broker refuses must not lock the node out.
    session = null;
    if (context?.certificate !== certificate) {
      context = { of: contextOf({ trust: { ca }, credentials: { key, certificate } }), certificate };
    }
    const socket = await connectTrusted(
      {
        host: mqtt.host,
        port: mqtt.port,
        trust: { ca },
        surelyPastMs: surelyPastMs(clock, own),
        context: context.of,
        ...(resumed ? { session: resumed } : {}),
        onSession: (bytes) => {
          session = { bytes, certificate };
        },
        signal: options.signal,
      },
      clock,
      dialDeadlineMs,
    ).catch((error: unknown) => {
      // No broker refused it: a coordinator that is being restarted will accept it.
      if (resumed && error instanceof ConnectProblem && error.unreached) session ??= { bytes: resumed, certificate };
      throw error;
    });
    const where = `${mqtt.host}:${mqtt.port}`;
    return new Promise((resolve, reject) => {
      let problem: ConnectProblem | null = null;
      let ended = false;
      let up = false;
      socket.on('error', (error) => {
        problem ??= inWords(error, where);
      });
      const client = new MqttClient(() => socket, {
        clientId: options.clientId,
        keepalive: options.keepaliveS,
        protocolVersion: 4,
        clean: true,
        reconnectPeriod: 0,
        resubscribe: false,
        connectTimeout: dialDeadlineMs,
        queueQoSZero: false,
        writeCache: false, // 10 MB of number tables
        will: { topic: options.will.topic, payload: Buffer.from(options.will.payload), qos: 1, retain: true },
      });
      const onAbort = () => destroy('stopped');
      const destroy = (reason: string) => {
        problem ??= new ConnectProblem(reason);
        client.end(true);
        socket.destroy();
      };
      options.signal.addEventListener('abort', onAbort);
      client.on('error', (error) => {
        problem ??= refusal(error, where) ?? inWords(error as Error, where);
      });
      client.on('close', () => {
        options.signal.removeEventListener('abort', onAbort);
        // Rejects the publishes that still wait for a PUBACK; mqtt.js itself leaves them pending.
        client.end(true);
        const reason = problem ?? new ConnectProblem(`${where} closed the connection`);
        if (!up && !reason.refusesUs && !options.signal.aborted) reject(hungUp(where, reason));
        else if (!up) reject(reason);
        else if (!ended) options.onClose(reason);
        ended = true;
      });
      // Delays the PUBACK until the message is handled; one message after the other.
      client.handleMessage = (packet, done) => {
        const payload = packet.payload;
        options.onMessage(packet.topic, typeof payload === 'string' ? Buffer.from(payload) : payload, packet.retain);
        done();
      };
      client.once('connect', () => {
        up = true;
        resolve({
          ...(socket.localAddress ? { address: socket.localAddress.replace(/^::ffff:|%.*$/g, '') } : {}),
          publish: (topic, payload, qos, retain) =>
            new Promise((done, fail) => {
              if (!client.connected) return fail(new ConnectProblem('not connected'));
              client.publish(topic, payload, { qos, retain }, (error) => (error ? fail(error) : done()));
            }),
          async subscribe(filters) {
            const granted = await client.subscribeAsync(filters, { qos: 1 });
            // 128 refuses a subscription [MQTT-3.9.3]; a node without its commands must report that.
            const denied = granted.find(({ qos }) => (qos as number) > 2);
            if (denied) throw new ConnectProblem(`${where} refuses the subscription ${denied.topic}`, true);
          },
          get backlogBytes() {
            return socket.writableLength;
          },
          end() {
            ended = true;
            return new Promise((done) => client.end(false, () => done()));
          },
          destroy,
        });
      });
    });
  };
}

function hungUp(where: string, cause: ConnectProblem): ConnectProblem {
  return new ConnectProblem(
    `${where} hung up before it let this node in (it is busy, or does not accept the certificate)`,
    'perhaps',
    { cause },
  );
}

/** CONNACK codes of MQTT 3.1.1 [MQTT-3.2.2.3]. */
function refusal(error: Error & { code?: unknown }, where: string): ConnectProblem | null {
  const words: Record<number, string> = {
    1: 'speaks another MQTT version',
    2: "does not accept this node's id",
    3: 'is not ready',
    4: "does not accept this node's credentials",
    5: 'does not let this node in',
  };
  const text = typeof error.code === 'number' ? words[error.code] : undefined;
  return text ? new ConnectProblem(`the broker at ${where} ${text}`, error.code !== 3, { cause: error }) : null;
}
