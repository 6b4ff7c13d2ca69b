// Which addresses events may be posted to: by default those that everybody reaches alone, so that nobody can make the coordinator call what
// stands in the house or on its own machine. Asked when a webhook is made, and of the very address that each try connects to. In: a URL or an
// address. Out: null, or a sentence.
import { type LookupAddress, lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** `public`: no private network, not this machine; `private`: private networks too; `local`: this machine as well. */
export const webhookHosts = ['public', 'private', 'local'] as const;
export type WebhookHosts = (typeof webhookHosts)[number];
type Place = 'public' | 'private' | 'local' | 'never';

function listOf(...nets: string[]): BlockList {
  const list = new BlockList();
  for (const net of nets) {
    const [address = '', bits = ''] = net.split('/');
    list.addSubnet(address, Number(bits), address.includes(':') ? 'ipv6' : 'ipv4');
  }
  return list;
}
const local = listOf('127.0.0.0/8', '::1/128');
const inside = listOf(
  ...['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '192.0.0.0/24', '198.18.0.0/15', 'fc00::/7'],
);
/** Link-local ones, where clouds tell machines their secrets; addresses for all or for none; and those that wrap an IPv4 address. */
const never = listOf(
  ...['0.0.0.0/8', '169.254.0.0/16', '100.100.100.200/32', '224.0.0.0/4', '240.0.0.0/4'],
  ...['::/128', 'fe80::/10', 'ff00::/8', 'fd00:ec2::254/128', '64:ff9b::/96', '64:ff9b:1::/48', '2002::/16'],
);

function placeOf(address: string): Place {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  const family = isIP(plain);
  if (family === 0) return 'never';
  const kind = family === 4 ? 'ipv4' : 'ipv6';
  // Any other form of an IPv4 address in IPv6, as `::ffff:7f00:1`.
  if (kind === 'ipv6' && /^::ffff:/i.test(plain)) return 'never';
  if (never.check(plain, kind)) return 'never';
  if (local.check(plain, kind)) return 'local';
  return inside.check(plain, kind) ? 'private' : 'public';
}

const words: Record<Exclude<Place, 'public'>, string> = {
  private: 'it is an address of a private network; --webhook-hosts private allows those',
  local: 'it is the machine of the coordinator itself; --webhook-hosts local allows that',
  never: 'events are never posted to link-local addresses, to those of many machines or to none',
};
export function addressFault(address: string, hosts: WebhookHosts): string | null {
  const place = placeOf(address);
  if (place === 'public' || place === hosts || (hosts === 'local' && place === 'private')) return null;
  return `${address}: ${words[place]}`;
}

/** A host as a URL has it: an IPv6 address in brackets. */
export const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, '$1');

/** What is wrong with where a webhook is to go, as far as that can be known now. */
export async function urlFault(text: string, hosts: WebhookHosts): Promise<string | null> {
  if (!URL.canParse(text)) return 'an address such as https://example.org/hook';
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'an address that begins with https:// or http://';
  if (url.username !== '' || url.password !== '')
    return 'an address without a name or a password in it: lists show it; messages are signed instead';
  const host = hostOf(url);
  const addresses = isIP(host) ? [host] : await addressesOf(host);
  const faults = addresses.map((address) => addressFault(address, hosts));
  const [first] = faults;
  // A name that leads nowhere now may lead somewhere later: it is asked again at every try.
  return first && faults.every((fault) => fault !== null) ? `another address (${first})` : null;
}
function addressesOf(host: string): Promise<string[]> {
  return new Promise((resolve) => {
    lookup(host, { all: true }, (error, found) => resolve(error ? [] : found.map(({ address }) => address)));
  });
}

/** Looks a name up for a connection: what is not allowed is not among the addresses, so that the one that was asked about is the one called. */
export function guardedLookup(hosts: WebhookHosts): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
      if (error) return callback(error, '', 0);
      const good = found.filter(({ address }) => addressFault(address, hosts) === null);
      const [first] = good;
      if (first === undefined) {
        const why = found[0] ? addressFault(found[0].address, hosts) : `${hostname} has no address`;
        return callback(new Error(why ?? hostname), '', 0);
      }
      if (options.all) callback(null, good);
      else callback(null, first.address, first.family);
    });
  };
}
