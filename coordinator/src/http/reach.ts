// The address under which another machine reaches this one. It is a guess, unless it is configured or named in the request: the host that
// the caller itself used, if that was not loopback; else the first address on a real network.
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { FleetError } from '@blackroad/protocol';
import { serverUrl } from '@blackroad/std/address';
import type { FastifyRequest } from 'fastify';
import type { ApiContext } from './context.ts';

/** `host` or `[v6]`, without the port. */
export function hostOf(host: string): string {
  const match = /^(\[[^\]]*\]|[^:]*)(?::\d+)?$/.exec(host);
  return (match?.[1] ?? host).toLowerCase();
}
export function isLoopbackName(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** An IPv6 address without its brackets. */
export function bare(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}

/**
 * The address of an external broker for nodes: they always connect over TLS with their certificate, also where the coordinator, from the
 * same machine, does not. Host null: the broker is on this machine.
 */
export function brokerOf(url: string): { host: string | null; port: number } {
  const { protocol, hostname, port } = new URL(url);
  return {
    host: isLoopbackName(hostname) ? null : bare(hostname),
    port: protocol === 'mqtts:' && port !== '' ? Number(port) : 8883,
  };
}

/** Bridges of container engines and virtual machines have addresses too, but no Pi is behind them. */
const virtual = /^(docker|br-|veth|virbr|vmnet|podman|cni|flannel|tun|tap|utun)/;

export function guessAddress(interfaces = networkInterfaces()): string {
  for (const [name, addresses] of Object.entries(interfaces)) {
    if (virtual.test(name)) continue;
    for (const { family, internal, address } of addresses ?? []) {
      if (family === 'IPv4' && !internal && !address.startsWith('169.254.')) return address;
    }
  }
  return '127.0.0.1';
}

const inUrl = (host: string) => (isIP(host) === 6 ? `[${host}]` : host);
const everywhere = new Set(['0.0.0.0', '::', '']);

/** The address of the console for other devices on the network, over TLS; null when only this machine reaches it. */
export function networkUrl(
  { settings }: Pick<ApiContext, 'settings'>,
  request: Pick<FastifyRequest, 'host'>,
  listener: 'loopback' | 'tls',
  guess = guessAddress,
): string | null {
  const port = settings.tlsPort();
  const { boundTo, publicHost } = settings;
  if (port === null || (!everywhere.has(boundTo) && isLoopbackName(inUrl(boundTo)))) return null;
  const used = hostOf(request.host);
  // The address that a caller from elsewhere has used also serves the next device.
  if (listener === 'tls' && !isLoopbackName(used)) return `https://${request.host}`;
  const host = publicHost || (everywhere.has(boundTo) ? guess() : boundTo);
  return isLoopbackName(inUrl(host)) ? null : `https://${inUrl(host)}:${port}`;
}

/** The HTTPS address at which a node enrols, for a join token. */
export function joinUrl(
  { settings }: ApiContext,
  asked: string | undefined,
  request: FastifyRequest,
  listener: 'loopback' | 'tls',
): string {
  const port = settings.tlsPort();
  if (port === null) {
    throw new FleetError('conflict', {
      detail: 'This coordinator does not listen off its own machine, so no node can join.',
    });
  }
  const used = hostOf(request.host);
  const found = settings.publicHost || (listener === 'tls' && !isLoopbackName(used) ? used : guessAddress());
  // An address that means all addresses of a machine does not work from another one.
  const host = asked && !everywhere.has(asked) ? asked : found;
  const url = host.includes('/') ? null : serverUrl(host, { schemes: ['https'], port });
  if (url === null) {
    throw new FleetError('invalid-request', {
      detail: `body: address: expected a host name or address, got ${JSON.stringify(host).slice(0, 80)}`,
      faults: [{ field: 'address', expected: 'a host name or address, with or without port', got: host.slice(0, 80) }],
    });
  }
  return url;
}
