// The door's small parts by themselves: addresses and their networks, the frame of a ClientHello, the crowd, and whose turn it is.
import { systemClock } from '@blackroad/std/clock';
import t from 'tap';
import { customerOf, originOf } from './address.ts';
import { createAdmission } from './admission.ts';
import { maxHelloBytes, readHello } from './client-hello.ts';
import { createCrowd, type Guest } from './crowd.ts';

t.test('an address and its network', async (t) => {
  t.same(originOf('192.168.1.77'), { address: '192.168.1.77', subnet: '192.168.1.0/24' });
  t.same(originOf('::ffff:192.168.1.77'), originOf('192.168.1.77'), 'mapped, the same');
  t.same(originOf('2001:db8:1:2:3::9'), { address: '2001:db8:1:2:3::9', subnet: '2001:db8:1:2/64' });
  t.equal(originOf('2001:DB8:0001:2::1').subnet, '2001:db8:1:2/64', 'however it is written');
  t.equal(originOf('2001:db8::1').subnet, originOf('2001:db8:0:0:5::1').subnet);
  t.equal(originOf('fe80::1%eth0').subnet, 'fe80:0:0:0/64');
  t.equal(originOf('::1').subnet, '0:0:0:0/64');
  t.same(originOf(undefined), { address: '', subnet: '' }, 'a peer that is gone');
  t.equal(customerOf('10.0.0.9'), '10.0.0.9');
  t.equal(customerOf('2001:db8:1:2::9'), customerOf('2001:db8:1:2:ffff::1'));
});

t.test('a ClientHello is whole, more of it is to come, or it is something else', async (t) => {
  const hello = Buffer.concat([Buffer.from([0x16, 3, 1, 0, 4, 1, 0, 0, 0])]);
  for (let cut = 0; cut < hello.length; cut++) t.equal(readHello(hello.subarray(0, cut)), 'more', `${cut} bytes`);
  t.equal(readHello(hello), 'whole');
  t.equal(readHello(Buffer.concat([hello, Buffer.from([1])])), 'whole');
  for (const bytes of [
    Buffer.from('GET / HTTP/1.1\r\n'),
    Buffer.from([0x10, 0x20]), // MQTT without TLS
    Buffer.from([0x16, 2]),
    Buffer.from([0x16, 3, 1, 0, 0]),
    Buffer.from([0x16, 3, 1, 0xff, 0xff]),
    Buffer.from([0x16, 3, 1, 0, 4, 2]), // a ServerHello
    Buffer.from([0x15, 3, 1, 0, 2]),
  ]) {
    t.equal(readHello(bytes), 'foreign', bytes.toString('hex'));
  }
  const large = Buffer.alloc(maxHelloBytes, 0);
  large.set([0x16, 3, 1, 0x40, 0x00, 1]);
  t.equal(readHello(large), 'whole', 'the largest record there is');
});

interface Named extends Guest {
  name: string;
}
function guests() {
  const cut: string[] = [];
  const guest = (name: string, address: string): Named => ({
    name,
    ...originOf(address),
    cut: () => cut.push(name),
  });
  return { cut, guest };
}

t.test('who is silent for longest makes room, and only for its own address or network', async (t) => {
  const { cut, guest } = guests();
  const crowd = createCrowd({ perAddress: 3, perSubnet: 5, total: 6 });
  const of = (names: string, address: string) => [...names].map((name) => guest(name, address));
  const [a, b, c, d] = of('abcd', '10.0.0.1') as [Named, Named, Named, Named];
  for (const each of [a, b, c]) t.ok(crowd.enter(each));
  crowd.busy(a);
  t.ok(crowd.enter(d));
  t.same(cut, ['b'], 'the first waits for us: it is not cut');
  const [e, f] = of('ef', '10.0.0.2') as [Named, Named];
  for (const each of [e, f]) t.ok(crowd.enter(each));
  t.same(cut, ['b'], 'five of one network');
  const [g] = of('g', '10.0.0.3') as [Named];
  t.ok(crowd.enter(g));
  t.same(cut, ['b', 'c'], 'the sixth pushes out the oldest of its network');
  const [h] = of('h', '192.168.0.1') as [Named];
  t.ok(crowd.enter(h));
  t.equal(crowd.size, 6);
  const [i] = of('i', '172.16.0.1') as [Named];
  t.ok(crowd.enter(i));
  t.same(cut, ['b', 'c', 'd'], 'of all together, the oldest');
  for (const each of [e, f, g, h, i]) crowd.busy(each);
  t.notOk(crowd.enter(guest('j', '203.0.113.1')), 'nobody is silent: the newcomer waits outside');
  crowd.leave(a);
  t.ok(crowd.enter(guest('j', '203.0.113.1')));
  for (const each of [a, e, f, g, h, i]) crowd.leave(each);
  t.equal(crowd.size, 1, 'who left is counted nowhere');
});

t.test('subnets take turns, then addresses; of one address the newest goes first', async (t) => {
  const begun: string[] = [];
  let now = 0;
  const timers = new Set<{ atMs: number; run: () => void }>();
  const clock = {
    ...systemClock,
    after(ms: number, run: () => void) {
      const timer = { atMs: now + ms, run };
      timers.add(timer);
      return { cancel: () => void timers.delete(timer) };
    },
  };
  const { guest } = guests();
  const admission = createAdmission<Named>({ atOnce: 2, slotMs: 100, clock, begin: ({ name }) => begun.push(name) });
  const crowdOf = (count: number, name: string, address: string) =>
    Array.from({ length: count }, (_, at) => guest(`${name}${at}`, address));
  const many = crowdOf(5, 'a', '10.0.0.1');
  const [near] = crowdOf(1, 'b', '10.0.0.2') as [Named];
  const [far] = crowdOf(1, 'c', '192.168.0.1') as [Named];
  for (const each of [...many, near, far]) admission.offer(each);
  t.same(begun, ['a0', 'a1'], 'while there are slots nobody waits');
  t.equal(admission.waiting, 5);
  admission.release(many[0] as Named);
  t.same(begun.slice(2), ['a4']);
  admission.release(many[1] as Named);
  t.same(begun.slice(3), ['c0'], 'another network is not behind the crowd of the first');
  admission.release(many[2] as Named); // it hung up
  admission.release(far);
  t.same(begun.slice(4), ['b0'], 'nor is another address of the same network');
  t.equal(admission.waiting, 1);
  now = 100;
  for (const timer of [...timers]) if (timer.atMs <= now) timer.run();
  t.same(begun.slice(5), ['a3'], 'who makes us wait holds up nobody');
  t.equal(admission.waiting, 0);
  admission.release(near);
  for (const each of many) admission.release(each);
  t.equal(admission.atWork, 0);
});
