// Every failure is answered with an RFC 9457 problem object, whose status follows from its code. Faults of the coordinator are logged and not
// shown.
import { FleetError, maxSmallBodyBytes, problems, type RouteRow, toProblem } from '@blackroad/protocol';
import type { Log } from '@blackroad/std/log';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { errorIn, statusIn } from '../gateway/dialects/errors.ts';

/** Any thrown error as an error of the table. Errors of Fastify are translated by their code. */
function asFleetError(error: unknown, request: FastifyRequest): FleetError | null {
  if (error instanceof FleetError) return error;
  const { code, message } = error as FastifyError;
  const say = (detail: string) => new FleetError('invalid-request', { detail }, { cause: error });
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE': {
      const got = request.headers['content-length'];
      const detail = `body: expected at most ${request.routeOptions.bodyLimit} bytes, got ${got ?? 'more'}`;
      return new FleetError('too-large', { detail }, { cause: error });
    }
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return say(
        `headers: content-type: expected application/json, got ${request.headers['content-type'] ?? 'nothing'}`,
      );
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return say('headers: content-length: expected the length of the body, got another');
    case 'FST_ERR_BAD_URL':
      return say(`path: expected a well-formed URL, got ${request.url.slice(0, 80)}`);
    default: {
      const { statusCode } = error as FastifyError;
      return statusCode !== undefined && statusCode >= 400 && statusCode < 500 ? say(message) : null;
    }
  }
}

/** A refused body up to this size is read and dropped, so that its connection can be used again; a larger one is not read further. */
const readAwayBytes = maxSmallBodyBytes;

/** Whether the rest of a refused request is too large to be read. */
function endsConnection({ raw, headers }: FastifyRequest, { code }: FleetError): boolean {
  if (code === 'request-late') return true;
  if (raw.complete) return false;
  const declared = headers['content-length'];
  return declared === undefined ? headers['transfer-encoding'] !== undefined : Number(declared) > readAwayBytes;
}

function sendProblem(reply: FastifyReply, error: FleetError): FastifyReply {
  const { retryAfterSeconds } = error.details;
  if (endsConnection(reply.request, error)) reply.header('connection', 'close');
  if (problems[error.code].retry && retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds);
  // [RFC 6750, 3]: by this header a client knows that a key is what is missing.
  if (error.code === 'not-signed-in') reply.header('www-authenticate', 'Bearer realm="BlackRoad Fleet"');
  const dialect = reply.request.routeOptions.config.row?.dialect;
  if (dialect !== undefined) {
    // The clients of OpenAI and Anthropic try a 429 again unless they are told.
    if (error.code === 'budget-used-up') reply.header('x-should-retry', 'false');
    return reply
      .code(statusIn(dialect, error.code))
      .type('application/json; charset=utf-8')
      .send(JSON.stringify(errorIn(dialect, error)));
  }
  return reply
    .code(problems[error.code].status)
    .type('application/problem+json; charset=utf-8')
    .send(JSON.stringify(toProblem(error)));
}

/** `refused`: called for every refusal with its code, the place and the reason. */
export function errorHandler(log: Log, refused: (code: string, fields: object, text: string) => void) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const known = asFleetError(error, request);
    if (known && problems[known.code].status < 500) {
      refused(known.code, { address: request.ip, route: request.routeOptions.url }, known.message);
      return sendProblem(reply, known);
    }
    if (known) log.warn({ code: known.code, route: request.routeOptions.url }, known.message);
    else log.error({ err: error, route: request.routeOptions.url }, 'a request failed by a fault of ours');
    return sendProblem(reply, known ?? new FleetError('internal'));
  };
}

/** The answer to unknown paths; for a known path with another method it names the allowed methods. */
export function notFound(table: readonly RouteRow[]) {
  const patterns = table.map(({ method, path }) => ({
    method,
    pattern: new RegExp(
      `^${path
        .replaceAll('.', '\\.')

        .replace(/:[a-z]+/g, '[^/]+')}$`,
    ),
  }));
  return (request: FastifyRequest, reply: FastifyReply) => {
    const path = request.url.split('?')[0] ?? '';
    const allowed = patterns.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
    const detail =
      allowed.length > 0
        ? `${path} does not take ${request.method}; expected ${allowed.join(' or ')}`
        : `There is nothing at ${path.slice(0, 200)}; /v1/openapi.json describes this API.`;
    return sendProblem(reply, new FleetError('no-such-route', { detail }));
  };
}
