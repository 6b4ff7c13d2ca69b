// One JSON request to the coordinator over a verified connection. Enrolment and renewal are a node's only HTTP: two requests in
// weeks need no connection pool (and fetch costs a node 12 MB of memory at its first use).
// Out: the checked answer; throws the FleetError that the coordinator's problem object names, or `no-coordinator`.
import { request } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { explain, FleetError, fromProblem, Problem, type Static, type TSchema } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import { type ConnectProblem, connectTrusted, peerAt, type Trust } from './trust.ts';

/** A certificate, its CA and a few names are 2 KB; a longer answer is not from a coordinator. */
const maxAnswerBytes = 64 * 1024;

interface PostOptions {
  url: string;
  path: string;
  trust: Trust;
  /** For the peer's certificate: see trust.ts. */
  surelyPastMs?: number;
  clock: Clock;
  deadlineMs: number;
}

export async function postJson<S extends TSchema>(schema: S, body: object, options: PostOptions): Promise<Static<S>> {
  const { hosted, ...peer } = peerAt(options.url);
  let socket: TLSSocket;
  try {
    socket = await connectTrusted(
      {
        ...peer,
        trust: options.trust,
        coordinator: true,
        ...(options.surelyPastMs === undefined ? {} : { surelyPastMs: options.surelyPastMs }),
      },
      options.clock,
      options.deadlineMs,
    );
  } catch (cause) {
    throw new FleetError('no-coordinator', { detail: (cause as ConnectProblem).message }, { cause });
  }
  try {
    const { status, text } = await exchange(socket, hosted, body, options);
    return readAnswer(schema, status, text, options.url);
  } finally {
    socket.destroy();
  }
}

function exchange(socket: TLSSocket, host: string, body: object, options: PostOptions) {
  const payload = Buffer.from(JSON.stringify(body));
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const fail = (detail: string, cause?: unknown) => {
      timer.cancel();
      socket.destroy();
      reject(new FleetError('no-coordinator', { detail: `${options.url}: ${detail}` }, { cause }));
    };
    const timer = options.clock.after(options.deadlineMs, () =>
      fail(`no answer within ${Math.round(options.deadlineMs / 1000)} s`),
    );
    const outgoing = request({
      method: 'POST',
      path: options.path,
      createConnection: () => socket,
      headers: { host, 'content-type': 'application/json', 'content-length': payload.length, connection: 'close' },
    });
    outgoing.on('error', (cause) => fail(cause.message, cause));
    outgoing.on('response', (response) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      response.on('data', (part: Buffer) => {
        bytes += part.length;
        if (bytes > maxAnswerBytes) fail(`the answer is longer than ${maxAnswerBytes} bytes`);
        else parts.push(part);
      });
      response.on('error', (cause) => fail(cause.message, cause));
      response.on('end', () => {
        timer.cancel();
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') });
      });
    });
    outgoing.end(payload);
  });
}

function readAnswer<S extends TSchema>(schema: S, status: number, text: string, url: string): Static<S> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FleetError(
      'no-coordinator',
      { detail: `${url} answers ${status} without JSON; is it a coordinator?` },
      { cause },
    );
  }
  if (status >= 200 && status < 300) {
    const fault = explain(schema, value);
    if (fault) throw new FleetError('no-coordinator', { detail: `${url} answers in another form: ${fault}` });
    return value as Static<S>;
  }
  if (explain(Problem, value)) {
    throw new FleetError('no-coordinator', { detail: `${url} answers ${status}; is it a coordinator?` });
  }
  throw fromProblem(value as Problem);
}
