// Whether a host is this machine.
import { hostname, networkInterfaces } from 'node:os';
import { isLoopbackAddress } from '@blackroad/std/address';

/** `host`: of a URL. A name that only a name server knows as this machine is not recognised. */
export function isOwnHost(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase();
  if (bare === 'localhost' || isLoopbackAddress(bare)) return true;
  const own = hostname().toLowerCase();
  if (bare === own || bare === `${own}.local`) return true;
  return Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === bare));
}
