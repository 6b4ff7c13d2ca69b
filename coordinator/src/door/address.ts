// The names under which an address is counted: itself, and the network around it that usually belongs to one owner. Pure. In: an address as
// a socket reports it. Out: two names for counters.
import { isIPv4, isIPv6 } from 'node:net';

export interface Origin {
  address: string;
  /** The /24 of an IPv4 address, the /64 of an IPv6 address. */
  subnet: string;
}

/** An IPv4 address that came mapped into IPv6 is the IPv4 address. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
}

export function originOf(address: string | undefined): Origin {
  const own = plain(address ?? '');
  if (isIPv4(own)) return { address: own, subnet: `${own.slice(0, own.lastIndexOf('.'))}.0/24` };
  if (isIPv6(own)) return { address: own, subnet: `${front64(own)}/64` };
  return { address: own, subnet: own };
}

/** The name under which refusals are counted: an owner of IPv6 addresses has a /64 at least, so these count as one. */
export function customerOf(address: string): string {
  const { address: own, subnet } = originOf(address);
  return isIPv6(own) ? subnet : own;
}

function front64(address: string): string {
  const [head = '', tail = ''] = address.split('::');
  const front = head.split(':').filter(Boolean);
  const back = tail.split(':').filter(Boolean);
  const groups = address.includes('::')
    ? [...front, ...Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0'), ...back]
    : front;
  return groups
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ''))
    .join(':');
}
