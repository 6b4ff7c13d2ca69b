// One HTTP request to the coordinator whose answer may be gigabytes. In: the peer, the request. Out: the answer, with its body unread. The
// connection is verified before anything is sent, and every wait for an answer has a deadline.
import { type IncomingMessage, request } from 'node:http';
import type { Clock } from '@blackroad/std/clock';
import { connectTrusted } from './trust.ts';

interface TrustedAsk {
  peer: Omit<Parameters<typeof connectTrusted>[0], 'coordinator' | 'signal'>;
  method: 'GET' | 'HEAD' | 'POST';
  path: string;
  /** `host` is one of them. */
  headers: Record<string, string>;
  /** `content-type` and `content-length` are among the headers then. */
  body?: Buffer | undefined;
  signal?: AbortSignal | undefined;
  answerMs: number;
}

const connectMs = 5000;
const probeMs = 60_000;

/** Rejects where it cannot be reached. What it answers may be a refusal. */
export async function askTrusted(ask: TrustedAsk, clock: Clock): Promise<IncomingMessage> {
  const { peer, method, path, headers, body, signal, answerMs } = ask;
  const stop = signal ? { signal } : {};
  const socket = await connectTrusted({ ...peer, coordinator: true, ...stop }, clock, connectMs);
  // Bytes that are still being fetched may let it wait long: a coordinator that lost its power is noticed by this.
  socket.setKeepAlive(true, probeMs);
  return new Promise((resolve, reject) => {
    const asked = request({
      method,
      path,
      headers: { connection: 'close', ...headers },
      createConnection: () => socket,
      ...stop,
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
    asked.end(body);
  });
}
