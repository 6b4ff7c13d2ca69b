// The checks before every handler: the Host, which a page may forge (DNS rebinding), the caller, whether a browser's request came from the
// console's own page (CSRF), whether the key has the permission, and the number of refusals of a stranger.
import type { Socket } from 'node:net';
import { FleetError, mayDo, type Principal, permissionWords, type RouteRow, routes } from '@blackroad/protocol';
import type { FastifyRequest } from 'fastify';
import { principalAt } from '../fleet/principals.ts';
import type { ApiContext } from './context.ts';
import { sessionToken } from './cookie.ts';
import { machineOf } from './machines.ts';
import { asksModels, isAllowed } from './other-origins.ts';
import { hostOf, isLoopbackName } from './reach.ts';

declare module 'fastify' {
  interface FastifyRequest {
    caller: Principal | null;
    /** The node that opens its channel. */
    node: string | null;
    /** The node, or the machine with a join token, that calls without a key. */
    machine: string | null;
  }
  interface FastifyContextConfig {
    row?: RouteRow;
  }
}

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

export function principalOf(request: FastifyRequest): Principal {
  return request.caller ?? principalAt(request.ip);
}

/** Counts a refusal, writes it to the audit log while there are not too many, and returns the error to throw. */
export function refuseStranger(
  context: ApiContext,
  request: FastifyRequest,
  subject: string,
  error: FleetError,
): FleetError {
  context.doorkeeper.refusedSecret({ address: request.ip, subject, text: error.message });
  return error;
}
function blocked(context: ApiContext, request: FastifyRequest): FleetError | null {
  const seconds = context.doorkeeper.blockedSeconds(request.ip);
  if (seconds === 0) return null;
  const detail = `This address was refused too often; try again in ${seconds} s.`;
  return new FleetError('rate-limited', { detail, retryAfterSeconds: seconds });
}

/** A page of another origin may point its own name at 127.0.0.1; its requests then have that name as their Host. */
function checkHost({ settings }: ApiContext, request: FastifyRequest): void {
  const host = hostOf(request.host);
  if (isLoopbackName(host) || settings.knownHosts.includes(host)) return;
  throw new FleetError('not-allowed', {
    detail: `headers: host: expected localhost or an address of this machine, got ${JSON.stringify(host).slice(0, 80)}`,
  });
}

/** The Origin of a browser's request must be that of the console's own page. */
function checkOrigin(request: FastifyRequest, required: boolean): void {
  const { origin } = request.headers;
  if (origin === undefined && !required) return;
  if (origin === `${request.protocol}://${request.host}`) return;
  throw new FleetError('not-allowed', {
    detail: `headers: origin: expected ${request.protocol}://${request.host}, got ${origin?.slice(0, 80) ?? 'nothing'}`,
  });
}

/** Clients of Anthropic's API send the key in a header of their own. */
function keyHeader({ headers }: FastifyRequest): string | undefined {
  const key = headers['x-api-key'];
  return typeof key === 'string' ? `Bearer ${key}` : undefined;
}

function bearer({ headers }: FastifyRequest): string | undefined {
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
}

function nodeOfTicket({ coordinator }: ApiContext, request: FastifyRequest): string {
  if (!request.ws)
    throw new FleetError('invalid-request', { detail: 'headers: upgrade: expected websocket, got nothing' });
  const node = coordinator.requestWays.channels.redeem(bearer(request) ?? '');
  // Not counted as a guess: a node that is slow comes with a ticket that is over, and 256 bits are not guessed.
  if (node === null) throw new FleetError('not-signed-in', { detail: 'This ticket is over, or it was used.' });
  return node;
}

function whoAsks(context: ApiContext, request: FastifyRequest): Principal | null {
  const authorization = request.headers.authorization ?? keyHeader(request);
  if (authorization !== undefined) {
    const key = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
    const caller = key ? context.access.byKey(key) : null;
    if (caller) return caller;
    const detail = key
      ? 'This API key is not known here, or it was revoked.'
      : 'headers: authorization: expected "Bearer brk_..." with an API key, got another form.';
    throw refuseStranger(context, request, 'api key', new FleetError('not-signed-in', { detail }));
  }
  const token = sessionToken(request);
  const caller = token ? context.access.bySession(token) : null;
  if (caller && (!safeMethods.has(request.method) || request.headers.upgrade !== undefined)) {
    checkOrigin(request, true);
    // A form or an image of another site cannot set a header.
    if (request.headers.upgrade === undefined && request.headers['x-blackroad'] !== '1') {
      throw new FleetError('not-allowed', {
        detail: 'headers: x-blackroad: expected 1 with a console session, got nothing',
      });
    }
  }
  return caller;
}

/** A false token counts as a guess at a secret; a node that is shut out does not: others may have the same address. */
function machineAt(context: ApiContext, request: FastifyRequest): string | null {
  try {
    return machineOf(context, request);
  } catch (error) {
    if ((error as FleetError).code === 'not-allowed') throw error;
    throw blocked(context, request) ?? refuseStranger(context, request, 'join token', error as FleetError);
  }
}

/** @throws FleetError `not-allowed` where no role of the caller has the permission of the route */
export function permit(caller: Principal, { needs, method, path }: RouteRow): void {
  if (needs === 'open' || mayDo(caller.roles, needs)) return;
  throw new FleetError('not-allowed', {
    detail: `This needs ${permissionWords(needs)}; ${caller.name} is ${caller.roles.join(', ')} (${method} ${path}).`,
  });
}

/** The check of a request: throws a FleetError or sets `request.caller`. `known`: called for a connection with a valid key or session. */
export function guard(context: ApiContext, listener: 'loopback' | 'tls', known: (socket: Socket) => void) {
  return (request: FastifyRequest): void => {
    request.caller = null;
    if (listener === 'loopback') checkHost(context, request);
    const { row } = request.routeOptions.config;
    // Without this any open path would make a WebSocket of a stranger's connection, only to end it.
    if (request.ws && row !== routes.consoleFeed && row !== routes.nodeChannel) {
      throw new FleetError('invalid-request', {
        detail: `headers: upgrade: expected nothing here, WebSockets are at ${routes.consoleFeed.path}`,
      });
    }
    if (!row) return;
    if (row === routes.nodeChannel) {
      request.node = nodeOfTicket(context, request);
      known(request.raw.socket);
      return;
    }
    const isPageThatMayAsk = asksModels(row) && isAllowed(context.settings.origins, request);
    // MCP has it asked of every request, whatever its method.
    const isChecked = !safeMethods.has(request.method) || row.dialect === 'mcp';
    if (isChecked && !isPageThatMayAsk) checkOrigin(request, false);
    if (row.machines) {
      request.machine = machineAt(context, request);
      if (request.machine !== null) {
        known(request.raw.socket);
        return;
      }
    }
    if (row.needs === 'open') {
      // Secrets are guessed at open routes that check one.
      const refused = row.method === 'POST' ? blocked(context, request) : null;
      if (refused) throw refused;
      return;
    }
    let caller: Principal | null;
    try {
      caller = whoAsks(context, request);
    } catch (error) {
      // An address that was refused too often gets no more answers about keys; valid keys still work.
      throw blocked(context, request) ?? error;
    }
    if (!caller)
      throw new FleetError('not-signed-in', { detail: 'Send an API key (authorization: Bearer brk_...) or sign in.' });
    permit(caller, row);
    request.caller = caller;
    known(request.raw.socket);
  };
}
