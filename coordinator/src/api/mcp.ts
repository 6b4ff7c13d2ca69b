// MCP over HTTP: who asks and by which session, the routes that tools may reach, and the answer as it is read. The MCP server itself, with the
// SDK that it is made of, is loaded at the first request: most coordinators never get one.

import type { ServerResponse } from 'node:http';
import {
  FleetError,
  maxMcpSessionChars,
  type RouteAnswer,
  type RouteName,
  type RouteRow,
  routes,
  type TSchema,
} from '@blackroad/protocol';
import { compiledCheck } from '../http/compiled-check.ts';
import type { ApiContext } from '../http/context.ts';
import { permit } from '../http/guard.ts';
import { type Answered, answered, type Call, type Handler, type Handlers } from '../http/handler.ts';
import { rateName } from '../http/own-limits.ts';
import { beginBody } from '../http/stream.ts';
import { validatorOf } from '../http/validate.ts';
import { Running } from '../mcp/running.ts';
import type { McpAnswer } from '../mcp/serve.ts';
import type { Asked, AskRoute } from '../mcp/tool.ts';
import { agentHandlers } from './agents.ts';
import { fleetHandlers } from './fleet.ts';
import { memoryHandlers } from './memory.ts';
import { nodeHandlers } from './nodes.ts';

/** A reader that takes nothing for so long is disconnected. */
const readMs = 30_000;

/** The routes that tools reach. */
const reached: Partial<Handlers> = { ...nodeHandlers, ...agentHandlers, ...fleetHandlers, ...memoryHandlers };

const byContext = new WeakMap<ApiContext, Running>();
function runningOf(context: ApiContext): Running {
  const running = byContext.get(context) ?? new Running();
  byContext.set(context, running);
  return running;
}

export const mcpHandlers = {
  async mcp(call) {
    const { context, body, by, request, reply } = call;
    const { coordinator, clock, random, settings, log } = context;
    takeRate(call, Array.isArray(body) ? body.length - 1 : 0);
    const { serve } = await import('../mcp/serve.ts');
    const answer = await serve(
      { body, headers: headersOf(call), owner: rateName(by, request.ip), session: sessionOf(call) },
      {
        asker: { by, ask: asking(call), coordinator, clock, random },
        version: settings.version,
        log,
        check: (schema, value) => compiledCheck(schema as TSchema, value),
      },
      runningOf(context),
    );
    if (answer.session !== null) reply.header('mcp-session-id', answer.session);
    if (answer.type?.startsWith('text/event-stream')) return stream(call, answer);
    try {
      reply.code(answer.status);
      if (answer.body === null) reply.send();
      else reply.type(answer.type ?? 'application/json').send(await new Response(answer.body).text());
    } finally {
      answer.end();
    }
    return answered;
  },
  mcpListen({ reply }) {
    reply.header('allow', 'POST, DELETE');
    throw new FleetError('no-such-method', {
      detail: 'The coordinator sends nothing by itself; send messages by POST.',
    });
  },
  mcpEnd(call) {
    const { context, by, request } = call;
    runningOf(context).endSession(rateName(by, request.ip), sessionOf(call));
    return undefined;
  },
} satisfies Partial<Handlers>;

type AnyCall = Pick<Call<'mcp'>, 'context' | 'by' | 'request' | 'reply' | 'listener'>;

/** @throws FleetError `invalid-request` */
function sessionOf({ request }: AnyCall): string {
  const session = request.headers['mcp-session-id'];
  if (session === undefined) return '';
  if (typeof session === 'string' && session.length <= maxMcpSessionChars && /^[!-~]+$/.test(session)) return session;
  throw new FleetError('invalid-request', {
    detail: `headers: mcp-session-id: expected at most ${maxMcpSessionChars} visible characters, got another value`,
  });
}

/** What the transport judges of the head. */
function headersOf({ request }: AnyCall): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of ['accept', 'content-type', 'mcp-protocol-version']) {
    const value = request.headers[name];
    if (typeof value === 'string') headers[name] = value;
  }
  return headers;
}

/** Each message of a request counts as one. */
function takeRate({ context: { doorkeeper }, by, request }: AnyCall, more: number): void {
  for (let i = 0; i < more; i++) {
    const seconds = doorkeeper.take(rateName(by, request.ip));
    if (seconds === 0) continue;
    const detail = `More than ${doorkeeper.requestsPerMinute} requests in a minute.`;
    throw new FleetError('rate-limited', { detail, retryAfterSeconds: seconds });
  }
}

/** Asks a handler of the API as the caller: after its permission, and with its parameters checked, as by a request of its own. */
function asking(call: Call<'mcp'>): AskRoute {
  return async <N extends RouteName>(name: N, asked: Asked<N> = {}) => {
    const row: RouteRow = routes[name];
    const handle = reached[name] as Handler<N> | undefined;
    if (!handle) throw new Error(`no tool may ask ${name}`);
    permit(call.by, row);
    const params = checked(row.params, 'params', asked.params);
    const query = checked(row.query, 'querystring', asked.query);
    const body = checked(row.body, 'body', asked.body);
    const answer = await handle({ ...call, params, query, body } as unknown as Call<N>);
    if (answer === answered) throw new Error(`${name} answers by itself`);
    return answer as RouteAnswer<N>;
  };
}

type Part = Parameters<typeof validatorOf>[1];
const validators = new WeakMap<TSchema, ReturnType<typeof validatorOf>>();
function checked(schema: TSchema | undefined, part: Part, value: unknown): unknown {
  if (!schema) return value;
  const validate = validators.get(schema) ?? validatorOf(schema, part);
  validators.set(schema, validate);
  const found = validate(part === 'body' ? value : (value ?? {}));
  if ('error' in found) throw found.error;
  return found.value;
}

/** Writes the stream as far as it is read: what is not read stays where it is made. */
async function stream({ context, reply }: AnyCall, answer: McpAnswer): Promise<Answered> {
  const { streams, clock, limits } = context;
  if (streams.size >= limits.streams) {
    answer.end();
    throw new FleetError('unavailable', { detail: `${limits.streams} answers are being read.`, retryAfterSeconds: 5 });
  }
  const { session } = answer;
  beginBody(reply, 200, {
    'content-type': 'text/event-stream; charset=utf-8',
    ...(session === null ? {} : { 'mcp-session-id': session }),
  });
  const out = reply.raw;
  const cut = () => out.destroy();
  streams.add(cut);
  out.once('close', answer.end);
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      if (out.destroyed) break;
      if (!out.write(next.value)) await drained(out, clock);
    }
    if (!out.destroyed) out.end();
  } catch {
    cut();
  } finally {
    streams.delete(cut);
    answer.end();
    reader.cancel().catch(() => {});
  }
  return answered;
}

async function drained(out: ServerResponse, clock: ApiContext['clock']): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = clock.after(readMs, () => reject(new Error('the reader takes nothing')));
  const closed = () => reject(new Error('the reader is away'));
  out.once('drain', resolve);
  out.once('close', closed);
  try {
    await promise;
  } finally {
    timer.cancel();
    out.off('drain', resolve);
    out.off('close', closed);
  }
}
