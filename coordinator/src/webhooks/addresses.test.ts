// Which addresses events may be posted to, in every form that an address has.
import t from 'tap';
import { addressFault, guardedLookup, urlFault, webhookHosts } from './addresses.ts';

t.test('each address is allowed where it is, and nowhere else', async (t) => {
  const table: [address: string, allowed: readonly string[]][] = [
    ['93.184.216.34', ['public', 'private', 'local']],
    ['2606:2800:220:1::1', ['public', 'private', 'local']],
    ['10.1.2.3', ['private', 'local']],
    ['172.16.0.1', ['private', 'local']],
    ['172.32.0.1', ['public', 'private', 'local']],
    ['192.168.1.7', ['private', 'local']],
    ['100.64.0.9', ['private', 'local']],
    ['fd12:3456::1', ['private', 'local']],
    ['::ffff:192.168.1.7', ['private', 'local']],
    ['127.0.0.1', ['local']],
    ['127.9.9.9', ['local']],
    ['::1', ['local']],
    ['::ffff:127.0.0.1', ['local']],
    ['::ffff:7f00:1', []],
    ['169.254.169.254', []],
    ['100.100.100.200', []],
    ['fe80::1', []],
    ['fe80::1%eth0', []],
    ['fd00:ec2::254', []],
    ['0.0.0.0', []],
    ['::', []],
    ['224.0.0.1', []],
    ['255.255.255.255', []],
    ['64:ff9b::7f00:1', []],
    ['2002:7f00:1::', []],
    ['no address', []],
  ];
  for (const [address, allowed] of table)
    t.same(
      webhookHosts.filter((hosts) => addressFault(address, hosts) === null),
      allowed,
      address,
    );
});

t.test('other ways to write an address are the same address', async (t) => {
  for (const url of [
    'http://127.1/',
    'http://0x7f000001/',
    'http://2130706433/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::1]/',
    'http://0/',
  ])
    t.match(await urlFault(url, 'public'), /^another address/, url);
  t.equal(await urlFault('https://name-that-is-nowhere.invalid/', 'public'), null, 'a name may lead somewhere later');
});

t.test('a name that leads to this machine when it is called is not called', async (t) => {
  const look = (hosts: (typeof webhookHosts)[number]) =>
    new Promise((resolve) => {
      guardedLookup(hosts)('localhost', { all: true }, (error, found) => resolve(error ? error.message : found));
    });
  t.match(await look('public'), /the machine of the coordinator itself/);
  t.match(await look('local'), [{ address: /^(127\.0\.0\.1|::1)$/ }]);
});
