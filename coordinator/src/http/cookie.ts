// The session cookie. The port is a part of its name: all ports of a host share their cookies, and two fleets on one machine must not sign
// each other out.
import type { FastifyReply, FastifyRequest } from 'fastify';

function nameOf(request: FastifyRequest): string {
  return `blackroad-${request.socket.localPort ?? 0}`;
}
export function sessionToken(request: FastifyRequest): string | null {
  const { cookie } = request.headers;
  if (cookie === undefined) return null;
  const token = request.server.parseCookie(cookie)[nameOf(request)];
  return token && /^[0-9a-f]{64}$/.test(token) ? token : null;
}
const always = { path: '/', httpOnly: true, sameSite: 'strict' } as const;
export function setSession(
  request: FastifyRequest,
  reply: FastifyReply,
  token: string,
  maxAge: number,
  listener: 'loopback' | 'tls',
): void {
  reply.setCookie(nameOf(request), token, { ...always, secure: listener === 'tls', maxAge });
}
export function clearSession(request: FastifyRequest, reply: FastifyReply, listener: 'loopback' | 'tls'): void {
  reply.clearCookie(nameOf(request), { ...always, secure: listener === 'tls' });
}
