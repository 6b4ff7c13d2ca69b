// Whether a host is this machine.
import { hostname, networkInterfaces } from 'node:os';

/** `host`: of a URL. A name that only a name server knows as this machine is not recognised. */
export function isOwnHost(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase();
  if (bare === 'localhost' || bare === '::1' || bare.startsWith('127.')) return true;
  const own = hostname().toLowerCase();
  if (bare === own || bare === `${own}.local`) return true;
  return Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === bare));
}
